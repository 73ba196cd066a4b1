"""What attempts took, without their reports: by it the next ones are put in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from grader.store.tables import attempts, submissions


@dataclass(frozen=True, slots=True)
class Duration:
    """What one attempt took, in wall seconds."""

    submission_id: int
    owner: str
    profile: str
    seconds: float


def read_durations(connection: Connection, assignment: str) -> list[Duration]:
    """Those of all attempts at ``assignment``, in the order in which they were recorded."""
    query = (
        select(
            attempts.c.submission_id,
            submissions.c.owner,
            attempts.c.profile,
            attempts.c.started_at,
            attempts.c.finished_at,
        )
        .join(submissions, submissions.c.id == attempts.c.submission_id)
        .where(submissions.c.assignment == assignment)
        .order_by(attempts.c.id)
    )
    return [
        Duration(number, owner, profile, max(0.0, (finished - started).total_seconds()))
        for number, owner, profile, started, finished in connection.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class Recent:
    """An attempt that was recorded not long ago, and when its submission was received."""

    assignment: str
    received_at: datetime
    started_at: datetime
    finished_at: datetime


def read_recent(connection: Connection, assignment: str | None, most: int) -> list[Recent]:
    """The last attempts (at ``assignment``) that have a score, the latest first; ``most`` of them."""
    query = (
        select(submissions.c.assignment, submissions.c.received_at, attempts.c.started_at, attempts.c.finished_at)
        .join(submissions, submissions.c.id == attempts.c.submission_id)
        .where(attempts.c.score.is_not(None), *([submissions.c.assignment == assignment] if assignment else []))
        .order_by(attempts.c.id.desc())
        .limit(most)
    )
    return [Recent(*row) for row in connection.execute(query)]
