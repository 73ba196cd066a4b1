"""Who grades what, where several coordinators share a store: a claim has an end, and is renewed while work goes on.

A coordinator claims a submission before it grades it, so that no other does the same work. Claims save work and do no
more: that one attempt counts is the database's to keep (``ux_attempts_counting``), whatever becomes of a claim. What a
vanished coordinator held comes back when its claim ends; one that was merely slow finds its report already there.
"""

from __future__ import annotations

import functools
import os
import secrets
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Connection, Integer, bindparam, delete, exists, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from grader.errors import StoreError
from grader.store.tables import UtcDateTime, attempts, claims, submissions

if TYPE_CHECKING:
    from grader.store.database import Database

#: For how long a claim holds unless it is renewed, in seconds; so long a vanished coordinator keeps its work from others.
CLAIM_S = 60.0
#: How many submissions the first query is asked about for each that is wanted, and how many one is at most.
_AHEAD, _AT_A_TIME = 4, 256


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
        with self._lock:
            wanted = [number for number in wanted if number not in self._held]
        at, size = 0, min(count * _AHEAD, _AT_A_TIME)
        # Most often the first ones are free. Where others hold a long row of them, there are fewer queries to come.
        while at < len(wanted) and len(taken) < count:
            taken += self._take(wanted[at : at + size], count - len(taken))
            at, size = at + size, min(size * 4, _AT_A_TIME)
        with self._lock:
            self._held.update(taken)
        if taken and self._renewer is None:
            self._renewer = threading.Thread(target=self._keep, name="claims", daemon=True)
            self._renewer.start()
        return taken

    def settle(self, connection: Connection, submission_id: int) -> None:
        """Give one back in the transaction that records its attempt; :meth:`settled` follows when that is committed."""
        connection.execute(
            delete(claims).where(
                claims.c.submission_id == submission_id,
                claims.c.grader_version == self._version,
                claims.c.holder == self.holder,
            )
        )

    def settled(self, submission_id: int) -> None:
        """Renew one no more. Until then it is held: a transaction may fail."""
        with self._lock:
            self._held.discard(submission_id)

    def give_back(self, submission_id: int) -> None:
        """Give one back without an attempt; where the store cannot be reached it ends by itself."""
        self.settled(submission_id)
        with suppress(StoreError), self._database.writing() as connection:
            self.settle(connection, submission_id)

    def renew(self) -> int:
        """Hold on to what is claimed for as long again; how many claims that were."""
        with self._lock:
            held = sorted(self._held)
        if not held:
            return 0
        with self._database.writing() as connection:
            until = self._database.engine.now(connection) + self._length
            # What was given back while the store was away still has its row: that one is to end.
            mine = claims.c.holder == self.holder, claims.c.submission_id.in_(held)
            return connection.execute(update(claims).where(*mine).values(claimed_until=until)).rowcount

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
        shared = self._database.engine.shared
        with self._database.writing() as connection:
            now = self._database.engine.now(connection)
            known: dict[str, Any] = {
                "wanted": list(wanted), "version": self._version, "now": now, "holder": self.holder,
            }  # fmt: skip
            if shared:
                known |= {"order": list(wanted), "count": count}
            # In the order of `wanted` on either engine; see _free.
            found = set(connection.scalars(_free(force=self._force, shared=shared), known))
            free = [number for number in wanted if number in found][:count]
            if not free:
                return []
            until = now + self._length
            rows = [
                {"number": number, "version": self._version, "holder": self.holder, "until": until} for number in free
            ]
            # The query saw claims as they were when it began. Here each is looked at once more, and only one that has
            # ended is replaced.
            taken = set(connection.scalars(_claim(shared=shared), [row | {"now": now} for row in rows]))
            if shared and not self._force and taken:
                # As with claims: an attempt may have been recorded since, and its claim given back.
                done = set(connection.scalars(_counting(), {"wanted": list(taken), "version": self._version}))
                if done:
                    mine = delete(claims).where(claims.c.submission_id.in_(done), claims.c.holder == self.holder)
                    connection.execute(mine)
                    taken -= done
        return [number for number in free if number in taken]

    def _keep(self) -> None:
        while not self._over.wait(self._length.total_seconds() / 4):
            # What cannot be reached now may be next time; the claims hold for a while.
            with suppress(StoreError):
                self.renew()


# Statements are built once: that costs more than to run them.


@functools.cache
def _free(*, force: bool, shared: bool) -> Any:
    """The ids of those of ``wanted`` that can be claimed.

    On a server they are the first ``count`` in the order of ``order``, locked, without those that another is just
    claiming. A writer of SQLite's is alone, and takes its pick.
    """
    theirs = exists().where(
        claims.c.submission_id == submissions.c.id,
        claims.c.grader_version == bindparam("version"),
        claims.c.claimed_until > bindparam("now", type_=UtcDateTime),
        # One of ours that is not held was given back while the store was away.
        claims.c.holder != bindparam("holder"),
    )
    query = select(submissions.c.id).where(submissions.c.id.in_(bindparam("wanted", expanding=True)), ~theirs)
    if not force:
        query = query.where(
            ~exists().where(
                attempts.c.submission_id == submissions.c.id,
                attempts.c.grader_version == bindparam("version"),
                attempts.c.counts,
            )
        )
    if not shared:
        return query
    order = func.array_position(bindparam("order", type_=postgresql.ARRAY(Integer)), submissions.c.id)
    return (
        query.order_by(order).limit(bindparam("count", type_=Integer)).with_for_update(skip_locked=True, key_share=True)
    )


@functools.cache
def _claim(*, shared: bool) -> Any:
    """Claim, unless there is a claim that has not ended; gives what was claimed."""
    insert = postgresql.insert if shared else sqlite.insert
    statement = insert(claims).values(
        submission_id=bindparam("number"),
        grader_version=bindparam("version"),
        holder=bindparam("holder"),
        claimed_until=bindparam("until"),
    )
    return statement.on_conflict_do_update(
        index_elements=[claims.c.submission_id, claims.c.grader_version],
        set_={"holder": statement.excluded.holder, "claimed_until": statement.excluded.claimed_until},
        where=(claims.c.claimed_until <= bindparam("now", type_=UtcDateTime))
        | (claims.c.holder == statement.excluded.holder),
    ).returning(claims.c.submission_id)


@functools.cache
def _counting() -> Any:
    """Those of ``wanted`` that have an attempt that counts."""
    return select(attempts.c.submission_id).where(
        attempts.c.submission_id.in_(bindparam("wanted", expanding=True)),
        attempts.c.grader_version == bindparam("version"),
        attempts.c.counts,
    )


def clear(connection: Connection, assignment: str) -> None:
    """Give back every claim on an assignment, where it is certain that whoever held one is gone."""
    mine = select(submissions.c.id).where(submissions.c.assignment == assignment)
    connection.execute(delete(claims).where(claims.c.submission_id.in_(mine)))
