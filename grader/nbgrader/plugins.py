"""nbgrader's plug-ins: its CSV of grades, read right by spreadsheets, and the course's late policy."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nbgrader.api import MissingEntry
from nbgrader.plugins import ExportPlugin, LateSubmissionPlugin
from traitlets import Unicode

from grader.nbgrader.layout import layout_at
from grader.nbgrader.scores import penalty_of
from grader.reports.formatting import number
from grader.text import csv_safe

COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email",
    "checks_score", "written_score", "extra_credit", "raw_score", "late_submission_penalty", "score", "max_score",
    "needs_manual_grade", "status",
)  # fmt: skip

_NOT_GRADED = "not graded"
_BLANK, _ZERO = [""] * 6, ["0"] * 6


class GradesCsv(ExportPlugin):  # type: ignore[misc]
    """nbgrader's own columns and ours, quoted: names may hold commas, and a cell must not be read as a formula.

    ``status`` is ``graded``, ``not graded`` (handed in, and not put through ``nbgrader autograde`` yet: the scores are
    blank, for a 0 would be imported as one) or ``nothing handed in`` (0, as nbgrader counts it).
    """

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
                waiting = self._handed_in(assignment.name)
                for student in gradebook.students:
                    if not self.student or student.id in map(str, self.student):
                        row = self._row(gradebook, assignment, student, handed_in=student.id in waiting)
                        writer.writerow(row)
                        if row[-1] == _NOT_GRADED:
                            self.log.warning(
                                "%s has handed in %s and is not graded here: run `nbgrader autograde %s`",
                                student.id, assignment.name, assignment.name,
                            )  # fmt: skip

    def _handed_in(self, name: str) -> set[str]:
        """The students who have a submission in the course's store, by themselves or by their team."""
        layout = layout_at(self.course_file)
        if name not in layout.course.assignments:
            return set()
        rows = layout.store.standing(layout.course, layout.course.assignment(name), by="student")
        return {row.owner for row in rows if row.submission is not None}

    @staticmethod
    def _row(gradebook: Any, assignment: Any, student: Any, *, handed_in: bool) -> list[object]:
        who = [student.id, student.last_name or "", student.first_name or "", student.email or ""]
        due = assignment.duedate or ""
        try:
            submission = gradebook.find_submission(assignment.name, student.id)
        except MissingEntry:
            scores, status = (_BLANK, _NOT_GRADED) if handed_in else (_ZERO, "nothing handed in")
            return [csv_safe(cell) for cell in (assignment.name, str(due), "", *who)] + [
                *scores, number(assignment.max_score, 6), "no", status
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
            "graded",
        ]


class CourseLatePolicy(LateSubmissionPlugin):  # type: ignore[misc]
    """Takes from a late submission what autograde.yml says, grace and last day included."""

    course_file = Unicode(help="the course's autograde.yml").tag(config=True)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """The points to take of ``score``; None where the submission is in time."""
        del student_id
        course = layout_at(self.course_file).course
        # nbgrader tells its plug-in how late, but not for what; the step that calls it knows.
        assignment = course.assignment(self.parent.assignment_id)
        due = assignment.due or datetime.now(UTC)
        return penalty_of(score, assignment.late_policy.kept(due, due + timedelta(seconds=total_seconds_late)))
