"""Tests for you: `pytest public`. Passing them is necessary, not sufficient; add your own."""

import numpy as np
import pytest

from grader.checks import assert_close
from layers import (
    batchnorm_backward,
    batchnorm_forward,
    dropout_backward,
    dropout_forward,
    spatial_batchnorm_backward,
    spatial_batchnorm_forward,
)
from spatial_dropout import spatial_dropout_backward, spatial_dropout_forward


@pytest.fixture
def rng():
    """Random numbers, the same in every run."""
    return np.random.default_rng(0)


def numeric(function, at, dout, h=1e-5):
    """Numerical gradient of sum(function(at) * dout)."""
    gradient = np.zeros_like(at)
    for index in np.ndindex(*at.shape):
        ends = []
        for step in (h, -h):
            moved = at.copy()
            moved[index] += step
            ends.append(float((function(moved) * dout).sum()))
        gradient[index] = (ends[0] - ends[1]) / (2 * h)
    return gradient


def test_batchnorm_by_hand():
    """One feature: (1, 3) has mean 2 and variance 1, so it becomes (-1, 1), then 10 + 2 times that."""
    x = np.array([[1.0], [3.0]])
    out, _ = batchnorm_forward(x, np.array([2.0]), np.array([10.0]), {"mode": "train"})
    assert_close(out, np.array([[8.0], [12.0]]), name="out", rtol=1e-4, atol=1e-4)


def test_batchnorm_remembers():
    """After many batches the running averages are near the truth, and test mode uses them."""
    rng, param = np.random.default_rng(1), {"mode": "train"}
    gamma, beta = np.ones(3), np.zeros(3)
    for _ in range(80):
        batchnorm_forward(4 + 2 * rng.normal(size=(200, 3)), gamma, beta, param)
    param["mode"] = "test"
    out, _ = batchnorm_forward(np.array([[4.0, 6.0, 2.0]]), gamma, beta, param)
    assert_close(out, np.array([[0.0, 1.0, -1.0]]), name="out in test mode", rtol=0, atol=0.15)


def test_batchnorm_gradients(rng):
    """All three gradients agree with numerical ones."""
    x, gamma, beta, dout = rng.normal(size=(4, 5)), rng.normal(size=5), rng.normal(size=5), rng.normal(size=(4, 5))
    dx, dgamma, dbeta = batchnorm_backward(dout.copy(), batchnorm_forward(x.copy(), gamma, beta, {"mode": "train"})[1])

    inputs = {"x": x, "gamma": gamma, "beta": beta, "dout": dout}

    def out(x=x, gamma=gamma, beta=beta):
        return batchnorm_forward(x.copy(), gamma, beta, {"mode": "train"})[0]

    assert_close(dx, numeric(lambda z: out(x=z), x, dout), name="dx", rtol=1e-4, atol=1e-6, inputs=inputs)
    dgamma_right, dbeta_right = numeric(lambda z: out(gamma=z), gamma, dout), numeric(lambda z: out(beta=z), beta, dout)
    assert_close(np.ravel(dgamma), dgamma_right, name="dgamma", rtol=1e-4, atol=1e-6, inputs=inputs)
    assert_close(np.ravel(dbeta), dbeta_right, name="dbeta", rtol=1e-4, atol=1e-6, inputs=inputs)


def test_dropout_keeps_the_mean():
    """A quarter is dropped, the rest grows, and the mean stays about what it was."""
    x = np.full((100, 100), 3.0)
    out, _ = dropout_forward(x, {"mode": "train", "p": 0.25})
    assert abs((out == 0).mean() - 0.25) < 0.03
    assert abs(out.mean() - 3.0) < 0.1


def test_dropout_rests_in_test_mode(rng):
    """What goes in comes out, forwards and backwards."""
    x, dout = rng.normal(size=(4, 5)), rng.normal(size=(4, 5))
    out, cache = dropout_forward(x.copy(), {"mode": "test", "p": 0.25})
    assert_close(out, x, name="out", inputs={"p": 0.25})
    assert_close(dropout_backward(dout.copy(), cache), dout, name="dx", inputs={"p": 0.25})


def test_dropout_gradient(rng):
    """With a fixed seed the layer is a fixed function, and its gradient can be checked."""
    x, dout = rng.normal(size=(4, 5)), rng.normal(size=(4, 5))
    param = {"mode": "train", "p": 0.4, "seed": 7}
    dx = dropout_backward(dout.copy(), dropout_forward(x.copy(), param)[1])
    expected = numeric(lambda z: dropout_forward(z, param)[0], x, dout)
    assert_close(dx, expected, name="dx", rtol=1e-4, atol=1e-6, inputs={"x": x, "dout": dout, "p": 0.4})


def test_spatial_batchnorm_normalises_channels(rng):
    """Every channel of the result has mean beta and standard deviation gamma."""
    x = 5 + 3 * rng.normal(size=(6, 2, 3, 4))
    out, _ = spatial_batchnorm_forward(x, np.array([1.0, 2.0]), np.array([0.0, -1.0]), {"mode": "train"})
    assert out.shape == x.shape
    assert_close(out.mean(axis=(0, 2, 3)), np.array([0.0, -1.0]), name="the means", rtol=0, atol=1e-4)
    assert_close(out.std(axis=(0, 2, 3)), np.array([1.0, 2.0]), name="the standard deviations", rtol=1e-3, atol=1e-3)


def test_spatial_batchnorm_gradient(rng):
    """The gradient for x agrees with the numerical one."""
    x, gamma, beta, dout = rng.normal(size=(2, 3, 2, 2)), rng.normal(size=3), rng.normal(size=3), rng.normal(size=(2, 3, 2, 2))
    _, cache = spatial_batchnorm_forward(x.copy(), gamma, beta, {"mode": "train"})
    dx, _, _ = spatial_batchnorm_backward(dout.copy(), cache)
    expected = numeric(lambda z: spatial_batchnorm_forward(z.copy(), gamma, beta, {"mode": "train"})[0], x, dout)
    inputs = {"x": x, "gamma": gamma, "beta": beta, "dout": dout}
    assert_close(dx, expected, name="dx", rtol=1e-4, atol=1e-6, inputs=inputs)


def test_spatial_dropout_drops_maps(rng):
    """A map is there as a whole or not at all, and its gradient goes the same way."""
    x = rng.uniform(1, 2, size=(20, 10, 3, 3))
    out, cache = spatial_dropout_forward(x, {"mode": "train", "p": 0.5})
    there = (out != 0).sum(axis=(2, 3))
    assert set(np.unique(there)) == {0, 9}
    dx = spatial_dropout_backward(np.ones_like(x), cache)
    assert_close(dx == 0, out == 0, name="where dx is 0")
