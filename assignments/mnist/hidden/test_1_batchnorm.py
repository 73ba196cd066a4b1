"""Hidden checks: batch normalisation in numpy. Truth: its definition, and torch's autograd in float64."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points, untouched

# float32 inside is right as well.
TOLERANCE = {"rtol": 1e-4, "atol": 2e-5}
#: (N, D): never equal, N on either side of D, and small, so that N and N - 1 are far apart.
SIZES = [(7, 4), (3, 6)]


def draw(np_rng, size):
    """x with columns of unlike means and spreads, gamma and beta of both signs and none near 0 or 1.

    A spread is exactly what is drawn for it: three numbers that happen to lie close would show eps, which is asked elsewhere.
    """
    columns = size[1]
    x = np_rng.normal(size=size)
    if len(x) > 1:
        x = (x - x.mean(axis=0)) / x.std(axis=0)
    x = x * np_rng.uniform(0.5, 3, columns) + np_rng.uniform(-3, 3, columns)
    gamma = np_rng.uniform(1.3, 2.5, columns) * np_rng.choice([-1.0, 1.0], columns)
    beta = np_rng.uniform(0.3, 2.0, columns) * np_rng.choice([-1.0, 1.0], columns)
    return x, gamma, beta


def normalise(x, gamma, beta, mean=None, var=None, eps=1e-5):
    """The definition."""
    mean = x.mean(axis=0) if mean is None else mean
    var = x.var(axis=0) if var is None else var
    return gamma * (x - mean) / np.sqrt(var + eps) + beta


@points(3, hint="Mean and variance of each column, over the batch; the variance divides by N. Then gamma * x_hat + beta.")
@pytest.mark.parametrize("size", SIZES)
def test_batchnorm_train(student, np_rng, size):
    """`batchnorm_forward` normalises each feature over the batch in training."""
    x, gamma, beta = draw(np_rng, size)
    # Running averages that are there already have no say in training.
    memory = {"running_mean": np_rng.normal(size=size[1]), "running_var": np_rng.uniform(2, 3, size[1])}
    moved = [0.9 * old + 0.1 * new for old, new in zip(memory.values(), (x.mean(axis=0), x.var(axis=0)))]
    out, _ = untouched(student.batchnorm_forward, but=[3])(x, gamma, beta, {"mode": "train", **memory})
    assert_close(
        out,
        normalise(x, gamma, beta),
        name="out",
        inputs={"x": x, "gamma": gamma, "beta": beta},
        mistakes={
            "the variance divided by N - 1": lambda: normalise(x, gamma, beta, var=x.var(axis=0, ddof=1)),
            "mean and variance taken over each row, not over the batch": lambda: normalise(x.T, 1, 0).T * gamma + beta,
            "one mean and variance for the whole batch": lambda: normalise(x, gamma, beta, mean=x.mean(), var=x.var()),
            "the variance where its root belongs": lambda: gamma * (x - x.mean(axis=0)) / (x.var(axis=0) + 1e-5) + beta,
            "the mean subtracted and no division": lambda: gamma * (x - x.mean(axis=0)) + beta,
            "the division and no mean subtracted": lambda: normalise(x, gamma, beta, mean=0.0),
            "gamma and beta left out": lambda: normalise(x, 1, 0),
            "gamma left out": lambda: normalise(x, 1, beta),
            "beta left out": lambda: normalise(x, gamma, 0),
            "gamma and beta swapped": lambda: normalise(x, beta, gamma),
            "the running averages, which are for test mode": lambda: normalise(
                x, gamma, beta, memory["running_mean"], memory["running_var"]
            ),
            "the running averages of after the update, which are for test mode": lambda: normalise(x, gamma, beta, *moved),
        },
        **TOLERANCE,
    )


@points(2, hint="sqrt(var + eps): inside the root. eps is bn_param['eps'], or 1e-5 if it is not given.")
@pytest.mark.parametrize("eps", [None, 0.4])
def test_batchnorm_epsilon(student, np_rng, eps):
    """`batchnorm_forward` adds eps to the variance, and is finite where a feature is constant."""
    _, gamma, beta = draw(np_rng, (6, 4))
    value = 1e-5 if eps is None else eps
    x = np_rng.normal(size=(6, 4)) * np.sqrt(value) * np.array([0.7, 1.0, 1.5, 0.0])
    x[:, 3] = 0.5
    out, _ = student.batchnorm_forward(x, gamma, beta, {"mode": "train"} | ({} if eps is None else {"eps": eps}))
    mean, var = x.mean(axis=0), x.var(axis=0)
    assert_close(
        out,
        normalise(x, gamma, beta, eps=value),
        name="out",
        inputs={"x": x},
        mistakes={
            "eps added to the root, not to the variance": lambda: gamma * (x - mean) / (np.sqrt(var) + value) + beta,
            "1e-5 instead of the eps in bn_param": lambda: normalise(x, gamma, beta),
            "1e-8 instead of eps": lambda: normalise(x, gamma, beta, eps=1e-8),
            "the square of eps": lambda: normalise(x, gamma, beta, eps=value**2),
            "eps left out": lambda: np.where(var == 0, beta, normalise(x, gamma, beta, eps=1e-30)),
        },
        **TOLERANCE,
    )


def running(first, batches, momentum, statistic):
    """The running average of a statistic of some batches."""
    for x in batches:
        first = momentum * first + (1 - momentum) * statistic(x)
    return first


def mean_of(x):
    return x.mean(axis=0)


def var_of(x):
    return x.var(axis=0)


@points(2, hint="running = momentum * running + (1 - momentum) * the batch's; from zeros; back into bn_param.")
@pytest.mark.parametrize("which", ["mean", "var"])
@pytest.mark.parametrize("case", ["from nothing", "momentum given", "from given averages"])
def test_batchnorm_running(student, probe, np_rng, case, which):
    """`batchnorm_forward` keeps running averages of mean and variance in `bn_param`."""
    batches = [draw(np_rng, (4, 5))[0] for _ in range(3)]
    start = {"mean": np.zeros(5), "var": np.zeros(5)}
    settings, momentum = {}, 0.9
    if case != "from nothing":
        settings["momentum"] = momentum = 0.7
    if case == "from given averages":
        start = {"mean": np_rng.normal(size=5), "var": np_rng.uniform(0.5, 2.0, 5)}
        settings |= {f"running_{name}": value for name, value in start.items()}
    steps = [["train", x] for x in batches]
    got = probe.run_batchnorm(student.ref("batchnorm_forward"), steps, np.full(5, 1.4), np.full(5, 0.3), settings)
    state = got["states"][-1]
    key = f"running_{which}"
    assert key in state, f'after a call in training, bn_param should hold "{key}"'
    statistic = {"mean": mean_of, "var": var_of}[which]
    first = start[which]
    assert_close(
        state[key],
        running(first, batches, momentum, statistic),
        name=f'bn_param["{key}"] after three batches',
        inputs={"x": batches[0]},
        mistakes={
            "momentum as the share of the new value": lambda: running(first, batches, 1 - momentum, statistic),
            "momentum 0.9 instead of the one in bn_param": lambda: running(first, batches, 0.9, statistic),
            "the last batch alone, not averaged": lambda: statistic(batches[-1]),
            "the initial value: it is never changed": lambda: first,
            "the averages begun anew at every call": lambda: running(np.zeros(5), batches[-1:], momentum, statistic),
            "the last batch averaged with only the initial value": lambda: running(first, batches[-1:], momentum, statistic),
            "the first batch instead of zeros as the initial value": lambda: running(statistic(batches[0]), batches[1:], momentum, statistic),
            "ones instead of zeros as the initial value": lambda: running(np.ones(5), batches, momentum, statistic),
            "the variance divided by N - 1": lambda: running(first, batches, momentum, lambda x: x.var(axis=0, ddof=1)),
            "the standard deviation instead of the variance": lambda: running(first, batches, momentum, lambda x: x.std(axis=0)),
            "eps added to the variance": lambda: running(first, batches, momentum, lambda x: x.var(axis=0) + 1e-5),
            "mean and variance in each other's place": lambda: running(first, batches, momentum, var_of if which == "mean" else mean_of),
        },
        **TOLERANCE,
    )


@points(3, hint="In test mode the running averages stand in for the batch's mean and variance, and are only read.")
@pytest.mark.parametrize("n", [6, 1])
def test_batchnorm_test_mode(student, probe, np_rng, n):
    """`batchnorm_forward` uses the running averages in test mode, and leaves them alone."""
    x, gamma, beta = draw(np_rng, (n, 4))
    mean, var = np_rng.normal(size=4), np_rng.uniform(0.05, 3.0, 4)
    settings = {"running_mean": mean, "running_var": var, "eps": 0.02}
    got = probe.run_batchnorm(student.ref("batchnorm_forward"), [["test", x], ["test", x]], gamma, beta, settings)
    mistakes = {
        "the batch's own mean and variance, which are for training": lambda: normalise(x, gamma, beta, eps=0.02),
        "the running variance where its root belongs": lambda: gamma * (x - mean) / (var + 0.02) + beta,
        "eps added to the root, not to the variance": lambda: gamma * (x - mean) / (np.sqrt(var) + 0.02) + beta,
        "no eps, or 1e-5 instead of the one in bn_param": lambda: normalise(x, gamma, beta, mean, var),
        "gamma and beta left out": lambda: normalise(x, 1, 0, mean, var, eps=0.02),
        "the input passed through": lambda: x,
    }
    expected = normalise(x, gamma, beta, mean, var, eps=0.02)
    assert_close(got["outputs"][0], expected, name="out in test mode", inputs={"x": x}, mistakes=mistakes, **TOLERANCE)
    for key, value in (("running_mean", mean), ("running_var", var)):
        after = got["states"][-1].get(key)
        assert after is not None, f'bn_param has lost its "{key}" in test mode'
        same = after.shape == value.shape and np.allclose(after, value, rtol=1e-4, atol=2e-5)
        assert same, f'bn_param["{key}"] is changed by a call in test mode; only training moves it'


def backward(student, np_rng, size, eps, alone=False):
    """The student's gradients from the student's own cache, and all that a check needs; ``alone`` asks that dout stays as it is."""
    x, gamma, beta = draw(np_rng, size)
    dout = np_rng.normal(size=size) + 0.5
    _, cache = student.batchnorm_forward(x, gamma, beta, {"mode": "train", "eps": eps})
    go_back = untouched(student.batchnorm_backward, but=[1]) if alone else student.batchnorm_backward
    dx, dgamma, dbeta = go_back(dout, cache)
    leaves = [torch.tensor(array, requires_grad=True) for array in (x, gamma, beta)]
    out = F.batch_norm(leaves[0], None, None, leaves[1], leaves[2], training=True, eps=eps)
    out.backward(torch.tensor(dout))
    truth = dict(zip(("dx", "dgamma", "dbeta"), (leaf.grad.numpy() for leaf in leaves)))
    return {"dx": dx, "dgamma": dgamma, "dbeta": dbeta}, truth, {"x": x, "gamma": gamma, "beta": beta, "dout": dout}


def as_row(value, length):
    """(D,) of a gradient that may be kept as (1, D) or (1, C, 1, 1); anything else as it is."""
    value = np.asarray(value)
    return value.reshape(-1) if value.size == length and value.ndim in (2, 4) and value.shape[1] == length else value


#: eps large enough to show whether the backward pass knows of it.
BACKWARD = [((7, 4), 1e-5), ((3, 6), 0.3)]


@points(5, hint="x reaches the output along three paths: directly, through the mean, and through the variance. Add up all three.")
@pytest.mark.parametrize(("size", "eps"), BACKWARD)
def test_batchnorm_dx(student, np_rng, size, eps):
    """`batchnorm_backward` returns the gradient for x, through mean and variance as well."""
    got, truth, inputs = backward(student, np_rng, size, eps, alone=True)
    x, gamma, dout = inputs["x"], inputs["gamma"], inputs["dout"]
    n = len(x)
    inverse = 1 / np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) * inverse
    through_mean, through_var = dout.sum(axis=0) / n, x_hat * (dout * x_hat).sum(axis=0) / n
    assert_close(
        got["dx"],
        truth["dx"],
        name="dx",
        inputs=inputs,
        mistakes={
            "mean and variance taken for constants": lambda: gamma * inverse * dout,
            "the way through the variance left out": lambda: gamma * inverse * (dout - through_mean),
            "the way through the mean left out": lambda: gamma * inverse * (dout - through_var),
            "gamma left out": lambda: inverse * (dout - through_mean - through_var),
            "the division by the standard deviation left out": lambda: gamma * (dout - through_mean - through_var),
            "the two sums not divided by N": lambda: gamma * inverse * (dout - n * through_mean - n * through_var),
            "the sum for the mean not divided by N": lambda: gamma * inverse * (dout - n * through_mean - through_var),
            "the sum for the variance not divided by N": lambda: gamma * inverse * (dout - through_mean - n * through_var),
            "the factor 2 of the square left out": lambda: gamma * inverse * (dout - through_mean - through_var / 2),
            "the way through the variance added, not subtracted": lambda: gamma * inverse * (dout - through_mean + through_var),
            "the way through the mean added, not subtracted": lambda: gamma * inverse * (dout + through_mean - through_var),
            "N - 1 instead of N": lambda: gamma * inverse * (dout - (through_mean + through_var) * n / (n - 1)),
            "N - 1 instead of N on the path through the variance": lambda: gamma * inverse * (dout - through_mean - through_var * n / (n - 1)),
            "no eps, or 1e-5 instead of the one in bn_param": lambda: _dx(x, gamma, dout, 1e-5),
            "eps left out of the standard deviation on the way back": lambda: gamma / x.std(axis=0) * (dout - through_mean - through_var),
            "the sums taken over each row, not over the batch": lambda: gamma
            * inverse
            * (dout - dout.mean(axis=1, keepdims=True) - x_hat * (dout * x_hat).mean(axis=1, keepdims=True)),
        },
        **TOLERANCE,
    )


def _dx(x, gamma, dout, eps):
    inverse = 1 / np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) * inverse
    return gamma * inverse * (dout - dout.mean(axis=0) - x_hat * (dout * x_hat).mean(axis=0))


@points(1, hint="gamma multiplies x_hat in every row: dgamma is the sum over the batch of dout * x_hat.")
@pytest.mark.parametrize(("size", "eps"), BACKWARD)
def test_batchnorm_dgamma(student, np_rng, size, eps):
    """`batchnorm_backward` returns the gradient for gamma."""
    got, truth, inputs = backward(student, np_rng, size, eps)
    x, dout = inputs["x"], inputs["dout"]
    assert_close(
        as_row(got["dgamma"], size[1]),
        truth["dgamma"],
        name="dgamma",
        inputs=inputs,
        mistakes={
            "x instead of x_hat": lambda: (dout * x).sum(axis=0),
            "x minus its mean instead of x_hat": lambda: (dout * (x - x.mean(axis=0))).sum(axis=0),
            "out instead of x_hat": lambda: (dout * normalise(x, inputs["gamma"], inputs["beta"], eps=eps)).sum(axis=0),
            "the batch's mean instead of its sum": lambda: truth["dgamma"] / len(x),
            "no eps, or 1e-5 instead of the one in bn_param": lambda: (dout * normalise(x, 1, 0)).sum(axis=0),
            "dbeta, in the place of dgamma": lambda: truth["dbeta"],
            "the sum over each row, not over the batch": lambda: (dout * normalise(x, 1, 0, eps=eps)).sum(axis=1),
        },
        **TOLERANCE,
    )


@points(1, hint="beta is added to every row: dbeta is the sum of dout over the batch.")
@pytest.mark.parametrize(("size", "eps"), BACKWARD)
def test_batchnorm_dbeta(student, np_rng, size, eps):
    """`batchnorm_backward` returns the gradient for beta."""
    got, truth, inputs = backward(student, np_rng, size, eps)
    assert_close(
        as_row(got["dbeta"], size[1]),
        truth["dbeta"],
        name="dbeta",
        inputs=inputs,
        mistakes={
            "the batch's mean instead of its sum": lambda: truth["dbeta"] / size[0],
            "dgamma, in the place of dbeta": lambda: truth["dgamma"],
            "dout, not summed over the batch": lambda: inputs["dout"],
        },
        **TOLERANCE,
    )
