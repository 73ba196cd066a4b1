"""Public tests for two_layer.py: the three ways must agree."""

import pytest
import torch
from torch import nn

from grader.checks import assert_close
from two_layer import train_by_hand, train_with_autograd, train_with_optim, two_layer_gradients


@pytest.fixture
def problem():
    """x, y, w1, w2 in float64; no two sizes are equal, so that a transposed matrix cannot hide."""
    generator = torch.Generator().manual_seed(1)
    sizes = ((5, 4), (5, 2), (4, 3), (3, 2))
    return [torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes]


def test_gradient_against_numbers(problem):
    """One entry of grad_w1 agrees with a difference quotient of your own loss."""
    x, y, w1, w2 = problem
    _, grad_w1, _ = two_layer_gradients(x, y, w1, w2)
    step = torch.zeros_like(w1)
    step[2, 1] = 1e-6
    up, down = two_layer_gradients(x, y, w1 + step, w2)[0], two_layer_gradients(x, y, w1 - step, w2)[0]
    assert grad_w1[2, 1].item() == pytest.approx(((up - down) / 2e-6).item(), rel=1e-5, abs=1e-8)


def test_hand_and_autograd_agree(problem):
    """Five updates by hand end where five updates by autograd end."""
    by_hand = train_by_hand(*problem, learning_rate=0.1, steps=5)
    by_autograd = train_with_autograd(*problem, learning_rate=0.1, steps=5)
    x, y, w1, w2 = problem
    for name, ours, theirs in zip(("w1", "w2", "losses"), by_hand, by_autograd, strict=True):
        inputs = {"x": x, "y": y, "w1": w1, "w2": w2}
        assert_close(ours, theirs, name=f"{name} of train_by_hand, against train_with_autograd", inputs=inputs, rtol=1e-6)


def test_losses_are_before_the_updates(problem):
    """losses[0] is the loss of the weights as given."""
    losses = train_by_hand(*problem, learning_rate=0.1, steps=3)[2]
    assert len(losses) == 3
    assert_close(losses[0], two_layer_gradients(*problem)[0].item(), name="losses[0]", rtol=1e-6)


def test_another_activation(problem):
    """The activation is an argument."""
    relu = train_with_autograd(*problem, learning_rate=0.1, steps=2)[2]
    tanh = train_with_autograd(*problem, learning_rate=0.1, steps=2, activation=torch.tanh)[2]
    assert relu[0] != pytest.approx(tanh[0])


def test_optim_trains_the_model(problem):
    """The loss of a linear model falls, and the model has changed."""
    x, y, *_ = problem
    model = nn.Linear(4, 2).double()
    before = model.weight.detach().clone()
    losses = train_with_optim(model, x, y, learning_rate=0.05, steps=20)
    assert losses[-1] < losses[0]
    assert not torch.equal(before, model.weight)
