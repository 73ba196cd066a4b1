"""The tables, for both engines. Reports are kept whole, as JSON; checks and metrics are kept again as rows, for queries.

Rows of submissions, attempts and marks are added and never deleted. What changes of them is said where it is: a surer
time of receipt, and which attempt counts. Whatever changes here needs a migration beside it in ``migrations/``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    DDL,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.types import DateTime, TypeDecorator, TypeEngine


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes: with a timezone on PostgreSQL, as naive UTC on SQLite, which knows no zones."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        """``timestamptz`` on PostgreSQL."""
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times: nobody could tell later what they meant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a timezone")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the time in UTC."""
        if value is None:
            return None
        return value.astimezone(UTC) if dialect.name == "postgresql" else value.replace(tzinfo=UTC)


class Words(TypeDecorator[str]):
    """Text that somebody else wrote. PostgreSQL cannot hold a NUL, so it becomes U+FFFD on both engines."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace what cannot be kept."""
        del dialect
        return None if value is None else value.replace("\0", "\ufffd")


metadata = MetaData()

#: One upload. The same files by the same owner are the same upload.
#:
#: ``received_from`` says where the time came from, ``left_out`` lists what was not taken (JSON: pairs of name and
#: reason), ``members`` the students whom it was handed in for (JSON), ``uploader`` who of them did. ``has_work`` is
#: false where it has none of the files asked for, and no notebook. All of them are unknown for uploads of schema 2.
submissions = Table(
    "submissions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("assignment", String, nullable=False, index=True),
    Column("owner", String, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("digest", String, nullable=False),
    Column("source", Words, nullable=False),
    Column("problem", Words),
    Column("received_from", String, nullable=False, server_default=""),
    Column("left_out", Text, nullable=False, server_default="[]"),
    Column("uploader", String, nullable=False, server_default=""),
    Column("members", Text, nullable=False, server_default="[]"),
    Column("has_work", Boolean),
    UniqueConstraint("assignment", "owner", "received_at", "digest"),
)

#: One file of a submission; its content is the blob of that hash.
files = Table(
    "files",
    metadata,
    Column("submission_id", ForeignKey("submissions.id"), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("sha256", String, nullable=False),
    Column("size", Integer, nullable=False),
)

#: One grading. ``counts`` is true for the one whose score stands, of those by the same grader version: the first that
#: was not held, or the last one that was asked for with ``--force``. The index sees to it that there is one at most.
attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("submission_id", ForeignKey("submissions.id"), nullable=False, index=True),
    Column("grader_version", String, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("profile", String, nullable=False),
    # Text: a seed may use all 64 bits, and SQL integers are signed.
    Column("seed", String, nullable=False),
    Column("verdict", String, nullable=False),
    Column("score", Double),
    Column("max_score", Double, nullable=False),
    Column("report", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime, nullable=False),
    Column("counts", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("submission_id", "grader_version", "ordinal"),
)
Index(
    "ux_attempts_counting",
    attempts.c.submission_id,
    attempts.c.grader_version,
    unique=True,
    sqlite_where=attempts.c.counts,
    postgresql_where=attempts.c.counts,
)

#: What one check of an attempt found.
checks = Table(
    "checks",
    metadata,
    Column("attempt_id", ForeignKey("attempts.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("check_id", String, nullable=False),
    Column("verdict", String, nullable=False),
    Column("score", Double),
    Column("max_score", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Index("ix_checks_check_id", "check_id"),
)

#: One metric of an attempt.
metrics = Table(
    "metrics",
    metadata,
    Column("attempt_id", ForeignKey("attempts.id"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", Double),
    Column("direction", String, nullable=False),
)

#: What a person gave for a written question. Rows are added, never changed: the last one counts.
marks = Table(
    "marks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("assignment", String, nullable=False),
    Column("student", String, nullable=False),
    Column("question", String, nullable=False),
    Column("points", Double),
    Column("extra", Double, nullable=False),
    Column("comment", Words, nullable=False),
    Column("marker", String, nullable=False),
    Column("marked_at", UtcDateTime, nullable=False),
    Column("submission_id", ForeignKey("submissions.id")),
    Index("ix_marks_place", "assignment", "student", "question"),
)

#: Who is grading a submission now, and until when nobody else may. Rows go when the work is done; see claims.py.
claims = Table(
    "claims",
    metadata,
    Column("submission_id", ForeignKey("submissions.id"), nullable=False),
    Column("grader_version", String, nullable=False),
    Column("holder", String, nullable=False),
    Column("claimed_until", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("submission_id", "grader_version"),
    Index("ix_claims_holder", "holder"),
)

#: What people decided about one student or team in one assignment: see `grader.policies.Decision`, whose fields these are.
decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("assignment", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("due", UtcDateTime),
    Column("number", Double),
    Column("submission_id", ForeignKey("submissions.id")),
    Column("excused", Boolean, nullable=False, server_default=text("false")),
    Column("comment", Words, nullable=False),
    Column("author", Words, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("file", Words, nullable=False, server_default=""),
    Index("ix_decisions_place", "assignment", "owner"),
    Index("ix_decisions_submission", "submission_id"),
)

#: Who did what, and when. ``detail`` is JSON; what a student wrote is not in it.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", Words, nullable=False),
    Column("role", String, nullable=False),
    Column("action", String, nullable=False),
    Column("assignment", String, nullable=False),
    Column("subject", Words, nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_audit_subject", "subject"),
)

#: Tables whose rows the database itself lets nobody change or delete.
APPEND_ONLY = (decisions, audit)


def append_only_statements(table: str, dialect: str) -> list[str]:
    """The statements that make a table append-only."""
    message = "this table is append-only"
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} BEGIN SELECT RAISE(ABORT, '{message}'); END"
            for what in ("UPDATE", "DELETE")
        ]
    function = "CREATE OR REPLACE FUNCTION autograde_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    trigger = f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
    return [
        function + "$$ BEGIN RAISE EXCEPTION 'this table is append-only'; END $$",
        trigger + "FOR EACH STATEMENT EXECUTE FUNCTION autograde_append_only()",
    ]


for _table in APPEND_ONLY:
    for _dialect in ("sqlite", "postgresql"):
        for _statement in append_only_statements(_table.name, _dialect):
            event.listen(_table, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]

#: A submission that its owner withdrew, or had count again. Rows are added, never changed: the last one counts.
withdrawals = Table(
    "withdrawals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("submission_id", ForeignKey("submissions.id"), nullable=False, index=True),
    Column("person", String, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
)
