"""Slip days: days of lateness that cost nothing, out of a budget for the whole course."""

from __future__ import annotations

from collections.abc import Sequence

#: Values closer than this are equal: sums of products of floating point numbers differ in their last digits.
_DIGITS = 9


def allocate_slip_days(values: Sequence[Sequence[float]], budget: int) -> tuple[int, ...]:
    """The days to spend on each assignment so that the sum of the values is greatest.

    ``values[i][n]`` is what assignment ``i`` is worth with ``n`` days spent on it, for ``n`` from 0 up to the most that
    may be. At most ``budget`` days are spent. Of equal sums the one with the fewest days is taken, and of those the one
    that spends them on earlier assignments.

    Dynamic programming over assignments and days, the multiple-choice knapsack of Sinha and Zoltners (Operations
    Research 27(3), 1979): O(assignments x budget x days).
    """
    # By days spent so far: the value, and how they were spent.
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for options in values:
        found: dict[int, tuple[float, tuple[int, ...]]] = {}
        for spent, (value, days) in best.items():
            for more, worth in enumerate(options[: budget - spent + 1]):
                candidate = (value + worth, (*days, more))
                known = found.get(spent + more)
                if known is None or _key(candidate) > _key(known):
                    found[spent + more] = candidate
        best = found
    spent = max(best, key=lambda total: (round(best[total][0], _DIGITS), -total))
    return best[spent][1]


def _key(candidate: tuple[float, tuple[int, ...]]) -> tuple[float, tuple[int, ...]]:
    """Greater is better; of equal values, days on earlier assignments."""
    return round(candidate[0], _DIGITS), candidate[1]
