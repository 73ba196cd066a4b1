"""grader.probes: what authors run beside a student's code."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import grader.probes
from grader.probes import LinearClassifier, Watched, called_names, fit, loss_named, seed_all

pytestmark = pytest.mark.torch

FOLDER = Path(grader.probes.__file__).parent


@pytest.mark.parametrize(
    "path", sorted(set(FOLDER.glob("*.py")) - {FOLDER / "__init__.py"}), ids=lambda path: path.stem
)
def test_each_module_needs_nothing_of_ours(path):
    """It is shipped alone, as text, to a worker that has the standard library, numpy and torch."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
            assert node.level == 0
    assert imported <= {"__future__", "collections", "random", "typing", "numpy", "torch"}


def test_watched_notes_mode_graph_and_batch():
    """One entry a pass, as plain data; parameters and modes are those of the wrapped module."""
    model = Watched(nn.Sequential(nn.Linear(2, 1), nn.Dropout()))
    model(torch.zeros(3, 2))
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, 2))
    with torch.inference_mode():
        model(torch.zeros(2, 2))
    assert model.seen == [[True, True, 3], [False, False, 1], [False, False, 2]]
    assert not model.module[1].training
    assert len(list(model.parameters())) == 2


def test_linear_classifier_computes_what_it_says():
    """Weights and bias are copied; inputs are flattened, outputs shaped; float64 stays."""
    weight, bias, x = torch.randn(6, 4).double(), torch.randn(4).double(), torch.randn(5, 2, 3).double()
    model = LinearClassifier(weight, bias)
    assert torch.equal(model(x), x.flatten(1) @ weight + bias)
    assert model(x).dtype == torch.float64
    with torch.no_grad():
        model.weight.zero_()
    assert weight.any()
    assert LinearClassifier(weight, shape=(2, 2))(x).shape == (5, 2, 2)


def test_a_noisy_linear_classifier_depends_on_the_mode():
    """Batch norm and dropout tell a loop that forgets `train` or `eval`."""
    torch.manual_seed(0)
    model, x = LinearClassifier(torch.randn(3, 2), noisy=True), torch.randn(8, 3)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))
    assert model(x).requires_grad


def test_called_names_sees_functions_methods_and_operators():
    """Names as torch has them, those of operators that hide from torch functions too; the result is the function's."""
    result, names = called_names(lambda x: torch.special.expit(x) @ x.sum(dim=1), torch.ones(2, 2))
    assert {"expit", "matmul", "sum"} <= set(names)
    with torch._C.DisableTorchFunction():
        assert called_names(lambda x: x.softmax(dim=1).log(), torch.ones(2, 2))[1] == ["log", "softmax"]
    assert torch.allclose(result, torch.full((2,), 4 * float(torch.ones(()).sigmoid())))


def test_fit_learns_with_and_without_clipping():
    """Two separated groups are told apart; the epochs end at a rate of nearly 0, in training mode."""
    for clip in (None, 0.5):
        torch.manual_seed(1)
        y = torch.arange(40) % 2
        x = torch.randn(40, 3) + 3 * y[:, None]
        model = nn.Linear(3, 2).eval()
        seen = []

        def loss_of(batch, model=model, x=x, y=y, seen=seen):
            seen.append(len(batch))
            return nn.functional.cross_entropy(model(x[batch]), y[batch])

        fit(model, loss_of, 40, epochs=20, batch_size=16, max_rate=0.1, clip=clip)
        assert (model(x).argmax(dim=1) == y).float().mean() > 0.9
        assert seen == [16, 16, 8] * 20
        assert model.training


def test_losses_by_name():
    """Cross-entropy is torch's; the other is a mean or a sum; an unknown name is refused."""
    scores, labels = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    assert torch.equal(loss_named("cross-entropy")(scores, labels), nn.functional.cross_entropy(scores, labels))
    mean, total = (loss_named("squared", reduction=name)(scores, labels) for name in ("mean", "sum"))
    assert torch.allclose(5 * mean, total)
    assert torch.allclose(total, (scores[range(5), labels] - 1).square().sum())
    with pytest.raises(ValueError, match="there is no loss 'hinge'"):
        loss_named("hinge")


def test_seed_all_reaches_every_generator():
    """Python's, numpy's and torch's draws repeat; a seed beyond numpy's range is taken."""

    def draw():
        seed_all(2**40 + 3)
        return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002 - what is seeded

    assert draw() == draw()
