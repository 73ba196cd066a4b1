"""How many calls were answered, and how fast: by route and kind of answer, never by person or address."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

#: Upper ends of the classes of a histogram, in seconds.
BUCKETS = (0.025, 0.1, 0.3, 1.0, 2.0, 5.0)


#: Any other is one: whoever sends what nobody knows makes no figure of their own.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestCounts:
    """Counts since the service started; any thread may add."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[tuple[str, str, str]] = Counter()
        self._within: Counter[float] = Counter()
        self._seconds, self._count = 0.0, 0

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a call of a route, which is its pattern. Streams of events, which are long by intent, are not timed."""
        method = method if method in _METHODS else "other"
        with self._lock:
            self._calls[method, route, f"{status // 100}xx"] += 1
            if not route.endswith("/events"):
                self._seconds += seconds
                self._count += 1
                for bound in BUCKETS:
                    self._within[bound] += seconds <= bound

    def lines(self) -> Iterator[str]:
        """The figures in the text form of Prometheus."""
        with self._lock:
            calls, within = dict(self._calls), dict(self._within)
            seconds, count = self._seconds, self._count
        yield "# HELP autograde_requests_total calls that were answered"
        yield "# TYPE autograde_requests_total counter"
        for (method, route, status), number in sorted(calls.items()):
            yield f'autograde_requests_total{{method="{method}",route="{route}",status="{status}"}} {number}'
        yield "# HELP autograde_request_seconds how long an answer took, streams of events left out"
        yield "# TYPE autograde_request_seconds histogram"
        for bound in BUCKETS:
            yield f'autograde_request_seconds_bucket{{le="{bound:g}"}} {within.get(bound, 0)}'
        yield f'autograde_request_seconds_bucket{{le="+Inf"}} {count}'
        yield f"autograde_request_seconds_sum {seconds:.6f}"
        yield f"autograde_request_seconds_count {count}"
