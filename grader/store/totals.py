"""What an attempt comes to once people have graded their part: checks, written questions and overridden checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from grader.course import Question
    from grader.store.values import Mark


class _Check(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def score(self) -> float | None: ...


class Scored(Protocol):
    """What has been scored: a Report, or the rows of an attempt."""

    @property
    def score(self) -> float | None:
        """The points of all checks; None while one is held."""

    @property
    def max_score(self) -> float:
        """The most there is."""

    @property
    def checks(self) -> Sequence[_Check]:
        """The checks; they may be left out where no mark is on one of them."""


@dataclass(frozen=True, slots=True)
class Total:
    """Points of the checks and of people, together. ``score`` is None while a check is held for staff.

    ``auto`` is what the checks gave, ``manual`` what people gave for written questions, extra points included.
    ``unmarked`` counts the questions with points that nobody has marked yet; they add nothing until somebody does.
    """

    score: float | None
    max_score: float
    auto: float | None
    manual: float
    manual_max: float
    unmarked: int


def total(report: Scored, questions: Sequence[Question] = (), marks: Mapping[str, Mark] | None = None) -> Total:
    """Add up an attempt: a mark on a check replaces its score, and settles one that was held."""
    marks = marks or {}
    overridden = {check.id: marks[check.id] for check in report.checks if check.id in marks}
    checks = report.score
    if overridden:
        parts = [_points(check.score, overridden.get(check.id)) for check in report.checks]
        checks = None if any(part is None for part in parts) else sum(part or 0.0 for part in parts)
    manual, unmarked = 0.0, 0
    for question in questions:
        mark = marks.get(question.id)
        if mark is None or mark.points is None:
            unmarked += question.points > 0
            manual += mark.extra if mark else 0.0
        else:
            manual += mark.points + mark.extra
    manual_max = sum(question.points for question in questions)
    return Total(
        score=None if checks is None else checks + manual,
        max_score=report.max_score + manual_max,
        auto=report.score,
        manual=manual,
        manual_max=manual_max,
        unmarked=unmarked,
    )


def _points(score: float | None, mark: Mark | None) -> float | None:
    if mark is None:
        return score
    points = score if mark.points is None else mark.points
    return None if points is None else points + mark.extra
