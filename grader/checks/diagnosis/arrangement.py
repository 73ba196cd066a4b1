"""The right numbers in the wrong places."""

from __future__ import annotations

import itertools

import numpy as np

from grader.checks.diagnosis.case import Case


def transposed(case: Case) -> str | None:
    """Axes in another order, where the sizes allow it; and a reshape in place of a transpose."""
    if not case.telling or case.e.ndim < 2 or case.e.ndim > 5:
        return None
    for order in itertools.permutations(range(case.e.ndim)):
        if order == tuple(range(case.e.ndim)):
            continue
        turned = case.e.transpose(order)
        if turned.shape == case.a.shape and case.fits(turned):
            return "is transposed." if case.e.ndim == 2 else f"has its axes in another order: {order}."
        if turned.size == case.a.size and case.fits(turned.reshape(case.a.shape)):
            return (
                "holds the right values in the wrong places: it was reshaped where its axes should have been permuted."
            )
    return None


def flipped(case: Case) -> str | None:
    """Reversed along one axis."""
    if not case.telling:
        return None
    for axis in range(case.e.ndim):
        if case.e.shape[axis] > 1 and case.fits(np.flip(case.e, axis)):
            return f"is reversed along axis {axis}."
    return None


def shifted(case: Case) -> str | None:
    """Off by one along an axis."""
    if not case.telling:
        return None
    for axis in range(case.e.ndim):
        length = case.e.shape[axis]
        if length < 4:
            continue
        for step in (1, -1):
            ours = np.take(case.a, range(max(step, 0), length + min(step, 0)), axis)
            right = np.take(case.e, range(max(-step, 0), length + min(-step, 0)), axis)
            if np.unique(right).size >= 4 and np.allclose(ours, right, rtol=3 * case.rtol, atol=3 * case.atol):
                return f"is shifted by one along axis {axis}."
    return None


def permuted_entries(case: Case) -> str | None:
    """The same numbers in some other order."""
    if not case.telling or case.e.size < 6:
        return None
    if np.allclose(np.sort(case.a, None), np.sort(case.e, None), rtol=case.rtol, atol=case.atol):
        return "holds the right values in another order."
    return None
