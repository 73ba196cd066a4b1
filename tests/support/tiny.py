"""A small course with a hidden suite that uses every part of the authoring interface, and submissions to it."""

from __future__ import annotations

from pathlib import Path

from tests.support import builder

COURSE = """\
course: {name: Tiny, timezone: UTC}
roster:
  students:
    - {id: ada, name: Ada Lovelace}
    - {id: grace, name: Grace Hopper}
    - {id: kurt, name: Kurt Goedel}
    - {id: emmy, name: Emmy Noether}
    - {id: alan, name: Alan Turing}
    - {id: hedy, name: Hedy Lamarr}
    - {id: edsger, name: Edsger Dijkstra}
    - {id: radia, name: Radia Perlman}
sandbox: {minimum: []}
assignments:
  tiny:
    title: Tiny
    due: 2030-01-01T00:00
    files: [basics.py, plain.py]
    forbid: {plain.py: {modules: [torch]}}
    profiles:
      cpu:
        limits: {wall_s: 120, cpu_s: 60, memory_mb: 512, check_s: 5, scratch_mb: 16, output_kb: 16}
        thresholds: {quality: {zero: 0.5, full: 0.9}, loss: {zero: 2.0, full: 1.0}}
        budget: {epochs: 3}
"""

BASICS = '''\
"""The solution."""
import torch
from torch import nn

LEVEL = 7
_calls = []


def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Add."""
    return x + y


def mean(x: torch.Tensor) -> float:
    """Average."""
    return float(x.mean())


def pair(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Twice and half."""
    return 2 * x, x / 2


def table(x: torch.Tensor) -> dict[str, torch.Tensor]:
    """By name."""
    return {"double": 2 * x, "half": x / 2}


def loose(x):
    """Two values, promised nowhere."""
    return x, x + 1


def positive(x):
    """Complain of negative numbers."""
    if x < 0:
        raise ValueError("negative")
    return x


def once() -> int:
    """How often this was called."""
    _calls.append(1)
    return len(_calls)


def noise(n: int) -> torch.Tensor:
    """Random numbers."""
    return torch.randn(n)


def quality() -> float:
    """A metric."""
    return 0.95


def share() -> float:
    """A fraction of the points."""
    return 1.0


def stream(n):
    """A generator."""
    for k in range(n):
        yield k


def scaled(x: torch.Tensor) -> torch.Tensor:
    """Differentiable."""
    return 3 * x


def settings():
    """No value that can cross: its keys are numbers."""
    return {1: "one", 2: "two"}


class Net(nn.Module):
    """A layer with a scale."""

    def __init__(self, size: int):
        super().__init__()
        self.layer = nn.Linear(size, size)
        self.scale = 2.0
        self.params = {"w": torch.zeros(2)}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale what the layer gives."""
        return self.scale * self.layer(x)

    def name(self) -> str:
        """Its name."""
        return "net"
'''

PLAIN = '''\
"""The part without torch."""
import numpy as np


def total(x: np.ndarray) -> np.ndarray:
    """Sum of each row."""
    return x.sum(axis=1)
'''

PROBES = '''\
"""Code beside the student's."""
import torch


def train(model, steps):
    """Loss before and after."""
    x = torch.linspace(-1, 1, 8).reshape(4, 2)
    before = model(x).square().mean().item()
    for _ in range(steps):
        model.zero_grad()
        model(x).square().mean().backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.1 * parameter.grad
    return {"before": before, "after": model(x).square().mean().item()}


def apply(function, values):
    """Call the student's function in a loop."""
    return [float(function(torch.tensor(v), torch.tensor(1.0))) for v in values]
'''

SUITE = '''\
"""Hidden checks."""
import numpy as np
import pytest
import torch

from grader.checks import StudentError, assert_close, points

BROKEN = []


@points(8, hint="Plus.", timeout=1.5)
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_add(student, rng, size):
    """`add` adds."""
    x, y = torch.randn(size, 3, generator=rng), torch.randn(size, 3, generator=rng)
    assert_close(student.add(x, y), x + y, name="the sum")


@points(1, timeout=1.5)
def test_add_probe(student, probe):
    """`add` adds in a probe as well."""
    assert_close(probe.apply(student.ref("add"), [1.0, 2.0]), [2.0, 3.0])


@points(2, visibility="after_due")
def test_mean(student):
    """`mean` averages."""
    assert_close(student.mean(torch.arange(5.0)), 2.0, name="the mean", reveal=True)


@points(2)
def test_pair(student):
    """`pair` gives two."""
    double, half = student.pair(torch.ones(2))
    assert_close(double, torch.full((2,), 2.0))
    assert_close(half, torch.full((2,), 0.5))


@points(2)
def test_table(student):
    """`table` gives two by name."""
    assert_close(student.table(torch.ones(2))["half"], torch.full((2,), 0.5))


@points(2)
def test_loose(student):
    """`loose` gives two."""
    first, second = student.loose(torch.ones(2))
    assert (second - first).sum() == 2, "the second should be one more than the first"


@points(1, visibility="hidden")
def test_raises(student):
    """`positive` complains."""
    with pytest.raises(StudentError, match="ValueError"):
        student.positive(-1)
    assert student.positive(3) == 3, "positive numbers come back"


@points(1)
def test_once(student):
    """`once` counts from one."""
    assert student.once() == 1, "the first call should give 1"
    assert student.once() == 2, "the second call should give 2"


@points(1)
def test_noise(student, record, rng):
    """`noise` is random."""
    x = student.noise(4)
    record("noise", x[0])
    assert not np.array_equal(x, torch.randn(4, generator=rng)), "this repeats the check's own numbers"


@points(4)
def test_quality(student, award):
    """`quality` is good."""
    award(student.quality(), metric="quality")


@points(4)
def test_share(student, award):
    """`share` is a share."""
    award(student.share())


@points(1)
def test_stream(student):
    """`stream` streams."""
    assert list(student.stream(4)) == [0, 1, 2, 3], "it should count from zero"


@points(1)
def test_level(student):
    """`LEVEL` is seven."""
    assert student.LEVEL == 7, "LEVEL should be 7"


@points(1)
def test_handles(student):
    """What cannot cross stays in the worker and can be used."""
    settings = student.settings()
    assert settings[1] == "one", "settings[1]"
    assert len(settings) == 2, "two settings"
    assert sorted(settings) == [1, 2], "its keys"
    settings[3] = "three"
    assert settings[3] == "three", "settings can be set"
    assert list(settings.keys()) == [1, 2, 3], "keys()"


@points(3)
def test_net(student, profile):
    """`Net` is a module that can be read, set, called and differentiated."""
    net = student.Net(2)
    assert net.name() == "net", "name() should be net"
    x = torch.ones(3, 2)
    y = net(x)
    assert y.shape == (3, 2), "the output has the input's shape"
    assert y.requires_grad, "the output should require grad"
    weight, bias = net.layer.weight, net.layer.bias
    assert_close(y, 2 * (x @ weight.value.T + bias.value), name="the output")
    net.scale = 3.0
    assert net.scale == 3.0, "scale can be set"
    assert_close(net(x) / 3, y / 2, name="the output")
    net(x).sum().backward()
    assert_close(net.layer.bias.grad, torch.full((2,), 9.0), name="the gradient of the bias")
    net.ref("params")["w"] = torch.ones(2)
    assert_close(net.params["w"], torch.ones(2), name="params")
    assert not hasattr(net, "nothing"), "there is no attribute of that name"
    assert net.has("layer"), "there is a layer"


@points(2)
def test_leaf(student):
    """`scaled` is differentiable, and leaves its argument alone."""
    x = student.leaf(torch.ones(3))
    student.scaled(x).sum().backward()
    assert_close(x.grad, torch.full((3,), 3.0), name="the gradient")
    plain = student.leaf(torch.ones(3), requires_grad=False)
    student.scaled(plain)
    assert_close(plain.fetch(), torch.ones(3), name="the argument after the call")


@points(2)
def test_probe(student, probe, profile):
    """A `Net` learns."""
    losses = probe.train(student.Net(2), profile.budget["epochs"])
    assert losses["after"] < losses["before"], "the loss should fall"


@points(1)
def test_reference(student, reference):
    """`mean` agrees with the reference."""
    x = torch.arange(4.0)
    assert_close(student.mean(x), reference.mean(x), name="the mean")


@points(4)
def test_total(student, np_rng):
    """`total` sums rows."""
    x = np_rng.standard_normal((3, 4))
    assert_close(student.module("plain").total(x), x.sum(axis=1), name="the sums")


@points(1)
def test_bug(student):
    """A check with a bug, for those who ask for it."""
    if student.has("ask_for_a_bug"):
        BROKEN.append(1)
        raise ZeroDivisionError("a bug in the suite, with an expected value of 12345")
    if BROKEN:
        BROKEN.clear()
        raise ZeroDivisionError("the same bug")


@points(1)
def test_skip(student):
    """A check that is left out for those who ask for it."""
    if student.has("ask_for_a_skip"):
        pytest.skip("only with a GPU")
'''


def write_course(root: Path, *, suite: str = SUITE, course: str = COURSE) -> Path:
    """Write the course under ``root`` and give the path of its autograde.yml."""
    modules = {"basics.py": BASICS, "plain.py": PLAIN}
    return builder.build_course(root, course, builder.Homework("tiny", modules, suite=suite, probes=PROBES))


def handed_in(basics: str = "", plain: str = "", **files: str) -> dict[str, bytes]:
    """The solution with text appended to its modules, and more files (``torch_py`` for torch.py)."""
    made = {"basics.py": (BASICS + basics).encode(), "plain.py": (PLAIN + plain).encode()}
    return made | {name.replace("__", "/").replace("_", "."): text.encode() for name, text in files.items()}
