"""`autograde submit`: what a bundle asks for goes where it is to go, whole, and the student knows what went."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile

import pytest
from typer.testing import CliRunner

from grader.cli.main import app
from grader.errors import MachineError, SubmissionError, UsageError
from grader.intake.filenames import safe_name
from grader.student import submit

WRITTEN = "def f(x):\n    return x\n"
STUB = 'def f(x):\n    """Doc."""\n    raise NotImplementedError("write f")\n'


@pytest.fixture
def bundle(tmp_path):
    """A bundle with two modules, one of them written, and a helper of the student's."""
    folder = tmp_path / "a bundle"
    (folder / "public").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        '[tool.autograde]\nassignment = "hw"\nfiles = ["a.py", "b.py"]\nnotebook = ""\ndue = ""\n'
    )
    for name, text in (
        ("a.py", WRITTEN),
        ("b.py", WRITTEN),
        ("helper.py", "x = 1\n"),
        ("conftest.py", ""),
        ("hw.ipynb", "{}"),
    ):
        (folder / name).write_text(text)
    (folder / "public" / "test_a.py").write_text("")
    return folder


def run(*arguments):
    return CliRunner().invoke(app, ["submit", *map(str, arguments)])


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def test_a_zip_for_the_learning_platform(bundle):
    """The modules and a helper; neither tests nor what came with the bundle; the digests are told."""
    told = run(bundle)
    assert told.exit_code == 0, told.output
    made = members(bundle / "hw-submission.zip")
    assert set(made) == {"a.py", "b.py", "helper.py"}
    assert hashlib.sha256(made["a.py"]).hexdigest()[:16] in told.output
    assert "upload it" in told.output


def test_a_folder_of_the_course(bundle, tmp_path):
    """One zip by the student's id; the second replaces the first; a folder that is not there is an error."""
    (tmp_path / "inbox").mkdir()
    assert run(bundle, "--to", tmp_path / "inbox", "--name", "s07").exit_code == 0
    (bundle / "a.py").write_text("y = 2\n")
    told = json.loads(run(bundle, "--to", tmp_path / "inbox", "--name", "s07", "--json").stdout)
    assert told["files"]["a.py"] == hashlib.sha256(b"y = 2\n").hexdigest()
    assert [path.name for path in (tmp_path / "inbox").iterdir()] == ["s07.zip"]
    assert members(tmp_path / "inbox" / "s07.zip")["a.py"] == b"y = 2\n"
    assert run(bundle, "--to", tmp_path / "nowhere").exit_code == 2


@pytest.mark.parametrize("name", ["../s07", "", ".s07", "C:s07"])
def test_a_name_cannot_lead_elsewhere(bundle, tmp_path, name):
    """The id becomes a file name."""
    (tmp_path / "inbox").mkdir()
    gathered = submit.gather(bundle, submit.read_asked(bundle))
    with pytest.raises(UsageError, match="cannot name a file"):
        submit.hand_in(gathered, str(tmp_path / "inbox"), name)
    assert list((tmp_path / "inbox").iterdir()) == []


def test_what_is_missing_or_unwritten_is_named(bundle):
    """It is handed in all the same, the exit code is 1, and the notebook goes along, where the code may be."""
    (bundle / "a.py").unlink()
    (bundle / "b.py").write_text(STUB)
    told = run(bundle)
    assert told.exit_code == 1
    assert "missing: a.py" in told.stderr
    assert "b.py is still the unchanged stub" in told.stderr
    assert set(members(bundle / "hw-submission.zip")) == {"b.py", "helper.py", "hw.ipynb"}
    (bundle / "b.py").write_text("def f(:\n")
    assert "b.py cannot be read as Python (line 1)" in run(bundle).stderr


def test_files_that_the_code_reads(bundle):
    """`--also` takes a file of the bundle's folder, and none from elsewhere."""
    (bundle / "words.txt").write_text("w")
    assert run(bundle, "--also", "words.txt").exit_code == 0
    assert members(bundle / "hw-submission.zip")["words.txt"] == b"w"
    for name in ("none.txt", "../secret"):
        with pytest.raises(SubmissionError, match="no such file"):
            submit.gather(bundle, submit.read_asked(bundle), [name])


def test_the_wrong_folder_is_named(tmp_path):
    """Exit code 2 and what to do."""
    told = run(tmp_path)
    assert told.exit_code == 2
    assert "the folder that you unpacked" in told.stderr
    (tmp_path / "pyproject.toml").write_text('[tool.autograde]\nassignment = "hw"\nfiles = ["a.py"]\n')
    assert "none of the files is here: a.py" in run(tmp_path).stderr


def test_an_address_that_nothing_takes_is_refused(bundle):
    """Until a destination takes it; http is the course's service, which has tests of its own."""
    told = run(bundle, "--to", "ftp://course.example.org/hw")
    assert told.exit_code == 2
    assert "cannot hand in to ftp://course.example.org/hw" in told.stderr


def test_another_destination_can_be_added(bundle, monkeypatch):
    """The first that takes the text gets the files; so a service is one class more."""

    class Service:
        def takes(self, to):
            return to.startswith("sftp://")

        def hand_in(self, submission, to, owner):
            return f"{to} as {owner}, {len(submission.files)} files"

    monkeypatch.setattr(submit, "DESTINATIONS", [Service(), *submit.DESTINATIONS])
    told = run(bundle, "--to", "sftp://course.example.org", "--name", "s07")
    assert "sftp://course.example.org as s07, 3 files" in told.output


def test_nbgraders_exchange_gets_a_folder_of_the_assignments_name(bundle, monkeypatch):
    """Nothing but the files is in it; a refusal is quoted; nbgrader that is not installed is named."""
    seen = {}

    def play(code, stderr):
        def run(command, *, cwd, **options):
            seen["command"], seen["files"] = command[1:], {p.name for p in (submit.Path(cwd) / "hw").iterdir()}
            return subprocess.CompletedProcess(command, code, "", stderr)

        return run

    gathered = submit.gather(bundle, submit.read_asked(bundle))
    monkeypatch.setattr(submit.subprocess, "run", play(0, ""))
    assert submit.hand_in(gathered, "nbgrader:dl101", "s07").to == "nbgrader's exchange, course dl101"
    assert seen["command"] == ["-m", "nbgrader", "submit", "hw", "--course", "dl101"]
    assert seen["files"] == {"a.py", "b.py", "helper.py"}
    monkeypatch.setattr(submit.subprocess, "run", play(1, "No such assignment"))
    with pytest.raises(UsageError, match="No such assignment"):
        submit.hand_in(gathered, "nbgrader", "s07")
    monkeypatch.setattr(submit.subprocess, "run", play(1, f"{sys.executable}: No module named nbgrader"))
    with pytest.raises(MachineError, match="not installed"):
        submit.hand_in(gathered, "nbgrader", "s07")


def test_names_in_the_zip_are_those_that_collecting_takes(bundle):
    """What is packed here is read there."""
    run(bundle)
    assert all(safe_name(name) == name for name in members(bundle / "hw-submission.zip"))
