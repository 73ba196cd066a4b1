"""What a public score gives away, and which ranks are told apart."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.reports.ladder import ladder, range_text, rank_ranges, shake_up, standard_error

SHARES = st.lists(st.floats(0, 1), max_size=30)


def attack(examples, attempts, shown, generator):
    """Final accuracy on the public examples of a majority vote of random labelings, each weighed by its shown score.

    The attack of the paper by Blum and Hardt: an honest accuracy is 0.5.
    """
    truth = [generator.random() < 0.5 for _ in range(examples)]
    guesses = [[generator.random() < 0.5 for _ in range(examples)] for _ in range(attempts)]
    scores = [sum(g == t for g, t in zip(guess, truth, strict=True)) / examples for guess in guesses]
    signs = [1 if score > 0.5 else -1 for score in shown(scores)]
    votes = [
        sum(sign * (1 if guess[at] else -1) for sign, guess in zip(signs, guesses, strict=True))
        for at in range(examples)
    ]
    return sum((vote > 0) == t for vote, t in zip(votes, truth, strict=True)) / examples


def test_the_ladder_gives_little_away_where_exact_scores_give_much():
    """Fifty random labelings of 150 examples: with exact scores the vote overfits by far, with the Ladder hardly."""
    generator = random.Random(1)
    exact = [attack(150, 50, lambda scores: scores, generator) for _ in range(12)]
    held = [attack(150, 50, lambda scores: ladder(scores, 150), generator) for _ in range(12)]
    assert sum(exact) / 12 > 0.65
    assert sum(held) / 12 < 0.57


@given(SHARES, st.integers(1, 5000))
def test_what_is_shown_never_falls_and_is_a_share(scores, examples):
    """An attempt can only raise what is shown, and it stays between 0 and 1."""
    shown = ladder(scores, examples)
    assert shown == sorted(shown)
    assert all(0 <= value <= 1 for value in shown)
    assert len(shown) == len(scores)


def test_lower_is_the_mirror_of_higher():
    """Of an error rate, what is shown only falls, and only by more than a step."""
    assert ladder([0.5, 0.45, 0.52, 0.34], 100, "lower") == pytest.approx([0.5, 0.5, 0.5, 0.3])


def test_a_small_gain_is_not_shown():
    """A step for 100 examples is 0.1: 0.55 after 0.5 shows 0.5 again, 0.65 shows the nearest step."""
    assert ladder([0.5, 0.55, 0.48, 0.66], 100) == pytest.approx([0.5, 0.5, 0.5, 0.7])


def test_the_error_of_nine_in_ten_of_150_is_as_it_should_be():
    """±2.4 %."""
    assert standard_error(0.9, 150) == pytest.approx(0.0245, abs=1e-4)
    assert standard_error(3.0, 150) == 0.0


def test_ranks_within_chance_are_a_range():
    """With 150 examples 0.90, 0.89 and 0.88 cannot be told apart, 0.60 can; with a million all can."""
    values = [0.90, 0.89, None, 0.88, 0.60]
    assert rank_ranges(values, 150) == [(1, 3), (1, 3), None, (1, 3), (4, 4)]
    assert rank_ranges(values, 10**6) == [(1, 1), (2, 2), None, (3, 3), (4, 4)]
    assert rank_ranges([0.1, 0.6], 150, "lower") == [(1, 1), (2, 2)]
    assert [range_text(item) for item in ((1, 3), (4, 4), None)] == ["1\N{EN DASH}3", "4", ""]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(1, 2000))
def test_a_range_holds_the_rank_itself(values, examples):
    """Whoever is ranked by value alone stands within their range."""
    for value, ranks in zip(values, rank_ranges(values, examples), strict=True):
        assert ranks is not None
        assert ranks[0] <= 1 + sum(other > value for other in values) <= ranks[1]


def test_the_shake_up_counts_ranks():
    """Up is positive; who was not there before has none."""
    assert shake_up({"a": 3, "b": 1}, {"a": 1, "b": 2, "c": 3}) == {"a": 2, "b": -1}
