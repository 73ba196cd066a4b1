"""Schema 5: what people decided (extensions, overrides, choices, slip days, attempts), and the log of who did what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Make both tables, and have the database refuse to change what is in them."""
    dialect = op.get_bind().dialect.name
    zoned = sa.DateTime(timezone=dialect == "postgresql")
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("assignment", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("due", zoned),
        sa.Column("number", sa.Double),
        sa.Column("submission_id", sa.Integer, sa.ForeignKey("submissions.id")),
        sa.Column("excused", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("made_at", zoned, nullable=False),
    )
    op.create_index("ix_decisions_place", "decisions", ["assignment", "owner"])
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", zoned, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("assignment", sa.String, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("ix_audit_subject", "audit", ["subject"])
    for table in ("decisions", "audit"):
        if dialect == "sqlite":
            for what in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'this table is append-only'); END"
                )
        else:
            op.execute(
                "CREATE OR REPLACE FUNCTION autograde_append_only() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'this table is append-only'; END $$"
            )
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION autograde_append_only()"
            )
