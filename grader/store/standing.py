"""Which attempt counts for whom: the attempts policy and the late policy, applied to what the store holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from grader.course import Assignment, Roster
    from grader.records import Metric
    from grader.store.values import Attempt, Submission


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one student or team stands in one assignment.

    ``submission`` is the one that counts, ``attempt`` its grading; scores are None while there is none.
    ``penalty`` is the fraction, 0 to 1, that lateness costs; ``held`` says that an attempt waits for staff.
    """

    owner: str
    name: str
    handle: str
    submission: Submission | None = None
    attempt: Attempt | None = None
    penalty: float = 0.0
    days_late: int = 0
    raw_score: float | None = None
    final_score: float | None = None
    max_score: float | None = None
    held: bool = False
    metrics: Mapping[str, Metric] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A submission, its grading that counts, whether its last one is held, and what lateness leaves of its score."""

    submission: Submission
    attempt: Attempt | None
    held: bool
    kept: float

    @property
    def final(self) -> float:
        """The score after lateness; below every score while there is none."""
        score = self.attempt.score if self.attempt else None
        return -1.0 if score is None else score * self.kept


def entries(
    submissions: Iterable[Submission], attempts: Iterable[Attempt], assignment: Assignment, profile: str | None
) -> list[Entry]:
    """Each submission with its latest attempt that has a score, in the order given."""
    by_submission: dict[int, list[Attempt]] = {}
    for attempt in attempts:
        if profile in (None, attempt.profile):
            by_submission.setdefault(attempt.submission_id, []).append(attempt)
    found = []
    for submission in submissions:
        mine = by_submission.get(submission.id, [])
        scored = [attempt for attempt in mine if attempt.score is not None and not attempt.held]
        held = bool(mine) and mine[-1].held
        kept = assignment.late_penalty(submission.received_at)
        found.append(Entry(submission, scored[-1] if scored else None, held, kept))
    return found


def standings(
    history: Sequence[Entry], roster: Roster, assignment: Assignment, *, by: Literal["owner", "student"]
) -> list[Standing]:
    """The rows that `Store.standing` describes; ``history`` runs from the first received to the last."""
    rows: list[Standing] = []
    for owner in roster.students if by == "student" else tuple(roster):
        ids = roster.owners_for(owner.id) if by == "student" else (owner.id,)
        mine = [entry for entry in history if entry.submission.owner in ids]
        if mine or by == "student":
            rows.append(_row(owner.id, owner.name, owner.shown, mine, assignment))
    for stranger in dict.fromkeys(entry.submission.owner for entry in history):
        if roster.get(stranger) is None:
            mine = [entry for entry in history if entry.submission.owner == stranger]
            rows.append(_row(stranger, stranger, stranger, mine, assignment))
    return rows


def _row(owner: str, name: str, handle: str, mine: list[Entry], assignment: Assignment) -> Standing:
    if not mine:
        return Standing(owner, name, handle)
    graded = [entry for entry in mine if entry.attempt]
    # max takes the first of equals, and entries run from the first received to the last.
    counts = max(graded, key=lambda entry: entry.final) if graded and assignment.attempts == "best" else mine[-1]
    attempt = counts.attempt
    return Standing(
        owner=owner,
        name=name,
        handle=handle,
        submission=counts.submission,
        attempt=attempt,
        penalty=round(1.0 - counts.kept, 12),
        days_late=assignment.late_policy.days_late(assignment.due, counts.submission.received_at),
        raw_score=attempt.score if attempt else None,
        final_score=counts.final if attempt else None,
        max_score=attempt.max_score if attempt else None,
        held=any(entry.held for entry in mine),
        metrics=attempt.report.metrics if attempt else {},
    )
