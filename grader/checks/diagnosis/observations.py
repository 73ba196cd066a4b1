"""Where no mistake can be named: what can be said for certain about what came, and names no cause."""

from __future__ import annotations

import numpy as np

from grader.checks.diagnosis.case import Case
from grader.checks.diagnosis.location import shape_of_error


def observe(case: Case) -> str | None:
    """One thing that is plain to see in what came, and is not so in what is right."""
    a, e = case.a, case.e
    if (
        e.size > 2
        and case.expected.dtype.kind != "b"
        and np.ptp(a) <= 1e-9 * max(1.0, abs(float(a.flat[0])))
        and np.ptp(e) > 10 * case.atol
    ):
        return "is the same number in every entry."
    for axis in range(e.ndim):
        if e.shape[axis] > 2 and e.size > e.shape[axis] and _alike(a, axis) and not _alike(e, axis, 1e-3):
            return f"is constant along axis {axis}, but each entry should have its own value."
    if (found := shape_of_error(case)) is not None:
        return found
    wrong = case.wrong
    close = np.abs(a - e) <= 0.01 * np.abs(e) + 10 * case.atol
    if not case.discrete and close.all() and e.size > 1:
        count = int(wrong.sum())
        if wrong.size == 1:
            return "is nearly right: it is off by less than 1 %."
        off = "entries is off, by" if count == 1 else "entries are off, each by"
        return f"is nearly right: {count} of {wrong.size} {off} less than 1 %."
    return None


def _alike(array: np.ndarray[tuple[int, ...], np.dtype[np.float64]], axis: int, share: float = 1e-9) -> bool:
    spread = float(np.ptp(array, axis=axis).max())
    return spread <= share * max(1e-300, float(np.abs(array).max()))
