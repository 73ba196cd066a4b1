"""Mistakes that diagnosis must name: how each turns right values into wrong ones, and what must be said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


def softmax(x, axis=-1):
    """Softmax along one axis."""
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


@dataclass(frozen=True)
class Made:
    """What came, what is right, and what the check says of the inputs."""

    actual: Any
    expected: Any
    inputs: dict[str, Any] = field(default_factory=dict)
    earlier: dict[str, Any] = field(default_factory=dict)


def _shape(g, low=1, high=4, least=4):
    shape = tuple(int(n) for n in g.integers(3, 8, size=g.integers(low, high)))
    return shape if np.prod(shape) >= least else (*shape, 5)


def of_any(mistake, positive=False, low=1, least=4, inputs=None):
    """A mistake that any array shows."""

    def make(g):
        e = g.standard_normal(_shape(g, low=low, least=least))
        e = np.abs(e) + 0.1 if positive else e
        return Made(mistake(e), e, inputs(g, e) if inputs else {})

    return make


def _first(e):
    a = e.copy()
    a[1:] += np.linspace(0.3, 0.8, a[1:].size).reshape(a[1:].shape) ** 2
    return a


def _with(function):
    return lambda g: Made(*function(g))


def _made(draw, mistake):
    return lambda g: Made(*mistake(draw(g)))


def _wrong_axis(g):
    x = g.standard_normal((5, 7))
    return softmax(x, 0), softmax(x, 1)


def _reductions(g):
    x = g.standard_normal((6, 6))
    return Made(x.mean(0), np.abs(x).sum(1), {"x": x})


def _square(g, mistake):
    e = g.standard_normal((5, 5))
    return Made(mistake(e), e)


def _summed(g, power):
    n = int(g.integers(5, 60))
    x, e = g.standard_normal((n, 71)), g.standard_normal((7,)) if g.random() < 0.5 else np.asarray(1 + g.random())
    return Made(e * float(n) ** power, e, {"x": x})


def _biased(g):
    x = g.standard_normal((int(g.integers(5, 60)), 4))
    a, b = x.var(0), x.var(0, ddof=1)
    return Made(a, b, {"x": x}) if g.random() < 0.5 else Made(b, a, {"x": x})


def _like(g, mistake, **numbers):
    e, w = g.standard_normal((4, 6)), g.standard_normal((4, 6))
    return Made(mistake(e, w), e, {"W": w, **{name: np.asarray(value) for name, value in numbers.items()}})


def _bias(g, k):
    e, b = g.standard_normal((5, 4)), g.standard_normal(4)
    return Made(e + k * b, e, {"b": b})


def _momentum(g):
    old, new = g.standard_normal((2, 6))
    return Made(0.9 * new + 0.1 * old, 0.1 * new + 0.9 * old, {"running_mean": old, "batch_mean": new})


def _dropped(g, mistake):
    x, keep = g.standard_normal((8, 9)), g.random((8, 9)) < 0.7
    e = np.where(keep, x / 0.7, 0)
    return Made(mistake(x, keep), e, {"p": np.asarray(0.3)})


def _relu_net(g):
    x = g.standard_normal((6, 5))
    return Made(x, np.maximum(x, 0))


def _relu_backward(g):
    x, dout = g.standard_normal((2, 6, 5))
    return Made(dout, np.where(x > 0, dout, 0), {"x": x, "grad": 3 * dout})


def _normalised(g):
    x = g.standard_normal((8, 11)) * 3 + 1
    one, other = ((x - x.mean(k, keepdims=True)) / x.std(k, keepdims=True) for k in (0, 1))
    return one, other


def _labels(g):
    e = g.integers(0, 10, 30)
    return e + 1, e


def _shifted(g):
    x = g.standard_normal((5, 9))
    return x[:, :-1], x[:, 1:]


def _part(g, change, axis=1):
    e = g.standard_normal((4, 7, 5))
    a = e.copy()
    change(np.moveaxis(a, axis, 0))
    return Made(a, e)


def _put(index, function):
    def change(a):
        a[index] = function(a[index])

    return change


def _boxes(g):
    e = g.random((6, 4))
    return e[:, [1, 0, 3, 2]], e


def _gates(g):
    e = g.standard_normal((3, 12))
    i, f, gate, o = np.split(e, 4, 1)
    return np.concatenate([i, gate, f, o], 1), e


def _earlier(g, both):
    before, e = g.standard_normal((2, 7))
    return Made(before + (e if both else 0), e, earlier={"the first call": before})


def _border(g):
    e = g.standard_normal((2, 6, 6))
    a = e + 1.0 + 0.3 * g.standard_normal(e.shape)
    a[:, 1:-1, 1:-1] = e[:, 1:-1, 1:-1]
    return a, e


def _images(g):
    image = g.integers(0, 256, (4, 6, 3)) / 255
    return image.reshape(3, 4, 6), image.transpose(2, 0, 1)


Make = Callable[[Any], Made]

#: By name: how it is made, and a part of the sentence that must be said.
MISTAKES: dict[str, tuple[Make, str]] = {
    # signs, factors, offsets
    "sign": (of_any(lambda e: -e), "has the opposite sign."),
    "twice": (of_any(lambda e: 2 * e), "is twice what it should be."),
    "half": (of_any(lambda e: e / 2), "is half of what it should be."),
    "minus twice": (of_any(lambda e: -2 * e), "has the opposite sign and is twice"),
    "factor": (of_any(lambda e: 3.7 * e), "is 3.7 times too large, by the same factor everywhere."),
    "small factor": (of_any(lambda e: e / 3.7), "is 3.7 times too small, by the same factor everywhere."),
    "minus factor": (of_any(lambda e: -3.7 * e), "has the opposite sign and is 3.7 times too large"),
    "zero": (of_any(lambda e: 0 * e), "is zero everywhere."),
    "offset": (of_any(lambda e: e + 0.75), "is off by the same constant everywhere"),
    "summed": (lambda g: _summed(g, 1), "is the size of `x` along axis 0: it looks summed instead of averaged"),
    "averaged": (lambda g: _summed(g, -1), "is the size of `x` along axis 0: it looks averaged instead of summed"),
    "root missing": (lambda g: _summed(g, 0.5), "a division by its root is missing"),
    "root twice": (lambda g: _summed(g, -0.5), "or by its root once too often"),
    "biased": (_biased, "biased instead of unbiased, or the reverse."),
    "learning rate": (lambda g: _like(g, lambda e, _: 0.013 * e, lr=0.013), "is multiplied by `lr`, but should not"),
    "no learning rate": (lambda g: _like(g, lambda e, _: e / 0.013, lr=0.013), "lacks the factor `lr`, or is divided"),
    "no 1 - p": (lambda g: _like(g, lambda e, _: e / 0.7, p=0.3), "lacks the factor 1 - `p`, or is divided by it."),
    "momentum number": (lambda g: _like(g, lambda e, _: e * 0.9 / 0.1, m=0.1), "has 1 - `m` and `m` swapped."),
    "log2": (of_any(lambda e: e / np.log(2)), "the factor fits logarithms to base 2"),
    "255": (of_any(lambda e: 255 * e, least=5), "the factor fits a range of 0 to 255 instead of 0 to 1."),
    "256": (of_any(lambda e: 255 / 256 * e), "the factor fits division by 256 instead of 255"),
    "per cent": (of_any(lambda e: 100 * e), "the factor fits per cent instead of a fraction"),
    "stretched": (of_any(lambda e: 2 * e - 1), "lies in [-1, 1] instead of [0, 1]"),
    "squeezed": (of_any(lambda e: (e + 1) / 2), "lies in [0, 1] instead of [-1, 1]"),
    "normalised": (of_any(lambda e: 1.3 * e + 0.4, least=9), "scaled and shifted by the same amounts everywhere"),
    "labels from one": (_with(_labels), "is one too high in every entry"),
    # arrangement
    "reversed": (of_any(lambda e: np.flip(e, 0)), "is reversed along axis 0."),
    "both reversed": (of_any(lambda e: np.flip(e, (0, 1)), low=2), "is reversed along the axes 0 and 1."),
    "transposed": (lambda g: _square(g, np.transpose), "is transposed."),
    "turned": (lambda g: _square(g, np.rot90), "is turned by 90 degrees in the axes 0 and 1."),
    "reshaped": (_with(_images), "was reshaped where its axes should have been permuted."),
    "shifted": (_with(_shifted), "is shifted by one along axis 1: each entry is one place later than it should be"),
    "x for y": (_with(_boxes), "has the two of each pair along the last axis swapped"),
    "gates": (_with(_gates), "has the 4 equal parts along axis 1 in a different order: 0, 2, 1, 3 instead of 0 to 3"),
    "interleaved": (lambda g: _square_of(g, (3, 8), _interleave), "has the 2 equal parts along axis 1 interleaved."),
    "rows shuffled": (lambda g: _square_of(g, (7, 5), lambda e: e[[2, 0, 1, 5, 3, 6, 4]]), "slices along axis 0 in a different order"),
    "shuffled": (of_any(lambda e: np.random.default_rng(1).permutation(e.ravel()).reshape(e.shape), least=9), "right values in a different order"),
    # functions
    "logarithm": (of_any(np.log, positive=True), "is the logarithm of the right value."),
    "exponential": (of_any(np.exp), "is the exponential of the right value"),
    "square": (of_any(np.square), "is squared."),
    "root": (of_any(np.sqrt, positive=True), "is the square root of the right value."),
    "one minus": (of_any(lambda e: 1 - e), "is one minus the right value."),
    "inverse": (of_any(lambda e: 1 / e), "is the inverse (1/x)"),
    "absolute": (of_any(np.abs, least=12), "has lost its signs"),
    "relu": (of_any(lambda e: np.maximum(e, 0), least=12), "has its negative entries cut to zero: a ReLU too many?"),
    "sigmoid": (of_any(lambda e: 1 / (1 + np.exp(-e))), "a sigmoid was applied once too often"),
    "tanh": (of_any(np.tanh), "a tanh was applied once too often"),
    "softmax": (of_any(softmax, low=2), "was applied once too often."),
    "softmax twice": (lambda g: _square_of(g, (5, 6), softmax, softmax), "looks as if a softmax over axis 1 was applied once too often."),
    "no softmax": (_made(lambda g: g.standard_normal((5, 6)), lambda x: (x, softmax(x))), "the softmax over axis 1 is missing"),
    "no log": (_made(lambda g: softmax(g.standard_normal((5, 6))), lambda x: (x, np.log(x))), "is a logarithm missing?"),
    "no sigmoid": (_made(lambda g: g.standard_normal((5, 6)), lambda x: (x, 1 / (1 + np.exp(-x)))), "as if the sigmoid is missing"),
    "no tanh": (_made(lambda g: g.standard_normal((5, 6)), lambda x: (x, np.tanh(x))), "as if the tanh is missing"),
    "no relu": (_relu_net, "a ReLU is missing"),
    "not clipped": (_made(lambda g: 0.8 * g.standard_normal((5, 6)), lambda x: (x, np.clip(x, 0, 1))), "it is not clipped"),
    # axes
    "wrong softmax axis": (_with(_wrong_axis), "sum to 1 along axis 0; they should sum to 1 along axis 1"),
    "wrong log-softmax axis": (_with(lambda g: tuple(np.log(p) for p in _wrong_axis(g))), "sum to 1 along axis 0; they should sum to 1 along axis 1"),
    "batch for layer norm": (_with(_normalised), "normalised over the wrong axis"),
    "columns normalised": (_made(lambda g: g.random((4, 6)) + 3 * g.random((1, 6)), lambda x: (x / x.sum(0), x / x.sum(1, keepdims=True))), "over the wrong axis"),
    "mean of another axis": (_made(lambda g: g.standard_normal((5, 6)) + 1, lambda x: (x - x.mean(1, keepdims=True), x)), "constant along axis 1: a term is added or missing"),
    "reduced otherwise": (_reductions, "is the mean of `x` over axis 0."),
    # inputs
    "unchanged": (lambda g: _like(g, lambda _, w: w), "is `W`, unchanged."),
    "regularisation": (lambda g: _like(g, lambda e, w: e - 0.37 * w), "is off by a multiple of `W`"),
    "regularisation, told": (lambda g: _like(g, lambda e, w: e - 2 * 0.37 * w, reg=0.37), "lacks the term 2 times `reg` times `W`."),
    "residual missing": (lambda g: _like(g, lambda e, w: e - w), "lacks the term `W`, which should be added."),
    "residual twice": (lambda g: _like(g, lambda e, w: e + w), "has `W` added once too often."),
    "no bias": (lambda g: _bias(g, -1), "lacks the term `b`"),
    "bias twice": (lambda g: _bias(g, 1), "has `b` added once too often."),
    "factor once too often": (lambda g: _like(g, lambda e, w: e * w), "is multiplied by `W` once too often."),
    "factor missing": (lambda g: _like(g, lambda e, w: e / w), "lacks the factor `W`."),
    "momentum": (_momentum, "has the weights of `running_mean` and `batch_mean` swapped (m and 1 - m)."),
    "keep for drop": (lambda g: _dropped(g, lambda x, k: np.where(k, 0, x / 0.7)), "the mask is inverted (keep and drop swapped?)"),
    "dropout not scaled": (lambda g: _dropped(g, lambda x, k: np.where(k, x, 0)), "is multiplied by 1 - `p`"),
    "mask forgotten": (_relu_backward, "right except where it should be zero (which is where `x` is negative or 0): a mask is missing"),
    # state
    "kept": (lambda g: _earlier(g, both=False), "is the result of the first call: something is kept"),
    "accumulated": (lambda g: _earlier(g, both=True), "is the sum of this result and that of the first call"),
    # precision
    "cut off": (_made(lambda g: 9 * g.standard_normal((5, 6)), lambda e: (np.trunc(e).astype(int), e)), "is truncated to whole numbers (int64)."),
    "rounded": (_made(lambda g: 9 * g.standard_normal((5, 6)), lambda e: (np.round(e), e)), "is rounded to whole numbers."),
    "half precision": (_made(lambda g: g.standard_normal((5, 6)), lambda e: (e.astype("f2"), e)), "has the precision of float16"),
    # parts
    "first only": (lambda g: _part(g, _put(slice(1, None), lambda a: a**2 + 1)), "is right only at index 0 (the first) along axis 1"),
    "last wrong": (lambda g: _part(g, _put(-1, lambda a: a**2 + 1)), "is wrong only at index 6 (the last) along axis 1; the rest is right."),
    "last zero": (lambda g: _part(g, _put(-1, lambda a: 0 * a)), "is wrong only at index 6 (the last) along axis 1; the rest is right. That part is zero"),
    "first sign": (lambda g: _part(g, _put(0, lambda a: -a), axis=0), "index 0 (the first) along axis 0; the rest is right. That part has the opposite sign."),
    "border": (_with(_border), "is wrong only on the border of the last two axes"),
    "constant": (of_any(lambda e: np.full_like(e, 0.3)), "is the same number in every entry."),
    "all rows alike": (of_any(lambda e: np.broadcast_to(e[:1], e.shape) * 1.01 + 0.2, low=2), "is constant along axis 0"),
    "nearly": (of_any(lambda e: e * (1 + 0.004 * np.sin(9 * e))), "is nearly right: "),
}  # fmt: skip


def _square_of(g, shape, mistake, before=None):
    e = g.standard_normal(shape)
    e = before(e) if before else e
    return Made(mistake(e), e)


def _interleave(e):
    return np.stack(np.split(e, 2, 1), 2).reshape(e.shape)
