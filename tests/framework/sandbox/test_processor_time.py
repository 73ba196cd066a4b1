"""A worker's time as the trusted side counts it: what it computes, not what the machine does meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from grader.limits import Limits
from grader.sandbox.faults import TimeLimit
from grader.sandbox.trusted.processor_time import processor_seconds, queued_seconds
from grader.sandbox.trusted.zygote import Zygote

LIMITS = Limits(wall_s=600, cpu_s=60, memory_mb=512, processes=16, open_files=64, scratch_mb=8, output_kb=16)
CODE = """\
import os, threading, time

def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return 1

def for_ever():
    while True:
        pass

def nap(seconds):
    time.sleep(seconds)
    return 1

def in_children():
    for _ in range(2):
        if not os.fork():
            for_ever()
    time.sleep(1e6)

def in_threads():
    for _ in range(2):
        threading.Thread(target=for_ever, daemon=True).start()
    time.sleep(1e6)

def prints_for_ever():
    while True:
        print("x", flush=True)
        time.sleep(0.001)
"""
#: Wall seconds that no machine should need, however busy.
AGES = 500.0


@pytest.fixture(scope="module")
def zygote():
    """A zygote without torch."""
    with Zygote(minimum=(), bare=True) as found:
        yield found.ready()


@pytest.fixture
def worker(zygote):
    """A worker with the code in it."""
    made = zygote.fork(LIMITS)
    ask(made, "load", {"code.py": CODE.encode()}, {"code": "code.py"}, {})
    yield made
    made.close()


def ask(worker, op, *args, seconds=AGES, **more):
    return worker.request(op, *args, deadline=time.monotonic() + seconds, resolve=Held, **more)


class Held:
    """A proxy."""

    def __init__(self, ref):
        self.ref = ref

    def __autograde_handle__(self):
        """What it stands for."""
        return self.ref


def call(worker, name, *args, cpu=None, **more):
    function = ask(worker, "lookup", "code", name, ref=True)
    limit = {} if cpu is None else {"cpu_until": worker.cpu_s() + cpu}
    return ask(worker, "call", function, list(args), {}, **limit, **more)


@pytest.fixture
def neighbours(worker):
    """Two busy loops on one core, which the worker has to share with them."""
    core = {min(os.sched_getaffinity(0))}
    loops = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(2)]
    for pid in (worker._pid, *(loop.pid for loop in loops)):
        os.sched_setaffinity(pid, core)
    yield
    for loop in loops:
        loop.kill()
        loop.wait()


@pytest.mark.parametrize("function", ["for_ever", "in_children", "in_threads"])
def test_what_computes_without_end_is_stopped_by_its_own_time(worker, function):
    """In the process itself, in children and in threads: by processor time, long before the wall clock."""
    before = worker.cpu_s()
    with pytest.raises(TimeLimit) as caught:
        call(worker, function, cpu=0.4)
    assert not caught.value.waited
    assert worker.cpu_s() - before >= 0.4
    assert not worker.alive


@pytest.mark.usefixtures("neighbours")
def test_a_busy_machine_costs_nothing(worker):
    """Code that needs less than it may take gets it, whoever else computes."""
    assert call(worker, "burn", 0.2, cpu=1.0) == 1


def test_what_sleeps_is_stopped_by_the_wall_clock(worker):
    """The deadline ends it, and is told apart from its own time."""
    with pytest.raises(TimeLimit, match="waiting") as caught:
        call(worker, "nap", 1e6, cpu=5.0, seconds=0.6)
    assert caught.value.waited


def test_a_nap_is_not_computing(worker):
    """Sleep longer than the processor time that is allowed costs nothing."""
    assert call(worker, "nap", 1.0, cpu=0.5) == 1


def test_who_prints_all_the_time_is_minded_as_well(worker):
    """A worker that always has something to read is stopped all the same."""
    with pytest.raises(TimeLimit):
        call(worker, "prints_for_ever", cpu=30.0, seconds=1.0)


def test_the_count_goes_on_after_the_end(worker):
    """What a worker used is still known when it is gone, and does not shrink."""
    call(worker, "burn", 0.2)
    used = worker.cpu_s()
    assert used >= 0.15  # the kernel counts in ticks
    worker.close()
    assert worker.cpu_s() >= used


def test_the_queue_for_a_processor_is_excused(worker, neighbours):
    """Code that shares its processor has more wall time by what it waited for it, and is stopped by its own time."""
    if not queued_seconds(os.getpid()):
        pytest.skip("this kernel keeps no account of it")
    with pytest.raises(TimeLimit) as caught:
        call(worker, "for_ever", cpu=0.6, seconds=1.2)
    assert not caught.value.waited


def test_time_of_processes_that_are_gone_is_unknown():
    """None for a process that was waited for; a number for one that stands still."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        assert processor_seconds(child.pid) is not None
        os.kill(child.pid, signal.SIGSTOP)
        assert processor_seconds(child.pid) is not None
    finally:
        child.kill()
        child.wait()
    assert processor_seconds(child.pid) is None
