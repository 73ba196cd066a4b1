"""What a course's rules make of what was handed in: attempts, lateness, slip days, overrides, the course's grade.

Pure functions over plain values. Nothing here reads a clock, a file or a database: moments are passed in.
"""

from grader.policies.counted_attempt import Candidate, counted_attempt
from grader.policies.course_grade import CourseGrade, GradePart, course_grade
from grader.policies.decision import Decision, DecisionKind, Decisions
from grader.policies.slip_days import allocate_slip_days
from grader.policies.token_bucket import AttemptsLeft, attempts_left

__all__ = [
    "AttemptsLeft",
    "Candidate",
    "CourseGrade",
    "Decision",
    "DecisionKind",
    "Decisions",
    "GradePart",
    "allocate_slip_days",
    "attempts_left",
    "counted_attempt",
    "course_grade",
]
