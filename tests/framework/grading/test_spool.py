"""Spools and agents: one claim wins, what a lost agent held goes back, the first report stays, and what crosses."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from dataclasses import replace

import pytest

from grader.course import grader_version, load_course
from grader.errors import MachineError, RunnerError, UsageError
from grader.grading import GradeTask, Work
from grader.grading import parcel as parcels
from grader.grading import spool_executor as executors
from grader.grading.agent import Agent
from grader.grading.messages import unpack
from grader.grading.parcel import make_parcel, parcel_id, unpacked
from grader.grading.slot import runner_environment
from grader.grading.spool import Spool
from grader.grading.spool_executor import SpoolExecutor
from grader.grading.tasks import FRESH, REGRADE
from grader.records import Verdict
from grader.retry import RETRIES
from tests.support.agent import agents, start
from tests.support.executor_tasks import KillsAgent
from tests.support.tiny import COURSE, handed_in, write_course

RIGHT = handed_in()
WRONG = handed_in("def add(x, y):\n    return x - y\n")
#: A suite whose checks the stub runner does not run; only its points are read.
SUITE = '''\
"""Hidden checks."""
from grader.checks import points


@points(10)
def test_add(student):
    """`add` adds."""
'''
MORE = """\
store: {database: "postgresql://teacher:hunter2@db.example.org/grades"}
late_policy: {penalty_per_day: 0.1}
"""


@pytest.fixture
def work(tmp_path):
    """A course with a password in its file, and the secret of its own."""
    course = load_course(write_course(tmp_path / "course", suite=SUITE, course=COURSE + MORE))
    assignment = course.assignment("tiny")
    state = tmp_path / "state"
    state.mkdir()
    (state / "secret").write_text("7" * 64 + "\n")
    return Work(course, assignment, assignment.profile("cpu"), state)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A spool of the test's own, in which a lost agent is noticed soon."""
    monkeypatch.setenv("AUTOGRADE_SPOOL", str(tmp_path / "spool"))
    monkeypatch.setattr(executors, "SILENCE_S", 6.0)
    return tmp_path / "spool"


# -- agents that are lost --------------------------------------------------------------------------------------------


@pytest.mark.runner
def test_what_a_killed_agent_held_goes_to_another(work, place, tmp_path):
    """An agent is killed in the middle of a batch: every task has one result, and the one it held costs a try."""
    tasks = [GradeTask(key, RIGHT if key % 2 else WRONG) for key in range(12)]
    tasks.insert(3, KillsAgent(99, RIGHT, once=str(tmp_path / "killed")))
    with agents(place, 2) as running, contextlib.closing(SpoolExecutor(work, 2)) as executor:
        results = list(executor.run(tasks))
        ends = [process.poll() for process in running]
    assert ends.count(-signal.SIGKILL) == 1
    assert sorted(result.key for result in results) == [*range(12), 99]
    scores = {result.key: result.answer.score for result in results}
    assert scores == {99: 10.0} | {key: 10.0 if key % 2 else 0.0 for key in range(12)}
    assert {result.key: result.tries for result in results} == {99: 2} | dict.fromkeys(range(12), 1)


@pytest.mark.runner
def test_a_task_that_kills_every_agent_is_held(work, place):
    """It has as many tries as one that kills every runner, is held with the reason, and the others are graded."""
    with agents(place, 1) as running, contextlib.closing(SpoolExecutor(work, 1)) as executor:
        results = executor.run([KillsAgent(1, RIGHT), GradeTask(2, RIGHT)])
        for _ in range(RETRIES.runners):
            running.append(start(place))
        found = {result.key: result for result in results}
        ends = [process.poll() for process in running]
    assert ends.count(-signal.SIGKILL) == RETRIES.runners
    assert found[1].answer.verdict is Verdict.SYSTEM_ERROR
    assert "vanished" in found[1].answer.checks[0].staff
    assert found[1].tries == RETRIES.runners
    assert found[2].answer.score == 10.0


@pytest.mark.runner
def test_the_late_report_of_a_stopped_agent_is_not_a_second_one(work, place, tmp_path):
    """Its task goes to another agent; when it goes on, what it gives is dropped, and it takes other work."""
    stopped = tmp_path / "stopped"
    with agents(place, 1) as running, contextlib.closing(SpoolExecutor(work, 1)) as executor:
        results = executor.run(
            itertools.chain([KillsAgent(1, RIGHT, once=str(stopped), signal=signal.SIGSTOP)], _until(stopped, 2))
        )
        running.append(start(place))
        keys = [next(results).key]
        while not (stopped.exists() and stopped.read_text()):
            time.sleep(0.05)
        os.kill(int(stopped.read_text()), signal.SIGCONT)
        keys += [result.key for result in results]
        again = list(executor.run([GradeTask(key, WRONG) for key in range(10, 16)]))
    assert sorted(keys) == [1, 2]
    assert sorted((result.key, result.answer.score) for result in again) == [(key, 0.0) for key in range(10, 16)]


def _until(path, key):
    """A task that is there when the path is."""
    yield GradeTask(key, RIGHT)


@pytest.mark.runner
def test_a_machine_with_other_software_refuses(work, place, monkeypatch):
    """Its reports might differ; the coordinator says which package, and grades nothing there."""
    told = parcels.software()
    monkeypatch.setattr(parcels, "software", lambda: {**told, "torch": "0.4.1"})
    with (
        agents(place, 2),
        contextlib.closing(SpoolExecutor(work, 2)) as executor,
        pytest.raises(MachineError, match=r"torch [\d.]+ \(there: 0\.4\.1\)"),
    ):
        list(executor.run([GradeTask(key, RIGHT) for key in range(4)]))


def test_a_spool_without_an_agent_is_an_error_that_says_what_to_start(work, place, monkeypatch):
    """Nobody waits for ever; the fix is a command."""
    monkeypatch.setattr(SpoolExecutor, "patience_s", 0.2)
    monkeypatch.setattr(executors, "_LOOK_S", 0.05)
    with (
        contextlib.closing(SpoolExecutor(work, 2)) as executor,
        pytest.raises(RunnerError, match=f"autograde agent {place}"),
    ):
        list(executor.run([GradeTask(1, RIGHT)]))


# -- the folder ------------------------------------------------------------------------------------------------------


def test_of_several_claims_one_wins(tmp_path):
    """A task is taken by a rename; who comes second has nothing, and a claim whose answer was lost counts."""
    spool = Spool(tmp_path / "spool")
    batch = spool.open_batch(b"parcel")
    batch.put("1.000", b"task")
    first = spool.claim("a", batch.name, "1.000")
    assert first is not None
    assert first.path.read_bytes() == b"task"
    assert spool.claim("b", batch.name, "1.000") is None
    assert spool.claim("a", batch.name, "1.000") == first
    assert batch.held() == {"a": ["1.000"]}


def test_the_first_outcome_stays(tmp_path):
    """A second one of the same task changes nothing, and none is made in a batch that is over."""
    spool = Spool(tmp_path / "spool")
    batch = spool.open_batch(b"parcel")
    batch.put("1.000", b"task")
    claim = spool.claim("a", batch.name, "1.000")
    spool.finish(claim, b"first")
    spool.finish(claim, b"second")
    assert list(batch.done()) == [("1.000", b"first")]
    assert list(batch.done()) == []
    batch.close()
    spool.finish(claim, b"late")
    assert not batch.folder.exists()


def test_nobody_else_may_enter_a_spool(tmp_path):
    """Who could write there would decide what is graded, and who could read there would read the suite."""
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(UsageError, match="chmod 0700"):
        Spool(tmp_path / "open")
    spool = Spool(tmp_path / "closed")
    batch = spool.open_batch(b"parcel")
    batch.put("1.000", b"task")
    spool.sign("a", 1, "")
    modes = {path.stat().st_mode & 0o077 for path in [spool.folder, *spool.folder.rglob("*")]}
    assert modes == {0}


def test_a_sign_that_is_being_written_is_no_end(tmp_path):
    """Half of one is a sign of life; a shorter one leaves nothing of the one before."""
    spool = Spool(tmp_path / "spool")
    spool.sign("a", 1, "7_1", ["batch"] * 20)
    spool.sign("a", 2, "7_1")
    assert spool.signs()["a"].refuses == ()
    (spool.agents / "a").write_bytes(b'{"host": ')
    assert spool.signs()["a"].count == -1


def test_what_somebody_waits_for_goes_before_a_batch(tmp_path):
    """By priority first; then an agent stays with what it is warm for, and takes the oldest."""
    agent = Agent(tmp_path / "spool")
    batches = sorted((agent.spool.open_batch(bytes([k])) for k in range(2)), key=lambda batch: batch.name)
    for number in range(2):
        batches[0].put(f"{REGRADE}.{number:09d}", b"")
        batches[1].put(f"{REGRADE}.{number:09d}", b"")
    batches[1].put(f"{FRESH}.{5:09d}", b"")
    order = [agent._take() for _ in range(5)]
    assert [(claim.batch, claim.name[0]) for claim in order] == [
        (batches[1].name, str(FRESH)),
        (batches[1].name, str(REGRADE)),
        (batches[1].name, str(REGRADE)),
        (batches[0].name, str(REGRADE)),
        (batches[0].name, str(REGRADE)),
    ]
    assert agent._take() is None


def test_a_batch_that_waits_long_has_its_turn(tmp_path, monkeypatch):
    """An agent that is warm for one batch does not keep another of the same priority from being graded."""
    agent = Agent(tmp_path / "spool")
    batches = [agent.spool.open_batch(bytes([k])) for k in range(2)]
    for batch in batches:
        for number in range(2):
            batch.put(f"{REGRADE}.{number:09d}", b"")
    monkeypatch.setattr("grader.grading.agent._TURN_S", -1.0)
    taken = [agent._take().batch for _ in range(4)]
    assert taken[0] != taken[1]
    assert sorted(taken) == sorted([batch.name for batch in batches] * 2)


def test_what_a_killed_coordinator_left_is_removed(tmp_path, monkeypatch):
    """A batch whose coordinator makes no sign goes, with its parcel; one that lives stays."""
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr("grader.grading.agent.time.monotonic", lambda: float(next(clock)))
    agent = Agent(tmp_path / "spool")
    dead, alive = (agent.spool.open_batch(bytes([k])) for k in range(2))
    for _ in range(20):
        alive.beat()
        agent._abandon()
    assert not dead.folder.exists()
    assert alive.folder.exists()


# -- what crosses ----------------------------------------------------------------------------------------------------


def test_a_parcel_has_what_grades_and_nothing_of_the_class(work):
    """Suite, solution, limits and secret cross; the roster, dates and the way into the store do not."""
    parcel = make_parcel(work)
    message = unpack(parcel)
    text = message["files"]["course/autograde.yml"].decode()
    for name in ("Lovelace", "hunter2", "2030-", "penalty"):
        assert name not in text
        assert name.encode() not in parcel, name
    assert sorted(name for name in message["files"] if "hidden" in name) == [
        "course/assignments/tiny/hidden/probes.py",
        "course/assignments/tiny/hidden/test_it.py",
    ]
    assert parcel_id(make_parcel(work)) == parcel_id(parcel)


def test_an_unpacked_parcel_is_the_same_grader(work, tmp_path, monkeypatch):
    """It has the same version, limits and secret, in a folder that only its owner can enter, and that goes."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with unpacked(make_parcel(work)) as there:
        assert grader_version(there.assignment, "cpu") == grader_version(work.assignment, "cpu")
        assert there.profile == work.profile
        assert (there.state / "secret").read_text() == (work.state / "secret").read_text()
        folder = there.course.root.parent
        assert folder.stat().st_mode & 0o077 == 0
        assert {path.stat().st_mode & 0o077 for path in folder.rglob("*") if path.is_file()} == {0}
    assert not folder.exists()


def test_what_a_killed_agent_left_goes_when_another_unpacks(work, tmp_path, monkeypatch):
    """The suite and the secret do not stay on a machine; what a living process has there is left alone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for owner in (2**22 + 1, os.getpid()):  # the first is no process: ids end below
        (tmp_path / f"autograde-agent-{owner}-x").mkdir()
    with unpacked(make_parcel(work)):
        assert not (tmp_path / f"autograde-agent-{2**22 + 1}-x").exists()
        assert (tmp_path / f"autograde-agent-{os.getpid()}-x").exists()


@pytest.mark.parametrize(("device", "shown"), [("cpu", ""), ("cuda", "3")])
def test_a_runner_sees_no_gpu_and_no_password_that_is_not_its_own(work, monkeypatch, device, shown):
    """Work for the processor sees no GPU, other work the one that its slot was given; no runner sees the store."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setenv("AUTOGRADE_STORE_DB", "postgresql://teacher:hunter2@db.example.org/grades")
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    seen = runner_environment(replace(work.profile, device=device))
    assert seen["CUDA_VISIBLE_DEVICES"] == shown
    assert "hunter2" not in "".join(seen.values())
