"""Decisions of people as rows: added and never changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, insert, select

from grader.policies import Decision, DecisionKind
from grader.store.tables import decisions, submissions

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


def read_regrades(connection: Connection, assignment: str) -> dict[int, datetime]:
    """When somebody last asked that a submission be graded again, by submission."""
    query = (
        select(decisions.c.submission_id, func.max(decisions.c.made_at).label("made_at"))
        .join(submissions, submissions.c.id == decisions.c.submission_id)
        .where(decisions.c.kind == DecisionKind.REGRADE.value, submissions.c.assignment == assignment)
        .group_by(decisions.c.submission_id)
    )
    return {row.submission_id: row.made_at for row in connection.execute(query)}
