"""What students get, used as they use it: the notebook of every bundle."""

from __future__ import annotations

import pytest

from tests.support.bundles import COURSE, NAMES, in_bundle
from tests.support.preloaded import execute_notebook, run

pytestmark = pytest.mark.slow


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
