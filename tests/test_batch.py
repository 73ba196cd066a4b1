"""Batches: killed at any moment they resume, a runner that dies costs nobody anything, one writer, one attempt each."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from grader.batch import grade_assignment, grade_uploads
from grader.batch.slot import Slot
from grader.course import load_course
from grader.errors import RunnerError
from grader.records import Verdict
from grader.store import Store, Upload, collect
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
SLOW = "import time\ntime.sleep(0.3)\n"
OWNERS = ("ada", "grace", "kurt", "emmy", "alan", "hedy", "edsger")


def descendants(pid):
    """Ids of all processes below ``pid``, itself included."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def alive(pids):
    """Those of ``pids`` that are still processes, zombies aside."""
    living = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            living.add(pid)
    return living


def wait_for(condition):
    """Wait until ``condition`` gives something true, and give it."""
    for _ in range(2400):
        if found := condition():
            return found
        time.sleep(0.05)
    pytest.fail("it never came true")


def killed_at(moment, command, store):
    """Start a batch, kill its coordinator at ``moment``, and give the ids of all that it had started, now gone."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as coordinator:
        if moment is None:
            wait_for(lambda: len(descendants(coordinator.pid)) >= 4)
        else:
            wait_for(lambda: len(store.attempts("tiny")) >= moment or coordinator.poll() is not None)
        assert coordinator.poll() is None, "it ended before it was killed"
        started = descendants(coordinator.pid)
        coordinator.kill()
    wait_for(lambda: not alive(started))
    return started


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A course with a class of eight, graded by a coordinator that was killed three times and started four."""
    root = tmp_path_factory.mktemp("batch")
    path = write_course(root, suite=SUITE)
    inbox = root / "inbox"
    for owner in OWNERS:
        for name, data in handed_in(SLOW).items():
            (inbox / owner).mkdir(parents=True, exist_ok=True)
            (inbox / owner / name).write_bytes(data + f"# {owner}\n".encode())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("basics.py", "x = 1\n" * 100)
    (inbox / "radia.zip").write_bytes(buffer.getvalue()[:-40])
    course = load_course(path)
    store = Store(course.state)
    collect(course, course.assignment("tiny"), inbox, store)
    command = [sys.executable, "-m", "grader.cli.main", "grade", "tiny", "--course", str(path), "--jobs"]
    # In the warm-up, and when so many attempts are recorded while others are under way.
    moments = {None: "2", 2: "1", 5: "2"}
    left = [killed_at(moment, [*command, jobs], store) for moment, jobs in moments.items()]
    done = subprocess.run([*command, "1", "--json"], capture_output=True, text=True, check=False)
    return course, store, left, done


def test_every_submission_has_exactly_one_attempt(graded):
    """Whatever moment the coordinator was killed at, nothing is graded twice and nothing is left out."""
    _, store, _, _ = graded
    attempts = store.attempts("tiny")
    assert sorted(attempt.submission_id for attempt in attempts) == sorted(s.id for s in store.submissions("tiny"))
    assert len(attempts) == len(OWNERS) + 1
    assert {attempt.ordinal for attempt in attempts} == {1}
    assert len({attempt.grader_version for attempt in attempts}) == 1


def test_a_killed_coordinator_leaves_nothing_running(graded):
    """Runners, zygotes and workers end with the coordinator, by the kernel's hand."""
    _, _, left, _ = graded
    assert all(len(pids) >= 3 for pids in left)
    assert alive(set().union(*left)) == set()


def test_the_last_run_graded_only_the_rest(graded):
    """A resumed batch prints pure JSON of what it graded itself, and exits well."""
    _, _, _, done = graded
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["assignment"] == "tiny"
    assert 0 < len(told["attempts"]) <= len(OWNERS) + 1 - 5


def test_everybody_got_what_they_earned(graded):
    """Full marks for the right ones, and for the broken zip a report that says so."""
    _, store, _, _ = graded
    owners = {submission.id: submission.owner for submission in store.submissions("tiny")}
    reports = {owners[attempt.submission_id]: attempt.report for attempt in store.attempts("tiny")}
    assert {owner: report.score for owner, report in reports.items()} == {**dict.fromkeys(OWNERS, 10.0), "radia": 0.0}
    assert "could not be read" in reports["radia"].message


def test_nothing_is_left_to_grade(graded):
    """Grading again starts no process and adds no attempt."""
    course, store, _, _ = graded
    assert grade_assignment(course, course.assignment("tiny"), store) == []


def test_a_runner_that_dies_is_started_again(tmp_path, monkeypatch):
    """A runner killed in the midst of a submission costs that submission nothing but time."""
    course = load_course(write_course(tmp_path, suite=SUITE))
    original, killed = Slot.grade, []

    def grade(slot, files, problem, seed):
        if not killed:
            killed.append(slot._process.pid)
            os.kill(slot._process.pid, signal.SIGKILL)
        return original(slot, files, problem, seed)

    monkeypatch.setattr(Slot, "grade", grade)
    uploads = [Upload(handed_in()), Upload(handed_in("add = lambda x, y: x\n"))]
    reports = grade_uploads(course, course.assignment("tiny"), uploads, slots=1)
    assert killed
    assert [report.score for report in reports] == [10.0, 0.0]


def test_what_fails_again_and_again_is_held(tmp_path, monkeypatch):
    """After three tries the attempt is a system_error: no score, all checks named, the reason for staff alone."""
    course = load_course(write_course(tmp_path, suite=SUITE))
    tries = []

    def fail(slot, files, problem, seed):
        tries.append(slot)
        raise RunnerError("the runner died while grading")

    monkeypatch.setattr(Slot, "start", lambda slot: None)
    monkeypatch.setattr(Slot, "grade", fail)
    (report,) = grade_uploads(course, course.assignment("tiny"), [Upload(handed_in())])
    assert len(tries) == 3
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
