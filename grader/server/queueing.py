"""In which order submissions are graded, and how long that will take: plain functions, the same for graders and pages."""

from __future__ import annotations

import heapq
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from grader.store.durations import Recent
from grader.store.waiting import Waiting

#: After a fault of ours a submission waits so long for its next try, twice as long after each further one.
_FIRST_PAUSE = timedelta(minutes=2)
_LONGEST_PAUSE = timedelta(hours=2)
#: An attempt that took so many times the median is counted as if it had taken just that.
_FAR = 3.0
#: Of each assignment so many of the last attempts are followed.
_FOLLOWED = 20
#: What began to be graded within so many seconds did so in calm; and in this time two thirds of a rush have passed.
_CALM_S, _RUSH_S = 2.0, 100.0
#: Where more than this lies between two attempts nothing was grading, in seconds.
_LONGEST_GAP_S = 10.0


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
    """What an attempt takes, in seconds: the mean of earlier ones, each at most three times the median; None without any.

    The mean and not the median: a queue takes the sum of what is in it. One that waited for a runner to start, or ran into
    its limit, must not stand for all; of two, the median is the smaller one.
    """
    if not seconds:
        return None
    most = _FAR * statistics.median_low(seconds)
    return statistics.fmean(min(value, most) for value in seconds)


@dataclass(frozen=True, slots=True)
class Pace:
    """What attempts at an assignment take of a lane, in seconds: now, and in calm, when nothing had to wait.

    A rush is uploads and pages as well as work, and they take the graders' processors. It passes: so what an attempt takes is
    expected to go back to what it took in calm, two thirds of the way in ``_RUSH_S``.
    """

    now: float
    calm: float

    def at(self, seconds: float) -> float:
        """What one takes that begins in so many seconds."""
        return self.calm + (self.now - self.calm) * math.exp(-seconds / _RUSH_S)


def paces(recent: Iterable[Recent], lanes: int) -> dict[str, Pace]:
    """The pace of each assignment, by its last attempts."""
    measured = lane_seconds(recent, lanes)
    found = {}
    for name, taken in measured.items():
        now = typical([took for took, _ in taken[-_FOLLOWED:]])
        calm = typical([took for took, waited in taken if waited < _CALM_S][-_FOLLOWED:])
        if now is not None:
            found[name] = Pace(now, now if calm is None else calm)
    return found


def lane_seconds(recent: Iterable[Recent], lanes: int) -> dict[str, list[tuple[float, float]]]:
    """For how long each attempt kept one of ``lanes`` from the next one, and how long it had waited before, in seconds.

    They are given by assignment, the latest last.

    That is more than the attempt itself takes: what comes between two of a queue (claiming, reading files, recording) counts
    for the later one, if it was waiting when the lane became free. Which attempt ran in which lane is not recorded; the lane
    that is free first is taken for it. So the figures follow what is measured, whatever else keeps the machine busy.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    free: list[datetime] = []
    for item in sorted(recent, key=lambda item: item.started_at):
        took = (item.finished_at - item.started_at).total_seconds()
        if len(free) >= max(lanes, 1):
            since = heapq.heappop(free)
            if item.received_at <= since < item.started_at:
                took += min((item.started_at - since).total_seconds(), _LONGEST_GAP_S)
        heapq.heappush(free, item.finished_at)
        found.setdefault(item.assignment, []).append((took, (item.started_at - item.received_at).total_seconds()))
    return found


def starts_in(ahead: Sequence[str], running: Iterable[float], lanes: int, pace: Mapping[str, Pace]) -> float:
    """In how many seconds something begins to be graded that comes after ``ahead``; infinity where nobody can know.

    The arguments are those of :func:`starts_of`.
    """
    return starts_of([*ahead, ""], running, lanes, pace)[-1]


def starts_of(order: Sequence[str], running: Iterable[float], lanes: int, pace: Mapping[str, Pace]) -> list[float]:
    """In how many seconds each of a queue begins to be graded; infinity where nobody can know.

    Args:
        order: the assignments of what waits, in order.
        running: how many more seconds each attempt that is under way will take.
        lanes: how many are graded at a time.
        pace: what an attempt at an assignment takes, where that is known.

    """
    if lanes < 1:
        return [math.inf] * len(order)
    free = sorted(max(left, 0.0) for left in running)[-lanes:]
    free = [0.0] * (lanes - len(free)) + free
    heapq.heapify(free)
    starts, known = [], True
    for assignment in order:
        starts.append(free[0] if known else math.inf)
        # Where nothing of an assignment has been graded yet, any number after it would be made up.
        known = known and assignment in pace
        if known:
            heapq.heapreplace(free, free[0] + pace[assignment].at(free[0]))
    return starts


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
