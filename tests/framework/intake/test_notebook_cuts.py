"""A right solution, cut over cells, notebooks and files in every way that students cut it, means what it means in Jupyter."""

from __future__ import annotations

import json
import sys
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from grader.intake.assemble import assemble

OPS = '''"""Operations."""

import math

SCALE = 2


def double(x):
    """Twice x."""
    raise NotImplementedError("double: write your solution here")


def shift(x):
    """A bit more than x."""
    raise NotImplementedError("shift: write your solution here")


class Layer:
    """A layer."""

    def __init__(self, size):
        """Make it."""
        raise NotImplementedError("Layer.__init__: write your solution here")

    def forward(self, x):
        """Go."""
        raise NotImplementedError("Layer.forward: write your solution here")

    def backward(self, x):
        """Back."""
        raise NotImplementedError("Layer.backward: write your solution here")
'''
NET = '''"""A net."""

from ops import Layer, double


def train(x):
    """Train."""
    raise NotImplementedError("train: write your solution here")
'''
STUBS = {"ops.py": OPS, "net.py": NET}
NAMES = {"ops.py": ("double", "shift", "Layer"), "net.py": ("train",)}

#: Ways to write each part; every one of them is right. Several texts are several cells.
EPS = {
    "plain": ["EPS = 0.5"],
    "reassigned": ["EPS = 5.0\nEPS = EPS / 10"],
    "in two cells": ["EPS = 5.0", "EPS /= 10"],
    "looped": ["TABLE = {}\nfor i in range(3):\n    TABLE[i] = i / 2", "EPS = TABLE[1]"],
    "appended": ["SIZES = []", "SIZES.append(0.25)\nSIZES.append(0.25)", "EPS = sum(SIZES)"],
    "tried": ["try:\n    import no_such_module_at_all\n    EPS = 3.0\nexcept ImportError:\n    EPS = 0.5"],
    "global": ["def set_eps():\n    global EPS\n    EPS = 0.5", "set_eps()"],
    "unpacked": ["EPS, *REST = 0.5, 1, 2"],
    "with": ["import io\nwith io.StringIO('0.5') as file:\n    EPS = float(file.read())"],
    "annotated": ["EPS: float = 0.5"],
    "walrus": ["(EPS := 0.5)"],
    "while": ["EPS = 8.0\nwhile EPS > 0.5:\n    EPS = EPS / 2"],
    "first try": ["EPS = 9.0", "print(EPS)", "EPS = 0.5"],
}
DOUBLE = {
    "def": ["def double(x):\n    return 2 * x"],
    "lambda": ["double = lambda x: 2 * x"],
    "annotated lambda": ["from collections.abc import Callable\ndouble: Callable = lambda x: 2 * x"],
    "alias": ["def my_double(x):\n    return x + x", "double = my_double"],
    "in a block": ["IN_COLAB = False\nif not IN_COLAB:\n    def double(x):\n        return 2 * x"],
    "main": ["if __name__ == '__main__':\n    def double(x):\n        return 2 * x"],
    "cached": [
        "from functools import lru_cache\ndef double(x):\n    return 2 * x\ndouble = lru_cache(maxsize=None)(double)"
    ],
    "decorated": [
        "import functools\ndef logged(f):\n    @functools.wraps(f)\n    def inner(*args):\n        return f(*args)\n    return inner",
        "@logged\ndef double(x):\n    return 2 * x",
    ],
    "later wins": ["def double(x):\n    return None", "def double(x):\n    return 2 * x"],
    "broken first": ["def double(x:\n    return 2", "def double(x):\n    return 2 * x"],
    "recursive helper": [
        "def up(x, n):\n    return x if n == 0 else up(x + x, n - 1)",
        "def double(x):\n    return up(x, 1)",
    ],
    "partial": ["import functools\nimport operator\ndouble = functools.partial(operator.mul, 2)"],
    "factory": ["def times(n):\n    def inner(x):\n        return n * x\n    return inner", "double = times(2)"],
    "indented": ["    def double(x):\n        return 2 * x"],
    "patched module": ["def twice(x):\n    return 2 * x", "double = twice\ndel twice"],
    "helper later": ["def double(x):\n    return helper_of_double(x)", "def helper_of_double(x):\n    return x * 2"],
    "dispatched": [
        "from functools import singledispatch\n@singledispatch\ndef double(x):\n    return None",
        "@double.register(int)\n@double.register(float)\ndef _(x):\n    return 2 * x",
    ],
    "default": ["FACTOR = 2", "def double(x, by=FACTOR):\n    return by * x", "FACTOR = 7"],
    "timed": ["%%time\ndef double(x):\n    return 2 * x"],
    "captured": ["%%capture out\n%%time\ndef double(x):\n    return 2 * x"],
    "table": ["OPS_BY_NAME = {}", "OPS_BY_NAME['double'] = lambda x: 2 * x", "double = OPS_BY_NAME['double']"],
    "class call": ["class Doubler:\n    def __call__(self, x):\n        return 2 * x", "double = Doubler()"],
    "shadowed later": [
        "def double(x):\n    return 2 * x",
        "for i in range(2):\n    result = double(i)\n    print(result)",
    ],
}
SHIFT = {
    "def": ["def shift(x):\n    return x + EPS"],
    "own import": ["import math as m\ndef shift(x):\n    return x + m.sqrt(EPS * EPS)"],
    "star": ["from math import *\ndef shift(x):\n    return x + fabs(EPS)"],
    "given import": ["def shift(x):\n    return x + math.fabs(EPS)"],
    "generator": ["def shift(x):\n    return x + sum(e for e in [EPS])"],
}
HEAD = "class Layer:\n    def __init__(self, size):\n        self.size = size\n"
FORWARD = "    def forward(self, x):\n        return double(x) + self.size\n"
BACKWARD = "    def backward(self, x):\n        return x - EPS\n"
FREE = [text.replace("    def", "def").replace("\n    ", "\n") for text in (FORWARD, BACKWARD)]
LAYER = {
    "whole": [HEAD + FORWARD + BACKWARD],
    "grown": [HEAD, "class Layer(Layer):\n" + FORWARD, "class Layer(Layer):\n" + BACKWARD],
    "patched": [HEAD, *FREE, "Layer.forward = forward\nLayer.backward = backward"],
    "added": [
        "def add_to_class(Class):\n    def wrapper(obj):\n        setattr(Class, obj.__name__, obj)\n    return wrapper",
        HEAD,
        *(f"@add_to_class(Layer)\n{text}" for text in FREE),
    ],
    "set": [HEAD, *FREE, "setattr(Layer, 'forward', forward)", "setattr(Layer, 'backward', backward)"],
    "helped": [HEAD, *FREE, "def equip(cls):\n    cls.forward = forward\n    cls.backward = backward", "equip(Layer)"],
    "based": [
        "class Base:\n    def forward(self, x):\n        return double(x) + self.size",
        HEAD.replace("Layer", "Layer(Base)") + BACKWARD,
    ],
    "mixed in": [HEAD + FORWARD, "class Mixin:\n" + BACKWARD, "class Layer(Mixin, Layer):\n    pass"],
    "dataclass": ["from dataclasses import dataclass\n@dataclass\nclass Layer:\n    size: int\n" + FORWARD + BACKWARD],
    "made": [
        *FREE,
        "def init(self, size):\n    self.size = size",
        "Layer = type('Layer', (), dict(__init__=init, forward=forward, backward=backward))",
    ],
}
TRAIN = {
    "def": ["def train(x):\n    return Layer(3).forward(shift(x))"],
    "class": [
        "class Trainer:\n    def __call__(self, x):\n        return Layer(3).forward(shift(x))",
        "trainer = Trainer()\ndef train(x):\n    return trainer(x)",
    ],
}
NOISE = [
    "print('hello')",
    "%matplotlib inline",
    "!pip install torch",
    "x = 3\nprint(x)",
    "assert True",
    "import os\nos.path?",
    "",
    "# a comment",
]


class Shell:
    """IPython itself, as a kernel runs cells, without a terminal or a history."""

    def __init__(self):
        config = Config()
        config.HistoryManager.enabled = False
        self.shell = InteractiveShell(config=config)
        self.shell.run_line_magic = lambda *args, **kwargs: None
        self.shell.system = self.shell.system_raw = lambda command: None
        self.shell.enable_matplotlib = lambda *args: None

    def run(self, cells):
        """The namespace after ``cells``; a cell that fails stops no other."""
        self.shell.reset(new_session=False)
        self.shell.user_ns.update({"__name__": "__main__"})
        for cell in cells:
            self.shell.run_cell(
                cell.replace("%%time\n", "").replace("%%capture out\n", ""), store_history=False, silent=True
            )
        return dict(self.shell.user_ns)


@pytest.fixture(scope="module")
def shell():
    """One IPython for all examples; it is emptied before each."""
    before = (sys.displayhook, sys.excepthook)
    yield Shell()
    sys.displayhook, sys.excepthook = before


def notebook(cells):
    content = [{"cell_type": "code", "source": source, "metadata": {}, "outputs": []} for source in cells]
    return json.dumps({"cells": content, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def modules_of(files):
    """The modules of ``files``, imported as a worker imports them."""
    made = {}
    try:
        for file in STUBS:
            stem = file.removesuffix(".py")
            module = types.ModuleType(stem)
            sys.modules[stem] = made[file] = module
            exec(compile(files[file], file, "exec"), module.__dict__)
    finally:
        for file in STUBS:
            sys.modules.pop(file.removesuffix(".py"), None)
    return made


def behaviour(spaces):
    """What the functions asked for give, each by its name."""
    double, shift, layer, train = (spaces[name] for name in ("double", "shift", "Layer", "train"))
    return {
        "double": [double(x) for x in (0, 3, 1.5)],
        "shift": [shift(x) for x in (0, 3)],
        "Layer": [(layer(2).forward(x), layer(4).backward(x)) for x in (1, 5)],
        "train": [train(x) for x in (1, 2)],
    }


@st.composite
def cuts(draw):
    """Cells of a right solution, in an order that runs, with experiments between them; and what is beside them."""
    parts = [draw(st.sampled_from(sorted(ways))) for ways in (EPS, DOUBLE, SHIFT, LAYER, TRAIN)]
    texts = [ways[name] for ways, name in zip((EPS, DOUBLE, SHIFT, LAYER, TRAIN), parts, strict=True)]
    cells = ["import math\nSCALE = 2", *(cell for cells in texts for cell in cells)]
    if draw(st.booleans()):  # several cells become one
        at = draw(st.integers(0, len(cells) - 2))
        if not any(cell.startswith(("%%", "    ")) or "x:\n" in cell for cell in cells[at : at + 2]):
            cells[at : at + 2] = ["\n".join(cells[at : at + 2])]
    if draw(st.booleans()):
        cells.insert(0, "from __future__ import annotations")
    for noise in draw(st.lists(st.sampled_from(NOISE), max_size=3)):
        cells.insert(draw(st.integers(0, len(cells))), noise)
    return cells, draw(st.sampled_from(["alone", "beside the stubs", "copied", "empty original"]))


@pytest.mark.slow
@settings(max_examples=60)
@given(cut=cuts())
def test_a_right_solution_cut_in_any_way_is_what_jupyter_makes_of_it(shell, cut):
    """Each asked function of the modules does what it does after the notebook's own run."""
    cells, beside = cut
    files = {"hw.ipynb": notebook(cells)}
    if beside == "beside the stubs":
        files |= {file: text.encode() for file, text in STUBS.items()}
    elif beside == "copied":
        files = {"hw-Copy1.ipynb": notebook(cells), "hw.ipynb": notebook(["import ops"])}
    elif beside == "empty original":
        files["hw.ipynb"], files["other work.ipynb"] = notebook([OPS.replace('"""Operations."""', "")]), notebook(cells)
    expected = behaviour(shell.run(cells))
    assembled = assemble(files, STUBS, prefer="hw.ipynb")
    assert assembled.problem is None
    made = modules_of(assembled.files)
    spaces = {name: getattr(made[file], name) for file, names in NAMES.items() for name in names}
    assert behaviour(spaces) == expected, assembled.files["ops.py"].decode()


@pytest.mark.parametrize(
    "way", ["two notebooks", "file and notebook", "written files", "written and cells", "utf-16", "mark"]
)
def test_over_several_files(way):
    """Work that goes on from one notebook to the next, or from a file to a notebook, is one solution."""
    ops = ["import math", *EPS["plain"], *DOUBLE["alias"], *SHIFT["def"], *LAYER["grown"]]
    solved = "\n\n".join(["import math", *EPS["plain"], *DOUBLE["def"], *SHIFT["def"], *LAYER["whole"]])
    files = {
        "two notebooks": {"part 1.ipynb": notebook(ops), "part 2.ipynb": notebook(["from ops import *", *TRAIN["def"]])},
        "file and notebook": {"ops.py": solved.encode(), "hw.ipynb": notebook(["from ops import *", *TRAIN["def"]])},
        "written files": {"hw.ipynb": notebook([f"%%writefile /content/drive/My Drive/hw/ops.py\n{solved}", "%%writefile './net.py'\nfrom ops import *\n" + TRAIN["def"][0]])},
        "written and cells": {"hw.ipynb": notebook([f"%%writefile ops.py\n{solved}", "from ops import *", *TRAIN["class"]])},
        "utf-16": {"hw.ipynb": notebook([*ops, *TRAIN["def"]]).decode().encode("utf-16")},
        "mark": {"hw.ipynb.txt": b"\xef\xbb\xbf" + notebook([*ops, *TRAIN["def"]]).replace(b"\\n", b"\\r\\n")},
    }[way]  # fmt: skip
    made = modules_of(assemble(files, STUBS, prefer="hw.ipynb").files)
    spaces = {name: getattr(made[file], name) for file, names in NAMES.items() for name in names}
    assert behaviour(spaces)["train"] == [6.0, 8.0]
