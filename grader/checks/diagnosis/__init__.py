"""Diagnosis: given what came and what is right, name the mistake that turns one into the other.

Each hypothesis is a function in a module of this package that gives a sentence where it fits and None where not. The
first that fits is told, in the order of :data:`HYPOTHESES`: those that leave no doubt come first. A hypothesis may
speak only when it explains *every* entry within tolerance, and what it explains must not be trivially true (enough
distinct entries, expected values that are not all alike). Sentences continue "NAME ...", and give no expected value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from grader.checks.diagnosis import arrangement, finiteness, functions, scale, shapes
from grader.checks.diagnosis.case import Case
from grader.checks.diagnosis.known import Mistakes, name_known

__all__ = ["HYPOTHESES", "Mistakes", "diagnose", "name_known"]

HYPOTHESES: tuple[Callable[[Case], str | None], ...] = (
    shapes.explain,
    finiteness.explain,
    scale.sign,
    scale.factor,
    scale.offset,
    arrangement.transposed,
    arrangement.flipped,
    arrangement.shifted,
    functions.through,
    scale.per_axis,
    arrangement.permuted_entries,
)


def diagnose(
    actual: np.ndarray[Any, Any],
    expected: np.ndarray[Any, Any],
    *,
    inputs: Mapping[str, Any] | None = None,
    rtol: float = 1e-4,
    atol: float = 1e-5,
) -> str | None:
    """Name the mistake, as a sentence that continues "NAME ..."; None where no hypothesis fits.

    ``inputs`` are the arrays that went in, whose sizes and means explain factors.
    """
    sizes = {key: value for key, value in (inputs or {}).items() if value is not None}
    case = Case(actual, expected, sizes, rtol, atol)
    with np.errstate(all="ignore"):
        for hypothesis in HYPOTHESES:
            if sentence := hypothesis(case):
                return sentence
    return None
