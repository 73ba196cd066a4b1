"""Normalised, averaged or shifted along the wrong axis."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from grader.checks.diagnosis.case import Array, Case, Claim

_OVER = "over the wrong axis"


def sums_to_one(case: Case) -> Iterator[Claim]:
    """Probabilities that sum to one along another axis than the right ones, or along none."""
    if case.whole:  # masks and one-hot rows sum to 1 by chance
        return
    for form, a, e in _probabilities(case):
        right = [axis for axis in range(e.ndim) if e.shape[axis] > 1 and _ones(e.sum(axis))]
        ours = [axis for axis in range(e.ndim) if e.shape[axis] > 1 and _ones(a.sum(axis))]
        if len(right) != 1 or right[0] in ours:
            continue
        if len(ours) == 1 and e.shape[ours[0]] != e.size:
            yield Claim(
                f"{form} sum to 1 along axis {ours[0]}; they should sum to 1 along axis {right[0]}: the softmax runs {_OVER}.",
                bits=60,
            )
        elif _ones(a.sum()) and e.size != e.shape[right[0]]:
            yield Claim(
                f"{form} sum to 1 over all entries together; they should sum to 1 along axis {right[0]}.", bits=60
            )


def _probabilities(case: Case) -> Iterator[tuple[str, Array, Array]]:
    if (case.e >= 0).all() and (case.a >= 0).all():
        yield "holds probabilities that", case.a, case.e
    if (case.e <= case.atol).all() and (case.a <= case.atol).all():
        yield "holds logarithms of probabilities that", np.exp(case.a), np.exp(case.e)


def _ones(sums: Array) -> bool:
    return bool(np.allclose(sums, 1.0, rtol=0, atol=1e-4))


def standardised(case: Case) -> Iterator[Claim]:
    """Mean 0 and deviation 1 along another axis than the right values have: batch for layer normalisation."""
    if case.e.ndim < 2 or case.discrete:
        return
    right, ours = (_standard_axes(array) for array in (case.e, case.a))
    if len(right) == 1 and len(ours) == 1 and right != ours:
        yield Claim(
            f"has mean 0 and deviation 1 along axis {ours[0]}; it should have them along axis {right[0]}: it is normalised {_OVER}.",
            bits=60,
        )


def _standard_axes(array: Array) -> list[int]:
    return [
        axis
        for axis in range(array.ndim)
        if array.shape[axis] > 2
        and array.size > array.shape[axis]
        and np.allclose(array.mean(axis), 0, atol=1e-3)
        and np.allclose(array.std(axis), 1, rtol=2e-2)
    ]


def factor_by_axis(case: Case) -> Iterator[Claim]:
    """A factor that is constant along one axis, or one by row times one by column."""
    if case.e.ndim < 2 or (np.abs(case.e) < 1e-12).any() or not case.nonzero or _mostly_right(case):
        return
    ratio = case.a / case.e
    for axis in range(case.e.ndim):
        if case.e.shape[axis] > 2:
            k = (case.a * case.e).sum(axis, keepdims=True) / (case.e**2).sum(axis, keepdims=True)
            yield Claim(
                f"is wrong by a factor that is the same along axis {axis} and differs elsewhere: look at what is divided, "
                f"averaged or left out there, and whether it is taken {_OVER}.",
                k * case.e,
                fitted=k.size,
            )
    if case.e.ndim == 2 and min(case.e.shape) > 2:
        yield Claim(
            f"is wrong by one factor for each row and one for each column: it looks normalised {_OVER}.",
            case.e * ratio[:, :1] * ratio[:1] / ratio[0, 0],
            fitted=sum(case.e.shape) - 1,
        )


def _mostly_right(case: Case) -> bool:
    """Whether so much is right that a mistake all along an axis is not the simplest there is."""
    return bool(case.wrong.mean() < 0.7)


def offset_by_axis(case: Case) -> Iterator[Claim]:
    """An offset that is constant along one axis: a bias, a mean, a maximum."""
    if case.e.ndim < 2 or _mostly_right(case):
        return
    for axis in range(case.e.ndim):
        if case.e.shape[axis] > 2:
            c = (case.a - case.e).mean(axis, keepdims=True)
            yield Claim(
                f"is off by an amount that is constant along axis {axis}: a term is added or missing there (a bias, a "
                "mean), or taken over the wrong axis.",
                case.e + c,
                fitted=c.size,
            )
