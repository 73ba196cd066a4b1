"""What grades for the service: in which order, on what is warm, and what becomes of faults."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from grader.errors import RunnerError
from grader.records import Verdict
from grader.server.executor_pool import Budget, ExecutorPool
from grader.server.queueing import Pace, in_order, in_words, lane_seconds, paces, pause, starts_in, typical
from grader.store.durations import Recent
from grader.store.waiting import Waiting
from tests.framework.server.conftest import RIGHT, WRONG
from tests.framework.server.stub_executor import Running

T0 = datetime(2026, 12, 1, tzinfo=UTC)


def until(condition, seconds=30.0):
    """Wait for a condition that is bound to come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def waiting(number, owner, minute, **more):
    """Something that waits, received so many minutes after the start."""
    return Waiting(number, "backprop", owner, T0 + timedelta(minutes=minute), **more)


def test_new_work_comes_before_what_is_graded_again():
    """A regrade of the whole class holds up nobody who waits for the first word."""
    items = [waiting(1, "ada", 0, regrade=True), waiting(2, "kurt", 1, regrade=True), waiting(3, "emmy", 9)]
    assert [item.submission_id for item in in_order(items, T0)] == [3, 1, 2]


def test_somebody_who_hands_in_often_holds_up_only_themselves():
    """Everybody's first comes before anybody's second, each in the order of receipt."""
    items = [
        waiting(1, "ada", 0),
        waiting(2, "ada", 1),
        waiting(3, "ada", 2),
        waiting(4, "kurt", 3),
        waiting(5, "kurt", 4),
    ]
    assert [item.submission_id for item in in_order(items, T0)] == [1, 4, 2, 5, 3]


def test_what_failed_for_a_reason_of_ours_pauses_longer_each_time():
    """It is tried again after the pause, which doubles up to a limit, and keeps nobody else waiting."""
    item = waiting(1, "ada", 0, faults=2, failed_at=T0)
    assert in_order([item], T0 + pause(2) - timedelta(seconds=1)) == []
    assert in_order([item], T0 + pause(2)) == [item]
    assert pause(2) == 2 * pause(1)
    assert pause(99) == pause(98)


def test_the_estimate_is_what_two_lanes_take():
    """What comes before is spread over the lanes, after what is under way."""
    assert starts_in([], [], 2, {}) == 0.0
    assert starts_in(["a"] * 4, [], 2, {"a": Pace(10.0, 10.0)}) == 20.0
    assert starts_in(["a", "b"], [3.0], 2, {"a": Pace(10.0, 10.0), "b": Pace(1.0, 1.0)}) == 4.0
    assert starts_in([], [5.0], 1, {}) == 5.0
    assert starts_in(["a"], [], 0, {"a": Pace(1.0, 1.0)}) == float("inf")
    assert starts_in(["a", "b"], [], 2, {"a": Pace(1.0, 1.0)}) == float(
        "inf"
    )  # nothing of b has been graded: no number is made up


def test_an_attempt_typically_takes_the_mean_and_the_far_ones_hardly_count():
    """A queue takes the sum of what is in it; one that ran into its limit makes no estimate much worse."""
    assert typical([1.0] * 5 + [2.0] * 4) == pytest.approx(13 / 9)
    assert typical([1.0] * 9 + [300.0]) == pytest.approx(1.2)
    assert typical([2.0, 4.0]) == 3.0
    assert typical([2.0, 60.0]) == 4.0
    assert typical([]) is None


def test_what_lies_between_two_attempts_of_a_queue_counts():
    """Recording one and reading the next take a lane as well; a pause in which nothing waited does not, nor does an outage."""

    def at(received, started, finished, name="a"):
        return Recent(name, *(T0 + timedelta(seconds=seconds) for seconds in (received, started, finished)))

    queue = [at(0, 0, 2), at(0, 2.5, 4), at(1, 4.5, 6, "b")]
    assert lane_seconds(reversed(queue), 1) == {"a": [(2.0, 0.0), (2.0, 2.5)], "b": [(2.0, 3.5)]}
    assert lane_seconds([at(0, 0, 2), at(50, 50, 52)], 1) == {"a": [(2.0, 0.0), (2.0, 0.0)]}
    assert lane_seconds([at(0, 0, 2), at(0, 600, 601)], 1) == {"a": [(2.0, 0.0), (11.0, 600.0)]}
    two = lane_seconds([at(0, 0, 2), at(0, 0, 4), at(1, 2.5, 3), at(1, 3.25, 4)], 2)
    assert [took for took, _ in two["a"]] == [2.0, 4.0, 1.0, 1.0]


def test_a_rush_passes():
    """What takes longer while many hand in goes back to what it took when nothing waited; without such it stays."""

    def at(received, started, seconds):
        return Recent("a", *(T0 + timedelta(seconds=value) for value in (received, started, started + seconds)))

    calm = [at(number, number, 1) for number in range(0, 40, 2)]
    rush = [at(100, 100 + 3 * number, 3) for number in range(1, 30)]
    pace = paces([*calm, *rush], 1)["a"]
    assert (pace.now, pace.calm) == (3.0, 1.0)
    assert pace.at(0) == 3.0
    assert 1.0 < pace.at(600) < 1.01 < pace.at(100) < 2.0
    assert paces(rush, 1)["a"] == Pace(3.0, 3.0)
    # Thirty of a queue take less than thirty times what one takes now, and more than in calm.
    assert 30.0 < starts_in(["a"] * 30, [], 1, {"a": pace}) < 90.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "a second or two"),
        (7, "about 7 seconds"),
        (31, "about 30 seconds"),
        (70, "about a minute"),
        (600, "about 10 minutes"),
    ],
)
def test_an_estimate_is_said_no_more_exactly_than_it_is(seconds, words):
    """Seconds in fives, then minutes."""
    assert in_words(seconds) == words


def test_what_waits_is_graded_and_recorded_once(site):
    """Each submission has one attempt that counts, and its page is told: running, its checks, done."""
    numbers = [site.handed_in(who, {"backprop.py": RIGHT}) for who in ("kurt", "emmy")]
    with Running(site.service) as running:
        until(lambda: len([event for event in running.events if event[1] == "done"]) == 2)
        assert not site.service.trouble()
    for number in numbers:
        assert [kind for which, kind in running.events if which == number] == ["running", "check", "check", "done"]
        assert len(site.service.store.attempts(submission=site.service.store.submission(number))) == 1
    assert site.service.store.waiting(site.service.versions()) == []


def test_what_staff_ask_for_is_graded_once_more(site):
    """By the same version, after what is new; the new attempt counts, the earlier one stays, and it is not graded thrice."""
    number = site.handed_in("kurt", {"backprop.py": RIGHT})
    scores = iter([3.0, 5.0, 9.0])
    with Running(site.service, lambda task: {"score": next(scores)}) as running:
        until(lambda: (number, "done") in running.events)
        submission = site.service.store.submission(number)
        until(lambda: site.service.store.attempts(submission=submission))
    site.service.ledger.regrade([submission], author="ines", now=site.service.now())
    new = site.handed_in("emmy", {"backprop.py": RIGHT})
    with Running(site.service, lambda task: {"score": next(scores)}) as running:
        until(lambda: (number, "done") in running.events)
        assert running.order == [new, number]
        time.sleep(0.2)  # whatever is asked for again would be taken at once
    assert running.order == [new, number]
    attempts = site.service.store.attempts(submission=submission)
    assert [(attempt.score, attempt.counts) for attempt in attempts] == [(8.0, False), (14.0, True)]
    assert attempts[0].grader_version == attempts[1].grader_version


def test_one_endless_submission_holds_up_nobody_else(site):
    """While one lane is busy with it, the other one grades what comes later."""
    go = threading.Event()
    slow = site.handed_in("kurt", {"backprop.py": WRONG})
    with Running(site.service, lambda task: go.wait(30) and None if task.key == slow else None, lanes=2) as running:
        until(lambda: slow in running.order)
        quick = site.handed_in("emmy", {"backprop.py": RIGHT})
        running.dispatcher.nudge()
        until(lambda: (quick, "done") in running.events)
        assert (slow, "done") not in running.events
        go.set()
    assert (slow, "done") in running.events


def test_an_executor_stays_warm_between_submissions_and_assignments(site):
    """Two assignments in turn have one executor each, however often they alternate."""
    with Running(site.service) as running:
        for minute in range(3):
            for assignment, who, files in (("backprop", "kurt", "backprop.py"), ("pairs", "emmy", "pairs.py")):
                number = site.handed_in(who, {files: RIGHT + b"#" * minute}, assignment)
                running.dispatcher.nudge()
                until(lambda number=number: (number, "done") in running.events)
    used = [executor for executor in running.opened if executor.ran]
    assert [len(executor.ran) for executor in used] == [3, 3]
    assert all(executor.closed for executor in running.opened)


def test_a_changed_suite_gets_another_executor(site):
    """What is warm for an earlier grader version is closed, and never grades again."""
    with Running(site.service) as running:
        first = site.handed_in("kurt", {"backprop.py": RIGHT})
        running.dispatcher.nudge()
        until(lambda: (first, "done") in running.events)
        path = site.service.course.assignment("backprop").solution_folder / "backprop.py"
        path.write_text(path.read_text() + "# changed\n")
        running.dispatcher._refresh()
        running.dispatcher.nudge()
        until(lambda: running.events.count((first, "done")) == 2)
    attempts = site.service.store.attempts("backprop")
    assert len({attempt.grader_version for attempt in attempts}) == 2
    used = [executor for executor in running.opened if executor.ran]
    assert [executor.ran for executor in used] == [[first], [first]]


def test_where_grading_cannot_begin_staff_read_why_and_nothing_is_lost(site):
    """The submission waits on, everybody reads that grading has stopped, and it is graded as soon as it can be."""
    broken = [True]

    def rule(task):
        if broken:
            raise RunnerError("no runner could be started")

    number = site.handed_in("kurt", {"backprop.py": RIGHT})
    with Running(site.service, rule) as running:
        until(lambda: running.dispatcher._trouble)
        running.dispatcher._data.beat("x:1", 1, T0, (), "")  # another one, which is well
        until(lambda: any("no runner" in grader.trouble for grader in site.service.graders()))
        assert "no runner" in site.browser("ines").get("/staff").text
        assert "no runner" not in site.browser("kurt").get(f"/submissions/{number}").text
        broken.clear()
        until(lambda: site.service.store.attempts("backprop"))


def test_a_fault_of_ours_is_tried_again_later_and_is_no_zero(site):
    """The page says that it costs nothing; the submission is not graded again and again without a pause."""
    number = site.handed_in("kurt", {"backprop.py": RIGHT})
    with Running(site.service, lambda _: {"verdict": Verdict.SYSTEM_ERROR}) as running:
        until(lambda: (number, "done") in running.events)
        running.dispatcher.nudge()
        time.sleep(0.1)
    assert running.order == [number]
    page = site.browser("kurt").get(f"/submissions/{number}").text
    assert "tried again automatically, and costs you nothing" in page


class _Plain:
    def __init__(self):
        self.closed = False

    def close(self):
        self.closed = True


def test_the_pool_closes_what_was_not_used_for_longest():
    """One more than there is room for costs the idle executor that has waited longest, never one in use."""
    made = []
    pool = ExecutorPool(lambda _: made.append(_Plain()) or made[-1], 2)
    budgets = [Budget(name, "cpu", "v") for name in "abc"]
    first = pool.take(budgets[0], None)
    second = pool.take(budgets[1], None)
    pool.give_back(budgets[0], first)
    third = pool.take(budgets[2], None)
    assert (first.closed, second.closed, third.closed) == (True, False, False)
    pool.give_back(budgets[1], second)
    assert pool.take(budgets[1], None) is second
    pool.discard(second)
    assert second.closed
