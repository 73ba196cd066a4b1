"""Batches that are killed at any moment: they resume, what dies costs nobody anything, one attempt each."""

from __future__ import annotations

import random
import signal

import pytest

from grader.course import load_course
from grader.grading import grade_assignment
from grader.records import Verdict
from grader.store import Store
from tests.attacks.arena.watch import mounts
from tests.chaos.kills import Batch, run
from tests.chaos.made import hand_in, write_class
from tests.chaos.run import differences, leftovers, reports, scratch_folders

pytestmark = [pytest.mark.runner, pytest.mark.slow]

#: One of every kind of submission, and four more of the usual ones.
STUDENTS = 20
#: One of each kind, the worker twice: what else dies takes seconds to start. `make chaos` kills a hundred.
PLAN = ["worker", "runner", "zygote", "coordinator", "worker"]


@pytest.fixture(scope="module")
def chaos(tmp_path_factory):
    """A class graded undisturbed, and again while five of its processes are killed and one command is stopped."""
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
    assert f"of {STUDENTS} submissions graded and kept" in words
    assert "run the same command again" in words


def test_nothing_is_left_to_grade(chaos):
    """Grading again starts no process and adds no attempt."""
    course = chaos["course"]
    assert grade_assignment(course, course.assignment("tiny"), chaos["disturbed"]) == []
