"""What students get, used as they use it: the notebook of every bundle."""

from __future__ import annotations

import pytest

from tests.support.bundles import COURSE, NAMES, in_bundle
from tests.support.preloaded import execute_notebook, run

pytestmark = pytest.mark.slow

#: Is run in a kernel; the others by the same cells without one, which starts sooner.
IN_A_KERNEL = "pytorch_basics"


@pytest.mark.parametrize("name", [name for name in NAMES if name != IN_A_KERNEL])
def test_the_notebook_runs_with_the_solution(name, tmp_path):
    """From top to bottom, as a student runs it who has solved everything; pictures appear in it."""
    bundle = in_bundle(name, COURSE.assignment(name).solution_files(), tmp_path)
    done = run(execute_notebook, f"{name}.ipynb", folder=bundle)
    assert done.code == 0, done.output[-3000:]
    assert int(done.output.split()[-2]) >= 3


def test_a_notebook_runs_in_a_kernel(tmp_path):
    """The one left, as Jupyter runs it: in a kernel of its own, from top to bottom; pictures appear in it."""
    import nbclient
    import nbformat

    bundle = in_bundle(IN_A_KERNEL, COURSE.assignment(IN_A_KERNEL).solution_files(), tmp_path)
    notebook = nbformat.read(bundle / f"{IN_A_KERNEL}.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(bundle)}}).execute()
    shown = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in data for data in shown) >= 3
