"""Intake: an upload becomes files by module. Everything here reads what students sent, and trusts nothing of it."""

from grader.intake.archives import UploadLimits
from grader.intake.inbox import CollectResult, Rejected, Unmatched, collect
from grader.intake.upload import UPLOAD_FOLDER, Upload, read_submission

__all__ = [
    "UPLOAD_FOLDER",
    "CollectResult",
    "Rejected",
    "Unmatched",
    "Upload",
    "UploadLimits",
    "collect",
    "read_submission",
]
