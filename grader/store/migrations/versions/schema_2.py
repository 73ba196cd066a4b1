"""Schema 2: what people gave for written questions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Make the table of marks."""
    op.create_table(
        "marks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("assignment", sa.String, nullable=False),
        sa.Column("student", sa.String, nullable=False),
        sa.Column("question", sa.String, nullable=False),
        sa.Column("points", sa.Double),
        sa.Column("extra", sa.Double, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("marker", sa.String, nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=op.get_bind().dialect.name == "postgresql"), nullable=False),
        sa.Column("submission_id", sa.Integer, sa.ForeignKey("submissions.id")),
    )
    op.create_index("ix_marks_place", "marks", ["assignment", "student", "question"])
