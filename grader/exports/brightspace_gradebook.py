"""Brightspace's grades: a row by OrgDefinedId or Username, each with a ``#``; a column by its name and "Points Grade".

Source: Brightspace's help pages on importing grades. The last column, End-of-Line Indicator, stays ``#`` in each row.
"""

from __future__ import annotations

import re

from grader.exports.gradebook_format import ScoreColumn, wrong_file
from grader.exports.lms_table import LmsTable, Row, fold, read_number

_POINTS = re.compile(
    r"^(?P<title>.+) Points Grade\s*(?:<[^>]*?MaxPoints:\s*(?P<points>[\d.,]+)[^>]*>|<[^>]*>)?$", re.DOTALL
)
_END = "End-of-Line Indicator"
_FIX = "in Brightspace: Grades, Enter Grades, Export, with the key Both and the value Points grade"


class BrightspaceGradebook:
    """A :class:`~grader.exports.gradebook_format.GradebookFormat` for Brightspace."""

    platform = "Brightspace"
    key_headings = ("OrgDefinedId", "Username", "Email")
    name_headings = (("First Name", "Last Name"),)

    def columns(self, table: LmsTable) -> tuple[ScoreColumn, ...]:
        """As the protocol says: the points of items; their other forms are computed from these."""
        if table.find("OrgDefinedId", "Username") is None:
            raise wrong_file(table, self.platform, "it has neither OrgDefinedId nor Username", _FIX)
        if fold(table.heading[-1]) != fold(_END):
            raise wrong_file(table, self.platform, f"its last column is not {_END}", _FIX)
        found = []
        for index, heading in enumerate(table.heading):
            if match := _POINTS.match(heading.strip()):
                found.append(ScoreColumn(index, match["title"], max_points=read_number(match["points"] or "")))
        if not found:
            raise wrong_file(table, self.platform, "it has no column of points", _FIX)
        return tuple(found)

    def is_student(self, table: LmsTable, row: Row) -> bool:
        """As the protocol says: every row is about a student."""
        del table, row
        return True

    def is_test_student(self, name: str, keys: tuple[str, ...]) -> bool:
        """As the protocol says: the demo student."""
        del keys
        return fold(name) in ("demo student", "student demo")

    def locked(self, table: LmsTable, row: Row, column: ScoreColumn) -> str:
        """As the protocol says: the file marks none."""
        del table, row, column
        return ""

    def clears_by_blank(self) -> bool:
        """An empty cell leaves a score in most versions; it is treated as if it did not."""
        return True

    def allows_bonus(self) -> bool:
        """Only where the item may exceed its points, which the file does not say."""
        return True
