"""One elementwise or row-wise function too many, too few, or over the wrong axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from grader.checks.diagnosis.case import Case


def _softmax(x: Any, axis: int) -> Any:
    shifted = np.exp(x - x.max(axis, keepdims=True))
    return shifted / shifted.sum(axis, keepdims=True)


_ELEMENTWISE: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("looks like the logarithm of what is asked for.", np.log),
    ("looks like the exponential of what is asked for.", np.exp),
    ("is squared.", np.square),
    ("is the square root of what is asked for.", np.sqrt),
    ("is one minus what is asked for.", lambda e: 1 - e),
    ("is the inverse (1/x) of what is asked for.", lambda e: 1 / e),
    ("has lost its signs: it looks like the absolute value.", np.abs),
    ("has its negative entries cut to zero: a ReLU too many?", lambda e: np.maximum(e, 0)),
    ("looks as if a sigmoid was applied once too often.", lambda e: 1 / (1 + np.exp(-e))),
    ("looks as if a tanh was applied once too often.", np.tanh),
)


def through(case: Case) -> str | None:
    """A function that turns the expected values into what came."""
    if not case.telling or case.e.size < 3:
        return None
    for sentence, function in _ELEMENTWISE:
        if case.fits(function(case.e)):
            return sentence
    for axis in range(case.e.ndim):
        if case.e.shape[axis] > 1 and case.fits(_softmax(case.e, axis)):
            return f"looks as if a softmax over axis {axis} was applied once too often."
    return None
