"""Slots that stay warm for several works, away from the coordinator: what an agent and an actor of Ray's are made of."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable
from types import TracebackType
from typing import Self

from grader.errors import AutogradeError
from grader.grading.messages import Failed, Outcome, Refused, pack_outcome, unpack_turn
from grader.grading.parcel import parcel_id, unpacked
from grader.grading.serve import Turn, serve, start
from grader.grading.slot import Slot
from grader.sandbox.layers import cgroups


class WarmSlots:
    """At most ``keep`` slots, one for each work that was asked for last. Used by one thread; any may call `kill`.

    A warm slot holds a runner and its zygote, some 800 MB; to start one takes seconds.
    """

    def __init__(self, keep: int = 2) -> None:
        self._keep = max(1, keep)
        self._slots: OrderedDict[str, tuple[Slot, contextlib.ExitStack]] = OrderedDict()
        self._busy: Slot | None = None
        self._killed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def has(self, work: str) -> bool:
        """Whether the work of that id has a slot that was started."""
        return work in self._slots

    def serve(self, parcel: bytes, task: bytes) -> bytes:
        """The outcome of a task of the work in ``parcel``, both packed."""
        turn = unpack_turn(task)
        return pack_outcome(self._serve(parcel, turn), turn.task)

    def _serve(self, parcel: bytes, turn: Turn[object]) -> Outcome:
        self._killed = False
        try:
            slot = self._slot(parcel)
            self._busy = slot
            if not slot.running:
                start(slot, self._stopping())
        except AutogradeError as error:
            return Refused(error)
        try:
            return serve(slot, turn, self._stopping())
        except AutogradeError as error:
            return Failed(error)
        finally:
            self._busy = None

    def _stopping(self) -> Callable[[], bool]:
        return lambda: self._killed

    def _slot(self, parcel: bytes) -> Slot:
        work = parcel_id(parcel)
        if work in self._slots:
            self._slots.move_to_end(work)
            return self._slots[work][0]
        while len(self._slots) >= self._keep:
            self._drop(next(iter(self._slots)))
        with contextlib.ExitStack() as stack:
            slot = Slot(stack.enter_context(unpacked(parcel)))
            stack.callback(slot.close)
            self._slots[work] = slot, stack.pop_all()
        return slot

    def _drop(self, work: str) -> None:
        _, stack = self._slots.pop(work)
        stack.close()
        cgroups.sweep()

    def kill(self) -> None:
        """End the runner that is at work, from another thread: nobody waits for what it does any more."""
        self._killed = True
        slot = self._busy
        if slot is not None:
            slot.kill()

    def close(self) -> None:
        """End every slot."""
        while self._slots:
            self._drop(next(iter(self._slots)))
