"""Who grades what, where several coordinators share a store: a claim has an end, and is renewed while work goes on.

A coordinator claims a submission before it grades it, so that no other does the same work. Claims save work and do no
more: that one attempt counts is the database's to keep (``ux_attempts_counting``), whatever becomes of a claim. What a
vanished coordinator held comes back when its claim ends; one that was merely slow finds its report there already.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Connection, and_, case, delete, exists, select, update
from sqlalchemy.dialects import postgresql, sqlite

from grader.errors import StoreError
from grader.store.tables import attempts, claims, submissions

if TYPE_CHECKING:
    from grader.store.database import Database

#: For how long a claim holds unless it is renewed, in seconds; so long a vanished coordinator keeps its work from others.
CLAIM_S = 60.0
#: How many submissions one query is asked about.
_AT_A_TIME = 64


class Claims:
    """What one coordinator has claimed for one grader version: `Store.claims`. Leaving the ``with`` gives all back.

    A thread renews what is held, four times before it would end. Where the store cannot be reached the claims end, and
    others may take the work: the coordinator that is cut off cannot record it anyway.
    """

    def __init__(
        self, database: Database, grader_version: str, *, force: bool = False, claim_s: float = CLAIM_S
    ) -> None:
        self._database, self._version, self._force = database, grader_version, force
        self._length = timedelta(seconds=claim_s)
        #: Host and process for people, and a number that no other coordinator has.
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(6)}"
        self._held: set[int] = set()
        self._lock, self._over = threading.Lock(), threading.Event()
        self._renewer: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self, wanted: Sequence[int], count: int = 1) -> list[int]:
        """Claim up to ``count`` of the submissions ``wanted``, the first that are free; their ids, in that order.

        Free is what nobody else has claimed. What an attempt of this grader version counts for is left out, unless
        these claims were opened with ``force``.
        """
        taken: list[int] = []
        for at in range(0, len(wanted), _AT_A_TIME):
            if len(taken) < count:
                taken += self._take(wanted[at : at + _AT_A_TIME], count - len(taken))
        with self._lock:
            self._held.update(taken)
        if taken and self._renewer is None:
            self._renewer = threading.Thread(target=self._keep, name="claims", daemon=True)
            self._renewer.start()
        return taken

    def settle(self, connection: Connection, submission_id: int) -> None:
        """Give one back in the transaction that records its attempt."""
        with self._lock:
            held = submission_id in self._held
            self._held.discard(submission_id)
        if held:
            connection.execute(
                delete(claims).where(
                    claims.c.submission_id == submission_id,
                    claims.c.grader_version == self._version,
                    claims.c.holder == self.holder,
                )
            )

    def renew(self) -> int:
        """Hold on to what is claimed for as long again; how many claims that were."""
        with self._database.writing() as connection:
            until = self._database.engine.now(connection) + self._length
            mine = update(claims).where(claims.c.holder == self.holder).values(claimed_until=until)
            return connection.execute(mine).rowcount

    def close(self) -> None:
        """Give everything back. Where that fails the claims end by themselves."""
        self._over.set()
        if self._renewer is not None:
            self._renewer.join()
            self._renewer = None
        with self._lock:
            held, self._held = bool(self._held), set()
        if held:
            with suppress(StoreError), self._database.writing() as connection:
                connection.execute(delete(claims).where(claims.c.holder == self.holder))

    def _take(self, wanted: Sequence[int], count: int) -> list[int]:
        with self._database.writing() as connection:
            now = self._database.engine.now(connection)
            free = connection.scalars(self._free(wanted, now).limit(count)).all()
            if not free:
                return []
            rows = [
                {
                    "submission_id": number,
                    "grader_version": self._version,
                    "holder": self.holder,
                    "claimed_until": now + self._length,
                }
                for number in free
            ]
            # The query above saw claims as they were when it began. Here each is looked at once more, and only one that
            # has ended is replaced.
            taken = set(connection.scalars(_replace_ended(connection, rows, now)))
            if not self._force:
                # As with claims: an attempt may have been recorded since, and its claim given back.
                done = set(connection.scalars(self._counting(taken)))
                if done:
                    connection.execute(
                        delete(claims).where(claims.c.submission_id.in_(done), claims.c.holder == self.holder)
                    )
                    taken -= done
        return [number for number in free if number in taken]

    def _free(self, wanted: Sequence[int], now: datetime) -> Any:
        """The ids of those that can be claimed, in their order; PostgreSQL skips what another is just claiming."""
        theirs = exists().where(
            claims.c.submission_id == submissions.c.id,
            claims.c.grader_version == self._version,
            claims.c.claimed_until > now,
        )
        query = select(submissions.c.id).where(submissions.c.id.in_(wanted), ~theirs)
        if not self._force:
            query = query.where(
                ~exists().where(
                    attempts.c.submission_id == submissions.c.id,
                    attempts.c.grader_version == self._version,
                    attempts.c.counts,
                )
            )
        order = case({number: at for at, number in enumerate(wanted)}, value=submissions.c.id)
        return query.order_by(order).with_for_update(skip_locked=True)

    def _counting(self, numbers: set[int]) -> Any:
        return select(attempts.c.submission_id).where(
            and_(attempts.c.submission_id.in_(numbers), attempts.c.grader_version == self._version, attempts.c.counts)
        )

    def _keep(self) -> None:
        while not self._over.wait(self._length.total_seconds() / 4):
            # What cannot be reached now may be next time; the claims hold for a while.
            with suppress(StoreError):
                self.renew()


def _replace_ended(connection: Connection, rows: list[dict[str, Any]], now: datetime) -> Any:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(claims).values(rows)
    return statement.on_conflict_do_update(
        index_elements=[claims.c.submission_id, claims.c.grader_version],
        set_={"holder": statement.excluded.holder, "claimed_until": statement.excluded.claimed_until},
        where=claims.c.claimed_until <= now,
    ).returning(claims.c.submission_id)


def clear(connection: Connection, assignment: str) -> None:
    """Give back every claim on an assignment, where it is certain that whoever held one is gone."""
    mine = select(submissions.c.id).where(submissions.c.assignment == assignment)
    connection.execute(delete(claims).where(claims.c.submission_id.in_(mine)))
