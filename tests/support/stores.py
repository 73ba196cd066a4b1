"""What tests of the store do to one, whichever engine it is on."""

from __future__ import annotations

from typing import Any

from grader.store import Store


def again(store: Store) -> Store:
    """The same store, opened anew."""
    return Store(store.state, store.database)


def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    """What a query finds in the store's database."""
    with store._database.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def execute(store: Store, statement: str) -> None:
    """Change the store's database."""
    with store._database.writing() as connection:
        connection.exec_driver_sql(statement)


def spoil_reports(store: Store) -> None:
    """Make every report unreadable."""
    execute(store, "UPDATE attempts SET report = '{}'")
