"""The list of similar submissions as data and as one HTML page, for staff alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from grader.course import Assignment, Course
from grader.files import write_file
from grader.reports.formatting import moment
from grader.reports.pages import render
from grader.similarity.fingerprints import Unit
from grader.similarity.handed_in import HandedIn, Work
from grader.similarity.pairs import Pair
from grader.similarity.side_by_side import side_by_side


def as_dict(pairs: Sequence[Pair], found: HandedIn, assignment: Assignment) -> dict[str, Any]:
    """The list as JSON-ready data."""
    return {
        "assignment": assignment.name,
        "compared": len(found.works),
        "unread": list(found.unread),
        "pairs": [
            {
                "first": _who(pair.first),
                "second": _who(pair.second),
                "functions": pair.functions,
                "shared": [
                    {"first": _where(item.first), "second": _where(item.second), "others": item.others}
                    for item in pair.shared
                ],
            }
            for pair in pairs
        ],
    }


def write_similar(
    pairs: Sequence[Pair], found: HandedIn, *, course: Course, assignment: Assignment, file: Path, now: datetime
) -> Path:
    """Write the list as a page of its own, both functions of each pair side by side; its path."""
    html = render(
        "similar.html.j2",
        course=course.name,
        title=assignment.title,
        compared=len(found.works),
        earlier=len({work.term for work in found.works if work.term}),
        unread=found.unread,
        pairs=[(pair, [(item, *side_by_side(item.first, item.second)) for item in pair.shared]) for pair in pairs],
        made=moment(now, course.timezone),
    )
    return write_file(file, html, mode=0o600)


def _who(work: Work) -> dict[str, str]:
    return {"label": work.label, "term": work.term}


def _where(unit: Unit) -> dict[str, Any]:
    return {"file": unit.file, "name": unit.name, "line": unit.line, "text": unit.text}
