"""Which attempt counts for whom: the attempts policy and the late policy, applied to what the store holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from grader.course import Team, read_questions
from grader.policies import Candidate, Decision, DecisionKind, Decisions, counted_attempt
from grader.store.totals import Total, total

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from grader.course import Assignment, LatePolicy, Owner, Question, Roster, Student
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

    ``final_score`` is that of ``override`` where there is one, whatever was handed in; ``late_penalty`` is 0 then.
    ``due`` is the due date that counts, ``slip_days`` what was spent of the budget here; ``days_late`` are all days,
    those that slip days pay for among them. ``choice`` is the decision by which the submission counts, if one was made.
    ``handed_in`` counts the submissions.
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
    due: datetime | None = None
    slip_days: int = 0
    override: Decision | None = None
    choice: Decision | None = None
    handed_in: int = 0

    @property
    def excused(self) -> bool:
        """True where the assignment does not count in the course's grade."""
        return self.override is not None and self.override.excused


@dataclass(frozen=True, slots=True)
class GradedSubmission:
    """A submission, its grading that counts, whether its last one is held, and how late it is."""

    submission: Submission
    attempt: AttemptSummary | None
    held: bool
    late_policy: LatePolicy
    days_late: int
    waiting: AttemptSummary | None = None
    """The last attempt where none has a score: people may have settled what it was held for."""

    def total(self, questions: Sequence[Question], marks: Mapping[str, Mark]) -> Total | None:
        """Checks and people's part together; None without an attempt that has a score."""
        attempt = self.attempt or self.waiting
        found = total(attempt, questions, marks) if attempt else None
        return found if self.attempt or (found is not None and found.score is not None) else None

    def kept(self, slip_days: int = 0) -> float:
        """The fraction of the score, 0 to 1, that lateness leaves where so many days of it cost nothing."""
        return self.late_policy.kept_after(max(self.days_late - slip_days, 0))

    def final(
        self, questions: Sequence[Question] = (), marks: Mapping[str, Mark] | None = None, slip_days: int = 0
    ) -> float | None:
        """The score after lateness; None while there is none."""
        found = self.total(questions, marks or {})
        return None if found is None or found.score is None else found.score * self.kept(slip_days)


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
        late = assignment.days_late(submission.received_at, whose_due(submission, assignment))
        waiting = mine[-1] if mine and not scored else None
        last_scored = scored[-1] if scored else None
        found.append(GradedSubmission(submission, last_scored, held, assignment.late_policy, late, waiting))
    return found


def standings(
    history: Sequence[GradedSubmission],
    roster: Roster,
    assignment: Assignment,
    marks: Mapping[str, Mapping[str, Mark]] | None = None,
    *,
    by: Literal["owner", "student"],
    decisions: Decisions | None = None,
    slip_days: Mapping[str, int] | None = None,
    only: str | None = None,
) -> list[Standing]:
    """The rows that `Store.standing` describes; ``history`` runs from the first received to the last.

    ``marks`` are people's, by student and question. A team has those of its members, the last member's first.
    ``slip_days`` are what each student spends here; a team has those that all of its members spend.
    """
    marks, slip_days = marks or {}, slip_days or {}
    rules = Rules(assignment, read_questions(assignment.notebook_source), decisions or Decisions())
    handed = histories(history, roster, assignment, by=by)
    owners = _effective_owners([entry.submission for entry in history], roster, assignment)
    rows: list[Standing] = []
    for owner in roster.students if by == "student" else tuple(roster):
        if (owner.id in handed or by == "student") and only in (None, owner.id):
            given = marks_of(owner, marks)
            spent = min((slip_days.get(student, 0) for student in roster.members_of(owner.id)), default=0)
            ids = roster.owners_for(owner.id, assignment.name) if by == "student" else (owner.id,)
            rows.append(_row((owner.id, owner.name, owner.shown), ids, handed.get(owner.id, []), rules, given, spent))
    here = {student.id for student in roster.students}
    for stranger in dict.fromkeys(owners[entry.submission.id] for entry in history):
        mine = [entry for entry in handed[stranger] if owners[entry.submission.id] == stranger]
        # A team that is no more has its members' rows, where there is one for each student.
        counted = by == "student" and all(here & set(entry.submission.members) for entry in mine)
        if roster.get(stranger) is None and not counted and only in (None, stranger):
            rows.append(_row((stranger, stranger, ""), (stranger,), mine, rules, marks.get(stranger, {}), 0))
    return rows


def histories(
    history: Sequence[GradedSubmission], roster: Roster, assignment: Assignment, *, by: Literal["owner", "student"]
) -> dict[str, list[GradedSubmission]]:
    """The submissions of everybody who has any, in the order given; with ``by="student"`` a team's for each member, too."""
    owners = _effective_owners([entry.submission for entry in history], roster, assignment)
    # Each submission is looked at once, not once for every student.
    handed: dict[str, list[GradedSubmission]] = {}
    for entry in history:
        whose = owners[entry.submission.id]
        students = _students(entry.submission, whose, roster) if by == "student" else ()
        for who in dict.fromkeys((whose, *students)):
            handed.setdefault(who, []).append(entry)
    return handed


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


def marks_of(owner: Owner, marks: Mapping[str, Mapping[str, Mark]]) -> Mapping[str, Mark]:
    """People's marks for an owner, by question: a team has those of its members, the last member's first."""
    if not isinstance(owner, Team):
        return marks.get(owner.id, {})
    given: dict[str, Mark] = {}
    for member in owner.members:
        given |= {question: mark for question, mark in marks.get(member, {}).items() if mark.points is not None}
    return given


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides which submission counts, and for how much."""

    assignment: Assignment
    questions: Sequence[Question]
    decisions: Decisions

    def counts(
        self, mine: Sequence[GradedSubmission], marks: Mapping[str, Mark], slip_days: int, choice: Decision | None
    ) -> GradedSubmission:
        """The submission that counts, of those that somebody handed in."""
        candidates = [
            Candidate(item.submission.id, item.final(self.questions, marks, slip_days), item.submission.has_work)
            for item in mine
        ]
        chosen = choice.submission_id if choice else None
        return mine[counted_attempt(self.assignment.attempts, candidates, chosen)]


def worth(
    mine: Sequence[GradedSubmission], rules: Rules, marks: Mapping[str, Mark], choice: Decision | None
) -> list[float]:
    """The fraction of its points that somebody's work is worth with 0, 1, ... slip days spent on it.

    It ends where more days help no more, or where the assignment allows no more.
    """
    most = min(rules.assignment.slip_days, max((item.days_late for item in mine), default=0))
    found = []
    for days in range(most + 1):
        counted = rules.counts(mine, marks, days, choice)
        points = counted.total(rules.questions, marks)
        score = counted.final(rules.questions, marks, days)
        found.append(score / points.max_score if score is not None and points and points.max_score else 0.0)
    return found


def _row(
    who: tuple[str, str, str],
    ids: Sequence[str],
    mine: list[GradedSubmission],
    rules: Rules,
    marks: Mapping[str, Mark],
    slip_days: int,
) -> Standing:
    """One row; ``ids`` are whose decisions hold for it, the nearest first."""
    owner, name, handle = who
    assignment, questions = rules.assignment, rules.questions
    override = rules.decisions.latest(DecisionKind.OVERRIDE, assignment.name, *ids)
    overridden = override.number if override is not None else None
    if not mine:
        due = assignment.due_for(owner)
        return Standing(owner, name, handle, final_score=overridden, override=override, due=due)
    choice = rules.decisions.latest(DecisionKind.CHOICE, assignment.name, *ids)
    choice = choice if assignment.attempts == "chosen" else None
    counts = rules.counts(mine, marks, slip_days, choice)
    found = counts.total(questions, marks)
    attempt = counts.attempt or (counts.waiting if found else None)
    whose = whose_due(counts.submission, assignment)
    final = counts.final(questions, marks, slip_days) if found else None
    return Standing(
        owner=owner,
        name=name,
        handle=handle,
        submission=counts.submission,
        attempt=attempt,
        latest=counts.attempt or counts.waiting,
        late_penalty=0.0 if overridden is not None else round(1.0 - counts.kept(slip_days), 12),
        days_late=counts.days_late,
        raw_score=found.score if found else None,
        final_score=final if overridden is None else overridden,
        max_score=found.max_score if found else None,
        held=any(entry.held and not (entry.waiting and entry.total(questions, marks)) for entry in mine),
        auto_score=found.auto if found else None,
        manual_score=found.manual if found else None,
        manual_max=found.manual_max if found else 0.0,
        unmarked=found.unmarked if found else 0,
        marks=marks,
        metrics=attempt.metrics if attempt else {},
        due=assignment.due_for(whose),
        slip_days=min(slip_days, counts.days_late),
        override=override,
        choice=choice if choice is not None and choice.submission_id == counts.submission.id else None,
        handed_in=len(mine),
    )
