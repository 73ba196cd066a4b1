"""Random numbers that are the same on every machine and with every numpy.

numpy promises that a bit generator's raw output never changes, but not what ``Generator.normal`` or
``permutation`` make of it (NEP 19). So everything here is made from raw Philox output.
"""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Stream:
    """A stream of random numbers that ``key`` and ``purpose`` fix; without the key nobody can tell them."""

    def __init__(self, key: bytes, purpose: str) -> None:
        digest = hmac.new(key, purpose.encode(), hashlib.sha256).digest()
        self._bits = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64))

    def uniform(self, low: float, high: float, size: int) -> Floats:
        """``size`` numbers from [low, high), float64."""
        raw = np.asarray(self._bits.random_raw(size), dtype=np.uint64)
        return low + (high - low) * ((raw >> np.uint64(11)).astype(np.float64) * 2.0**-53)

    def normal(self, size: int) -> Floats:
        """``size`` standard normal numbers, float64, by Box and Muller's transform."""
        half = (size + 1) // 2
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(0.0, 1.0, half)))
        angle = self.uniform(0.0, 2.0 * np.pi, half)
        return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:size]

    def permutation(self, size: int) -> npt.NDArray[np.int64]:
        """The numbers 0 to ``size`` - 1 in random order, int64."""
        return np.argsort(np.asarray(self._bits.random_raw(size), dtype=np.uint64), kind="stable").astype(np.int64)
