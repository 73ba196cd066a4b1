"""The order of a batch, and when it will be over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from grader.grading.eta import Eta
from grader.grading.order import plan
from grader.grading.tasks import FRESH, REGRADE
from grader.store import Submission
from grader.store.durations import Duration
from grader.text import in_time


def submission(number, owner="ada", hour=0):
    received = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
    return Submission(number, "tiny", owner, received, f"d{number}", "", ())


def ids(planned):
    return [one.submission.id for one in planned]


def test_without_a_past_the_first_received_goes_first():
    """Nobody knows what takes long; what came first is graded first, and has no expectation."""
    planned = plan([submission(1, "ada", 2), submission(2, "grace", 1)], [], "cpu")
    assert ids(planned) == [2, 1]
    assert [one.seconds for one in planned] == [None, None]


def test_what_has_no_report_goes_before_what_is_graded_again():
    """Somebody waits for a first report; a new grader version can wait."""
    past = [Duration(1, "ada", "cpu", 5.0)]
    planned = plan([submission(1, "ada", 0), submission(2, "grace", 1)], past, "cpu")
    assert ids(planned) == [2, 1]
    assert [one.priority for one in planned] == [FRESH, REGRADE]


def test_everybody_has_a_turn_before_anybody_has_two():
    """Ten uploads of one student do not stand before another's one; the newest of each is what is waited for."""
    mine = [submission(number, "ada", number) for number in range(4)]
    planned = plan([*mine, submission(9, "grace", 9)], [], "cpu")
    assert ids(planned) == [3, 9, 2, 1, 0]


def test_the_longest_goes_first():
    """By its own last attempt, or its owner's, or else what is usual; attempts under other profiles say nothing."""
    past = [
        Duration(1, "ada", "cpu", 1.0),
        Duration(2, "grace", "cpu", 9.0),
        Duration(1, "ada", "cpu", 2.0),
        Duration(3, "kurt", "gpu", 100.0),
        Duration(7, "emmy", "cpu", 30.0),
    ]
    pending = [submission(1, "ada"), submission(2, "grace"), submission(3, "kurt"), submission(8, "emmy")]
    planned = plan(pending, past, "cpu")
    assert {one.submission.id: one.seconds for one in planned} == {1: 2.0, 2: 9.0, 3: 9.0, 8: 30.0}
    assert ids(planned) == [8, 2, 3, 1]  # 8 has no report yet; 2 and 3 are alike


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self):
        """The time."""
        return self.now


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_an_eta_is_right_where_work_goes_on_at_one_pace(slots):
    """Whatever the slots' start took; the slots are in the middle of something."""
    clock = Clock()
    planned = plan([submission(number, f"s{number}") for number in range(60)], [], "cpu")
    eta = Eta(planned, slots, clock)
    clock.now = 100.0  # starting
    for number, one in enumerate(planned):
        clock.now += 2.0 / slots
        eta.done(one.submission.id)
        if eta.seconds is not None:
            left = (60 - 1 - number) * 2.0 / slots
            assert eta.seconds == pytest.approx(left, abs=2.0)
    assert eta.seconds == 0.0


def test_an_eta_knows_that_the_short_ones_come_last():
    """The first half of a batch takes nine tenths of its time: by counting alone the other half would."""
    clock = Clock()
    past = [Duration(number, f"s{number}", "cpu", 9.0 if number < 20 else 1.0) for number in range(40)]
    planned = plan([submission(number, f"s{number}") for number in range(40)], past, "cpu")
    eta = Eta(planned, 1, clock)
    for one in planned[:20]:
        clock.now += 3 * one.seconds  # a machine that is three times as slow as it was
        eta.done(one.submission.id)
    assert eta.seconds == pytest.approx(3 * 20, rel=0.05)


def test_an_eta_says_nothing_before_it_can_know():
    """A pace that rests on a result or two is none."""
    clock = Clock()
    eta = Eta(plan([submission(number) for number in range(10)], [], "cpu"), 2, clock)
    for number in range(4):
        assert eta.seconds is None
        clock.now += 1
        eta.done(number)
    clock.now += 1
    eta.done(4)
    assert eta.seconds is not None


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (89, "89 s"), (100, "2 min"), (5300, "88 min"), (7900, "2 h 10 min")]
)
def test_durations_are_said_in_words(seconds, words):
    """To the precision that they have."""
    assert in_time(seconds) == words
