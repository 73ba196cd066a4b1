"""Diagnosis: each mistake is called by its name, and what is merely wrong is called nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from grader.checks import CheckFailed, assert_close
from grader.checks.diagnosis import diagnose

SHAPES = [(7,), (4, 5), (32, 10), (3, 4, 5)]
DTYPES = ["float32", "float64"]
SEEDS = range(4)


def values(shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def tolerances(dtype):
    return {"float32": (1e-4, 1e-5), "float64": (1e-7, 1e-9)}[dtype]


def told(actual, expected, inputs=None):
    rtol, atol = tolerances(str(np.asarray(expected).dtype))
    return diagnose(np.asarray(actual), np.asarray(expected), inputs=inputs, rtol=rtol, atol=atol)


#: Mistakes that any array can show: what makes the student's values from the right ones, and what must be said.
MISTAKES = {
    "sign": (lambda e: -e, "opposite sign"),
    "twice": (lambda e: 2 * e, "twice what it should be"),
    "half": (lambda e: e / 2, "half of what it should be"),
    "minus twice": (lambda e: -2 * e, "opposite sign and is twice"),
    "some factor": (lambda e: 3.7 * e, "3.7 times too large"),
    "some small factor": (lambda e: e / 3.7, "3.7 times too small"),
    "zero": (lambda e: 0 * e, "zero throughout"),
    "offset": (lambda e: e + 0.75, "off by one constant"),
    "reversed": (lambda e: np.flip(e, 0), "reversed along axis 0"),
    "shifted": (lambda e: np.roll(e, 1, -1), "shifted by one along axis"),
    "square": (np.square, "squared"),
    "absolute": (np.abs, "lost its signs"),
    "relu": (lambda e: np.maximum(e, 0), "negative entries cut to zero"),
    "exponential": (np.exp, "exponential"),
    "one minus": (lambda e: 1 - e, "one minus"),
    "inverse": (lambda e: 1 / e, "inverse (1/x)"),
    "sigmoid": (lambda e: 1 / (1 + np.exp(-e)), "sigmoid"),
    "tanh": (np.tanh, "tanh"),
    "softmax": (softmax, "softmax"),
    "NaN": (lambda e: np.where(e == e.max(), np.nan, e), "NaN in 1 of"),
    "infinity": (lambda e: np.where(e == e.max(), np.inf, e), "infinity in 1 of"),
    "all NaN": (lambda e: e * np.nan, "NaN"),
    "shuffled": (lambda e: np.random.default_rng(1).permutation(e.ravel()).reshape(e.shape), "right values in another order"),
    "one axis too many": (lambda e: e[None], "axes of size 1"),
}  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named(name, shape, dtype, seed):
    """Whatever the shape, the dtype and the numbers, the sentence names the mistake that was made."""
    mistake, sentence = MISTAKES[name]
    if name == "shifted" and shape[-1] < 4:
        pytest.skip("too short to tell")
    expected = values(shape, dtype, seed)
    assert sentence in str(told(np.asarray(mistake(expected)).astype(dtype), expected))


@pytest.mark.parametrize("seed", SEEDS)
def test_logarithm_and_root_are_named(seed):
    """Functions of positive values only."""
    expected = np.abs(values((4, 5), seed=seed)) + 0.1
    assert "logarithm" in told(np.log(expected), expected)
    assert "square root" in told(np.sqrt(expected), expected)


@pytest.mark.parametrize("n", [3, 10, 32, 100])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_factor_that_is_a_size_points_at_a_sum(n, dtype):
    """A loss that is a sum is named as one, with the input whose size the factor is."""
    inputs = {"x": values((n, 7), dtype)}
    loss = np.asarray(2.5, dtype)
    assert f"{n} times too large; {n} is the size of `x` along axis 0: it looks summed" in told(n * loss, loss, inputs)
    assert f"{n} times too small" in told(loss / n, loss, inputs)
    gradient = values((7,), dtype)
    assert "it looks summed where a mean is asked for" in told(n * gradient, gradient, inputs)


def test_two_for_a_size_of_two_is_told_as_twice():
    """Twice is the commoner mistake than a sum over two."""
    assert "twice" in told(2 * np.float64(1.3), np.float64(1.3), {"x": values((2, 5))})


@pytest.mark.parametrize("n", [5, 9, 50])
def test_biased_for_unbiased_is_named(n):
    """A variance that divides by the wrong one of n and n - 1."""
    x = values((n, 4))
    assert f"factor {n - 1}/{n}" in told(x.var(0), x.var(0, ddof=1), {"x": x})
    assert f"factor {n - 1}/{n}" in told(x.var(0, ddof=1), x.var(0), {"x": x})


@pytest.mark.parametrize("seed", SEEDS)
def test_arrangements_are_named(seed):
    """Transposed, permuted, reshaped in place of permuted."""
    square, cube, wide = values((4, 4), seed=seed), values((3, 3, 3), seed=seed), values((3, 5), seed=seed)
    assert told(square.T, square) == "is transposed."
    assert "axes in another order" in told(cube.transpose(0, 2, 1), cube)
    assert "reshaped where its axes should have been permuted" in told(wide.T.reshape(3, 5), wide)
    assert "looks transposed" in told(wide.T, wide)


def test_the_wrong_axis_of_a_normalisation_is_named():
    """Rows normalised in place of columns."""
    x = np.abs(values((4, 6))) + 0.5
    assert "over the wrong axis" in told(x / x.sum(0, keepdims=True), x / x.sum(1, keepdims=True))


@pytest.mark.parametrize(
    ("got", "want", "sentence"),
    [
        ((3, 4), (4, 3), "looks transposed"),
        ((2, 3, 4), (3, 2, 4), "axes look permuted"),
        ((5,), (), "a sum or mean over all entries is missing"),
        ((), (5,), "summed or averaged over too much"),
        ((5, 3), (5,), "sum or mean over axis 1 is missing"),
        ((5,), (5, 3), "axis 1 was summed or averaged away"),
        ((5, 1), (5,), "axes of size 1"),
        ((5, 1), (5, 4), "reduced to size 1"),
        ((5, 5, 3), (3,), "broadcast"),
        ((2, 7), (3, 4), "has shape (2, 7) where (3, 4) is asked for."),
        ((0,), (3,), "has shape (0,) where (3,) is asked for."),
    ],
)
def test_shapes_are_told(got, want, sentence):
    """A wrong shape is named with what it points at."""
    assert sentence in told(np.ones(got), np.ones(want))


def test_the_first_bad_entry_is_told():
    """NaN and infinity are told with how many there are and where they start."""
    expected, actual = values((3, 4)), values((3, 4))
    actual[1, 2], actual[2, 0] = np.nan, np.inf
    assert "NaN and infinity in 2 of 12 entries, first at [1, 2]" in told(actual, expected)


def unrelated(generator):
    """A shape, right values, and values that have nothing to do with them."""
    shape = tuple(int(n) for n in generator.integers(1, 7, size=generator.integers(0, 4)))
    kind = generator.integers(4)
    expected, actual = generator.standard_normal(shape), generator.standard_normal(shape)
    if kind == 1:
        expected, actual = np.abs(expected), np.abs(actual)
    if kind == 2:
        expected, actual = np.asarray(softmax(np.atleast_1d(expected))), np.asarray(softmax(np.atleast_1d(actual)))
    if kind == 3:  # right but for noise that is far over the tolerance
        actual = np.asarray(expected) * (1 + 0.05 * generator.standard_normal(shape)) + 0.05
    inputs = {"x": generator.standard_normal((int(generator.integers(2, 40)), 5))}
    return np.asarray(actual), np.asarray(expected), inputs


def test_unrelated_values_are_called_nothing():
    """Of 600 wrong results without a system, none is given a name: a wrong diagnosis costs more than none."""
    generator = np.random.default_rng(5)
    named = []
    for number in range(600):
        actual, expected, inputs = unrelated(generator)
        dtype = ["float32", "float64"][number % 2]
        actual, expected = actual.astype(dtype), expected.astype(dtype)
        if np.allclose(actual, expected, rtol=1e-3, atol=1e-3):
            continue
        if (sentence := told(actual, expected, inputs)) is not None:
            named.append((actual, expected, sentence))
    assert named == []


def test_labels_that_are_wrong_are_called_nothing():
    """Small integers coincide easily; that is no reason to name a mistake."""
    generator = np.random.default_rng(6)
    named = []
    for _ in range(300):
        expected = generator.integers(0, 10, size=40)
        actual = np.where(generator.random(40) < 0.5, expected, generator.integers(0, 10, size=40))
        if not np.array_equal(actual, expected) and (found := diagnose(actual, expected, rtol=1e-7, atol=1e-9)):
            named.append(found)
    assert named == []


def test_masks_that_are_wrong_are_called_nothing_but_their_inverse():
    """Bools are compared as bools; a mask that is inverted is the only one that has a name."""
    generator = np.random.default_rng(7)
    named = []
    for _ in range(100):
        expected, actual = generator.random(30) < 0.5, generator.random(30) < 0.5
        if found := diagnose(actual, expected, rtol=1e-7, atol=1e-9):
            named.append(found)
    assert named == []


def numbers_in(text):
    return {float(number) for number in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", text)}


@pytest.mark.parametrize("name", MISTAKES)
@pytest.mark.parametrize("shape", [*SHAPES, ()], ids=str)
def test_no_message_gives_an_expected_value_away(name, shape):
    """Without ``reveal`` no number of the expected values is in the message; with it they are."""
    expected = values(shape)
    actual = np.asarray(MISTAKES[name][0](np.atleast_1d(expected)))
    with pytest.raises(CheckFailed) as caught:
        assert_close(actual, expected)
    shown = {f"{value:.{digits}f}" for value in np.ravel(expected) for digits in (3, 4, 6)}
    assert not any(text in caught.value.message for text in shown)
    assert "expected" in caught.value.staff
    with pytest.raises(CheckFailed, match="expected:"):
        assert_close(actual, expected, reveal=True)


def test_a_factor_gives_no_single_number_away():
    """Of one number the factor would be the answer: it is told only where it is a size or plain."""
    with pytest.raises(CheckFailed) as caught:
        assert_close(3.0, 1.2345, name="the loss")
    assert caught.value.message == "the loss is wrong."


@pytest.mark.parametrize("value", [torch.ones(3), np.ones(3), [1.0, 1.0, 1.0]])
def test_names_begin_the_sentence(value):
    """The sentence begins with what the student calls the value."""
    with pytest.raises(CheckFailed) as caught:
        assert_close(
            -2 * torch.tensor([1.0, 2.0, 5.0]) * torch.as_tensor(value), torch.tensor([1.0, 2.0, 5.0]), name="dw"
        )
    assert caught.value.message == "dw has the opposite sign and is twice what it should be."
