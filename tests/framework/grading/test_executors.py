"""What every executor must keep to: each that is installed, ours and those of other packages, is held to it here.

It is about tasks, results and processes that die, and runs on a runner without torch, which starts in a tenth of the time.
The executors of this machine meet the engine's own runner in one batch each, at the end; those of a cluster throughout.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import pickle
from datetime import UTC, datetime, timedelta

import pytest

from grader.course import load_course
from grader.engine.measurement import Plan
from grader.errors import AuthoringError, CourseError, StoreError, UsageError
from grader.grading import (
    EXECUTORS,
    GradeTask,
    MeasureTask,
    Result,
    Watchable,
    Work,
    grade_assignment,
    grade_uploads,
    open_executor,
)
from grader.grading.messages import Failed, Refused, pack_outcome, pack_turn, unpack_outcome, unpack_turn
from grader.grading.serve import Turn
from grader.grading.slot import Slot
from grader.intake import Upload
from grader.records import Report, Verdict
from grader.retry import RETRIES
from grader.sandbox.wire import WireError
from grader.store import Store, digest_files
from tests.chaos.kills import Family, wait_until_dead
from tests.support.executor_places import HERE, arranged
from tests.support.executor_tasks import KillsRunner
from tests.support.tiny import handed_in, write_course

pytestmark = pytest.mark.runner

SUITE = '''\
"""Hidden checks."""
import torch
from grader.checks import assert_close, points


@points(10)
def test_add(student):
    """`add` adds."""
    assert_close(student.add(torch.ones(2), torch.ones(2)), torch.full((2,), 2.0))


@points(0)
def test_more(student):
    """There is more."""
'''
RIGHT = handed_in()
WRONG = handed_in("def add(x, y):\n    return x - y\n")
SLOW = handed_in("def add(x, y):\n    while True:\n        pass\n")


def work_in(root, suite=SUITE):
    course = load_course(write_course(root / "course", suite=suite))
    assignment = course.assignment("tiny")
    state = root / "state"
    state.mkdir()
    # One of its own: a slot that is warm for another test's work is not to be taken for one that this test started.
    (state / "secret").write_text(hashlib.sha256(str(root).encode()).hexdigest() + "\n")
    return Work(course, assignment, assignment.profile("cpu"), state)


#: Executors that need a cluster, and minutes: `make cluster` holds them to all this.
CLUSTERS = ("slurm", "ray")
#: Executors whose slots are no processes of the one that opened it.
ELSEWHERE = ("spool", "slurm")


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.cluster if name in CLUSTERS else ()) for name in EXECUTORS.names()],
)
def name(request, tmp_path_factory):
    """Every executor that is installed, with what it needs to be there."""
    with arranged(request.param, tmp_path_factory.mktemp(request.param)):
        yield request.param


@pytest.fixture(scope="module")
def warm(name, tmp_path_factory):
    """One executor for several tests, each of which may make it start a runner anew."""
    executor = open_executor(name, work_in(tmp_path_factory.mktemp("warm")), 2)
    with contextlib.closing(executor):
        yield executor


def test_every_task_has_exactly_one_result(warm):
    """Keys come back as they were given, once each, with the report of that task's files; tasks may be a generator."""
    begin = datetime.now(UTC)
    files = {30: RIGHT, 10: WRONG, 20: RIGHT, 41: WRONG, 5: RIGHT}
    results = list(warm.run(GradeTask(key, content) for key, content in files.items()))
    assert sorted(result.key for result in results) == sorted(files)
    scores = {result.key: result.answer.score for result in results}
    assert scores == {key: 10.0 if content is RIGHT else 0.0 for key, content in files.items()}
    for result in results:
        assert result.tries == 1
        assert begin <= result.started_at <= datetime.now(UTC)
        assert result.started_at.utcoffset() == timedelta(0)
        assert 0 < result.seconds <= (datetime.now(UTC) - begin).total_seconds()


def test_no_task_has_no_result(warm):
    """A run of nothing is over at once."""
    assert list(warm.run([])) == []


def test_the_problem_of_an_upload_and_the_seed_arrive(warm):
    """What kept an upload from being unpacked is the student's message; a seed that was asked for is the report's."""
    tasks = [GradeTask(1, {}, problem="the archive is broken"), GradeTask(2, RIGHT, seed=99)]
    answers = {result.key: result.answer for result in warm.run(tasks)}
    assert "the archive is broken" in answers[1].checks[0].message
    assert answers[2].seed == 99


def test_some_checks_alone_can_be_asked_for(warm):
    """A report then has these and no others."""
    tasks = [GradeTask(1, RIGHT), GradeTask(2, RIGHT, only=("test_more",))]
    answers = {result.key: result.answer for result in warm.run(tasks)}
    assert [check.id for check in answers[1].checks] == ["test_add", "test_more"]
    assert [check.id for check in answers[2].checks] == ["test_more"]
    assert answers[2].max_score == 0.0


def test_measurements_run_as_well(warm):
    """A version of the solution is measured, at each seed of its plan."""
    plan = Plan(seeds=(3, 4), stages=(("test_add",),), vouched=True)
    results = list(warm.run([MeasureTask(1, RIGHT, plan), MeasureTask(2, WRONG, plan)]))
    verdicts = {
        result.key: [(attempt.seed, attempt.checks[0].verdict) for attempt in result.answer] for result in results
    }
    assert verdicts == {
        1: [(3, Verdict.ACCEPTED), (4, Verdict.ACCEPTED)],
        2: [(3, Verdict.WRONG_ANSWER), (4, Verdict.WRONG_ANSWER)],
    }


def test_a_killed_runner_costs_a_try_and_nothing_else(warm, tmp_path):
    """Its task is tried again on a new runner, and all others are graded."""
    tasks = [KillsRunner(1, RIGHT, once=str(tmp_path / "killed")), GradeTask(2, RIGHT), GradeTask(3, WRONG)]
    results = {result.key: result for result in warm.run(tasks)}
    assert (tmp_path / "killed").exists()
    assert {key: result.answer.score for key, result in results.items()} == {1: 10.0, 2: 10.0, 3: 0.0}
    assert results[1].tries == 2


def test_a_poisoned_task_is_given_up_and_harms_no_other(warm):
    """A task that kills every runner is held, with the reason for staff; the rest is graded, and so is the next run."""
    results = {result.key: result for result in warm.run([KillsRunner(1, RIGHT), GradeTask(2, RIGHT)])}
    assert results[1].answer.verdict is Verdict.SYSTEM_ERROR
    assert results[1].answer.score is None
    assert results[1].tries == RETRIES.runners
    assert "runner" in results[1].answer.checks[0].staff
    assert results[2].answer.score == 10.0
    assert [result.answer.score for result in warm.run([GradeTask(3, RIGHT)])] == [10.0]


def test_what_concerns_every_task_is_raised(name, tmp_path):
    """A suite that cannot be collected gives no submission a report."""
    broken = work_in(tmp_path, suite="raise RuntimeError('broken suite')\n")
    with contextlib.closing(open_executor(name, broken, 2)) as executor, pytest.raises(AuthoringError, match="broken"):
        list(executor.run([GradeTask(1, RIGHT), GradeTask(2, RIGHT)]))


def test_a_run_that_ends_early_closes_the_executor(name, tmp_path):
    """Where reading a submission fails, or nobody reads on, its processes end at once and no later run is mixed up."""

    def unreadable():
        yield GradeTask(1, RIGHT if name == "serial" else SLOW)  # it serves a task before it reads the next one
        raise StoreError("a stored file is damaged")

    work = work_in(tmp_path)
    executor = open_executor(name, work, 1)
    with pytest.raises(StoreError, match="damaged"):
        list(executor.run(unreadable()))
    with pytest.raises(RuntimeError, match="closed"):
        list(executor.run([GradeTask(1, RIGHT)]))
    others = Family.of_this_process()
    executor = open_executor(name, work, 1)
    results = executor.run(itertools.chain([GradeTask(1, RIGHT)], (GradeTask(key, SLOW) for key in range(2, 9))))
    assert next(results).key == 1
    members = Family.of_this_process() - others
    results.close()
    if name in ELSEWHERE:
        # Slots that others started stay warm. They drop what nobody waits for, or this would wait for ten minutes.
        with contextlib.closing(open_executor(name, work, 2)) as after:
            assert sorted(r.answer.score for r in after.run(GradeTask(key, RIGHT) for key in range(4))) == [10.0] * 4
    else:
        assert members
        assert wait_until_dead(members)[0] == set()
    with pytest.raises(RuntimeError, match="closed"):
        list(executor.run([GradeTask(1, RIGHT)]))
    executor.close()


def test_closing_twice_is_closing_once(name, tmp_path):
    """Close may come before any run, and again; nothing can be run afterwards."""
    executor = open_executor(name, work_in(tmp_path), 1)
    executor.close()
    executor.close()
    with pytest.raises(RuntimeError, match="closed"):
        list(executor.run([GradeTask(1, RIGHT)]))


def test_a_batch_and_an_upload_are_graded_by_the_executor_that_was_named(name, tmp_path):
    """What `--executor` reaches gives what any other gives."""
    work = work_in(tmp_path)
    store = Store(work.state)
    now = datetime.now(UTC)
    for owner, files in (("ada", RIGHT), ("grace", WRONG)):
        store.put_submission("tiny", owner, files, received_at=now)
    done = grade_assignment(work.course, work.assignment, store, executor=name, slots=1)
    assert {item.submission.owner: item.attempt.score for item in done} == {"ada": 10.0, "grace": 0.0}
    assert grade_assignment(work.course, work.assignment, store, executor=name) == []


# -- with the engine's own runner ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("here", HERE)
def test_the_engines_own_runner_is_served_alike(here, tmp_path, monkeypatch):
    """Every kind of task on a real runner, one that kills it among them; whoever stops reading ends runner, zygote and worker."""
    monkeypatch.setattr(Slot, "RUNNER", "grader.engine.runner")
    others = Family.of_this_process()
    plan = Plan(seeds=(3, 4), stages=(("test_add",),), vouched=True)
    tasks = [
        GradeTask(1, {}, problem="the archive is broken"), KillsRunner(2, RIGHT, once=str(tmp_path / "killed")),
        GradeTask(3, WRONG, seed=99), GradeTask(4, RIGHT, only=("test_more",)), MeasureTask(5, WRONG, plan),
    ]  # fmt: skip
    executor = open_executor(here, work_in(tmp_path), 1)
    assert isinstance(executor, Watchable)
    seen = []
    executor.watch(lambda key, check: seen.append((key, check.id, check.verdict)))
    results = {result.key: result for result in executor.run(tasks)}
    assert {key: result.tries for key, result in results.items()} == {1: 1, 2: 2, 3: 1, 4: 1, 5: 1}
    answers = {key: result.answer for key, result in results.items()}
    assert "the archive is broken" in answers[1].checks[0].message
    assert [(answers[key].score, answers[key].max_score) for key in (2, 3, 4)] == [
        (10.0, 10.0),
        (0.0, 10.0),
        (0.0, 0.0),
    ]
    assert answers[3].seed == 99
    assert [(attempt.seed, attempt.checks[0].verdict) for attempt in answers[5]] == [
        (3, Verdict.WRONG_ANSWER), (4, Verdict.WRONG_ANSWER),
    ]  # fmt: skip
    assert [entry for entry in seen if entry[0] == 3] == [(3, c.id, c.verdict.value) for c in answers[3].checks]
    reading = executor.run([GradeTask(6, RIGHT), GradeTask(7, SLOW)])
    assert next(reading).answer.score == 10.0
    members = Family.of_this_process() - others
    assert len(members) >= 2
    reading.close()
    assert wait_until_dead(members)[0] == set()


def test_a_suite_that_the_engine_cannot_collect_is_an_error(tmp_path, monkeypatch):
    """It names the file, the line and what was raised, before anything is graded."""
    monkeypatch.setattr(Slot, "RUNNER", "grader.engine.runner")
    broken = work_in(tmp_path, suite="raise RuntimeError('broken suite')\n")
    told = r"test_\w+\.py:1: RuntimeError: broken suite"
    with contextlib.closing(open_executor("serial", broken, 1)) as executor, pytest.raises(AuthoringError, match=told):
        list(executor.run([GradeTask(1, RIGHT)]))


# -- what needs no runner ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "task",
    [
        GradeTask(1, RIGHT, problem="none", seed=2**63, priority=3, only=("test_add",)),
        MeasureTask(2, RIGHT, Plan(seeds=(1, 2), stages=(("a", "b"), ("c",)), patience={"a": 2.0})),
    ],
    ids=["grade", "measure"],
)
def test_tasks_can_be_sent_to_another_machine(task):
    """A task is what it was after a trip as bytes, as a message and as a pickle."""
    turn = Turn(task, 1, 0.5, datetime.now(UTC))
    assert unpack_turn(pack_turn(turn)) == turn
    assert pickle.loads(pickle.dumps(task)) == task


REPORT = Report(
    assignment="tiny", verdict=Verdict.ACCEPTED, score=1.0, max_score=1.0, seed=2**63, profile="cpu",
    grader_version="v", submission_digest=digest_files(RIGHT),
)  # fmt: skip


@pytest.mark.parametrize(
    "outcome",
    [
        Result(1, REPORT, datetime.now(UTC), 0.5, 2),
        Turn(GradeTask(1, RIGHT), 2, 0.25, datetime.now(UTC)),
    ],
    ids=["result", "turn"],
)
def test_outcomes_come_back_from_another_machine(outcome):
    """A result is what it was, and so is a turn that is to be served last."""
    task = GradeTask(1, RIGHT)
    assert unpack_outcome(pack_outcome(outcome, task), task) == outcome


def test_errors_keep_their_kind_and_their_words():
    """What a slot could not do elsewhere is raised here as the same error, with its place and its fix."""
    task = GradeTask(1, RIGHT)
    for kind in (Refused, Failed):
        outcome = unpack_outcome(
            pack_outcome(kind(AuthoringError("broken", where="suite", fix="correct it")), task), task
        )
        assert isinstance(outcome, kind)
        assert isinstance(outcome.error, AuthoringError)
        assert outcome.error.as_dict()["fix"] == "correct it"


def test_a_report_on_other_files_is_no_answer():
    """Where tasks and outcomes were mixed up, nobody gets another's report."""
    other = pack_outcome(Result(1, REPORT, datetime.now(UTC), 0.5, 1), GradeTask(1, RIGHT))
    with pytest.raises(WireError, match="other files"):
        unpack_outcome(other, GradeTask(1, WRONG))
    with pytest.raises(WireError):
        unpack_outcome(other[:-3], GradeTask(1, RIGHT))


def test_a_work_says_in_json_what_a_runner_is_started_with(tmp_path):
    """Names and absolute paths, no more."""
    work = work_in(tmp_path)
    config = json.loads(json.dumps(work.config()))
    assert config == {
        "course": str(work.course.path),
        "assignment": "tiny",
        "profile": "cpu",
        "state": str(work.state.resolve()),
    }
    again = Work.from_config(config)
    assert (again.assignment, again.profile, again.config()) == (work.assignment, work.profile, config)
    with pytest.raises(CourseError, match="no profile"):
        Work.from_config({**config, "profile": "gpu"})


def test_an_unknown_executor_is_an_error_with_the_nearest(tmp_path):
    """Before anything is graded, and also where nothing is left to grade."""
    work = work_in(tmp_path)
    with pytest.raises(UsageError, match=r"unknown executor 'loacl'[\s\S]*did you mean 'local'"):
        grade_assignment(work.course, work.assignment, Store(work.state), executor="loacl")
    with pytest.raises(UsageError, match="use one of: local, serial, spool, slurm, ray"):
        grade_uploads(work.course, work.assignment, [Upload(RIGHT)], executor="?")


def test_a_watched_task_shows_its_checks_as_they_are_decided(warm):
    """Where an executor can be watched, each check of a task is seen before its result, under the task's key."""
    if not isinstance(warm, Watchable):
        pytest.skip("this executor cannot be watched")
    seen = []
    warm.watch(lambda key, check: seen.append((key, check.id, check.verdict, check.score)))
    (result,) = warm.run([GradeTask(7, WRONG)])
    assert [(key, check, verdict) for key, check, verdict, _ in seen] == [
        (7, check.id, check.verdict.value) for check in result.answer.checks
    ]
    assert result.answer.checks[0].verdict is Verdict.WRONG_ANSWER
