"""Faults that come from outside: who is told, who is blamed, and who is not."""

from __future__ import annotations

import os
import signal
import time
from types import SimpleNamespace

import pytest

from grader.course import load_course
from grader.engine.compartments import Compartment
from grader.engine.run import open_run
from grader.engine.session import Prepared
from grader.errors import SystemFault
from grader.grading import grade_uploads
from grader.intake import Upload
from grader.limits import Limits
from grader.records import Verdict
from grader.sandbox.faults import TimeLimit, WorkerDied
from grader.sandbox.trusted import zygote as zygote_module
from grader.sandbox.trusted.process_state import process_state
from grader.sandbox.trusted.worker import SandboxFault, WorkerKilled
from grader.sandbox.trusted.zygote import Zygote
from tests.support.tiny import COURSE, handed_in, write_course

pytestmark = pytest.mark.runner

LIMITS = Limits(wall_s=120, cpu_s=60, memory_mb=512, processes=16, open_files=64, scratch_mb=8, output_kb=16)


@pytest.fixture(scope="module")
def zygote():
    """One zygote for all of these tests; the last one ends it."""
    with Zygote(minimum=()) as found:
        yield found.ready()


class Box:
    """A worker with a function ``f`` in it."""

    def __init__(self, zygote, body="return 1"):
        self.worker = zygote.fork(LIMITS)
        lines = ["import os, resource, signal, time", "def f():", *(f"    {line}" for line in body.splitlines())]
        self.ask("load", {"code.py": "\n".join(lines).encode()}, {"code": "code.py"}, {})

    def ask(self, op, *args, seconds=60.0):
        """Send one request."""
        return self.worker.request(op, *args, deadline=time.monotonic() + seconds, resolve=Held)

    def call(self):
        """Call the function."""
        return self.ask("call", self.ask("lookup", "code", "f"), [], {})

    def need_layers(self):
        """Skip where code can kill its own worker."""
        if not {"pid_ns", "cgroup", "seccomp"} <= set(self.worker.layers):
            pytest.skip("this machine lacks a sandbox layer")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.worker.close()


class Held:
    """What stands for a handle in these tests."""

    def __init__(self, ref):
        self.ref = ref

    def __autograde_handle__(self):
        return self.ref


def test_a_worker_killed_from_outside_is_no_fault_of_its_student(zygote):
    """It is told apart from every end that code can bring about, and the next worker is there at once."""
    with Box(zygote) as box:
        os.kill(box.worker._pid, signal.SIGKILL)
        with pytest.raises(WorkerKilled, match="from outside") as killed:
            box.call()
        assert killed.value.by_itself != ({"pid_ns", "cgroup", "seccomp"} <= set(box.worker.layers))
    with Box(zygote, "return 2") as box:
        assert box.call() == 2


def test_a_worker_stopped_from_outside_is_no_fault_of_its_student(zygote):
    """The time that it does not get is not held against it."""
    with Box(zygote) as box:
        os.kill(box.worker._pid, signal.SIGSTOP)
        with pytest.raises(WorkerKilled, match="stopped from outside"):
            box.ask("lookup", "code", "f", seconds=0.3)


def test_a_killed_spare_is_replaced(zygote):
    """The worker that was forked ahead may die before its turn."""
    with Box(zygote) as box:
        box.need_layers()
        zygote.settle()
        spare = zygote._spare._pid
        os.kill(spare, signal.SIGKILL)
        while process_state(spare) not in ("", "Z", "X"):  # a signal takes its time on a busy machine
            time.sleep(0.01)
    with Box(zygote, "return 3") as box:
        assert box.call() == 3


@pytest.mark.parametrize(
    "body",
    [
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.kill(os.getpid(), signal.SIGSTOP)",
        "if not os.fork():\n    os.kill(os.getppid(), signal.SIGKILL)\n    os._exit(0)\nos.wait()",
        """
try: resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
except (OSError, ValueError): pass
while time.process_time() < 1.3: pass""",
    ],
)
def test_no_code_can_pass_its_end_off_as_a_kill(zygote, body):
    """Process 1 of its namespace is deaf to what it sends itself, so there is no second try to be had that way."""
    with Box(zygote, f"{body}\nreturn 1") as box:
        box.need_layers()
        assert box.call() == 1


def test_hanging_up_is_no_kill_from_outside(zygote):
    """A worker that closes the wire and lives on is ended by us, and to blame."""
    with Box(zygote, "os.close(3)\ntime.sleep(60)") as box, pytest.raises(WorkerDied, match="closed the grader's"):
        box.call()


class Killed:
    """A worker that dies by SIGKILL once it runs student code."""

    layers = ("landlock",)

    def __init__(self, by_itself):
        self.fault = WorkerKilled("a worker was killed from outside (SIGKILL)", by_itself=by_itself)

    def request(self, op, *args, **more):
        """Die, unless asked to take the submission."""
        if op not in ("load", "seed"):
            raise self.fault

    def cpu_s(self):
        """It has hardly begun."""
        return 0.0

    excused_s = 0.0

    def close(self):
        """Nothing to close."""

    def take_output(self):
        """Nothing printed."""
        return ""


def attempt(*, by_itself, blames_kills):
    """A run whose workers die by SIGKILL, and what the check got to see of that."""
    zygote = SimpleNamespace(ready=lambda: None, fork=lambda limits, **_: Killed(by_itself))
    assignment = SimpleNamespace(forbid={}, files=["basics.py"])
    session = SimpleNamespace(
        limits=LIMITS,
        warm=lambda _: zygote,
        assignment=assignment,
        modules={"basics": "basics.py"},
        compartments=(Compartment({"basics": "basics.py"}),),
    )
    run = open_run(session, Prepared(handed_in(), "0" * 64, 1), blames_kills=blames_kills)
    with pytest.raises((WorkerDied, SystemFault)) as caught:
        run.ask("lookup", "basics", "add")
    return run, caught.value


@pytest.mark.parametrize("blames_kills", [False, True])
@pytest.mark.parametrize("by_itself", [False, True])
def test_only_the_last_try_blames_and_only_what_could_have_done_it(by_itself, blames_kills):
    """Where layers are missing, code that kills itself time and again is told so; everywhere else it is our fault."""
    run, caught = attempt(by_itself=by_itself, blames_kills=blames_kills)
    if by_itself and blames_kills:
        assert isinstance(caught, WorkerDied)
        assert run.fault is None
    else:
        assert isinstance(caught, SandboxFault)
        assert run.fault is caught


def test_a_suite_that_catches_everything_makes_no_verdict_of_a_fault():
    """The run itself remembers, and asks no more workers."""
    run, first = attempt(by_itself=False, blames_kills=True)
    with pytest.raises(SandboxFault, match="given up"):
        run.ask("lookup", "basics", "add")
    assert run.fault is first


class Slow(Killed):
    """A worker that runs out of time at chosen operations, and answers others."""

    layers = ()

    def __init__(self, *ops):
        self.ops = ops

    def request(self, op, *args, **more):
        """Run out of time, or do as if it had been done."""
        if op in self.ops:
            raise TimeLimit("too slow", waited=True)


def slow_run(*ops):
    """A run whose workers are slow at some operations."""
    zygote = SimpleNamespace(ready=lambda: None, fork=lambda limits, **_: Slow(*ops))
    assignment = SimpleNamespace(forbid={}, files=["basics.py"])
    session = SimpleNamespace(
        limits=LIMITS,
        warm=lambda _: zygote,
        assignment=assignment,
        modules={"basics": "basics.py"},
        compartments=(Compartment({"basics": "basics.py"}),),
    )
    run = open_run(session, Prepared(handed_in(), "0" * 64, 1))
    run.begin_case("a", None)
    return run


@pytest.mark.parametrize("op", ["load", "seed"])
def test_time_that_our_own_requests_take_is_our_fault(op):
    """A worker that has run nothing of the student's and does not load or seed in time makes no verdict."""
    run = slow_run(op)
    with pytest.raises(SandboxFault, match=op):
        run.ask("lookup", "basics", "add")
    assert isinstance(run.fault, SandboxFault)


def test_code_that_keeps_us_from_seeding_is_to_blame():
    """Once student code has run, a seed that does not come back is a time limit like any other."""
    run = slow_run()
    run.ask("lookup", "basics", "add")
    run.sides[0].lease._worker.ops = ("seed",)
    run.begin_case("b", None)
    with pytest.raises(TimeLimit):
        run.ask("lookup", "basics", "add")
    assert run.fault is None


SUITE = '''\
"""Hidden checks."""
import torch
from grader.checks import points


@points(6)
def test_add(student):
    """`add` adds, and this check is generous with memory."""
    total = student.add(torch.ones(2), torch.ones(2)).double()
    table = total[:, None] + total[None, :]
    assert table.shape == (2, 2), "the sum has the shape of its parts"
    assert float(total[0]) == 2.0, "one and one is two"


@points(4)
def test_mean(student):
    """`mean` averages."""
    assert student.mean(torch.ones(2)) == 1, "the mean of ones is one"
'''


def test_an_answer_that_grows_in_a_check_costs_its_student_alone(tmp_path):
    """The runner's memory is capped: what an answer would make of it is wrong, and no one else notices."""
    path = write_course(tmp_path, suite=SUITE, course=COURSE.replace("memory_mb: 512", "memory_mb: 64"))
    course = load_course(path)
    uploads = [
        Upload(handed_in("def add(x, y):\n    return torch.ones(50_000)\n")),
        Upload(handed_in("def add(x, y):\n    return torch.ones(1, dtype=torch.uint8).repeat(63 << 20)\n")),
        Upload(handed_in()),
    ]
    table, large, right = grade_uploads(course, course.assignment("tiny"), uploads, slots=1)
    assert [check.verdict for check in table.checks] == [Verdict.WRONG_ANSWER, Verdict.ACCEPTED]
    assert "could not work with" in table.checks[0].message
    assert large.checks[0].verdict in (Verdict.WRONG_ANSWER, Verdict.MEMORY_LIMIT, Verdict.PROTOCOL_ERROR)
    assert large.checks[1].verdict is Verdict.ACCEPTED
    assert right.score == 10.0


def test_a_stopped_zygote_is_given_up(zygote, monkeypatch):
    """One that does not answer is a fault of ours. This is the last of these tests: it ends the zygote."""
    monkeypatch.setattr(zygote_module, "_ANSWER_S", 0.3)
    zygote.settle()
    os.kill(zygote._process.pid, signal.SIGSTOP)
    with pytest.raises(SandboxFault, match="does not answer"):
        zygote.fork(Limits(memory_mb=256)).close()
    os.kill(zygote._process.pid, signal.SIGKILL)
