"""How often somebody may do something: events in a sliding window, kept in memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

#: Of how many people and addresses it is known what they did; those seen longest ago are forgotten.
_KNOWN = 20_000


class Limiter:
    """Counts events by key. A restart forgets them, which gives nobody more than one further window."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._events: OrderedDict[str, deque[float]] = OrderedDict()

    def hit(self, key: str, most: int, within_s: float) -> float:
        """Count an event; 0.0 where it is allowed, otherwise the seconds until the next one is.

        Events that are refused count for nothing: who waits as long as it says gets in.
        """
        now = self._clock()
        with self._lock:
            events = self._events.setdefault(key, deque())
            self._events.move_to_end(key)
            while events and events[0] <= now - within_s:
                events.popleft()
            if len(events) >= most:
                return events[0] + within_s - now
            events.append(now)
            while len(self._events) > _KNOWN:
                self._events.popitem(last=False)
            return 0.0
