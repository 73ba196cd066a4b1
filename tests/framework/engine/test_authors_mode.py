"""The author's mode: plain pytest on a hidden suite, with a submission."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from grader.course import load_course
from grader.errors import AuthoringError
from grader.grading import grade_upload
from grader.intake import Upload
from tests.support.tiny import handed_in, write_course

pytestmark = pytest.mark.runner

SUITE = '''\
"""Hidden checks."""
import pytest
import torch
from grader.checks import assert_close, points


@points(6, hint="Plus.")
@pytest.mark.parametrize("size", [1, 2])
def test_add(student, size):
    """`add` adds."""
    assert_close(student.add(torch.ones(size), torch.ones(size)), torch.full((size,), 2.0), name="the sum")


@points(4)
def test_mean(student, record):
    """`mean` averages."""
    assert student.mean(torch.ones(2)) == 1, "the mean of ones is one"
'''


def run_suite(course, *options):
    """Run the course's hidden suite as its author does."""
    command = [sys.executable, "-m", "pytest", str(course.parent / "assignments" / "tiny" / "hidden"), *options]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        check=False,
        cwd=course.parent,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
    )


def test_a_suite_runs_as_plain_pytest_and_is_scored(tmp_path):
    """`pytest HIDDEN --submission PATH` runs the suite with pytest's own options, and says what it would score."""
    course = write_course(tmp_path / "course", suite=SUITE)
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, data in handed_in("def add(x, y):\n    return x + y if len(x) == 1 else y\n").items():
        (folder / name).write_bytes(data)
    done = run_suite(course, "--submission", str(folder), "-k", "add")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed, 1 deselected" in done.stdout
    assert re.search(r"3\.00 / +6\.00 +wrong_answer +test_add", done.stdout)
    assert "1 of 2 cases passed" in done.stdout


def test_a_suite_without_a_submission_says_what_it_needs(tmp_path):
    """Plain pytest on a hidden suite names the option that is missing."""
    course = write_course(tmp_path / "course", suite=SUITE.replace("import torch", "").replace("assert_close, ", ""))
    done = run_suite(course, "-k", "mean")
    assert done.returncode == 1
    assert "run it with --submission PATH" in done.stdout


def test_a_suite_that_cannot_be_collected_is_its_authors_mistake(tmp_path):
    """A mistake at import is reported with file and reason; no submission is blamed for it."""
    suite = (
        'from grader.checks import points\nimport no_such_module\n\n@points(1)\ndef test_a(student):\n    """A."""\n'
    )
    course = load_course(write_course(tmp_path / "course", suite=suite))
    with pytest.raises(AuthoringError, match="no_such_module") as caught:
        grade_upload(course, course.assignment("tiny"), Upload(handed_in()))
    assert caught.value.where.endswith("hidden")
