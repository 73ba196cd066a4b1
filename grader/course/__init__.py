"""The course: what autograde.yml describes, who hands in, and what makes a grader version. No torch here."""

from grader.course.course import Assignment, Course, LatePolicy, Profile, variant_sources
from grader.course.identity import course_secret, grader_version, held_out_key
from grader.course.leaderboard_config import CostColumn, LeaderboardColumn
from grader.course.load import FILE_NAME, course_schema, find_course_file, load_course, read_due
from grader.course.models import (
    AttemptLimit,
    AttemptsPolicy,
    CourseGradeConfig,
    DataConfig,
    ForbidRule,
    GradebookConfig,
    SandboxConfig,
    SlipDays,
    Student,
    Team,
    Threshold,
    UploadConfig,
)
from grader.course.questions import Question, read_questions
from grader.course.roster import Owner, Roster
from grader.course.roster_text import RosterEdit, write_roster
from grader.course.suite import CheckInfo, read_suite

__all__ = [
    "FILE_NAME",
    "Assignment",
    "AttemptLimit",
    "AttemptsPolicy",
    "CheckInfo",
    "CostColumn",
    "Course",
    "CourseGradeConfig",
    "DataConfig",
    "ForbidRule",
    "GradebookConfig",
    "LatePolicy",
    "LeaderboardColumn",
    "Owner",
    "Profile",
    "Question",
    "Roster",
    "RosterEdit",
    "SandboxConfig",
    "SlipDays",
    "Student",
    "Team",
    "Threshold",
    "UploadConfig",
    "course_schema",
    "course_secret",
    "find_course_file",
    "grader_version",
    "held_out_key",
    "load_course",
    "read_due",
    "read_questions",
    "read_suite",
    "variant_sources",
    "write_roster",
]
