"""Tiers: what a test costs is known before it is imported, and a test without a marker is held to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import tiers

ROOT = Path(__file__).resolve().parents[2]


def run(folder, source, *options):
    """Run pytest with the tiers on one file of tests."""
    (folder / "test_made.py").write_text(source)
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(folder),
        "-p",
        "tests.tiers",
        "-p",
        "no:cacheprovider",
        "-q",
        *options,
    ]
    # Of this repository only what the tiers need: no torch is installed for what is played here.
    (folder / "torch.py").write_text("")
    return subprocess.run(
        [*command, "--rootdir", str(folder), "--import-mode=prepend"],
        capture_output=True, text=True, check=False, cwd=folder, env={"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )  # fmt: skip


#: Tests without a marker: what each does, and the marker that it lacks.
UNMARKED = {
    "test_imports": ("import torch", "torch"),
    "test_runs": ("import subprocess; subprocess.run(['true', '-m', 'grader.engine.runner'])", "runner"),
    "test_starts": (
        "import subprocess; subprocess.Popen(['true', 'grader.sandbox.untrusted.zygote_process']).wait()",
        "runner",
    ),
}


@pytest.fixture(scope="module", params=[(), ("--quick",)], ids=["all", "quick"])
def refused(request, tmp_path_factory):
    """What pytest says of a file of tests without markers, whether all tests run or the quick ones."""
    source = "".join(f"def {name}():\n    {body}\n\n" for name, (body, _) in UNMARKED.items())
    return run(tmp_path_factory.mktemp("unmarked"), source, *request.param)


@pytest.mark.parametrize("name", UNMARKED)
def test_an_unmarked_test_cannot_be_expensive(refused, name):
    """It fails with the marker that it needs."""
    assert refused.returncode == 1, refused.stdout
    (said,) = {line for line in refused.stdout.splitlines() if line.startswith("E ") and f"::{name} " in line}
    assert f"mark it with `@pytest.mark.{UNMARKED[name][1]}`" in said
    assert f"{len(UNMARKED)} failed" in refused.stdout


def test_a_marked_test_may_be_expensive(tmp_path):
    """With its marker the same test runs; `torch` alone is no leave to start a runner."""
    source = "import pytest, subprocess\n\n@pytest.mark.{}\ndef test_it():\n    subprocess.run(['true', 'grader.engine.runner'])\n"
    assert run(tmp_path, source.format("runner")).returncode == 0
    assert run(tmp_path, source.format("torch")).returncode == 1


def test_quick_does_not_import_an_expensive_file(tmp_path):
    """Where every test of a file costs something, the file is left out unread; a file that does not say so is an error."""
    source = "import pytest\nimport torch\n{}\ndef test_it():\n    pass\n"
    left_out = run(tmp_path, source.format("pytestmark = [pytest.mark.torch]"), "--quick")
    assert left_out.returncode == 5, left_out.stdout
    caught = run(tmp_path, source.format(""), "--quick")
    assert caught.returncode not in (0, 5)
    assert "pytestmark = pytest.mark.torch" in caught.stdout


def test_quick_leaves_out_what_is_marked(tmp_path):
    """Of a file with both kinds the cheap tests run."""
    source = "import pytest\n\ndef test_a():\n    pass\n\n@pytest.mark.slow\ndef test_b():\n    pass\n"
    assert "1 passed, 1 deselected" in run(tmp_path, source, "--quick").stdout
    assert "2 passed" in run(tmp_path, source).stdout


def test_expensive_files_come_first(tmp_path):
    """Where several processes share the files, the last to be begun is a cheap one."""
    (tmp_path / "test_a.py").write_text("def test_cheap():\n    pass\n")
    done = run(tmp_path, "import pytest\n\n@pytest.mark.slow\ndef test_dear():\n    pass\n", "--collect-only")
    assert done.stdout.index("test_dear") < done.stdout.index("test_cheap")


def test_folders_and_files_of_this_suite_say_what_they_cost():
    """Costs are read from folders and from the top of a file."""
    assert tiers.costs_of_file(ROOT / "tests" / "attacks" / "test_attacks.py") == {"attack"}
    assert tiers.costs_of_file(ROOT / "tests" / "framework" / "nbgrader") == {"nbgrader"}
    assert tiers.costs_of_file(Path(__file__)) == frozenset()
    for folder in tiers.FOLDERS:
        assert (ROOT / "tests" / folder).is_dir(), folder
