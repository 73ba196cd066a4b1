"""Modules made of a notebook's cells: which cell is for which file, what counts where, and what never runs."""

from __future__ import annotations

import json
import sys
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.intake.assemble import assemble
from grader.intake.ipython_syntax import neutralise
from grader.intake.notebook import read_notebook
from grader.python_source import parse

OPS = '''"""Operations."""

import numpy as np

SCALE = 2


def double(x):
    """Twice x."""
    raise NotImplementedError("double: write your solution here")


class Layer:
    """A layer."""

    def forward(self, x):
        """Go."""
        raise NotImplementedError("Layer.forward: write your solution here")
'''
NET = '''"""A net."""

from ops import double


def train(x):
    """Train."""
    raise NotImplementedError("train: write your solution here")
'''
STUBS = {"ops.py": OPS, "net.py": NET}
SOLVED = "def double(x):\n    return 2 * x\n"


def code(*sources, **metadata):
    return [{"cell_type": "code", "source": source, "metadata": metadata, "outputs": []} for source in sources]


def notebook(cells):
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def made(cells, **files):
    """What comes out, and each module's namespace where it can be run without the others."""
    handed_in = {name.replace("_", "."): text.encode() for name, text in files.items()}
    return assemble({**handed_in, "hw.ipynb": notebook(cells)}, STUBS, prefer="hw.ipynb")


def run(assembled, file="ops.py"):
    space: dict = {}
    exec(assembled.files[file].decode(), space)  # the test's own text
    return space


@pytest.mark.parametrize(
    "cells",
    [
        code(SOLVED, autograde={"file": "ops.py"}),
        code(f"%%part ops.py\n{SOLVED}"),
        code(f"%%writefile ops.py\n{SOLVED}"),
        code("%%writefile ops.py\n", f"%%writefile -a ops.py\n{SOLVED}"),
        code(f"# file: ops.py\n{SOLVED}"),
        code(SOLVED),
        code(f"%%time\n{SOLVED}"),
        code("!pip install torch\n" + SOLVED + "%matplotlib inline\ndouble?\nfiles = !ls\n"),
        code("def double(x):\n    return None\n", SOLVED),
    ],
    ids=["metadata", "part", "writefile", "append", "comment", "plain", "time", "shell", "later-cell-wins"],
)
@pytest.mark.parametrize("beside", [{}, {"ops_py": OPS}], ids=["alone", "beside-the-stub"])
def test_ways_to_write_a_function(cells, beside):
    """Whatever way the cell says where it belongs, the function gets into its module, be the stub handed in or not."""
    assert run(made(cells, **beside))["double"](4) == 8


def test_a_file_written_by_a_cell_that_is_no_python_costs_that_file_alone():
    """It is graded as it is, so that its student reads of the syntax error; other modules lose nothing."""
    cells = code("%%writefile ops.py\ndef double(x:\n    return 2", "def train(x):\n    return 5\n")
    assembled = made(cells)
    assert assembled.problem is None
    assert assembled.files["ops.py"] == b"def double(x:\n    return 2"
    assert "return 5" in assembled.files["net.py"].decode()
    assert any("`ops.py` was taken" in note and "not Python (line 1" in note for note in assembled.notes)


def test_a_plain_cell_brings_what_it_uses():
    """Helpers, imports and constants of other cells come along; experiments stay, and cost nothing."""
    cells = code(
        "import math as m\nFACTOR = 2\nimport tkinter_does_not_exist",
        "def helper(x):\n    return FACTOR * m.floor(x)",
        "def double(x):\n    return helper(x)",
        "raise SystemExit\nprint(double(1))\nwhile True: pass",
    )
    space = run(made(cells))
    assert space["double"](3.5) == 6
    assert "tkinter_does_not_exist" not in space


def test_names_of_another_module_are_imported():
    """In a notebook there is one namespace; between modules it takes an import."""
    assembled = made(code("def train(x):\n    return Layer().forward(double(x))\n"))
    text = assembled.files["net.py"].decode()
    assert "from ops import Layer" in text
    assert text.count("from ops import double") == 1, "the stub has that import already"


def test_the_file_comes_before_the_notebook_name_by_name():
    """What the file has written counts; what it has as the stub has it comes from the notebook; the student is told."""
    mine = OPS.replace('raise NotImplementedError("double: write your solution here")', "return x + x")
    cells = code("def double(x):\n    return 0\n\n\nclass Layer:\n    def forward(self, x):\n        return 7\n")
    assembled = made(cells, ops_py=mine)
    space = run(assembled)
    assert space["double"](4) == 8
    assert space["Layer"]().forward(0) == 7
    assert any("`double` is defined in `ops.py` and in cell 1" in note for note in assembled.notes)
    assert any("`Layer` (cell 1)" in note for note in assembled.notes)


def test_a_stub_in_the_notebook_replaces_nothing():
    """Nbgrader's placeholder is worded otherwise than the stub's, and is a stub all the same."""
    stub = 'def double(x):\n    """Twice x."""\n    # YOUR CODE HERE\n    raise NotImplementedError()\n'
    mine = OPS.replace('raise NotImplementedError("double: write your solution here")', "return x + x")
    assembled = made(code(f"%%part ops.py\n{stub}"), ops_py=mine)
    assert assembled.files["ops.py"].decode() == mine
    assert assembled.notes == ()


def test_an_untouched_notebook_changes_nothing():
    """Files are graded as they were handed in, byte for byte."""
    files = {"ops.py": b"x = 1\r\n", "hw.ipynb": notebook(code("print(1)"))}
    assembled = assemble(files, STUBS).files
    assert {name: assembled[name] for name in files} == files
    assert {name: assembled[name].decode() for name in set(assembled) - set(files)} == {
        name: text for name, text in STUBS.items() if name not in files
    }, "what is not there is there as its stub"


def test_a_cell_with_a_syntax_error_is_named_and_costs_its_own_functions_only():
    """The function raises with the cell's number; the others are graded."""
    assembled = made(code("def double(x:\n    return 2", "class Layer:\n    def forward(self, x):\n        return 7\n"))
    space = run(assembled)
    with pytest.raises(SyntaxError, match=r"Cell 1 of `hw.ipynb` cannot be read: .*line 1 of the cell"):
        space["double"](1)
    assert space["Layer"]().forward(0) == 7
    assert assembled.notes[0].startswith("Cell 1 of `hw.ipynb` cannot be read")
    assert assembled.problem is None


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"{", "not JSON"),
        (b"[]", "format 4"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"cells": {}}', "format 4"),
    ],
)
def test_a_broken_notebook_alone_is_a_problem_and_beside_files_a_note(data, what):
    """Without a file there is nothing to grade; with one, that is graded and the student hears of the notebook."""
    alone = assemble({"hw.ipynb": data}, STUBS)
    assert what in alone.problem
    both = assemble({"hw.ipynb": data, "ops.py": OPS.encode()}, STUBS)
    assert both.problem is None
    assert what in both.notes[0]
    assert both.files["ops.py"].decode() == OPS


@pytest.mark.parametrize(
    "cells",
    [
        code("import ops\ndef twice(x):\n    return 2 * x", "ops.double = twice"),
        code("import ops\nsetattr(ops, 'double', lambda x: 2 * x)"),
        code("globals()['double'] = lambda x: 2 * x"),
        code(f"%%wandb\n{SOLVED}"),
        code(f'%%writefile "/content/drive/MyDrive/hw/ops.py"\nfrom __future__ import annotations\n{SOLVED}'),
        code(f"# file: ops.py\nfrom __future__ import annotations\n{SOLVED}"),
        code("%%writefile utils.py\ndef twice(x):\n    return 2 * x", "from utils import twice\ndouble = twice"),
        code("%time double = lambda x: 2 * x"),
        code(">>> def double(x):\n...     return 2 * x"),
    ],
    ids=["module", "setattr", "globals", "wandb", "drive", "future", "helper-file", "line-magic", "prompts"],
)
def test_unusual_ways_to_write_a_function(cells, monkeypatch):
    """What defines a function in Jupyter defines it in the module."""
    assembled = made(cells)
    if "utils.py" in assembled.files:
        module = types.ModuleType("utils")
        exec(assembled.files["utils.py"].decode(), module.__dict__)
        monkeypatch.setitem(sys.modules, "utils", module)
    monkeypatch.setitem(sys.modules, "ops", types.ModuleType("ops"))
    assert run(assembled)["double"](4) == 8


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([{"cell_type": "markdown", "source": SOLVED, "metadata": {}}], "it is a Markdown cell"),
        ([{"cell_type": "raw", "source": SOLVED, "metadata": {}}], "it is a raw cell"),
        (code(f"%%bash\n{SOLVED}"), "it begins with %%bash"),
        (code(f"exec({SOLVED!r})"), "in a form that could not be taken"),
        (
            code("def make():\n    def double(x):\n        return 2\n    return double"),
            "in a form that could not be taken",
        ),
    ],
    ids=["markdown", "raw", "bash", "exec", "nested"],
)
def test_what_was_not_taken_is_named(cells, words):
    """The message says which cell and why; "not written yet" is said only of what is not written."""
    cells = [*code("x = 1"), *cells]
    assembled = made(cells)
    assert any("Cell 2 of `hw.ipynb`" in note and words in note and "`double`" in note for note in assembled.notes)
    with pytest.raises(RuntimeError, match="Cell 2"):
        run(assembled)["double"](1)


@pytest.mark.parametrize("source", ["print('double')", "y = double(3)", "# double it", "if 1:\n    double(3)"])
def test_what_is_only_used_is_not_said_to_be_written(source):
    """A cell that uses or mentions a function does not define it, and nor does a text."""
    text = {"cell_type": "markdown", "source": "Write `double`:\n\ndef double(x): twice x"}
    assembled = made([*code(source), text])
    assert assembled.notes == ()


def test_a_star_import_serves_the_notebooks_after_it():
    """What an earlier notebook imports by a star, a later one may use, as the student's session did."""
    files = {
        "helpers.py": b"def twice(x):\n    return 2 * x\n",
        "part 1.ipynb": notebook(code("from helpers import *")),
        "part 2.ipynb": notebook(code("double = twice")),
    }
    text = assemble(files, STUBS).files["ops.py"].decode()
    assert text.index("from helpers import *") < text.index("double = twice")


def test_two_notebooks_with_the_same_function_are_both_named():
    """The released name wins, and the student reads of the other."""
    other = notebook(code("def double(x):\n    return 3 * x"))
    assembled = assemble({"hw.ipynb": notebook(code(SOLVED)), "hw-Copy1.ipynb": other}, STUBS, prefer="hw.ipynb")
    assert run(assembled)["double"](4) == 8
    assert any("cell 1 of `hw.ipynb` and in cell 1 of `hw-Copy1.ipynb`" in note for note in assembled.notes)


@pytest.mark.slow
@pytest.mark.parametrize(
    "cells",
    [
        ["L = []", *["L.append(1)"] * 2000, "def double(x):\n    return L"],
        ["; ".join(f"a{i} = a{i - 1}" for i in range(1, 2000)), "def double(x):\n    return a1999"],
        [
            "\n".join("    " * depth + f"for a{depth} in b:" for depth in range(90))
            + "\n"
            + "    " * 90
            + "double[0] = 1"
        ],
        ["x = " + "+".join(["1"] * 5000) + "\ndef double(y):\n    return x"],
        ["%%time\n" * 5000],
        ["double = g(double)"] * 2000,
        ["def double(x):\n" + "".join(f"    def f{i}(): return g\n" for i in range(4000))],
    ],
    ids=["appends", "one-line", "loops-in-loops", "long-sum", "magics", "self", "functions"],
)
def test_a_hostile_notebook_ends(cells):
    """What grows with the square of a notebook, or faster, would not come back here; nothing of it raises."""
    assert made(code(*cells)).problem is None


def test_magics_inside_strings_stay():
    """A line in a text is no magic, even where another line is one."""
    source = 'text = """\n%matplotlib\n!ls\n"""\n!rm -rf /\nx = (1\n%\n2)\nfiles = !ls\na, b = %magic\n'
    tree = parse(neutralise(source))
    space: dict = {}
    exec(compile(tree, "cell", "exec"), space)
    assert space["text"] == "\n%matplotlib\n!ls\n"
    assert space["x"] == 1
    assert space["files"] == []
    assert (space["a"], space["b"]) == (None, None)


@given(st.text(alphabet="abc \n\"'\\#()[]%!?=def:", max_size=80))
def test_neutralising_never_raises_and_keeps_the_lines(source):
    """Any text has as many lines afterwards as before; what was Python already is left alone by the reader."""
    assert neutralise(source).count("\n") == source.count("\n")
    read_notebook("hw.ipynb", notebook(code(source)), ("ops.py",))


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(st.sampled_from(["cells", "source", "metadata", "cell_type", "autograde", "file"]), x)
        ),
        max_leaves=20,
    )
)
def test_any_json_is_read(value):
    """Nothing that JSON can say makes the reader raise."""
    read_notebook("hw.ipynb", json.dumps(value).encode(), ("ops.py",))
    read_notebook("hw.ipynb", json.dumps({"cells": [value, {"cell_type": "code", "source": value}]}).encode(), ())
