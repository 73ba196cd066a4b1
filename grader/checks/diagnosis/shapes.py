"""Wrong shapes, and what they point at."""

from __future__ import annotations

from grader.checks.diagnosis.case import Case


def explain(case: Case) -> str | None:
    """Name what the shape says: an axis too many, transposed, summed over the wrong axis, broadcast."""
    got, want = case.actual.shape, case.expected.shape
    if got == want:
        return None
    start = f"has shape {got} where {want} is asked for"
    if case.actual.size == case.expected.size and _squeezed(got) == _squeezed(want):
        return f"{start}: the values would fit, but for axes of size 1; use reshape, squeeze or keepdim."
    if got == want[::-1] and len(want) > 1:
        return f"{start}: it looks transposed."
    if sorted(got) == sorted(want) and len(want) > 2:
        return f"{start}: its axes look permuted."
    if not want:
        return f"has shape {got} where a single number is asked for: it looks as if a sum or mean over all entries is missing."
    if not got:
        return f"is a single number where shape {want} is asked for: it looks as if it was summed or averaged over too much."
    if len(got) == len(want) + 1 and _drops(got, want) is not None:
        return f"{start}: it looks as if a sum or mean over axis {_drops(got, want)} is missing."
    if len(want) == len(got) + 1 and _drops(want, got) is not None:
        return f"{start}: it looks as if axis {_drops(want, got)} was summed or averaged away."
    if len(got) == len(want) and all(g in (w, 1) for g, w in zip(got, want, strict=True)):
        return f"{start}: an axis was reduced to size 1."
    if len(got) > len(want) and all(w in (g, 1) for g, w in zip(got[::-1], want[::-1], strict=False)):
        return f"{start}: it looks broadcast to more axes than it should have."
    return f"{start}."


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length != 1)


def _drops(longer: tuple[int, ...], shorter: tuple[int, ...]) -> int | None:
    """The axis of ``longer`` without which it is ``shorter``; None where there is none."""
    return next((k for k in range(len(longer)) if longer[:k] + longer[k + 1 :] == shorter), None)
