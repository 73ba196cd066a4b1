"""``grade``: what an instructor runs after the deadline, and again when the grader has changed."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader.cli.common import (
    CourseOption,
    ExecutorOption,
    JobsOption,
    JsonOption,
    NameArgument,
    ProfileOption,
    StateOption,
    StoreOption,
    command,
    err,
    out,
    print_json,
    print_table,
)
from grader.text import counted, in_time

if TYPE_CHECKING:
    from grader.course import Assignment, Course
    from grader.grading import BatchResult
    from grader.store import Store


@command
def grade(
    name: NameArgument,
    submission: Annotated[
        Path | None,
        typer.Option("--submission", metavar="PATH", help="grade one folder, zip or file, without the store"),
    ] = None,
    profile: ProfileOption = "cpu",
    jobs: JobsOption = None,
    executor: ExecutorOption = "local",
    force: Annotated[
        bool, typer.Option("--force", help="grade again what has an attempt; this adds attempts and replaces none")
    ] = False,
    course: CourseOption = None,
    state: StateOption = None,
    database: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grade every submission that has no result from the current grader, or one, with --submission.

    Ctrl-C, SIGTERM and a closed terminal end it at once (exit code 128 and the signal's number). What was graded is
    kept; the same command goes on with the rest.
    """
    from grader.course import load_course
    from grader.store import open_store

    loaded = load_course(course)
    assignment = loaded.assignment(name)
    if submission is not None:
        _grade_one(loaded, assignment, submission, profile, state, executor=executor, as_json=as_json)
    else:
        _grade_all(
            loaded,
            assignment,
            profile,
            jobs,
            open_store(loaded, state, database),
            executor=executor,
            force=force,
            as_json=as_json,
        )


def _grade_one(
    course: Course,
    assignment: Assignment,
    path: Path,
    profile: str,
    state: Path | None,
    *,
    executor: str,
    as_json: bool,
) -> None:
    from grader.grading import grade_upload
    from grader.intake import read_submission
    from grader.records import Verdict
    from grader.reports import report_table

    report = grade_upload(course, assignment, read_submission(path), profile=profile, state=state, executor=executor)
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        if report.message:
            out.print(report.message, markup=False)
        print_table(report_table(report))
        score = "held for staff" if report.score is None else f"{report.score:g} of {report.max_score:g}"
        out.print(f"[bold]{score}[/bold]   {report.verdict.value}   {report.seconds:.2f} s   seed {report.seed}")
        for flag in report.flags:
            err.print(f"for staff to look at: {flag}", markup=False)
        for check in report.checks:
            if check.verdict.held:
                err.print(f"{check.id}: {check.verdict.value}\n{check.staff}", markup=False)
    if report.held or report.verdict is Verdict.NOT_RUN:
        raise typer.Exit(1)


def _grade_all(
    course: Course,
    assignment: Assignment,
    profile: str,
    jobs: int | None,
    store: Store,
    *,
    executor: str,
    force: bool,
    as_json: bool,
) -> None:
    import time

    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    from grader.errors import SystemFault
    from grader.grading import Stopped, grade_assignment, stoppable

    begin = time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    done = _Count(force)
    try:
        with stoppable(), Progress(*columns, console=err, disable=as_json, transient=True) as progress:
            task = progress.add_task(f"grading {assignment.name}: starting the sandbox", total=None, left="")

            def started(total: int) -> None:
                done.total = total
                progress.update(task, total=total)

            def advanced(item: BatchResult) -> None:
                done.graded += 1
                left = "" if item.left_s is None else f"about {in_time(item.left_s)} left"
                progress.update(
                    task, advance=1, description=f"grading {assignment.name}: {item.submission.owner}", left=left
                )

            def waiting(left: int) -> None:
                progress.update(task, description=f"grading {assignment.name}: {left} are another coordinator's")

            graded = grade_assignment(
                course,
                assignment,
                store,
                profile=profile,
                slots=jobs,
                executor=executor,
                force=force,
                on_start=started,
                on_done=advanced,
                on_wait=waiting,
            )
    except Stopped as stop:
        # A terminal that was closed takes no more words.
        with contextlib.suppress(OSError):
            err.print(f"stopped by {stop.name}: {done}")
        raise typer.Exit(stop.exit_code) from None
    except SystemFault:
        if done.total:
            err.print(f"grading ended early: {done}")
        raise
    seconds = time.monotonic() - begin
    held = [item for item in graded if item.attempt.held]
    if as_json:
        print_json({"assignment": assignment.name, "wall_s": seconds, "attempts": [_as_json(item) for item in graded]})
    else:
        _print_batch(graded, assignment.title)
        out.print(f"{len(graded)} graded in {seconds:.1f} s" if graded else _nothing_to_grade(store, assignment.name))
        for version, count in Counter(item.reused for item in graded if item.reused).items():
            out.print(
                f"{counted(count, 'report')} taken over from grader version {version} without a run: it differs in hints, "
                "comments or thresholds alone (--force grades again)"
            )
        for item in graded:
            for flag in item.attempt.report.flags:
                err.print(f"for staff to look at: {item.submission.owner}: {flag}", markup=False)
        for item in held:
            err.print(f"held for staff: {item.submission.owner}: {_staff(item)}", markup=False)
    if held:
        raise typer.Exit(1)


def _nothing_to_grade(store: Store, name: str) -> str:
    if store.submissions(name):
        return "nothing to grade: every submission has its attempt"
    return f"nothing to grade: nothing was collected yet; run `autograde collect {name} FOLDER` first"


@dataclass(slots=True)
class _Count:
    """How far a batch has come, in words."""

    force: bool
    total: int = 0
    graded: int = 0

    def __str__(self) -> str:
        if not self.total:
            return "nothing was begun"
        rest = "grade all of them again" if self.force else "go on with the rest"
        return f"{self.graded} of {counted(self.total, 'submission')} graded, and kept; run the same command again to {rest}"


def _print_batch(graded: list[BatchResult], title: str) -> None:
    from grader.reports import BatchRow, batch_table

    if graded:
        ordered = sorted(graded, key=lambda item: item.submission.owner)
        print_table(
            batch_table([BatchRow(item.submission.owner, item.attempt.report) for item in ordered], title=title)
        )


def _as_json(item: BatchResult) -> dict[str, Any]:
    report = item.attempt.report
    return {
        "owner": item.submission.owner,
        "submission": item.submission.id,
        "verdict": report.verdict.value,
        "score": report.score,
        "max_score": report.max_score,
        "seconds": item.seconds,
        "timing": report.timing,
        "flags": list(report.flags),
        "reused": item.reused or None,
    }


def _staff(item: BatchResult) -> str:
    checks = [check for check in item.attempt.report.checks if check.verdict.held]
    return "\n".join(f"{check.id}: {check.verdict.value}\n{check.staff}" for check in checks[:3])
