"""Submissions and results: what was handed in and how it was graded. Nothing in here is ever deleted or replaced."""

from grader.store.blobs import digest_files
from grader.store.standings import Standing
from grader.store.store import Store
from grader.store.totals import Total, total
from grader.store.values import Attempt, Mark, ReceivedFrom, StoredFile, Submission

__all__ = [
    "Attempt",
    "Mark",
    "ReceivedFrom",
    "Standing",
    "Store",
    "StoredFile",
    "Submission",
    "Total",
    "digest_files",
    "total",
]
