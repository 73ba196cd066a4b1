"""What happens to submissions, passed on to whoever watches: a page hears of it within milliseconds."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
#: Of how many submissions it is remembered what has been decided: those under way, and some that just were.
_REMEMBERED = 256
#: How many events may lie before a reader that does not read; the page asks anew when it comes back.
_UNREAD = 400


@dataclass(slots=True)
class _Seen:
    started_at: float | None = None
    checks: OrderedDict[str, Event] = field(default_factory=OrderedDict)


class Hub:
    """Events by submission. Any thread may publish; readers are coroutines."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers: dict[int, set[tuple[asyncio.AbstractEventLoop, asyncio.Queue[Event]]]] = {}
        self._seen: OrderedDict[int, _Seen] = OrderedDict()
        #: Bumped by each event that changes the queue: what was computed from the store before is stale.
        self.count = 0

    def publish(self, submission_id: int, event: Event) -> None:
        """Pass ``event`` on; its ``kind`` is `running`, `check`, `done` or `queued`."""
        with self._lock:
            if event["kind"] != "check":
                self.count += 1
            self._remember(submission_id, event)
            readers = list(self._readers.get(submission_id, ()))
        for loop, queue in readers:
            # The loop may have been closed meanwhile: then nobody reads.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_put, queue, event)

    def running_since(self, submission_id: int) -> float | None:
        """When grading of a submission began, in seconds since 1970; None where it is not under way."""
        with self._lock:
            seen = self._seen.get(submission_id)
            return seen.started_at if seen else None

    def running(self) -> dict[int, float]:
        """What is being graded, and since when, in seconds since 1970."""
        with self._lock:
            return {number: seen.started_at for number, seen in self._seen.items() if seen.started_at is not None}

    def checks(self, submission_id: int) -> list[Event]:
        """The checks of a submission that have been decided in the attempt under way, in order."""
        with self._lock:
            seen = self._seen.get(submission_id)
            return list(seen.checks.values()) if seen else []

    def forget_running(self) -> None:
        """Note that nothing is being graded any more: the process that graded is gone."""
        with self._lock:
            numbers = [number for number, seen in self._seen.items() if seen.started_at is not None]
        for number in numbers:
            self.publish(number, {"kind": "queued"})

    @contextlib.contextmanager
    def reading(self, submission_id: int) -> Iterator[asyncio.Queue[Event]]:
        """A queue with the events of a submission from now on; call it in a coroutine."""
        queue: asyncio.Queue[Event] = asyncio.Queue(_UNREAD)
        reader = (asyncio.get_running_loop(), queue)
        with self._lock:
            self._readers.setdefault(submission_id, set()).add(reader)
        try:
            yield queue
        finally:
            with self._lock:
                mine = self._readers.get(submission_id, set())
                mine.discard(reader)
                if not mine:
                    self._readers.pop(submission_id, None)

    @property
    def readers(self) -> int:
        """How many watch."""
        with self._lock:
            return sum(len(mine) for mine in self._readers.values())

    def _remember(self, submission_id: int, event: Event) -> None:
        kind = event["kind"]
        if kind == "running":
            self._seen[submission_id] = _Seen(event.get("at"))
            self._seen.move_to_end(submission_id)
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        elif kind == "check" and submission_id in self._seen:
            self._seen[submission_id].checks[event["id"]] = event
        elif kind in ("done", "queued"):
            self._seen.pop(submission_id, None)


def _put(queue: asyncio.Queue[Event], event: Event) -> None:
    with contextlib.suppress(asyncio.QueueFull):
        queue.put_nowait(event)
