"""Batches: which submissions need grading, slots to grade them on, retries and resumption."""

from grader.batch.grade import Graded, default_slots, grade_assignment, grade_upload, grade_uploads

__all__ = ["Graded", "default_slots", "grade_assignment", "grade_upload", "grade_uploads"]
