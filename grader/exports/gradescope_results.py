"""Gradescope's results.json, made from a report.

Source: the autograder specifications in gradescope/autograder_samples. A test that Gradescope hides also hides the student's total, so
that only ``after_due`` checks are hidden, until then; a ``hidden`` check shows its title and points, as on our own pages.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from grader.course import LeaderboardColumn
from grader.exports.archive import Packed
from grader.exports.grades import GradeState
from grader.exports.lms_table import LmsTable
from grader.exports.source import Source
from grader.records import CheckResult, Report
from grader.release.zips import pack
from grader.reports import student_view
from grader.text import clean

#: Our word for who sees a check, and Gradescope's.
_VISIBILITY = {"visible": "visible", "after_due": "after_due_date", "hidden": "visible"}


class GradescopeResults:
    """An :class:`~grader.exports.archive.Archive` with ``STUDENT/results.json`` for each student who has a score."""

    suffix = ".zip"
    table_needed = ""

    def pack(self, source: Source, table: LmsTable | None) -> Packed:
        """As the protocol says; lateness and people's marks are in the score."""
        del table
        reports = source.reports()
        files: dict[str, bytes] = {}
        left = []
        for grade in source.grades.grades:
            report = reports.get(grade.student)
            if grade.state is not GradeState.GRADED or report is None:
                left.append((grade.student, grade.state.value))
                continue
            value = results(report, source.assignment.leaderboard, score=grade.score)
            files[f"{grade.student}/results.json"] = as_json(value)
        students = tuple(name.partition("/")[0] for name in files)
        return Packed(pack(files), students, tuple(left))


def results(
    report: Report, leaderboard: Sequence[LeaderboardColumn] = (), *, score: float | None = None
) -> dict[str, Any]:
    """The value of results.json. ``score`` replaces the report's own; the report must not be held.

    Raises:
        ValueError: the report has no score: Gradescope would take none for a zero.
    """
    total = report.score if score is None else score
    if total is None or report.held:
        raise ValueError("a held report has no results")
    # Gradescope itself waits for the due date, so the texts are in it.
    seen = student_view(report, due=None, now=datetime.now(UTC))
    board = [
        {"name": clean(column.title or column.metric), "value": metric.value, "order": order}
        for column in leaderboard
        if (metric := report.metrics.get(column.metric)) is not None and metric.value is not None
        for order in ["desc" if column.direction == "higher" else "asc"]
    ]
    return {
        "score": round(total, 9),
        "execution_time": round(report.seconds, 3),
        "output": seen.message,
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {
            "autograde": {
                "verdict": report.verdict.value,
                "grader_version": report.grader_version,
                "submission_digest": report.submission_digest,
                "seed": report.seed,
                "profile": report.profile,
            }
        },
        "tests": [_test(check, number) for number, check in enumerate(seen.checks, 1)],
        "leaderboard": board,
    }


def as_json(value: dict[str, Any]) -> bytes:
    """The file's bytes; NaN is refused, which Gradescope's parser does not know."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _test(check: CheckResult, number: int) -> dict[str, Any]:
    score = check.score or 0.0
    place = f"{check.place.file}:{check.place.line}" if check.place else ""
    parts = [place, check.message, check.hint and f"Hint: {check.hint}", check.output and f"Printed:\n{check.output}"]
    return {
        "name": clean(check.title) or check.id,
        "number": str(number),
        "score": round(score, 9),
        "max_score": check.max_score,
        "status": "passed" if score >= check.max_score else "failed",
        "output": "\n\n".join(clean(part) for part in parts if part),
        "visibility": _VISIBILITY[check.visibility],
    }
