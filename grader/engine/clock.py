"""How much time a submission has left: for the check that runs, and for all checks together."""

from __future__ import annotations

import time
from collections.abc import Mapping

from grader.sandbox.faults import TimeLimit
from grader.sandbox.limits import Limits


class Clock:
    """Wall time of one attempt, in seconds of ``time.monotonic()``."""

    def __init__(self, limits: Limits) -> None:
        self.wall_s = limits.wall_s
        self.patience: Mapping[str, float] = {}  # seconds for a case, where they are less than the check's own
        self._check_s = limits.check_s
        self.restart()

    def restart(self) -> None:
        """Begin an attempt."""
        self._started = time.monotonic()
        self._check_deadline = self._started + self._check_s

    def begin_case(self, case: str, timeout: float | None) -> None:
        """Begin one case of a check; ``timeout`` is the check's own limit, in place of the profile's."""
        limit = timeout or self._check_s
        self._check_deadline = time.monotonic() + min(limit, self.patience.get(case, limit))

    def excuse(self, seconds: float) -> None:
        """Give back what was spent on our side."""
        self._started += seconds
        self._check_deadline += seconds

    @property
    def deadline(self) -> float:
        """When to give up the request that is about to be sent."""
        return min(self._check_deadline, self._started + self.wall_s)

    def check(self) -> None:
        """Make sure that there is time for another worker.

        Raises:
            TimeLimit: all checks together have used up theirs.
        """
        if time.monotonic() > self._started + self.wall_s:
            raise TimeLimit(f"Your submission used up the {self.wall_s:g} seconds that all checks together may take.")
