"""Moodle's two tables: the grading worksheet of one assignment, and the grader report of a course.

Sources: mod/assign/feedback/offline/importgradeslib.php and grade/import/csv/classes/load_data.php of moodle/moodle. Headings are in
the course's language; English and German ones are known, others are named by --column and --id-column. In the import of a
grader report one row that Moodle cannot take fails the whole file.
"""

from __future__ import annotations

import re

from grader.exports.gradebook_format import ScoreColumn, wrong_file
from grader.exports.lms_table import LmsTable, Row, fold, read_number

IDENTIFIER = ("Identifier", "ID")
FULL_NAME = ("Full name", "Vollständiger Name")
_GRADE = ("Grade", "Bewertung")
_MAXIMUM = ("Maximum grade", "Maximum Grade", "Bestwertung")
_CHANGEABLE = ("Grade can be changed", "Bewertung kann geändert werden")
_LAST_MODIFIED = ("Last modified (grade)", "Zuletzt geändert (Bewertung)")
_ITEM = re.compile(r"^(?:[^:]{1,40}: ?)?(?P<title>.+) \((?P<form>[^()]+)\)$", re.DOTALL)
_REAL = ("real", "punkte")
_FIX = (
    "in Moodle: the assignment, View all submissions, Download grading worksheet; or Grades, Export, Plain text file, "
    "with the grade display type Real"
)


class MoodleGradebook:
    """A :class:`~grader.exports.gradebook_format.GradebookFormat` for Moodle."""

    platform = "Moodle"
    key_headings = (
        "ID number", "Username", "Email address", "ID-Nummer", "Matrikelnummer", "Anmeldename", "E-Mail-Adresse",
    )  # fmt: skip
    name_headings = (
        FULL_NAME[:1], FULL_NAME[1:], ("First name", "Last name"), ("First name", "Surname"), ("Vorname", "Nachname"),
    )  # fmt: skip

    def columns(self, table: LmsTable) -> tuple[ScoreColumn, ...]:
        """As the protocol says. A worksheet has one; a grader report has one for each item shown as a number."""
        grade = table.find(*_GRADE)
        if grade is not None and table.find(*IDENTIFIER) is not None:
            return (self._of_worksheet(table, grade),)
        found = []
        for index, heading in enumerate(table.heading):
            match = _ITEM.match(heading.strip())
            if match and fold(match["form"]) in _REAL and not fold(match["title"]).endswith(("total", "gesamt")):
                found.append(ScoreColumn(index, match["title"]))
        if not found:
            raise wrong_file(table, self.platform, "it has no grade of an item as a number", _FIX)
        return tuple(found)

    def _of_worksheet(self, table: LmsTable, grade: int) -> ScoreColumn:
        if table.find(*_LAST_MODIFIED) is None:
            return ScoreColumn(
                grade,
                "",
                problem="Moodle takes a grading worksheet only with its column Last modified (grade)",
                fix="download the worksheet again, with all of its columns",
            )
        maximum = table.find(*_MAXIMUM)
        points = {read_number(row.cells[maximum].strip()) for row in table.rows} if maximum is not None else set()
        return ScoreColumn(grade, "", max_points=points.pop() if len(points) == 1 else None)

    def is_student(self, table: LmsTable, row: Row) -> bool:
        """As the protocol says: every row is about a student."""
        del table, row
        return True

    def is_test_student(self, name: str, keys: tuple[str, ...]) -> bool:
        """As the protocol says: Moodle has none."""
        del name, keys
        return False

    def locked(self, table: LmsTable, row: Row, column: ScoreColumn) -> str:
        """As the protocol says: the worksheet marks grades that cannot be changed."""
        del column
        place = table.find(*_CHANGEABLE)
        fixed = place is not None and fold(row.cells[place]) in ("no", "nein")
        return "locked in Moodle" if fixed else ""

    def clears_by_blank(self) -> bool:
        """A blank changes nothing in Moodle."""
        return False

    def allows_bonus(self) -> bool:
        """A score above the full one fails the whole import."""
        return False
