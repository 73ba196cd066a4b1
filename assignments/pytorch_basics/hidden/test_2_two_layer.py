"""Hidden checks for two_layer.py: one network, trained three ways."""

import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points


def _problem(rng, n=6, d_in=5, hidden=8, d_out=3, dtype=torch.float64):
    """x, y, w1, w2 of unequal sizes; pre-activations are continuous, so none lies at ReLU's kink."""
    x, y = (torch.randn(n, d, generator=rng, dtype=dtype) for d in (d_in, d_out))
    w1 = torch.randn(d_in, hidden, generator=rng, dtype=dtype) / d_in**0.5
    w2 = torch.randn(hidden, d_out, generator=rng, dtype=dtype) / hidden**0.5
    return x, y, w1, w2


def _descend(x, y, weights, forward, learning_rate, steps):
    """Gradient descent by torch: the truth."""
    weights, losses = [w.clone().requires_grad_() for w in weights], []
    for _ in range(steps):
        loss = F.mse_loss(forward(x, *weights), y)
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, weights)
        weights = [(w - learning_rate * g).detach().requires_grad_() for w, g in zip(weights, gradients, strict=True)]
    return [w.detach() for w in weights], losses


def _relu_net(x, w1, w2):
    return torch.relu(x @ w1) @ w2


def _numbers(losses):
    """Losses as a float64 tensor, whether they came as floats or as tensors without axes."""
    return torch.tensor([float(getattr(loss, "value", loss)) for loss in losses], dtype=torch.float64)


def _compare(got, expected, names, steps):
    weights, losses = expected
    *got_weights, got_losses = got
    found = len(got_losses)
    assert found == steps, f"`losses` should hold {steps} numbers, one per update; it holds {found}."
    # Losses kept in float32 are fine, so they are compared less strictly than the weights.
    assert_close(_numbers(got_losses), torch.tensor(losses, dtype=torch.float64), rtol=1e-5, atol=1e-7, name="losses")
    for name, got_weight, weight in zip(names, got_weights, weights, strict=True):
        assert_close(got_weight, weight, name=f"{name} after {steps} updates")


@points(5, hint="Chain rule from the back: 2 (y_pred - y) / (N * D_out), then w2, then the ReLU's mask, then x.")
@pytest.mark.parametrize("sizes", [(6, 5, 8, 3), (3, 7, 4, 9)])
def test_two_layer_gradients(student, rng, sizes):
    """`two_layer_gradients` gives the loss and both gradients."""
    x, y, w1, w2 = _problem(rng, *sizes)
    loss, grad_w1, grad_w2 = student.two_layer_gradients(x, y, w1, w2)
    leaf1, leaf2 = w1.clone().requires_grad_(), w2.clone().requires_grad_()
    truth = F.mse_loss(_relu_net(x, leaf1, leaf2), y)
    truth.backward()
    inputs = {"x": x, "y": y}
    assert_close(loss, truth.detach(), name="loss", inputs=inputs)
    assert_close(grad_w1, leaf1.grad, name="grad_w1", inputs=inputs)
    assert_close(grad_w2, leaf2.grad, name="grad_w2", inputs=inputs)


@points(2, hint="These two do without autograd: write the chain rule as matrix products.")
@pytest.mark.parametrize("name", ["two_layer_gradients", "train_by_hand"])
def test_gradients_written_by_hand(student, probe, rng, name):
    """The hand-written part does not call autograd."""
    more = (0.1, 2) if name == "train_by_hand" else ()
    _, used = probe.torch_names(student.ref(name), *_problem(rng), *more)
    autograd = sorted({"backward", "grad", "vjp", "jacobian", "requires_grad_"} & set(used))
    assert not autograd, f"`{name}` uses autograd (`{', '.join(autograd)}`); write the gradient by hand."


@points(3, hint="Both gradients come from the old weights: change neither before you have both.")
@pytest.mark.parametrize("steps", [1, 6])
def test_train_by_hand(student, rng, steps):
    """`train_by_hand` walks down the gradient, step by step."""
    x, y, w1, w2 = _problem(rng)
    got = student.train_by_hand(x, y, w1, w2, 0.2, steps)
    _compare(got, _descend(x, y, (w1, w2), _relu_net, 0.2, steps), ("w1", "w2"), steps)


@points(4, hint="Gradients add up in `.grad` until you clear them; update inside `torch.no_grad()`.")
@pytest.mark.parametrize("steps", [1, 6])
def test_train_with_autograd(student, rng, steps):
    """`train_with_autograd` walks the same way as gradients by hand."""
    x, y, w1, w2 = _problem(rng)
    got = student.train_with_autograd(x, y, w1, w2, 0.2, steps)
    _compare(got, _descend(x, y, (w1, w2), _relu_net, 0.2, steps), ("w1", "w2"), steps)


@points(2, hint="Call `activation` where the ReLU was; the rest of the loop need not know which one it is.")
@pytest.mark.parametrize("activation", ["tanh", "softplus", "scaled sine"])
def test_train_with_other_activations(student, probe, rng, activation):
    """`train_with_autograd` trains with any differentiable activation."""
    function = {"tanh": torch.tanh, "softplus": F.softplus, "scaled sine": lambda h: 0.5 * torch.sin(2 * h)}[activation]
    x, y, w1, w2 = _problem(rng)
    got = probe.train_with_activation(student.ref("train_with_autograd"), x, y, w1, w2, 0.2, 3, activation)
    _compare(got, _descend(x, y, (w1, w2), lambda x, a, b: function(x @ a) @ b, 0.2, 3), ("w1", "w2"), 3)


@points(3, hint="Build SGD once, then per step: forward, loss, zero_grad, backward, step.")
@pytest.mark.parametrize("steps", [1, 5])
def test_train_with_optim(student, probe, rng, steps):
    """`train_with_optim` trains the module it is given, by plain SGD on the mean squared error."""
    x, y, w1, w2 = _problem(rng)
    b1 = torch.randn(w1.shape[1], generator=rng, dtype=torch.float64)
    weights, losses = probe.train_model(student.ref("train_with_optim"), w1, b1, w2, x, y, 0.2, steps)
    truth = _descend(x, y, (w1, b1, w2), lambda x, a, b, c: torch.tanh(x @ a + b) @ c, 0.2, steps)
    _compare((*weights, losses), truth, ("first weight", "first bias", "second weight"), steps)


@points(1, hint="`w1 -= ...` changes the caller's tensor; start from `w1.clone()`, or make new ones each step.")
@pytest.mark.parametrize("name", ["train_by_hand", "train_with_autograd"])
def test_start_weights_unchanged(student, rng, name):
    """Training returns new weights and leaves those it started from."""
    x, y, w1, w2 = _problem(rng)
    first, second = (student.leaf(w, requires_grad=False) for w in (w1, w2))
    getattr(student, name)(x, y, first, second, 0.2, 2)
    assert torch.equal(first.fetch(), w1), f"`{name}` overwrites the w1 it was given."
    assert torch.equal(second.fetch(), w2), f"`{name}` overwrites the w2 it was given."
