"""Contract coverage: what a stub promises, and a solution that breaks one promise at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grader.validation.contract_clauses import make_clauses
from grader.validation.metric_gaps import metric_checks

pytestmark = pytest.mark.torch

SOURCE = '''"""Functions on tensors. No function changes its arguments."""

import torch


def scaled(x: torch.Tensor, factor: float = 2.0, times: int = 1) -> torch.Tensor:
    """Scale.

    Returns:
        A tensor of the dtype of ``x``, through which gradients flow.
    """
    ### BEGIN SOLUTION
    return x * factor * times
    ### END SOLUTION


def rows(n: int) -> int:
    """Count rows."""
    ### BEGIN SOLUTION
    return n + 1
    ### END SOLUTION


def loss_of(x: torch.Tensor) -> float:
    """Measure, as a plain number."""
    ### BEGIN SOLUTION
    return x.sum().item()
    ### END SOLUTION


class Layer:
    """A layer.

    Args:
        size: how large.
    """

    def __init__(self, size: int) -> None:
        ### BEGIN SOLUTION
        self.size = size
        ### END SOLUTION


def given(x: torch.Tensor) -> torch.Tensor:
    """Not to be written by students."""
    return x
'''

LINES = SOURCE.split("\n")
REGIONS = [
    (first + 1, next(k for k in range(first, len(LINES)) if "END SOLUTION" in LINES[k]) + 1)
    for first, line in enumerate(LINES)
    if "BEGIN SOLUTION" in line
]


def broken():
    """The promises of the module by function and words: a namespace in which each is broken."""
    found = {}
    for clause in make_clauses(SOURCE, "tensors.py", REGIONS):
        space = {}
        exec(compile(clause.source, "tensors.py", "exec"), space)
        found[clause.function, clause.diff] = space
    return found


def test_what_a_stub_promises():
    """Arguments, what is done to them, and what is returned are promises; what is given to students is none."""
    assert [key for key in broken() if key[0] == "scaled"] == [
        ("scaled", "`x` is left as it was"),
        ("scaled", "`factor` is honoured, not 2.0 in its place"),
        ("scaled", "`times` is honoured, not 1 in its place"),
        ("scaled", "the result has its dtype"),
        ("scaled", "autograd can follow the result"),
    ]
    assert [key for key in broken() if key[0] != "scaled"] == [
        ("rows", "`n` is honoured at every call"),
        ("rows", "the result is an int"),
        ("loss_of", "`x` is left as it was"),
        ("loss_of", "the result has no graph"),
        ("Layer.__init__", "`size` is honoured at every call"),
    ]


def test_an_argument_is_frozen_to_its_default():
    """Given by position or by name, the argument has its default, and all else is as before."""
    scaled = broken()["scaled", "`factor` is honoured, not 2.0 in its place"]["scaled"]
    x = torch.ones(2)
    assert [scaled(x, 5.0)[0].item(), scaled(x, factor=5.0)[0].item(), scaled(x, 5.0, 3)[0].item()] == [2.0, 2.0, 6.0]


def test_an_argument_without_a_default_is_frozen_to_the_first_call():
    """Every call has what the first call was given: one call alone shows nothing."""
    rows = broken()["rows", "`n` is honoured at every call"]["rows"]
    assert [rows(3), rows(8)] == [4, 4]
    layer = broken()["Layer.__init__", "`size` is honoured at every call"]["Layer"]
    assert [layer(2).size, layer(size=5).size, layer(5).size] == [2, 2, 2]


@pytest.mark.parametrize(
    "given", [torch.zeros(2), torch.zeros(2, dtype=torch.bool), np.zeros(2), torch.zeros(2, requires_grad=True)]
)
def test_an_argument_is_written_to(given):
    """Whatever holds data is written to when the call is over, and the result is as before."""
    space = broken()["loss_of", "`x` is left as it was"]
    before = given.clone() if hasattr(given, "clone") else given.copy()
    assert space["loss_of"](given) == 0
    assert not (given == before).all()


def test_a_result_has_another_type():
    """Another dtype, a float for an int, a graph where there should be none, and none where there should be one."""
    x = torch.ones(2, requires_grad=True)
    found = broken()
    assert found["scaled", "the result has its dtype"]["scaled"](x).dtype == torch.float64
    assert isinstance(found["rows", "the result is an int"]["rows"](1), float)
    assert found["loss_of", "the result has no graph"]["loss_of"](x).requires_grad
    assert not found["scaled", "autograd can follow the result"]["scaled"](x).requires_grad
    assert found["scaled", "`times` is honoured, not 1 in its place"]["scaled"](x).requires_grad


def test_nothing_that_may_be_forbidden_is_imported():
    """A solution in which torch is forbidden can be broken as well: what breaks it imports the standard library alone."""
    source = SOURCE.replace("import torch\n", "").replace("torch.Tensor", "'Array'")
    clauses = make_clauses(source, "tensors.py", [(first - 1, last - 1) for first, last in REGIONS])
    assert clauses
    assert not any("import torch" in clause.source for clause in clauses)


def test_checks_that_give_points_by_a_metric(tmp_path):
    """A check that awards by a metric is one whose thresholds have to separate; a fraction needs none."""
    (tmp_path / "test_b.py").write_text(
        "def test_two(award):\n    award(0.5)\n\ndef test_three(award):\n    award(1, metric='m')\n"
    )
    (tmp_path / "test_a.py").write_text(
        "def test_one(award):\n    for _ in range(2):\n        award(0.1, metric='n')\n"
    )
    assert metric_checks(tmp_path) == ("test_one", "test_three")
