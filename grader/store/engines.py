"""What differs between SQLite and PostgreSQL: how each is opened, how writers wait, what its errors mean."""

from __future__ import annotations

import importlib
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from grader import DISTRIBUTION
from grader.errors import MachineError, StoreError, UsageError

#: How long a statement waits for another program's lock, in milliseconds.
_BUSY_MS = 30_000
#: How long a server may take to answer the first time, in seconds.
_CONNECT_S = 10
#: After so many seconds of silence a connection is taken to be dead: its server's machine may have gone without a word.
_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}
#: The queue in which writers of one assignment wait on PostgreSQL; the number is ours alone in that database.
_QUEUE = 0x6175_746F
_WRITE = "autograde_write"
_FIX_ACCESS = "let the user who grades write there, on a disk that is not mounted read-only"
#: By SQLite's primary result codes (https://www.sqlite.org/rescode.html).
_SQLITE_FIXES = {
    sqlite3.SQLITE_FULL: "free some space on that disk and run the same command again; what was recorded is kept",
    sqlite3.SQLITE_BUSY: "another program holds the file; end it and run the same command again",
    sqlite3.SQLITE_LOCKED: "another program holds the file; end it and run the same command again",
    sqlite3.SQLITE_READONLY: _FIX_ACCESS,
    sqlite3.SQLITE_PERM: _FIX_ACCESS,
    sqlite3.SQLITE_CANTOPEN: _FIX_ACCESS,
    sqlite3.SQLITE_CORRUPT: "the file is damaged and was left as it is; restore a backup, or try `sqlite3 FILE .recover`",
    sqlite3.SQLITE_NOTADB: "the file is no result store and was left as it is; restore a backup, or move it away",
}
#: By the class of PostgreSQL's error codes, or the whole code (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_POSTGRES_FIXES = {
    "28": "correct the user in the address; the password is best in ~/.pgpass, or in PGPASSWORD",
    "3D": "make the database: `createdb NAME`",
    "42501": "let that user create tables, and read and write them, in that database",
    "53100": "free some space on the server's disk and run the same command again; what was recorded is kept",
    "53300": "raise max_connections of the server, or end other programs that use it",
    "57": "start the server and run the same command again; what was recorded is kept",
}
_REFUSALS = {
    "the database system is": "57",  # shutting down, starting up, in recovery mode, not yet accepting connections
    "authentication failed": "28",
    "no pg_hba.conf entry": "28",
    "no password supplied": "28",
    'role "': "28",
    'database "': "3D",
    "too many": "53300",
    "remaining connection slots": "53300",
}
_FIX_SERVER = "see that the server runs and can be reached from here, and run the same command again"


class StoreEngine(Protocol):
    """A database engine that a store can be on."""

    #: The file, or the server's address without a password.
    where: str
    #: Whether several machines may use it.
    shared: bool

    def open(self, *, pooled: bool = False) -> Engine:
        """A new engine of SQLAlchemy's; ``pooled`` ones keep their connections until they are disposed of."""

    def reader(self, engine: Engine) -> Engine:
        """``engine`` for a transaction that sees one moment."""

    def writer(self, engine: Engine) -> Engine:
        """``engine`` for a transaction that writes."""

    def queue(self, connection: Connection, key: str) -> None:
        """Wait until no other transaction is in the queue ``key``, and stay in it until this one ends."""

    def now(self, connection: Connection) -> datetime:
        """The time by the one clock that all who share the database go by; aware, in UTC."""

    def fix(self, error: object) -> str:
        """What to do about an error of the driver."""

    def away(self, error: Exception) -> bool:
        """Whether an error says that the server cannot be reached, and may be again in a moment."""


class SqliteEngine:
    """A file. Write-ahead logging lets reports be read while a batch writes.

    It needs a local disk: SQLite's shared memory does not work across a network file system.
    """

    shared = False

    def __init__(self, state: Path, url: str = "") -> None:
        path = _path(url) if url else state / "store.db"
        self.where, self._path = str(path), path
        _make(path.parent)
        try:
            fresh = not path.exists() or not path.stat().st_size
        except OSError as error:
            raise StoreError(f"cannot be opened: {error.strerror}", where=path, fix=_FIX_ACCESS) from error
        if fresh and any((state / "blobs").glob("??/*")) and not url:
            # A database is made before the first submission is kept, so this one was lost, and not never there.
            raise StoreError(
                "the results are missing, while submissions are there",
                where=path,
                fix="restore it from a backup; or move the folder away and collect again, which grades all anew",
            )

    def open(self, *, pooled: bool = False) -> Engine:
        """As the protocol says. Without a pool nothing stays open that a fork could inherit, and the file is whole."""
        url = URL.create("sqlite", database=str(self._path))
        engine = create_engine(url, poolclass=QueuePool if pooled else NullPool)
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
        return engine

    def reader(self, engine: Engine) -> Engine:
        """As the protocol says: a transaction of SQLite's always does."""
        return engine

    def writer(self, engine: Engine) -> Engine:
        """As the protocol says; writers of the whole file wait for each other."""
        return engine.execution_options(**{_WRITE: True})

    def queue(self, connection: Connection, key: str) -> None:
        """As the protocol says: a writer is alone already."""

    def now(self, connection: Connection) -> datetime:
        """As the protocol says: the file is on this machine."""
        del connection
        return datetime.now(UTC)

    def fix(self, error: object) -> str:
        """As the protocol says; extended result codes hold the primary one in their low byte."""
        code = getattr(error, "sqlite_errorcode", None)
        default = "check that the disk is local and not full, and that no other program holds the file"
        return _SQLITE_FIXES.get(code & 0xFF, default) if isinstance(code, int) else default

    def away(self, error: Exception) -> bool:
        """As the protocol says: a file is there, or it is not."""
        del error
        return False


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot be made: {error.strerror}", where=folder, fix=_FIX_ACCESS) from error


def _path(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        shown = repr(parsed.render_as_string()) if parsed is not None else "this"
        raise UsageError(
            f"{shown} is not the address of a store",
            fix="write it like postgresql://user@host/database, or sqlite:////folder/store.db",
        )
    return Path(parsed.database)


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


class PostgresEngine:
    """A database on a server, which several coordinators and a web service may share."""

    shared = True

    def __init__(self, state: Path, url: str) -> None:
        _make(state)
        try:
            parsed = make_url(url)
        except ArgumentError:
            # What cannot be read is not shown: there may be a password in it.
            raise UsageError("this is not the address of a store", fix=f"write it like {_EXAMPLE}") from None
        if parsed.drivername not in ("postgres", "postgresql", "postgresql+psycopg") or not parsed.database:
            raise UsageError(
                f"{parsed.render_as_string()!r} is not the address of a store", fix=f"write it like {_EXAMPLE}"
            )
        self._url = parsed.set(drivername="postgresql+psycopg")
        self.where = self._url.difference_update_query(["password"]).render_as_string(hide_password=True)
        try:
            importlib.import_module("psycopg")
        except ImportError as error:
            raise MachineError(
                "the driver of PostgreSQL is not installed",
                where=self.where,
                fix=f"pip install '{DISTRIBUTION}[postgres]'",
            ) from error

    def open(self, *, pooled: bool = False) -> Engine:
        """As the protocol says. A server's connections are always kept: making one costs more than it does."""
        del pooled
        arguments = {"connect_timeout": _CONNECT_S, **_KEEPALIVE}
        return create_engine(self._url, pool_pre_ping=True, connect_args=arguments)

    def reader(self, engine: Engine) -> Engine:
        """As the protocol says."""
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def writer(self, engine: Engine) -> Engine:
        """As the protocol says: each statement sees what others have committed before it."""
        return engine.execution_options(isolation_level="READ COMMITTED")

    def queue(self, connection: Connection, key: str) -> None:
        """As the protocol says, by an advisory lock."""
        connection.execute(text("SELECT pg_advisory_xact_lock(:queue, hashtext(:key))"), {"queue": _QUEUE, "key": key})

    def now(self, connection: Connection) -> datetime:
        """As the protocol says: coordinators' machines need not agree on the time."""
        moment: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return moment.astimezone(UTC)

    def fix(self, error: object) -> str:
        """As the protocol says."""
        code = _code(error)
        return _POSTGRES_FIXES.get(code) or _POSTGRES_FIXES.get(code[:2]) or _FIX_SERVER

    def away(self, error: Exception) -> bool:
        """As the protocol says: it ends, starts, has no connection left, or the connection to it was lost."""
        import psycopg

        cause = error.orig if isinstance(error, SQLAlchemyError) and hasattr(error, "orig") else error
        if not isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
            return False
        code = _code(cause)
        return not code or code[:2] in ("08", "57") or code == "53300"


def _code(error: object) -> str:
    """The code of an error; of a connection that was refused there are only the server's words. Empty for what has neither."""
    known = str(getattr(error, "sqlstate", None) or "")
    return known or next((code for words, code in _REFUSALS.items() if words in str(error)), "")


_EXAMPLE = "postgresql://user@host/database"
