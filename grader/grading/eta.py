"""When a batch will be over, as it looks: the work that is left, by the pace at which work was done until now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from grader.grading.order import Planned

#: How many results there must be for each slot before a pace can be told from chance.
_ROUNDS = 2


class Eta:
    """Counts what is done. Work is what submissions were expected to take; where nobody knows, each is alike.

    The pace is measured between the first result and the last, so neither a slot's start nor the number of slots that
    an executor happens to have needs to be known. The slots are taken to be in the middle of what they are at.
    """

    def __init__(self, planned: Iterable[Planned], slots: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._work = {one.submission.id: one.seconds or 1.0 for one in planned}
        self._slots, self._clock = max(1, slots), clock
        self._first: float | None = None
        self._done = self._count = 0.0

    def done(self, submission_id: int) -> None:
        """Note that one is graded."""
        work = self._work.pop(submission_id, 0.0)
        if self._first is None:
            # What came before is the start of the slots, and its own work lies before the first moment.
            self._first = self._clock()
            return
        self._done += work
        self._count += 1

    @property
    def seconds(self) -> float | None:
        """Seconds until everything is graded; None while that cannot be known."""
        if not self._work:
            return 0.0
        if self._first is None or self._count < self._slots * _ROUNDS or not self._done:
            return None
        passed = self._clock() - self._first
        left = sum(self._work.values())
        under_way = sum(sorted(self._work.values(), reverse=True)[: self._slots])
        return max(0.0, left - under_way / 2) * passed / self._done
