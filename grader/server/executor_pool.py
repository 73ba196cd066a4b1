"""Executors that stay warm between submissions: one for each lane and assignment, closed when another is needed more."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from grader.grading import Executor, Work


@dataclass(frozen=True, slots=True)
class Budget:
    """What an executor is warm for: another grader version needs another one."""

    assignment: str
    profile: str
    version: str


class ExecutorPool:
    """At most ``most`` executors, idle and in use together; which of the idle ones is closed is the one not used longest.

    ``open_one`` makes an executor with one slot. Several threads may use the pool.
    """

    def __init__(self, open_one: Callable[[Work], Executor], most: int) -> None:
        self._open, self._most = open_one, most
        self._lock = threading.Lock()
        self._idle: OrderedDict[int, tuple[Budget, Executor]] = OrderedDict()  # not used for longest first
        self._in_use = 0
        self._next = 0

    def take(self, budget: Budget, work: Work) -> Executor:
        """A warm executor for ``budget``, or a new one; give it back, or discard it.

        Raises as ``open_one`` does.
        """
        closing: Executor | None = None
        with self._lock:
            found = next((key for key, (mine, _) in reversed(self._idle.items()) if mine == budget), None)
            self._in_use += 1
            if found is not None:
                return self._idle.pop(found)[1]
            if self._idle and len(self._idle) + self._in_use > self._most:
                closing = self._idle.popitem(last=False)[1][1]
        if closing is not None:
            _close(closing)
        try:
            return self._open(work)
        except BaseException:
            with self._lock:
                self._in_use -= 1
            raise

    def give_back(self, budget: Budget, executor: Executor) -> None:
        """Keep an executor for the next one who needs it."""
        with self._lock:
            self._in_use -= 1
            self._next += 1
            self._idle[self._next] = (budget, executor)

    def discard(self, executor: Executor) -> None:
        """Close an executor that failed."""
        with self._lock:
            self._in_use -= 1
        _close(executor)

    def drop(self, good: Callable[[Budget], bool]) -> None:
        """Close what is idle and no longer wanted: that of an earlier grader version."""
        with self._lock:
            stale = [key for key, (budget, _) in self._idle.items() if not good(budget)]
            closing = [self._idle.pop(key)[1] for key in stale]
        for executor in closing:
            _close(executor)

    def has(self, budget: Budget) -> bool:
        """Whether an idle one is warm for ``budget``."""
        with self._lock:
            return any(mine == budget for mine, _ in self._idle.values())

    @property
    def full(self) -> bool:
        """Whether another one would have one closed."""
        with self._lock:
            return len(self._idle) + self._in_use >= self._most

    def close(self) -> None:
        """Close all that are idle."""
        with self._lock:
            closing = [executor for _, executor in self._idle.values()]
            self._idle.clear()
        for executor in closing:
            _close(executor)


def _close(executor: Executor) -> None:
    # What fails as it ends is no concern of who wants another one.
    with contextlib.suppress(Exception):
        executor.close()
