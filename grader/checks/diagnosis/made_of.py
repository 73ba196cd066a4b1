"""What came, or its error, is one of the inputs, or is made of them by one step."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from grader.checks.diagnosis.case import Array, Case, Claim, real
from grader.checks.diagnosis.functions import elu, gelu, log_softmax, relu, sigmoid, softmax, softplus

_FUNCTIONS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("the ReLU of `{}`", relu),
    ("the sigmoid of `{}`", sigmoid),
    ("the tanh of `{}`", np.tanh),
    ("the leaky ReLU of `{}`, with the slope 0.01", lambda x: np.where(x > 0, x, 0.01 * x)),
    ("the leaky ReLU of `{}`, with the slope 0.1", lambda x: np.where(x > 0, x, 0.1 * x)),
    ("the leaky ReLU of `{}`, with the slope 0.2", lambda x: np.where(x > 0, x, 0.2 * x)),
    ("the ReLU of `{}`, cut off at 6", lambda x: np.clip(x, 0, 6)),
    ("the ELU of `{}`", elu),
    ("the GELU of `{}`", gelu),
    ("the SiLU of `{}`", lambda x: x * sigmoid(x)),
    ("the softplus of `{}`", softplus),
    ("the absolute value of `{}`", np.abs),
    ("the exponential of `{}`", np.exp),
    ("the logarithm of `{}`", np.log),
    ("minus the logarithm of `{}`", lambda x: -np.log(x)),
    ("the square of `{}`", np.square),
    ("1 - `{}`", lambda x: 1 - x),
)
_REDUCTIONS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("sum", np.sum),
    ("mean", np.mean),
    ("maximum", np.max),
    ("minimum", np.min),
    ("argmax", np.argmax),
    ("argmin", np.argmin),
    ("product", np.prod),
    ("variance", np.var),
    ("standard deviation", np.std),
    ("median", np.median),
)


def unchanged(case: Case) -> Iterator[Claim]:
    """An argument came back as it was, or through one plain function."""
    for name, x in case.like(case.actual.shape).items():
        yield Claim(f"is `{name}`, unchanged.", x)
        yield Claim(f"is minus `{name}`.", -x)
    for name, x in _turned(case):
        yield Claim(f"is `{name}`, transposed and otherwise unchanged.", x)
    for name, x in case.like(case.actual.shape).items():
        if x.size < 2:
            continue
        for words, function in _FUNCTIONS:
            yield Claim(f"is {words.format(name)}.", function(x))
        for axis in range(x.ndim):
            yield Claim(f"is the softmax of `{name}` over axis {axis}.", softmax(x, axis))
            yield Claim(f"is the log-softmax of `{name}` over axis {axis}.", log_softmax(x, axis))


def _turned(case: Case) -> Iterator[tuple[str, Array]]:
    if case.actual.ndim == 2:
        for name, x in case.like(case.actual.shape[::-1]).items():
            yield name, x.T


def reduced(case: Case) -> Iterator[Claim]:
    """A plain reduction of an input; over which axis."""
    if not case.actual.ndim:
        return
    for name, value in case.inputs.items():
        if value.ndim != case.actual.ndim + 1 or value.size > 1_000_000 or not value.size:
            continue
        x = real(value)
        for axis in range(x.ndim):
            if x.shape[:axis] + x.shape[axis + 1 :] != case.actual.shape:
                continue
            for words, function in _REDUCTIONS:
                yield Claim(f"is the {words} of `{name}` over axis {axis}.", function(x, axis=axis))


def earlier(case: Case) -> Iterator[Claim]:
    """The result of an earlier call, alone or added to this one's."""
    for words, value in case.earlier.items():
        if value.shape != case.actual.shape:
            continue
        x = real(value)
        if np.allclose(x, case.e, rtol=case.rtol, atol=case.atol):
            continue  # the calls were alike: it would explain nothing
        yield Claim(f"is the result of {words}: something is kept from one call to the next.", x)
        yield Claim(
            f"is the sum of this result and that of {words}: something is kept and added to (gradients that are not "
            "cleared?).",
            case.e + x,
        )


def term(case: Case) -> Iterator[Claim]:
    """An input added once too often, or left out; or times a number that went in."""
    for name, x in _fitting(case):
        wide = np.broadcast_to(x, case.e.shape)
        if not wide.any():
            continue
        yield Claim(f"lacks the term `{name}`, which should be added.", case.e - wide)
        yield Claim(f"has `{name}` added once too often.", case.e + wide)
        yield Claim(f"has `{name}` subtracted instead of added.", case.e - 2 * wide)
        yield Claim(f"has `{name}` added instead of subtracted.", case.e + 2 * wide)
        for number, s in case.numbers.items():
            for k, times in ((s, f"`{number}` times `{name}`"), (2 * s, f"2 times `{number}` times `{name}`")):
                yield Claim(f"lacks the term {times}.", case.e - k * wide)
                yield Claim(f"has the term {times} added although it should not be, or twice.", case.e + k * wide)


def multiple(case: Case) -> Iterator[Claim]:
    """An input times whatever factor added or left out, as a penalty's gradient is."""
    difference = case.a - case.e
    for name, x in _fitting(case):
        wide = np.broadcast_to(x, case.e.shape)
        square = float((wide**2).sum())
        if square and wide.size > 1:
            k = float((difference * wide).sum()) / square
            yield Claim(
                f"is off by a multiple of `{name}`: a term that is proportional to `{name}` is missing, is one too many, or "
                "has another factor (regularisation?).",
                case.e + k * wide,
                fitted=1,
            )


def _fitting(case: Case) -> Iterator[tuple[str, Array]]:
    """The inputs that could be added to the result."""
    for name, value in case.inputs.items():
        if 0 < value.ndim <= case.e.ndim and value.size <= case.e.size:
            x = real(value)
            if x.shape == case.e.shape[case.e.ndim - x.ndim :] and np.isfinite(x).all():
                yield name, x


def multiplied(case: Case) -> Iterator[Claim]:
    """An input multiplied in once too often, or left out; a mask that is not applied, or the other way round."""
    for name, x in _fitting(case):
        wide = np.broadcast_to(x, case.e.shape)
        if np.unique(wide).size < 2:
            continue
        if not np.isin(wide, (0.0, 1.0)).all():
            yield Claim(f"is multiplied by `{name}` once too often.", case.e * wide)
            yield Claim(f"lacks the factor `{name}`.", case.e, got=case.a * wide)


def swapped_weights(case: Case) -> Iterator[Claim]:
    """A mixture, m times one and 1 - m times the other, the wrong way round: momentum, a gate, an interpolation."""
    for (left, p), (right, q) in itertools.combinations(case.like(case.e.shape).items(), 2):
        gap = p - q
        square = float((gap**2).sum())
        if not square or gap.size < 2:
            continue
        m = float(((case.e - q) * gap).sum()) / square
        # Only where what is right is such a mixture.
        mixture = q + m * gap
        if 0 < m < 1 and abs(m - 0.5) > 1e-3 and np.allclose(case.e, mixture, rtol=3 * case.rtol, atol=3 * case.atol):
            yield Claim(f"has the weights of `{left}` and `{right}` swapped (m and 1 - m).", p - m * gap)


def zero_pattern(case: Case) -> Iterator[Claim]:
    """Zeros where values should be, and the reverse: a mask turned round, or not applied."""
    kept, ours = case.e != 0, case.a != 0
    if case.e.size < 8 or not 0.05 < kept.mean() < 0.95:
        return
    if (kept ^ ours).all():
        yield Claim(
            "is zero where it should not be, and not zero where it should be: the mask is inverted (keep and drop swapped?).",
            bits=float(case.e.size),
        )
    wrong = case.wrong
    if not wrong.any() or (wrong & kept).any():
        return
    # Right wherever it should not be zero, and something else wherever it should.
    share = float((wrong & ~kept).sum() / (~kept).sum())
    if share > 0.99 and wrong.sum() >= 4 and kept.sum() >= 4:
        where = _where(case, ~kept)
        yield Claim(
            f"is right except where it should be zero{where}: a mask is missing there.", bits=float(case.e.size)
        )


def _where(case: Case, zero: Array) -> str:
    for name, x in case.like(case.e.shape).items():
        for words, pattern in (("is negative or 0", x <= 0), ("is 0", x == 0), ("is positive or 0", x >= 0)):
            if (pattern == zero).all():
                return f" (which is where `{name}` {words})"
    return ""
