"""Where our store and nbgrader's gradebook say different things of the same student."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from grader.course import read_questions, read_suite
from grader.nbgrader.layout import graded_submissions, open_gradebook
from grader.nbgrader.manual_marks import NO_RESPONSE
from grader.nbgrader.scores import extension_of, penalty_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grader.course import Assignment
    from grader.nbgrader.layout import NbgraderLayout
    from grader.records import CheckResult
    from grader.store import Standing, Store

_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the two do not agree on. ``student`` is "" where it concerns everybody."""

    assignment: str
    student: str
    what: str
    ours: str
    gradebook: str
    fix: str


def differences(layout: NbgraderLayout, assignments: Sequence[Assignment]) -> list[Difference]:
    """Everything that the store and the gradebook do not agree on, by assignment and student."""
    store = layout.store
    found: list[Difference] = []
    with open_gradebook(layout) as gradebook:
        found.extend(_roster(layout, gradebook))
        for assignment in assignments:
            found.extend(_assignment(layout, gradebook, store, assignment))
    return found


def _roster(layout: NbgraderLayout, gradebook: Any) -> Iterator[Difference]:
    known = {student.id for student in gradebook.students}
    for student in layout.course.roster.students:
        if student.id not in known:
            yield Difference("", student.id, "student", student.name, "not there", "autograde gradebook sync")


def _assignment(layout: NbgraderLayout, gradebook: Any, store: Store, assignment: Assignment) -> Iterator[Difference]:
    from nbgrader.api import MissingEntry

    name = assignment.name
    try:
        entry = gradebook.find_assignment(name)
    except MissingEntry:
        # One that nobody has handed in, and that was never taken there, is not kept in two places.
        if store.submissions(name):
            yield Difference(name, "", "assignment", assignment.title, "not there", f"autograde gradebook sync {name}")
        return
    due = None if assignment.due is None else assignment.due.astimezone(UTC).replace(tzinfo=None)
    if entry.duedate != due:
        yield Difference(name, "", "due date", str(due), str(entry.duedate), "autograde gradebook sync")
    points = {check.id: check.points for check in read_suite(assignment.hidden_folder)}
    points |= {question.id: question.points for question in read_questions(assignment.notebook_source)}
    cells = {
        cell.name: float(cell.max_score)
        for notebook in entry.notebooks
        for cell in (*notebook.grade_cells, *notebook.task_cells)
    }
    if entry.notebooks and cells != points:
        for cell in sorted({*cells, *points}):
            if cells.get(cell) != points.get(cell):
                ours, told = _shown(points.get(cell)), _shown(cells.get(cell))
                make = f"nbgrader generate_assignment {name} --force"
                yield Difference(name, "", f"points of {cell}", ours, told, make)
    theirs = {item.student.id: item for item in graded_submissions(gradebook, name)}
    rows = {row.owner: row for row in store.standing(layout.course, assignment, by="student")}
    reports = store.reports(row.attempt.id for row in rows.values() if row.attempt is not None)
    for student in sorted({*theirs, *(row.owner for row in rows.values() if row.submission is not None)}):
        row = rows.get(student)
        checks = reports[row.attempt.id].checks if row is not None and row.attempt is not None else ()
        yield from _student(layout, assignment, student, row, checks, theirs.get(student))


def _student(
    layout: NbgraderLayout,
    assignment: Assignment,
    student: str,
    row: Standing | None,
    checks: Sequence[CheckResult],
    entry: Any,
) -> Iterator[Difference]:
    name = assignment.name
    again = f"autograde gradebook sync {name}, then nbgrader autograde {name} --student {student} --force"
    if row is None or row.submission is None:
        yield Difference(name, student, "submission", "none", "there", f"autograde gradebook sync {name}")
        return
    if entry is None or not entry.notebooks:
        yield Difference(name, student, "submission", f"no. {row.submission.id}", "not graded there yet", again)
        return
    handed = layout.handed(name, student)
    if handed is None or handed.submission != row.submission.id:
        told = "unknown" if handed is None else f"no. {handed.submission}"
        yield Difference(name, student, "submission", f"no. {row.submission.id}", told, again)
        return
    (notebook, *_) = entry.notebooks
    yield from _extension(layout.store.granted(assignment), student, row.submission.owner, entry)
    yield from _scores(name, student, checks, notebook, again)
    yield from _marks(name, student, row, notebook)
    yield from _totals(name, student, row, notebook)


def _extension(assignment: Assignment, student: str, owner: str, entry: Any) -> Iterator[Difference]:
    """An extension that was granted in the gradebook alone counts nowhere: dates stand in autograde.yml or the store."""
    ours = timedelta(seconds=extension_of(assignment, owner))
    theirs = entry.extension or timedelta(0)
    if abs(ours - theirs) > timedelta(seconds=1):
        due = assignment.due
        until = "a date" if due is None else f"{(due.astimezone(UTC) + theirs).astimezone(due.tzinfo):%Y-%m-%dT%H:%M}"
        write = f"autograde extend {assignment.name} {owner} --until {until}, or take it back there"
        yield Difference(
            assignment.name,
            student,
            "extension",
            str(ours),
            str(theirs),
            write if theirs else f"autograde gradebook sync {assignment.name}",
        )


def _scores(name: str, student: str, checks: Sequence[CheckResult], notebook: Any, again: str) -> Iterator[Difference]:
    grades = {grade.name: grade for grade in notebook.grades}
    for check in checks:
        grade = grades.get(check.id)
        ours = None if check.verdict.held else check.score
        if grade is None or not _same(ours, grade.auto_score):
            told = "no such cell" if grade is None else _shown(grade.auto_score)
            yield Difference(name, student, f"score of {check.id}", _shown(ours), told, again)


def _marks(name: str, student: str, row: Standing, notebook: Any) -> Iterator[Difference]:
    sync = f"autograde gradebook sync {name}"
    for grade in notebook.grades:
        mark = row.marks.get(grade.name)
        points = None if mark is None or mark.marker == NO_RESPONSE else mark.points
        if not _same(points, grade.manual_score):
            what = f"mark for {grade.name}"
            yield Difference(name, student, what, _shown(points), _shown(grade.manual_score), sync)
        extra = mark.extra if mark else 0.0
        if not _same(extra, grade.extra_credit or 0.0):
            what = f"extra credit for {grade.name}"
            yield Difference(name, student, what, _shown(extra), _shown(grade.extra_credit), sync)
    for comment in notebook.comments:
        mark = row.marks.get(comment.name)
        ours, theirs = (mark.comment if mark else ""), (comment.manual_comment or "")
        if ours != theirs:
            yield Difference(name, student, f"comment on {comment.name}", ours[:40], theirs[:40], sync)


def _totals(name: str, student: str, row: Standing, notebook: Any) -> Iterator[Difference]:
    if row.raw_score is None:
        return
    sync = f"autograde gradebook sync {name}"
    if not _same(row.raw_score, notebook.score):
        yield Difference(name, student, "total", _shown(row.raw_score), _shown(notebook.score), sync)
    penalty = penalty_of(row.raw_score, 1.0 - row.late_penalty) or 0.0
    if row.override is not None and row.override.number is not None:
        penalty = row.raw_score - row.override.number
    if not _same(penalty, notebook.late_submission_penalty or 0.0):
        yield Difference(name, student, "late penalty", _shown(penalty), _shown(notebook.late_submission_penalty), sync)


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= _TOLERANCE


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
