"""In which order a batch is graded: what somebody waits for first, everybody's turn before anybody's second, longest first.

Three rules, each within the one before it. A submission that has no report yet goes before one that is graded again. Of an
owner's submissions the newest is graded in the first round, the next in the second, so that nobody's ten uploads stand
before another's one. Within a round the longest goes first, by what the last attempt took: a long one that begins last
would keep the whole batch waiting.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.grading.tasks import FRESH, REGRADE

if TYPE_CHECKING:
    from grader.store import Submission
    from grader.store.durations import Duration


@dataclass(frozen=True, slots=True)
class Planned:
    """A submission to grade, its task's priority, and the seconds that it is expected to take; None: nobody knows."""

    submission: Submission
    priority: int
    seconds: float | None


def plan(pending: Sequence[Submission], past: Sequence[Duration], profile: str) -> list[Planned]:
    """The order for ``pending``. ``past`` are the attempts at the assignment, the earliest first."""
    expected = _expectations(pending, past, profile)
    graded = {attempt.submission_id for attempt in past}
    rounds: dict[str, int] = defaultdict(int)
    ranks: dict[int, tuple[int, int, float]] = {}
    planned = []
    for submission in sorted(pending, key=lambda one: (one.received_at, one.id), reverse=True):
        priority = REGRADE if submission.id in graded else FRESH
        seconds = expected.get(submission.id)
        ranks[submission.id] = priority, rounds[submission.owner], -(seconds or 0.0)
        rounds[submission.owner] += 1
        planned.append(Planned(submission, priority, seconds))
    # Python's sort keeps the order of equals: the first received goes first.
    planned.sort(key=lambda one: (one.submission.received_at, one.submission.id))
    return sorted(planned, key=lambda one: ranks[one.submission.id])


def _expectations(pending: Sequence[Submission], past: Sequence[Duration], profile: str) -> Mapping[int, float]:
    """Seconds by submission: of its own last attempt, or its owner's, or the median of all; none where there is none."""
    mine: dict[int, float] = {}
    theirs: dict[str, float] = {}
    for attempt in past:
        if attempt.profile == profile:
            mine[attempt.submission_id] = theirs[attempt.owner] = attempt.seconds
    if not mine:
        return {}
    usual = statistics.median(mine.values())
    return {one.id: mine.get(one.id, theirs.get(one.owner, usual)) for one in pending}
