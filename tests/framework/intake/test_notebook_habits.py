"""Habits of people who work in notebooks: each means in the modules what it means in Jupyter, or its cell is named."""

from __future__ import annotations

import builtins
import json
import sys

import pytest

from grader.intake.assemble import assemble
from grader.intake.notebook import read_notebook

STUB = '''"""Operations."""

import random


def double(x):
    """Twice x."""
    raise NotImplementedError("double: write your solution here")


def shift(x):
    """A bit more than x."""
    raise NotImplementedError("shift: write your solution here")
'''
SHIFT = "def shift(x):\n    return x + EPS"
DOUBLE = "def double(x):\n    return 2 * x"
EPS = "EPS = 0.5"
#: Cells of a right solution, and files beside them.
HABITS = {
    "%%timeit binds nothing": [EPS, "%%timeit\nEPS = 9", DOUBLE, SHIFT],
    "%%python is another process": [EPS, DOUBLE, "%%python\ndef double(x):\n    return 7", SHIFT],
    "%run of a module": [EPS, "%run other.py\ndef double(x):\n    return twice(x)", SHIFT],
    "%run -i without an ending": [EPS, "%run -i ./other", "def double(x):\n    return twice(x)", SHIFT],
    "%run of a file that is not here": [EPS, "%run setup_colab.py", DOUBLE, SHIFT],
    "output of the shell": ["files = !ls", "EPS = 0.5 if len(files) >= 0 else 3", DOUBLE, SHIFT],
    "get_ipython": ["IN = 'google.colab' in str(get_ipython())\nEPS = 3 if IN else 0.5", DOUBLE, SHIFT],
    "magics by get_ipython": [EPS, "def double(x):\n    get_ipython().run_line_magic('time', '')\n    return 2 * x", SHIFT],
    "display in a function": [EPS, "def double(x):\n    display(x, clear=True)\n    return 2 * x", SHIFT],
    "starred": [EPS, "double, *rest = [lambda x: 2 * x, 3, 4]", SHIFT],
    "starred, from the end": [EPS, "*rest, double = [3, 4, lambda x: 2 * x]", SHIFT],
    "a walrus in a comprehension": ["[EPS := v for v in (1, 2, 0.5)]", DOUBLE, SHIFT],
    "a name deleted again": [EPS, "sum = 5", "del sum", "def double(x):\n    return sum([x, x])", SHIFT],
    "an item deleted": ["CFG = {'e': 9, 'f': 0.5}", "del CFG['e']", "EPS = next(iter(CFG.values()))", DOUBLE, SHIFT],
    "a helper deleted": ["tmp = 0.5\nEPS = tmp\ndel tmp", DOUBLE, SHIFT],
    "behind a raise": [EPS, DOUBLE, "raise RuntimeError('stop')\ndef double(x):\n    return 3", SHIFT],
    "behind sys.exit": ["import sys", EPS, DOUBLE, "sys.exit()\nEPS = 3", SHIFT],
    "await in a cell": ["async def fetch(x):\n    return x", "é, EPS = 1, await fetch(await (fetch)(\n    0.5))", DOUBLE, SHIFT],
    "await of what is not needed": [EPS, "import asyncio\nawait asyncio.sleep(0)\n" + DOUBLE, SHIFT],
    "a seed": ["import random", "random.seed(1)", "EPS = 0.5 + random.random() - 0.13436424411240122", DOUBLE, SHIFT],
    "out=": ["import numpy as np\nW = np.zeros(1)", "np.add(W, 0.5, out=W)", "EPS = float(W[0])", DOUBLE, SHIFT],
    "globals().update": ["globals().update(EPS=0.5)", DOUBLE, SHIFT],
    "globals()[...]": ["globals()['EPS'] = 0.5", DOUBLE, SHIFT],
    "exec of a constant": ["exec('EPS = 0.5')", DOUBLE, SHIFT],
    "if it is not there yet": [EPS, "if 'double' not in globals():\n    def double(x):\n        return 2 * x", SHIFT],
    "unless it is there": [EPS, "try:\n    double\nexcept NameError:\n    def double(x):\n        return 2 * x", SHIFT],
    "an iterator that an earlier cell went on": ["it = iter([3, 0.5])", "print(next(it))", "EPS = next(it)", DOUBLE, SHIFT],
    "a file that an earlier cell saved": [
        "import numpy as np\nnp.savetxt('c.txt', [0.5])", "EPS = float(np.loadtxt('c.txt'))", DOUBLE, SHIFT,
    ],
    "a file in a folder that a cell made": [
        "import os\nos.makedirs('out', exist_ok=True)", "from pathlib import Path\nPath('out/e.txt').write_text('0.5')",
        "EPS = float(Path('out/e.txt').read_text())", DOUBLE, SHIFT,
    ],
    "registered by a base class": [
        EPS, "REG = {}\nclass Base:\n    def __init_subclass__(cls):\n        REG[cls.__name__] = cls",
        "class D(Base):\n    def __call__(self, x):\n        return 2 * x", "def double(x):\n    return REG['D']()(x)", SHIFT,
    ],
    "locals()[...]": [EPS, "locals()['double'] = lambda x: 2 * x", SHIFT],
    "if it is None": [EPS, "double = None\nif double is None:\n    def double(x):\n        return 2 * x", SHIFT],
    "a variable called like a module": [
        "class Ops:\n    e = 9\nops = Ops()", "ops.e = 0.5", "EPS = ops.e", DOUBLE, SHIFT,
    ],
}  # fmt: skip


def notebook(cells, **metadata):
    content = [{"cell_type": "code", "source": source, "metadata": {}, "outputs": []} for source in cells]
    return json.dumps({"cells": content, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}).encode()


def assembled(cells, **others):
    files = {name.replace("_py", ".py"): data for name, data in others.items()}
    return assemble({**files, "hw.ipynb": notebook(cells)}, {"ops.py": STUB}, prefer="hw.ipynb")


def run(made, tmp_path, monkeypatch):
    """The namespace of the module, imported beside the other files."""
    for name, data in made.files.items():
        (tmp_path / name).write_bytes(data)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "other", raising=False)
    space = {"__name__": "ops", "__builtins__": plain_builtins()}
    exec(compile(made.files["ops.py"], "ops.py", "exec", dont_inherit=True), space)
    return space


def plain_builtins():
    """Python's own: an IPython that another test started adds to them."""
    return {name: value for name, value in vars(builtins).items() if name not in ("display", "get_ipython")}


@pytest.mark.parametrize("habit", HABITS)
def test_a_habit_means_what_it_means_in_jupyter(tmp_path, monkeypatch, habit):
    """A right solution that has the habit in it is right."""
    made = assembled(HABITS[habit], other_py=b"def twice(x):\n    return x + x\n")
    space = run(made, tmp_path, monkeypatch)
    assert ([space["double"](x) for x in (0, 3)], space["shift"](3)) == ([0, 6], pytest.approx(3.5))


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["EPS = 0.5\nprint 'hello'", DOUBLE, SHIFT], "Cell 1 of `hw.ipynb`, which has `EPS`, cannot be read"),
        (["raise ValueError\nEPS = 0.5", DOUBLE, SHIFT], "Cell 1 of `hw.ipynb`, which has `EPS`, was not taken"),
        ([EPS, "raise ValueError\n" + DOUBLE, SHIFT], "Cell 2 of `hw.ipynb` defines `double`, but it ends before that"),
        ([EPS, "%%timeit\n" + DOUBLE, SHIFT], "Cell 2 of `hw.ipynb` defines `double`, but it begins with %%timeit"),
    ],
    ids=["broken helper", "helper behind a raise", "behind a raise", "%%timeit"],
)
def test_what_was_not_taken_is_named_with_its_cell(cells, words):
    """A cell of which nothing could be taken is named where something of it is missing now."""
    assert any(note.startswith(words) for note in assembled(cells).notes)


def test_a_setting_is_taken_only_where_its_package_is_used():
    """A module that has to do without a package is not made to import it for a seed."""
    made = assembled(["import torch", "torch.manual_seed(0)", EPS, DOUBLE, SHIFT])
    assert b"torch" not in made.files["ops.py"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"cells": [\n<<<<<<< HEAD\n1\n=======\n2\n>>>>>>> main\n]}', "has a merge conflict of Git in it (line 2)"),
        (notebook(["f <- function(x) x"], kernelspec={"name": "ir", "language": "R"}), "is in R, and Python is graded"),
        (b"", "is empty"),
        (bytes(900), "is filled with zeros"),
        (notebook(["x = 1"])[:-30], "is damaged: it is not JSON"),
    ],
    ids=["conflict", "R", "empty", "placeholder", "cut short"],
)
def test_a_notebook_that_is_none_says_why(data, words):
    """The cause is named, with what to do."""
    assert read_notebook("hw.ipynb", data, ("ops.py",)).problem.startswith(words)


def test_an_upload_without_anything_asked_for_is_not_run():
    """A report alone is no wrong answer: its problem says what was handed in, and what is asked for."""
    made = assemble({"report.pdf": b"%PDF", "main.py": b"x = 1\n"}, {"ops.py": STUB})
    assert made.problem == "It has none of the required files (ops.py) and no notebook, only main.py, report.pdf."
    assert assemble({"a/ops.py": b"x = 1\n", "b/ops.py": b"x = 2\n"}, {"ops.py": STUB}).problem is None
