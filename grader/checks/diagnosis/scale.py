"""Signs, factors and what they equal, offsets, ranges."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from grader.checks.diagnosis.case import Case, Claim

_CONSTANTS = (
    (1 / math.log(2), "logarithms to base 2 instead of natural ones"),
    (1 / math.log(10), "logarithms to base 10 instead of natural ones"),
    (math.log(2), "natural logarithms instead of base 2"),
    (255.0, "a range of 0 to 255 instead of 0 to 1"),
    (1 / 255, "a range of 0 to 1 instead of 0 to 255"),
    (100.0, "per cent instead of a fraction"),
    (0.01, "a fraction instead of per cent"),
    (255 / 256, "division by 256 instead of 255"),
    (256 / 255, "division by 255 instead of 256"),
    (180 / math.pi, "degrees instead of radians"),
    (math.pi / 180, "radians instead of degrees"),
)


def sign(case: Case) -> Iterator[Claim]:
    """The opposite sign throughout, or nothing but zeros."""
    if not case.nonzero:
        return
    yield Claim("has the opposite sign.", -case.e)
    if not case.a.any() and case.expected.dtype.kind != "b":
        yield Claim("is zero everywhere." if case.e.size > 1 else "is zero.", bits=99)


def plain_factor(case: Case) -> Iterator[Claim]:
    """Twice, half, and the same with a minus."""
    if not case.nonzero:
        return
    for k, words in ((2.0, "is twice what it should be"), (0.5, "is half of what it should be")):
        yield Claim(f"{words}.", k * case.e)
        yield Claim(f"has the opposite sign and {words}.", -k * case.e)


def size_factor(case: Case) -> Iterator[Claim]:
    """A factor that is a size of the problem, or made of one: a sum for a mean, a mean for a sum, a root."""
    if not case.nonzero:
        return
    for n, what in case.sizes.items():
        if n == 2:
            continue  # twice is the commoner mistake
        for minus, k in (("", 1.0), ("has the opposite sign and ", -1.0)):
            yield Claim(
                f"{minus}is {n} times too large; {n} is {what}: it looks summed instead of averaged.",
                k * n * case.e,
            )
            yield Claim(
                f"{minus}is {n} times too small; {n} is {what}: it looks averaged instead of summed, or averaged "
                "twice.",
                k / n * case.e,
            )
    for n, what in case.sizes.items():
        words = f"is off by the factor {n - 1}/{n} or its inverse; {n} is {what}: biased instead of unbiased, or the reverse."
        if n > 2:
            yield Claim(words, (n - 1) / n * case.e)
            yield Claim(words, n / (n - 1) * case.e)
    for n, what in case.sizes.items():
        if n not in (2, 4):
            yield Claim(f"is √{n} times too large; {n} is {what}: a division by its root is missing.", n**0.5 * case.e)
            yield Claim(
                f"is √{n} times too small; {n} is {what}: it looks divided by {n} or by its root once too often.",
                case.e / n**0.5,
            )


def number_factor(case: Case) -> Iterator[Claim]:
    """A factor that is one of the numbers that went in, or made of one; and factors known from other units."""
    if not case.nonzero:
        return
    for name, s in case.numbers.items():
        yield Claim(f"is multiplied by `{name}`, but should not be.", s * case.e)
        yield Claim(f"lacks the factor `{name}`, or is divided by it.", case.e / s)
        if 0 < s < 1:
            yield Claim(f"is multiplied by 1 - `{name}`, but should not be.", (1 - s) * case.e)
            yield Claim(f"lacks the factor 1 - `{name}`, or is divided by it.", case.e / (1 - s))
            yield Claim(f"has 1 - `{name}` and `{name}` swapped.", case.e * s / (1 - s))
            yield Claim(f"has 1 - `{name}` and `{name}` swapped.", case.e * (1 - s) / s)
    for k, words in _CONSTANTS:
        yield Claim(f"is wrong by the same factor everywhere; the factor fits {words}.", k * case.e)


def ranges(case: Case) -> Iterator[Claim]:
    """One range for another."""
    yield Claim("lies in [-1, 1] instead of [0, 1]: it is multiplied by 2 and lowered by 1.", 2 * case.e - 1)
    yield Claim("lies in [0, 1] instead of [-1, 1].", (case.e + 1) / 2)
    yield Claim("is scaled to 0 to 255 instead of [-1, 1].", (case.e + 1) * 127.5)


def by_one(case: Case) -> Iterator[Claim]:
    """One too high or too low: labels that count from 1, indices, lengths."""
    if case.whole and case.e.size > 1:
        yield Claim("is one too high in every entry: does it count from 1?", case.e + 1)
        yield Claim("is one too low in every entry.", case.e - 1)


def factor(case: Case) -> Iterator[Claim]:
    """One constant factor, whatever it is."""
    if not case.nonzero:
        return
    k = float((case.a * case.e).sum() / (case.e**2).sum())
    if not math.isfinite(k) or k == 0 or math.isclose(k, 1.0, rel_tol=1e-3):
        return
    minus = "has the opposite sign and " if k < 0 else ""
    large = f"is {abs(k):.4g} times too large" if abs(k) > 1 else f"is {1 / abs(k):.4g} times too small"
    yield Claim(f"{minus}{large}, by the same factor everywhere.", k * case.e, fitted=1)


def offset(case: Case) -> Iterator[Claim]:
    """One constant added throughout."""
    constant = float((case.a - case.e).mean())
    for name, s in case.numbers.items():
        yield Claim(f"has `{name}` added, but should not.", case.e + s)
        yield Claim(f"lacks `{name}`, which should be added.", case.e - s)
    if abs(constant) > 10 * case.atol:
        yield Claim(
            "is off by the same constant everywhere: something was added or left out that is the same for every entry.",
            case.e + constant,
            fitted=1,
        )


def scaled_and_shifted(case: Case) -> Iterator[Claim]:
    """One factor and one offset: normalised by another mean and deviation, or to another range."""
    centred = case.e - case.e.mean()
    spread = float((centred**2).sum())
    if spread <= 0:
        return
    k = float((case.a * centred).sum() / spread)
    if abs(k) < 1e-6 or np.ptp(case.e) <= 10 * case.atol:
        return
    yield Claim(
        "is scaled and shifted by the same amounts everywhere: look at how it is normalised (mean and deviation, "
        "or the range).",
        case.a.mean() + k * centred,
        fitted=2,
    )
