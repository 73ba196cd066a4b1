"""Hidden checks: TwoLayerNet.train. One step is compared exactly, a whole training only by what it achieves.

Where a training must be deterministic, all training examples are equal: then every way to draw a batch, with or
without replacement, gives the same gradient.
"""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points
from grader.checks.training import assert_random_batches, unasked

TOLERANCE = {"rtol": 1e-4, "atol": 2e-5}
D, H, C = 5, 7, 4


def equal_examples(np_rng, n=6):
    """Parameters and n equal training examples with no hidden unit near its kink; a mixed validation set."""
    shapes = {"W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,)}
    while True:
        params = {name: 0.6 * np_rng.normal(size=shape) for name, shape in shapes.items()}
        x = np_rng.normal(size=(1, D))
        before = x @ params["W1"] + params["b1"]
        scores = np.maximum(before, 0) @ params["W2"] + params["b2"]
        # Away from the kinks, some units alive and some dead, scores of both signs: every part of the network shows.
        if abs(before).min() > 0.01 and 2 <= (before > 0).sum() <= H - 2 and scores.min() < -0.1 and scores.max() > 0.1:
            break
    train = np.repeat(x, n, axis=0), np.repeat(np_rng.integers(C), n)
    validation = np_rng.normal(size=(11, D)), np_rng.integers(C, size=11)
    return params, train, validation


def descend(params, x, y, rates, reg, *, momentum=0.0, decay=0.0, change=lambda gradients: gradients):
    """Parameters after one full-batch step of gradient descent for each of ``rates``, and the first loss."""
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}
    first, velocity = None, [0.0] * len(leaves)
    for rate in rates:
        hidden = F.relu(torch.tensor(x) @ leaves["W1"] + leaves["b1"])
        loss = F.cross_entropy(hidden @ leaves["W2"] + leaves["b2"], torch.tensor(y))
        loss = loss + reg * (leaves["W1"].square().sum() + leaves["W2"].square().sum())
        first = loss.item() if first is None else first
        grads = change(list(torch.autograd.grad(loss, list(leaves.values()))))
        velocity = [momentum * old + grad + decay * leaf for old, grad, leaf in zip(velocity, grads, leaves.values())]
        leaves = {name: (leaf - rate * grad).detach().requires_grad_() for (name, leaf), grad in zip(leaves.items(), velocity)}
    return {name: leaf.detach().numpy() for name, leaf in leaves.items()}, first


ORDERS = {"W1 and b1 moved before the gradients of W2 and b2 are taken": ("W1", "b1", "W2", "b2"), "W2 and b2 moved before the gradients of W1 and b1 are taken": ("W2", "b2", "W1", "b1")}


def one_by_one(params, x, y, rates, reg, order):
    """Descent that moves one parameter after another, each along its gradient at the point reached by then."""
    params = dict(params)
    for rate in rates:
        for name in order:
            params[name] = descend(params, x, y, [rate], reg)[0][name]
    return params


def trained_otherwise(params, train, rates, reg):
    """What wrong training loops end in: by what is wrong, functions that give all four parameters."""
    def only(names):
        kept = dict(params)
        for rate in rates:
            moved = descend(kept, *train, [rate], reg)[0]
            kept = {name: moved[name] if name in names else value for name, value in kept.items()}
        return kept

    found = {
        "steps up the gradient, not down": lambda: descend(params, *train, [-rate for rate in rates], reg)[0],
        "the biases left as they were": lambda: only(("W1", "W2")),
        "nothing updated at all": lambda: params,
        "reg left out of the gradient": lambda: descend(params, *train, rates, 0.0)[0],
        "half of the regularisation": lambda: descend(params, *train, rates, reg / 2)[0],
        "one step too few": lambda: descend(params, *train, rates[:-1], reg)[0],
        "one step too many": lambda: descend(params, *train, [*rates, rates[-1]], reg)[0],
    }
    found |= {words: lambda order=order: one_by_one(params, *train, rates, reg, order) for words, order in ORDERS.items()}
    return found | unasked(lambda **how: descend(params, *train, rates, reg, **how)[0])


def compare(probe, net, expected, wrong):
    """All four parameters of the student's net against the expected ones."""
    assert_close(probe.params_of(net), expected, name="after training, params", mistakes=wrong, **TOLERANCE)


@points(4, hint="One step: param -= learning_rate * grad for all four, with the gradients of one and the same loss.")
@pytest.mark.parametrize("batch_size", [6, 2])
def test_one_step(student, probe, np_rng, batch_size):
    """`train` makes exactly one step of gradient descent when asked for one."""
    params, train, validation = equal_examples(np_rng)
    net = probe.make_net(student.ref("TwoLayerNet"), [D, H, C], params)
    settings = {"learning_rate": 0.3, "learning_rate_decay": 1.0, "reg": 0.05, "num_iters": 1, "batch_size": batch_size}
    probe.train(net, *train, *validation, settings, seed=1)
    expected, _ = descend(params, *train, [0.3], reg=0.05)
    epoch = {"num_iters taken for a number of epochs": lambda: descend(params, *train, [0.3] * (6 // batch_size), 0.05)[0]} if batch_size < 6 else {}
    compare(probe, net, expected, trained_otherwise(params, train, [0.3], 0.05) | epoch)
    # Large inputs with the least likely label: a gradient far above what anybody clips it to.
    x = 30 * train[0]
    scores = np.maximum(x @ params["W1"] + params["b1"], 0) @ params["W2"] + params["b2"]
    steep = x, scores.argmin(axis=1)
    net = probe.make_net(student.ref("TwoLayerNet"), [D, H, C], params)
    probe.train(net, *steep, *validation, settings | {"learning_rate": 0.001}, seed=1)
    compare(probe, net, descend(params, *steep, [0.001], 0.05)[0], trained_otherwise(params, steep, [0.001], 0.05))


@points(2, hint="Step t uses learning_rate * decay ** (t // steps_per_epoch), with N // batch_size steps in an epoch.")
@pytest.mark.parametrize(("batch_size", "steps_per_epoch"), [(2, 3), (9, 1)])
def test_decay(student, probe, np_rng, batch_size, steps_per_epoch):
    """`train` lowers the learning rate after every epoch."""
    params, train, validation = equal_examples(np_rng)
    net = probe.make_net(student.ref("TwoLayerNet"), [D, H, C], params)
    settings = {"learning_rate": 0.2, "learning_rate_decay": 0.5, "reg": 0.0, "num_iters": 8, "batch_size": batch_size}
    probe.train(net, *train, *validation, settings, seed=1)
    rates = [0.2 * 0.5 ** (step // steps_per_epoch) for step in range(8)]
    expected, _ = descend(params, *train, rates, reg=0.0)
    schedules = {
        "a learning rate that never falls": [0.2] * 8,
        "a learning rate that falls after every step": [0.2 * 0.5**step for step in range(8)],
        "a learning rate that falls one step too early": [0.2 * 0.5 ** ((step + 2) // 3) for step in range(8)],
        "a learning rate that falls one step too late": [0.2 * 0.5 ** (max(step - 1, 0) // 3) for step in range(8)],
        "a learning rate that has fallen before the first step": [0.1 * 0.5 ** (step // 3) for step in range(8)],
    }
    for every in range(2, 9):
        if every != steps_per_epoch:
            schedules[f"a learning rate that falls every {every} steps, where an epoch has {steps_per_epoch}"] = [0.2 * 0.5 ** (step // every) for step in range(8)]
    wrong = {words: lambda other=other: descend(params, *train, other, reg=0.0)[0] for words, other in schedules.items()}
    for left in range(1, 8):
        words = f"the parameters after {left} of 8 steps: those of an earlier step are put back at the end"
        wrong[words] = lambda left=left: descend(params, *train, rates[:left], reg=0.0)[0]
    compare(probe, net, expected, wrong | trained_otherwise(params, train, rates, 0.0))


@points(2, hint="loss_history: one entry per step; val_acc_history: one entry per epoch, the accuracy on all of X_val.")
def test_histories(student, probe, np_rng):
    """`train` returns the losses and accuracies that it saw."""
    params, train, validation = equal_examples(np_rng, n=7)
    # Labels that the network names, so that no accuracy is 0: there a sum and a mean are the same.
    scores = np.maximum(train[0] @ params["W1"] + params["b1"], 0) @ params["W2"] + params["b2"]
    train = train[0], scores.argmax(axis=1)
    scores = np.maximum(validation[0] @ params["W1"] + params["b1"], 0) @ params["W2"] + params["b2"]
    # Wrong in the first batch of them and right in some of the rest, so that the whole set has an accuracy of its own.
    labels = np.where(np.arange(11) < 3, scores.argmin(axis=1), np.where(np.arange(11) < 8, scores.argmax(axis=1), validation[1]))
    # Many of them, and none right behind the first 110: who measures a part of them measures another accuracy.
    validation = np.tile(validation[0], (30, 1)), np.concatenate([np.tile(labels, 10), np.tile(scores.argmin(axis=1), 20)])
    # A rate of zero leaves the network as it is, so every entry is known; the first loss is known at any rate.
    net = probe.make_net(student.ref("TwoLayerNet"), [D, H, C], params)
    settings = {"learning_rate": 0.0, "learning_rate_decay": 0.9, "reg": 0.1, "num_iters": 6, "batch_size": 3}
    history = probe.train(net, *train, *validation, settings, seed=1)
    missing = [name for name in ("loss_history", "train_acc_history", "val_acc_history") if name not in history]
    assert not missing, f"what train returns lacks {', '.join(missing)}"
    losses = np.asarray(history["loss_history"])
    assert losses.shape == (6,), f"loss_history has {losses.size} entries after 6 steps"
    _, loss = descend(params, *train, [0.0], reg=0.1)
    squares = {name: float((value**2).sum()) for name, value in params.items()}
    mistakes = {
        "reg left out": loss - 0.1 * (squares["W1"] + squares["W2"]),
        "half of the regularisation": loss - 0.05 * (squares["W1"] + squares["W2"]),
        "the biases regularised as well": loss + 0.1 * (squares["b1"] + squares["b2"]),
        "W1 alone regularised": loss - 0.1 * squares["W2"],
    }
    mistakes = {words: np.full(6, value) for words, value in mistakes.items()}
    assert_close(losses, np.full(6, loss), name="loss_history", mistakes=mistakes, **TOLERANCE)
    for name, (x, y) in {"train_acc_history": train, "val_acc_history": validation}.items():
        # 7 // 3 = 2 steps an epoch; an entry before the first step as well does no harm.
        values = np.asarray(history[name])
        assert values.size in (3, 4), f"{name} has {values.size} entries after 3 epochs"
        accuracy = float(np.mean(np.asarray(net.predict(x)) == y))
        other = {"train": validation, "val": train}[name.partition("_")[0]]
        swapped = float(np.mean(np.asarray(net.predict(other[0])) == other[1]))
        mistakes = {f"the accuracy on the {'validation' if name[0] == 't' else 'training'} examples": np.full(values.size, swapped)}
        first = float(np.mean(np.asarray(net.predict(x[:3])) == y[:3]))
        mistakes["the accuracy on the first `batch_size` examples alone"] = np.full(values.size, first)
        for few in (50, 100, 200, 256):
            if few < len(x):
                part = float(np.mean(np.asarray(net.predict(x[:few])) == y[:few]))
                mistakes[f"the accuracy on the first {few} examples alone, not on all of them"] = np.full(values.size, part)
        mistakes["a percentage"] = np.full(values.size, 100 * accuracy)
        mistakes["the number of right answers, not their share"] = np.full(values.size, len(x) * accuracy)
        assert_close(values, np.full(values.size, accuracy), name=name, mistakes=mistakes, **TOLERANCE)
    settings["learning_rate"], settings["num_iters"] = 0.3, 1
    history = probe.train(net, *train, *validation, settings, seed=1)
    assert_close(history["loss_history"], [loss], name="the first entry of loss_history", **TOLERANCE)
    # All training examples are alike, so that fewer steps from the same start show where the loss of each step was taken.
    examples = np.repeat(train[0][:1], 7, axis=0), np.repeat(train[1][:1], 7)
    settings |= {"learning_rate": 0.05, "learning_rate_decay": 1.0}

    def trained(steps):
        net = probe.make_net(student.ref("TwoLayerNet"), [D, H, C], params)
        history = probe.train(net, *examples, *validation, settings | {"num_iters": steps}, seed=1) if steps else {}
        return net, history.get("loss_history", [])

    right = [float(trained(steps)[0].loss(*examples, reg=0.1)[0]) for steps in range(6)]
    running = [right[0]]
    for value in right[1:5]:
        running.append(0.9 * running[-1] + 0.1 * value)
    mistakes = {
        "the losses after each update, not before it": right[1:],
        "a running average of the losses, not each step's own": running,
        "the mean of all losses so far": np.cumsum(right[:5]) / np.arange(1, 6),
        "the loss of the first step at every step": right[:1] * 5,
    }
    assert_close(trained(5)[1], right[:5], name="loss_history while the weights move", mistakes=mistakes, **TOLERANCE)


@points(1, hint="At every step, draw `batch_size` random numbers from 0..N-1, and index X and y with them.")
def test_batches(student, probe, np_rng):
    """`train` draws a new random batch of `batch_size` examples at each step, from all of them."""
    n, size = 20, 4
    x, y = 0.01 * np_rng.normal(size=(n, 3)), np_rng.integers(C, size=n)
    x[:, 0] = np.arange(n)
    net = student.TwoLayerNet(3, 5, C, std=0.01)
    # Numbers of the examples are large inputs: at this rate nothing moves.
    settings = {"learning_rate": 1e-9, "reg": 0.0, "num_iters": 160, "batch_size": size}
    seed = int(np_rng.integers(2**30))
    batches, other = (probe.batches_of(None, net, x, y, settings, s) for s in (seed, seed + 1))
    assert_random_batches(batches, n, size)
    assert not batches or batches != other, "two trainings draw the very same batches, whatever the seed: a generator is seeded inside train"
    changed = probe.changed_by_training(net, x, y, settings)
    assert not changed, f"train changes the {' and the '.join(changed)} that it is given: mix indices, not the arrays"


@points(2, hint="A net this large can learn 12 examples by heart. Draw X and y with the same indices, and a new batch each step.")
def test_overfits(student, probe, np_rng):
    """`train` learns a dozen random examples by heart."""
    x, y = np_rng.normal(size=(12, 9)), np_rng.permutation(np.arange(12) % 4)
    settings = {"learning_rate": 0.2, "learning_rate_decay": 1.0, "reg": 0.0, "num_iters": 200, "batch_size": 3}
    net, _ = probe.train_new(student.ref("TwoLayerNet"), [9, 40, 4], 0.3, x, y, x, y, settings, seed=int(np_rng.integers(2**31)))
    loss, _ = net.loss(x, y)
    assert loss < 0.2, f"after 200 steps the loss on 12 examples is still {loss:.2f}; guessing costs 1.39"


@points(4, hint="If the small checks pass and this does not, look at how batches are drawn: at random, from the whole training set.")
def test_accuracy(student, probe, profile, held_out, award, untrained, show, np_rng):
    """A trained `TwoLayerNet` recognises digits that it has not seen."""
    budget = profile.budget
    settings = {"learning_rate": 0.5, "learning_rate_decay": 0.95, "reg": 1e-4, "num_iters": budget["num_iters"], "batch_size": 50}
    sizes = [784, budget["hidden_size"], 10]
    net, losses = probe.train_new(student.ref("TwoLayerNet"), sizes, 0.05, *held_out.train, *held_out.validation, settings, seed=int(np_rng.integers(2**31)))
    show.curve(losses, unit="step", title="How your TwoLayerNet trained")
    fresh = student.TwoLayerNet(*sizes, std=0.05)
    untrained(held_out.known().accuracy(fresh.predict), metric="test_accuracy")
    award(held_out.accuracy(net.predict), metric="test_accuracy")
