"""Reports: feedback pages, leaderboard and terminal tables, static and self-contained."""

from grader.reports.explanation import Step, decided, explain, explain_course
from grader.reports.feedback import (
    FeedbackItem,
    Summary,
    student_view,
    summarise,
    write_feedback,
    write_feedback_batch,
)
from grader.reports.leaderboard import LeaderboardEntry, Row, entry_of, standing, write_leaderboard
from grader.reports.publish import publish_feedback, publish_leaderboard
from grader.reports.terminal_tables import BatchRow, batch_table, report_table

__all__ = [
    "BatchRow",
    "FeedbackItem",
    "LeaderboardEntry",
    "Row",
    "Step",
    "Summary",
    "batch_table",
    "decided",
    "entry_of",
    "explain",
    "explain_course",
    "publish_feedback",
    "publish_leaderboard",
    "report_table",
    "standing",
    "student_view",
    "summarise",
    "write_feedback",
    "write_feedback_batch",
    "write_leaderboard",
]
