"""Intake: an upload becomes files by module. Everything here reads what students sent, and trusts nothing of it."""

from grader.intake.class_lists import NameMap, read_names, read_times
from grader.intake.inbox import CollectResult, Doubt, Rejected, collect
from grader.intake.listing import Unmatched
from grader.intake.litter import LeftOut
from grader.intake.taking import UploadLimits
from grader.intake.upload import UPLOAD_FOLDER, Upload, read_submission

__all__ = [
    "UPLOAD_FOLDER",
    "CollectResult",
    "Doubt",
    "LeftOut",
    "NameMap",
    "Rejected",
    "Unmatched",
    "Upload",
    "UploadLimits",
    "collect",
    "read_names",
    "read_submission",
    "read_times",
]
