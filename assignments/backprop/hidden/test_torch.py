"""Hidden checks: the network in PyTorch equals the numpy network. Truth: the reference in numpy, float64."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points
from grader.checks.activations import other_activations
from grader.checks.training import assert_random_batches, unasked
from grader.text import counted

# The student's net is float32.
TOLERANCE = {"rtol": 1e-3, "atol": 1e-4}
D, H, C = 6, 8, 5


def make_twins(reference, student, probe, np_rng):
    """The numpy reference and the student's torch net under the same random weights and biases; a batch of 9."""
    shapes = {"W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,)}
    while True:
        params = {name: 0.6 * np_rng.normal(size=shape) for name, shape in shapes.items()}
        x = np_rng.normal(size=(9, D)).astype(np.float32)
        if abs(x @ params["W1"] + params["b1"]).min() > 1e-3:
            break
    truth = reference.TwoLayerNet(D, H, C)
    truth.params = {name: value.copy() for name, value in params.items()}
    return truth, probe.make_torch_net(student.ref("TorchTwoLayerNet"), [D, H, C], params), x, np_rng.integers(C, size=9)


@points(1, hint="Two weight matrices with standard deviation `std` and two zero biases, all registered as parameters.")
def test_torch_init(student, probe, np_rng):
    """`TorchTwoLayerNet` has the parameters of the numpy network, drawn in the same way."""
    flat = np.concatenate([np.zeros(0), *probe.torch_parameters(student.ref("TorchTwoLayerNet"), [40, 60, 50], 0.03, seed=int(np_rng.integers(2**31)))])
    assert flat.size == 40 * 60 + 60 + 60 * 50 + 50, f"parameters() holds {flat.size} numbers; sizes (40, 60, 50) need 5510"
    weights = flat[flat != 0]
    assert 5390 <= weights.size <= 5400, "the biases should start at zero and the weights should not"
    assert 0.8 < weights.std() / 0.03 < 1.2, f"the weights' standard deviation is {weights.std():.3g} but should be 0.03, as `std` says"


@points(3, hint="nn.Linear keeps its weight as (out, in): transpose W1 and W2 in load_numpy. No softmax in forward.")
def test_torch_forward(reference, student, probe, np_rng):
    """`TorchTwoLayerNet` with the numpy net's weights gives the numpy net's scores."""
    truth, net, x, _ = make_twins(reference, student, probe, np_rng)
    p = truth.params

    def scores(w1=p["W1"], b1=p["b1"], w2=p["W2"], b2=p["b2"]):
        return np.maximum(x @ w1 + b1, 0) @ w2 + b2

    turned = {name: p[name].T.reshape(p[name].shape) for name in ("W1", "W2")}
    again = {name: p[name].reshape(p[name].shape[::-1]).T for name in ("W1", "W2")}
    mistakes = {
        "the weights put into nn.Linear's (out, in) layout without a transpose": lambda: scores(w1=again["W1"], w2=again["W2"]),
        "the weights reshaped instead of transposed": lambda: scores(w1=turned["W1"], w2=turned["W2"]),
        "biases that are zero: those of params are not loaded": lambda: scores(b1=0, b2=0),
        "b1 not loaded": lambda: scores(b1=0),
        "b2 not loaded": lambda: scores(b2=0),
        **other_activations(lambda f: f(torch.tensor(x @ p["W1"] + p["b1"])).numpy() @ p["W2"] + p["b2"]),
    }
    assert_close(probe.torch_scores(net, torch.from_numpy(x)), truth.loss(x), name="scores", inputs={"x": x}, mistakes=mistakes, **TOLERANCE)
    shared = probe.load_shares(student.ref("TorchTwoLayerNet"), [D, H, C], p)
    assert not shared, f"`load_numpy` does not copy {', '.join(shared)}: where they are float32, training the network changes the arrays that it was given."


@points(1, hint="The index of the largest score in each row.")
def test_torch_predict(reference, student, probe, np_rng):
    """`TorchTwoLayerNet.predict` returns the class with the largest score."""
    _, net, x, _ = make_twins(reference, student, probe, np_rng)
    labels = torch.as_tensor(net.predict(torch.from_numpy(x)))
    scores = probe.torch_scores(net, torch.from_numpy(x))
    assert labels.shape == (9,), f"predict returned shape {tuple(labels.shape)}; for 9 inputs it should be (9,)"
    assert (labels == scores.argmax(dim=1)).all(), "predict does not name the class with the largest score"
    assert labels.dtype == torch.int64, f"predict returned {labels.dtype}; classes are int64"


@points(2, hint="F.cross_entropy takes scores, not probabilities; reg times the squared weights, without the biases.")
@pytest.mark.parametrize("reg", [0.0, 0.7])
def test_torch_loss(reference, student, probe, np_rng, reg):
    """`TorchTwoLayerNet.loss` is the numpy net's loss."""
    truth, net, x, y = make_twins(reference, student, probe, np_rng)
    got = probe.torch_loss(net, torch.from_numpy(x), torch.from_numpy(y), reg)
    right, data = truth.loss(x, y, reg=reg)[0], truth.loss(x, y)[0]
    mistakes = {
        "a softmax before cross_entropy, which applies one itself": lambda: data_loss(torch.from_numpy(truth.loss(x)).softmax(dim=1), y) + right - data,
        "the biases regularised as well": lambda: right + reg * sum((truth.params[name] ** 2).sum() for name in ("b1", "b2")),
        "reg left out": data,
        "half of the regularisation": (right + data) / 2,
        "twice the regularisation": 2 * right - data,
        "the lengths of the weights, not their squares": lambda: data + reg * sum(np.linalg.norm(truth.params[name]) for name in ("W1", "W2")),
    }
    assert_close(got["loss"], right, name="loss", inputs={"x": x}, mistakes=mistakes, **TOLERANCE)


@points(2, hint="Keep the whole loss in torch: .item(), .detach(), .data and torch.tensor(...) cut the graph.")
@pytest.mark.parametrize("reg", [0.0, 0.7])
def test_torch_gradient(reference, student, probe, np_rng, reg):
    """`TorchTwoLayerNet.loss` has the gradient that you derived by hand."""
    truth, net, x, y = make_twins(reference, student, probe, np_rng)
    got = probe.torch_loss(net, torch.from_numpy(x), torch.from_numpy(y), reg)
    _, grads = truth.loss(x, y, reg=reg)
    squared_length = sum(float(np.square(grad).sum()) for grad in grads.values())
    def length(add=lambda name: 0.0):
        return sum(float(np.square(grad + add(name)).sum()) for name, grad in grads.items()) ** 0.5

    def through_softmax():
        leaves = {name: torch.tensor(value, requires_grad=True) for name, value in truth.params.items()}
        scores = torch.relu(torch.from_numpy(x).double() @ leaves["W1"] + leaves["b1"]) @ leaves["W2"] + leaves["b2"]
        penalty = reg * (leaves["W1"].square().sum() + leaves["W2"].square().sum())
        (F.cross_entropy(scores.softmax(dim=1), torch.from_numpy(y)) + penalty).backward()
        return sum(leaf.grad.square().sum().item() for leaf in leaves.values()) ** 0.5

    params = truth.params
    mistakes = {
        "reg in the loss but not in its gradient: the penalty is cut from the graph": lambda: length(lambda k: -2 * reg * params[k] if k[0] == "W" else 0.0),
        "the biases regularised as well": lambda: length(lambda k: 2 * reg * params[k] if k[0] == "b" else 0.0),
        "a softmax before cross_entropy, which applies one itself": through_softmax,
        "half of the regularisation": lambda: length(lambda k: -reg * params[k] if k[0] == "W" else 0.0),
        "the lengths of the weights regularised, not their squares": lambda: length(lambda k: reg * (params[k] / np.linalg.norm(params[k]) - 2 * params[k]) if k[0] == "W" else 0.0),
    }
    assert_close(got["squared_length"] ** 0.5, squared_length**0.5, name="the length of the whole gradient", mistakes=mistakes, **TOLERANCE)


def data_loss(scores, y):
    """Mean cross-entropy."""
    return F.cross_entropy(scores, torch.as_tensor(y)).item()


def stepped_otherwise(params, train, x, steps, per_epoch):
    """Scores that wrong loops end in: by what is wrong."""

    def run(kind="", optimiser=torch.optim.SGD, falls=True, penalty=0.02, momentum=0.0, decay=0.0, change=lambda gradients: gradients):
        leaves = [torch.tensor(params[name], requires_grad=True) for name in ("W1", "b1", "W2", "b2")]
        inputs, labels = torch.from_numpy(train[0]).double(), torch.from_numpy(train[1])
        rule = optimiser(leaves, lr=0.2) if optimiser is torch.optim.Adam else optimiser(leaves, lr=0.2, momentum=momentum, weight_decay=decay)
        for step in range(steps):
            rule.param_groups[0]["lr"] = 0.2 * 0.5 ** (step // (1 if falls == "each" else per_epoch if falls is True else falls)) if falls else 0.2
            w1, b1, w2, b2 = leaves
            loss = F.cross_entropy(torch.relu(inputs @ w1 + b1) @ w2 + b2, labels)
            weighted = {"all": leaves, "none": []}.get(kind, [w1, w2])
            loss = loss + penalty * sum((w.square().sum() for w in weighted), torch.zeros(()))
            if kind != "pile up":
                rule.zero_grad()
            loss.backward()
            for leaf, gradient in zip(leaves, change([leaf.grad for leaf in leaves])):
                leaf.grad = gradient
            rule.step()
        w1, b1, w2, b2 = (leaf.detach().numpy() for leaf in leaves)
        return np.maximum(x @ w1 + b1, 0) @ w2 + b2

    paces = {
        f"a learning rate that falls every {every} steps, where an epoch has {per_epoch}": lambda every=every: run(falls=every)
        for every in range(2, steps) if every != per_epoch
    }
    found = paces | {
        "weight_decay=reg in the optimiser besides the penalty in the loss": lambda: run(decay=0.02),
        "weight_decay=2 * reg in the optimiser besides the penalty in the loss": lambda: run(decay=0.04),
        "weight_decay=reg in place of the penalty": lambda: run("none", decay=0.02),
        "weight_decay=2 * reg in place of the penalty: it decays the biases as well": lambda: run("none", decay=0.04),
        "an untrained network: train the caller's own network, and call zero_grad before backward": lambda: np.maximum(x @ params["W1"] + params["b1"], 0) @ params["W2"] + params["b2"],
        "gradients that pile up: zero_grad is missing": lambda: run("pile up"),
        "Adam instead of plain SGD": lambda: run(optimiser=torch.optim.Adam),
        "the biases regularised as well": lambda: run("all"),
        "reg left out of the gradient": lambda: run("none"),
        "a learning rate that never falls": lambda: run(falls=False),
        "a learning rate that falls after every step": lambda: run(falls="each"),
        "half of the regularisation": lambda: run(penalty=0.01),
        "twice the regularisation": lambda: run(penalty=0.04),
    }
    return found | unasked(lambda **how: run(**how))


@points(2, hint="zero_grad, backward, step, in each iteration; the rate of step t is learning_rate * decay ** (t // steps_per_epoch).")
@pytest.mark.parametrize(("steps", "batch_size"), [(1, 2), (9, 2), (5, 12)])
def test_torch_steps(reference, student, probe, np_rng, steps, batch_size):
    """`train_torch` makes the steps that the numpy net makes."""
    truth, net, x, y = make_twins(reference, student, probe, np_rng)
    # Labels that the network names, so that no accuracy is 0: there a sum and a mean are the same.
    y[:5] = truth.predict(x[:5])
    # Equal examples: every way to draw a batch gives the same gradient. Nine of them, and six features.
    train = np.repeat(x[:1], 9, axis=0), np.repeat(y[:1], 9)
    settings = {"learning_rate": 0.2, "learning_rate_decay": 0.5, "reg": 0.02, "num_iters": steps, "batch_size": batch_size}
    # Many validation examples, the later ones with their least likely class: who measures a part of them measures another accuracy.
    others = np.tile(x, (30, 1)), np.concatenate([np.tile(y, 12), np.tile(truth.loss(x).argmin(axis=1), 18)])
    history = probe.torch_train(student.ref("train_torch"), net, *map(torch.from_numpy, (*train, *others)), settings, seed=1)
    start = {name: value.copy() for name, value in truth.params.items()}
    expected = truth.train(*train, *others, **settings)
    mistakes = stepped_otherwise(start, train, x, steps, max(9 // batch_size, 1))
    assert_close(probe.torch_scores(net, torch.from_numpy(x)), truth.loss(x), name=f"scores after {counted(steps, 'step')}", mistakes=mistakes, **TOLERANCE)
    for name in ("loss_history", "train_acc_history", "val_acc_history"):
        assert name in history, f"what train_torch returns lacks {name}"
        # An accuracy before the first step as well does no harm.
        extra = len(history[name]) - len(expected[name])
        assert extra == 0 or (extra == 1 and "acc" in name), f"{name} has {len(history[name])} entries, not {len(expected[name])}"
        longer = {**settings, "num_iters": steps + 1}
        again = reference.TwoLayerNet(D, H, C)
        again.params = {key: value.copy() for key, value in start.items()}
        after = {"the losses after each update, not before it": lambda: again.train(*train, x, y, **longer)["loss_history"][1:]}
        if name == "val_acc_history":
            after = {}
            for few in (batch_size, 100, 200, 256):
                again = reference.TwoLayerNet(D, H, C)
                again.params = {key: value.copy() for key, value in start.items()}
                words = "the first `batch_size` validation examples" if few == batch_size else f"the first {few} validation examples"
                after[f"the accuracy on {words} alone"] = again.train(*train, *(part[:few] for part in others), **settings)[name]
        mistakes = after if name in ("loss_history", "val_acc_history") else None
        assert_close(history[name][extra:], expected[name], name=name, mistakes=mistakes, **TOLERANCE)


@points(1, hint="Use exactly batch_size examples in each step, all different or drawn with replacement.")
def test_torch_batch_size(reference, student, probe, np_rng):
    """`train_torch` takes `batch_size` examples in a step."""
    _, net, x, y = make_twins(reference, student, probe, np_rng)
    # A batch of one example has the loss of that example, by the student's own net.
    pairs = [(torch.from_numpy(x[i : i + 1]), torch.from_numpy(y[i : i + 1])) for i in range(len(x))]
    alone = np.array([float(probe.torch_loss(net, *pair, 0.0)["loss"]) for pair in pairs])
    settings = {"learning_rate": 0.1, "learning_rate_decay": 1.0, "reg": 0.0, "num_iters": 1, "batch_size": 1}
    history = probe.torch_train(student.ref("train_torch"), net, *map(torch.from_numpy, (x, y, x, y)), settings, seed=1)
    distance = abs(alone - np.asarray(history["loss_history"], dtype=float)[:1]).min()
    assert distance < 1e-3 * (1 + alone.max()), "with batch_size=1 the loss of a step is not the loss of any one example"
    n, size = 20, 4
    x = 0.01 * np_rng.normal(size=(n, 3)).astype(np.float32)
    x[:, 0] = np.arange(n)
    y = torch.from_numpy(np_rng.integers(C, size=n))
    settings = {"learning_rate": 1e-9, "reg": 0.0, "num_iters": 160, "batch_size": size}
    net = student.TorchTwoLayerNet(3, 5, C, std=0.01)
    seed = int(np_rng.integers(2**30))
    batches, other = (probe.batches_of(student.ref("train_torch"), net, torch.from_numpy(x), y, settings, s) for s in (seed, seed + 1))
    assert_random_batches(batches, n, size)
    assert not batches or batches != other, "two trainings draw the very same batches, whatever the seed: a generator is seeded inside train_torch"


@points(1, hint="An epoch ends after steps_per_epoch steps: measure after the step that ends it.")
def test_torch_histories(reference, student, probe, np_rng):
    """`train_torch` measures its accuracies at the end of each epoch."""
    truth, net, x, _ = make_twins(reference, student, probe, np_rng)
    start = {name: value.copy() for name, value in truth.params.items()}
    # One example nine times, with the label that the network holds least likely: four steps make an epoch.
    train = np.repeat(x[:1], 9, axis=0), np.repeat(truth.loss(x[:1]).argmin(), 9)

    def settings(rate, steps):
        return {"learning_rate": rate, "learning_rate_decay": 1.0, "reg": 0.0, "num_iters": steps, "batch_size": 2}

    def turns(rate):
        """Whether it is the fourth step at this rate that turns the network round."""
        truth.params = {name: value.copy() for name, value in start.items()}
        leads = []
        for steps in (3, 1):
            truth.train(*train, *train, **settings(rate, steps))
            scores = truth.loss(x[:1])[0]
            leads.append(scores[train[1][0]] - np.delete(scores, train[1][0]).max())
        return leads[0] < -1e-3 and leads[1] > 1e-3

    # Coarse first: a fine grid costs more than all the rest of this check, and is seldom needed.
    rate = next(rate for points in (40, 400) for rate in np.geomspace(0.002, 5, points) if turns(rate))
    history = probe.torch_train(student.ref("train_torch"), net, *map(torch.from_numpy, (*train, *train)), settings(rate, 4), seed=1)
    assert not history["live"], "loss_history holds tensors with their graphs, which keep every step in memory: append `loss.item()`"
    # 1, but for a net that took other steps: that is another check's business.
    after = float((torch.as_tensor(net.predict(torch.from_numpy(x[:1]))) == int(train[1][0])).float().mean())
    for name in ("train_acc_history", "val_acc_history"):
        values = history.get(name, [])
        assert 1 <= len(values) <= 2, f"{name} has {len(values)} entries after one epoch"
        assert values[-1] == after, f"{name} was not measured after the last step of the epoch"


@points(2, hint="If the steps are right and this is not, look at how batches are drawn: at random, from the whole training set.")
def test_torch_accuracy(student, probe, profile, held_out, award, untrained, show, np_rng):
    """A trained `TorchTwoLayerNet` recognises digits that it has not seen."""
    budget = profile.budget
    settings = {"learning_rate": 0.5, "learning_rate_decay": 0.95, "reg": 1e-4, "num_iters": budget["num_iters"], "batch_size": 50}
    data = [torch.as_tensor(array) for array in (*held_out.train, *held_out.validation)]
    parts = student.ref("TorchTwoLayerNet"), student.ref("train_torch")
    sizes = [784, budget["hidden_size"], 10]
    fresh = student.TorchTwoLayerNet(*sizes, std=0.05)
    untrained(held_out.known().accuracy(lambda x: fresh.predict(torch.as_tensor(x))), metric="torch_accuracy")
    net, losses = probe.torch_train_new(*parts, sizes, 0.05, *data, settings, seed=int(np_rng.integers(2**31)))
    show.curve(losses, unit="step", title="How your TorchTwoLayerNet trained")
    award(held_out.accuracy(lambda x: net.predict(torch.as_tensor(x))), metric="torch_accuracy")
