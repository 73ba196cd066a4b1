"""Static rules: what reading the source finds, under whatever name it goes."""

from __future__ import annotations

import pytest

from grader.course.models import ForbidRule
from grader.engine.rules import Breach, check_rules, find_breach

NO_TORCH = ForbidRule(modules=("torch",))
NO_LSTM = ForbidRule(names=("nn.LSTM", "sum"))


@pytest.mark.parametrize(
    "source",
    [
        "import torch",
        "import numpy, torch",
        "import torch.nn.functional as F",
        "from torch import nn",
        "from torch.nn import functional",
        "def f():\n    import torch",
        "if False:\n    import torch",
        "try:\n    import torch\nexcept ImportError:\n    pass",
        "class A:\n    from torch import ones",
        "import importlib",
        "import importlib.util",
        "from importlib import import_module",
        "import builtins",
        "from builtins import range, __import__",
        "from builtins import *",
        "from builtins import range as r, eval as e\ne('torch')",
        "from builtins import range\nrange.__self__.__subclasses__",
        "import pkgutil",
        "import runpy",
        "__import__('torch')",
        "f = __import__",
        "__builtins__['__import__']('torch')",
        "exec('import torch')",
        "eval('torch')",
        "import sys\nsys.modules['torch']",
        "import sys as s\ns.modules['torch']",
        "from sys import modules",
        "from sys import modules as m\nm['torch']",
        "import os\nos.sys.modules['torch']",
    ],
)
def test_ways_to_a_forbidden_module_are_found(source):
    """An import in any form and place, and what could stand for one."""
    assert find_breach(source, "a.py", NO_TORCH) is not None


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np",
        "from builtins import range, object",
        "from builtins import range, object\nclass A(object):\n    x = list(range(3))",
        "from builtins import (ascii, bytes, chr, dict, filter, hex, input,\n    int, map, next, oct, open, pow, range, round, str, super, zip)\nrange(3)",
        "from builtins import range as r\nr(3)",
        "import torchless",
        "from . import torch",
        "torch = 3",
        "x = 'import torch'",
        "# import torch",
        "import sys\nsys.path",
        "model.eval()",
        "def f(:",
        "\0",
        "(" * 500,
    ],
)
def test_what_breaks_no_rule_is_let_be(source):
    """Names that look alike, comments, strings; and files that do not parse, which the import will tell of."""
    assert find_breach(source, "a.py", NO_TORCH) is None


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import torch.nn as nn\nnn.LSTM(2, 3)", "torch.nn.LSTM"),
        ("from torch import nn\nx = nn.LSTM", "torch.nn.LSTM"),
        ("from torch import nn as n\nclass A(n.LSTM): pass", "torch.nn.LSTM"),
        ("import torch\ntorch.nn.LSTM", "torch.nn.LSTM"),
        ("from torch.nn import LSTM as L", "torch.nn.LSTM"),
        ("sum(x)", "sum"),
        ("x.sum()", "x.sum"),
    ],
)
def test_forbidden_names_are_found_by_what_they_are(source, told):
    """A name is forbidden however it was imported."""
    breach = find_breach(source, "a.py", NO_LSTM)
    assert breach is not None
    assert f"`{told}`" in breach.what


def test_similar_names_are_free():
    """Only the name itself is forbidden, not what it is a part of."""
    assert find_breach("from torch import nn\nnn.LSTMCell\ncumsum(x)\nsummed = 1", "a.py", NO_LSTM) is None


@pytest.mark.parametrize(
    ("construct", "source"), [("For", "for k in x: pass"), ("While", "while x: pass"), ("ListComp", "[k for k in x]")]
)
def test_forbidden_constructs_are_found(construct, source):
    """A construct is named by its node class."""
    breach = find_breach(f"x = 1\n{source}", "a.py", ForbidRule(constructs=(construct,)))
    assert breach == Breach("a.py", 2, f"uses a `{construct}`")


def test_the_first_place_is_told():
    """The breach names file and line, in one sentence for the student."""
    breach = find_breach("x = 1\n\nfrom torch import nn\nimport torch\n", "a.py", NO_TORCH)
    assert str(breach) == "`a.py` imports `torch` in line 3, which is not allowed in this part."


def test_the_declared_encoding_hides_nothing():
    """Source is read by the encoding that it declares, as Python will read it."""
    source = b"# coding: utf-7\nx = 1 #+AAo-import torch\n"
    assert "import torch" not in [line.strip() for line in source.decode().splitlines()]
    assert find_breach(source, "a.py", NO_TORCH) is not None
    latin = "# coding: latin-1\nname = 'é'\nimport torch\n".encode("latin-1")
    assert find_breach(latin, "a.py", NO_TORCH).line == 3


def test_helper_files_are_held_to_the_rules_of_who_imports_them():
    """What a file under a rule imports, by whatever way, must not import what that rule forbids."""
    forbid = {"a.py": ForbidRule(modules=("torch",)), "b.py": ForbidRule(modules=("scipy",), names=("sum",))}
    files = {
        "a.py": b"import scipy, helper, step\nfrom pkg import one",
        "b.py": b"def f():\n    from step import x\n    import summing",
        "summing.py": b"from free import x\nsum(x)",
        "free.py": b"import torch, scipy, mine",
        "helper.py": b"import scipy\nsum(x)",
        "step.py": b"import deeper.still",
        "deeper/still.py": b"from . import other",
        "deeper/other.py": b"import torch",
        "pkg/__init__.py": b"",
        "pkg/one.py": b"",
        "pkg/two.py": b"import torch",
        "notes.txt": b"import torch",
    }
    found = set(check_rules(files, forbid, ("a.py", "b.py", "free.py")))
    assert found == {"summing.py", "free.py", "deeper/other.py", "pkg/two.py"}


def test_files_that_nothing_imports_are_free():
    """Handing in the whole folder costs nothing: its public tests, and tests of one's own, may import anything."""
    forbid = {"a.py": ForbidRule(modules=("torch",))}
    files = {
        "a.py": b"import numpy",
        "free.py": b"import torch, mine",
        "mine.py": b"import torch",
        "conftest.py": b"import importlib",
        "public/test_a.py": b"import torch\nfrom a import f",
        "my_tests.py": b"import torch, a",
    }
    assert check_rules(files, forbid, ("a.py", "free.py")) == {}
    sneaky = {**files, "a.py": b"from public.test_a import torch"}
    assert set(check_rules(sneaky, forbid, ("a.py", "free.py"))) == {"public/test_a.py"}


def test_without_rules_nothing_is_forbidden():
    """An assignment without rules lets every file be, `exec` included."""
    assert check_rules({"a.py": b"exec('1')", "helper.py": b"import importlib"}, {}, ("a.py",)) == {}
