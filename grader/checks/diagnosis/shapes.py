"""Wrong shapes, and what they point at."""

from __future__ import annotations

import numpy as np

from grader.checks.diagnosis.case import Case


def explain(case: Case) -> str | None:
    """Name what the shape says: an axis too many, transposed, summed over the wrong axis, broadcast."""
    got, want = case.actual.shape, case.expected.shape
    if got == want:
        return None
    start = f"has shape {_short(got)} instead of {_short(want)}"
    if len(got) > len(want) + 4 or len(got) > 8:
        return f"{start}."
    if case.actual.size == case.expected.size and _squeezed(got) == _squeezed(want):
        return f"{start}: the values fit, except for axes of size 1; use reshape, squeeze or keepdim."
    if got == want[::-1] and len(want) > 1:
        return f"{start}: it looks transposed."
    if sorted(got) == sorted(want) and len(want) > 2:
        return f"{start}: its axes look permuted."
    if not want:
        return (
            f"has shape {_short(got)} instead of being a single number: it looks as if a sum or mean over all entries is "
            "missing."
        )
    if not got:
        return f"is a single number instead of an array of shape {_short(want)}: it looks as if it was summed or averaged over too many axes."
    return f"{start}{_by_axes(case, got, want)}."


def _by_axes(case: Case, got: tuple[int, ...], want: tuple[int, ...]) -> str:
    """What can be told by comparing axis for axis."""
    if _squeezed(want) == (got[0],) and got == (got[0], got[0]):
        n = got[0]
        return f": an array of shape ({n},) combined with one of shape ({n}, 1) is broadcast to ({n}, {n})"
    if told := _axis_more(got, want) or _axis_less(got, want):
        return told
    if case.actual.size == case.expected.size:
        return ": it has the right number of entries, so a reshape is missing or wrong"
    if len(got) == len(want):
        if all(g in (w, 1) for g, w in zip(got, want, strict=True)):
            return ": an axis was reduced to size 1"
        off = [k for k, (g, w) in enumerate(zip(got, want, strict=True)) if g != w]
        if len(want) == 1 and "`" in (what := case.sizes.get(got[0], "")):
            return f": {got[0]} is {what}"
        return _one_axis(off[0], got[off[0]], want[off[0]]) if len(off) == 1 else ""
    return ": it looks broadcast to more axes than it should have" if _broadcasts(got, want) else ""


def _axis_more(got: tuple[int, ...], want: tuple[int, ...]) -> str:
    """One axis that should not be there; which is not certain where sizes are equal."""
    axes = _drops(got, want)
    if not axes:
        return ""
    if len(axes) == 1:
        return f": it looks as if a sum or mean over axis {axes[0]} is missing"
    return f": it has one axis too many, of size {got[axes[0]]}"


def _axis_less(got: tuple[int, ...], want: tuple[int, ...]) -> str:
    """One axis that is gone."""
    axes = _drops(want, got)
    if not axes:
        return ""
    if len(axes) == 1:
        return f": it looks as if axis {axes[0]} was summed or averaged away"
    return f": an axis of size {want[axes[0]]} is missing"


def _one_axis(axis: int, got: int, want: int) -> str:
    if abs(got - want) == 1:
        return f": one entry too {'many' if got > want else 'few'} along axis {axis}"
    if want and got and got % want == 0:
        return f": {got // want} times too many entries along axis {axis}"
    if want and got and want % got == 0:
        return f": {want // got} times too few entries along axis {axis}"
    return f": it differs in axis {axis}" if got else ""


def _broadcasts(got: tuple[int, ...], want: tuple[int, ...]) -> bool:
    try:
        return len(got) > len(want) and np.broadcast_shapes(got, want) == got
    except ValueError:
        return False


def _short(shape: tuple[int, ...]) -> str:
    return str(shape) if len(shape) <= 8 else f"({', '.join(map(str, shape[:6]))}, ...; {len(shape)} axes)"


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length != 1)


def _drops(longer: tuple[int, ...], shorter: tuple[int, ...]) -> list[int]:
    """The axes of ``longer`` without which it is ``shorter``; several where sizes are equal."""
    if len(longer) != len(shorter) + 1:
        return []
    return [k for k in range(len(longer)) if longer[:k] + longer[k + 1 :] == shorter]
