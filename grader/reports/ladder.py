"""What a leaderboard may say while hand-ins go on: the Ladder, ranges of ranks within chance, and the shake-up at the end."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

Direction = Literal["higher", "lower"]


def ladder(scores: Iterable[float], examples: int, direction: Direction = "higher") -> list[float]:
    """The public score that is shown after each attempt of one participant, in the order of the attempts.

    A score is shown only where it beats the best one shown before by more than a step, and then rounded to steps;
    otherwise that one is shown again. So nobody learns from many attempts more than from a few, about the examples
    that the public score is measured on. Rounding alone protects nothing: docs/how-to/web-service.md has what was measured.

    Args:
        scores: a share between 0 and 1 for each attempt.
        examples: how many examples it is a share of. The step is ``1 / sqrt(examples)``.
        direction: which is better.

    Source: A. Blum and M. Hardt, "The Ladder: A Reliable Leaderboard for Machine Learning Competitions", ICML 2015.

    """
    step = 1 / math.sqrt(examples)
    sign = 1.0 if direction == "higher" else -1.0
    shown: list[float] = []
    best = -math.inf
    for score in scores:
        if sign * score > best + step:
            best = sign * (round(score / step) * step)
        # Rounding may leave the range of a share, and no share does.
        shown.append(min(max(sign * best, 0.0), 1.0))
    return shown


def standard_error(share: float, examples: int) -> float:
    """The standard error of a share of ``examples``: ``sqrt(p (1 - p) / n)``; 0 where it is no share."""
    return math.sqrt(max(share * (1 - share), 0.0) / examples) if examples > 0 else 0.0


def rank_ranges(
    values: Sequence[float | None], examples: int, direction: Direction = "higher"
) -> list[tuple[int, int] | None]:
    """The best and the worst rank that each value may have, by chance; None for a missing one.

    Two shares are taken for different where they are further apart than the standard error of their difference,
    ``sqrt(e1^2 + e2^2)`` with ``e`` as in :func:`standard_error`. All are measured on the same examples, so that the true
    error of a difference is smaller: a range is rather too wide than too narrow.
    """
    sign = 1.0 if direction == "higher" else -1.0
    known = [value for value in values if value is not None]
    ranges: list[tuple[int, int] | None] = []
    for value in values:
        if value is None:
            ranges.append(None)
            continue
        better = sum(_apart(other, value, examples) and sign * other > sign * value for other in known)
        worse = sum(_apart(other, value, examples) and sign * other < sign * value for other in known)
        ranges.append((better + 1, len(known) - worse))
    return ranges


def range_text(ranks: tuple[int, int] | None) -> str:
    """A range of ranks as it is shown: ``3``, or both with a dash between; empty where there is none."""
    if ranks is None:
        return ""
    first, last = ranks
    return str(first) if first == last else f"{first}\N{EN DASH}{last}"


def shake_up(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """By how many ranks everybody rose (positive) or fell when the private scores were revealed."""
    return {who: before[who] - rank for who, rank in after.items() if who in before}


def _apart(one: float, other: float, examples: int) -> bool:
    error = math.hypot(standard_error(one, examples), standard_error(other, examples))
    return abs(one - other) > error
