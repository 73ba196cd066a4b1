"""``nbgrader export``: every student's score, manual part and lateness included, as CSV that spreadsheets read right."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from nbgrader.api import MissingEntry
from nbgrader.plugins import ExportPlugin
from traitlets import Unicode

from grader.reports.text import csv_safe, number

COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email",
    "checks_score", "written_score", "extra_credit", "raw_score", "late_submission_penalty", "score", "max_score",
    "needs_manual_grade",
)  # fmt: skip


class GradesCsv(ExportPlugin):  # type: ignore[misc]
    """nbgrader's own columns and ours, quoted: names may hold commas, and a cell must not be read as a formula."""

    course_file = Unicode(help="the course's autograde.yml").tag(config=True)

    def export(self, gradebook: Any) -> None:
        """Write ``--to``, or grades.csv here."""
        path = Path(self.to or "grades.csv")
        self.log.info("Exporting grades to %s", path)
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(COLUMNS)
            for assignment in gradebook.assignments:
                if self.assignment and assignment.name not in map(str, self.assignment):
                    continue
                for student in gradebook.students:
                    if not self.student or student.id in map(str, self.student):
                        writer.writerow(self._row(gradebook, assignment, student))

    @staticmethod
    def _row(gradebook: Any, assignment: Any, student: Any) -> list[object]:
        who = [student.id, student.last_name or "", student.first_name or "", student.email or ""]
        due = assignment.duedate or ""
        try:
            submission = gradebook.find_submission(assignment.name, student.id)
        except MissingEntry:
            return [csv_safe(cell) for cell in (assignment.name, str(due), "", *who)] + [
                *["0"] * 6, number(assignment.max_score, 6), "no"
            ]  # fmt: skip
        penalty = submission.late_submission_penalty or 0.0
        grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
        written = submission.written_score + submission.task_score
        extra = sum(grade.extra_credit or 0.0 for grade in grades)
        numbers = [
            submission.score - written, written, extra, submission.score, penalty, max(0.0, submission.score - penalty),
            submission.max_score,
        ]  # fmt: skip
        return [
            *(csv_safe(cell) for cell in (assignment.name, str(due), str(submission.timestamp or ""), *who)),
            *(number(value, 6) for value in numbers),
            "yes" if submission.needs_manual_grade else "no",
        ]
