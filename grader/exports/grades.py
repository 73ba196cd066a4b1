"""What every export is made of: one row for each student of the roster, handed in or not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from grader.course import read_questions, read_suite

if TYPE_CHECKING:
    from datetime import datetime

    from grader.course import Assignment, Course
    from grader.store import Standing, Store


class GradeState(StrEnum):
    """Why a score is there, or why it is not."""

    NOT_SUBMITTED = "not submitted"
    NOT_GRADED = "not graded"
    HELD = "held"
    GRADED = "graded"


@dataclass(frozen=True, slots=True)
class Grade:
    """One student's grade. Every score is in points, and None unless ``state`` is ``graded``: none of them is a zero.

    ``score`` is what counts, after lateness; ``raw_score`` before it; ``checks_score`` and ``written_score`` are its
    parts. ``late_penalty`` is the fraction, 0 to 1, that lateness cost. ``unmarked`` counts written questions that nobody
    has marked yet. ``waiting`` says that an attempt waits for staff, which may change a score that is there.
    ``slip_days`` are the days of the budget that were spent here. ``overridden`` says that staff have set the score, which
    then follows from nothing else; ``excused`` that the assignment does not count in the course's grade.
    ``submitted_by`` is the student or the team whose upload counts, ``submitted_at`` (aware, UTC) its time.
    """

    student: str
    name: str
    email: str
    on_roster: bool
    state: GradeState
    score: float | None = None
    raw_score: float | None = None
    checks_score: float | None = None
    written_score: float | None = None
    late_penalty: float = 0.0
    days_late: int = 0
    unmarked: int = 0
    waiting: bool = False
    submitted_by: str = ""
    submitted_at: datetime | None = None
    slip_days: int = 0
    overridden: bool = False
    excused: bool = False


@dataclass(frozen=True, slots=True)
class Grades:
    """The grades of one assignment, in the roster's order; who has left the roster comes last."""

    course: str
    assignment: str
    title: str
    max_score: float
    grades: tuple[Grade, ...]


def grades_of(course: Course, assignment: Assignment, store: Store, *, profile: str | None = None) -> Grades:
    """The grades as they stand. With ``profile``, attempts under another one do not count.

    Raises:
        AuthoringError: the hidden suite or the notebook cannot be read.
        StoreError: the store failed.
    """
    questions = read_questions(assignment.notebook_source)
    points = sum(check.points for check in read_suite(assignment.hidden_folder))
    standings = store.standing(course, assignment, by="student", profile=profile)
    return Grades(
        course=course.name,
        assignment=assignment.name,
        title=assignment.title,
        max_score=points + sum(question.points for question in questions),
        grades=tuple(_grade(course, standing) for standing in standings),
    )


def _grade(course: Course, standing: Standing) -> Grade:
    student = next((student for student in course.roster.students if student.id == standing.owner), None)
    state = _state(standing)
    graded = state is GradeState.GRADED
    submission = standing.submission
    return Grade(
        student=standing.owner,
        name=standing.name,
        email=(student.email if student else None) or "",
        on_roster=student is not None,
        state=state,
        score=standing.final_score if graded else None,
        raw_score=standing.raw_score if graded else None,
        checks_score=standing.auto_score if graded else None,
        written_score=standing.manual_score if graded else None,
        late_penalty=standing.late_penalty,
        days_late=standing.days_late,
        unmarked=standing.unmarked,
        waiting=standing.held,
        submitted_by=submission.owner if submission else "",
        submitted_at=submission.received_at if submission else None,
        slip_days=standing.slip_days,
        overridden=standing.override is not None and standing.override.number is not None,
        excused=standing.excused,
    )


def _state(standing: Standing) -> GradeState:
    if standing.final_score is not None:
        return GradeState.GRADED
    if standing.submission is None:
        return GradeState.NOT_SUBMITTED
    return GradeState.HELD if standing.held else GradeState.NOT_GRADED
