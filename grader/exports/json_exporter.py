"""Grades as JSON, for programs: every field of every grade, versioned."""

from __future__ import annotations

import json
from dataclasses import asdict

from grader.exports.grades import Grades

SCHEMA_VERSION = 1


class JsonExporter:
    """An :class:`~grader.exports.exporter.Exporter` for programs. A score that is not there is null."""

    suffix = ".json"

    def export(self, grades: Grades) -> bytes:
        """As the protocol says; UTF-8, times in ISO 8601."""
        rows = [
            {**asdict(grade), "submitted_at": grade.submitted_at.isoformat() if grade.submitted_at else None}
            for grade in grades.grades
        ]
        value = {
            "schema_version": SCHEMA_VERSION,
            "course": grades.course,
            "assignment": grades.assignment,
            "title": grades.title,
            "max_score": grades.max_score,
            "grades": rows,
        }
        return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
