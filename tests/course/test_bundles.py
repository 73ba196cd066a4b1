"""What students get, used as they use it: the public tests and the notebook of every bundle."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grader.course import load_course
from tests.support.preloaded import Finished, execute_notebook, pytest_main, run

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
COURSE = load_course(ROOT / "autograde.yml")
NAMES = list(COURSE.assignments)


def in_bundle(name: str, files: dict[str, bytes], tmp_path: Path) -> Path:
    """The released bundle of an assignment, with ``files`` in place of its stubs."""
    bundle = tmp_path / name
    shutil.copytree(COURSE.assignment(name).release_folder, bundle)
    for file, data in files.items():
        (bundle / file).write_bytes(data)
    return bundle


def run_public(bundle: Path) -> Finished:
    """Run a bundle's public tests as a student does: plain pytest, in the bundle."""
    return run(pytest_main, "public", "-q", "-p", "no:cacheprovider", folder=bundle)


@pytest.mark.parametrize("name", NAMES)
def test_public_tests_pass_with_the_solution(name, tmp_path):
    """A student whose modules are right sees nothing but passes."""
    done = run_public(in_bundle(name, COURSE.assignment(name).solution_files(), tmp_path))
    assert done.code == 0, done.output[-3000:]


@pytest.mark.parametrize("name", NAMES)
def test_public_tests_fail_politely_with_the_stub(name, tmp_path):
    """A fresh bundle collects without an error, and every failure names the function that is to be written."""
    done = run_public(in_bundle(name, {}, tmp_path))
    assert done.code == 1, done.output[-3000:]
    assert "write your solution here" in done.output
    assert "error" not in done.output.rpartition("\n")[0].splitlines()[-1].replace("NotImplementedError", "")


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_runs_with_the_solution(name, tmp_path):
    """From top to bottom, as a student runs it who has solved everything; pictures appear in it."""
    bundle = in_bundle(name, COURSE.assignment(name).solution_files(), tmp_path)
    done = run(execute_notebook, f"{name}.ipynb", folder=bundle)
    assert done.code == 0, done.output[-3000:]
    assert int(done.output.split()[-2]) >= 3


def test_a_notebook_runs_in_a_kernel(tmp_path):
    """One of them as Jupyter runs it: in a kernel of its own."""
    import nbclient
    import nbformat

    bundle = in_bundle("pytorch_basics", COURSE.assignment("pytorch_basics").solution_files(), tmp_path)
    notebook = nbformat.read(bundle / "pytorch_basics.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(bundle)}}).execute()
    assert any("image/png" in o.get("data", {}) for cell in notebook.cells for o in cell.get("outputs", []))
