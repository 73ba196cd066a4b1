"""Signs, factors and offsets."""

from __future__ import annotations

import math

import numpy as np

from grader.checks.diagnosis.case import Case


def sign(case: Case) -> str | None:
    """The opposite sign throughout."""
    if case.comparable and np.abs(case.e).max() > 10 * case.atol and case.fits(-case.e):
        return "has the opposite sign."
    return None


def factor(case: Case) -> str | None:
    """One constant factor, and what it equals: a size of the problem points at a sum in place of a mean."""
    if not case.comparable or np.abs(case.e).max() <= 10 * case.atol:
        return None
    k = float((case.a * case.e).sum() / (case.e**2).sum())
    if math.isclose(k, 1.0, rel_tol=1e-3) or not case.fits(k * case.e):
        return None
    if abs(k) < 1e-8:
        return "is zero throughout." if case.e.size > 1 else "is zero."
    if case.e.size == 1 and not (_size(case, k) or _size(case, 1 / k) or _simple(k)):
        return None  # any number is a multiple of any other
    return _factor_in_words(case, k)


def _factor_in_words(case: Case, k: float) -> str:
    minus = "has the opposite sign and " if k < 0 else ""
    k = abs(k)
    if (name := _size(case, k)) is not None:
        return f"{minus}is {round(k)} times too large; {round(k)} is {name}: it looks summed where a mean is asked for."
    if (name := _size(case, 1 / k)) is not None:
        return (
            f"{minus}is {round(1 / k)} times too small; {round(1 / k)} is {name}: it looks averaged where a sum is asked for, "
            "or averaged twice."
        )
    for n, name in case.sizes.items():
        if n > 2 and any(math.isclose(k, f, rel_tol=1e-4) for f in ((n - 1) / n, n / (n - 1))):
            return f"{minus}is off by the factor {n - 1}/{n} or its inverse; {n} is {name}: biased for unbiased, or the reverse."
    if (words := _simple(k)) is not None:
        return f"{minus}is {words}."
    if k > 1:
        return f"{minus}is {k:.4g} times too large, by one factor throughout."
    return f"{minus}is {1 / k:.4g} times too small, by one factor throughout."


def _size(case: Case, k: float) -> str | None:
    k = abs(k)
    near = round(k)
    return case.sizes.get(near) if near > 2 and math.isclose(k, near, rel_tol=1e-4) else None


def _simple(k: float) -> str | None:
    for value, words in ((2.0, "twice what it should be"), (0.5, "half of what it should be")):
        if math.isclose(abs(k), value, rel_tol=1e-4):
            return words
    return None


def offset(case: Case) -> str | None:
    """One constant added throughout."""
    if not case.telling:
        return None
    difference = case.a - case.e
    constant = float(difference.mean())
    if abs(constant) > 10 * case.atol and case.fits(case.e + constant):
        return "is off by one constant throughout: something was added, or left out, that is the same for every entry."
    return None


def per_axis(case: Case) -> str | None:
    """A factor that is constant along one axis, or one by row times one by column: the wrong axis of a normalisation."""
    if not case.telling or case.e.ndim < 2 or (np.abs(case.e) < 1e-12).any():
        return None
    ratio = case.a / case.e
    for axis in range(case.e.ndim):
        if case.e.shape[axis] > 2 and np.allclose(ratio, ratio.mean(axis, keepdims=True), rtol=10 * case.rtol):
            return (
                f"is wrong by a factor that is the same along axis {axis} and differs elsewhere: "
                "it looks normalised or averaged over the wrong axis."
            )
    if case.e.ndim == 2 and min(case.e.shape) > 2:
        by_row_and_column = ratio[:, :1] * ratio[:1] / ratio[0, 0]
        if np.allclose(ratio, by_row_and_column, rtol=10 * case.rtol):
            return (
                "is wrong by one factor for each row and one for each column: it looks normalised over the wrong axis."
            )
    return None
