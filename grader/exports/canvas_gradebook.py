"""Canvas's gradebook: what its importer makes of each heading, row and number.

Source: lib/gradebook_importer.rb of instructure/canvas-lms. An assignment is found by the number in its heading; a heading
without one makes a new assignment. Of a number's separators the last is the decimal point, so that "1,234" is 1.234.
"""

from __future__ import annotations

import re

from grader.errors import UsageError
from grader.exports.gradebook_format import ScoreColumn, wrong_file
from grader.exports.lms_table import LmsTable, Row, fold, read_number

_ASSIGNMENT = re.compile(r"^(?P<title>.*) \((?P<number>\d+)\)$", re.DOTALL)
#: Headings that hold one of these are totals to Canvas, whatever else they hold.
_TOTAL = re.compile(r"\b(?:Current|Final|Override) (?:Score|Points|Grade)\b")
_POINTS_ROW = "points possible"
_FIX = "in Canvas: Grades, Export, Export Entire Gradebook"


class CanvasGradebook:
    """A :class:`~grader.exports.gradebook_format.GradebookFormat` for Canvas."""

    platform = "Canvas"
    #: Not ``ID``: Canvas's own numbers may be somebody else's number in the roster.
    key_headings = ("SIS Login ID", "SIS User ID", "Integration ID", "Email")
    name_headings = (("Student",), ("FirstName", "LastName"))

    def columns(self, table: LmsTable) -> tuple[ScoreColumn, ...]:
        """As the protocol says: what follows the section and is not a total."""
        first = [fold(cell) for cell in table.heading[:3]]
        names = first[:2] == ["lastname", "firstname"] or first[:1] == ["student"]
        if not names or "id" not in first:
            raise wrong_file(table, self.platform, "its first columns are not Student and ID", _FIX)
        section = table.find("Section", "Sections")
        if section is None:
            raise wrong_file(table, self.platform, "it has no column Section", _FIX)
        points = next((row for row in table.rows if _POINTS_ROW in fold(row.cells[0])), None)
        if points is None:
            raise wrong_file(table, self.platform, "it has no row Points Possible", _FIX)
        found = []
        for index in range(section + 1, len(table.heading)):
            heading = table.heading[index].strip()
            match = _ASSIGNMENT.match(heading)
            cell = points.cells[index].strip()
            if match is None and (not cell or "read only" in cell.casefold()):
                continue  # a column of the instructor's own, or a total
            title = match["title"] if match else heading
            problem, fix = _problem(heading, numbered=match is not None, read_only="read only" in cell.casefold())
            found.append(ScoreColumn(index, title, match["number"] if match else "", read_number(cell), problem, fix))
        return tuple(found)

    def is_student(self, table: LmsTable, row: Row) -> bool:
        """As the protocol says: the rows of points and of posting policies are about no student."""
        place = table.find("ID")
        numbered = place is not None and bool(row.cells[place].strip())
        if _POINTS_ROW in fold(row.cells[0]):
            if numbered:
                raise UsageError(
                    "Canvas takes this student's row for its row of points, because of the name",
                    where=f"{table.path}:{row.line}",
                    fix="remove the row, and enter this student's score in Canvas by hand",
                )
            return False
        return numbered or bool(row.cells[0].strip())

    def is_test_student(self, name: str, keys: tuple[str, ...]) -> bool:
        """As the protocol says: the student of Canvas's student view."""
        del keys
        return fold(name) in ("student, test", "test student")

    def locked(self, table: LmsTable, row: Row, column: ScoreColumn) -> str:
        """As the protocol says: a score would end an excuse, and N/A marks who need not hand in."""
        del table
        marks = {"EX": "excused in Canvas", "N/A": "not assigned in Canvas"}
        return marks.get(row.cells[column.index].strip().upper(), "")

    def clears_by_blank(self) -> bool:
        """A blank where a score stands is a change to Canvas."""
        return True

    def allows_bonus(self) -> bool:
        """Canvas takes any number."""
        return True


def _problem(heading: str, *, numbered: bool, read_only: bool) -> tuple[str, str]:
    if _TOTAL.search(heading):
        return (
            "Canvas takes a column of this name for a total and drops it",
            "rename the assignment in Canvas and export again",
        )
    if not numbered:
        return (
            "its heading has no number, and Canvas would make a new assignment of it",
            "make the assignment in Canvas and export again",
        )
    if read_only:
        return "it is read only in Canvas", "choose another column with --column"
    return "", ""
