"""Schema 4: which attempt counts, held to one by an index; and who is grading what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Of the attempts of one grader version the last that is not held has counted until now."""
    op.add_column("attempts", sa.Column("counts", sa.Boolean, nullable=False, server_default=sa.text("false")))
    op.execute(
        "UPDATE attempts SET counts = true WHERE id IN ("
        "SELECT max(id) FROM attempts WHERE verdict NOT IN ('grader_error', 'system_error') "
        "GROUP BY submission_id, grader_version)"
    )
    counts: sa.ColumnElement[bool] = sa.column("counts", sa.Boolean)
    op.create_index(
        "ux_attempts_counting",
        "attempts",
        ["submission_id", "grader_version"],
        unique=True,
        sqlite_where=counts,
        postgresql_where=counts,
    )
    op.create_table(
        "claims",
        sa.Column("submission_id", sa.Integer, sa.ForeignKey("submissions.id"), nullable=False),
        sa.Column("grader_version", sa.String, nullable=False),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=op.get_bind().dialect.name == "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("submission_id", "grader_version"),
    )
    op.create_index("ix_claims_holder", "claims", ["holder"])
