"""Submissions and results: what was handed in and how it was graded. Nothing in here is ever deleted or replaced."""

from grader.store.archives import Limits as UploadLimits
from grader.store.blobs import digest_files
from grader.store.intake import CollectResult, Rejected, Unmatched, collect
from grader.store.standing import Standing
from grader.store.store import Store
from grader.store.totals import Total, total
from grader.store.upload import UPLOAD_FOLDER, Upload, read_submission
from grader.store.values import Attempt, Mark, StoredFile, Submission

__all__ = [
    "UPLOAD_FOLDER",
    "Attempt",
    "CollectResult",
    "Mark",
    "Rejected",
    "Standing",
    "Store",
    "StoredFile",
    "Submission",
    "Total",
    "Unmatched",
    "Upload",
    "UploadLimits",
    "collect",
    "digest_files",
    "read_submission",
    "total",
]
