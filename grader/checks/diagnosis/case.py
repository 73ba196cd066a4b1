"""What every hypothesis looks at, and what it says: a case, and claims about it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

#: Results of this many entries and more are only looked at by the hypotheses that cost next to nothing.
LARGE = 300_000


@dataclass(frozen=True, slots=True)
class Claim:
    """One mistake, and the values that it would have given.

    ``sentence`` continues "NAME ...". ``made`` is compared with what came, or with ``got`` where the claim is that a
    function of what came is right. ``where`` are the entries that it speaks of, all if None. ``fitted`` counts the
    numbers in it that were taken from what came; each explains one entry for nothing. ``bits`` are told by claims that
    weigh themselves.
    """

    sentence: str
    made: Any = None
    got: Any = None
    where: Any = None
    fitted: int = 0
    bits: float | None = None


@dataclass(frozen=True)
class Case:
    """An actual and an expected array, the inputs by name, results of earlier calls, the comparison's tolerances."""

    actual: Array
    expected: Array
    inputs: Mapping[str, Any] = field(default_factory=dict)
    rtol: float = 1e-4
    atol: float = 1e-5
    earlier: Mapping[str, Any] = field(default_factory=dict)

    @functools.cached_property
    def a(self) -> Array:
        """The actual values as float64."""
        return real(self.actual)

    @functools.cached_property
    def e(self) -> Array:
        """The expected values as float64."""
        return real(self.expected)

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
    def large(self) -> bool:
        """Whether there is too much of it for the dearer hypotheses."""
        return self.expected.size > LARGE or self.expected.ndim > 6

    @functools.cached_property
    def whole(self) -> bool:
        """Whole numbers only: labels, masks, counts, pixels."""
        return bool((self.a == np.round(self.a)).all() and (self.e == np.round(self.e)).all())

    @functools.cached_property
    def discrete(self) -> bool:
        """Whole numbers or sixteenths only, as written by hand: they coincide easily."""
        return self.whole or all(bool((16 * x == np.round(16 * x)).all()) for x in (self.a, self.e))

    @functools.cached_property
    def wrong(self) -> Array:
        """Which entries are wrong."""
        return ~np.isclose(self.a, self.e, rtol=self.rtol, atol=self.atol)

    @functools.cached_property
    def nonzero(self) -> bool:
        """Whether any right value stands out from the tolerance."""
        return bool(np.abs(self.e).max(initial=0.0) > 10 * self.atol)

    def fits(self, made: Any, got: Any = None, where: Any = None) -> bool:
        """Whether ``made`` is what came, in the entries ``where``."""
        target = np.asarray(made, dtype=np.float64)
        source = self.a if got is None else got
        if target.shape != source.shape:
            return False
        if where is not None:
            target, source = target[where], source[where]
        # A little looser than the check itself: the mistake may amplify round-off.
        near = np.abs(source - target) <= 3 * self.atol + 3 * self.rtol * np.abs(target)
        return bool(near.all() and np.isfinite(target).all())

    def like(self, shape: tuple[int, ...]) -> dict[str, Array]:
        """The inputs of one shape, as float64."""
        return {name: real(value) for name, value in self.inputs.items() if value.shape == shape}

    @functools.cached_property
    def numbers(self) -> dict[str, float]:
        """The inputs that are single numbers: rates, probabilities, epsilons."""
        found = {name: float(real(value)) for name, value in self.inputs.items() if value.ndim == 0}
        return {name: value for name, value in found.items() if np.isfinite(value) and value not in (0.0, 1.0)}

    @functools.cached_property
    def sizes(self) -> dict[int, str]:
        """Sizes of the problem, 2 and up, and what they are: of the inputs first, then of the result."""
        found: dict[int, list[str]] = {}
        for name, array in self.inputs.items():
            for axis, length in enumerate(array.shape):
                found.setdefault(length, []).append(f"the size of `{name}` along axis {axis}")
            if array.ndim > 1:
                found.setdefault(array.size, []).append(f"the number of entries of `{name}`")
        for axis, length in enumerate(self.expected.shape):
            if length not in found:
                found[length] = [f"the size of axis {axis}"]
        if self.expected.ndim > 1 and self.expected.size not in found:
            found[self.expected.size] = ["the number of entries"]
        return {length: " and ".join(names[:2]) for length, names in found.items() if length > 1}


def real(array: Any) -> Array:
    """An array as float64, without what is imaginary."""
    plain = array.real if array.dtype.kind == "c" else array
    with np.errstate(all="ignore"):
        result: Array = plain.astype(np.float64)
    return result
