"""Hidden checks: batch normalisation of feature maps in numpy. Truth: its definition, and torch's autograd in float64."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from grader.checks import assert_close, points

TOLERANCE = {"rtol": 1e-4, "atol": 2e-5}
#: (N, C, H, W), no two equal.
SHAPES = [(2, 5, 3, 4), (6, 2, 5, 3)]


def draw(np_rng, shape):
    """x whose channels, rows and columns all have means and spreads of their own; gamma and beta."""
    n, c, h, w = shape
    x = np_rng.normal(size=shape) * np_rng.uniform(0.5, 2, (1, c, 1, 1)) + np_rng.uniform(-2, 2, (1, c, 1, 1))
    x = x + np_rng.normal(size=(1, 1, h, 1)) + np_rng.normal(size=(n, 1, 1, w))
    gamma = np_rng.uniform(1.3, 2.5, c) * np_rng.choice([-1.0, 1.0], c)
    beta = np_rng.uniform(0.3, 2.0, c) * np_rng.choice([-1.0, 1.0], c)
    return x, gamma, beta


def normalise(x, gamma, beta, axes=(0, 2, 3), eps=1e-5):
    """Normalised over ``axes``, then scaled and shifted channel by channel."""
    x_hat = (x - x.mean(axis=axes, keepdims=True)) / np.sqrt(x.var(axis=axes, keepdims=True) + eps)
    return gamma[:, None, None] * x_hat + beta[:, None, None]


def normalise_rows(rows, gamma, beta):
    """Plain batch norm of (R, C)."""
    return gamma * (rows - rows.mean(axis=0)) / np.sqrt(rows.var(axis=0) + 1e-5) + beta


def to_rows(x):
    """(N, C, H, W) as (N * H * W, C)."""
    return x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])


def to_maps(rows, shape):
    """The way back."""
    n, c, h, w = shape
    return rows.reshape(n, h, w, c).transpose(0, 3, 1, 2)


#: What becomes of a channel by ways to rearrange that have the right shape and mix up the numbers.
def rearranged(x, gamma, beta):
    shape = x.shape
    return {
        "x reshaped to (-1, C) without moving the channels to the end first": lambda: normalise_rows(
            x.reshape(-1, shape[1]), gamma, beta
        ).reshape(shape),
        "the result reshaped instead of moving its channels back": lambda: normalise_rows(to_rows(x), gamma, beta).reshape(shape),
        "a mean and variance for each pixel of a channel, not for the channel": lambda: normalise(x, gamma, beta, axes=0),
        "a mean and variance for each map of each example": lambda: normalise(x, gamma, beta, axes=(2, 3)),
        "a mean and variance for each example, over all its channels": lambda: normalise(x, gamma, beta, axes=(1, 2, 3)),
        "the mean of the examples' own variances, without what their means differ by": lambda: _of_examples(x, gamma, beta),
        "one mean and variance for everything": lambda: normalise(x, gamma, beta, axes=(0, 1, 2, 3)),
        "the variance divided by one less": lambda: _unbiased(x, gamma, beta),
    }


def _of_examples(x, gamma, beta):
    mean, var = x.mean(axis=(0, 2, 3), keepdims=True), x.var(axis=(2, 3)).mean(axis=0)[:, None, None]
    return gamma[:, None, None] * (x - mean) / np.sqrt(var + 1e-5) + beta[:, None, None]


def _unbiased(x, gamma, beta):
    mean, var = x.mean(axis=(0, 2, 3), keepdims=True), x.var(axis=(0, 2, 3), ddof=1, keepdims=True)
    return gamma[:, None, None] * (x - mean) / np.sqrt(var + 1e-5) + beta[:, None, None]


@points(3, hint="Move the channels to the end, make rows of them, normalise, and go the same way back.")
@pytest.mark.parametrize("shape", SHAPES)
def test_spatial_batchnorm_train(student, np_rng, shape):
    """`spatial_batchnorm_forward` normalises each channel over examples, rows and columns."""
    x, gamma, beta = draw(np_rng, shape)
    out, _ = student.spatial_batchnorm_forward(x, gamma, beta, {"mode": "train"})
    inputs = {"x": x, "gamma": gamma, "beta": beta}
    mistakes = rearranged(x, gamma, beta)
    assert_close(out, normalise(x, gamma, beta), name="out", inputs=inputs, mistakes=mistakes, **TOLERANCE)


@points(2, hint="Pass bn_param on: eps, momentum and the running averages of the C channels live in it.")
def test_spatial_batchnorm_test_mode(student, probe, np_rng):
    """`spatial_batchnorm_forward` learns running averages in training and uses them in test mode."""
    shape = (3, 4, 2, 5)
    batches = [draw(np_rng, shape)[0] for _ in range(2)]
    x, gamma, beta = draw(np_rng, (2, 4, 5, 3))
    steps = [["train", batches[0]], ["train", batches[1]], ["test", x]]
    settings = {"momentum": 0.3, "eps": 0.05}
    got = probe.run_batchnorm(student.ref("spatial_batchnorm_forward"), steps, gamma, beta, settings)

    def expected(momentum, eps, last=0):
        mean = var = np.zeros(4)
        for batch in batches[last:]:
            rows = to_rows(batch)
            mean = momentum * mean + (1 - momentum) * rows.mean(axis=0)
            var = momentum * var + (1 - momentum) * rows.var(axis=0)
        return to_maps(gamma * (to_rows(x) - mean) / np.sqrt(var + eps) + beta, x.shape)

    assert_close(
        got["outputs"][2],
        expected(0.3, 0.05),
        name="out in test mode, after two batches in training",
        inputs={"x": x},
        mistakes={
            "the batch's own mean and variance, which are for training": lambda: normalise(x, gamma, beta, eps=0.05),
            "momentum as the share of the new value": lambda: expected(0.7, 0.05),
            "momentum 0.9 instead of the one in bn_param": lambda: expected(0.9, 0.05),
            "no eps, or 1e-5 instead of the one in bn_param": lambda: expected(0.3, 1e-5),
            "the last batch alone": lambda: expected(0.3, 0.05, last=1),
            "zeros for the running averages: bn_param must be passed on": lambda: to_maps(gamma * to_rows(x) / np.sqrt(0.05) + beta, x.shape),
            "zeros for the running averages, and 1e-5 for eps: bn_param must be passed on": lambda: to_maps(
                gamma * to_rows(x) / np.sqrt(1e-5) + beta, x.shape
            ),
        },
        **TOLERANCE,
    )


@points(4, hint="Rearrange as in the forward pass, call batchnorm_backward, and rearrange back.")
@pytest.mark.parametrize("shape", SHAPES)
def test_spatial_batchnorm_backward(student, np_rng, shape):
    """`spatial_batchnorm_backward` returns all three gradients."""
    x, gamma, beta = draw(np_rng, shape)
    dout = np_rng.normal(size=shape) + 0.3
    _, cache = student.spatial_batchnorm_forward(x, gamma, beta, {"mode": "train", "eps": 0.2})
    dx, dgamma, dbeta = student.spatial_batchnorm_backward(dout, cache)
    leaves = [torch.tensor(array, requires_grad=True) for array in (x, gamma, beta)]
    F.batch_norm(leaves[0], None, None, leaves[1], leaves[2], training=True, eps=0.2).backward(torch.tensor(dout))
    truth = [leaf.grad.numpy() for leaf in leaves]
    inputs = {"x": x, "gamma": gamma, "dout": dout}
    c = shape[1]

    def from_rows(rows, home):
        x_rows = to_rows(x)
        inverse = 1 / np.sqrt(x_rows.var(axis=0) + 0.2)
        x_hat = (x_rows - x_rows.mean(axis=0)) * inverse
        return home(gamma * inverse * (rows - rows.mean(axis=0) - x_hat * (rows * x_hat).mean(axis=0)))

    mistakes = {
        "dout reshaped to (-1, C) without moving the channels to the end first": lambda: from_rows(
            dout.reshape(-1, c), lambda rows: to_maps(rows, shape)
        ),
        "dx reshaped instead of moving its channels back": lambda: from_rows(to_rows(dout), lambda rows: rows.reshape(shape)),
        "both rearrangements done only by reshape": lambda: from_rows(dout.reshape(-1, c), lambda rows: rows.reshape(shape)),
        "mean and variance taken for constants": lambda: (gamma / np.sqrt(to_rows(x).var(axis=0) + 0.2))[:, None, None] * dout,
        "sums over the batch only, and not over rows and columns as well": lambda: _batch_only(x, gamma, dout),
    }
    assert_close(dx, truth[0], name="dx", inputs=inputs, mistakes=mistakes, **TOLERANCE)
    for name, value, right in (("dgamma", dgamma, truth[1]), ("dbeta", dbeta, truth[2])):
        value = np.asarray(value)
        kept_wide = value.size == c and value.ndim in (2, 4) and value.shape[1] == c
        assert_close(value.reshape(-1) if kept_wide else value, right, name=name, inputs=inputs, **TOLERANCE)


def _batch_only(x, gamma, dout):
    mean, var = x.mean(axis=(0, 2, 3), keepdims=True), x.var(axis=(0, 2, 3), keepdims=True)
    x_hat = (x - mean) / np.sqrt(var + 0.2)
    way = dout.mean(axis=0) + x_hat * (dout * x_hat).mean(axis=0)
    return gamma[:, None, None] / np.sqrt(var + 0.2) * (dout - way)
