"""What one tool's measurement is, and the check that it graded truly before its time counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

import process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assignment import Submission


@dataclass(frozen=True, slots=True)
class Measure:
    """One way of grading ``submissions`` submissions, in seconds and MB.

    ``wall_s`` and ``cpu_s`` are of the whole batch, start-up included, as seen from outside. ``single_wall_s`` and
    ``single_cpu_s`` are of the same command over one submission, from which the cost without start-up follows. ``each_s`` are the wall times of
    the submissions one by one, where the tool runs or reports them so.
    """

    tool: str
    how: str
    includes: str
    submissions: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    single_wall_s: float | None = None
    single_cpu_s: float | None = None
    each_s: tuple[float, ...] = ()
    parts_s: dict[str, float] = field(default_factory=dict)

    @property
    def per_submission_s(self) -> float:
        """Wall seconds of the whole batch over its submissions: the headline."""
        return self.wall_s / self.submissions

    @property
    def cpu_per_submission_s(self) -> float:
        """CPU seconds of everything the batch started, over its submissions."""
        return self.cpu_s / self.submissions

    @property
    def marginal_s(self) -> float | None:
        """Wall seconds of one more submission, start-up left out: (batch of N - batch of 1) / (N - 1)."""
        return self._marginal(self.wall_s, self.single_wall_s)

    @property
    def marginal_cpu_s(self) -> float | None:
        """CPU seconds of one more submission, by the same formula."""
        return self._marginal(self.cpu_s, self.single_cpu_s)

    def _marginal(self, batch: float, single: float | None) -> float | None:
        if single is None or self.submissions < 2:
            return None
        return (batch - single) / (self.submissions - 1)

    @property
    def median_each_s(self) -> float | None:
        """Median of the submissions' own wall times."""
        return median(self.each_s) if self.each_s else None


Scores = dict[str, dict[str, float]]


def verify(tool: str, submissions: Sequence[Submission], scores: Mapping[str, Mapping[str, float]]) -> None:
    """Every submission got the points it deserves, check by check: a tool that did no work gets no time.

    Raises StepFailedError where some score is missing or another one.
    """
    wrong = [
        f"{one.owner} ({one.kind}): expected {one.expected}, got {dict(scores.get(one.owner, {}))}"
        for one in submissions
        if dict(scores.get(one.owner, {})) != one.expected
    ]
    if wrong:
        raise process.StepFailedError(f"{tool} graded {len(wrong)} of {len(submissions)} wrongly:\n" + "\n".join(wrong))
