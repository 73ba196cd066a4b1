"""How much time a submission has left: for the check that runs, and for all checks together.

What costs points is processor time that the worker uses, whatever else the machine does meanwhile. Wall time runs only
while a request is under way, less what the worker spent in the queue for a processor, and is a backstop for code that
sleeps or waits. What happens on the trusted side, between
requests, costs nothing: imports, data, the suite's own computations, the load of files.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from grader.limits import Limits
from grader.records import MEASURED
from grader.sandbox.faults import TimeLimit
from grader.sandbox.trusted.worker import WAITED
from grader.text import counted

#: How much wall time goes with a second of processor time that a limit grants: a worker may have a quarter of a core.
WALL_FACTOR = 4.0
#: The same for a case that is tried again alone.
PATIENT_FACTOR = 8.0
#: How old a reading of the worker's processor time may be, in seconds of wall time. A reading takes some 50 us.
_STALE_S = 0.05
#: A request that begins with so much of the check's time left had all of it.
_WHOLE = 0.9


class Computes(Protocol):
    """What the clock needs of a worker."""

    def cpu_s(self) -> float:
        """Seconds of processor time that it has used so far."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one request may take: processor time by the worker's own count, wall time by ``time.monotonic()``."""

    cpu_until: float
    deadline: float
    #: Whether that is all of the check's processor time, and all of its wall time.
    whole_cpu: bool
    whole_wall: bool


class Clock:
    """The time of one attempt, in seconds."""

    def __init__(self, limits: Limits, *, wall_factor: float = WALL_FACTOR) -> None:
        """``wall_factor``: seconds of wall time for each second of processor time that a check may take."""
        #: Processor time and wall time for all checks together.
        self.cpu_s = limits.cpu_s
        self.wall_s = WALL_FACTOR * limits.wall_s
        self.patience: Mapping[str, float] = {}  # seconds for a case, where they are less than the check's own
        self._check_s = limits.check_s
        self._factor = wall_factor
        self._read: dict[Computes, float] = {}  # what each living worker had used when it was read last
        self._read_at = 0.0
        self.restart()

    def restart(self) -> None:
        """Begin an attempt."""
        self.used = 0.0  # processor time of all workers, as far as it was read
        self.waited = 0.0  # wall time of all requests
        self._limit_s = self._check_s
        self.forgive()

    def begin_case(self, case: str, timeout: float | None) -> None:
        """Begin one case of a check; ``timeout`` is the check's own limit, in place of the profile's."""
        limit = timeout or self._check_s
        self._limit_s = min(limit, self.patience.get(case, limit))
        self.forgive()

    def forgive(self) -> None:
        """Give the running case its whole time again."""
        self._used_before, self._waited_before = self.used, self.waited

    @contextlib.contextmanager
    def aside(self, seconds: float) -> Iterator[None]:
        """Count what is asked in here against ``seconds`` of its own: the running case has as much left as before."""
        self._update()
        limit, cpu, wall = self._limit_s, self.used - self._used_before, self.waited - self._waited_before
        self._limit_s = seconds
        self.forgive()
        try:
            yield
        finally:
            self._update()
            self._limit_s = limit
            self._used_before, self._waited_before = self.used - cpu, self.waited - wall

    def limit_all(self, seconds: float) -> None:
        """Give all checks together no more than so many seconds of processor time."""
        self.cpu_s, self.wall_s = min(self.cpu_s, seconds), min(self.wall_s, WALL_FACTOR * seconds)

    # -- the worker --------------------------------------------------------------------------------------------

    def follow(self, worker: Computes) -> None:
        """Count for this worker too from now on: what it took to get ready is ours."""
        self._update()
        self._read[worker], self._read_at = worker.cpu_s(), time.monotonic()

    def leave(self, worker: Computes) -> None:
        """Count for this worker for the last time: it is gone."""
        self._update()
        self._read.pop(worker, None)

    def _update(self) -> None:
        for worker, before in self._read.items():
            now = worker.cpu_s()
            self.used += max(0.0, now - before)
            self._read[worker] = now
        if self._read:
            self._read_at = time.monotonic()

    def allow(self, worker: Computes) -> Allowance:
        """What the next request to a worker that is followed may take.

        Raises:
            TimeLimit: nothing is left.
        """
        if time.monotonic() - self._read_at > _STALE_S:
            fresh = self.used == self._used_before and self.waited == self._waited_before
            self._update()
            if fresh:  # nothing was asked in this case yet: what was not read is of before
                self.forgive()
        self.check_total()
        cpu, wall = self.used - self._used_before, self.waited - self._waited_before
        cpu_left, wall_left = self._limit_s - cpu, self._factor * self._limit_s - wall
        if cpu_left <= 0 or wall_left <= 0:
            waited = cpu_left > 0
            more = f" {WAITED}" if waited else ""
            raise TimeLimit(f"Your code did not finish within its time limit.{more}", waited=waited)
        whole_cpu, whole_wall = cpu_left > _WHOLE * self._limit_s, wall_left > _WHOLE * self._factor * self._limit_s
        cpu_left = min(cpu_left, self.cpu_s - self.used)
        wall_left = min(wall_left, self.wall_s - self.waited)
        return Allowance(self._read[worker] + cpu_left, time.monotonic() + wall_left, whole_cpu, whole_wall)

    def spend(self, seconds: float) -> None:
        """Count the wall time of a request, less what is excused."""
        self.waited += max(0.0, seconds)

    def check_total(self) -> None:
        """Make sure that the submission has time left.

        Raises:
            TimeLimit: all checks together have used up theirs.
        """
        if self.used >= self.cpu_s:
            raise TimeLimit(
                f"Your submission used up the {counted(self.cpu_s, 'second')} of CPU time that all checks together may take."
            )
        if self.waited >= self.wall_s:
            raise TimeLimit(
                f"Your submission used up the {counted(self.wall_s, 'second')} that all checks together may take.",
                waited=True,
            )

    def measured(self) -> str:
        """What staff read where a limit was met: wall and processor time of the case, and the machine's load."""
        cpu, wall = self.used - self._used_before, self.waited - self._waited_before
        load = " ".join(f"{value:.1f}" for value in os.getloadavg())
        return (
            f"{MEASURED}{cpu:.1f} s of CPU time (limit {self._limit_s:g}) and {wall:.1f} s of wall time (limit "
            f"{self._factor * self._limit_s:g}) in this check; {self.used:.1f} s and {self.waited:.1f} s in all; load "
            f"of the machine {load}"
        )


def longest_silence(wall_s: float) -> float:
    """Wall seconds that one case can take at most under a profile's ``wall_s``, for whoever waits for it."""
    return WALL_FACTOR * wall_s
