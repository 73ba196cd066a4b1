"""The page on which written answers are marked: rubric, points, comment, all by keyboard. It needs no server and no network.

What is typed is kept in the browser until it is saved as a file, which ``autograde marks import`` takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from grader.files import write_file
from grader.reports.formatting import moment
from grader.reports.pages import render, script

if TYPE_CHECKING:
    from grader.course import Assignment, Course
    from grader.review.mark_table import MarkRow


def write_marking_page(
    rows: Sequence[MarkRow], *, course: Course, assignment: Assignment, file: Path, now: datetime
) -> Path:
    """Write the page of all answers, question by question; its path. It is readable for its owner alone."""
    marking, source = script("marking.js")
    by_question: dict[str, list[MarkRow]] = {}
    for row in rows:
        by_question.setdefault(row.question.id, []).append(row)
    html = render(
        "marking.html.j2",
        course=course.name,
        title=assignment.title,
        name=assignment.name,
        groups=[(found[0].question, found) for found in by_question.values()],
        total=len(rows),
        marked=sum(row.mark is not None and row.mark.points is not None for row in rows),
        stamp=now.isoformat(timespec="seconds"),
        made=moment(now, course.timezone),
        script=marking,
        script_source=source,
    )
    return write_file(file, html, mode=0o600)
