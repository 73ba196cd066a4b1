"""The made-up class of ``autograde demo`` and of tests: from release to leaderboard. It yields events and prints nothing."""

from grader.demo.classroom import Member, make_class, write_inbox, zipped
from grader.demo.walk import AssignmentGraded, Collected, Event, Finished, Stage, Wrote, copy_packaged_course, walk
from grader.demo.web_class import open_class

__all__ = [
    "AssignmentGraded",
    "Collected",
    "Event",
    "Finished",
    "Member",
    "Stage",
    "Wrote",
    "copy_packaged_course",
    "make_class",
    "open_class",
    "walk",
    "write_inbox",
    "zipped",
]
