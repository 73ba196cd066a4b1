"""Hidden checks: TwoLayerNet without its training. Truth: torch in float64."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points
from grader.checks.activations import other_activations

TOLERANCE = {"rtol": 1e-4, "atol": 2e-5}
NAMES = ("W1", "b1", "W2", "b2")
SIZES = [(5, 7, 4), (6, 3, 9)]  # D, H, C
N = 8


def make_case(student, probe, np_rng, sizes):
    """The student's net with random weights and biases, a batch, and torch's scores, loss and gradients for reg = 0."""
    d, h, c = sizes
    shapes = {"W1": (d, h), "b1": (h,), "W2": (h, c), "b2": (c,)}
    while True:
        # Small enough that no probability is tiny: an epsilon in the logarithm stays unseen.
        params = {name: 0.5 * np_rng.normal(size=shape) for name, shape in shapes.items()}
        x, y = np_rng.normal(size=(N, d)), np_rng.integers(c, size=N)
        if abs(x @ params["W1"] + params["b1"]).min() > 1e-3:  # no hidden unit at its kink
            break
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}
    hidden = F.relu(torch.tensor(x) @ leaves["W1"] + leaves["b1"])
    scores = hidden @ leaves["W2"] + leaves["b2"]
    loss = F.cross_entropy(scores, torch.tensor(y))
    loss.backward()
    return {
        "net": probe.make_net(student.ref("TwoLayerNet"), [d, h, c], params),
        "params": params,
        "x": x,
        "y": y,
        "scores": scores.detach().numpy(),
        "loss": loss.item(),
        "grads": {name: leaf.grad.numpy() for name, leaf in leaves.items()},
    }


def network(case, *, relu=lambda h: np.maximum(h, 0), without=()):
    """Scores of the case's network with another activation, or without some biases."""
    p = {name: 0 * value if name in without else value for name, value in case["params"].items()}
    return relu(case["x"] @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]


def score_mistakes(case):
    """What wrong networks give for the scores."""
    scores = case["scores"]
    return {
        "b1 left out": lambda: network(case, without=["b1"]),
        "b2 left out": lambda: network(case, without=["b2"]),
        "both biases left out": lambda: network(case, without=["b1", "b2"]),
        **other_activations(lambda f: network(case, relu=lambda h: f(torch.tensor(h)).numpy())),
        "a ReLU on the scores": lambda: np.maximum(scores, 0),
    }


def loss_of(scores, y):
    """Mean softmax loss."""
    return F.cross_entropy(torch.as_tensor(scores), torch.as_tensor(y)).item()


def gradient_mistakes(case):
    """What wrong backward passes give for all four parameters."""
    x, w2 = case["x"], case["params"]["W2"]
    before = x @ case["params"]["W1"] + case["params"]["b1"]
    p = np.exp(case["scores"])
    p /= p.sum(axis=1, keepdims=True)
    dscores = (p - np.eye(p.shape[1])[case["y"]]) / N
    unmasked, inactive = dscores @ w2.T, (dscores @ w2.T) * (before < 0)
    right = case["grads"]
    return {
        "the gradient passed through hidden units that the ReLU has switched off": {**right, "W1": x.T @ unmasked, "b1": unmasked.sum(axis=0)},
        "the ReLU's mask inverted": {**right, "W1": x.T @ inactive, "b1": inactive.sum(axis=0)},
        "the hidden layer before its ReLU in the gradient of W2": {**right, "W2": before.T @ dscores},
        "the gradients of the biases averaged over the batch": {**right, "b1": right["b1"] / N, "b2": right["b2"] / N},
    }


def gradients(net, x, y, reg):
    """The student's gradients as float64 arrays, biases as vectors; their names and number of entries are checked."""
    _, grads = net.loss(x, y, reg=reg)
    missing = [name for name in NAMES if name not in grads]
    assert not missing, f"the gradients that loss returns lack {', '.join(missing)}"
    arrays = {name: np.asarray(grads[name], dtype=np.float64) for name in NAMES}
    # A bias kept as (1, H) has a gradient of that shape; an (N, H) one is a sum forgotten, and stays as it is.
    return {name: a.reshape(-1) if name[0] == "b" and a.ndim == 2 and len(a) == 1 else a for name, a in arrays.items()}


@points(2, hint="Weights random with the standard deviation `std`, biases zero, in the dict `params`.")
def test_init(student, probe, np_rng):
    """`TwoLayerNet` starts with small random weights and zero biases."""
    net = student.TwoLayerNet(40, 60, 50, std=0.03)
    params = net.params
    for name, shape in {"W1": (40, 60), "W2": (60, 50)}.items():
        w = np.asarray(params[name], dtype=np.float64)
        assert w.shape == shape, f'params["{name}"] has shape {w.shape}; for sizes (40, 60, 50) it should be {shape}'
        # 2400 and 3000 draws: the sample's deviation is within 2 % of the true one, a truncated normal's within 14 %.
        assert 0.8 < w.std() / 0.03 < 1.2, f'the standard deviation of params["{name}"] is {w.std():.3g} but should be 0.03, as `std` says'
        assert abs(w.mean()) < 0.004, f'params["{name}"] does not have mean 0'
    for name, size in {"b1": 60, "b2": 50}.items():
        b = np.asarray(params[name])
        assert b.size == size, f'params["{name}"] has {b.size} entries; it should have {size}'
        assert not b.any(), f'params["{name}"] should start at zero'
    seed = int(np_rng.integers(2**31))
    first, second, again = probe.initial_weights(student.ref("TwoLayerNet"), [4, 5, 3], 0.03, seed)
    assert not np.array_equal(first, second), "two networks start with the same weights: is a generator seeded in __init__?"
    assert np.array_equal(first, again), "np.random.seed does not repeat a network's weights: draw them from np.random's global generator"


@points(2, hint="Affine, ReLU, affine; no ReLU and no softmax on the scores.")
@pytest.mark.parametrize("sizes", SIZES)
def test_scores(student, probe, np_rng, sizes):
    """`loss(X)` returns the scores before the softmax."""
    case = make_case(student, probe, np_rng, sizes)
    scores = case["net"].loss(case["x"])
    assert_close(scores, case["scores"], name="scores", inputs={"X": case["x"]}, mistakes=score_mistakes(case), **TOLERANCE)


@points(2, hint="loss(X, y) is softmax_loss of the scores; with reg=0 nothing is added.")
@pytest.mark.parametrize("sizes", SIZES)
def test_loss(student, probe, np_rng, sizes):
    """`loss(X, y)` returns the softmax loss of the scores."""
    case = make_case(student, probe, np_rng, sizes)
    loss, _ = case["net"].loss(case["x"], case["y"])
    of_zeros = case["net"].loss(case["x"], np.zeros_like(case["y"]))
    assert isinstance(of_zeros, (tuple, list)), "with labels that are all 0, loss(X, y) returns scores, as if there were no labels: ask `y is None`"
    mistakes = {words: lambda make=make: loss_of(make(), case["y"]) for words, make in score_mistakes(case).items()}
    assert_close(loss, case["loss"], name="loss", inputs={"X": case["x"], "y": case["y"]}, mistakes=mistakes, **TOLERANCE)


@points(2, hint="Add reg * (sum(W1²) + sum(W2²)): no ½, both matrices, no biases, not divided by N.")
@pytest.mark.parametrize("sizes", SIZES)
def test_regularisation(student, probe, np_rng, sizes):
    """`loss(X, y, reg)` adds reg times the squared weights, and nothing for the biases."""
    case = make_case(student, probe, np_rng, sizes)
    with_reg, _ = case["net"].loss(case["x"], case["y"], reg=0.7)
    without, _ = case["net"].loss(case["x"], case["y"], reg=0.0)
    squares = sum((case["params"][name] ** 2).sum() for name in ("W1", "W2"))
    assert_close(
        np.asarray(float(with_reg) - float(without)),
        np.asarray(0.7 * squares),
        name="what reg=0.7 adds to the loss",
        inputs={"X": case["x"]},
        mistakes={
            "the biases regularised as well": 0.7 * sum((value**2).sum() for value in case["params"].values()),
            "b1 regularised as well": 0.7 * (squares + (case["params"]["b1"] ** 2).sum()),
            "b2 regularised as well": 0.7 * (squares + (case["params"]["b2"] ** 2).sum()),
            "W1 alone regularised": 0.7 * (case["params"]["W1"] ** 2).sum(),
            "W2 alone regularised": 0.7 * (case["params"]["W2"] ** 2).sum(),
            "a factor ½": 0.35 * squares,
            "the lengths of the weights, not their squares": 0.7 * sum(np.linalg.norm(case["params"][name]) for name in ("W1", "W2")),
        },
        **TOLERANCE,
    )


@points(4, hint="Check each gradient with eval_numerical_gradient: go back through affine, ReLU, affine with each one's own cache.")
@pytest.mark.parametrize("sizes", SIZES)
def test_gradients(student, probe, np_rng, sizes):
    """`loss(X, y)` returns the gradients of all four parameters."""
    case = make_case(student, probe, np_rng, sizes)
    got = gradients(case["net"], case["x"], case["y"], reg=0.0)
    assert_close(got, case["grads"], name="grads", inputs={"X": case["x"]}, mistakes=gradient_mistakes(case), **TOLERANCE)


@points(2, hint="The derivative of reg * W² is 2 * reg * W. The biases have no such term.")
@pytest.mark.parametrize("sizes", SIZES)
def test_regularisation_gradients(student, probe, np_rng, sizes):
    """`loss(X, y, reg)` differentiates the regularisation too."""
    case = make_case(student, probe, np_rng, sizes)
    with_reg = gradients(case["net"], case["x"], case["y"], reg=0.7)
    without = gradients(case["net"], case["x"], case["y"], reg=0.0)
    for name in NAMES:
        expected = 1.4 * case["params"][name] if name[0] == "W" else np.zeros_like(case["params"][name])
        value = case["params"][name]
        mistakes = {"reg * W: the 2 of the derivative is missing": 0.7 * value, "nothing added at all": 0 * value, "the wrong sign": -1.4 * value}
        if name[0] == "b":
            mistakes = {"the bias regularised like a weight": 1.4 * value, "the bias regularised, without the 2": 0.7 * value}
        assert_close(with_reg[name] - without[name], expected, name=f'what reg=0.7 adds to grads["{name}"]', inputs={"X": case["x"]}, mistakes=mistakes, **TOLERANCE)


@points(2, hint="The index of the largest score in each row: argmax over axis 1.")
def test_predict(student, probe, np_rng):
    """`predict` returns the class with the largest score."""
    shapes = {"W1": (6, 5), "b1": (5,), "W2": (5, 4), "b2": (4,)}
    while True:
        params = {name: np_rng.normal(size=shape) for name, shape in shapes.items()}
        x = np_rng.normal(size=(300, 6))
        case = {"params": params, "x": x}
        right = network(case)
        others = {
            "b1 left out": network(case, without=["b1"]),
            "b2 left out": network(case, without=["b2"]),
            "no ReLU": network(case, relu=lambda h: h),
            "the lowest score": -right,
            "the score that is largest in size, whatever its sign": abs(right),
        }
        # A bias that is left out, or a step that is skipped, changes many a class.
        if all((other.argmax(axis=1) != right.argmax(axis=1)).mean() > 0.05 for other in others.values()):
            break
    net = probe.make_net(student.ref("TwoLayerNet"), [6, 5, 4], params)
    labels, scores = np.asarray(net.predict(x)), np.asarray(net.loss(x))
    why = {(4,): ": one for each class, so the argmax runs over the batch", (300, 4): ": these are scores, and no argmax is taken"}
    assert labels.shape == (300,), f"predict returned shape {labels.shape}; for 300 inputs it should be (300,){why.get(labels.shape, '')}"
    fits = [words for words, other in others.items() if (labels == other.argmax(axis=1)).all()]
    which = f"; its classes are those of {fits[0]}" if len(fits) == 1 else ""
    assert (labels == scores.argmax(axis=1)).all(), f"predict does not name the class with the largest score of loss(X){which}"
