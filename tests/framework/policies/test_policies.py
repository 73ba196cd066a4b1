"""Policies as functions: each against a plain account of the same rule, on drawn inputs and across a change of clocks."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.course import Assignment, AttemptLimit, LatePolicy
from grader.policies import (
    Candidate,
    Decision,
    DecisionKind,
    Decisions,
    GradePart,
    allocate_slip_days,
    attempts_left,
    counted_attempt,
    course_grade,
)

NOON = datetime(2026, 10, 24, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
#: Clocks go back by an hour in the night before this noon.
CHANGE = datetime(2026, 10, 25, 12, tzinfo=BERLIN)

hours = st.integers(0, 24 * 14)
limits = st.builds(
    lambda capacity, refill, more: AttemptLimit(
        capacity=capacity, refill_hours=refill, total=None if more is None else capacity + more
    ),
    st.integers(1, 5),
    st.none() | st.sampled_from([0.5, 1.0, 6.0, 24.0]),
    st.none() | st.integers(0, 6),
)


def by_the_hour(limit, spent, now, extra):
    """The bucket as a person would keep it: walk through the half hours from the first attempt on."""
    tokens, waited = limit.capacity, 0.0
    events = sorted(spent)
    moment = events[0] if events else now
    while moment <= now:
        if tokens < limit.capacity and limit.refill_hours and waited >= limit.refill_hours:
            tokens, waited = tokens + 1, waited - limit.refill_hours
        for _ in [at for at in events if at == moment]:
            if tokens:
                waited = 0.0 if tokens == limit.capacity else waited
                tokens -= 1
            elif extra:
                extra -= 1
        waited += 0.5
        moment += timedelta(minutes=30)
    left = tokens + extra
    return left if limit.total is None else max(min(left, limit.total - len(spent)), 0)


@given(limits, st.lists(hours, max_size=8), hours)
def test_a_bucket_holds_what_a_person_would_count(limit, moments, later):
    """What is left is what one counts who walks through the hours with the bucket in hand."""
    spent = [NOON + timedelta(hours=hour) for hour in moments]
    now = max([NOON, *spent]) + timedelta(hours=later)
    assert attempts_left(limit, spent, now).left == by_the_hour(limit, spent, now, 0)


@given(limits, st.lists(hours, min_size=1, max_size=8), hours, st.integers(0, 3))
def test_attempts_that_a_bucket_allows(limit, moments, later, extra):
    """A refund never leaves less, waiting never does, and the next attempt is there when it was announced, not before."""
    spent = [NOON + timedelta(hours=hour) for hour in moments]
    now = max(spent) + timedelta(hours=later)
    found = attempts_left(limit, spent, now, extra=extra)
    assert found.used == len(spent)
    assert attempts_left(limit, spent[1:], now, extra=extra).left >= found.left
    assert attempts_left(limit, spent, now + timedelta(hours=1), extra=extra).left >= found.left
    if found.next_at is not None:
        assert attempts_left(limit, spent, found.next_at, extra=extra).left == found.left + 1
        assert attempts_left(limit, spent, found.next_at - timedelta(microseconds=1), extra=extra).left == found.left


@given(limits, st.lists(st.integers(0, 200), max_size=30))
def test_who_hands_in_whenever_it_is_allowed_never_has_more_than_the_rule(limit, waits):
    """In any stretch of time there are at most the bucket and what came back meanwhile, and never more than the total."""
    now, spent = NOON, []
    for wait in waits:
        now += timedelta(minutes=30 * wait)
        if attempts_left(limit, spent, now):
            spent.append(now)
    for first, last in itertools.combinations(range(len(spent)), 2):
        came_back = (spent[last] - spent[first]) / timedelta(hours=limit.refill_hours) if limit.refill_hours else 0
        assert last - first + 1 <= limit.capacity + came_back
    assert limit.total is None or len(spent) <= limit.total


def test_attempts_across_a_change_of_clocks():
    """A token of 24 hours comes after 24 hours, which is an hour earlier on the wall in the night that has 25."""
    limit = AttemptLimit(capacity=1, refill_hours=24)
    spent = datetime(2026, 10, 24, 12, tzinfo=BERLIN)
    found = attempts_left(limit, [spent], spent)
    assert found.next_at.astimezone(BERLIN) == datetime(2026, 10, 25, 11, tzinfo=BERLIN)
    assert not attempts_left(limit, [spent], datetime(2026, 10, 25, 10, 59, tzinfo=BERLIN))
    assert attempts_left(limit, [spent], datetime(2026, 10, 25, 11, 0, tzinfo=BERLIN))


def test_no_limit_and_a_total_alone():
    """Without a limit nothing is counted down; a total alone runs out, and staff can add to it."""
    assert attempts_left(AttemptLimit(), [NOON] * 50, NOON).left is None
    assert attempts_left(AttemptLimit(total=3), [NOON] * 2, NOON).left == 1
    assert not attempts_left(AttemptLimit(total=3), [NOON] * 4, NOON)
    assert attempts_left(AttemptLimit(total=3), [NOON] * 4, NOON, extra=2).left == 1


@given(
    st.lists(st.lists(st.integers(0, 10).map(lambda tenths: tenths / 10), min_size=1, max_size=4), max_size=4),
    st.integers(0, 6),
)
def test_slip_days_do_the_most_that_they_can(values, budget):
    """No other way to spend the budget is worth more, none that is worth as much takes fewer days."""
    days = allocate_slip_days(values, budget)
    ways = [way for way in itertools.product(*(range(len(options)) for options in values)) if sum(way) <= budget]

    def worth(way):
        return round(sum(options[n] for options, n in zip(values, way, strict=True)), 9)

    assert days in ways
    assert worth(days) == max(worth(way) for way in ways)
    assert sum(days) == min(sum(way) for way in ways if worth(way) == worth(days))


def test_slip_days_go_to_the_earlier_of_equals():
    """Where it makes no difference the earlier assignment gets the day, so that everybody finds the same."""
    assert allocate_slip_days([[0.8, 0.9], [0.8, 0.9]], 1) == (1, 0)
    assert allocate_slip_days([[0.8, 0.9], [0.5, 0.5, 0.9]], 2) == (0, 2)


@given(st.lists(st.tuples(st.none() | st.integers(0, 5), st.booleans()), min_size=1, max_size=6), st.integers(0, 7))
def test_one_attempt_counts(drawn, chosen):
    """Best: no other has more, and no earlier one as much. Last: none with work came later. Chosen: that one."""
    items = [Candidate(number, score, has_work) for number, (score, has_work) in enumerate(drawn)]
    best, last = (counted_attempt(policy, items) for policy in ("best", "last"))
    assert not any(item.has_work for item in items[last + 1 :]) or not any(item.has_work for item in items)
    scores = [item.score for item in items if item.score is not None]
    if scores:
        assert items[best].score == max(scores)
        assert max(scores) not in [item.score for item in items[:best]]
    else:
        assert best == last
    assert counted_attempt("chosen", items, chosen) == (chosen if chosen < len(items) else last)


@given(
    st.lists(
        st.builds(
            GradePart,
            st.integers().map(str),
            st.none() | st.integers(0, 11).map(lambda tenths: tenths / 10),
            st.sampled_from([0.0, 0.5, 1.0, 3.0]),
            st.booleans(),
        ),
        max_size=6,
        unique_by=lambda part: part.assignment,
    ),
    st.integers(0, 3),
)
def test_dropping_the_lowest_leaves_the_best_grade(parts, drop):
    """Of all ways to leave out that many, none gives a better grade; what may not be dropped is there."""
    counting = [part for part in parts if part.fraction is not None and part.weight]
    found = course_grade(parts, drop)
    if not counting:
        assert found.fraction is None
        return

    def mean(kept):
        return sum(part.weight * part.fraction for part in kept) / sum(part.weight for part in kept)

    ways = [
        [part for part in counting if part not in gone]
        for count in range(min(drop, len(counting) - 1) + 1)
        for gone in itertools.combinations([part for part in counting if part.droppable], count)
    ]
    assert found.fraction == pytest.approx(max(mean(kept) for kept in ways))
    assert len(found.dropped) <= drop
    assert mean([part for part in counting if part.assignment not in found.dropped]) == pytest.approx(found.fraction)
    assert all(part.droppable for part in counting if part.assignment in found.dropped)


@pytest.mark.parametrize(
    ("hours_late", "slip", "kept"), [(0, 0, 1.0), (1, 0, 0.9), (24, 0, 0.9), (25, 0, 0.8), (25, 1, 0.9)]
)
def test_days_of_lateness_are_of_24_hours_across_a_change_of_clocks(hours_late, slip, kept):
    """The night with 25 hours gives nobody an hour: what counts is the time that passed, not the clock on the wall."""
    policy = LatePolicy(penalty_per_day=0.1)
    due = datetime(2026, 10, 24, 23, 59, tzinfo=BERLIN)
    received = (due.astimezone(UTC) + timedelta(hours=hours_late)).astimezone(BERLIN)
    assert policy.kept_after(max(policy.days_late(due, received) - slip, 0)) == kept


def decision(kind, owner, **what):
    return Decision(kind, "backprop", owner, "staff", NOON, **what)


def test_the_latest_decision_counts_and_the_earlier_ones_stay():
    """Several overrides stack; one that takes them back leaves none; a student's own goes before the team's."""
    override = DecisionKind.OVERRIDE
    made = Decisions([decision(override, "ada", number=5.0), decision(override, "ada", number=7.0)])
    assert made.latest(override, "backprop", "ada").number == 7.0
    assert [one.number for one in made.history(override, "backprop", "ada")] == [5.0, 7.0]
    made = Decisions(
        [decision(override, "team", number=3.0), decision(override, "ada", number=5.0), decision(override, "ada")]
    )
    assert made.latest(override, "backprop", "ada") is None
    assert made.latest(override, "backprop", "ada", "team").number == 3.0
    assert made.latest(override, "single", "ada", "team") is None


def test_extensions_hold_for_their_owner_and_end_nothing_early():
    """The latest one counts in place of autograde.yml's; where everybody has more time by now, that counts."""
    due = datetime(2026, 10, 24, 23, 59, tzinfo=BERLIN)
    written = due + timedelta(days=1)
    assignment = Assignment("backprop", "Backprop", None, ("a.py",), due=due, extensions={"ada": written})
    granted = CHANGE + timedelta(days=3)
    made = Decisions([
        decision(DecisionKind.EXTENSION, "ada", due=granted),
        decision(DecisionKind.EXTENSION, "kurt", due=due - timedelta(days=1)),
        decision(DecisionKind.EXTENSION, "emmy", due=granted),
        decision(DecisionKind.EXTENSION, "emmy"),
    ])  # fmt: skip
    applied = made.applied(assignment)
    assert applied.due_for("ada") == granted
    assert applied.due_for("kurt") == due
    assert applied.due_for("emmy") == due
    taken_back = Decisions(
        [decision(DecisionKind.EXTENSION, "ada", due=granted), decision(DecisionKind.EXTENSION, "ada")]
    )
    assert taken_back.applied(assignment).due_for("ada") == written
