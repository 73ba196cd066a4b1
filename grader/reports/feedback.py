"""Feedback: one page for each student, made from the stored report, and an index of all for staff."""

from __future__ import annotations

import csv
import io
import re
import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grader.course import read_questions
from grader.course.drawn_constants import described
from grader.errors import UsageError
from grader.files import write_file
from grader.records import CheckResult, Report, Verdict
from grader.reports.causes import causes_of, passed
from grader.reports.explanation import Step
from grader.reports.formatting import moment, number
from grader.reports.next_steps import next_steps, progress
from grader.reports.pages import render, script
from grader.reports.verdicts import WORDINGS
from grader.store.totals import total
from grader.store.values import ReceivedFrom
from grader.text import clean, csv_safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from grader.course import Assignment, Course
    from grader.policies import AttemptsLeft
    from grader.store import Mark, Standing

_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
_AFTER_DUE = "What went wrong is shown here once the due date has passed."


@dataclass(frozen=True, slots=True)
class FeedbackItem:
    """One attempt to hand back. ``owner`` is the student's or the team's id; ``received_at`` is timezone-aware."""

    owner: str
    report: Report
    received_at: datetime
    marks: Mapping[str, Mark] = field(default_factory=dict)
    """What people gave, by question."""
    due_owner: str = ""
    """Whose due date counts, where that is not ``owner``: a team's, say, on the page of one of its members."""
    received_from: ReceivedFrom = ReceivedFrom.UNKNOWN
    """Where ``received_at`` comes from."""
    standing: Standing | None = None
    """Where the owner stands, where that is known: what lateness, slip days and overrides make of the score."""
    steps: tuple[Step, ...] = ()
    """How the number came about; empty where the checks and marks say it all."""
    before: Report | None = None
    """The report on the submission before this one."""
    attempts_left: AttemptsLeft | None = None
    """What may still be handed in; None where nothing is limited."""

    def due(self, assignment: Assignment) -> datetime | None:
        """When it was due: an extension is that of who handed in."""
        return assignment.due_for(self.due_owner or self.owner)


@dataclass(frozen=True, slots=True)
class Answer:
    """One written question as the page shows it; ``points`` is None until somebody has marked it."""

    title: str
    id: str
    points: float | None
    max_points: float
    comment: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What a page says about an attempt as a whole, and the staff's index repeats."""

    owner: str
    name: str
    verdict: Verdict
    score: float | None
    """Before the late penalty; None while the attempt is held."""
    final: float | None
    """After the late penalty."""
    max_score: float
    kept: float
    days_late: int
    received: str
    epoch: float
    """``received`` in seconds since 1970, to sort by."""
    chips: tuple[tuple[Verdict, int], ...]
    page: str
    unmarked: int = 0
    """Written questions that nobody has marked yet."""
    flags: tuple[str, ...] = ()
    """What staff should look at."""
    overridden: bool = False
    """True where people have set the score."""
    steps: tuple[Step, ...] = ()
    """How the number came about."""

    @property
    def held(self) -> bool:
        """True where staff or another attempt must settle the score."""
        return self.final is None


def student_view(report: Report, *, due: datetime | None, now: datetime) -> Report:
    """The report as its student may see it at ``now``, without control characters.

    A ``hidden`` check keeps its title, verdict and points. An ``after_due`` check keeps these, and the rest as soon
    as the due date has passed; where nothing is due, at once. Hints appear only where points were lost.
    """
    due_passed = due is None or now >= due
    checks = tuple(_visible(check, due_passed=due_passed) for check in report.for_student().checks)
    return report.model_copy(update={"checks": checks, "message": clean(report.message)})


def write_feedback(
    graded: FeedbackItem, *, course: Course, assignment: Assignment, folder: Path, now: datetime
) -> Path:
    """Write ``folder/OWNER/index.html`` and ``folder/OWNER/report.json``.

    Args:
        graded: the attempt.
        course: gives the names and the timezone.
        assignment: gives the title, the due date and the late policy.
        folder: where the students' folders go.
        now: decides what ``after_due`` checks show; timezone-aware.

    Returns:
        The page.

    Raises:
        UsageError: the owner's id cannot be a folder's name.

    """
    values = feedback_values(graded, course=course, assignment=assignment, now=now)
    place = folder / values["summary"].owner
    html = render("feedback.html.j2", **values)
    write_file(place / "report.json", values["report"].model_dump_json(indent=2) + "\n")
    return write_file(place / "index.html", html)


def feedback_values(graded: FeedbackItem, *, course: Course, assignment: Assignment, now: datetime) -> dict[str, Any]:
    """What the templates of an attempt's page name; nothing in it is for staff alone.

    Raises UsageError where the owner's id cannot be a folder's name.
    """
    due = graded.due(assignment)
    report = student_view(graded.report, due=due, now=now)
    metrics = {column.metric: column for column in assignment.leaderboard}
    causes = causes_of(report.checks, report.message)
    summary = summarise(graded, course=course, assignment=assignment)
    return {
        "course": course.name,
        "title": assignment.title,
        "summary": summary,
        "report": report,
        "metric_titles": {name: (metrics[name].title if name in metrics else "") or name for name in report.metrics},
        "metric_digits": {name: metrics[name].precision if name in metrics else 4 for name in report.metrics},
        "due": moment(due, course.timezone) if due else None,
        "received": summary.received,
        "received_from": graded.received_from.words,
        "causes": causes,
        "constants": described(assignment, report.constants),
        "steps": next_steps(causes),
        "progress": progress(report, graded.before),
        "attempts_left": graded.attempts_left,
        "next_attempt": moment(graded.attempts_left.next_at, course.timezone)
        if graded.attempts_left is not None and graded.attempts_left.next_at is not None
        else None,
        "passed": passed(report.checks),
        "answers": answers(graded, assignment),
        "made": moment(now, course.timezone),
    }


def write_feedback_batch(
    items: Iterable[FeedbackItem], *, course: Course, assignment: Assignment, folder: Path, now: datetime
) -> Path:
    """Write everyone's page, and ``folder/index.html`` and ``folder/index.csv`` for staff.

    The index names everybody; only the folders below it are handed back. Held attempts come first, for they need a
    person; the rest go by name.

    Returns:
        The staff's index.

    """
    graded = list(items)
    for item in graded:
        write_feedback(item, course=course, assignment=assignment, folder=folder, now=now)
    rows = [summarise(item, course=course, assignment=assignment) for item in graded]
    rows.sort(key=lambda row: (not row.held, row.name.casefold(), row.owner))
    sort_script, script_source = script("sort.js")
    finals = [row.final for row in rows if row.final is not None]
    html = render(
        "feedback_index.html.j2",
        script=sort_script,
        script_source=script_source,
        course=course.name,
        title=assignment.title,
        rows=rows,
        held=sum(row.held for row in rows),
        late=sum(row.days_late > 0 for row in rows),
        flagged=[row for row in rows if row.flags],
        mean=sum(finals) / len(finals) if finals else None,
        median=statistics.median(finals) if finals else None,
        made=moment(now, course.timezone),
    )
    write_file(folder / "index.csv", _csv(rows))
    return write_file(folder / "index.html", html)


def check_folder_name(owner: str, course: Course) -> str:
    """The id itself; raises UsageError where it cannot be a folder's or a file's name."""
    if not _FOLDER_NAME.fullmatch(owner):
        raise UsageError(
            f"the id {owner!r} cannot name a feedback folder",
            where=course.path,
            fix="use letters, digits and . _ @ + - in the roster's ids",
        )
    return owner


def summarise(graded: FeedbackItem, *, course: Course, assignment: Assignment) -> Summary:
    """The attempt as a whole, lateness counted; raises UsageError where the owner's id cannot be a folder's name."""
    check_folder_name(graded.owner, course)
    report = graded.report
    counted = total(report, read_questions(assignment.notebook_source), graded.marks)
    score = counted.score
    due_owner = graded.due_owner or graded.owner
    standing = graded.standing
    kept = assignment.kept_fraction(graded.received_at, due_owner) if standing is None else 1.0 - standing.late_penalty
    final = None if score is None else round(score * kept, 6)
    override = standing.override if standing is not None else None
    if override is not None and override.number is not None:
        final = override.number
    owner = course.roster.get(graded.owner)
    counts = Counter(check.verdict for check in report.checks)
    return Summary(
        owner=graded.owner,
        name=clean(owner.name) if owner else graded.owner,
        verdict=report.verdict,
        score=score,
        final=final,
        max_score=counted.max_score,
        kept=kept,
        days_late=assignment.days_late(graded.received_at, due_owner),
        received=moment(graded.received_at, course.timezone),
        epoch=graded.received_at.timestamp(),
        chips=tuple((verdict, counts[verdict]) for verdict in WORDINGS if counts[verdict]),
        page=f"{graded.owner}/index.html",
        unmarked=counted.unmarked,
        flags=report.flags,
        overridden=override is not None and override.number is not None,
        steps=graded.steps,
    )


def answers(graded: FeedbackItem, assignment: Assignment) -> tuple[Answer, ...]:
    """The written questions with what people gave for them."""
    found = []
    for question in read_questions(assignment.notebook_source):
        mark = graded.marks.get(question.id)
        given = mark.points + mark.extra if mark is not None and mark.points is not None else None
        comment = clean(mark.comment) if mark else ""
        found.append(Answer(question.title, question.id, given, question.points, comment))
    return tuple(found)


def _visible(check: CheckResult, *, due_passed: bool) -> CheckResult:
    if check.visibility == "hidden":
        return check.model_copy(
            update={"title": clean(check.title), "message": "", "hint": "", "output": "", "place": None, "figures": ()}
        )
    if check.visibility == "after_due" and not due_passed:
        note = "" if check.verdict is Verdict.ACCEPTED else _AFTER_DUE
        return check.model_copy(
            update={
                "title": clean(check.title),
                "message": note,
                "hint": "",
                "output": "",
                "place": None,
                "figures": (),
            }
        )
    lost = check.score is not None and check.score < check.max_score
    update = {
        "title": clean(check.title),
        "message": clean(check.message),
        "hint": clean(check.hint) if lost else "",
        "output": clean(check.output),
    }
    return check.model_copy(update=update)


def _csv(rows: list[Summary]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ["id", "name", "verdict", "held", "score", "kept", "final", "max_score", "received", "page", "flags"]
    )
    for row in rows:
        plain = [row.owner, row.name, row.verdict.value, "yes" if row.held else "no"]
        numbers = ["" if value is None else number(value, 4) for value in (row.score, row.kept, row.final)]
        texts = [csv_safe(value) for value in plain]
        writer.writerow(
            [
                *texts,
                *numbers,
                number(row.max_score, 4),
                csv_safe(row.received),
                csv_safe(row.page),
                csv_safe("; ".join(row.flags)),
            ]
        )
    return stream.getvalue()
