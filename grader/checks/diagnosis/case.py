"""What every hypothesis looks at."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """An actual and an expected array, the inputs by name, and the tolerances of the comparison."""

    actual: np.ndarray[Any, Any]
    expected: np.ndarray[Any, Any]
    inputs: Mapping[str, Any]
    rtol: float
    atol: float

    @functools.cached_property
    def a(self) -> np.ndarray[Any, Any]:
        """The actual values as float64."""
        return self.actual.astype(np.float64)

    @functools.cached_property
    def e(self) -> np.ndarray[Any, Any]:
        """The expected values as float64."""
        return self.expected.astype(np.float64)

    @functools.cached_property
    def comparable(self) -> bool:
        """Same shape, real, finite throughout, and not empty."""
        return (
            self.actual.shape == self.expected.shape
            and self.actual.size > 0
            and "c" not in (self.actual.dtype.kind, self.expected.dtype.kind)
            and bool(np.isfinite(self.a).all() and np.isfinite(self.e).all())
        )

    @functools.cached_property
    def telling(self) -> bool:
        """Enough distinct expected entries that an arrangement of them cannot fit by accident."""
        return self.comparable and np.unique(self.e).size >= min(4, self.e.size) and self.e.size >= 2

    def fits(self, candidate: Any) -> bool:
        """Whether ``candidate``, made from the expected values by one mistake, is what came."""
        made = np.asarray(candidate, dtype=np.float64)
        # A little looser than the check itself: the mistake may amplify round-off.
        return made.shape == self.a.shape and bool(
            np.isfinite(made).all() and np.allclose(self.a, made, rtol=3 * self.rtol, atol=3 * self.atol)
        )

    @functools.cached_property
    def sizes(self) -> dict[int, str]:
        """Sizes of the problem, 2 and up, and what they are: of the inputs first, then of the result."""
        found: dict[int, str] = {}
        for name, array in self.inputs.items():
            for axis, length in enumerate(array.shape):
                if length > 1:
                    found.setdefault(length, f"the size of `{name}` along axis {axis}")
            if array.size > 1:
                found.setdefault(array.size, f"the number of entries of `{name}`")
        for axis, length in enumerate(self.expected.shape):
            if length > 1:
                found.setdefault(length, f"the size of axis {axis}")
        if self.expected.size > 1:
            found.setdefault(self.expected.size, "the number of entries")
        return found
