"""What a batch does about signals and about runners that stop, fail or refuse; the runners are played here."""

from __future__ import annotations

import os
import signal

import pytest

from grader.course import load_course
from grader.errors import AuthoringError, IsolationError, MachineError, RunnerError
from grader.grading import GradeTask, Stopped, grade_uploads, slot, stoppable
from grader.grading.slot import Slot, Work
from grader.intake import Upload
from grader.records import Verdict
from tests.support.fake_runner import substitute
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


@pytest.fixture
def fake_runner(monkeypatch):
    """Runners that are real processes and answer without torch; call it with what they answer."""
    return substitute(monkeypatch)


def report_in(course):
    """A report with full marks."""
    work = Work(course, course.assignment("tiny"), course.assignment("tiny").profile("cpu"), course.state)
    report = GradeTask(0, handed_in()).give_up(work, "")
    return report.model_copy(update={"verdict": Verdict.ACCEPTED, "score": 10.0}).model_dump(mode="json")


def test_a_runner_that_is_stopped_is_started_again(tmp_path, monkeypatch, fake_runner):
    """SIGSTOP from outside does not hold up the batch for ever: the runner is ended, the submission tried again."""
    course = load_course(write_course(tmp_path, suite=SUITE))
    fake_runner(report=report_in(course))
    original, stopped = Slot.grade, []

    def grade(slot, *request):
        if not stopped:
            stopped.append(slot._process)
            os.kill(slot._process.pid, signal.SIGSTOP)
        return original(slot, *request)

    monkeypatch.setattr(slot, "_LOOK_S", 0.1)
    monkeypatch.setattr(Slot, "grade", grade)
    (report,) = grade_uploads(course, course.assignment("tiny"), [Upload(handed_in())])
    assert stopped[0].returncode == -signal.SIGKILL
    assert report.score == 10.0


@pytest.mark.parametrize(
    ("first", "kind", "told"),
    [
        (
            {"op": "broken", "error": IsolationError("it lacks moat", fix="autograde doctor").as_dict()},
            IsolationError,
            "lacks moat",
        ),
        ({"op": "broken", "error": MachineError("no GPU").as_dict()}, MachineError, "no GPU"),
        ({"op": "broken", "error": RunnerError("a fault").as_dict(), "exit_code": 1}, RunnerError, "a fault"),
        ({"op": "broken", "errors": ["E   no_such_module"]}, AuthoringError, "no_such_module"),
    ],
    ids=["a missing layer", "a lesser machine", "a fault of ours", "a broken suite"],
)
def test_a_runner_that_refuses_says_why(tmp_path, fake_runner, first, kind, told):
    """What a runner says in place of being ready becomes the error of its kind, with the same words."""
    course = load_course(write_course(tmp_path, suite=SUITE))
    fake_runner(first)
    with pytest.raises(kind, match=told) as caught:
        grade_uploads(course, course.assignment("tiny"), [Upload(handed_in())], slots=1)
    assert type(caught.value) is kind


def test_what_fails_again_and_again_is_held(tmp_path, monkeypatch):
    """After three tries the attempt is a system_error: no score, all checks named, the reason for staff alone."""
    course = load_course(write_course(tmp_path, suite=SUITE))
    tries = []

    def fail(slot, files, *_):
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

    def graded(slot, files, *_):
        return GradeTask(0, files).give_up(slot.work, "").model_copy(update={"verdict": Verdict.ACCEPTED})

    monkeypatch.setattr(Slot, "start", start)
    monkeypatch.setattr(Slot, "running", True)
    monkeypatch.setattr(Slot, "grade", graded)
    (report,) = grade_uploads(course, course.assignment("tiny"), [Upload(handed_in())])
    assert (report.verdict, len(starts)) == (Verdict.ACCEPTED, 3)


@pytest.mark.parametrize(
    ("right", "wrong", "line", "told"),
    [
        ("@points(10)", '@points("three")', 6, "points must be a number"),
        ("@points(10)", "@points(-1)", 6, "points must be a number, 0 or more"),
        ("@points(10)\n", "", 6, "has no points"),
        ("def test_add(student):", "def test_add(student:", 7, "not valid Python"),
    ],
)
def test_a_mistake_in_the_suite_is_named_before_a_runner_is_started(tmp_path, fake_runner, right, wrong, line, told):
    """One submission without the store is refused like a batch: with the suite's file and line, and the fix."""
    path = write_course(tmp_path, suite=SUITE.replace(right, wrong))
    course = load_course(path)
    fake_runner({"op": "broken", "errors": ["a runner was started"]})
    with pytest.raises(AuthoringError, match=told) as caught:
        grade_uploads(course, course.assignment("tiny"), [Upload(handed_in())], slots=1)
    assert str(caught.value.where).endswith(f".py:{line}")
    assert caught.value.fix
