"""The right numbers in too coarse a type, or cut."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from grader.checks.diagnosis.case import Array, Case, Claim


def coarse(case: Case) -> Iterator[Claim]:
    """Whole numbers, half precision, eight bits."""
    e = case.e
    whole = bool((case.a == np.round(case.a)).all())
    if whole and not (e == np.round(e)).all():
        kind = "" if case.actual.dtype.kind == "f" else f" ({case.actual.dtype})"
        for words, made in (
            ("is truncated to whole numbers", np.trunc(e)),
            ("is rounded to whole numbers", np.round(e)),
            ("is rounded down to whole numbers", np.floor(e)),
            ("is rounded up to whole numbers", np.ceil(e)),
        ):
            yield from _rounded(case, f"{words}{kind}.", made)
    if not whole:
        yield from _rounded(case, "has the precision of float16, which is too coarse here.", e.astype("f2"))
        yield from _rounded(case, "has the precision of bfloat16, which is too coarse here.", _bfloat16(e))
    if case.whole:
        yield from _rounded(case, "has wrapped around: numbers outside 0 to 255 were stored as uint8.", np.mod(e, 256))
        yield from _rounded(case, "is one too low where it was truncated instead of rounded.", None)


def _rounded(case: Case, words: str, made: Array | None) -> Iterator[Claim]:
    """Every entry must be rounded just so: a few bits each, however small the error."""
    if made is None or not case.fits(made) or not np.isfinite(made).all():
        return
    wrong = case.wrong
    exact = bool(np.allclose(case.a[wrong], np.asarray(made, dtype=np.float64)[wrong], rtol=1e-6, atol=1e-9))
    yield Claim(words, bits=3.0 * np.unique(case.e[wrong]).size if exact else 0.0)


def _bfloat16(e: Array) -> Array:
    bits = e.astype(np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    result: Array = rounded.astype(np.uint32).view(np.float32).astype(np.float64)
    return result
