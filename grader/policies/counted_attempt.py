"""Which of somebody's submissions counts: the best, the last, or the one that was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.course import AttemptsPolicy


@dataclass(frozen=True, slots=True)
class Candidate:
    """One submission: its number, its score after lateness (None while there is none), and whether it has any work."""

    number: int
    score: float | None
    has_work: bool = True


def counted_attempt(policy: AttemptsPolicy, candidates: Sequence[Candidate], chosen: int | None = None) -> int:
    """The index of the candidate that counts; they run from the first received to the last, and there is one at least.

    ``best``: the one with the best score, the earlier of equals; the last one while none has a score. ``last``: the last
    one received. ``chosen``: the one whose number is ``chosen``, and the last one received where that is none of them.
    A submission without work takes the place of none that has some.
    """
    last = next((at for at in reversed(range(len(candidates))) if candidates[at].has_work), len(candidates) - 1)
    if policy == "chosen":
        return next((at for at, item in enumerate(candidates) if item.number == chosen), last)
    if policy == "best":
        scored = [(item.score, -at) for at, item in enumerate(candidates) if item.score is not None]
        return -max(scored)[1] if scored else last
    return last
