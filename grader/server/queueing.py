"""In which order submissions are graded, and how long that will take: plain functions, the same for graders and pages."""

from __future__ import annotations

import heapq
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from grader.store.waiting import Waiting

#: After a fault of ours a submission waits so long for its next try, twice as long after each further one.
_FIRST_PAUSE = timedelta(minutes=2)
_LONGEST_PAUSE = timedelta(hours=2)


def in_order(waiting: Iterable[Waiting], now: datetime) -> list[Waiting]:
    """Who is graded when, the next first.

    New work comes before what is graded again, whatever came first: a regrade of a class holds up nobody who waits.
    Within each of the two, everybody's first comes before anybody's second, so that somebody who hands in often holds up
    only themselves; then the time of receipt decides. Of what is graded again, assignments take turns, so that a small
    regrade does not wait for a large one. What failed for a reason of ours pauses before it is tried again.
    """
    turns: Counter[tuple[bool, str, str]] = Counter()
    keyed: list[tuple[bool, int, datetime, int, Waiting]] = []
    for item in sorted(waiting, key=lambda item: (item.received_at, item.submission_id)):
        if item.failed_at is not None and now < item.failed_at + pause(item.faults):
            continue
        whose = (item.regrade, item.assignment, "" if item.regrade else item.owner)
        turn = turns[whose]
        turns[whose] += 1
        keyed.append((item.regrade, turn, item.received_at, item.submission_id, item))
    return [item for *_, item in sorted(keyed, key=lambda row: row[:4])]


def pause(faults: int) -> timedelta:
    """How long a submission waits after that many faults of ours in a row."""
    return min(_FIRST_PAUSE * (1 << min(max(faults - 1, 0), 10)), _LONGEST_PAUSE)


def typical(seconds: Sequence[float]) -> float | None:
    """What an attempt takes, in seconds: the mean of the earlier ones without the slowest tenth; None without any.

    The mean and not the median: a queue takes the sum of what is in it. Of three or more at least one is left out: it may
    have waited for a runner to start.
    """
    if not seconds:
        return None
    left_out = max(len(seconds) // 10, len(seconds) >= 3)
    return statistics.fmean(sorted(seconds)[: len(seconds) - left_out])


def starts_in(ahead: Sequence[str], running: Iterable[float], lanes: int, seconds: Mapping[str, float]) -> float:
    """In how many seconds something begins to be graded that comes after ``ahead``; infinity where nobody can know.

    Args:
        ahead: the assignments of what comes before, in order.
        running: how many more seconds each attempt that is under way will take.
        lanes: how many are graded at a time.
        seconds: what an attempt at an assignment takes.

    """
    free = sorted(max(left, 0.0) for left in running)[-lanes:] if lanes else []
    free = [0.0] * (lanes - len(free)) + free
    if not free:
        return math.inf
    heapq.heapify(free)
    for assignment in ahead:
        if assignment not in seconds:
            return math.inf  # nothing of it has been graded yet: any number would be made up
        heapq.heapreplace(free, free[0] + seconds[assignment])
    return free[0]


def in_words(seconds: float) -> str:
    """A span of time as a person would say it; no more exact than an estimate is."""
    if seconds < 2:
        return "a second or two"
    if seconds < 55:
        return f"about {_rounded(seconds, 5)} seconds"
    if seconds < 90:
        return "about a minute"
    if seconds < 50 * 60:
        return f"about {round(seconds / 60)} minutes"
    if seconds < 90 * 60:
        return "about an hour"
    return f"about {round(seconds / 3600)} hours" if seconds != math.inf else "an unknown time"


def _rounded(value: float, step: int) -> int:
    return max(round(value / step) * step, step) if value >= 10 else max(round(value), 2)
