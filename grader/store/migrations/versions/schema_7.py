"""Schema 7: decisions about a file of a submission, which line comments are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "7"
down_revision = "6"


def upgrade() -> None:
    """Add the column, empty for what is there, and an index by which a submission's decisions are found."""
    op.add_column("decisions", sa.Column("file", sa.Text, nullable=False, server_default=""))
    op.create_index("ix_decisions_submission", "decisions", ["submission_id"])
