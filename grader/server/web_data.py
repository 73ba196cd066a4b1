"""The service's own rows: who is signed in, which links and tokens are good, what people chose, who grades."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from grader.server.web_tables import choices, graders, links, metadata, sessions, tokens

if TYPE_CHECKING:
    from grader.store import Store

#: How the text of a token for the API begins, so that people and scanners know one when they see it.
TOKEN_PREFIX = "agt_"  # noqa: S105 - no secret


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in. ``acting_for`` is whose pages a member of staff looks at, read-only."""

    key: str
    person: str
    acting_for: str
    csrf: str


@dataclass(frozen=True, slots=True)
class Token:
    """A token for the API, without its secret."""

    id: int
    person: str
    name: str
    scopes: frozenset[str]
    made_at: datetime
    ends_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class GraderState:
    """A process that grades, as it last reported itself."""

    holder: str
    lanes: int
    started_at: datetime
    beat_at: datetime
    doing: tuple[int, ...]
    trouble: str


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def csrf_of(secret: str) -> str:
    """The token that forms of a session carry. It follows from the session's secret, which the page never shows."""
    return base64.urlsafe_b64encode(hmac.digest(secret.encode(), b"csrf", "sha256")).decode().rstrip("=")


class WebData:
    """The tables of :mod:`grader.server.web_tables`, in the store's database; made on first use."""

    def __init__(self, store: Store) -> None:
        self._database = store.connections
        with self._database.writing() as connection:
            self._database.engine.queue(connection, "schema")
            metadata.create_all(connection, checkfirst=True)

    # Sessions

    def open_session(self, person: str, length: timedelta, *, replaces: str = "") -> str:
        """Sign somebody in; the secret for the cookie. A session that the browser had before ends, whoever's it was."""
        secret = secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            if replaces:
                connection.execute(delete(sessions).where(sessions.c.key == digest(replaces)))
            connection.execute(delete(sessions).where(sessions.c.ends_at < now))
            row = {"key": digest(secret), "person": person, "made_at": now, "ends_at": now + length}
            connection.execute(insert(sessions), row)
        return secret

    def session(self, secret: str) -> Session | None:
        """The session with that secret, unless it has ended."""
        with self._database.reading() as connection:
            row = connection.execute(select(sessions).where(sessions.c.key == digest(secret))).mappings().first()
        if row is None or row["ends_at"] < datetime.now(UTC):
            return None
        return Session(row["key"], row["person"], row["acting_for"], csrf_of(secret))

    def act_for(self, session: Session, student: str) -> None:
        """Have a session show what ``student`` sees; its own pages again with an empty one."""
        with self._database.writing() as connection:
            connection.execute(update(sessions).where(sessions.c.key == session.key).values(acting_for=student))

    def close_session(self, secret: str) -> None:
        """Sign out."""
        with self._database.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.key == digest(secret)))

    def close_sessions(self, person: str) -> int:
        """Sign somebody out everywhere; in how many browsers that was."""
        with self._database.writing() as connection:
            return connection.execute(delete(sessions).where(sessions.c.person == person)).rowcount

    # Links

    def make_link(self, person: str, length: timedelta) -> str:
        """A secret that signs ``person`` in once, within ``length``."""
        secret = secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        with self._database.writing() as connection:
            connection.execute(delete(links).where(links.c.ends_at < now - timedelta(days=1)))
            connection.execute(insert(links), {"key": digest(secret), "person": person, "ends_at": now + length})
        return secret

    def link_for(self, secret: str) -> str | None:
        """Whom a link would sign in; None where it was used, has ended, or never was."""
        with self._database.reading() as connection:
            row = connection.execute(select(links).where(links.c.key == digest(secret))).mappings().first()
        good = row is not None and row["used_at"] is None and row["ends_at"] >= datetime.now(UTC)
        return str(row["person"]) if row is not None and good else None

    def use_link(self, secret: str) -> str | None:
        """As :meth:`link_for`, and the link is used up: of two who use it one gets in."""
        now = datetime.now(UTC)
        mine = update(links).where(links.c.key == digest(secret), links.c.used_at.is_(None), links.c.ends_at >= now)
        with self._database.writing() as connection:
            return connection.scalars(mine.values(used_at=now).returning(links.c.person)).first()

    # Tokens

    def make_token(self, person: str, name: str, scopes: Sequence[str], length: timedelta) -> tuple[str, Token]:
        """A token for the API: its secret, which is shown once, and the token."""
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        row = {
            "key": digest(secret),
            "person": person,
            "name": name[:100],
            "scopes": " ".join(sorted(scopes)),
            "made_at": now,
            "ends_at": now + length,
        }
        with self._database.writing() as connection:
            number = connection.execute(insert(tokens).returning(tokens.c.id), row).scalar_one()
            row_read = connection.execute(select(tokens).where(tokens.c.id == number)).mappings().one()
        return secret, _token(row_read)

    def token(self, secret: str) -> Token | None:
        """The token with that secret, unless it has ended; that it was used is noted about once an hour."""
        now = datetime.now(UTC)
        with self._database.reading() as connection:
            row = connection.execute(select(tokens).where(tokens.c.key == digest(secret))).mappings().first()
        if row is None or row["ends_at"] < now:
            return None
        if row["used_at"] is None or now - row["used_at"] > timedelta(hours=1):
            with self._database.writing() as connection:
                connection.execute(update(tokens).where(tokens.c.id == row["id"]).values(used_at=now))
        return _token(row)

    def tokens(self, person: str) -> list[Token]:
        """The tokens of a person, the last made first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(tokens).where(tokens.c.person == person).order_by(tokens.c.id.desc()))
            return [_token(row) for row in rows.mappings()]

    def revoke_token(self, person: str, number: int) -> bool:
        """End a token of a person's; False where there is none of that number."""
        with self._database.writing() as connection:
            mine = delete(tokens).where(tokens.c.id == number, tokens.c.person == person)
            return connection.execute(mine).rowcount > 0

    # Choices

    def choose(self, person: str, name: str, value: str) -> None:
        """Note a choice of a person's."""
        with self._database.writing() as connection:
            row = {"person": person, "name": name, "value": value, "changed_at": datetime.now(UTC)}
            _upsert(connection, choices, row, ("person", "name"))

    def choices(self, name: str) -> dict[str, str]:
        """What everybody chose, by person."""
        with self._database.reading() as connection:
            query = select(choices.c.person, choices.c.value).where(choices.c.name == name)
            return {row.person: row.value for row in connection.execute(query)}

    # Graders

    def beat(self, holder: str, lanes: int, started_at: datetime, doing: Sequence[int] = (), trouble: str = "") -> None:
        """Note that a process that grades is alive, and what it does."""
        now = datetime.now(UTC)
        row = {
            "holder": holder,
            "lanes": lanes,
            "started_at": started_at,
            "beat_at": now,
            "doing": json.dumps(list(doing)),
            "trouble": trouble[:500],
        }
        with self._database.writing() as connection:
            connection.execute(delete(graders).where(graders.c.beat_at < now - timedelta(days=1)))
            _upsert(connection, graders, row, ("holder",))

    def gone(self, holder: str) -> None:
        """Note that a process that grades has ended."""
        with self._database.writing() as connection:
            connection.execute(delete(graders).where(graders.c.holder == holder))

    def graders(self) -> list[GraderState]:
        """Every process that grades, the one that was heard last first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(graders).order_by(graders.c.beat_at.desc())).mappings().all()
        return [
            GraderState(
                row["holder"],
                row["lanes"],
                row["started_at"],
                row["beat_at"],
                tuple(json.loads(row["doing"])),
                row["trouble"],
            )
            for row in rows
        ]


def _upsert(connection: Connection, table: Any, row: dict[str, Any], keys: tuple[str, ...]) -> None:
    insert_into = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    changes = {name: value for name, value in row.items() if name not in keys}
    connection.execute(insert_into(table).values(row).on_conflict_do_update(index_elements=list(keys), set_=changes))


def _token(row: Any) -> Token:
    return Token(
        id=row["id"],
        person=row["person"],
        name=row["name"],
        scopes=frozenset(row["scopes"].split()),
        made_at=row["made_at"],
        ends_at=row["ends_at"],
        used_at=row["used_at"],
    )
