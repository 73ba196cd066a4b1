"""The audit log: who did what to whom, and when. Rows are added; the database refuses to change or delete one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, insert, select

from grader.store.tables import audit


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that somebody did: ``action``, such as ``override``, at ``at`` (aware, UTC).

    ``subject`` is the student, team or thing that it was done to; ``detail`` holds JSON values. Empty where there is none.
    """

    action: str
    actor: str
    at: datetime
    role: str = ""
    assignment: str = ""
    subject: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)
    id: int = 0


def add_entry(connection: Connection, entry: AuditEntry) -> None:
    """Keep an entry."""
    row = {name: getattr(entry, name) for name in ("action", "actor", "at", "role", "assignment", "subject")}
    connection.execute(insert(audit), {**row, "detail": json.dumps(dict(entry.detail), default=str)})


def read_entries(connection: Connection, *, assignment: str, subject: str, most: int, before: int) -> list[AuditEntry]:
    """The last ``most`` entries, the latest first: about that assignment and subject, and before that number, where given."""
    query = select(audit).order_by(audit.c.id.desc()).limit(most)
    if assignment:
        query = query.where(audit.c.assignment == assignment)
    if subject:
        query = query.where(audit.c.subject == subject)
    if before:
        query = query.where(audit.c.id < before)
    rows = connection.execute(query).mappings()
    return [AuditEntry(**{**row, "detail": json.loads(row["detail"])}) for row in rows]
