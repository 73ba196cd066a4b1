"""One elementwise or row-wise function too many, or too few."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from grader.checks.diagnosis.case import Array, Case, Claim


def softmax(x: Any, axis: int) -> Any:
    """Softmax along one axis."""
    shifted = np.exp(x - x.max(axis, keepdims=True))
    return shifted / shifted.sum(axis, keepdims=True)


def log_softmax(x: Any, axis: int) -> Any:
    """Its logarithm."""
    shifted = x - x.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def relu(x: Any) -> Any:
    """What is positive."""
    return np.maximum(x, 0)


def elu(x: Any) -> Any:
    """``x`` where it is positive, exp(x) - 1 elsewhere."""
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def softplus(x: Any) -> Any:
    """log(1 + exp(x))."""
    return np.logaddexp(x, 0)


def gelu(x: Any) -> Any:
    """``x`` times the share of a standard normal distribution below x, by the error function."""
    return 0.5 * x * (1 + np.vectorize(math.erf, otypes=[float])(np.asarray(x, dtype=float) / math.sqrt(2)))


_ELEMENTWISE: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("is the logarithm of the right value.", np.log),
    ("is the exponential of the right value: is a logarithm missing?", np.exp),
    ("is squared.", np.square),
    ("is the square root of the right value.", np.sqrt),
    ("is one minus the right value.", lambda e: 1 - e),
    ("is the inverse (1/x) of the right value.", lambda e: 1 / e),
    ("has lost its signs: it is the absolute value of the right value.", np.abs),
    ("has its negative entries cut to zero: a ReLU too many?", relu),
    ("looks as if a sigmoid was applied once too often.", sigmoid),
    ("looks as if a tanh was applied once too often.", np.tanh),
    ("looks as if the sigmoid is missing: these values are its input.", lambda e: np.log(e / (1 - e))),
    ("looks as if the tanh is missing: these values are its input.", np.arctanh),
    ("is minus the logarithm of the right value.", lambda e: -np.log(e)),
    ("is the exponential of minus the right value.", lambda e: np.exp(-e)),
)


def through(case: Case) -> Iterator[Claim]:
    """A function that turns the right values into what came."""
    if case.e.size < 3:
        return
    for sentence, function in _ELEMENTWISE:
        # Labels and counts go through no ReLU.
        words = "has 0 where negative values belong." if function is relu and case.whole else sentence
        yield Claim(words, function(case.e))


def softmax_twice(case: Case) -> Iterator[Claim]:
    """A softmax or its logarithm once too often."""
    for axis in range(case.e.ndim):
        if case.e.shape[axis] > 1:
            words = f"looks as if a softmax over axis {axis} was applied once too often."
            yield Claim(words, softmax(case.e, axis))
            yield Claim(
                f"looks as if a log-softmax over axis {axis} was applied once too often.", log_softmax(case.e, axis)
            )


def missing(case: Case) -> Iterator[Claim]:
    """A function that turns what came into the right values."""
    if case.e.size < 3:
        return
    for axis in range(case.e.ndim):
        if case.e.shape[axis] > 1 and not _normalised(case.a, axis):
            yield Claim(
                f"looks as if the softmax over axis {axis} is missing: these are scores, not probabilities.",
                case.e,
                got=softmax(case.a, axis),
            )
            yield Claim(
                f"looks as if the log-softmax over axis {axis} is missing.", case.e, got=log_softmax(case.a, axis)
            )
    words = "entries that should be cut to zero are negative: a ReLU is missing, or a different activation is used."
    yield from _cut(case, words, relu(case.a))
    yield from _cut(case, "it is not clipped: entries lie outside [0, 1].", np.clip(case.a, 0, 1))
    yield from _cut(case, "it is not clipped: entries lie outside [-1, 1].", np.clip(case.a, -1, 1))


#: How far from 1 the sum of probabilities may be that were meant to be normalised.
_NEARLY = 0.1


def _normalised(a: Array, axis: int) -> bool:
    """Whether these are probabilities along an axis already, or their logarithms, if not quite exactly."""
    if (a >= 0).all() and np.allclose(a.sum(axis), 1.0, rtol=0, atol=_NEARLY):
        return True
    return bool((a <= _NEARLY).all() and np.allclose(np.exp(a).sum(axis), 1.0, rtol=0, atol=_NEARLY))


def _cut(case: Case, words: str, cut: Array) -> Iterator[Claim]:
    """A function that only cuts: every wrong entry lies beyond, every other is right and within."""
    wrong = case.wrong
    beyond = cut != case.a
    inside = int((~wrong).sum())
    if wrong.any() and not (wrong & ~beyond).any() and case.fits(case.e, got=cut) and np.unique(case.e).size > 3:
        touched = float(np.count_nonzero(wrong))
        # A coin for each entry that is cut, and for each that could have been; some must be right as they are.
        yield Claim(
            f"is right except for one thing: {words}", bits=touched + inside if inside >= min(4, touched) else 0.0
        )
