"""Batches: killed at any moment they resume, what dies in them costs nobody anything, one writer, one attempt each."""

from __future__ import annotations

import os
import random
import signal

import pytest

from grader.course import load_course
from grader.errors import RunnerError
from grader.grading import Stopped, grade, grade_assignment, grade_uploads, slot, stoppable
from grader.grading.slot import Slot
from grader.intake import Upload
from grader.records import Verdict
from grader.store import Store
from tests.attacks.arena.watch import mounts
from tests.chaos.kills import Batch, run
from tests.chaos.made import hand_in, write_class
from tests.chaos.run import differences, leftovers, reports, scratch_folders
from tests.support.tiny import handed_in, write_course

SUITE = '''\
"""Hidden checks."""
import torch
from grader.checks import assert_close, points


@points(10)
def test_add(student):
    """`add` adds."""
    assert_close(student.add(torch.ones(2), torch.ones(2)), torch.full((2,), 2.0))
'''
STUDENTS = 20
#: Mostly workers: what else dies takes seconds to start. `make chaos` kills a hundred, of every kind as many.
PLAN = ["worker", "runner", "worker", "zygote", "coordinator", "worker"]


@pytest.fixture(scope="module")
def chaos(tmp_path_factory):
    """A class graded undisturbed, and again while six of its processes are killed and one command is stopped."""
    root = tmp_path_factory.mktemp("chaos")
    path = write_class(root, STUDENTS, hang_s=3.0)
    course = load_course(path)
    for name in ("calm", "disturbed"):
        kinds = hand_in(Store(root / name), STUDENTS, random.Random(7))
        (root / name / "secret").write_text("5" * 64 + "\n")
    mounted, scratch = mounts(), scratch_folders()
    calm, disturbed = Store(root / "calm"), Store(root / "disturbed")
    grade_assignment(course, course.assignment("tiny"), calm, slots=1)
    batch = Batch(path, disturbed.state, 1, random.Random(7), most_delay_s=0.5)
    batch.start()
    code, words = batch.stop(signal.SIGTERM, at=2)
    outcome = run(batch, PLAN, STUDENTS)
    return {
        "course": course,
        "calm": calm,
        "disturbed": disturbed,
        "kinds": kinds,
        "outcome": outcome,
        "left": leftovers(outcome, mounted, scratch),
        "stopped": (code, words),
    }


def test_every_submission_has_exactly_one_attempt(chaos):
    """Whatever is killed, and when, nothing is graded twice and nothing is left out."""
    assert chaos["outcome"].kills.total() == len(PLAN), chaos["outcome"]
    attempts = chaos["disturbed"].attempts("tiny")
    submissions = chaos["disturbed"].submissions("tiny")
    counting = sorted(attempt.submission_id for attempt in attempts if not attempt.held)
    assert counting == sorted(submission.id for submission in submissions)
    assert len({attempt.grader_version for attempt in attempts}) == 1


def test_no_report_differs_from_the_undisturbed_run(chaos):
    """A kill from outside costs no student anything: not a point, not a word."""
    assert differences(reports(chaos["calm"]), reports(chaos["disturbed"]), chaos["kinds"]) == []


def test_nothing_is_left_of_a_killed_batch(chaos):
    """Runners, zygotes and workers end with the coordinator; no group, mount or folder stays."""
    assert len(chaos["outcome"].seen) > 3 * len(PLAN)
    assert chaos["left"] == []


def test_every_kind_of_submission_was_among_them(chaos):
    """The undisturbed run has the verdicts that the class was made for, so that the comparison means something."""
    found = {check.verdict for (report,) in reports(chaos["calm"]).values() for check in report.checks}
    assert found >= {
        Verdict.ACCEPTED, Verdict.WRONG_ANSWER, Verdict.RUNTIME_ERROR, Verdict.TIME_LIMIT, Verdict.MEMORY_LIMIT,
        Verdict.WORKER_DIED, Verdict.PROTOCOL_ERROR,
    }  # fmt: skip


def test_a_stopped_command_says_where_it_stands(chaos):
    """SIGTERM ends it at once, with the signal's exit code, what is kept, and how to go on."""
    code, words = chaos["stopped"]
    assert code == 128 + signal.SIGTERM
    assert "stopped by SIGTERM" in words
    assert f"of {STUDENTS} submissions were graded, and are kept" in words
    assert "run the same command again" in words


def test_nothing_is_left_to_grade(chaos):
    """Grading again starts no process and adds no attempt."""
    course = chaos["course"]
    assert grade_assignment(course, course.assignment("tiny"), chaos["disturbed"]) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_are_told_apart(number):
    """Each is raised as Stopped with its name and exit code, and what handled it before does so again."""
    # A shell starts what it puts in the background with SIGINT ignored.
    before = signal.signal(number, signal.SIG_DFL)
    try:
        with pytest.raises(Stopped) as stopped, stoppable():
            os.kill(os.getpid(), number)
        assert (stopped.value.name, stopped.value.exit_code) == (number.name, 128 + number)
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_nohup_is_heeded():
    """A signal that is ignored stays ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_runner_that_is_stopped_is_started_again(tmp_path, monkeypatch):
    """SIGSTOP from outside does not hold up the batch for ever: the runner is ended, the submission tried again."""
    course = load_course(write_course(tmp_path, suite=SUITE))
    original, stopped = Slot.grade, []

    def grade(slot, files, problem, seed):
        if not stopped:
            stopped.append(slot._process)
            os.kill(slot._process.pid, signal.SIGSTOP)
        return original(slot, files, problem, seed)

    monkeypatch.setattr(slot, "_LOOK_S", 0.1)
    monkeypatch.setattr(Slot, "grade", grade)
    (report,) = grade_uploads(course, course.assignment("tiny"), [Upload(handed_in())])
    assert stopped[0].returncode == -signal.SIGKILL
    assert report.score == 10.0


def test_what_fails_again_and_again_is_held(tmp_path, monkeypatch):
    """After three tries the attempt is a system_error: no score, all checks named, the reason for staff alone."""
    course = load_course(write_course(tmp_path, suite=SUITE))
    tries = []

    def fail(slot, files, problem, seed):
        tries.append(files)
        raise RunnerError("the runner died while grading")

    monkeypatch.setattr(Slot, "start", lambda slot: None)
    monkeypatch.setattr(Slot, "grade", fail)
    uploads = [Upload(handed_in()), Upload(handed_in("x = 1\n"))]
    report, other = grade_uploads(course, course.assignment("tiny"), uploads, slots=1)
    # Twice, and the last time when all others have had their turn.
    assert [tries.index(files) for files in tries] == [0, 0, 2, 2, 0, 2]
    assert other.verdict is Verdict.SYSTEM_ERROR
    assert report.verdict is Verdict.SYSTEM_ERROR
    assert report.score is None
    assert [check.id for check in report.checks] == ["test_add"]
    assert "costs you nothing" in report.message
    assert "runner died" in report.checks[0].staff
    assert "runner died" not in report.for_student().model_dump_json()


def test_a_runner_that_cannot_start_ends_the_batch(tmp_path, monkeypatch):
    """What concerns every submission is an error of the batch; no submission gets a report for it."""

    def fail(slot):
        raise RunnerError("the runner did not start")

    course = load_course(write_course(tmp_path, suite=SUITE))
    monkeypatch.setattr(Slot, "start", fail)
    with pytest.raises(RunnerError, match="did not start"):
        grade_uploads(course, course.assignment("tiny"), [Upload(handed_in())] * 3, slots=2)


def test_a_runner_killed_as_it_starts_is_started_again(tmp_path, monkeypatch):
    """One that dies while it warms up is no reason to end the batch."""
    course = load_course(write_course(tmp_path, suite=SUITE))
    starts = []

    def start(slot):
        starts.append(slot)
        if len(starts) < 3:
            raise RunnerError("the runner did not start")

    def graded(slot, files, problem, seed):
        return grade._system_error(slot.work, files, "").model_copy(update={"verdict": Verdict.ACCEPTED})

    monkeypatch.setattr(Slot, "start", start)
    monkeypatch.setattr(Slot, "running", True)
    monkeypatch.setattr(Slot, "grade", graded)
    (report,) = grade_uploads(course, course.assignment("tiny"), [Upload(handed_in())])
    assert (report.verdict, len(starts)) == (Verdict.ACCEPTED, 3)
