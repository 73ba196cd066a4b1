"""Hidden checks for two_layer.py: one network, trained three ways."""

import pytest
import torch
from torch.nn import functional as F

from grader.checks import StudentError, assert_close, points, untouched
from grader.checks.training import longer_step, unasked
from grader.text import counted


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


def _otherwise(x, y, weights, forward, learning_rate, steps):
    """What wrong loops end in: by what is wrong, functions that give (weights, losses)."""

    def loss_at(at, measure=F.mse_loss):
        return measure(forward(x, *at), y)

    def run(measure=F.mse_loss, keep=(), in_turn=None, late=False, optimiser=None, scale=1.0, momentum=0.0, decay=0.0, change=lambda gradients: gradients):
        leaves = [w.clone().requires_grad_() for w in weights]
        rule = optimiser(leaves, lr=learning_rate) if optimiser else None
        total, losses = [torch.zeros_like(w) for w in leaves], []
        velocity = [torch.zeros_like(w) for w in leaves]
        for _ in range(steps):
            losses.append(loss_at(leaves, measure).item())
            for group in in_turn or [range(len(leaves))]:
                gradients = change([scale * g for g in torch.autograd.grad(loss_at(leaves, measure), leaves)])
                for k in group:
                    total[k] = gradients[k] + (total[k] if k in keep else 0)
                    leaves[k].grad = total[k]
                    velocity[k] = momentum * velocity[k] + total[k] + decay * leaves[k].detach()
                    if rule is None:
                        leaves[k] = (leaves[k] - learning_rate * velocity[k]).detach().requires_grad_()
            if rule is not None:
                rule.step()
            if late:
                losses[-1] = loss_at(leaves).item()
        return [w.detach() for w in leaves], [scale * loss for loss in losses]

    def only_losses(change):
        kept, losses = _descend(x, y, weights, forward, learning_rate, steps)
        return kept, change(losses)

    n, d_out = y.shape
    scales = {
        "the squared errors summed, not averaged": n * d_out,
        "the mean over the examples of a sum over the outputs, not the mean over all entries": d_out,
        "the mean over the outputs of a sum over the examples, not the mean over all entries": n,
        "half of the squared error": 0.5,
    }

    measures = {
        "the Huber loss, whose square is halved and which is linear beyond 1": F.huber_loss,
        "the mean absolute error, not the mean squared one": F.l1_loss,
        "the root of the mean squared error": lambda guess, truth: F.mse_loss(guess, truth).sqrt(),
    }

    def fading(factor):
        """Gradients that are scaled down more with each step, as a learning rate that decays does."""
        left = [1.0]

        def change(gradients):
            scaled = [left[0] * gradient for gradient in gradients]
            left[0] *= factor
            return scaled

        return change

    still = "the weights left as they were: nothing is learnt (are gradients cleared between `backward` and `step`?)"
    found = {
        "gradients that add up from step to step: they are not cleared": lambda: run(keep=tuple(range(len(weights)))),
        still: lambda: (list(weights), [loss_at(weights).item()] * steps),
        "losses taken after each update, not before": lambda: run(late=True),
        "Adam instead of plain gradient descent": lambda: run(optimiser=torch.optim.Adam),
        "steps up the gradient": lambda: _descend(x, y, weights, forward, -learning_rate, steps),
        **{words: lambda scale=scale: run(scale=scale) for words, scale in scales.items()},
        **{words: lambda measure=measure: run(measure=measure) for words, measure in measures.items()},
        "each gradient divided by its own norm, which nobody asked for": lambda: run(change=lambda gradients: [g / g.norm() for g in gradients]),
        "the sign of each gradient's entries in place of the gradient": lambda: run(change=lambda gradients: [g.sign() for g in gradients]),
        **{f"{words}, in `losses` alone": lambda scale=scale: only_losses(lambda values: [scale * v for v in values]) for words, scale in scales.items()},
    }
    if steps > 1:
        found |= {
            f"a learning rate that is multiplied by {factor:g} after every step, which nobody asked for": lambda factor=factor: run(change=fading(factor))
            for factor in (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999)
        }
        found["losses that lag behind: the first one twice, and the last one not at all"] = lambda: only_losses(lambda values: [values[0], *values[:-1]])
        found["the same loss at every step, that of the first"] = lambda: only_losses(lambda values: values[:1] * steps)
    found |= unasked(lambda **how: run(**how))
    if len(weights) == 2:
        found["w2 updated before the gradient of w1 is taken"] = lambda: run(in_turn=[[1], [0]])
        found["w1 updated before the gradient of w2 is taken"] = lambda: run(in_turn=[[0], [1]])
        for k in (0, 1):
            found[f"the gradient of w{k + 1} not cleared between steps"] = lambda k=k: run(keep=(k,))
    return found


def _compare(got, expected, names, steps, wrong, start):
    weights, losses = expected
    *got_weights, got_losses = got
    found = len(got_losses)
    assert found == steps, f"`losses` should hold {steps} numbers, one per update; it holds {found}."
    # Losses kept in float32 are fine, so they are compared less strictly than the weights.
    mistakes = {words: lambda make=make: torch.tensor(make()[1], dtype=torch.float64) for words, make in wrong.items()}
    right = torch.tensor(losses, dtype=torch.float64)
    assert_close(_numbers(got_losses), right, rtol=1e-5, atol=1e-7, name="losses", mistakes=mistakes)
    mistakes = {words: lambda make=make: dict(zip(names, make()[0], strict=True)) for words, make in wrong.items()}
    given, right, before = (dict(zip(names, values, strict=True)) for values in (got_weights, weights, start))
    if steps == 1:
        mistakes |= longer_step(before, right, given)
    assert_close(given, right, name=f"after {counted(steps, 'update')}, weights", mistakes=mistakes)


def hidden_error(x, y, w1, w2):
    """The squared error of each entry."""
    return (_relu_net(x, w1, w2) - y).square()


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
    error = hidden_error(x, y, w1, w2)
    scaled = {"the sum over all entries, not their mean": error.sum(), "the mean over the examples of a sum over the outputs": error.sum(dim=1).mean(), "half of the squared error": error.mean() / 2}
    assert_close(loss, truth.detach(), name="loss", inputs=inputs, mistakes=scaled)
    hidden = x @ w1
    back = 2 * (hidden.clamp(min=0) @ w2 - y) / y.numel() @ w2.T
    mistakes = {
        "the ReLU's mask left out: the gradient flows through units that are off": x.T @ back,
        "the ReLU's mask taken from the gradient instead of the ReLU's input": x.T @ back.clamp(min=0),
        "the ReLU's mask inverted": x.T @ (back * (hidden < 0)),
        "the ReLU's output instead of its mask of 0 and 1": x.T @ (back * hidden.clamp(min=0)),
        "the sign of the ReLU's input, -1 or 1, instead of its mask of 0 and 1": x.T @ (back * hidden.sign()),
    }
    assert_close(grad_w1, leaf1.grad, name="grad_w1", inputs=inputs, mistakes=mistakes)
    before = {"the hidden layer before its ReLU in the gradient of w2": hidden.T @ (2 * (hidden.clamp(min=0) @ w2 - y) / y.numel())}
    assert_close(grad_w2, leaf2.grad, name="grad_w2", inputs=inputs, mistakes=before)


@points(2, hint="These two do without autograd: write the chain rule as matrix products.")
@pytest.mark.without("autograd")
@pytest.mark.parametrize("name", ["two_layer_gradients", "train_by_hand"])
def test_gradients_written_by_hand(student, probe, rng, name):
    """The hand-written part does not call autograd."""
    more = (0.1, 2) if name == "train_by_hand" else ()
    x, y, w1, w2 = _problem(rng)
    message = f"`{name}` uses autograd; write the gradient by hand."
    try:
        _, used = probe.torch_names(student.ref(name), x, y, w1, w2, *more)
        got = getattr(student, name)(x, y, w1, w2, *more)
    except StudentError as error:
        # Here nothing has a graph, whatever the probe is shown.
        assert "does not require grad" not in str(error), message
        raise
    autograd = sorted({"backward", "grad", "vjp", "jacobian", "requires_grad_"} & set(used))
    assert not autograd, f"`{name}` uses autograd (`{', '.join(autograd)}`); write the gradient by hand."
    before = (w1, w2) if more else (torch.zeros_like(w1), torch.zeros_like(w2))
    still = all(torch.equal(value, start) for value, start in zip(got[:2] if more else got[1:3], before, strict=True))
    assert not still, f"Without autograd `{name}` finds no gradient; write it by hand."


@points(3, hint="Both gradients come from the old weights: change neither before you have both.")
@pytest.mark.parametrize(("steps", "rate"), [(1, 0.2), (6, 0.15)])
def test_train_by_hand(student, rng, steps, rate):
    """`train_by_hand` walks down the gradient, step by step."""
    while True:
        x, y, w1, w2 = _problem(rng)
        way = (x, y, (w1, w2), _relu_net, rate, steps)
        on = (x @ w1 > 0).double()
        # In more than one step, some unit must go on or off: else a mask that is kept would not show.
        if steps == 1 or bool((on != (x @ _descend(*way[:-1], steps - 1)[0][0] > 0).double()).any()):
            break
    got = student.train_by_hand(x, y, w1, w2, rate, steps)
    first = {"the ReLU's mask of the first step, kept for all others": lambda: _descend(x, y, (w1, w2), lambda x, a, b: (on * (x @ a)) @ b, rate, steps)}
    _compare(got, _descend(*way), ("w1", "w2"), steps, (first if steps > 1 else {}) | _otherwise(*way), (w1, w2))


@points(4, hint="Gradients add up in `.grad` until you clear them; update inside `torch.no_grad()`.")
@pytest.mark.parametrize(("steps", "rate"), [(1, 0.2), (6, 0.15)])
def test_train_with_autograd(student, rng, steps, rate):
    """`train_with_autograd` makes the same steps as gradients by hand."""
    x, y, w1, w2 = _problem(rng)
    got = student.train_with_autograd(x, y, w1, w2, rate, steps)
    way = (x, y, (w1, w2), _relu_net, rate, steps)
    _compare(got, _descend(*way), ("w1", "w2"), steps, _otherwise(*way), (w1, w2))


@points(2, hint="Call `activation` where the ReLU was; the rest of the loop need not know which one it is.")
@pytest.mark.parametrize("activation", ["tanh", "softplus", "scaled sine"])
def test_train_with_other_activations(student, probe, rng, activation):
    """`train_with_autograd` trains with any differentiable activation."""
    function = {"tanh": torch.tanh, "softplus": F.softplus, "scaled sine": lambda h: 0.5 * torch.sin(2 * h)}[activation]
    x, y, w1, w2 = _problem(rng)
    got = probe.train_with_activation(student.ref("train_with_autograd"), x, y, w1, w2, 0.2, 3, activation)
    way = (x, y, (w1, w2), lambda x, a, b: function(x @ a) @ b, 0.2, 3)
    ignored = {"a ReLU, whatever `activation` is given": lambda: _descend(x, y, (w1, w2), _relu_net, 0.2, 3)}
    _compare(got, _descend(*way), ("w1", "w2"), 3, ignored | _otherwise(*way), (w1, w2))


@points(3, hint="Build SGD once, then per step: forward, loss, zero_grad, backward, step.")
@pytest.mark.parametrize(("steps", "rate"), [(1, 0.2), (5, 0.15)])
def test_train_with_optim(student, probe, rng, steps, rate):
    """`train_with_optim` trains the given module by plain SGD on the mean squared error."""
    x, y, w1, w2 = _problem(rng)
    b1 = torch.randn(w1.shape[1], generator=rng, dtype=torch.float64)
    weights, losses, modes, *kept = probe.train_model(student.ref("train_with_optim"), w1, b1, w2, x, y, rate, steps)
    assert all(modes), "`train_with_optim` puts the model into evaluation mode, where dropout does not drop; it comes in training mode, and stays in it."
    way = (x, y, (w1, b1, w2), lambda x, a, b, c: torch.tanh(x @ a + b) @ c, rate, steps)
    names = ("first weight", "first bias", "second weight")
    _compare((*weights, losses), _descend(*way), names, steps, _otherwise(*way), (w1, b1, w2))
    for what, before, after in zip("xy", (x, y), kept, strict=True):
        assert torch.equal(before, after), f"`train_with_optim` overwrites the {what} it was given."


@points(1, hint="`w1 -= ...` changes the caller's tensor; start from `w1.clone()`, or make new ones each step.")
@pytest.mark.parametrize("name", ["train_by_hand", "train_with_autograd"])
def test_start_weights_unchanged(student, rng, name):
    """Training returns new weights and leaves those it started from, and the data."""
    untouched(getattr(student, name))(*_problem(rng), 0.2, 2)
