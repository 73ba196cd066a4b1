"""Attempts without their reports: what the rows say of each. Standings and leaderboards need no more than that."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from grader.records import Metric, Verdict
from grader.store.tables import AttemptRow, CheckRow, MetricRow, SubmissionRow


@dataclass(frozen=True, slots=True)
class CheckScore:
    """The points of one check; None where it is held for staff."""

    id: str
    score: float | None


@dataclass(frozen=True, slots=True)
class AttemptSummary:
    """One grading, as its rows have it. `Store.reports` has the whole of it.

    ``checks`` are there only where a person has marked a check of the attempt: otherwise ``score`` is their sum.
    """

    id: int
    submission_id: int
    profile: str
    verdict: Verdict
    score: float | None
    max_score: float
    checks: tuple[CheckScore, ...] = ()
    metrics: Mapping[str, Metric] = field(default_factory=dict)

    @property
    def held(self) -> bool:
        """True while the attempt waits for staff or a retry, and so has no score."""
        return self.verdict.held


def read_summaries(session: Session, assignment: str, marked: Collection[str]) -> list[AttemptSummary]:
    """The attempts at ``assignment`` in the order in which they were recorded.

    ``marked`` names the checks that people have marked; attempts that have one of them come with their checks.
    """
    mine = select(SubmissionRow.id).where(SubmissionRow.assignment == assignment)
    metrics: dict[int, dict[str, Metric]] = {}
    rows = (
        select(MetricRow.attempt_id, MetricRow.name, MetricRow.value, MetricRow.direction)
        .join(AttemptRow, AttemptRow.id == MetricRow.attempt_id)
        .where(AttemptRow.submission_id.in_(mine))
    )
    for attempt, name, value, direction in session.execute(rows):
        metric = Metric.model_validate({"name": name, "value": value, "direction": direction})
        metrics.setdefault(attempt, {})[name] = metric
    checks = _checks(session, assignment, marked) if marked else {}
    attempts = (
        select(
            AttemptRow.id,
            AttemptRow.submission_id,
            AttemptRow.profile,
            AttemptRow.verdict,
            AttemptRow.score,
            AttemptRow.max_score,
        )
        .where(AttemptRow.submission_id.in_(mine))
        .order_by(AttemptRow.id)
    )
    return [
        AttemptSummary(
            id=row.id,
            submission_id=row.submission_id,
            profile=row.profile,
            verdict=Verdict(row.verdict),
            score=row.score,
            max_score=row.max_score,
            checks=tuple(checks.get(row.id, ())),
            metrics=metrics.get(row.id, {}),
        )
        for row in session.execute(attempts)
    ]


def _checks(session: Session, assignment: str, marked: Collection[str]) -> dict[int, list[CheckScore]]:
    touched = (
        select(CheckRow.attempt_id)
        .join(AttemptRow, AttemptRow.id == CheckRow.attempt_id)
        .join(SubmissionRow, SubmissionRow.id == AttemptRow.submission_id)
        .where(SubmissionRow.assignment == assignment, CheckRow.check_id.in_(sorted(marked)))
    )
    query = (
        select(CheckRow.attempt_id, CheckRow.check_id, CheckRow.score)
        .where(CheckRow.attempt_id.in_(touched))
        .order_by(CheckRow.attempt_id, CheckRow.position)
    )
    found: dict[int, list[CheckScore]] = {}
    for attempt, check, score in session.execute(query):
        found.setdefault(attempt, []).append(CheckScore(check, score))
    return found
