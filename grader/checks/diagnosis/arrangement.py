"""The right numbers in the wrong places."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from grader.checks.diagnosis.case import Array, Case, Claim

#: How the entries of one axis are grouped: gates, boxes, channels.
_PIECES = (2, 3, 4)


def transposed(case: Case) -> Iterator[Claim]:
    """Axes in another order, where the sizes allow it."""
    for order in _orders(case.e.ndim):
        turned = case.e.transpose(order)
        if turned.shape == case.a.shape:
            yield Claim(
                "is transposed." if case.e.ndim == 2 else f"has its axes in a different order: {order}.", turned
            )


def reshaped(case: Case) -> Iterator[Claim]:
    """A reshape in place of a transpose: the numbers in the order in which they lie in memory."""
    words = "holds the right values in the wrong places: it was reshaped where its axes should have been permuted."
    for order in _orders(case.e.ndim):
        yield Claim(words, case.e.transpose(order).reshape(case.a.shape))
        # From an array whose axes lie in that order, read as if they lay in this one.
        shape = tuple(case.e.shape[k] for k in order)
        yield Claim(words, case.e.reshape(shape).transpose(np.argsort(order)))


def _orders(count: int) -> list[tuple[int, ...]]:
    """All orders of so many axes but their own."""
    if not 2 <= count <= 5:
        return []
    return [order for order in itertools.permutations(range(count)) if list(order) != sorted(order)]


def flipped(case: Case) -> Iterator[Claim]:
    """Reversed along one axis or two, or turned by a right angle."""
    long = [axis for axis in range(case.e.ndim) if case.e.shape[axis] > 1]
    for axis in long:
        if case.e.shape[axis] == 2:
            yield Claim(f"has its two entries along axis {axis} swapped.", np.flip(case.e, axis))
        else:
            yield Claim(f"is reversed along axis {axis}.", np.flip(case.e, axis))
    for pair in itertools.combinations(long[-4:], 2):
        yield Claim(f"is reversed along the axes {pair[0]} and {pair[1]}.", np.flip(case.e, pair))
        if case.e.shape[pair[0]] == case.e.shape[pair[1]]:
            for turns in (1, 3):
                yield Claim(
                    f"is turned by 90 degrees in the axes {pair[0]} and {pair[1]}.", np.rot90(case.e, turns, pair)
                )


def shifted(case: Case) -> Iterator[Claim]:
    """Off by one along an axis: what comes in at the edge may be anything."""
    for axis in range(case.e.ndim):
        length = case.e.shape[axis]
        if length < 4:
            continue
        for step in (1, -1):
            ahead = "later" if step > 0 else "earlier"
            where = np.ones(case.e.shape, dtype=bool)
            edge: list[slice] = [slice(None)] * case.e.ndim
            edge[axis] = slice(0, 1) if step > 0 else slice(length - 1, None)
            where[tuple(edge)] = False
            yield Claim(
                f"is shifted by one along axis {axis}: each entry is one place {ahead} than it should be.",
                np.roll(case.e, step, axis),
                where=where,
            )


def pieces(case: Case) -> Iterator[Claim]:
    """Equal pieces of an axis in another order: gates, coordinates of boxes, colour channels, both directions."""
    for axis in range(case.e.ndim):
        length = case.e.shape[axis]
        for count in _PIECES:
            if length % count or length < count or (count == 2 and length == 2):
                continue
            parts = np.split(case.e, count, axis)
            for order in itertools.permutations(range(count)):
                # Told elsewhere: the order that is right, a reversal, halves swapped.
                if list(order) == sorted(order) or (length == count and list(order) == sorted(order)[::-1]):
                    continue
                if order == (2, 3, 0, 1):
                    continue
                made = np.concatenate([parts[k] for k in order], axis)
                named = ", ".join(str(k) for k in order)
                what = "entries" if length == count else f"{count} equal parts"
                yield Claim(
                    f"has the {what} along axis {axis} in a different order: {named} instead of 0 to {count - 1}.",
                    made,
                )
            if length > count:
                mixed = np.stack(parts, axis + 1).reshape(case.e.shape)
                apart = np.concatenate([_every(case.e, axis, k, count) for k in range(count)], axis)
                yield Claim(f"has the {count} equal parts along axis {axis} interleaved.", mixed)
                if length // count not in _PIECES:  # the same thing, seen from the other side
                    yield Claim(
                        f"has {count} parts along axis {axis} one after the other instead of interleaved.", apart
                    )


def _every(array: Array, axis: int, start: int, step: int) -> Array:
    return np.take(array, range(start, array.shape[axis], step), axis)


def swapped_pairs(case: Case) -> Iterator[Claim]:
    """(y, x) for (x, y), in pairs along the last axis."""
    length = case.e.shape[-1] if case.e.ndim else 0
    if length > 2 and length % 2 == 0:
        order = np.arange(length).reshape(-1, 2)[:, ::-1].ravel()
        yield Claim(
            "has the two of each pair along the last axis swapped: (y, x) instead of (x, y)?", case.e[..., order]
        )


def slices_permuted(case: Case) -> Iterator[Claim]:
    """Whole rows (columns, samples) in another order: found by their first entries."""
    for axis in range(case.e.ndim):
        count = case.e.shape[axis]
        if case.e.ndim < 2 or not 3 <= count <= 1000 or case.e.size == count:
            continue
        ours, right = (np.moveaxis(array, axis, 0).reshape(count, -1) for array in (case.a, case.e))
        order = np.empty(count, dtype=int)
        order[np.argsort(ours[:, 0], kind="stable")] = np.argsort(right[:, 0], kind="stable")
        if np.unique(order).size == count and (order != np.arange(count)).any():
            made = np.take(case.e, order, axis)
            yield Claim(f"holds the right slices along axis {axis} in a different order.", made, fitted=1)


def entries_permuted(case: Case) -> Iterator[Claim]:
    """The same numbers in some other order."""
    distinct = np.unique(case.e).size
    if distinct < 6 or np.unique(case.a).size < 6:
        return
    # Of the wrong places alone: in the sorted list of all, small numbers can stand in for one another.
    moved, right = case.a[case.wrong], case.e[case.wrong]
    alike = np.allclose(np.sort(case.a, None), np.sort(case.e, None), rtol=case.rtol, atol=case.atol)
    if alike and np.allclose(np.sort(moved), np.sort(right), rtol=case.rtol, atol=case.atol):
        # Small numbers of a narrow range have the same sorted list by chance.
        yield Claim(
            "holds the right values in a different order.", bits=99 if not case.discrete or distinct > 12 else 0
        )
