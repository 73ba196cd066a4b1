"""Moodle's feedback files: a zip with each participant's page, for "Upload multiple feedback files in a zip".

Source: mod/assign/feedback/file/importziplib.php of moodle/moodle. A folder is found by its name, split at underscores: full name,
number of the participant, ``assignfeedback``, ``file``. The numbers are those of the grading worksheet.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from grader.errors import UsageError
from grader.exports.archive import Packed, member_name
from grader.exports.gradebook_format import wrong_file
from grader.exports.gradebook_rows import match_rows
from grader.exports.grades import GradeState
from grader.exports.lms_table import LmsTable, shown
from grader.exports.moodle_gradebook import FULL_NAME, IDENTIFIER, MoodleGradebook
from grader.exports.source import Source
from grader.release.zips import pack
from grader.reports import publish_feedback

_FIX = "in Moodle: the assignment, View all submissions, Download grading worksheet"


class MoodleFeedback:
    """An :class:`~grader.exports.archive.Archive` for Moodle. Only who has a score gets a page."""

    suffix = ".zip"
    table_needed = "Moodle's grading worksheet"

    def pack(self, source: Source, table: LmsTable | None) -> Packed:
        """As the protocol says; the worksheet says each participant's number."""
        assert table is not None
        place = table.find(*IDENTIFIER)
        if place is None:
            raise wrong_file(table, "Moodle", "it has no column Identifier", _FIX)
        names = table.find(*FULL_NAME)
        rows = match_rows(table, MoodleGradebook(), source.grades)
        files: dict[str, bytes] = {}
        students, left = [], []
        with tempfile.TemporaryDirectory(prefix="autograde-feedback-") as folder:
            publish_feedback(source.course, source.assignment, source.store, Path(folder))
            for row, grade in rows.found:
                page = Path(folder) / grade.student / "index.html"
                if grade.state is not GradeState.GRADED or not page.is_file():
                    left.append((grade.student, grade.state.value))
                    continue
                number = re.search(r"(\d+)\s*$", row.cells[place])
                if number is None:
                    raise UsageError(
                        f"{shown(row.cells[place])} is not a participant's number",
                        where=f"{table.path}:{row.line}",
                        fix=_FIX,
                    )
                name = member_name(row.cells[names] if names is not None else "", otherwise="Participant")
                files[f"{name}_{number[1]}_assignfeedback_file_/feedback.html"] = page.read_bytes()
                students.append(grade.student)
        known = {grade.student for _, grade in rows.found}
        return Packed(
            pack(files),
            tuple(students),
            tuple(left),
            tuple(grade.student for grade in source.grades.grades if grade.student not in known and grade.on_roster),
            tuple(rows.strangers),
            ("in Moodle: the assignment, View all submissions, Upload multiple feedback files in a zip",),
        )
