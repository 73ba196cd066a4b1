"""Submissions and results: what was handed in and how it was graded. Nothing in here is ever deleted or replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grader.store.blobs import digest_files
from grader.store.opening import open_store
from grader.store.standings import Standing
from grader.store.totals import Total, total
from grader.store.values import Attempt, Mark, ReceivedFrom, StoredFile, Submission

if TYPE_CHECKING:
    from grader.store.ledger import Ledger
    from grader.store.store import Store

__all__ = [
    "Attempt",
    "Ledger",
    "Mark",
    "ReceivedFrom",
    "Standing",
    "Store",
    "StoredFile",
    "Submission",
    "Total",
    "digest_files",
    "open_store",
    "total",
]


def __getattr__(name: str) -> Any:
    # Importing SQLAlchemy takes half a second of processor time, which only those should pay who open a store. A runner
    # needs this package, and never the database.
    if name == "Store":
        from grader.store.store import Store

        return Store
    if name == "Ledger":
        from grader.store.ledger import Ledger

        return Ledger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
