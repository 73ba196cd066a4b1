"""The command line: exit codes, errors that say how to fix them, and JSON that is nothing else."""

from __future__ import annotations

import importlib
import io
import json
import os
import re
import subprocess
import sys
import unicodedata

import pytest
from typer.testing import CliRunner

from grader.cli.common import print_json
from grader.cli.extras import missing_extra
from grader.cli.main import app
from grader.engine.outcomes import CheckSpec, ReportContext
from grader.errors import AuthoringError, IsolationError, SystemFault
from grader.records import CheckResult, Report, Verdict
from tests.support.tiny import handed_in, write_course

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
    for name in (
        "check",
        "collect",
        "grade",
        "feedback",
        "leaderboard",
        "export",
        "copy-store",
        "release",
        "validate",
        "doctor",
        "demo",
    ):
        assert re.search(rf"\b{name}\b", done.stdout), name


@pytest.mark.parametrize(
    "name", ["collect", "grade", "feedback", "leaderboard", "export", "copy-store", "release", "validate", "check"]
)
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


def test_a_missing_assignment_lists_those_that_there_are(tiny, monkeypatch):
    """In a course the error names its assignments; elsewhere, and for a new one, it names none."""
    monkeypatch.chdir(tiny.parent)
    for name in ("grade", "feedback"):
        result = autograde(name)
        assert result.exit_code == 2
        assert "Missing argument 'NAME'. Name one of: tiny." in " ".join(result.stderr.split())
    assert "Name one of" not in autograde("new").stderr
    monkeypatch.chdir("/")
    assert "Missing argument 'NAME'." in autograde("grade").stderr
    assert "Name one of" not in autograde("grade").stderr


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


def test_where_there_is_nothing_yet_the_command_to_run_first_is_named(tiny):
    """With nothing collected each command says so and what to run; one submission is in the singular everywhere."""
    first = "run `autograde collect tiny FOLDER` first"
    assert f"there are no submissions yet; {first}" in autograde("grade", "tiny", "--course", tiny).stdout
    for name in ("feedback", "leaderboard"):
        assert f"there are no submissions yet; {first}" in autograde(name, "tiny", "--course", tiny).stderr
    inbox = tiny.parent / "inbox"
    submission(inbox / "ada")
    assert autograde("collect", "tiny", inbox, "--course", tiny).stdout.startswith("1 submission added, 0 were")
    told = autograde("feedback", "tiny", "--course", tiny)
    assert "nothing was graded yet; run `autograde grade tiny` first" in told.stderr
    assert told.stdout.startswith("0 pages; open ")
    assert autograde("leaderboard", "tiny", "--course", tiny).stdout.startswith("1 entry; open ")


def test_a_command_that_needs_more_packages_says_which_extra_brings_them(monkeypatch):
    """Exit code 3 and what to install, as text and as JSON; a module that none of ours brings stays a traceback."""
    assert missing_extra("jupytext.formats", "new").fix.startswith("pip install 'autograde-torch[grading]'")
    assert "libcst" in missing_extra("libcst", "validate").what
    assert missing_extra("nbformat", "release").what.startswith("`autograde release` needs the package nbgrader")
    assert missing_extra("a_module_of_nobody", "new") is None
    monkeypatch.setattr("grader.course.course_schema", lambda: importlib.import_module("nothing_of_this_name"))
    assert isinstance(autograde("schema").exception, ModuleNotFoundError)

    def lacking():
        raise ModuleNotFoundError("No module named 'sqlalchemy'", name="sqlalchemy")

    monkeypatch.setattr("grader.course.course_schema", lacking)
    result = autograde("schema")
    assert result.exit_code == 3
    assert "autograde-torch[grading]" in result.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_without_unicode_gets_what_it_can_show(encoding):
    """Signs of ours, accents, Greek and mathematics have a spelling in it; nothing ends in an error or an escape."""
    script = (
        "from grader.cli.terminal import write_what_terminals_take as take; take()\n"
        "print('\\u2713 Accepted \\u2212 3 \\u2026 W\\u1d40 \\u03c3(x) \\u03a3 G\\u0151del \\u4e2d a\\u0301 x\\u00b2 1 \\u2264 2')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding}
    )
    shown = done.stdout.decode(encoding).strip()
    assert unicodedata.normalize("NFKD", shown).replace("\u2026", "...").replace("\u0301", "") == (
        "+ Accepted - 3 ... WT sigma(x) Sigma Godel ? a x2 1 <= 2"
    )


def test_json_stays_the_same_data_where_the_terminal_has_no_unicode(monkeypatch):
    """What cannot be written is escaped, not replaced."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    print_json({"name": "G\u00f6del \u4e2d"})
    sys.stdout.flush()
    assert json.loads(raw.getvalue()) == {"name": "G\u00f6del \u4e2d"}


def test_the_schema_is_json():
    """`schema` prints the JSON Schema of the course file."""
    assert json.loads(autograde("schema").stdout)["properties"]["assignments"]


def test_checking_a_folder_without_public_tests_is_exit_code_2(tmp_path):
    """A student in the wrong folder is told so."""
    result = autograde("check", tmp_path)
    assert result.exit_code == 2
    assert "public" in result.stderr


# -- grading, with a grader that is played ----------------------------------------------------------------------------------


@pytest.fixture
def grader_that(monkeypatch):
    """Let `grade --submission` come to a report, or to an error, without starting a runner."""

    def play(outcome):
        def grade_upload(course, assignment, upload, **_):
            if isinstance(outcome, Exception):
                raise outcome
            return outcome(course, assignment, upload)

        monkeypatch.setattr("grader.grading.grade_upload", grade_upload)

    return play


def report_on(verdict=Verdict.PARTIAL, score=4.0, staff=""):
    """What makes the report of the upload that it is given: `test_add` lost as ``verdict``, `test_mean` passed."""

    def make(course, assignment, upload):
        lost = CheckResult(
            id="test_add", title="`add` adds.", verdict=verdict, score=score and 0.0, max_score=6.0, staff=staff,
            message=f"{len(upload.files)} files",
        )  # fmt: skip
        passed = CheckResult(id="test_mean", title="`mean` averages.", verdict=Verdict.ACCEPTED, score=4, max_score=4)
        return Report(
            assignment=assignment.name, verdict=verdict, score=score, max_score=10.0, checks=(lost, passed), seed=1,
            profile="cpu", grader_version="v", submission_digest="d",
        )  # fmt: skip

    return make


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AuthoringError("the suite cannot be collected", where="hidden", fix="run pytest"), 2),
        (IsolationError("this machine lacks moat", fix="run `autograde doctor`"), 3),
        (SystemFault("the runner died", fix="try again"), 1),
    ],
    ids=["authoring", "isolation", "system"],
)
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_an_error_of_grading_has_its_exit_code(tiny, tmp_path, grader_that, error, code, as_json):
    """What stops grading is reported with its reason and the fix, as text or as JSON alone, under the exit code of its kind."""
    grader_that(error)
    result = autograde(
        "grade", "tiny", "--submission", submission(tmp_path / "mine"), "--course", tiny, *(["--json"] * as_json)
    )
    assert result.exit_code == code
    if as_json:
        assert json.loads(result.stdout)["what"] == error.what
        assert json.loads(result.stdout)["error"] == type(error).__name__
    else:
        assert error.what in result.stderr
        assert error.fix in result.stderr
        assert "Traceback" not in result.output


def test_one_report_is_printed_whole(tiny, tmp_path, grader_that):
    """`grade --submission` prints the report of what lies there: as JSON and nothing else, or as a table with the score."""
    grader_that(report_on())
    arguments = ("grade", "tiny", "--submission", submission(tmp_path / "mine"), "--course", tiny)
    result = autograde(*arguments, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["score"], report["max_score"], report["verdict"]) == (4.0, 10.0, "partial")
    assert report["checks"][0]["message"] == "2 files"
    shown = autograde(*arguments)
    assert shown.exit_code == 0
    assert "4 of 10" in shown.stdout


def test_an_upload_that_cannot_be_read_is_exit_code_1(tiny, tmp_path, grader_that):
    """The reason is said once, above the checks, which say no more than that they did not run."""
    why = "Your submission could not be read: hand in a .zip"

    def unreadable(course, assignment, upload):
        specs = [CheckSpec(f"test_{number}", f"Check {number}.", 1.0) for number in range(5)]
        return ReportContext(assignment.name, "cpu", "v", "d").unreadable(specs, "hand in a .zip")

    grader_that(unreadable)
    result = autograde("grade", "tiny", "--submission", submission(tmp_path / "mine"), "--course", tiny)
    assert result.exit_code == 1
    assert result.stdout.count(why) == 1
    assert "The same cause affects 4 more checks." in result.stdout


def test_a_held_report_is_exit_code_1(tiny, tmp_path, grader_that):
    """What staff must look at is said with the check and what staff may read."""
    grader_that(report_on(Verdict.GRADER_ERROR, None, staff="ZeroDivisionError in the suite"))
    result = autograde("grade", "tiny", "--submission", submission(tmp_path / "mine"), "--course", tiny)
    assert result.exit_code == 1
    assert "held for staff" in result.stdout
    assert "test_add: grader_error" in result.stderr
    assert "ZeroDivisionError in the suite" in result.stderr


# -- grading, for once from end to end --------------------------------------------------------------------------------------


@pytest.mark.runner
def test_one_submission_is_graded_without_the_store(tiny, tmp_path):
    """`grade --submission --json` prints the whole report and keeps nothing but the secret."""
    folder = submission(tmp_path / "mine", basics="def add(x, y):\n    print('hello')\n    return x - y\n")
    result = autograde("grade", "tiny", "--submission", folder, "--course", tiny, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["score"], report["max_score"], report["verdict"]) == (4.0, 10.0, "partial")
    assert report["metrics"]["mean"]["value"] == 1.0
    assert not (tiny.parent / ".autograde" / "store.db").exists()
