"""Mutants: the slips that are made, those that are not, and names that stay the same."""

from __future__ import annotations

import ast

import pytest

from grader.validation.mutation import TELL, changed_functions, functions, instrument, meaning
from grader.validation.mutation.generate import make_mutants

HEAD = "import numpy as np\nimport torch\n\n\ndef f(x, y, w, b, n, model, rate):\n"


def mutants(*lines: str, file: str = "m.py"):
    """The mutants of a function with these lines as its body."""
    source = HEAD + "".join(f"    {line}\n" for line in lines)
    return make_mutants(source, file, [(6, 5 + len(lines))])


def changed_lines(*lines: str) -> set[str]:
    """Every line that some mutant has in place of the original's."""
    found = mutants(*lines)
    return {line[1:].strip() for item in found for line in item.diff.splitlines()[3:] if line.startswith("+")}


@pytest.mark.parametrize(
    ("line", "slip"),
    [
        ("return x - y", "return -(x - y)"),
        ("return x + y", "return x - y"),
        ("return x + y", "return 2 * (x + y)"),
        ("return x / n", "return x"),
        ("return 2 * x", "return x"),
        ("return x @ w + b", "return x @ w"),
        ("return x @ w", "return x * w"),
        ("return x @ w", "return x @ w.T"),
        ("return w.T", "return w"),
        ("return x - y", "return y - x"),
        ("return x.sum(axis=0)", "return x.sum(axis=1)"),
        ("return x.sum(axis=-1)", "return x.sum(axis=0)"),
        ("return x.flatten(1)", "return x.flatten(0)"),
        ("return torch.softmax(x, 1)", "return torch.softmax(x, 0)"),
        ("return x.mean((0, 2))", "return x.mean((0,))"),
        ("return x.sum(axis=1, keepdims=True)", "return x.sum(axis=1, keepdims=False)"),
        ("return x.sum(axis=1, keepdims=True)", "return x.sum(axis=1)"),
        ("return x.sum()", "return x.mean()"),
        ("return np.max(x)", "return np.min(x)"),
        ("return np.argmax(x)", "return np.argmin(x)"),
        ('return torch.nn.functional.mse_loss(x, y, reduction="sum")',
         'return torch.nn.functional.mse_loss(x, y, reduction="mean")'),
        ("return np.log(x + 1e-7)", "return np.log(x + 0.0)"),
        ("return np.log(x + 1e-7)", "return np.log(x + 0.0001)"),
        ("return np.log(x + 1e-3)", "return np.log(x + 1.0)"),
        ("return np.maximum(x, 0)", "return x"),
        ("return torch.relu(x)", "return x"),
        ("return x.tanh()", "return x"),
        ("return torch.nn.Sequential(torch.nn.ReLU())", "return torch.nn.Sequential(torch.nn.Identity())"),
        ("return torch.nn.Linear(3, 4)", "return torch.nn.Linear(3, 4, bias=False)"),
        ("model.train()", "model.eval()"),
        ("model.train()", "pass"),
        ("y = x.detach()", "y = x"),
        ("y = x * w", "y = (x * w).detach()"),
        ("with torch.no_grad(): x += 1", "with torch.enable_grad(): x += 1"),
        ("model.zero_grad()", "pass"),
        ("return x[1:n]", "return x[1:n - 1]"),
        ("return x[1:n]", "return x[2:n]"),
        ("for i in range(n): x += i", "for i in range(n - 1): x += i"),
        ("return torch.randint(n, (3,))", "return torch.randint(n - 1, (3,))"),
        ("return torch.randint(2, n, (3,))", "return torch.randint(2, n - 1, (3,))"),
        ("return torch.randperm(n)[:3]", "return torch.randperm(n - 1)[:3]"),
        ("return np.random.choice(n, 3)", "return np.random.choice(n - 1, 3)"),
        ("return torch.nn.LSTM(3, 4)", "return torch.nn.GRU(3, 4)"),
        ("return torch.nn.Dropout2d(rate)", "return torch.nn.Dropout(rate)"),
        ("return torch.optim.SGD(w, lr=rate)", "return torch.optim.Adam(w, lr=rate)"),
        ("return torch.cat(x, y)", "return torch.cat(y, x)"),
        ("return x, y", "return y, x"),
        ("x = x - rate * w", "x -= rate * w"),
        ("w -= rate * w.grad", "w = w - rate * w.grad"),
        ("x[0] = y", "pass"),
        ("return x < y", "return x <= y"),
        ("return x < y", "return x > y"),
        ("return 3", "return 4"),
        ("return 3", "return 2"),
        ("if n: return x", "if not (n): return x"),
        ("return x if n and b else y", "return x if n else y"),
        ("return np.zeros(n)", "return np.ones(n)"),
        ("return x.float()", "return x"),
    ],
)  # fmt: skip
def test_each_slip_is_made(line, slip):
    """What people get wrong in numerical code is among the mutants of the line."""
    assert slip in changed_lines(line)


@pytest.mark.parametrize(
    "line",
    [
        '"""Sum of 1 and 2."""',
        "z: dict[str, int]",
        'raise ValueError(f"{n + 1} is not {n * 2}")',
        'print("loss", n + 1)',
        'if rate and n % 100 == 0: print(f"{n}")',
        "from math import pi, tau",
    ],
)
def test_what_no_check_can_see_is_left_alone(line):
    """Docstrings, annotations, messages and imports have no mutants, nor has a condition that only guards a message."""
    assert all(line not in item.diff for item in mutants(line, "return n")), line
    assert len(mutants(line, "return n + 1")) == len(mutants("return n + 1")) > 3


def test_mutants_compile_differ_and_stay_in_their_region():
    """No two of them mean the same, none means what the source does, and lines outside the regions are as they were."""
    source = HEAD + "    y = 2 * x.sum(axis=0) / n\n    z = y - 1\n    return y, z\n"
    found = make_mutants(source, "m.py", [(6, 6)])
    assert len(found) > 12
    assert {item.line for item in found} == {6}
    assert {item.function for item in found} == {"f"}
    for item in found:
        compile(item.source, "m.py", "exec")
        assert item.source.splitlines()[6:] == source.splitlines()[6:]
        assert item.meaning == meaning(item.source)
    means = {item.meaning for item in found}
    assert len(means) == len(found)
    assert meaning(source) not in means


def test_ids_survive_what_moves_a_line_and_tell_like_lines_apart():
    """An id depends on the statement, the function, the operator and the file, and on no line number."""
    lines = ("y = x + 1", "w = b", "y = x + 1", "return y")
    first = mutants(*lines)
    moved = make_mutants("# A comment.\n\n" + HEAD + "".join(f"    {line}\n" for line in lines), "m.py", [(8, 11)])
    assert [item.id for item in first] == [item.id for item in moved]
    assert len({item.id for item in first}) == len(first)
    assert {item.id for item in first}.isdisjoint(item.id for item in mutants(*lines, file="other.py"))


def test_meaning_ignores_what_nobody_can_see_and_nothing_else():
    """Comments, docstrings, annotations and printed text do not matter; a number does."""
    plain = "def f(x):\n    y = x + 1\n    return y\n"
    dressed = (
        '"""Doc."""\ndef f(x: int) -> int:\n    """Doc."""\n    print(x)\n    y: int = x + 1  # one\n    return y\n'
    )
    assert meaning(plain)[-1] == meaning(dressed)[-1]
    assert meaning(plain) != meaning(plain.replace("1", "2"))
    with pytest.raises(SyntaxError):
        meaning("return")


def test_an_instrumented_module_tells_which_functions_ran(tmp_path):
    """Methods by their dotted name, a function inside a function as a part of it; each is told once."""
    source = (
        '"""Doc."""\nfrom __future__ import annotations\n\n\ndef f(x):\n    """Doc."""\n    def g():\n        return x\n'
        "    return g\n\n\nclass C:\n    def m(self):\n        return 1\n\n    def other(self):\n        return 2\n"
    )
    assert set(functions(source)) == {"", "f", "C.m", "C.other"}
    space: dict = {}
    exec(compile(instrument(source, "m.py"), "m.py", "exec"), space)
    inner = space["f"](3)
    assert space["C"]().m() == 1
    assert space[TELL]() == ["m.py:C.m", "m.py:f"]
    assert inner() == 3
    assert space[TELL]() == ["m.py:f"]
    assert space[TELL]() == []
    assert ast.get_docstring(ast.parse(instrument(source, "m.py"))) == "Doc."


@pytest.mark.parametrize(
    ("after", "names"),
    [
        ("def f(x):\n    return x + 2\n\n\ndef g(x):\n    return f(x)\n", {"f"}),
        ("import math\n\n\ndef h():\n    return 1\n\n\ndef f(x):\n    return x + h()\n\n\ndef g(x):\n    return f(x)\n", {"f"}),
        ("def g(x):\n    return f(x)\n", {"f"}),
        ("def f(x=1):\n    return x + 1\n\n\ndef g(x):\n    return f(x)\n", {"f"}),
        ("K = 2\n\n\ndef f(x):\n    return x + 1\n\n\ndef g(x):\n    return f(x)\n", None),
        ("def f(x: int):\n    # one more\n    return x + 1\n\n\ndef g(x):\n    return f(x)\n", set()),
    ],
)  # fmt: skip
def test_changed_functions_are_named(after, names):
    """Functions that differ or are gone; None where a version changes more than functions."""
    before = "def f(x):\n    return x + 1\n\n\ndef g(x):\n    return f(x)\n"
    assert changed_functions(before, after) == names


def test_a_class_that_gains_a_method_has_changed():
    """A new `__setattr__` or `forward` works on what nobody calls by its name."""
    before = "class C:\n    def f(self):\n        return 1\n"
    assert changed_functions(before, before + "    def g(self):\n        return 2\n") is None
