"""Batches: which submissions need grading, slots to grade them on, retries and resumption."""

from grader.grading.grade import BatchResult, default_slots, grade_assignment, grade_upload, grade_uploads
from grader.grading.signals import Stopped, stoppable

__all__ = [
    "BatchResult",
    "Stopped",
    "default_slots",
    "grade_assignment",
    "grade_upload",
    "grade_uploads",
    "stoppable",
]
