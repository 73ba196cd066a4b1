"""The command line: exit codes, errors that say how to fix them, JSON that is nothing else, and the author's mode."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from grader.cli.main import app
from tests.support.tiny import COURSE, handed_in, write_course

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
    record("mean", student.mean(torch.ones(2)))
    assert student.mean(torch.ones(2)) == 1, "the mean of ones is one"
'''


@pytest.fixture
def tiny(tmp_path):
    """The path of a small course file, and the state that it keeps."""
    return write_course(tmp_path / "course", suite=SUITE)


def autograde(*arguments):
    """Run the command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def submission(folder, **options):
    """A folder to hand in."""
    folder.mkdir(parents=True)
    for name, data in handed_in(**options).items():
        (folder / name).write_bytes(data)
    return folder


# -- what needs no grading -----------------------------------------------------------------------------------------------


def test_help_imports_no_torch():
    """`autograde --help` answers without torch, numpy, sqlalchemy or pytest."""
    program = (
        "import sys\nfrom grader.cli.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'numpy', 'sqlalchemy', 'pytest', 'nbformat', 'jinja2', 'grader.sandbox.trusted.zygote'} & set(sys.modules)\n"
        "print('HEAVY', sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "HEAVY []" in done.stdout
    for name in ("check", "collect", "grade", "feedback", "leaderboard", "release", "validate", "doctor", "demo"):
        assert re.search(rf"\b{name}\b", done.stdout), name


@pytest.mark.parametrize("name", ["collect", "grade", "feedback", "leaderboard", "release", "validate", "check"])
def test_every_command_has_help(name):
    """Each command says what it does."""
    result = autograde(name, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_an_unknown_assignment_names_the_nearest(tiny):
    """Exit code 2, the name that was meant, as text and as JSON."""
    result = autograde("grade", "tinny", "--course", tiny)
    assert result.exit_code == 2
    assert "tinny" in result.stderr
    assert "did you mean 'tiny'?" in result.stderr
    told = json.loads(autograde("grade", "tinny", "--course", tiny, "--json").stdout)
    assert told["error"] == "CourseError"
    assert "tiny" in told["fix"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("grade", "tiny", "--profile", "gpu"),
        ("collect", "tiny", "nowhere"),
        ("grade", "tiny", "--submission", "nowhere"),
        ("feedback", "tinny"),
        ("leaderboard", "tinny"),
        ("validate", "tinny"),
        ("release", "tinny"),
    ],
)
def test_a_wrong_call_is_exit_code_2(tiny, arguments):
    """A wrong name or path is told with where and how to fix it, and not by a traceback."""
    result = autograde(*arguments, "--course", tiny)
    assert result.exit_code == 2, result.output
    assert result.stderr.lstrip().startswith("error: ")
    assert "fix" in result.stderr
    assert "Traceback" not in result.output


def test_a_missing_course_is_exit_code_2(tmp_path):
    """Without a course file the error says where it looked."""
    result = autograde("grade", "tiny", "--course", tmp_path / "autograde.yml")
    assert result.exit_code == 2
    assert "autograde.yml" in result.stderr


def test_an_unknown_option_is_exit_code_2():
    """The option's mistakes are the shell's own kind."""
    assert autograde("grade", "tiny", "--nonsense").exit_code == 2
    assert autograde("nonsense").exit_code == 2


def test_collecting_prints_json_alone(tiny, tmp_path):
    """Collecting says what was added, and again that nothing was; a file that no one owns is exit code 1."""
    inbox = tmp_path / "inbox"
    submission(inbox / "ada")
    first = autograde("collect", "tiny", inbox, "--course", tiny, "--json")
    assert first.exit_code == 0
    assert json.loads(first.stdout)["added"] == ["ada"]
    assert json.loads(autograde("collect", "tiny", inbox, "--course", tiny, "--json").stdout)["unchanged"] == ["ada"]
    submission(inbox / "nobody-at-all")
    last = autograde("collect", "tiny", inbox, "--course", tiny, "--json")
    assert last.exit_code == 1
    assert json.loads(last.stdout)["unmatched"][0]["entry"] == "nobody-at-all"


def test_an_empty_class_needs_no_runner(tiny):
    """With nothing collected there is nothing to grade, which is no error."""
    result = autograde("grade", "tiny", "--course", tiny, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["attempts"] == []
    assert "nothing to grade" in autograde("grade", "tiny", "--course", tiny).stdout
    for name in ("feedback", "leaderboard"):
        assert json.loads(autograde(name, "tiny", "--course", tiny, "--json").stdout)


def test_the_schema_is_json():
    """`schema` prints the JSON Schema of the course file."""
    assert json.loads(autograde("schema").stdout)["properties"]["assignments"]


def test_checking_a_folder_without_public_tests_is_exit_code_2(tmp_path):
    """A student in the wrong folder is told so."""
    result = autograde("check", tmp_path)
    assert result.exit_code == 2
    assert "public" in result.stderr


# -- what needs a runner ---------------------------------------------------------------------------------------------------


def test_one_submission_is_graded_without_the_store(tiny, tmp_path):
    """`grade --submission --json` prints the whole report and keeps nothing but the secret."""
    folder = submission(tmp_path / "mine", basics="def add(x, y):\n    print('hello')\n    return x - y\n")
    result = autograde("grade", "tiny", "--submission", folder, "--course", tiny, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["score"], report["max_score"], report["verdict"]) == (4.0, 10.0, "partial")
    assert report["metrics"]["mean"]["value"] == 1.0
    assert not (tiny.parent / ".autograde" / "store.db").exists()


def test_a_suite_that_cannot_be_collected_is_exit_code_2(tmp_path):
    """An author's mistake at import is told with file and reason; no submission is blamed for it."""
    suite = "from grader.checks import points\nimport no_such_module\n\n@points(1)\ndef test_a(student):\n    pass\n"
    path = write_course(tmp_path / "course", suite=suite)
    result = autograde("grade", "tiny", "--submission", submission(tmp_path / "mine"), "--course", path, "--json")
    assert result.exit_code == 2
    told = json.loads(result.stdout)
    assert told["error"] == "AuthoringError"
    assert "no_such_module" in told["what"]
    assert told["where"].endswith("hidden")


def test_a_missing_layer_is_exit_code_3(tmp_path):
    """Below the configured minimum nothing is graded; the error says which layer, and points at the doctor."""
    # No machine has both: as root there is no user namespace, else no user id.
    course = COURSE.replace("minimum: []", "minimum: [user_ns, uid]")
    path = write_course(tmp_path / "course", suite=SUITE, course=course)
    result = autograde("grade", "tiny", "--submission", submission(tmp_path / "mine"), "--course", path)
    assert result.exit_code == 3
    assert any(f"{name} (without it, " in result.stderr for name in ("user_ns", "uid"))
    assert "autograde doctor" in result.stderr


def test_the_authors_mode(tiny, tmp_path):
    """`pytest HIDDEN --submission PATH` runs the suite as plain pytest, with -k, and says what it would score."""
    folder = submission(tmp_path / "mine", basics="def add(x, y):\n    return x + y if len(x) == 1 else y\n")
    hidden = tiny.parent / "assignments" / "tiny" / "hidden"
    command = [sys.executable, "-m", "pytest", str(hidden), "--submission", str(folder), "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        [*command, "-k", "add"], capture_output=True, text=True, check=False, cwd=tiny.parent, env=environment
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed, 1 deselected" in done.stdout
    assert re.search(r"3\.00 / +6\.00 +wrong_answer +test_add", done.stdout)
    assert "1 of 2 cases passed" in done.stdout


def test_a_hidden_suite_without_a_submission_says_what_it_needs(tiny):
    """Plain pytest on a hidden suite names the option that is missing."""
    hidden = tiny.parent / "assignments" / "tiny" / "hidden"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(hidden), "-p", "no:cacheprovider", "-k", "mean"],
        capture_output=True, text=True, check=False, cwd=tiny.parent,
    )  # fmt: skip
    assert done.returncode == 1
    assert "run it with --submission PATH" in done.stdout
