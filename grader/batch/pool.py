"""A pool of slots: threads, one a slot, over a queue of tasks; results come back to the calling thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Self, TypeVar

from grader.batch.slot import Slot, Work

T = TypeVar("T")


class Pool(Generic[T]):
    """Use it in a ``with``: it starts its slots, runs what it is given, and ends them at the end, come what may."""

    def __init__(self, work: Work, count: int) -> None:
        self.stopping = threading.Event()
        self._slots = [Slot(work) for _ in range(count)]
        self._tasks: queue.SimpleQueue[tuple[int, Callable[[Slot], T]] | None] = queue.SimpleQueue()
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
                for _ in self._threads:
                    self._tasks.put(None)
                for thread in self._threads:
                    thread.join(10)
        finally:
            self.stopping.set()
            for slot in self._slots:
                slot.kill()

    def run(self, tasks: Sequence[Callable[[Slot], T]]) -> Iterator[tuple[int, T]]:
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

    def _serve(self, slot: Slot) -> None:
        try:
            slot.start()
            while (task := self._tasks.get()) is not None and not self.stopping.is_set():
                number, function = task
                self._results.put((number, function(slot)))
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            self._results.put(error)
        finally:
            slot.close()
