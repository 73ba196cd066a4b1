"""Where an array is wrong, as a small map: nothing of what is right, or of how far off it is."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Rows and columns of a map; a larger array has several entries in a cell.
MAX_MAP = (24, 32)
#: Entries below which a sentence says as much.
_FEWEST = 6


@dataclass(frozen=True, slots=True)
class WrongMap:
    """Which entries of ``name`` are wrong: for each cell, 0 to 9, how many of its entries are (9: all of them).

    ``shape`` is that of the array. The map has its last two axes; cells gather what the axes before them have there.
    """

    name: str
    shape: tuple[int, ...]
    cells: tuple[tuple[int, ...], ...]
    wrong: int


def wrong_map(name: str, wrong: np.ndarray[Any, Any]) -> WrongMap | None:
    """The map of a mask, True where an entry is wrong; None where a map would show no pattern."""
    count = int(wrong.sum())
    if wrong.ndim < 1 or wrong.size < _FEWEST or not 0 < count < wrong.size:
        return None
    rows, columns = (wrong.shape[-2] if wrong.ndim > 1 else 1), wrong.shape[-1]
    shares = wrong.reshape(-1, rows, columns).mean(axis=0)
    if rows * columns < _FEWEST or np.ptp(shares) == 0:
        return None
    shares = _smaller(_smaller(shares, MAX_MAP[0], 0), MAX_MAP[1], 1)
    # What is wrong at all is seen, and 9 is kept for cells that are wrong throughout.
    tenths = np.where(shares >= 1, 9, np.clip(np.ceil(9 * shares), 0, 8)).astype(int)
    return WrongMap(name, wrong.shape, tuple(tuple(row) for row in tenths.tolist()), count)


def _smaller(shares: np.ndarray[Any, Any], most: int, axis: int) -> np.ndarray[Any, Any]:
    """``shares`` with at most ``most`` entries along ``axis``: means of neighbours."""
    length = shares.shape[axis]
    if length <= most:
        return shares
    edges = np.linspace(0, length, most + 1).round().astype(int)
    parts = [shares.take(range(low, high), axis=axis).mean(axis=axis) for low, high in itertools.pairwise(edges)]
    return np.stack(parts, axis=axis)
