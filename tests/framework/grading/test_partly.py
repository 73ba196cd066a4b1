"""Parts of a course graded again: some checks, some students, one attempt, every assignment."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli.main import app
from grader.course import course_secret, load_course
from grader.errors import StoreError, UsageError
from grader.grading import grade_assignment
from grader.grading.replay import replay
from grader.grading.slot import Slot
from grader.store import Store
from tests.support import builder
from tests.support.tiny import COURSE, handed_in

pytestmark = pytest.mark.runner

SUITE = '''\
"""Hidden checks."""
from grader.checks import points


@points(6)
def test_add(student):
    """`add` adds."""
    assert student.add(1, 2) == 3


@points(4)
def test_mean(student):
    """`mean` averages."""
    assert student.mean([1, 3]) == 2
'''
#: `test_mean` became stricter, says its author.
STRICTER = SUITE.replace("[1, 3]) == 2", "[1, 3]) == 2.0")
COURSES = COURSE.replace("assignments:\n", "assignments:\n  broken: {title: Broken, files: [basics.py]}\n")


#: It is written as it should be, and cannot be run.
BROKEN = SUITE.replace("import points\n", "import points\n\nraise RuntimeError('broken')\n")


def write(root, suite=SUITE):
    modules = {"basics.py": "def add(x, y):\n    return x + y\n", "plain.py": "x = 1\n"}
    tiny = builder.Homework("tiny", modules, suite=suite)
    return builder.build_course(root, COURSES, tiny, builder.Homework("broken", {"basics.py": "x = 1\n"}, suite=BROKEN))


@pytest.fixture
def graded(tmp_path, monkeypatch):
    """A class of three whose submissions have their attempts, by a runner without torch."""
    monkeypatch.setattr(Slot, "RUNNER", "tests.support.stub_runner")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    path = write(tmp_path / "course")
    store = Store(tmp_path / "state")
    course_secret(store.state)
    works = {"ada": "", "grace": "# wrong test_mean\n", "kurt": "# wrong test_add\n"}
    for owner, text in works.items():
        store.put_submission("tiny", owner, handed_in(text), received_at=datetime.now(UTC))
    course = load_course(path)
    first = grade_assignment(course, course.assignment("tiny"), store, slots=1)
    return path, store, {item.submission.owner: item for item in first}


def scores(items):
    return {item.submission.owner: [check.score for check in item.attempt.report.checks] for item in items}


def test_one_check_alone_is_run_and_the_others_are_kept(graded):
    """The new report has the other checks as they were, says so, and counts by the new version."""
    path, store, first = graded
    write(path.parent, STRICTER)
    course = load_course(path)
    again = grade_assignment(course, course.assignment("tiny"), store, slots=1, only=["test_mean"])
    assert scores(again) == {"ada": [6.0, 4.0], "grace": [6.0, 0.0], "kurt": [0.0, 4.0]}
    for item in again:
        before, after = first[item.submission.owner].attempt.report, item.attempt.report
        assert after.seed == before.seed
        assert after.max_score == 10.0
        assert after.environment["kept"] == f"1 of 2 checks from grader version {before.grader_version}"
        assert after.grader_version != before.grader_version
    assert grade_assignment(course, course.assignment("tiny"), store, slots=1) == []


def test_a_submission_without_an_attempt_is_graded_whole(graded):
    """There is nothing to keep."""
    path, store, _ = graded
    store.put_submission("tiny", "emmy", handed_in("# wrong test_add\n# emmy\n"), received_at=datetime.now(UTC))
    course = load_course(path)
    (item,) = grade_assignment(course, course.assignment("tiny"), store, slots=1, only=["test_mean"])
    assert scores([item]) == {"emmy": [0.0, 4.0]}
    assert "kept" not in item.attempt.report.environment


def test_a_check_that_there_is_not_is_an_error_with_the_nearest(graded):
    """Before anything is graded."""
    path, store, _ = graded
    course = load_course(path)
    with pytest.raises(UsageError, match="did you mean 'test_mean'"):
        grade_assignment(course, course.assignment("tiny"), store, only=["test_maen"])


def test_one_student_alone_is_graded(graded):
    """By id, as often as is asked for; others are left alone."""
    path, store, _ = graded
    arguments = ["grade", "tiny", "--course", str(path), "--state", str(store.state), "--jobs", "1", "--json"]
    found = CliRunner().invoke(app, [*arguments, "--force", "--student", "grace"])
    assert found.exit_code == 0, found.output
    assert [item["owner"] for item in json.loads(found.stdout)["attempts"]] == ["grace"]
    assert len(store.attempts("tiny")) == 4
    unknown = CliRunner().invoke(app, [*arguments, "--student", "nobody"])
    assert unknown.exit_code == 2
    assert "the roster has no 'nobody'" in unknown.stdout


def test_a_replayed_attempt_gives_the_same_report(graded):
    """At its own seed, with nothing recorded; a suite that changed is named, and what came out otherwise."""
    path, store, first = graded
    attempt = first["grace"].attempt
    found = replay(load_course(path), store, attempt.id, executor="serial")
    assert found.same
    assert found.circumstances == ()
    assert found.report.timeless() == attempt.report.timeless()
    write(path.parent, SUITE.replace("@points(4)", "@points(5)"))
    found = replay(load_course(path), store, attempt.id, executor="serial")
    assert "test_mean: max_score: 4.0 -> 5.0" in found.differences
    assert "max_score: 10.0 -> 11.0" in found.differences
    assert len(found.circumstances) == 1
    assert attempt.grader_version in found.circumstances[0]
    assert len(store.attempts("tiny")) == 3
    with pytest.raises(StoreError, match="no attempt 99"):
        replay(load_course(path), store, 99)


def test_the_command_says_whether_an_attempt_still_holds(graded):
    """With the exit code as well."""
    path, store, first = graded
    arguments = ["replay", str(first["ada"].attempt.id), "--course", str(path), "--state", str(store.state)]
    assert "the same report" in CliRunner().invoke(app, arguments).stdout
    write(path.parent, SUITE.replace("`mean` averages", "`mean` is right"))
    changed = CliRunner().invoke(app, arguments)
    assert changed.exit_code == 1
    assert "differs: test_mean: title: '`mean` averages.' -> '`mean` is right.'" in changed.stdout


def test_all_assignments_are_graded_and_what_needs_a_person_is_listed(graded):
    """One whose suite is broken stops no other; the end says who handed in nothing, and what could not be graded."""
    path, store, _ = graded
    store.put_submission("tiny", "emmy", handed_in("# emmy\n"), received_at=datetime.now(UTC))
    store.put_submission("broken", "emmy", {"basics.py": b"x = 1\n"}, received_at=datetime.now(UTC))
    arguments = ["grade", "--all", "--course", str(path), "--state", str(store.state), "--jobs", "1"]
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 1
    needs = found.stdout.partition("What needs a person")[2]
    assert "broken: could not be graded" in needs
    assert "tiny: nothing from 4 students: alan, hedy, edsger, radia" in needs
    assert len(store.attempts("tiny")) == 4
    told = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)["assignments"]
    assert {entry["assignment"]: "error" in entry for entry in told} == {"broken": True, "tiny": False}
    both = CliRunner().invoke(app, [*arguments, "tiny"])
    assert both.exit_code == 2
