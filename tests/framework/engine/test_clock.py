"""The clock of a submission: what counts against its limits, and what does not."""

from __future__ import annotations

import pytest

from grader.engine import clock as clock_module
from grader.engine.clock import PATIENT_FACTOR, WALL_FACTOR, Clock
from grader.limits import Limits
from grader.records import MEASURED
from grader.sandbox.faults import TimeLimit

LIMITS = Limits(wall_s=60, cpu_s=30, check_s=10)


class Worker:
    """A worker whose processor time the test sets."""

    def __init__(self, cpu=0.0):
        self.cpu = cpu

    def cpu_s(self):
        """Seconds used so far."""
        return self.cpu


@pytest.fixture
def now(monkeypatch):
    """The time of day, in a list of one number that the test sets."""
    time = [1000.0]
    monkeypatch.setattr(clock_module.time, "monotonic", lambda: time[0])
    return time


@pytest.fixture
def clock(now):
    """A clock that follows a worker which took 3 seconds to get ready."""
    made = Clock(LIMITS)
    made.worker = Worker(3.0)
    made.follow(made.worker)
    made.begin_case("a", None)
    return made


def test_the_trusted_side_takes_its_time_for_nothing(clock, now):
    """However late a request comes, it may take all of the check's time."""
    now[0] += 500
    allowed = clock.allow(clock.worker)
    assert (allowed.cpu_until, allowed.deadline) == (3.0 + 10, now[0] + WALL_FACTOR * 10)
    assert allowed.whole_cpu


def test_processor_time_counts_and_wall_time_counts_in_requests_only(clock, now):
    """What the worker computed and what requests took is gone from what the next one may take."""
    clock.worker.cpu += 4
    clock.spend(7.0)
    now[0] += 100
    allowed = clock.allow(clock.worker)
    assert (allowed.cpu_until, allowed.deadline) == (3.0 + 10, now[0] + WALL_FACTOR * 10 - 7)
    clock.worker.cpu += 6
    now[0] += 1
    with pytest.raises(TimeLimit) as caught:
        clock.allow(clock.worker)
    assert not caught.value.waited


def test_wall_time_alone_is_told_apart(clock, now):
    """Where the wall clock ran out first, the limit says so."""
    clock.spend(WALL_FACTOR * 10)
    now[0] += 100
    with pytest.raises(TimeLimit) as caught:
        clock.allow(clock.worker)
    assert caught.value.waited
    assert "waiting" in caught.value.message


def test_each_case_has_its_own_time(clock, now):
    """What a case used is not held against the next one, however little of it was read."""
    clock.allow(clock.worker)
    clock.worker.cpu += 9.99
    clock.spend(9.99)
    clock.begin_case("b", None)
    now[0] += 1
    assert clock.allow(clock.worker).whole_cpu
    clock.begin_case("c", 2.0)
    assert clock.allow(clock.worker).cpu_until == pytest.approx(clock.worker.cpu + 2.0)


def test_a_fresh_worker_is_counted_from_when_it_is_ready(clock, now):
    """The set-up of a worker is ours, and what a lost worker used stays counted."""
    clock.worker.cpu += 4
    clock.leave(clock.worker)
    fresh = Worker(100.0)
    clock.follow(fresh)
    clock.worker = fresh
    assert clock.used == pytest.approx(4.0)
    assert clock.allow(clock.worker).cpu_until == pytest.approx(100.0 + 6.0)


def test_all_checks_together_are_limited_in_both(clock, now):
    """Processor time and wall time of all checks run out, each with its own sentence."""
    for case in range(3):
        clock.begin_case(str(case), None)
        clock.allow(clock.worker)
        clock.worker.cpu += 9.999
        now[0] += 10
    clock.begin_case("last", None)
    assert clock.allow(clock.worker).cpu_until <= 3.0 + 30.01
    clock.worker.cpu += 1
    now[0] += 1
    with pytest.raises(TimeLimit, match="30 seconds of CPU time") as caught:
        clock.allow(clock.worker)
    assert not caught.value.waited
    clock.restart()
    clock.spend(WALL_FACTOR * 60)
    with pytest.raises(TimeLimit, match="all checks together") as caught:
        clock.allow(clock.worker)
    assert caught.value.waited


def test_a_measurement_may_give_less(clock, now):
    """Patience bounds a case, and limit_all bounds all of them, in processor time and in wall time."""
    clock.patience = {"b": 0.5}
    clock.begin_case("b", None)
    allowed = clock.allow(clock.worker)
    assert (allowed.cpu_until, allowed.deadline) == (3.5, now[0] + WALL_FACTOR * 0.5)
    clock.limit_all(0.25)
    assert clock.allow(clock.worker).cpu_until == 3.25


def test_forgiven_time_is_the_cases_own_again(clock, now):
    """What another module's import used up is given back to the case, and stays counted for the submission."""
    clock.allow(clock.worker)
    clock.worker.cpu += 9
    clock.spend(9.0)
    now[0] += 1
    assert not clock.allow(clock.worker).whole_cpu
    clock.forgive()
    assert clock.allow(clock.worker).whole_cpu
    assert clock.used == pytest.approx(9.0)


def test_staff_read_what_was_measured(clock, now):
    """Processor time, wall time, limits and the machine's load, in a text that no two runs need to agree on."""
    clock.allow(clock.worker)
    clock.worker.cpu += 10
    clock.spend(12.0)
    clock.leave(clock.worker)
    text = clock.measured()
    assert text.startswith(MEASURED)
    assert "10.0 s of CPU time (limit 10) and 12.0 s of wall time (limit 40)" in text
    assert "load" in text


def test_a_patient_clock_waits_longer_and_computes_no_longer(now):
    """A case that is tried alone has more wall time and the same processor time."""
    clock = Clock(LIMITS, wall_factor=PATIENT_FACTOR)
    clock.worker = Worker()
    clock.follow(clock.worker)
    clock.begin_case("a", None)
    allowed = clock.allow(clock.worker)
    assert (allowed.cpu_until, allowed.deadline) == (10.0, now[0] + PATIENT_FACTOR * 10)
