"""The schema of a store's database: made where there is none, migrated where it is older, refused where it is newer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from grader.errors import StoreError
from grader.store.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

    from grader.store.engines import StoreEngine

#: Raise it with every change to the tables, and write ``migrations/versions/schema_N.py``, whose revision is N.
SCHEMA = 7
#: Alembic's table of the version. The name is our own: nbgrader's gradebook may be in the same database.
VERSION_TABLE = "autograde_version"


def prepare(engine: Engine, kind: StoreEngine) -> None:
    """Bring the database to :data:`SCHEMA`, as a whole or not at all.

    Raises StoreError where a newer Autograde wrote it.
    """
    with kind.reader(engine).connect() as connection:
        if _version(connection) == SCHEMA:
            return
    with kind.writer(engine).begin() as connection:
        kind.queue(connection, "schema")
        version = _version(connection)  # somebody else may have been here meanwhile
        if version > SCHEMA:
            raise StoreError(
                f"the results were written by a newer Autograde (schema {version}; this one knows {SCHEMA})",
                where=kind.where,
                fix="upgrade Autograde",
            )
        if version == 0:
            metadata.create_all(connection, checkfirst=False)
            _stamp(connection, SCHEMA)
        elif version < SCHEMA:
            _upgrade(connection, version)
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")


def _version(connection: Connection) -> int:
    """The schema of the database; 0 for an empty one.

    SQLite keeps it in the file's header, where the Autograde of schema 3 looks before it writes; PostgreSQL in
    Alembic's table.
    """
    if connection.dialect.name == "sqlite":
        return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if not inspect(connection).has_table(VERSION_TABLE):
        return 0
    return int(connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one())  # noqa: S608 - a constant


def _stamp(connection: Connection, version: int) -> None:
    connection.exec_driver_sql(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.execute(text(f"INSERT INTO {VERSION_TABLE} VALUES (:version)"), {"version": str(version)})  # noqa: S608 - a constant


def _upgrade(connection: Connection, version: int) -> None:
    from alembic import command

    if not inspect(connection).has_table(VERSION_TABLE):
        _stamp(connection, version)  # an SQLite file of before there was Alembic
    command.upgrade(migrations(connection), "head")


def migrations(connection: Connection) -> Config:
    """What Alembic's commands need to know to work on ``connection``, in the transaction that it is in."""
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    # ConfigParser reads % as the beginning of a reference.
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
