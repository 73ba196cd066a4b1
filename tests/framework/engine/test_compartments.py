"""Files that must not use a package are graded without it, in a worker of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from grader.course import load_course
from grader.engine.compartments import compartments
from grader.engine.run import open_run
from grader.engine.session import Session
from grader.errors import AuthoringError
from grader.sandbox.faults import ProbeError, StudentError
from tests.support.tiny import COURSE, write_course

pytestmark = pytest.mark.runner

FREE = """\
import torch
import plain

plain.SIZE = 99
box = []


def get():
    return box


def use(x):
    return (x, torch.is_tensor(x))


def torch_has(name, x):
    return getattr(torch, name)(x)


def slope(x):
    leaf = x.clone().requires_grad_()
    (leaf * leaf).sum().backward()
    return leaf.grad


def slope_by_transform(x):
    return torch.func.grad(lambda v: (v * v).sum())(x)


def starts_a_program():
    import subprocess

    return subprocess.run(["/bin/sh", "-c", "exit 3"]).returncode
"""
PLAIN = """\
import numpy as np
import helper

SIZE = 3


def find(name):
    box = {}
    np.testing.runstring(f"import {name} as found; found.__file__", box)
    return box["found"].__file__


def kind(x):
    return type(x).__name__


def add(x, y):
    return x + y


class Net:
    def __init__(self, n):
        self.n = n
"""
CELL = """\
import torch


def run(name, x):
    layers = getattr(torch, "n" + "n")
    return getattr(layers, name)(3, 4)(x)[0].detach()


def rule(x):
    return torch.nn.functional.linear(x, torch.ones(2, 3)).tanh()
"""
PROBES = """\
import numpy as np
import torch
from torch import nn
from grader.probes import LinearClassifier, Watched

import basics

WIDTH = 7


class Layer(nn.Module):
    pass


@torch.no_grad()
def decorated(f, x: torch.Tensor | None = None):
    return f(x, x)


def twice(f, x):
    return f(f(x, x), x)


def uses_torch(f):
    return torch.ones(2)


def is_tensor(x):
    return isinstance(x, torch.Tensor)


def with_both(f, g):
    return f


def of_the_free_file():
    return basics.get()
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A course with a file of each kind, and its zygotes."""
    root = tmp_path_factory.mktemp("walls")
    text = COURSE.replace("files: [basics.py, plain.py]", "files: [basics.py, plain.py, cell.py]")
    path = write_course(
        root, course=text.replace("{plain.py: {modules: [torch]}}", "{plain.py: {modules: [torch, json]}, cell.py: {names: [nn.LSTM, nn.RNN]}}")
    )  # fmt: skip
    for file, content in (("basics.py", FREE), ("plain.py", PLAIN), ("cell.py", CELL)):
        (root / "solutions" / "tiny" / file).write_text(content)
    (root / "assignments" / "tiny" / "hidden" / "probes.py").write_text(PROBES)
    course = load_course(path)
    assignment = course.assignment("tiny")
    found = Session(course, assignment, assignment.profile("cpu"), root / "state")
    yield found
    found.close()


@pytest.fixture
def run(session):
    """A run of the solution, with a helper."""
    opened = open_run(session, session.prepare({**session.reference_files, "helper.py": b"import math\n"}, 1))
    opened.begin_case("test", None)
    yield opened
    opened.close()


def test_a_forbidden_package_makes_a_compartment(session):
    """Packages that are installed are hidden, recurrent layers refused; the file without a rule comes first."""
    free, plain, cell = compartments(session.assignment)
    assert (dict(free.modules), free.hidden, free.refused) == ({"basics": "basics.py"}, (), ())
    assert (dict(plain.modules), plain.hidden, plain.refused) == ({"plain": "plain.py"}, ("torch",), ())
    assert (dict(cell.modules), cell.hidden, cell.refused) == ({"cell": "cell.py"}, (), ("lstm", "rnn"))


def test_the_package_is_not_there(run):
    """Importing it fails by a way that no rule sees, while numpy is found."""
    assert run.student.find("numpy").endswith("numpy/__init__.py")
    with pytest.raises(StudentError, match="No module named 'torch': this part is graded without it"):
        run.student.find("torch")


def test_files_do_not_meet(run):
    """What a file without a rule does to one with a rule is not seen where that one is graded."""
    assert run.student.get() == []
    assert run.student.module("plain").SIZE == 3


def test_tensors_arrive_as_arrays(run):
    """A suite passes what it likes: where there is no torch it is numpy's."""
    assert run.student.kind(torch.ones(2)) == "ndarray"
    assert run.student.use(torch.ones(2))[1] is True
    assert np.array_equal(run.student.add(torch.ones(2), np.ones(2)), np.full(2, 2.0))


def test_probes_run_where_their_arguments_live(run):
    """One probes.py serves all files: what it names of torch is not missed until it is used."""
    probe, add = run.probes, run.student.ref("add")
    assert np.array_equal(probe.twice(add, np.ones(2)), np.full(2, 3.0))
    assert np.array_equal(probe.decorated(add, np.ones(2)), np.full(2, 2.0))
    assert probe.is_tensor(add) is False
    assert probe.is_tensor(torch.ones(1)) is True
    assert torch.equal(probe.uses_torch(run.student.ref("get")), torch.ones(2))
    assert probe.WIDTH == 7
    assert probe.of_the_free_file() == []
    with pytest.raises((ProbeError, StudentError), match=r"uses torch\.ones on a file that must not use it"):
        probe.uses_torch(add)


def test_objects_of_two_compartments_do_not_mix(run):
    """That is the suite's mistake, and said so."""
    with pytest.raises(AuthoringError, match="graded in a worker of its own"):
        run.probes.with_both(run.student.ref("add"), run.student.ref("get"))
    assert run.student.Net(4).n == 4


def test_recurrent_layers_do_not_run(run):
    """Those that are named are refused, whatever leads to them; others and all else run."""
    x = torch.ones(5, 2, 3)
    cell = run.student.module("cell")
    with pytest.raises(StudentError, match="built by hand"):
        cell.run("LSTM", x)
    with pytest.raises(StudentError, match="built by hand"):
        cell.run("RNN", x)
    assert tuple(cell.run("GRU", x).shape) == (5, 2, 4)
    assert torch.allclose(cell.rule(x), torch.full((5, 2, 2), 3.0).tanh())


def test_a_check_does_without_operators(run):
    """Those whose names hold a word of its mark refuse, and say which; others run, and so does all in the next check."""
    x = torch.tensor([[0.0, 1.0]])
    assert torch.equal(run.student.torch_has("sigmoid", x), x.sigmoid())
    run.begin_case("without", None, without=("sigmoid", "softmax"))
    for name in ("sigmoid", "sigmoid_"):
        with pytest.raises(StudentError, match=f"torch's own `{name}` does not run here"):
            run.student.torch_has(name, x)
    assert torch.equal(run.student.torch_has("exp", x), x.exp())
    run.begin_case("next", None)
    assert torch.equal(run.student.torch_has("sigmoid", x), x.sigmoid())


def test_a_check_does_without_autograd(run):
    """Nothing there has a gradient; what is computed is what it was."""
    x = torch.tensor([1.0, 2.0])
    assert torch.equal(run.student.slope(x), 2 * x)
    run.begin_case("without", None, without=("autograd",))
    with pytest.raises(StudentError, match="does not require grad"):
        run.student.slope(x)
    assert not run.student.slope_by_transform(x).any()
    assert torch.equal(run.student.torch_has("exp", x), x.exp())


def test_no_program_runs_where_torch_lacks_a_part(run):
    """Another interpreter would have the part; elsewhere programs run."""
    assert run.student.starts_a_program() == 3
    run.begin_case("without", None, without=("sigmoid",))
    with pytest.raises(StudentError, match="PermissionError"):
        run.student.starts_a_program()


def test_output_of_all_workers_is_shown(run):
    """What is printed stays with its case, wherever it is printed."""
    run.probes.twice(run.student.ref("add"), np.ones(1))
    run.student.get()
    assert run.generation
    assert run.end_case() == ""
    assert len({side.generation for side in run.sides if side.generation}) == 2
