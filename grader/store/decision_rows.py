"""Decisions of people as rows: added and never changed."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, insert, select

from grader.policies import Decision, DecisionKind
from grader.store.tables import decisions

_FIELDS = ("assignment", "owner", "due", "number", "submission_id", "excused", "comment", "author", "made_at")


def add_decision(connection: Connection, decision: Decision) -> int:
    """Keep a decision; its number."""
    row = {"kind": decision.kind.value, **{name: getattr(decision, name) for name in _FIELDS}}
    number: int = connection.execute(insert(decisions).returning(decisions.c.id), row).scalar_one()
    return number


def read_decisions(connection: Connection, *where: ColumnElement[bool]) -> list[Decision]:
    """The decisions for which all of ``where`` holds, in the order in which they were made."""
    rows = connection.execute(select(decisions).where(*where).order_by(decisions.c.id)).mappings()
    return [Decision(DecisionKind(row["kind"]), id=row["id"], **{name: row[name] for name in _FIELDS}) for row in rows]
