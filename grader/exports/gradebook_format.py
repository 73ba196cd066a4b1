"""The seam between grades and a gradebook that a platform exported: a format knows the file, :func:`fill` writes the scores.

A gradebook is never invented: a platform finds students and columns by numbers of its own, which only its own file has.
tests/framework/exports/test_gradebooks.py holds every format that is installed to what is written here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from grader.entry_points import Extensions
from grader.errors import UsageError
from grader.exports.lms_table import LmsTable, Row

GRADEBOOKS = Extensions(
    "autograde.gradebooks",
    "export format",
    {
        "canvas": "grader.exports.canvas_gradebook:CanvasGradebook",
        "moodle": "grader.exports.moodle_gradebook:MoodleGradebook",
        "blackboard": "grader.exports.blackboard_gradebook:BlackboardGradebook",
        "brightspace": "grader.exports.brightspace_gradebook:BrightspaceGradebook",
    },
)


@dataclass(frozen=True, slots=True)
class ScoreColumn:
    """A column that may hold the scores of one assignment.

    ``title`` is the assignment's name in the platform, ``number`` the platform's number for it (empty where it shows none),
    ``max_points`` what the platform says a full score is. ``problem`` says why it cannot be filled, ``fix`` what helps.
    """

    index: int
    title: str
    number: str = ""
    max_points: float | None = None
    problem: str = ""
    fix: str = ""


class GradebookFormat(Protocol):
    """Knows one platform's file. It reads nothing but the table, and writes nothing."""

    @property
    def platform(self) -> str:
        """The platform's name, for messages."""

    @property
    def key_headings(self) -> tuple[str, ...]:
        """Headings of columns whose cells are ids or e-mail addresses."""

    @property
    def name_headings(self) -> tuple[tuple[str, ...], ...]:
        """Headings that together are a full name, the surest first."""

    def columns(self, table: LmsTable) -> tuple[ScoreColumn, ...]:
        """The columns that hold scores of assignments, also those that cannot be filled.

        Raises:
            UsageError: the table is not this platform's gradebook.
        """

    def is_student(self, table: LmsTable, row: Row) -> bool:
        """False for rows that are about no student, such as Canvas's points.

        Raises:
            UsageError: the platform would take the row for something else than it is.
        """

    def is_test_student(self, name: str, keys: tuple[str, ...]) -> bool:
        """True where somebody with none of the roster's keys is the platform's own test student."""

    def locked(self, table: LmsTable, row: Row, column: ScoreColumn) -> str:
        """Why the platform would not take a score in this row, or why it must stay as it is; empty where it would."""

    def clears_by_blank(self) -> bool:
        """True where the platform takes an empty cell for "remove the score"."""

    def allows_bonus(self) -> bool:
        """True where it takes a score above the full one."""


#: Makes a format.
GradebookFactory = Callable[[], GradebookFormat]


def open_gradebook(name: str) -> GradebookFormat:
    """The format ``name``.

    Raises:
        UsageError: there is none of that name, or its package cannot be imported.
    """
    factory: GradebookFactory = GRADEBOOKS.load(name, where="--format")
    return factory()


def wrong_file(table: LmsTable, platform: str, lacks: str, fix: str) -> UsageError:
    """The error for a file that is not the gradebook of ``platform``."""
    return UsageError(f"this is not a gradebook of {platform}: {lacks}", where=f"{table.path}:1", fix=fix)
