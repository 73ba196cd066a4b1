"""Where it is wrong, if only a part is."""

from __future__ import annotations

from typing import Any

import numpy as np

from grader.checks.diagnosis.case import Array, Case


def part(case: Case) -> tuple[str, tuple[Any, ...]] | None:
    """Words for the part that is wrong, and an index of it; None where the wrong entries have no such form.

    Only a part that is wrong throughout is named, and only where the rest is right: enough of both to tell.
    """
    wrong = case.wrong
    if not wrong.any() or wrong.all() or wrong.size < 4:
        return None
    # Whole numbers, and whatever a wide tolerance lets pass, are right by chance here and there.
    chance = case.discrete or case.rtol > 1e-3
    for axis in range(wrong.ndim):
        found = _along(wrong, axis, least=4 if chance else 1)
        if found is not None:
            words, chosen = found
            index: list[Any] = [slice(None)] * wrong.ndim
            index[axis] = chosen
            return words, tuple(index)
    return None


def _along(wrong: Array, axis: int, least: int) -> tuple[str, Array] | None:
    """The indices of one axis that are wrong, where those and no others are."""
    length = wrong.shape[axis]
    others = tuple(k for k in range(wrong.ndim) if k != axis)
    touched = np.asarray(wrong.any(axis=others))
    # A right entry here and there may be chance: a zero, say.
    filled = np.asarray(wrong.mean(axis=others))
    if length < 3 or touched.all() or not touched.any() or (filled[touched] < 0.7).any():
        return None
    if wrong.ndim == 1 and length < 6 and touched.sum() not in (1, length - 1):
        return None
    chosen = np.flatnonzero(touched)
    place = f" along axis {axis}" if wrong.ndim > 1 else ""
    if chosen.size == 1:
        k = int(chosen[0])
        end = " (the first)" if k == 0 else " (the last)" if k == length - 1 else ""
        return f"is wrong only at index {k}{end}{place}; the rest is right", chosen
    if chosen.size == length - 1:
        if (~wrong).sum() < least:
            return None
        k = int(np.flatnonzero(~touched)[0])
        end = " (the first)" if k == 0 else " (the last)" if k == length - 1 else ""
        return f"is right only at index {k}{end}{place}; the rest is wrong", chosen
    if chosen.size == 2 and chosen[0] == 0 and chosen[1] == length - 1:
        return f"is wrong only at both ends{place}; the rest is right", chosen
    if (np.diff(chosen) == 1).all() and length >= 5:
        if chosen[0] == 0:
            return f"is wrong only in the first {chosen.size} of {length}{place}; the rest is right", chosen
        if chosen[-1] == length - 1:
            return f"is wrong only in the last {chosen.size} of {length}{place}; the rest is right", chosen
    if length >= 6 and (np.diff(chosen) == 2).all() and chosen.size >= length // 2:
        return f"is wrong only at {'even' if chosen[0] % 2 == 0 else 'odd'} indices{place}; the rest is right", chosen
    return None


def shape_of_error(case: Case) -> str | None:
    """Patterns over two axes: the border, the diagonal, a triangle, where the right value is zero."""
    wrong = case.wrong
    if wrong.ndim < 2 or wrong.all() or not wrong.any() or min(wrong.shape[-2:]) < 3:
        return None
    rows, columns = np.indices(wrong.shape[-2:])
    height, width = wrong.shape[-2:]
    border = (rows == 0) | (columns == 0) | (rows == height - 1) | (columns == width - 1)
    patterns = [("on the border of the last two axes", border)]
    if height == width:
        patterns += [("on the diagonal", rows == columns), ("off the diagonal", rows != columns)]
    if height >= 4 and width >= 4:
        patterns += [("above the diagonal", columns > rows), ("below the diagonal", columns < rows)]
    for words, pattern in patterns:
        wide = np.broadcast_to(pattern, wrong.shape)
        if not (wrong & ~wide).any() and wrong[wide].mean() > 0.9 and 3 <= wide.sum() < wide.size:
            return f"is wrong only {words}; the rest is right."
    return None
