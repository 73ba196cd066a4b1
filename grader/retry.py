"""How often grading is tried before a fault of ours holds it: one policy, so that the total can be read off."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Three numbers, each the most times that something is done.

    ``in_runner``: a runner begins a submission anew after a worker or a zygote was lost. ``runners``: an executor gives
    a submission to a runner; the last time comes after all others have had their turn. ``starts``: a runner is started
    in a row before an executor takes the failure for one that concerns every submission.
    """

    in_runner: int = 3
    runners: int = 3
    starts: int = 4

    def __post_init__(self) -> None:
        if min(self.in_runner, self.runners, self.starts) < 1:
            raise ValueError("a retry policy needs at least one try of each kind")

    @property
    def most(self) -> int:
        """The most times that a submission is graded before it is held as ``system_error``."""
        return self.in_runner * self.runners


#: The policy that the runner and every executor follow.
RETRIES = RetryPolicy()
