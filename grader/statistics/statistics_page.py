"""Statistics as data and as one HTML page, for staff alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from grader.course import Assignment, Course
from grader.files import write_file
from grader.reports.formatting import moment
from grader.reports.pages import render, script
from grader.statistics.class_statistics import CheckStatistics, ClassStatistics

_BINS = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """One column of a histogram: from and to which points, and how many."""

    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the class: how many submissions came, and their median points."""

    label: str
    count: int
    median: float


def as_dict(found: ClassStatistics, assignment: Assignment) -> dict[str, Any]:
    """Everything as JSON-ready data. Students stand under their ids."""
    return {
        "assignment": assignment.name,
        "students": len(found.histories),
        "submissions": sum(len(history.uploads) for history in found.histories),
        "max_score": found.max_score,
        "scores": list(found.scores),
        "first_scores": list(found.first_scores),
        "checks": [asdict(check) for check in found.checks],
        "flagged": [{"check": check.id, "flag": flag.name} for check, flag in found.to_look_at],
    }


def write_statistics(
    found: ClassStatistics,
    *,
    course: Course,
    assignment: Assignment,
    file: Path,
    now: datetime,
    pages: Mapping[str, str] | None = None,
) -> Path:
    """Write the page; its path.

    Args:
        found: the statistics.
        course: gives the name and the timezone.
        assignment: gives the title and the due date.
        file: the page.
        now: when it is made; timezone-aware.
        pages: where a student's feedback is, by owner, as a link from the page.

    """
    sort_script, script_source = script("sort.js")
    html = render(
        "stats.html.j2",
        script=sort_script,
        script_source=script_source,
        course=course.name,
        title=assignment.title,
        found=found,
        pages=pages or {},
        bars=histogram(found.scores, found.max_score),
        first_bars=histogram(found.first_scores, found.max_score),
        days=by_day(found, course),
        due=moment(assignment.due, course.timezone) if assignment.due else None,
        mean=sum(found.scores) / len(found.scores) if found.scores else None,
        quartiles=quartiles(found.scores),
        said=said,
        made=moment(now, course.timezone),
    )
    return write_file(file, html, mode=0o600)


def said(check: CheckStatistics) -> str:
    """The correlation in words and numbers, with its interval; where it is undefined, why."""
    one = check.item_rest
    if one.value is None:
        return f"undefined: {one.why}"
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def histogram(scores: Sequence[float], most: float) -> list[Bar]:
    """Ten columns from 0 to ``most``; the last one has its upper end, and what is beyond either end is in the nearest."""
    width = most / _BINS if most else 1.0
    counts = [0] * _BINS
    for score in scores:
        counts[min(_BINS - 1, max(0, math.floor(score / width)))] += 1
    return [Bar(at * width, (at + 1) * width, count) for at, count in enumerate(counts)]


def quartiles(scores: Sequence[float]) -> tuple[float, float, float, float, float] | None:
    """Least, lower quartile, median, upper quartile and most; None where there is nothing."""
    if not scores:
        return None
    ordered = sorted(scores)
    return tuple(_quantile(ordered, share) for share in (0.0, 0.25, 0.5, 0.75, 1.0))  # type: ignore[return-value]


def by_day(found: ClassStatistics, course: Course) -> list[Day]:
    """The days on which something was handed in, in the course's timezone."""
    days: dict[Any, list[float]] = {}
    for history in found.histories:
        for upload in history.uploads:
            days.setdefault(upload.received_at.astimezone(course.timezone).date(), []).append(upload.score)
    return [
        Day(f"{day.day} {day:%b}", len(scores), _quantile(sorted(scores), 0.5)) for day, scores in sorted(days.items())
    ]


def _quantile(ordered: Sequence[float], share: float) -> float:
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])
