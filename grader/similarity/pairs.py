"""Which submissions share what few others have: an inverted index over prints, weighted by how rare they are in the class."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grader.similarity.fingerprints import Unit
from grader.similarity.handed_in import Work

#: Prints that are multiplied at a time: with a thousand students, 16 MB.
_BLOCK = 4096
#: A pair that shares fewer rare prints than this is not worth a person's time.
LEAST = 5
#: A print is rare where at most this share of the class has it; also where it is so few, in a class that is not tiny.
RARE, RARE_FEW = 0.05, 4
#: Functions of a pair that are shown side by side.
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Shared:
    """Two functions that have something in common. ``others`` is how many other students have about as much of it."""

    first: Unit
    second: Unit
    others: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two submissions, the functions that share most, and in how many functions they share something rare."""

    first: Work
    second: Work
    shared: tuple[Shared, ...]
    functions: int


def find_pairs(works: Sequence[Work], given: Collection[int] = (), *, most: int = 20) -> list[Pair]:
    """The pairs for a person to look at, those first that share most of what few others have.

    Both are of this class, or one is of an earlier term. Their order is the only thing that follows from any number.

    Args:
        works: all that is compared.
        given: prints of what everybody is given; they count for nothing.
        most: pairs in the list.

    """
    index = Index([prints_of(work.units) - frozenset(given) for work in works])
    current = np.array([not work.term for work in works])
    strength = index.strength()
    allowed = np.triu(current[:, None] | current[None, :], 1)
    strength[~allowed] = 0.0
    found: list[Pair] = []
    flat = np.argsort(-strength, axis=None, kind="stable")
    for place in flat:
        one, two = divmod(int(place), len(works))
        if len(found) >= most or strength[one, two] <= 0:
            break
        pair = _pair(works[one], works[two], index)
        if pair is not None and works[one].owner != works[two].owner:
            found.append(pair)
    return found


def prints_of(units: Sequence[Unit]) -> frozenset[int]:
    """The prints of all units."""
    return frozenset(mark for unit in units for mark in unit.prints)


class Index:
    """Which works have a print, and what it weighs: ``log((works + 1) / works that have it)`` squared.

    The weight is chosen by measurement (docs/how-to/similarity.md): of 1/f, 1/sqrt(f), log and log squared, it finds most.
    """

    def __init__(self, works: Sequence[Collection[int]]) -> None:
        self.count = len(works)
        self.having: dict[int, list[int]] = {}
        for number, prints in enumerate(works):
            for mark in prints:
                self.having.setdefault(mark, []).append(number)
        self.weights: Mapping[int, float] = {mark: self._weight(len(have)) for mark, have in self.having.items()}
        self.rare = max(2, min(RARE_FEW, self.count // 4), int(RARE * self.count))

    def _weight(self, having: int) -> float:
        return math.log((self.count + 1) / having) ** 2

    def strength(self) -> np.ndarray:
        """For each two works the weight of the prints that both have, of the weight of those that either has.

        float32, shape (works, works). Prints that one work alone has add to the second weight only.
        """
        total = np.zeros(self.count, dtype=np.float32)
        shared = np.zeros((self.count, self.count), dtype=np.float32)
        for mark, have in self.having.items():
            total[have] += self.weights[mark]
        common = [mark for mark, have in self.having.items() if len(have) > 1]
        for at in range(0, len(common), _BLOCK):
            marks = common[at : at + _BLOCK]
            rows = np.zeros((self.count, len(marks)), dtype=np.float32)
            for column, mark in enumerate(marks):
                rows[self.having[mark], column] = math.sqrt(self.weights[mark])
            shared += rows @ rows.T
        either = total[:, None] + total[None, :] - shared
        found: np.ndarray = np.divide(shared, either, out=np.zeros_like(shared), where=either > 0)
        return found

    def rare_prints(self, prints: Collection[int]) -> list[int]:
        """Those of ``prints`` that few works have; none of what everybody is given."""
        return [mark for mark in prints if len(self.having.get(mark, ())) in range(1, self.rare + 1)]


def _pair(first: Work, second: Work, index: Index) -> Pair | None:
    """What two works share, function by function; None where it is too little to show."""
    theirs: dict[int, list[Unit]] = {}
    for unit in second.units:
        for mark in unit.prints:
            theirs.setdefault(mark, []).append(unit)
    best: list[tuple[float, Shared]] = []
    seen: set[int] = set()
    for unit in first.units:
        weight: dict[int, float] = {}
        by_id: dict[int, Unit] = {}
        for mark in index.rare_prints(unit.prints):
            for other in theirs.get(mark, ()):
                by_id[id(other)] = other
                weight[id(other)] = weight.get(id(other), 0.0) + index.weights[mark]
                seen.add(mark)
        if weight:
            other = by_id[max(weight, key=lambda key: (weight[key], by_id[key].name == unit.name))]
            marks = index.rare_prints(unit.prints & other.prints)
            best.append((weight[id(other)], Shared(unit, other, _others(marks, index))))
    if len(seen) < LEAST:
        return None
    best.sort(key=lambda item: -item[0])
    named = [shared for _, shared in best if shared.first.text and shared.second.text]
    return Pair(first, second, tuple(named[:_SHOWN]), len(best)) if named else None


def _others(marks: Sequence[int], index: Index) -> int:
    """How many works beside these two have at least half of ``marks``."""
    have: dict[int, int] = {}
    for mark in marks:
        for number in index.having[mark]:
            have[number] = have.get(number, 0) + 1
    return max(0, sum(2 * count >= len(marks) for count in have.values()) - 2)
