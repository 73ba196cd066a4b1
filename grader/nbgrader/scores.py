"""The gradebook's numbers after autograding: the report's own, to the last digit, and people's marks untouched."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from grader.nbgrader.cache import names_of
from grader.nbgrader.layout import Handed
from grader.reports.formatting import number, points
from grader.store.standings import whose_due

if TYPE_CHECKING:
    from grader.course import Assignment
    from grader.nbgrader.layout import NbgraderLayout
    from grader.store import Attempt, Standing, Submission

_DEFINES = re.compile(r"^(?:def|class)\s+(\w+)", re.MULTILINE)


def settle(
    gradebook: Any,
    layout: NbgraderLayout,
    assignment: Assignment,
    student: str,
    submission: Submission,
    attempt: Attempt,
) -> None:
    """Write an attempt's scores and the late penalty into the gradebook.

    A held check has no score and waits for a person. Manual scores and comments are not touched.
    """
    store = layout.store
    (row,) = store.standing(layout.course, assignment, by="student", only=student) or (None,)
    assignment = store.granted(assignment)
    notebook = gradebook.find_submission_notebook(assignment.name, assignment.name, student)
    results = {check.id: check for check in attempt.report.checks}
    handed = layout.handed(assignment.name, student)
    # Marked before, on these very files: nobody has to look again.
    looked_at = handed is not None and handed.submission == submission.id and handed.attempt is not None
    questions = {cell.name for cell in notebook.notebook.solution_cells} | {
        cell.name for cell in notebook.notebook.task_cells
    }
    for grade in notebook.grades:
        name = grade.cell.name
        if name in results:
            check = results[name]
            grade.auto_score = None if check.verdict.held else check.score
            grade.needs_manual_grade = grade.auto_score is None and grade.manual_score is None
        elif name not in questions:
            grade.auto_score = 0.0
        elif grade.manual_score is not None and looked_at:
            grade.needs_manual_grade = False
    _comment(notebook, assignment, attempt)
    gradebook.db.commit()
    set_penalty(gradebook, notebook, assignment, submission, row)
    if handed is None:
        handed = Handed(submission.id, "")
    handed = replace(handed, submission=submission.id, attempt=attempt.id)
    layout.remember(assignment.name, student, set_extension(gradebook, notebook, assignment, submission, handed))


def _comment(notebook: Any, assignment: Assignment, attempt: Attempt) -> None:
    """Under each part of a module say which checks of it lost points; nbgrader's "No response." is not ours to say."""
    asked = names_of(assignment)
    sources = {cell.name: cell.source or "" for cell in notebook.notebook.source_cells}
    graded = {cell.name for cell in notebook.notebook.grade_cells}
    for comment in notebook.comments:
        if comment.name in graded or comment.name not in sources:
            continue
        names = set(_DEFINES.findall(sources[comment.name]))
        lost = [
            check
            for check in attempt.report.checks
            if check.score is not None and check.score < check.max_score and names & set(asked.get(check.id, ()))
        ]
        lines = [
            f"- {number(check.score)} of {points(check.max_score)}: {' '.join(check.title.split())}" for check in lost
        ]
        comment.auto_comment = "\n".join(lines) or None


def set_penalty(
    gradebook: Any, notebook: Any, assignment: Assignment, submission: Submission, row: Standing | None
) -> None:
    """Set what is taken of the score as it is now, manual part included, by the course's policies.

    ``row`` is where the student stands. The gradebook has one number beside its scores, the late penalty; what people
    set the score to is reached by it as well, so that it is negative where they raised it.
    """
    gradebook.db.refresh(notebook)
    if row is not None and row.override is not None and row.override.number is not None:
        penalty = round(notebook.score - row.override.number, 9) or None
    elif row is not None and row.submission is not None and row.submission.id == submission.id:
        penalty = penalty_of(notebook.score, 1.0 - row.late_penalty)
    else:
        kept = assignment.kept_fraction(submission.received_at, whose_due(submission, assignment))
        penalty = penalty_of(notebook.score, kept)
    notebook.late_submission_penalty = penalty
    gradebook.db.commit()


def extension_of(assignment: Assignment, owner: str) -> float:
    """The seconds by which ``owner`` may be later than others; 0 without an extension."""
    due, own = assignment.due, assignment.due_for(owner)
    return 0.0 if due is None or own is None else (own.astimezone(UTC) - due.astimezone(UTC)).total_seconds()


def set_extension(
    gradebook: Any, notebook: Any, assignment: Assignment, submission: Submission, handed: Handed
) -> Handed:
    """Give the gradebook the extension that autograde.yml or the store has; what we know of the folder then.

    One that somebody granted in the gradebook itself is left there, and told by ``autograde gradebook diff``.
    """
    entry, ours = notebook.assignment, extension_of(assignment, whose_due(submission, assignment))
    there = entry.extension.total_seconds() if entry.extension is not None else 0.0
    if there not in (0.0, handed.extension_s, ours):
        return handed
    if there != ours:
        entry.extension = timedelta(seconds=ours) if ours else None
        gradebook.db.commit()
    return replace(handed, extension_s=ours)


def penalty_of(score: float, kept: float) -> float | None:
    """The points that lateness costs of ``score`` where the fraction ``kept`` stays; None where it costs nothing."""
    return round(score * (1.0 - kept), 9) if kept < 1.0 else None
