"""Blackboard's grade centre: a row by user name, a column by the number at the end of its heading.

Source: Blackboard's help pages on working offline with grades. A column without a number becomes a new one, of text.
"""

from __future__ import annotations

import re

from grader.exports.gradebook_format import ScoreColumn, wrong_file
from grader.exports.lms_table import LmsTable, Row, fold, read_number

_COLUMN = re.compile(
    r"^(?P<title>.*?)\s*(?:\[Total Pts: (?:up to )?(?P<points>[\d.,]+)(?P<form>[^\]]*)\])?\s*\|\s*(?P<number>\d+)$",
    re.DOTALL,
)
_OWN = ("last name", "first name", "username", "student id", "last access", "availability", "child course id")
#: Primary displays that do not take points.
_OTHER_FORMS = ("text", "letter", "percentage", "complete/incomplete")
_FIX = "in Blackboard: Grade Center, Work Offline, Download"


class BlackboardGradebook:
    """A :class:`~grader.exports.gradebook_format.GradebookFormat` for Blackboard."""

    platform = "Blackboard"
    key_headings = ("Username", "Student ID", "Email")
    name_headings = (("First Name", "Last Name"),)

    def columns(self, table: LmsTable) -> tuple[ScoreColumn, ...]:
        """As the protocol says: every column that is not about the person."""
        if table.find("Username") is None:
            raise wrong_file(table, self.platform, "it has no column Username", _FIX)
        found = []
        for index, heading in enumerate(table.heading):
            if fold(heading) in _OWN or not heading.strip():
                continue
            match = _COLUMN.match(heading.strip())
            if match is None:
                found.append(
                    ScoreColumn(
                        index,
                        heading.strip(),
                        problem="its heading has no number, and Blackboard would make a new column of text",
                        fix="make the column in Blackboard and download again",
                    )
                )
            else:
                text = fold(match["form"] or "") in _OTHER_FORMS
                found.append(
                    ScoreColumn(
                        index,
                        match["title"],
                        match["number"],
                        read_number(match["points"] or ""),
                        problem=f"Blackboard shows it as {fold(match['form'])}, not as a score" if text else "",
                        fix="set its primary display to Score in Blackboard and download again",
                    )
                )
        if not any(column.number for column in found):
            raise wrong_file(table, self.platform, "no heading ends with a column's number", _FIX)
        return tuple(found)

    def is_student(self, table: LmsTable, row: Row) -> bool:
        """As the protocol says: every row is about a student."""
        del table, row
        return True

    def is_test_student(self, name: str, keys: tuple[str, ...]) -> bool:
        """As the protocol says: the instructor's preview."""
        del name
        return any(key.strip().casefold().endswith("_previewuser") for key in keys)

    def locked(self, table: LmsTable, row: Row, column: ScoreColumn) -> str:
        """As the protocol says: the file marks none."""
        del table, row, column
        return ""

    def clears_by_blank(self) -> bool:
        """Whether Blackboard clears a score differs by its version, so that it is treated as if it did."""
        return True

    def allows_bonus(self) -> bool:
        """Blackboard takes a score above the points."""
        return True
