"""Schema 1: submissions, their files, attempts, checks and metrics."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    zoned = sa.DateTime(timezone=op.get_bind().dialect.name == "postgresql")
    op.create_table(
        "submissions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("assignment", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("received_at", zoned, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("problem", sa.Text),
        sa.UniqueConstraint("assignment", "owner", "received_at", "digest"),
    )
    op.create_index("ix_submissions_assignment", "submissions", ["assignment"])
    op.create_table(
        "files",
        sa.Column("submission_id", sa.Integer, sa.ForeignKey("submissions.id"), primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("submission_id", sa.Integer, sa.ForeignKey("submissions.id"), nullable=False),
        sa.Column("grader_version", sa.String, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("profile", sa.String, nullable=False),
        sa.Column("seed", sa.String, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("score", sa.Double),
        sa.Column("max_score", sa.Double, nullable=False),
        sa.Column("report", sa.Text, nullable=False),
        sa.Column("started_at", zoned, nullable=False),
        sa.Column("finished_at", zoned, nullable=False),
        sa.UniqueConstraint("submission_id", "grader_version", "ordinal"),
    )
    op.create_index("ix_attempts_submission_id", "attempts", ["submission_id"])
    op.create_table(
        "checks",
        sa.Column("attempt_id", sa.Integer, sa.ForeignKey("attempts.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("check_id", sa.String, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("score", sa.Double),
        sa.Column("max_score", sa.Double, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
    )
    op.create_index("ix_checks_check_id", "checks", ["check_id"])
    op.create_table(
        "metrics",
        sa.Column("attempt_id", sa.Integer, sa.ForeignKey("attempts.id"), primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.Double),
        sa.Column("direction", sa.String, nullable=False),
    )
