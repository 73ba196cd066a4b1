"""Batches: which submissions need grading, executors that grade them, retries and resumption."""

from grader.grading.class_constants import ClassConstants
from grader.grading.executor import EXECUTORS, Executor, Result, Task, Watchable, open_executor
from grader.grading.grade import BatchResult, grade_assignment, grade_upload, grade_uploads
from grader.grading.local import LocalExecutor, default_slots
from grader.grading.serial import SerialExecutor
from grader.grading.signals import Stopped, stoppable
from grader.grading.slot import Decided, Work
from grader.grading.tasks import GradeTask, MeasureTask

__all__ = [
    "EXECUTORS",
    "BatchResult",
    "ClassConstants",
    "Decided",
    "Executor",
    "GradeTask",
    "LocalExecutor",
    "MeasureTask",
    "Result",
    "SerialExecutor",
    "Stopped",
    "Task",
    "Watchable",
    "Work",
    "default_slots",
    "grade_assignment",
    "grade_upload",
    "grade_uploads",
    "open_executor",
    "stoppable",
]
