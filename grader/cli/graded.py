"""What ``grade`` says of a batch: a table, what was taken over, and what staff should look at."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from grader.cli.common import err, out, print_table
from grader.text import counted

if TYPE_CHECKING:
    from grader.course import Assignment
    from grader.grading import BatchResult
    from grader.store import Store


def print_graded(assignment: Assignment, store: Store, graded: list[BatchResult], seconds: float) -> None:
    """A table of what was graded, and what staff should know of it."""
    _print_batch(graded, assignment.title)
    out.print(f"{len(graded)} graded in {seconds:.1f} s" if graded else _nothing_to_grade(store, assignment.name))
    for version, count in Counter(item.reused for item in graded if item.reused).items():
        out.print(
            f"{counted(count, 'report')} carried over from grader version {version} without a run: only hints, comments or thresholds differ (--force grades again)"
        )
    for kept, count in Counter(item.attempt.report.environment.get("kept") for item in graded).items():
        if kept:
            out.print(f"in {counted(count, 'report')}, kept without a run: {kept}")
    for item in graded:
        for flag in item.attempt.report.flags:
            err.print(f"for staff to look at: {item.submission.owner}: {flag}", markup=False)
    for item in graded:
        if item.attempt.held:
            err.print(f"held for staff: {item.submission.owner}: {why_held(item)}", markup=False)


def print_needs(found: list[dict[str, Any]]) -> None:
    """What a person has to look at, assignment by assignment."""
    out.print("[bold]What needs a person[/bold]")
    nothing = True
    for entry in found:
        lines = [entry["words"]] if "words" in entry else []
        lines += [f"left out: {entry['skipped']}"] if "skipped" in entry else []
        lines += [f"held: {line}" for line in entry.get("held", ())]
        lines += [f"to look at: {line}" for line in entry.get("flags", ())]
        if missing := entry.get("missing"):
            lines.append(f"nothing from {counted(len(missing), 'student')}: {', '.join(missing)}")
        for line in lines:
            nothing = False
            out.print(f"  {entry['assignment']}: {line}", markup=False)
    if nothing:
        out.print("  nothing")


def _nothing_to_grade(store: Store, name: str) -> str:
    if store.submissions(name):
        return f"nothing to grade: every submission of {name} has an attempt"
    return f"nothing to grade: there are no submissions yet; run `autograde collect {name} FOLDER` first"


def _print_batch(graded: list[BatchResult], title: str) -> None:
    from grader.reports import BatchRow, batch_table

    if graded:
        ordered = sorted(graded, key=lambda item: item.submission.owner)
        print_table(
            batch_table([BatchRow(item.submission.owner, item.attempt.report) for item in ordered], title=title)
        )


def as_data(item: BatchResult) -> dict[str, Any]:
    """An attempt as JSON-ready data."""
    report = item.attempt.report
    return {
        "owner": item.submission.owner,
        "submission": item.submission.id,
        "attempt": item.attempt.id,
        "verdict": report.verdict.value,
        "score": report.score,
        "max_score": report.max_score,
        "seconds": item.seconds,
        "timing": report.timing,
        "flags": list(report.flags),
        "reused": item.reused or None,
    }


def why_held(item: BatchResult) -> str:
    """The first checks that hold an attempt, with what staff should know of each."""
    checks = [check for check in item.attempt.report.checks if check.verdict.held]
    return "\n".join(f"{check.id}: {check.verdict.value}\n{check.staff}" for check in checks[:3])
