"""Similar submissions: what counts as the same, which pairs are listed, and what the list never says."""

from __future__ import annotations

import ast
import json
from datetime import UTC, datetime

import numpy as np
import pytest
from typer.testing import CliRunner

from grader.cli.main import app
from grader.course import load_course
from grader.similarity import find_pairs, handed_in
from grader.similarity.canonical import Canonical
from grader.similarity.fingerprints import units_of, winnow
from grader.similarity.side_by_side import side_by_side
from grader.store import Store
from tests.support.builder import Homework, build_course
from tools.similarity.disguise import LEVELS, disguise

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
SOLUTION = '''\
"""Softmax by hand."""
import numpy as np


def softmax(x):
    """Probabilities."""
    ### BEGIN SOLUTION
    e = np.exp(x - x.max())
    return e / e.sum()
    ### END SOLUTION


def loss(x, y):
    """Cross-entropy."""
    ### BEGIN SOLUTION
    return -np.log(softmax(x)[y])
    ### END SOLUTION
'''
CONFIG = """
course: {name: Course, timezone: Europe/Berlin}
roster: {students: [%s]}
assignments: {soft: {title: Soft, files: [soft.py]}}
"""
#: Written by one student; the others write their own.
ODD = """\
import numpy as np


def softmax(x):
    # my own way
    shifted = x - np.amax(x)
    powers = 2.718281828 ** shifted
    whole = 0.0
    for value in powers:
        whole += value * 1.0
    if whole > 1e-30:
        powers = powers * (1.0 / whole)
    return powers


def loss(x, y):
    chances = softmax(x)
    wanted = [chances[i] for i in range(len(chances)) if i == y]
    return sum(-np.log2(one) * 0.6931471805599453 for one in wanted)
"""
#: The same, as somebody hides it.
HIDDEN = '''\
import numpy


def loss(logits, label):
    """The loss."""
    unused = 3
    q = softmax(logits)
    print("here")
    hits = [q[k] for k in range(len(q)) if label == k]
    total = sum(0.6931471805599453 * -numpy.log2(h) for h in hits)
    return total


def softmax(logits):
    a = logits - logits.amax()
    b = 2.718281828 ** a
    c = 0.0
    for d in b:
        c = 1.0 * d + c
    if 1e-30 < c:
        b = (1.0 / c) * b
    return b
'''


def own(number):
    """A softmax as one of many would write it, each a little differently."""
    return f"""\
import numpy as np


def softmax(x):
    e = np.exp(x - x.max(axis={number % 3 - 1}))
    e = e.clip({number}, {number * 7})
    return e / e.sum(axis={number % 2})


def loss(x, y):
    for step in range({number}):
        x = x.reshape({number}, -1) ** {number + 1}
    return -np.log(softmax(x)[y + {number}])
"""


def form(source, modules=("np", "torch")):
    """The canonical form of a function."""
    node = ast.parse(source).body[0]
    return Canonical(node, modules).statement(node)


@pytest.fixture
def course(tmp_path):
    """A course of thirty students, and the path of its file."""
    students = ", ".join(f"{{id: s{number:02}, name: Student Number {number:02}}}" for number in range(30))
    return build_course(tmp_path / "course", CONFIG % students, Homework("soft", {"soft.py": SOLUTION}))


def hand_in(store, owner, text, name="soft.py", at=NOON):
    """Hand in one file."""
    data = text if isinstance(text, bytes) else text.encode()
    return store.put_submission("soft", owner, {name: data}, received_at=at)


def notebook(*cells):
    """A notebook of code cells."""
    made = [
        {"cell_type": "code", "source": text, "metadata": {}, "outputs": [], "execution_count": None} for text in cells
    ]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def a_class(store, count=28):
    """Students who each write their own."""
    for number in range(count):
        hand_in(store, f"s{number:02}", own(number))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x):\n    return x + 1", "def g(value: int) -> int:\n    '''Doc.'''\n    return 1.0 + value  # why"),
        ("def f(x):\n    return np.exp(x)", "def f(x):\n    y = x.exp()\n    return y"),
        ("def f(x):\n    return a(x, b=1, c=2)", "def f(x):\n    return a(x, c=2, b=1)"),
        ("def f(x):\n    if x > 1:\n        return x", "def f(x):\n    z = 4\n    pass\n    if 1 < x:\n        return x"),
        ("def f(x):\n    x += 1\n    return x", "def f(x):\n    x = x + 1\n    print(x, 'here')\n    return x"),
        ("def f(a, b):\n    if not a:\n        b()\n    else:\n        a()", "def f(a, b):\n    if a:\n        a()\n    else:\n        b()"),
        ("def f(a, b):\n    c, d = a, b\n    return c, d, c, d", "def f(a, b):\n    c = a\n    d = b\n    return c, d, c, d"),
        ("def f(self, x):\n    self.w = x", "def f(self, x):\n    self.weight = x"),
    ],
)  # fmt: skip
def test_a_disguise_changes_no_canonical_form(one, other):
    """Names, annotations, comments, temporaries, order of operands and statements that do nothing are set aside."""
    assert form(one) == form(other) != ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x):\n    return x - 1", "def f(x):\n    return 1 - x"),
        ("def f(x):\n    return x.sum(0)", "def f(x):\n    return x.mean(0)"),
        ("def f(x):\n    return x < 1", "def f(x):\n    return x > 1"),
        ("def f(x):\n    return len(x)", "def f(x):\n    return sum(x)"),
        ("def f(x):\n    for i in x:\n        g(i)", "def f(x):\n    while x:\n        g(x)"),
    ],
)
def test_what_does_something_else_has_another_form(one, other):
    """The canonical form keeps operators, attributes, numbers and control flow."""
    assert form(one) != form(other)


def test_winnowing_finds_what_is_shared_wherever_it_stands():
    """A run as long as a print and its window is found in any surroundings (the guarantee of winnowing)."""
    shared = tuple(range(100, 115))
    assert winnow((1, 2, 3, *shared, 4), 12, 4) & winnow((9, *shared, 8, 7, 6, 5), 12, 4)
    assert winnow(tuple(range(11)), 12, 4) == frozenset()


def test_units_are_functions_methods_and_the_rest_of_a_class():
    """Each has the line that it begins on, decorators included; what is no Python has none."""
    text = b"import a\n\n@a.b\ndef f(): pass\n\nclass C:\n    x = 1\n    def g(self): return 1\n"
    units = units_of({"m.py": text, "bad.py": b"def (", "data.csv": b"1"})
    assert [(unit.name, unit.line) for unit in units] == [("", 1), ("f", 3), ("C", 6), ("C.g", 8)]


@pytest.mark.slow
def test_code_that_nests_too_deep_ends_nothing():
    """A chain of a thousand operators is cut off, not a RecursionError."""
    deep = f"def f(x):\n    return {' + '.join(['x'] * 900)}\n"
    chain = "\n".join(f"{'el' if n else ''}if x == {n}:\n    y = {n}" for n in range(2500))
    for text in (deep, chain, "def f(x):\n    " + chain.replace("\n", "\n    ")):
        unit = units_of({"m.py": text.encode()})[-1]
        assert unit.name in ("", "f")
        assert len(side_by_side(unit, unit)[0]) == min(len(unit.text.splitlines()), 121)


@pytest.mark.slow
def test_a_disguised_copy_leads_the_list(course, tmp_path):
    """Renamed, reordered, with temporaries, turned comparisons and dead statements: it is found among a class."""
    store = Store(tmp_path / "state")
    a_class(store)
    hand_in(store, "s28", ODD)
    hand_in(store, "s29", HIDDEN)
    loaded = load_course(course)
    found = handed_in(loaded, loaded.assignment("soft"), store)
    pairs = find_pairs(found.works, found.given)
    assert {pairs[0].first.owner, pairs[0].second.owner} == {"s28", "s29"}
    names = {(item.first.name, item.second.name) for item in pairs[0].shared}
    assert names == {("softmax", "softmax"), ("loss", "loss")}
    assert all(item.others == 0 for item in pairs[0].shared)


@pytest.mark.slow
def test_what_everybody_has_makes_no_pair(course, tmp_path):
    """The stub as handed out, and the one way that all of a class take, are nobody's copy."""
    store = Store(tmp_path / "state")
    same = SOLUTION.replace("    ### BEGIN SOLUTION\n", "").replace("    ### END SOLUTION\n", "")
    for number in range(28):
        hand_in(store, f"s{number:02}", same + f"\n\ndef more_{number}(x):\n    return x\n")
    loaded = load_course(course)
    found = handed_in(loaded, loaded.assignment("soft"), store)
    assert find_pairs(found.works, found.given) == []


@pytest.mark.slow
def test_a_notebook_and_an_earlier_term_are_compared(course, tmp_path):
    """Cells are assembled as they are for grading; a pair of two earlier ones is nobody's business."""
    store, before = Store(tmp_path / "state"), Store(tmp_path / "ws25")
    a_class(store)
    hand_in(store, "s28", notebook(*HIDDEN.split("\n\n\n")), name="soft.ipynb")
    hand_in(before, "old", ODD)
    hand_in(before, "older", ODD.replace("shifted", "moved"))
    before.close()
    loaded = load_course(course)
    found = handed_in(loaded, loaded.assignment("soft"), store, [tmp_path / "ws25"])
    pairs = find_pairs(found.works, found.given)
    owners = [{pair.first.owner, pair.second.owner} for pair in pairs]
    assert {"s28", "old"} in owners[:2]
    assert {"s28", "older"} in owners[:2]
    assert {"old", "older"} not in owners


@pytest.mark.slow
def test_the_last_upload_counts_and_nobody_is_a_copy_of_themselves(course, tmp_path):
    """What was handed in again replaces the earlier upload, and is no pair with it."""
    store = Store(tmp_path / "state")
    a_class(store)
    hand_in(store, "s28", ODD)
    hand_in(store, "s28", own(77), at=NOON.replace(hour=14))
    hand_in(store, "s29", HIDDEN)
    loaded = load_course(course)
    found = handed_in(loaded, loaded.assignment("soft"), store)
    assert [{pair.first.owner, pair.second.owner} for pair in find_pairs(found.works, found.given)] == []


def test_lines_that_say_the_same_are_marked():
    """The marks follow the statements, whatever stands between them."""
    (one,) = (unit for unit in units_of({"m.py": ODD.encode()}) if unit.name == "softmax")
    (two,) = (unit for unit in units_of({"m.py": HIDDEN.encode()}) if unit.name == "softmax")
    left, right = side_by_side(one, two)
    assert {line.text.strip() for line in left if line.same} >= {
        "for value in powers:",
        "if whole > 1e-30:",
        "return powers",
    }
    assert {line.text.strip() for line in right if line.same} >= {"for d in b:", "if 1e-30 < c:", "return b"}


@pytest.mark.slow
def test_names_are_hidden_unless_asked_for_and_nothing_is_a_score(course, tmp_path):
    """Terminal, JSON and page: pseudonyms by default, ids and names with --names, no percentage anywhere."""
    state = tmp_path / "state"
    store = Store(state)
    a_class(store)
    hand_in(store, "s28", ODD.replace("# my own way", "# <script>alert(1)</script>"))
    hand_in(store, "s29", HIDDEN)
    store.close()

    def run(*more):
        options = ["similar", "soft", "--course", str(course), "--state", str(state), *more]
        result = CliRunner().invoke(app, options)
        assert result.exit_code == 0, result.output
        return result.output, (state / "similar" / "soft.html").read_text(encoding="utf-8")

    output, page = run("--json")
    data = json.loads(output)
    assert data["compared"] == 30
    assert {item["name"] for item in (data["pairs"][0]["shared"][0]["first"], data["pairs"][0]["shared"][1]["first"])} == {"softmax", "loss"}  # fmt: skip
    for text in (output, page):
        assert "s28" not in text
        assert "Student Number" not in text
        assert "%" not in text.partition("</style>")[2]
    assert "<script>" not in page
    output, page = run("--names")
    assert "Student Number 28 (s28)" in output
    assert "Student Number 28 (s28)" in page


@pytest.mark.parametrize("level", LEVELS)
def test_a_disguised_copy_computes_the_same(level):
    """What the measurement calls a copy is one: at every level its functions give what the source's give."""
    x = np.array([0.5, -1.0, 3.0])
    plain: dict = {}
    exec(ODD, plain)
    for seed in range(5):
        copied: dict = {}
        exec(disguise(ODD, level, seed), copied)
        assert np.allclose(copied["softmax"](x), plain["softmax"](x))
        assert np.isclose(copied["loss"](x, 1), plain["loss"](x, 1))
    assert disguise(ODD, level, 3) == disguise(ODD, level, 3) != ODD
