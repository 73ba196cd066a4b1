"""What to do next, by the points that it can win, and what changed since the submission before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.records import CheckResult, Report
    from grader.reports.causes import Cause

#: Steps that are listed: what comes after them is to be looked at when these are done.
MOST = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One cause to put right: the check that says it in full, how many checks it stops, and the points that they lost."""

    check: CheckResult
    checks: int
    points: float


@dataclass(frozen=True, slots=True)
class Change:
    """A check whose points changed: those of the submission before, and now."""

    check: CheckResult
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class Progress:
    """What changed since the submission before: points in all, and the checks that gained and lost, most first."""

    points: float
    gained: tuple[Change, ...]
    lost: tuple[Change, ...]
    same: int
    """Checks that lose as many points as before."""
    other_grader: bool
    """Whether the grader changed in between, so that points may differ for that alone."""


def next_steps(causes: Sequence[Cause], most: int = MOST) -> list[Step]:
    """The causes that cost most points, the most expensive first; only those of which the page says something: what it says stands there once."""
    steps = []
    for cause in causes:
        checks = (cause.first, *cause.others)
        points = sum(check.max_score - check.score for check in checks if check.score is not None)
        explained = cause.first.message or cause.first.hint or cause.above
        if points > 0 and explained and not cause.first.verdict.held:
            steps.append(Step(cause.first, len(checks), points))
    # sort keeps the order of the suite among equals, which is the order in which the parts build on each other.
    steps.sort(key=lambda step: -step.points)
    return steps[:most]


def progress(report: Report, before: Report | None) -> Progress | None:
    """What changed from ``before`` to ``report``; None where there is nothing to compare with."""
    if before is None or report.score is None or before.score is None:
        return None
    earlier = {check.id: check.score for check in before.checks if check.score is not None}
    changes = [
        Change(check, earlier[check.id], check.score)
        for check in report.checks
        if check.score is not None and check.id in earlier
    ]
    return Progress(
        points=report.score - before.score,
        gained=tuple(sorted((c for c in changes if c.now > c.before), key=lambda c: c.before - c.now)),
        lost=tuple(sorted((c for c in changes if c.now < c.before), key=lambda c: c.now - c.before)),
        same=sum(c.now == c.before and c.now < c.check.max_score for c in changes),
        other_grader=report.grader_version != before.grader_version,
    )
