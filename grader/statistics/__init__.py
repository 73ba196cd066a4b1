"""Statistics of an assignment: what each check tells about a class, and what the class tells about each check."""

from grader.statistics.analysis import analyse
from grader.statistics.class_statistics import CheckStatistics, ClassStatistics, Flag
from grader.statistics.histories import CheckOutcome, GradedUpload, History, read_histories, upload_of
from grader.statistics.mistakes_made import MistakeMade, mistakes_made
from grader.statistics.statistics_page import as_dict, write_statistics

__all__ = [
    "CheckOutcome",
    "CheckStatistics",
    "ClassStatistics",
    "Flag",
    "GradedUpload",
    "History",
    "MistakeMade",
    "analyse",
    "as_dict",
    "mistakes_made",
    "read_histories",
    "upload_of",
    "write_statistics",
]
