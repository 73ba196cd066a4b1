"""A right solution, cut over cells, notebooks and files in every way that students cut it, means what it means in Jupyter."""

from __future__ import annotations

import itertools
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
    "by another name": ["CFG = {'e': 9}", "cfg = CFG\ncfg['e'] = 0.5", "EPS = CFG['e']"],
    "in a list": ["CFG = {'e': 9}", "every = [CFG]\nevery[0]['e'] = 0.5", "EPS = CFG['e']"],
    "through a view": ["import numpy as np\nW = np.zeros((3, 1))", "view = W.T\nview += 0.5", "EPS = float(W[1, 0])"],
    "set up": ["CFG = {'e': 9}", "def set_up():\n    CFG['e'] = 0.5", "set_up()", "EPS = CFG['e']"],
    "set up by two": [
        "CFG = {'e': 9}",
        "def write(table, value):\n    rows = table\n    rows['e'] = value\ndef set_up():\n    write(CFG, 0.5)",
        "set_up()",
        "EPS = CFG['e']",
    ],
    "an object's own": [
        "class Settings:\n    e = 9\n    def load(self):\n        self.e = 0.5",
        "settings = Settings()",
        "settings.load()",
        "EPS = settings.e",
    ],
    "with as": [
        "import contextlib\nCFG = {'e': 9}",
        "with contextlib.nullcontext(CFG) as c:\n    c['e'] = 0.5",
        "EPS = CFG['e']",
    ],
    "for in a list": ["CFG = {'e': 9}", "for c in [CFG]:\n    c |= {'e': 0.5}", "EPS = CFG['e']"],
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
    "registered": [
        "REGISTRY = {}\ndef register(f):\n    REGISTRY[f.__name__] = f\n    return f",
        "@register\ndef twice(x):\n    return 2 * x",
        "double = REGISTRY['twice']",
    ],
    "registered by name": [
        "REGISTRY = {}\ndef register(name):\n    def inner(f):\n        REGISTRY[name] = f\n        return f\n    return inner",
        "@register('two')\ndef twice(x):\n    return 2 * x",
        "def double(x):\n    return REGISTRY['two'](x)",
    ],
    "walrus": ["(double := lambda x: 2 * x)"],
    "looked up": ["def twice(x):\n    return 2 * x", "double = globals()['twice']"],
    "wrapper class": [
        "class Memo:\n    def __init__(self, f):\n        self.f = f\n    def __call__(self, x):\n        return self.f(x)",
        "@Memo\ndef double(x):\n    return 2 * x",
    ],
    "the old one kept": ["def double(x):\n    return x", "half = double", "def double(x):\n    return half(x) + x"],
    "imported by another name": ["from helpers import twice as two_of", "def double(x):\n    return two_of(x)"],
    "module by another name": ["import helpers as H", "double = H.twice"],
    "star of a helper": ["from helpers import *", "double = twice"],
    "prompts": [">>> def double(x):\n...     return 2 * x"],
    "tabs and CRLF": ["def double(x):\r\n\treturn 2 * x\r\n"],
    "in a loop": ["while True:\n    def double(x):\n        return 2 * x\n    break"],
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
PATCH = """def patch(f):
    cls = f.__annotations__["self"]
    setattr(globals()[cls] if isinstance(cls, str) else cls, f.__name__, f)
    return f
"""
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
    "called": [
        HEAD + "    def __call__(self, x):\n        return double(x) + self.size\n" + BACKWARD,
        "Layer.forward = Layer.__call__",
    ],
    "by annotation": [
        PATCH,
        HEAD,
        *(f"@patch\n{text}".replace("(self", "(self: Layer") for text in FREE),
    ],
    "set in a loop": [HEAD, *FREE, "for name in ('forward', 'backward'):\n    setattr(Layer, name, globals()[name])"],
    "set in a loop of functions": [HEAD, *FREE, "for f in (forward, backward):\n    setattr(Layer, f.__name__, f)"],
    "by another name": [HEAD, *FREE, "cls = Layer\ncls.forward, cls.backward = forward, backward"],
    "property": [
        HEAD.replace("self.size", "self._size") + FORWARD + BACKWARD,
        "Layer.size = property(lambda self: self._size)",
    ],
    "wrapped": [
        HEAD + FORWARD + BACKWARD,
        "_before = Layer.forward\ndef forward(self, x):\n    return _before(self, x) + 0\nLayer.forward = forward",
    ],
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
HELPERS = "def twice(x):\n    return x + x\n"
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
        self.shell.compile.reset_compiler_flags()  # else a `from __future__` outlives its example
        self.shell.user_ns.update({"__name__": "__main__"})
        for cell in cells:
            if cell.startswith("%%writefile"):
                continue
            self.shell.run_cell(
                cell.replace("%%time\n", "").replace("%%capture out\n", ""), store_history=False, silent=True
            )
        return dict(self.shell.user_ns)


@pytest.fixture(scope="module")
def shell():
    """One IPython for all examples; it is emptied before each."""
    before = (sys.displayhook, sys.excepthook)
    helpers = types.ModuleType("helpers")
    exec(HELPERS, helpers.__dict__)
    sys.modules["helpers"] = helpers
    yield Shell()
    del sys.modules["helpers"]
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
            exec(compile(files[file], file, "exec", dont_inherit=True), module.__dict__)
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
    ends = sorted(draw(st.lists(st.integers(1, len(cells)), max_size=2, unique=True)))
    books = [cells[first:last] for first, last in itertools.pairwise([0, *ends, len(cells)]) if first < last]
    return books, draw(st.sampled_from(["alone", "beside the stubs", "copied", "empty original"]))


@pytest.mark.slow
@settings(max_examples=80)
@given(cut=cuts(), helper_file=st.sampled_from(["file", "cell", "cell in a folder"]))
def test_a_right_solution_cut_in_any_way_is_what_jupyter_makes_of_it(shell, cut, helper_file):
    """Each asked function of the modules does what it does after the notebooks' own run, one after the other."""
    books, beside = cut
    files = {
        "hw.ipynb" if len(books) == 1 else f"part {number}.ipynb": notebook(cells) for number, cells in enumerate(books)
    }
    if helper_file == "file":
        files["helpers.py"] = HELPERS.encode()
    else:
        where = "helpers.py" if helper_file == "cell" else "/content/drive/MyDrive/hw/helpers.py"
        first = next(iter(files))
        files[first] = notebook([f"%%writefile {where}\n{HELPERS}", *books[0]])
    if beside == "beside the stubs":
        files |= {file: text.encode() for file, text in STUBS.items()}
    elif beside == "copied" and len(books) == 1:
        files["hw-Copy1.ipynb"], files["hw.ipynb"] = files["hw.ipynb"], notebook(["import ops"])
    elif beside == "empty original":
        original = notebook([OPS.replace('"""Operations."""', "")])
        files = {("work.ipynb" if name == "hw.ipynb" else name): data for name, data in files.items()} | {
            "hw.ipynb": original
        }
    expected = behaviour(shell.run([cell for cells in books for cell in cells]))
    assembled = assemble(files, STUBS, prefer="hw.ipynb")
    assert assembled.problem is None
    spaces = spaces_of(assembled.files)
    found = behaviour(spaces)
    # Two notebooks with two versions of what is asked for: one of them counts, and both cells are named.
    doubtful = {name for name in found if any(f"`{name}` is defined in" in note for note in assembled.notes)}
    agreed = {name: value for name, value in expected.items() if name not in doubtful or len(books) == 1}
    assert {name: found[name] for name in agreed} == agreed, assembled.files["ops.py"].decode()


def spaces_of(files):
    """What the modules of ``files`` define of what is asked for, by name."""
    made = modules_of(files)
    return {name: getattr(made[file], name) for file, names in NAMES.items() for name in names}


#: Helpers that two notebooks have under one name, and what of them the functions asked for use.
OWN = {
    "function": ("def helper(x):\n    return {value}", "helper(x)"),
    "constant": ("K = {value}", "K"),
    "class": ("class Helper:\n    value = {value}", "Helper.value"),
    "used by a helper": ("K = {value}\ndef helper():\n    return K", "helper()"),
    "changed in place": ("K = {{}}\nK['x'] = {value}", "K['x']"),
    "f-string": ("K = {value}", "float(f'{{K:.2f}}')"),
    "default": ("K = {value}", "(lambda k=K: k)()"),
    "import": ("from fractions import Fraction as F\nfrom {module} import F", "F({value})"),
    "a local of its name": ("K = {value}", "[K for K in [K]][0]"),
}


@pytest.mark.parametrize("way", OWN)
@pytest.mark.parametrize("order", ["ops first", "ops last"])
def test_two_notebooks_keep_their_own_helpers(way, order):
    """Two notebooks with different helpers of one name are two namespaces, as they are two kernels."""
    helper, use = OWN[way]

    def cells(value, module, *definitions):
        given = helper.replace("from {module} import F", f"from {module}").format(value=value, module=module)
        shown = use.format(value=value)
        return notebook([given, *(text.replace("USE", shown) for text in definitions)])

    one = cells(2, "math import fabs as F", "def double(x):\n    return x * USE")
    two = cells(
        0.5,
        "builtins import float as F",
        "def shift(x):\n    return x + USE",
        "EPS = 0.5",
        *LAYER["whole"],
        *TRAIN["def"],
    )
    if way == "function":
        one = cells("2 * x", "", "def double(x):\n    return USE")
        two = cells("x + 0.5", "", "def shift(x):\n    return USE", "EPS = 0.5", *LAYER["whole"], *TRAIN["def"])
    names = ("a.ipynb", "b.ipynb") if order == "ops first" else ("b.ipynb", "a.ipynb")
    assembled = assemble(dict(zip(names, (one, two), strict=True)), STUBS)
    behaves = behaviour(spaces_of(assembled.files))
    assert (behaves["double"], behaves["shift"], behaves["train"]) == ([0, 6, 3.0], [0.5, 3.5], [6.0, 8.0])


def test_a_helper_of_the_file_and_one_of_the_notebook():
    """Where a file and a notebook have different helpers of one name, each uses its own, and both are named."""
    file = OPS.replace('raise NotImplementedError("double: write your solution here")', "return helper(x)")
    files = {
        "ops.py": f"{file}\n\ndef helper(x):\n    return 2 * x\n".encode(),
        "hw.ipynb": notebook(["def helper(x):\n    return x + 0.5", "def shift(x):\n    return helper(x)"]),
    }
    assembled = assemble(files, STUBS, prefer="hw.ipynb")
    ops = modules_of(assembled.files)["ops.py"]
    assert (ops.double(3), ops.shift(3)) == (6, 3.5)
    assert any("`helper` differs from file to file" in note for note in assembled.notes)


@pytest.mark.parametrize(
    "cells",
    [
        ["exec('def double(x):\\n    return 2 * x')"],
        ["def make():\n    global double\n    def double(x):\n        return 2 * x\nmake()"],
        ["def double(x):\n\u00a0\u00a0\u00a0\u00a0return 2 * x"],
        ["def double(x):\n    print(\u201chello\u201d)\n    return 2 * x"],
    ],
    ids=["exec", "global", "no-break spaces", "typographic quotes"],
)
def test_what_cannot_be_taken_is_named_with_its_cell(cells):
    """A function in a form that no module can have says which cell it is in, and costs nothing else."""
    assembled = assemble({"hw.ipynb": notebook(["EPS = 0.5", *cells, *SHIFT["def"]])}, STUBS, prefer="hw.ipynb")
    assert any("ell 2 of `hw.ipynb`" in note for note in assembled.notes), assembled.notes
    ops = modules_of(assembled.files)["ops.py"]
    assert ops.shift(3) == 3.5
    with pytest.raises((RuntimeError, SyntaxError), match=r"ell 2 of `hw\.ipynb`"):
        ops.double(3)


def test_an_experiment_is_no_set_up():
    """Calls of what is asked for leave a cache or a counter behind, and are not taken: they may train for an hour."""
    cells = [
        "CACHE = {}",
        "def double(x):\n    CACHE[x] = 2 * x\n    return CACHE[x]",
        "data = open('none.csv').read()",
    ]
    assembled = assemble({"hw.ipynb": notebook([*cells, "double(len(data))"])}, STUBS, prefer="hw.ipynb")
    text = assembled.files["ops.py"].decode()
    assert "CACHE = {}" in text
    assert "none.csv" not in text


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
    spaces = spaces_of(assemble(files, STUBS, prefer="hw.ipynb").files)
    assert behaviour(spaces)["train"] == [6.0, 8.0]
