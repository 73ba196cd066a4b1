"""Decisions of people as rows: added and never changed."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, Subquery, func, insert, select

from grader.policies import Decision, DecisionKind
from grader.store.tables import attempts, decisions

_FIELDS = ("assignment", "owner", "due", "number", "submission_id", "excused", "comment", "author", "made_at", "file")


def add_decision(connection: Connection, decision: Decision) -> int:
    """Keep a decision; its number."""
    row = {"kind": decision.kind.value, **{name: getattr(decision, name) for name in _FIELDS}}
    number: int = connection.execute(insert(decisions).returning(decisions.c.id), row).scalar_one()
    return number


def read_decisions(connection: Connection, *where: ColumnElement[bool]) -> list[Decision]:
    """The decisions for which all of ``where`` holds, in the order in which they were made."""
    rows = connection.execute(select(decisions).where(*where).order_by(decisions.c.id)).mappings()
    return [Decision(DecisionKind(row["kind"]), id=row["id"], **{name: row[name] for name in _FIELDS}) for row in rows]


def wanted_regrades(assignment: str) -> Subquery:
    """What staff wanted graded again: ``submission_id``, and ``last``, the number of the last attempt that there was then."""
    return (
        select(decisions.c.submission_id, func.max(decisions.c.number).label("last"))
        .where(decisions.c.kind == DecisionKind.REGRADE.value, decisions.c.assignment == assignment)
        .group_by(decisions.c.submission_id)
        .subquery()
    )


def last_attempts(connection: Connection, numbers: Collection[int]) -> dict[int, int]:
    """The number of the last attempt at each of these submissions that has one."""
    query = (
        select(attempts.c.submission_id, func.max(attempts.c.id).label("last"))
        .where(attempts.c.submission_id.in_(sorted(numbers)))
        .group_by(attempts.c.submission_id)
    )
    return {row.submission_id: row.last for row in connection.execute(query)}
