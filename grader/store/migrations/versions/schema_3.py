"""Schema 3: how an upload arrived, who handed it in for whom, and whether it has any work. Unknown for earlier ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Add the columns, with their defaults for rows that are there."""
    for column in (
        sa.Column("received_from", sa.String, nullable=False, server_default=""),
        sa.Column("left_out", sa.Text, nullable=False, server_default="[]"),
        sa.Column("uploader", sa.String, nullable=False, server_default=""),
        sa.Column("members", sa.Text, nullable=False, server_default="[]"),
        sa.Column("has_work", sa.Boolean),
    ):
        op.add_column("submissions", column)
