"""An installation without extras: every command works, or says what to install."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from grader import DISTRIBUTION
from grader.cli.extras import missing_extra, needed_by_extras
from tests.support.tiny import handed_in, write_course
from tools import reference

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
COMMANDS = dict(reference.commands(reference.command_line()))
#: What a bare installation must be able to do.
BARE = {"schema", "submit", "init", "new", "check"}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What came of each command where nothing that an extra brings can be imported."""
    root = tmp_path_factory.mktemp("bare")
    write_course(root)
    (root / "class.csv").write_text("id,name,email\ns1,One,one@example.org\n")
    (root / "hw.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    for folder in ("inbox/ada", "bundle"):
        (root / folder).mkdir(parents=True)
        for name, data in handed_in().items():
            (root / folder / name).write_bytes(data)
    (root / "bundle" / "pyproject.toml").write_text(
        '[tool.autograde]\nassignment = "tiny"\nfiles = ["basics.py", "plain.py"]\n'
    )
    (root / "bundle" / "public").mkdir()
    (root / "bundle" / "public" / "test_plain.py").write_text("def test_it():\n    assert 1 + 1 == 2\n")
    done = subprocess.run(
        [sys.executable, "-m", "tests.framework.cli.without_extras", str(root)],
        cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | {"NO_COLOR": "1", "TERM": "dumb"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_works_or_says_what_to_install(outcomes, name):
    """Never a traceback; where a package is missing, the exit code is 3 and the extra is named."""
    told = outcomes[name]
    assert told["broken"] is None, told
    if told["code"] == 3 and name != "doctor":
        found = re.search(rf"fix: (?:\S* -m )?pip install '{re.escape(DISTRIBUTION)}\[(\w+)\]'", told["output"])
        assert found, told["output"]
        assert found[1] in {extra for _, extra in needed_by_extras()}
    else:
        assert "No module named" not in told["output"], told["output"]
    if name in BARE:
        assert told["code"] in (0, 1), told["output"]


def test_some_commands_do_need_an_extra(outcomes):
    """The extras are really kept away: what stores, releases or draws cannot run."""
    assert {name for name, told in outcomes.items() if told["code"] == 3} >= {"collect", "grade", "feedback", "release"}


def test_a_student_learns_of_the_small_extra_and_an_instructor_of_the_whole():
    """Torch is in two extras; part of the package itself is missing in a student's wheel."""
    assert f"'{DISTRIBUTION}[student]'" in missing_extra("torch", "check").fix
    assert f"'{DISTRIBUTION}[grading]'" in missing_extra("torch.nn", "grade").fix
    told = missing_extra("grader.authoring", "new")
    assert "a student's" in told.what
    assert told.exit_code == 3
