"""Which attempt counts for whom: the attempts policy and the late policy, applied to what the store holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from grader.course import Team, read_questions
from grader.store.totals import Total, total

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from grader.course import Assignment, Owner, Question, Roster, Student
    from grader.records import Metric
    from grader.store.summaries import AttemptSummary
    from grader.store.values import Mark, Submission


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one student or team stands in one assignment.

    ``submission`` is the one that counts, ``attempt`` its grading; scores are None while there is none. ``latest`` is that
    grading or, while none has a score, the last one: one that is held, say.
    ``late_penalty`` is the fraction, 0 to 1, that lateness costs; ``held`` says that an attempt waits for staff.
    ``raw_score`` and ``max_score`` count the checks and the written questions; ``auto_score`` is the checks' part,
    ``manual_score`` that of people. ``unmarked`` counts the questions that nobody has marked yet.
    """

    owner: str
    name: str
    handle: str
    """Chosen for the leaderboard; empty where none was, and the pages show a pseudonym."""
    submission: Submission | None = None
    attempt: AttemptSummary | None = None
    latest: AttemptSummary | None = None
    late_penalty: float = 0.0
    days_late: int = 0
    raw_score: float | None = None
    final_score: float | None = None
    max_score: float | None = None
    held: bool = False
    auto_score: float | None = None
    manual_score: float | None = None
    manual_max: float = 0.0
    unmarked: int = 0
    marks: Mapping[str, Mark] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GradedSubmission:
    """A submission, its grading that counts, whether its last one is held, and what lateness leaves of its score."""

    submission: Submission
    attempt: AttemptSummary | None
    held: bool
    kept: float
    waiting: AttemptSummary | None = None
    """The last attempt where none has a score: people may have settled what it was held for."""

    def total(self, questions: Sequence[Question], marks: Mapping[str, Mark]) -> Total | None:
        """Checks and people's part together; None without an attempt that has a score."""
        attempt = self.attempt or self.waiting
        found = total(attempt, questions, marks) if attempt else None
        return found if self.attempt or (found is not None and found.score is not None) else None

    def final(self, questions: Sequence[Question] = (), marks: Mapping[str, Mark] | None = None) -> float:
        """The score after lateness; below every score while there is none."""
        found = self.total(questions, marks or {})
        return -1.0 if found is None or found.score is None else found.score * self.kept


def entries(
    submissions: Iterable[Submission], attempts: Iterable[AttemptSummary], assignment: Assignment, profile: str | None
) -> list[GradedSubmission]:
    """Each submission with its latest attempt that has a score, in the order given."""
    by_submission: dict[int, list[AttemptSummary]] = {}
    for attempt in attempts:
        if profile in (None, attempt.profile):
            by_submission.setdefault(attempt.submission_id, []).append(attempt)
    found = []
    for submission in submissions:
        mine = by_submission.get(submission.id, [])
        scored = [attempt for attempt in mine if attempt.score is not None and not attempt.held]
        held = bool(mine) and mine[-1].held
        kept = assignment.kept_fraction(submission.received_at, whose_due(submission, assignment))
        waiting = mine[-1] if mine and not scored else None
        found.append(GradedSubmission(submission, scored[-1] if scored else None, held, kept, waiting))
    return found


def standings(
    history: Sequence[GradedSubmission],
    roster: Roster,
    assignment: Assignment,
    marks: Mapping[str, Mapping[str, Mark]] | None = None,
    *,
    by: Literal["owner", "student"],
) -> list[Standing]:
    """The rows that `Store.standing` describes; ``history`` runs from the first received to the last.

    ``marks`` are people's, by student and question. A team has those of its members, the last member's first.
    """
    marks = marks or {}
    questions = read_questions(assignment.notebook_source)
    owners = _effective_owners([entry.submission for entry in history], roster, assignment)
    # Each submission is looked at once, not once for every student.
    handed: dict[str, list[GradedSubmission]] = {}
    for entry in history:
        whose = owners[entry.submission.id]
        students = _students(entry.submission, whose, roster) if by == "student" else ()
        for who in dict.fromkeys((whose, *students)):
            handed.setdefault(who, []).append(entry)
    rows: list[Standing] = []
    for owner in roster.students if by == "student" else tuple(roster):
        if owner.id in handed or by == "student":
            given = _marks_of(owner, marks)
            rows.append(
                _row((owner.id, owner.name, owner.shown), handed.get(owner.id, []), assignment, questions, given)
            )
    here = {student.id for student in roster.students}
    for stranger in dict.fromkeys(owners[entry.submission.id] for entry in history):
        mine = [entry for entry in handed[stranger] if owners[entry.submission.id] == stranger]
        # A team that is no more has its members' rows, where there is one for each student.
        counted = by == "student" and all(here & set(entry.submission.members) for entry in mine)
        if roster.get(stranger) is None and not counted:
            rows.append(_row((stranger, stranger, ""), mine, assignment, questions, marks.get(stranger, {})))
    return rows


def missing(submissions: Sequence[Submission], roster: Roster, assignment: Assignment) -> tuple[Student, ...]:
    """The students of the roster for whom none of ``submissions`` was handed in."""
    owners = _effective_owners(submissions, roster, assignment)
    present = {student for item in submissions for student in _students(item, owners[item.id], roster)}
    return tuple(student for student in roster.students if student.id not in present)


def _effective_owners(submissions: Sequence[Submission], roster: Roster, assignment: Assignment) -> dict[int, str]:
    """Whose history each submission is part of, by its id.

    It is the one that it was kept under. A member's own upload joins the team's history where the team has one, or
    where nobody noted whom the upload was for: before that, nobody asked for teams.
    """
    teams = {item.owner for item in submissions}
    owners = {}
    for item in submissions:
        team = roster.team_of(item.owner, assignment.name)
        joins = team is not None and (team.id in teams or not item.members)
        owners[item.id] = team.id if team is not None and joins else item.owner
    return owners


def _students(submission: Submission, owner: str, roster: Roster) -> tuple[str, ...]:
    """The students whom a submission counts for: those noted when it was handed in, else whom the roster names now."""
    if submission.members and owner == submission.owner:
        return submission.members
    return roster.members_of(owner)


def whose_due(submission: Submission, assignment: Assignment) -> str:
    """Whose due date counts: the later of the owner's and of the student's who handed in."""
    ids = [submission.owner, submission.uploader] if submission.uploader else [submission.owner]
    dues = {owner: assignment.extensions[owner] for owner in ids if owner in assignment.extensions}
    return max(dues, key=lambda owner: dues[owner], default=submission.owner)


def _marks_of(owner: Owner, marks: Mapping[str, Mapping[str, Mark]]) -> Mapping[str, Mark]:
    if not isinstance(owner, Team):
        return marks.get(owner.id, {})
    given: dict[str, Mark] = {}
    for member in owner.members:
        given |= {question: mark for question, mark in marks.get(member, {}).items() if mark.points is not None}
    return given


def _row(
    who: tuple[str, str, str],
    mine: list[GradedSubmission],
    assignment: Assignment,
    questions: Sequence[Question],
    marks: Mapping[str, Mark],
) -> Standing:
    owner, name, handle = who
    if not mine:
        return Standing(owner, name, handle)
    graded = [entry for entry in mine if entry.final(questions, marks) >= 0]
    best = bool(graded) and assignment.attempts == "best"
    # max takes the first of equals, and entries run from the first received to the last.
    last = next((entry for entry in reversed(mine) if entry.submission.has_work), mine[-1])
    counts = max(graded, key=lambda entry: entry.final(questions, marks)) if best else last
    found = counts.total(questions, marks)
    attempt = counts.attempt or (counts.waiting if found else None)
    return Standing(
        owner=owner,
        name=name,
        handle=handle,
        submission=counts.submission,
        attempt=attempt,
        latest=counts.attempt or counts.waiting,
        late_penalty=round(1.0 - counts.kept, 12),
        days_late=assignment.days_late(counts.submission.received_at, whose_due(counts.submission, assignment)),
        raw_score=found.score if found else None,
        final_score=counts.final(questions, marks) if found else None,
        max_score=found.max_score if found else None,
        held=any(entry.held and not (entry.waiting and entry.total(questions, marks)) for entry in mine),
        auto_score=found.auto if found else None,
        manual_score=found.manual if found else None,
        manual_max=found.manual_max if found else 0.0,
        unmarked=found.unmarked if found else 0,
        marks=marks,
        metrics=attempt.metrics if attempt else {},
    )
