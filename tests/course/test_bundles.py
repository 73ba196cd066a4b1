"""What students get, used as they use it: the public tests and the notebook of every bundle."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from grader.course import load_course

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


def run_public(bundle: Path) -> subprocess.CompletedProcess[str]:
    """Run a bundle's public tests as a student does: plain pytest, in the bundle."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "public", "-q", "-p", "no:cacheprovider"],
        cwd=bundle,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.parametrize("name", NAMES)
def test_public_tests_pass_with_the_solution(name, tmp_path):
    """A student whose modules are right sees nothing but passes."""
    done = run_public(in_bundle(name, COURSE.assignment(name).solution_files(), tmp_path))
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("name", NAMES)
def test_public_tests_fail_politely_with_the_stub(name, tmp_path):
    """A fresh bundle collects without an error, and every failure names the function that is to be written."""
    done = run_public(in_bundle(name, {}, tmp_path))
    assert done.returncode == 1, done.stdout[-3000:]
    assert "write your solution here" in done.stdout
    assert "error" not in done.stdout.rpartition("\n")[0].splitlines()[-1].replace("NotImplementedError", "")


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """Every notebook, begun two at a time: a kernel keeps one core busy."""
    import nbclient
    import nbformat

    def execute(name):
        bundle = in_bundle(name, COURSE.assignment(name).solution_files(), tmp_path_factory.mktemp(name))
        notebook = nbformat.read(bundle / f"{name}.ipynb", as_version=4)
        client = nbclient.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(bundle)}})
        asyncio.run(client.async_execute())
        return notebook

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(execute, name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_runs_with_the_solution(name, executed):
    """From top to bottom, as a student runs it who has solved everything."""
    notebook = executed[name].result()
    figures = [o for cell in notebook.cells for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
    assert len(figures) >= 3
