"""Metamorphic relations: each holds for what is right, and says what is wrong with what is not."""

from __future__ import annotations

import pytest
import torch

from grader.checks import CheckFailed
from grader.checks.relations import (
    assert_batch_equivariant,
    assert_causal,
    assert_ignores_padding,
    assert_precise,
    assert_repeats,
    assert_scales,
    assert_splits,
)

pytestmark = pytest.mark.torch

X = torch.arange(12.0).reshape(4, 3).sin()


def _sum(parts):
    return torch.stack(parts).sum(dim=0)


def _first_batch(x):
    """A function that remembers what it was called with first."""
    kept = []

    def function():
        kept.append(x * (len(kept) + 1))
        return kept[-1]

    return function


HOLD = {
    "rows for themselves": lambda: assert_batch_equivariant(lambda x: x.softmax(dim=1), X),
    "examples on axis 1": lambda: assert_batch_equivariant(lambda x: x.cumsum(dim=0)[-1], X, axis=1),
    "a linear function": lambda: assert_scales(lambda x: x @ x.new_ones(3), X),
    "a square": lambda: assert_scales(lambda x: x.square().sum(), X, power=2),
    "a norm": lambda: assert_scales(lambda x: x / x.norm(), X, power=0, rtol=1e-4),
    "zeros in a sum": lambda: assert_ignores_padding(lambda x: x.sum(dim=0), X, axis=0),
    "a pure function": lambda: assert_repeats(X.exp, times=3),
    "a prediction in parts": lambda: assert_splits(lambda x: x.argmax(dim=1), X, sizes=[3, 1]),
    "a count in parts": lambda: assert_splits(lambda x: (x > 0).sum(), X, sizes=[1, 3], join=_sum),
    "double precision": lambda: assert_precise(torch.tanh, X),
    "a recurrence": lambda: assert_causal(lambda x: x.cumsum(dim=0), X, steps=2),
}

BREAK = {
    "a mean of the batch": (lambda: assert_batch_equivariant(lambda x: x - x.mean(dim=0), X), "for each example alone"),
    "the first example's own": (lambda: assert_batch_equivariant(lambda x: x - 0 * x[:1] if len(x) == 1 else x * torch.arange(len(x))[:, None], X), "alone"),
    "a constant": (lambda: assert_scales(lambda x: x + 1, X), "for 3 times the input"),
    "the sum for the mean": (lambda: assert_ignores_padding(lambda x: x.mean(dim=0), X, axis=0), "2 more entries of 0 at its end"),
    "something kept": (lambda: assert_repeats(_first_batch(X)), "of a second call"),
    "a softmax over the batch": (lambda: assert_splits(lambda x: x.softmax(dim=0), X, sizes=[2, 2]), "of 2 parts put together"),
    "single precision": (lambda: assert_precise(lambda x: x.float().tanh(), X), "should be of dtype float64"),
    "backwards": (lambda: assert_causal(lambda x: x.flip(0).cumsum(dim=0).flip(0), X, steps=2), "the first 2 of 4 steps"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOLD)
def test_a_relation_that_holds_is_silent(case):
    """What is right passes, whatever it computes."""
    HOLD[case]()


@pytest.mark.parametrize("case", BREAK)
def test_a_relation_that_is_broken_says_which(case):
    """What is wrong fails, and the message says under which change."""
    check, words = BREAK[case]
    with pytest.raises(CheckFailed, match=words):
        check()


def test_one_example_shows_nothing():
    """A batch of one cannot show that examples see one another: it is the author's mistake to ask."""
    with pytest.raises(ValueError, match="give two or more"):
        assert_batch_equivariant(torch.relu, X[:1])
