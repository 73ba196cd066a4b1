"""Brings our store and nbgrader's gradebook into step, in both directions; running it twice changes nothing more."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any

from grader.nbgrader.attempts import stored_attempt
from grader.nbgrader.instructor_version import write_sources
from grader.nbgrader.layout import graded_submissions, open_gradebook
from grader.nbgrader.manual_marks import pull_marks, push_marks
from grader.nbgrader.run_step import run_step
from grader.nbgrader.scores import set_extension, set_penalty
from grader.nbgrader.transfer import hand_over, take_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.course import Assignment
    from grader.nbgrader.layout import NbgraderLayout
    from grader.store import Store


@dataclass(slots=True)
class Synced:
    """What a sync did: names of sources written, of students handed over and graded again, counts of the rest."""

    sources: list[str] = field(default_factory=list)
    students: int = 0
    taken_in: int = 0
    handed_over: list[str] = field(default_factory=list)
    marks_stored: int = 0
    marks_restored: int = 0
    graded_again: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def sync(layout: NbgraderLayout, assignments: Sequence[Assignment], *, wheel: bool = True) -> Synced:
    """Write sources and roster, exchange submissions and marks, and grade again what is out of step.

    A submission that was never autograded by nbgrader is only handed over: grading it is `nbgrader autograde`'s.

    Raises:
        AuthoringError, ReleaseError: an assignment's files are wrong.
        StoreError: the store failed.

    """
    done = Synced()
    store = layout.store
    layout.root.mkdir(parents=True, exist_ok=True)
    layout.exchange.mkdir(parents=True, exist_ok=True)
    done.sources = [folder.name for folder in write_sources(layout, assignments, wheel=wheel)]
    with open_gradebook(layout) as gradebook:
        done.students = _roster(layout, gradebook, assignments)
    for assignment in assignments:
        _submissions(layout, store, assignment, done)
        _grade_again(layout, store, assignment, done)
        _marks(layout, store, assignment, done)
    return done


def _roster(layout: NbgraderLayout, gradebook: Any, assignments: Sequence[Assignment]) -> int:
    known = {student.id for student in gradebook.students}
    for student in layout.course.roster.students:
        first, _, last = student.name.rpartition(" ")
        details = {"first_name": first or student.name, "last_name": last if first else "", "email": student.email}
        gradebook.update_or_create_student(student.id, **details)
    for assignment in assignments:
        due = None if assignment.due is None else assignment.due.astimezone(UTC).replace(tzinfo=None)
        gradebook.update_or_create_assignment(assignment.name, duedate=due)
    return len({student.id for student in layout.course.roster.students} - known)


def _submissions(layout: NbgraderLayout, store: Store, assignment: Assignment, done: Synced) -> None:
    before = len(store.submissions(assignment.name))
    for student in layout.students(assignment.name):
        take_in(layout, store, assignment.name, student)
    done.taken_in += len(store.submissions(assignment.name)) - before
    for row in store.standing(layout.course, assignment, by="student"):
        if row.submission is not None and hand_over(layout, store, assignment, row.owner, row.submission):
            done.handed_over.append(f"{assignment.name}/{row.owner}")


def _grade_again(layout: NbgraderLayout, store: Store, assignment: Assignment, done: Synced) -> None:
    """Have nbgrader grade again what it graded before and what has another attempt, or submission, since."""
    stale = []
    with open_gradebook(layout) as gradebook:
        for entry in graded_submissions(gradebook, assignment.name):
            student = entry.student.id
            handed = layout.handed(assignment.name, student)
            if handed is None or not layout.submitted(assignment.name, student).is_dir():
                continue
            attempt = stored_attempt(store, assignment, store.submission(handed.submission))
            if attempt is not None and attempt.id != handed.attempt:
                stale.append(student)
    for student in stale:
        failed = run_step(layout, "Autograde", assignment.name, student)
        (done.problems if failed else done.graded_again).append(f"{assignment.name}/{student}")


def _marks(layout: NbgraderLayout, store: Store, assignment: Assignment, done: Synced) -> None:
    rows = {row.owner: row for row in store.standing(layout.course, assignment, by="student")}
    granted = store.granted(assignment)
    with open_gradebook(layout) as gradebook:
        for entry in graded_submissions(gradebook, assignment.name):
            student = entry.student.id
            handed = layout.handed(assignment.name, student)
            for notebook in entry.notebooks:
                done.marks_stored += pull_marks(layout, store, notebook, assignment.name, student)
                done.marks_restored += push_marks(gradebook, store, notebook, assignment.name, student)
                if handed is not None:
                    submission = store.submission(handed.submission)
                    set_penalty(gradebook, notebook, granted, submission, rows.get(student))
                    known = set_extension(gradebook, notebook, granted, submission, handed)
                    if known != handed:
                        layout.remember(assignment.name, student, known)
