"""Classical item analysis: how hard a check is, and whether those who pass it do well in the rest.

No item response theory: a course has too few students for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Two-sided 95 % of a normal distribution.
_Z = 1.959964
#: Students below whom an interval says nothing.
_FEWEST = 4


@dataclass(frozen=True, slots=True)
class Correlation:
    """A correlation with its 95 % interval; where it is undefined, ``value`` is None and ``why`` says why."""

    value: float | None
    low: float | None = None
    high: float | None = None
    why: str = ""


def item_rest(shares: Sequence[float], rest: Sequence[float]) -> Correlation:
    """Pearson's correlation of a check's share of points with the points of all others: the corrected item-total correlation.

    For 0 and 1 it is the point-biserial one. The interval is Fisher's: ``tanh(atanh(r) +- 1.96 / sqrt(n - 3))`` (Fisher,
    Statistical Methods for Research Workers, 1925, section 35).

    Args:
        shares: 0 to 1, one for each student.
        rest: points of each student in all other checks.

    """
    count = len(shares)
    if count < _FEWEST:
        return Correlation(None, why=f"{count} students are too few")
    one, other = np.asarray(shares, dtype=np.float64), np.asarray(rest, dtype=np.float64)
    if np.ptp(one) == 0:
        return Correlation(None, why="everybody has the same points here")
    if np.ptp(other) == 0:
        return Correlation(None, why="everybody has the same points in all other checks")
    value = float(np.clip(np.corrcoef(one, other)[0, 1], -1.0, 1.0))
    if abs(value) > 1 - 1e-12:
        return Correlation(value, value, value)
    width = _Z / math.sqrt(count - 3)
    return Correlation(value, math.tanh(math.atanh(value) - width), math.tanh(math.atanh(value) + width))


def thirds(shares: Sequence[float], rest: Sequence[float]) -> tuple[float, float] | None:
    """Mean share of the third of students with least points in the rest, and of that with most; None below nine students."""
    if len(shares) < 9:
        return None
    order = np.argsort(np.asarray(rest, dtype=np.float64), kind="stable")
    third = len(order) // 3
    values = np.asarray(shares, dtype=np.float64)
    return float(values[order[:third]].mean()), float(values[order[-third:]].mean())
