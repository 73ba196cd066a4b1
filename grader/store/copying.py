"""From one database to another: a course that outgrew its file moves to a server, or back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, insert, select, text

from grader.errors import StoreError
from grader.store.tables import (
    attempts,
    audit,
    checks,
    decisions,
    files,
    marks,
    metrics,
    submissions,
    withdrawals,
)

if TYPE_CHECKING:
    from grader.store.database import Database

#: What is copied, in an order in which no row refers to one that is not there yet. Claims are of the moment.
_TABLES = (submissions, files, attempts, checks, metrics, marks, decisions, audit, withdrawals)
_AT_A_TIME = 500


def copy_rows(source: Database, target: Database) -> dict[str, int]:
    """Copy everything into an empty database, all of it or nothing; the number of rows by table.

    Raises StoreError where the target holds anything.
    """
    counts: dict[str, int] = {}
    with source.reading() as reader, target.writing() as writer:
        target.engine.queue(writer, "schema")
        for table in _TABLES:
            if writer.execute(select(table).limit(1)).first() is not None:
                raise StoreError(
                    "there are submissions or results already", where=target.where, fix="name an empty database"
                )
        for table in _TABLES:
            counts[table.name] = 0
            for part in reader.execute(select(table)).mappings().partitions(_AT_A_TIME):
                writer.execute(insert(table), [dict(row) for row in part])
                counts[table.name] += len(part)
        _continue_numbers(writer)
    return counts


def _continue_numbers(connection: Connection) -> None:
    """Have PostgreSQL number new rows after those that came with their numbers; SQLite does by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in (submissions, attempts, marks, decisions, audit):
        last = connection.execute(select(func.max(table.c.id))).scalar_one()
        if last is not None:
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)"), {"name": table.name, "last": last}
            )
