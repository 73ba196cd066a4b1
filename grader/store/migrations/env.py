"""What Alembic runs to migrate: on the connection that it is given, in the transaction that is open there."""

from __future__ import annotations

from alembic import context

from grader.store.schema import VERSION_TABLE
from grader.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
