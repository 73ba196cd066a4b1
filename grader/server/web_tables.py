"""The service's own tables, beside the store's: sessions, links, tokens, choices, and what graders report.

They hold what may be lost: whoever restores a backup without them has everybody sign in again. Secrets are kept as their
SHA-256, so that a copy of the database lets nobody in.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, Text

from grader.store.tables import UtcDateTime, Words

metadata = MetaData()

#: Raise it with every change to these tables. A table that is missing is made; one that changed gets another name.
WEB_SCHEMA = 1

#: Somebody who is signed in, in one browser.
sessions = Table(
    "web_sessions",
    metadata,
    Column("key", String, primary_key=True),
    Column("person", String, nullable=False, index=True),
    Column("acting_for", String, nullable=False, server_default=""),
    Column("made_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
)

#: A link that signs one person in, once.
links = Table(
    "web_links",
    metadata,
    Column("key", String, primary_key=True),
    Column("person", String, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)

#: A token for the API, with its scopes, separated by spaces.
tokens = Table(
    "web_tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String, nullable=False, unique=True),
    Column("person", String, nullable=False, index=True),
    Column("name", Words, nullable=False),
    Column("scopes", String, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)

#: A device that waits for a person to let it in (RFC 8628). ``person`` is empty until somebody answers.
devices = Table(
    "web_devices",
    metadata,
    Column("key", String, primary_key=True),
    Column("user_code", String, nullable=False, unique=True),
    Column("scopes", String, nullable=False),
    Column("name", Words, nullable=False),
    Column("person", String, nullable=False, server_default=""),
    Column("denied", Boolean, nullable=False, server_default="0"),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("asked_at", UtcDateTime),
    Column("interval_s", Integer, nullable=False, server_default="5"),
)

#: What a person chose about themselves.
choices = Table(
    "web_choices",
    metadata,
    Column("person", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", Words, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

#: A process that grades for the service: when it last said that it lives, and what it does.
graders = Table(
    "web_graders",
    metadata,
    Column("holder", String, primary_key=True),
    Column("lanes", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("beat_at", UtcDateTime, nullable=False),
    Column("doing", Text, nullable=False, server_default="[]"),
    Column("trouble", Words, nullable=False, server_default=""),
)
