"""Attempts without their reports: what the rows say of each. Standings and leaderboards need no more than that."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, select

from grader.records import Metric, Verdict
from grader.store.tables import attempts, checks, metrics, submissions


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


def read_summaries(
    connection: Connection, assignment: str, marked: Collection[str], *where: ColumnElement[bool]
) -> list[AttemptSummary]:
    """The attempts at ``assignment`` in the order in which they were recorded; ``where`` narrows the submissions.

    ``marked`` names the checks that people have marked; attempts that have one of them come with their checks.
    """
    mine = select(submissions.c.id).where(submissions.c.assignment == assignment, *where)
    measured: dict[int, dict[str, Metric]] = {}
    rows = (
        select(metrics.c.attempt_id, metrics.c.name, metrics.c.value, metrics.c.direction)
        .join(attempts, attempts.c.id == metrics.c.attempt_id)
        .where(attempts.c.submission_id.in_(mine))
    )
    for attempt, name, value, direction in connection.execute(rows):
        metric = Metric.model_validate({"name": name, "value": value, "direction": direction})
        measured.setdefault(attempt, {})[name] = metric
    scores = _checks(connection, assignment, marked) if marked else {}
    graded = (
        select(
            attempts.c.id,
            attempts.c.submission_id,
            attempts.c.profile,
            attempts.c.verdict,
            attempts.c.score,
            attempts.c.max_score,
        )
        .where(attempts.c.submission_id.in_(mine))
        .order_by(attempts.c.id)
    )
    return [
        AttemptSummary(
            id=row.id,
            submission_id=row.submission_id,
            profile=row.profile,
            verdict=Verdict(row.verdict),
            score=row.score,
            max_score=row.max_score,
            checks=tuple(scores.get(row.id, ())),
            metrics=measured.get(row.id, {}),
        )
        for row in connection.execute(graded)
    ]


def read_outcomes(connection: Connection, wanted: Collection[int]) -> dict[int, list[AttemptSummary]]:
    """The attempts at the submissions ``wanted``, by submission, in the order in which they were recorded; no metrics."""
    columns = attempts.c
    query = (
        select(columns.id, columns.submission_id, columns.profile, columns.verdict, columns.score, columns.max_score)
        .where(columns.submission_id.in_(sorted(wanted)))
        .order_by(columns.id)
    )
    found: dict[int, list[AttemptSummary]] = {}
    for row in connection.execute(query):
        summary = AttemptSummary(row.id, row.submission_id, row.profile, Verdict(row.verdict), row.score, row.max_score)
        found.setdefault(row.submission_id, []).append(summary)
    return found


def _checks(connection: Connection, assignment: str, marked: Collection[str]) -> dict[int, list[CheckScore]]:
    touched = (
        select(checks.c.attempt_id)
        .join(attempts, attempts.c.id == checks.c.attempt_id)
        .join(submissions, submissions.c.id == attempts.c.submission_id)
        .where(submissions.c.assignment == assignment, checks.c.check_id.in_(sorted(marked)))
    )
    query = (
        select(checks.c.attempt_id, checks.c.check_id, checks.c.score)
        .where(checks.c.attempt_id.in_(touched))
        .order_by(checks.c.attempt_id, checks.c.position)
    )
    found: dict[int, list[CheckScore]] = {}
    for attempt, check, score in connection.execute(query):
        found.setdefault(attempt, []).append(CheckScore(check, score))
    return found
