"""What part does each entry of a student's parameters play? Found by experiment, whatever their names and layout.

A layer that is to be built from scratch may hold its weights in one matrix or in eight, either way round, in any order,
with one bias or two. Comparing it with a reference needs the right numbers in the right places, and only the
student's code knows where these are. So each entry is moved, alone, and what the outputs do is compared with what
they would do if that entry were this or that *part* of the reference: an entry of its own, canonical parameter vector.

Everything starts at zero, where most parts have no effect yet. Whatever has been recognised gets random values, which
brings the next parts to life, until no entry is left. Nothing is assumed of the student's layout, and no gradient is
needed; a layer that is something else than the reference is refuted, because some entry acts like no part of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
#: Maps K parameter vectors, (K, number of entries), to what comes out under each, (K, ...).
Experiment = Callable[[Array], Any]

#: How far an entry is moved. Finite on purpose: both sides are moved alike, so nothing is lost to differences.
_STEP = 0.75
#: An output that moves by less shows nothing: float32 knows it only to a few digits.
_VISIBLE = 1e-3
#: How far two movements that are the same may lie apart, by their size; different ones differ by about their size.
_SAME = 1e-2
#: Of how many stages in a row one must bring something new. Each has new random numbers: a unit that a relu silences
#: in one wakes in another.
_PATIENCE = 8


@dataclass(frozen=True, slots=True)
class Reading:
    """Which part each entry of the student's flat parameter vector plays; -1 for one that has no effect."""

    parts: npt.NDArray[np.int64]
    size: int

    def arrange(self, vectors: Array) -> Array:
        """The reference's parameter vectors (..., size) for the student's (..., entries): entries of one part add up."""
        arranged = np.zeros((*vectors.shape[:-1], self.size))
        for entry in np.flatnonzero(self.parts >= 0):
            arranged[..., self.parts[entry]] += vectors[..., entry]
        return arranged

    @property
    def missing(self) -> npt.NDArray[np.int64]:
        """The parts that no entry plays."""
        return np.setdiff1d(np.arange(self.size), self.parts)


@dataclass(frozen=True, slots=True)
class Refuted:
    """There is no reading. ``entry`` acts like no part of the reference; None where it differs at its base point."""

    entry: int | None


class Reader:
    """Reads one module, against as many references as there are; what the module answered is remembered.

    Args:
        respond: runs the student's module under parameter vectors (K, entries), always on the same inputs.
        entries: how many numbers the module's parameters hold in all.
        rng: for the values of entries that are recognised.
    """

    def __init__(self, respond: Experiment, entries: int, rng: np.random.Generator) -> None:
        self._respond = respond
        self._entries = entries
        self._rng = rng
        self._values: list[Array] = []
        self._answers: dict[tuple[int, bytes], tuple[Array, Array]] = {}

    def read(self, predict: Experiment, size: int) -> Reading | Refuted:
        """Find what each entry does, if the module is what ``predict`` computes with ``size`` parts, on the same inputs."""
        parts = np.full(self._entries, -1)
        idle = stage = 0
        while (parts < 0).any() and idle < _PATIENCE:
            unknown = np.flatnonzero(parts < 0)
            base, moves = self._ask(stage, parts >= 0, unknown)
            reading = Reading(parts, size)
            right_base, right_moves = _experiment(
                predict, reading.arrange(np.where(parts >= 0, self._value(stage), 0.0)), np.arange(size)
            )
            if base.shape != right_base.shape or not np.allclose(base, right_base, rtol=_VISIBLE, atol=_VISIBLE):
                return Refuted(None)
            found = _recognise(moves, right_moves)
            refuted = np.flatnonzero(found == _NOTHING_FITS)
            if refuted.size:
                return Refuted(int(unknown[refuted[0]]))
            progress = bool((found >= 0).any())
            parts[unknown[found >= 0]] = found[found >= 0]
            if not progress and (tied := np.flatnonzero(found <= _TIED)).size:
                # Two parts that act alike, as the factors of a product do: which is which is a matter of names.
                parts[unknown[tied[0]]] = _TIED - found[tied[0]]
                progress = True
            idle = 0 if progress else idle + 1
            stage += 1
        return Reading(parts, size)

    def _value(self, stage: int) -> Array:
        while len(self._values) <= stage:
            sizes = self._rng.uniform(0.4, 1.2, self._entries)
            self._values.append(sizes * self._rng.choice([-1.0, 1.0], self._entries))
        return self._values[stage]

    def _ask(self, stage: int, known: npt.NDArray[np.bool_], unknown: npt.NDArray[np.int64]) -> tuple[Array, Array]:
        key = (stage, known.tobytes())
        if key not in self._answers:
            base = np.where(known, self._value(stage), 0.0)
            self._answers[key] = _experiment(self._respond, base, unknown)
        return self._answers[key]


_NOTHING_FITS = -1
_NO_EFFECT = -2
#: A tie between parts is kept as _TIED minus the first of them.
_TIED = -3


def _experiment(run: Experiment, base: Array, moved: npt.NDArray[np.int64]) -> tuple[Array, Array]:
    """The outputs at ``base``, flat, and by how much each of the ``moved`` entries moves them, (len(moved), outputs)."""
    vectors = np.repeat(base[None], len(moved) + 1, axis=0)
    vectors[np.arange(1, len(moved) + 1), moved] += _STEP
    answers = np.asarray(run(vectors), dtype=np.float64).reshape(len(vectors), -1)
    with np.errstate(invalid="ignore"):  # inf less inf is no number, and acts like no part
        return answers[0], answers[1:] - answers[0]


def _recognise(moves: Array, right: Array) -> npt.NDArray[np.int64]:
    """For each of ``moves`` the one row of ``right`` that it equals, or one of the codes below zero."""
    found = np.full(len(moves), _NO_EFFECT)
    for row, move in enumerate(moves):
        size = np.abs(move).max(initial=0.0)
        if not np.isfinite(size):
            found[row] = _NOTHING_FITS
        elif size > _VISIBLE:
            fits = np.flatnonzero(np.abs(right - move).max(axis=1) < _SAME * size)
            if fits.size > 1:
                found[row] = _TIED - fits[0]
            else:
                found[row] = fits[0] if fits.size else _NOTHING_FITS
    return found
