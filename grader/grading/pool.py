"""A pool of slots: threads, one a slot, over a queue of tasks; results come back to the calling thread."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Self, TypeAlias, TypeVar

from grader.errors import RunnerError
from grader.grading.slot import Slot, Work
from grader.sandbox.layers import cgroups

T = TypeVar("T")

#: How often in a row a runner may fail to start.
_STARTS = 4
#: How often to look for control groups that were left.
_SWEEPS = 20


@dataclass(frozen=True, slots=True)
class Again(Generic[T]):
    """What a task gives that is to be tried once more, when the others are done."""

    task: Task[T]


Task: TypeAlias = Callable[[Slot], "T | Again[T]"]


class Pool(Generic[T]):
    """Use it in a ``with``: it starts its slots, runs what it is given, and ends them at the end, come what may."""

    def __init__(self, work: Work, count: int) -> None:
        self.stopping = threading.Event()
        self._slots = [Slot(work) for _ in range(count)]
        self._tasks: queue.SimpleQueue[tuple[int, Task[T]] | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[tuple[int, T] | BaseException] = queue.SimpleQueue()
        # Daemons: an interrupted coordinator must not wait for a student's loop.
        self._threads = [threading.Thread(target=self._serve, args=(slot,), daemon=True) for slot in self._slots]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: object, *_details: object) -> None:
        try:
            if kind is None:
                self._end(10)
        finally:
            self.stopping.set()
            for slot in self._slots:
                slot.kill()
            self._end(2)
            # Zygotes that were killed could not; their workers may take a moment to be gone.
            for _ in range(_SWEEPS):
                if not cgroups.sweep():
                    break
                time.sleep(0.05)

    def run(self, tasks: Sequence[Task[T]]) -> Iterator[tuple[int, T]]:
        """Run ``tasks``; give each result with its task's number as it is there, in no particular order.

        Raises:
            AutogradeError: a runner could not start, for a reason that concerns every task.
        """
        for numbered in enumerate(tasks):
            self._tasks.put(numbered)
        for _ in tasks:
            result = self._results.get()
            if isinstance(result, BaseException):
                raise result
            yield result

    def start(self, slot: Slot) -> None:
        """Start a runner; one that is killed as it warms up is no reason to end the batch.

        Raises:
            AutogradeError: it cannot start, or failed to time and again.
        """
        for left in reversed(range(_STARTS)):
            try:
                slot.start()
            except RunnerError:
                slot.close()
                if not left or self.stopping.is_set():
                    raise
            else:
                return

    def _serve(self, slot: Slot) -> None:
        try:
            self.start(slot)
            while (task := self._tasks.get()) is not None and not self.stopping.is_set():
                number, function = task
                result = function(slot)
                if isinstance(result, Again):
                    self._tasks.put((number, result.task))
                else:
                    self._results.put((number, result))
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            self._results.put(error)
        finally:
            slot.close()

    def _end(self, seconds: float) -> None:
        """Tell every thread that there is no more, and wait for it up to ``seconds``."""
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join(seconds)
