"""The database file: opened safely, its schema checked, every error of it a StoreError."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateColumn

from grader.errors import StoreError
from grader.store.tables import Base

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Kept in the file as ``PRAGMA user_version``. Raise it with every change to the tables, and migrate.
SCHEMA = 3

_WRITE = "autograde_write"
#: How long a statement waits for another program's lock, in milliseconds.
_BUSY_MS = 30_000


class Database:
    """The SQLite file at ``path``, made on first use.

    Write-ahead logging lets reports be read while a batch writes. It needs a local disk: SQLite's shared memory does
    not work across a network file system.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = not path.exists() or not path.stat().st_size
        except OSError as error:
            raise StoreError(
                f"cannot be made or opened: {error.strerror}", where=path.parent, fix=_FIX_ACCESS
            ) from error
        if fresh and any(path.with_name("blobs").glob("??/*")):
            # A database is made before the first submission is kept, so this one was lost, and not never there.
            raise StoreError(
                "the results are missing, while submissions are there",
                where=path,
                fix="restore it from a backup; or move the folder away and collect again, which grades all anew",
            )
        # No pool: a connection must never cross a fork, and the batch forks. Opening one costs a fraction of a
        # millisecond.
        self._engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
        event.listen(self._engine, "connect", _configure)
        event.listen(self._engine, "begin", _begin)
        with self._errors():
            self._prepare()

    @contextmanager
    def held_open(self) -> Iterator[None]:
        """Keep the file open meanwhile.

        SQLite moves its log into the file, and removes the log, whenever the last connection to it is closed. With one
        connection that stays and does nothing, a batch is spared that after each of its records.
        """
        with self._errors(), self._engine.connect() as connection:
            # A connection does not open its log before it has read something.
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
            connection.rollback()
            yield

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one moment of the database."""
        with self._errors(), Session(self._engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes are kept all together at its end, or not at all where it raises."""
        with self._errors(), Session(self._writer(), expire_on_commit=False) as session, session.begin():
            yield session

    def _writer(self) -> Engine:
        return self._engine.execution_options(**{_WRITE: True})

    def _prepare(self) -> None:
        with self._writer().begin() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            if version > SCHEMA:
                raise StoreError(
                    f"the results were written by a newer Autograde (schema {version}; this one knows {SCHEMA})",
                    where=self.path,
                    fix="upgrade Autograde",
                )
            if version < SCHEMA:
                # Schema 2 adds the table of marks to schema 1; anything older is an empty file. Tables that are there
                # are left as they are.
                Base.metadata.create_all(connection)
                _add_columns(connection)
                connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            # Ours are wrapped; what fails while a connection is set up comes as it is.
            cause = getattr(error, "orig", None) or error
            raise StoreError(f"the result store failed: {cause}", where=self.path, fix=_fix(cause)) from error


def _add_columns(connection: Connection) -> None:
    """Schema 3: columns that a table of an earlier schema lacks. Rows that are there get each column's default."""
    for table in Base.metadata.sorted_tables:
        present = {row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table.name})")}
        for column in table.columns:
            if column.name not in present:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {definition}")


_FIX_ACCESS = "let the user who grades write there, on a disk that is not mounted read-only"
#: By SQLite's primary result codes (https://www.sqlite.org/rescode.html).
_FIXES = {
    sqlite3.SQLITE_FULL: "free some space on that disk and run the same command again; what was recorded is kept",
    sqlite3.SQLITE_BUSY: "another program holds the file; end it and run the same command again",
    sqlite3.SQLITE_LOCKED: "another program holds the file; end it and run the same command again",
    sqlite3.SQLITE_READONLY: _FIX_ACCESS,
    sqlite3.SQLITE_PERM: _FIX_ACCESS,
    sqlite3.SQLITE_CANTOPEN: _FIX_ACCESS,
    sqlite3.SQLITE_CORRUPT: "the file is damaged and was left as it is; restore a backup, or try `sqlite3 FILE .recover`",
    sqlite3.SQLITE_NOTADB: "the file is no result store and was left as it is; restore a backup, or move it away",
}


def _fix(error: object) -> str:
    """What to do about an error of SQLite; extended result codes hold the primary one in their low byte."""
    code = getattr(error, "sqlite_errorcode", None)
    default = "check that the disk is local and not full, and that no other program holds the file"
    return _FIXES.get(code & 0xFF, default) if isinstance(code, int) else default


def _configure(connection: Any, _record: Any) -> None:
    # We begin transactions ourselves: sqlite3's own way begins them late, after the first read.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    # FULL, not NORMAL: a grade that was announced must outlive a power cut. It costs a sync per attempt.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A writer that starts as a reader can fail to upgrade; IMMEDIATE queues for the write lock at once.
    writes = connection.get_execution_options().get(_WRITE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
