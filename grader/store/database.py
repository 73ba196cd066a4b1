"""The database of a store: opened safely, its schema brought up to date, every error of it a StoreError."""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from grader.errors import StoreAway, StoreError
from grader.store.engines import PostgresEngine, SqliteEngine, StoreEngine
from grader.store.schema import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


#: For so long a server that has gone is waited for, counted from when it was first missed, in seconds; and how often it is asked.
_AWAY_S, _ASK_S = 3.0, 0.2


class Database:
    """The database at ``url``, or the SQLite file ``store.db`` in ``state`` where that is empty; made on first use.

    Raises:
        UsageError: the URL is none of SQLite or PostgreSQL.
        MachineError: the driver is not installed.
        StoreError: it cannot be opened, or a newer Autograde wrote it.
    """

    def __init__(self, state: Path, url: str = "") -> None:
        self.engine: StoreEngine = (
            PostgresEngine(state, url) if url.startswith("postgres") else SqliteEngine(state, url)
        )
        self._idle = self.engine.open()
        #: The connections of a batch, kept while it lasts.
        self._held: Engine | None = None
        self._missed_at: float | None = None
        _OPEN.add(self)
        # Connections to a server are closed when nobody can use them any more.
        self.close = weakref.finalize(self, self._idle.dispose)
        with self._errors():
            prepare(self._idle, self.engine)

    @property
    def where(self) -> str:
        """The file, or the server's address without a password."""
        return self.engine.where

    @contextmanager
    def held_open(self) -> Iterator[None]:
        """Keep connections open meanwhile, and use them for everything.

        Opening one costs more than what a record does with it. SQLite moves its log into the file, too, and removes
        the log, whenever the last connection is closed: a batch is spared that after each of its records.
        """
        if self._held is not None:
            yield
            return
        held = self.engine.open(pooled=True)
        try:
            with self._errors(), held.connect() as connection:
                # A connection does not open its log before it has read something.
                connection.exec_driver_sql("SELECT count(*) FROM submissions").scalar_one()
            self._held = held
            yield
        finally:
            self._held = None
            held.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one moment of the database."""
        with self._errors(), self._connected(self.engine.reader(self._held or self._idle)) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose changes are kept all together at its end, or not at all where it raises."""
        with (
            self._errors(),
            self._connected(self.engine.writer(self._held or self._idle)) as connection,
            connection.begin(),
        ):
            yield connection

    def _connected(self, engine: Engine) -> Connection:
        """A connection that answers. A server that is just starting again is waited for: nothing was asked of it yet."""
        while True:
            try:
                connection = engine.connect()
            except SQLAlchemyError as error:
                now = time.monotonic()
                self._missed_at = self._missed_at or now
                # Once it has been away for longer nobody waits, or all would before they learn it.
                if not self.engine.away(error) or now - self._missed_at > _AWAY_S:
                    raise
                time.sleep(_ASK_S)
            else:
                self._missed_at = None
                return connection

    def forget(self) -> None:
        """In a forked child: let go of connections, which are the parent's, without closing them."""
        for engine in (self._idle, self._held):
            if engine is not None:
                engine.dispose(close=False)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            # Ours are wrapped; what fails while a connection is set up comes as it is.
            cause: Any = getattr(error, "orig", None) or error
            text = " ".join(str(cause).split())
            kind = StoreAway if self.engine.away(error) else StoreError
            raise kind(f"the result store failed: {text}", where=self.where, fix=self.engine.fix(cause)) from error


_OPEN: weakref.WeakSet[Database] = weakref.WeakSet()


def _forget() -> None:
    for database in _OPEN:
        database.forget()


os.register_at_fork(after_in_child=_forget)
