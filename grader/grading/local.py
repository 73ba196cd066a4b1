"""The default executor: warm slots on this machine, a thread each, over one queue."""

from __future__ import annotations

import itertools
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from grader.grading.executor import Result, Task
from grader.grading.serve import Turn, serve, start
from grader.grading.slot import Decided, Slot, Work
from grader.sandbox.layers import cgroups

A = TypeVar("A")

#: How often to look for control groups that were left.
_SWEEPS = 20
#: How many tasks are handed out for each slot: the one under way, and the next.
_AHEAD = 2


def default_slots() -> int:
    """One runner for each core that this process may use."""
    return len(os.sched_getaffinity(0))


class LocalExecutor:
    """An :class:`~grader.grading.executor.Executor` on this machine. Its slots warm up from the moment it is made."""

    def __init__(self, work: Work, slots: int | None = None) -> None:
        self._stopping = threading.Event()
        self._slots = [Slot(work) for _ in range(max(1, slots or default_slots()))]
        self._turns: queue.SimpleQueue[Turn[Any] | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Result[Any] | Turn[Any] | BaseException] = queue.SimpleQueue()
        self._under_way = 0
        self._closed = False
        self._ending = False
        # A slot warms up in two processes at a time. With more of them than cores all slots would be ready late, at once.
        self._starting = threading.Semaphore(max(1, default_slots() // 2))
        self._warm: set[Slot] = set()
        # Daemons: an interrupted coordinator must not wait for a student's loop.
        self._threads = [threading.Thread(target=self._serve, args=(slot,), daemon=True) for slot in self._slots]
        for thread in self._threads:
            thread.start()

    def run(self, tasks: Iterable[Task[A]]) -> Iterator[Result[A]]:
        """As the protocol says."""
        if self._closed:
            raise RuntimeError("the executor is closed")
        waiting, last = iter(tasks), list[Turn[A]]()
        try:
            while True:
                free = len(self._slots) * _AHEAD - self._under_way
                for task in itertools.islice(waiting, max(0, free)):
                    self._hand_out(Turn(task))
                if not self._under_way:
                    if not last:
                        return
                    # Every other task has had its turn.
                    while last:
                        self._hand_out(last.pop(0))
                outcome = self._outcomes.get()
                if isinstance(outcome, BaseException):
                    raise outcome
                self._under_way -= 1
                if isinstance(outcome, Turn):
                    last.append(outcome)
                else:
                    yield outcome
        finally:
            if self._under_way:
                self.close()

    def watch(self, seen: Callable[[int, Decided], None]) -> None:
        """As the protocol says."""
        for slot in self._slots:
            slot.seen = seen

    def close(self) -> None:
        """As the protocol says."""
        if self._closed:
            return
        self._closed = True
        try:
            if not self._under_way:
                self._ending = True
                for slot in self._slots:
                    if slot not in self._warm:
                        slot.kill()  # all work was done before it was ready
                self._end(10)
        finally:
            self._stopping.set()
            for slot in self._slots:
                slot.kill()
            self._end(2)
            # Zygotes that were killed could not; their workers may take a moment to be gone.
            for _ in range(_SWEEPS):
                if not cgroups.sweep():
                    break
                time.sleep(0.05)

    def _hand_out(self, turn: Turn[Any]) -> None:
        self._under_way += 1
        self._turns.put(turn)

    def _serve(self, slot: Slot) -> None:
        try:
            with self._starting:
                if not self._ending:
                    start(slot, lambda: self._ending or self._stopping.is_set())
            self._warm.add(slot)
            while (turn := self._turns.get()) is not None and not self._stopping.is_set():
                self._outcomes.put(serve(slot, turn, self._stopping.is_set))
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            self._outcomes.put(error)
        finally:
            slot.close()

    def _end(self, seconds: float) -> None:
        """Tell every thread that there is no more, and wait for it up to ``seconds``."""
        for _ in self._threads:
            self._turns.put(None)
        for thread in self._threads:
            thread.join(seconds)
