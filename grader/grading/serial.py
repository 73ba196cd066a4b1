"""One warm slot in the caller's thread, started with the first task: for callers that bring one task at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from grader.grading.executor import Result, Task
from grader.grading.serve import Turn, serve
from grader.grading.slot import Decided, Slot, Work
from grader.sandbox.layers import cgroups

A = TypeVar("A")


class SerialExecutor:
    """An :class:`~grader.grading.executor.Executor` that stays warm between runs. ``slots`` is ignored: it has one."""

    def __init__(self, work: Work, slots: int | None = None) -> None:
        del slots
        self._slot = Slot(work)
        self._closed = False

    def run(self, tasks: Iterable[Task[A]]) -> Iterator[Result[A]]:
        """As the protocol says."""
        if self._closed:
            raise RuntimeError("the executor is closed")
        whole = False
        try:
            last: list[Turn[A]] = []
            for task in tasks:
                outcome = serve(self._slot, Turn(task))
                if isinstance(outcome, Turn):
                    last.append(outcome)
                else:
                    yield outcome
            for turn in last:
                outcome = serve(self._slot, turn)
                assert isinstance(outcome, Result), "the last try settles it"
                yield outcome
            whole = True
        finally:
            if not whole:
                self._slot.kill()
                self.close()

    def watch(self, seen: Callable[[int, Decided], None]) -> None:
        """As the protocol says."""
        self._slot.seen = seen

    def close(self) -> None:
        """As the protocol says."""
        if self._closed:
            return
        self._closed = True
        self._slot.close()
        cgroups.sweep()
