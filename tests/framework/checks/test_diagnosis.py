"""Diagnosis: each mistake is called by its name, and what is merely wrong is called nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grader.checks import CheckFailed, assert_close
from grader.checks.diagnosis import RANKS, diagnose
from tests.support.mistakes import MISTAKES, softmax

pytestmark = pytest.mark.torch

TOLERANCES = {"float32": (1e-4, 1e-5), "float64": (1e-7, 1e-9)}
#: Where two mistakes give the same values, both are told: 7 is the root of 49, and a size as well.
AMBIGUOUS = {"root missing", "root twice", "not clipped"}


def values(shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def typed(value, dtype):
    """In another precision, unless the type is the mistake."""
    array = np.asarray(value)
    return array if array.dtype.kind in "iub" or array.dtype == np.float16 else array.astype(dtype)


def told(actual, expected, inputs=None, earlier=None, dtype=None):
    """What is said of arrays of one precision, under the tolerances that the check would have."""
    rtol, atol = TOLERANCES[dtype or str(np.asarray(expected).dtype)]
    return diagnose(np.asarray(actual), np.asarray(expected), inputs=inputs, earlier=earlier, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_and_no_other(name):
    """Whatever the shape, the precision and the numbers, the sentence names the mistake that was made, and it alone."""
    make, sentence = MISTAKES[name]
    assert sentence
    for seed in range(10):
        made = make(np.random.default_rng(seed))
        for dtype in ("float64",) if name == "half precision" else ("float64", "float32"):
            inputs, earlier = ({k: typed(v, dtype) for k, v in given.items()} for given in (made.inputs, made.earlier))
            found = told(typed(made.actual, dtype), typed(made.expected, dtype), inputs, earlier, dtype)
            assert sentence in str(found), (seed, dtype)
            assert " Or it " not in str(found) or name in AMBIGUOUS, (seed, dtype)


def test_each_sentence_belongs_to_one_mistake():
    """No two mistakes are told by the same words, but for those that are the same thing in other data."""
    sentences = [sentence for _, sentence in MISTAKES.values()]
    twice = {sentence for sentence in sentences if sentences.count(sentence) > 1}
    assert twice == {"sum to 1 along axis 0; they should sum to 1 along axis 1"}


@pytest.mark.parametrize("n", [3, 10, 32, 100])
@pytest.mark.parametrize("dtype", TOLERANCES)
def test_a_factor_that_is_a_size_points_at_a_sum(n, dtype):
    """A loss that is a sum is named as one, with the input whose size the factor is."""
    inputs = {"x": values((n, 7), dtype)}
    loss = np.asarray(2.5137, dtype)
    assert f"{n} times too large; {n} is the size of `x` along axis 0: it looks summed" in told(n * loss, loss, inputs)
    assert f"{n} times too small" in told(loss / n, loss, inputs)
    gradient = values((7,), dtype)
    assert "it looks summed instead of averaged" in told(n * gradient, gradient, inputs)


def test_two_for_a_size_of_two_is_told_as_twice():
    """Twice is the commoner mistake than a sum over two."""
    assert "twice" in told(2 * np.float64(1.3), np.float64(1.3), {"x": values((2, 5))})


def test_axes_in_another_order_are_named():
    """More than two axes, all of one size; two axes whose sizes differ show by their shape."""
    cube, wide = values((3, 3, 3)), values((3, 5))
    assert told(cube.transpose(0, 2, 1), cube) == "has its axes in a different order: (0, 2, 1)."
    assert "looks transposed" in told(wide.T, wide)


@pytest.mark.parametrize(
    ("got", "want", "sentence"),
    [
        ((3, 4), (4, 3), "looks transposed"),
        ((2, 3, 4), (3, 2, 4), "axes look permuted"),
        ((5,), (), "a sum or mean over all entries is missing"),
        ((), (5,), "summed or averaged over too many axes"),
        ((5, 3), (5,), "sum or mean over axis 1 is missing"),
        ((5,), (5, 3), "axis 1 was summed or averaged away"),
        ((5, 1), (5,), "axes of size 1"),
        ((5, 1), (5, 4), "reduced to size 1"),
        ((5, 5, 3), (3,), "broadcast"),
        ((6, 6), (6,), "an array of shape (6,) combined with one of shape (6, 1) is broadcast to (6, 6)"),
        ((6, 6), (6, 1), "an array of shape (6,) combined with one of shape (6, 1) is broadcast to (6, 6)"),
        ((4, 6), (5, 6), "one entry too few along axis 0"),
        ((8, 6), (4, 6), "2 times too many entries along axis 0"),
        ((4, 6), (8, 3), "the right number of entries, so a reshape is missing"),
        ((5, 5), (5, 5, 5), "an axis of size 5 is missing"),
        ((2,) * 14, (3,), "14 axes"),
        ((2, 7), (3, 4), "has shape (2, 7) instead of (3, 4)."),
        ((0,), (3,), "has shape (0,) instead of (3,)."),
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


#: Sentences that only say what is plain to see, and name no cause.
PLAIN = ("is zero", "is one and the same", "is the same all along", "is wrong only", "is right only", "is nearly right")


def unrelated(g):
    """Right values of many kinds, each with values of the same kind that have nothing to do with them."""
    shape = tuple(int(n) for n in g.integers(1, 8, size=g.integers(1, 4)))

    def normal(shape=shape):
        return g.standard_normal(shape)

    def part_wrong():
        e = normal()
        return np.where(g.random(shape) < 0.4, normal(), e), e

    e = normal()
    labels = g.integers(0, 10, 40)
    yield normal(), normal()
    yield np.asarray(normal(())), np.asarray(normal(()))
    yield np.abs(normal()), np.abs(normal())
    yield softmax(normal()), softmax(normal())
    yield e * (1 + 0.05 * normal()) + 0.05 * normal(), e
    yield e * (1 + 0.003 * normal()), e
    yield g.integers(-3, 4, shape), g.integers(-3, 4, shape)
    yield g.integers(0, 10, shape) * 1.0, g.integers(0, 10, shape) * 1.0
    yield g.random(shape) < 0.5, g.random(shape) < 0.5
    yield np.eye(5)[g.integers(0, 5, 6)], np.eye(5)[g.integers(0, 5, 6)]
    yield np.maximum(normal(), 0), np.maximum(normal(), 0)
    yield part_wrong()
    yield np.where(g.random(40) < 0.5, labels, g.integers(0, 10, 40)), labels
    yield g.integers(0, 256, (3, 5, 5)).astype("u1"), g.integers(0, 256, (3, 5, 5)).astype("u1")
    yield np.where(g.random((6, 7)) < 0.5, 0, normal((6, 7))), np.where(g.random((6, 7)) < 0.5, 0, normal((6, 7)))
    yield np.sort(np.abs(normal(6)))[::-1], np.sort(np.abs(normal(6)))[::-1]


def test_unrelated_values_are_called_nothing():
    """Of thousands of wrong results without a system hardly any is given a cause: a wrong one costs more than none.

    What is bare of a cause may be said: where it is wrong, that it is zero. With inputs and an earlier result at hand,
    and under tolerances from 1e-7 to 1e-2.
    """
    g = np.random.default_rng(5)
    named, seen = [], 0
    for number in range(100):
        for actual, expected in unrelated(g):
            dtype, rtol, atol = [("f8", 1e-7, 1e-9), ("f4", 1e-4, 1e-5), ("f4", 1e-2, 1e-3)][number % 3]
            a, e = (array.astype(dtype) if array.dtype.kind == "f" else array for array in (actual, expected))
            if np.allclose(a, e, rtol=10 * rtol, atol=10 * atol):
                continue
            seen += 1
            inputs = {"x": g.standard_normal((int(g.integers(2, 40)), 5)), "w": g.standard_normal(e.shape)}
            inputs |= {"lr": np.asarray(0.1), "p": np.asarray(0.3)}
            before = {"the first call": g.standard_normal(e.shape)}
            found = diagnose(a, e, inputs=inputs, earlier=before, rtol=rtol, atol=atol)
            if found and (not found.startswith(PLAIN) or "That part" in found):
                named.append((a, e, found))
    assert seen > 1400
    assert len(named) <= 1, named


def test_every_hypothesis_is_ranked_once():
    """The simplest first, each in one rank only."""
    ranked = [hypothesis for rank in RANKS for hypothesis in rank]
    assert len(set(ranked)) == len(ranked) > 20


def test_a_large_result_is_not_held_against_everything():
    """A few hypotheses are tried on millions of entries, not hundreds."""
    e = np.random.default_rng(0).standard_normal((700, 1000))
    assert told(-e, e) == "has the opposite sign."
    assert told(np.tanh(e), e) is None


@pytest.mark.parametrize("name", MISTAKES)
def test_no_message_gives_an_expected_value_away(name):
    """Without ``reveal`` no number of the expected values is in the message; with it they are."""
    made = MISTAKES[name][0](np.random.default_rng(3))
    actual, expected = made.actual, made.expected
    options = {"inputs": made.inputs, "earlier": made.earlier, "rtol": 1e-7, "atol": 1e-9}
    with pytest.raises(CheckFailed) as caught:
        assert_close(actual, expected, **options)
    shown = {f"{value:.{digits}f}" for value in np.ravel(expected) for digits in (3, 4, 6)}
    assert not any(text in caught.value.message for text in shown)
    assert "expected" in caught.value.staff
    with pytest.raises(CheckFailed, match="expected:"):
        assert_close(actual, expected, reveal=True, **options)


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
