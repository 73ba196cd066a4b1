"""Submissions that their owners withdrew. Rows are added, never changed: the last one about a submission counts."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, func, insert, select

from grader.store.tables import withdrawals


def put_withdrawal(connection: Connection, submission_id: int, person: str, *, withdrawn: bool) -> bool:
    """Note that a submission is withdrawn, or no longer is; False where that was so already."""
    query = select(withdrawals.c.withdrawn).where(withdrawals.c.submission_id == submission_id)
    last = connection.scalars(query.order_by(withdrawals.c.id.desc()).limit(1)).first()
    if bool(last) == withdrawn:
        return False
    row = {"submission_id": submission_id, "person": person, "at": datetime.now(UTC), "withdrawn": withdrawn}
    connection.execute(insert(withdrawals), row)
    return True


def read_withdrawn(connection: Connection) -> frozenset[int]:
    """The submissions that are withdrawn now."""
    last = select(func.max(withdrawals.c.id)).group_by(withdrawals.c.submission_id)
    query = select(withdrawals.c.submission_id).where(withdrawals.c.id.in_(last), withdrawals.c.withdrawn)
    return frozenset(connection.scalars(query))
