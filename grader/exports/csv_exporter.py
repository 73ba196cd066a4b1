"""Grades as CSV (RFC 4180): a heading, a row for each student, and nothing that a spreadsheet would calculate."""

from __future__ import annotations

import csv
import io

from grader.exports.grades import Grade, Grades
from grader.text import csv_safe

COLUMNS = (
    "student", "name", "email", "state", "score", "max_score", "raw_score", "checks_score", "written_score",
    "late_penalty", "days_late", "unmarked", "waiting", "submitted_by", "submitted_at", "on_roster",
    "slip_days", "overridden", "excused",
)  # fmt: skip
#: Enough for any sum of points, and short enough that 0.1 + 0.2 is 0.3.
_DIGITS = 9


class CsvExporter:
    """An :class:`~grader.exports.exporter.Exporter` for spreadsheets. A score that is not there is an empty cell."""

    suffix = ".csv"

    def export(self, grades: Grades) -> bytes:
        """As the protocol says; UTF-8 with a byte order mark, without which Excel misreads names."""
        stream = io.StringIO()
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(_row(grade, grades.max_score) for grade in grades.grades)
        return stream.getvalue().encode("utf-8-sig")


def _row(grade: Grade, max_score: float) -> list[object]:
    cells = [
        grade.student,
        grade.name,
        grade.email,
        grade.state.value,
        _number(grade.score),
        _number(max_score),
        _number(grade.raw_score),
        _number(grade.checks_score),
        _number(grade.written_score),
        _number(grade.late_penalty),
        grade.days_late,
        grade.unmarked,
        _yes(grade.waiting),
        grade.submitted_by,
        grade.submitted_at.isoformat() if grade.submitted_at else "",
        _yes(grade.on_roster),
        grade.slip_days,
        _yes(grade.overridden),
        _yes(grade.excused),
    ]
    return [csv_safe(cell) for cell in cells]


def _number(value: float | None) -> float | str:
    if value is None:
        return ""
    rounded = round(value, _DIGITS)
    return int(rounded) if rounded == int(rounded) else rounded


def _yes(value: bool) -> str:
    return "yes" if value else "no"
