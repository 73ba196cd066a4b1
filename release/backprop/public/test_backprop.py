"""Tests for you: `pytest public`. Passing them is necessary, not sufficient; add your own."""

import numpy as np
import pytest

from backprop import (
    TwoLayerNet,
    affine_backward,
    affine_forward,
    elementwise_cross_entropy,
    eval_numerical_gradient,
    relu_backward,
    relu_forward,
    sigmoid_backward,
    sigmoid_forward,
    softmax_loss,
)
from grader.checks import assert_close


@pytest.fixture
def rng():
    """Random numbers, the same in every run."""
    return np.random.default_rng(0)


def numeric(forward, at, dout):
    """Numerical gradient of sum(forward(at) * dout)."""
    return eval_numerical_gradient(lambda z: float((forward(z) * dout).sum()), at.copy())


def test_affine_forward_by_hand():
    """Two examples, three inputs, two outputs, worked out on paper."""
    x = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]])
    w = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]])
    b = np.array([0.5, -0.5])
    out, _ = affine_forward(x, w, b)
    assert_close(out, np.array([[7.5, -1.5], [2.5, -2.5]]), name="out", inputs={"x": x, "w": w, "b": b})


def test_affine_forward_flattens(rng):
    """An input with more axes is flattened, example by example."""
    x, w, b = rng.normal(size=(2, 3, 4)), rng.normal(size=(12, 5)), rng.normal(size=5)
    assert_close(
        affine_forward(x, w, b)[0], x.reshape(2, 12) @ w + b, name="out", inputs={"x": x, "w": w, "b": b}
    )


def test_numerical_gradient_of_a_square():
    """The gradient of sum(x²) is 2x, and x is as it was."""
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    grad = eval_numerical_gradient(lambda z: float((z**2).sum()), x)
    assert_close(grad, np.array([[2.0, -4.0], [1.0, 6.0]]), name="the numerical gradient", rtol=1e-6, atol=1e-8)
    assert_close(x, np.array([[1.0, -2.0], [0.5, 3.0]]), name="x after the call")


def test_affine_backward(rng):
    """Each gradient equals its numerical gradient."""
    x, w, b, dout = rng.normal(size=(4, 3)), rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=(4, 5))
    inputs = {"x": x, "w": w, "b": b, "dout": dout}
    dx, dw, db = affine_backward(dout.copy(), affine_forward(x, w, b)[1])
    assert_close(dx, numeric(lambda z: affine_forward(z, w, b)[0], x, dout), name="dx", rtol=1e-5, atol=1e-7, inputs=inputs)
    assert_close(dw, numeric(lambda z: affine_forward(x, z, b)[0], w, dout), name="dw", rtol=1e-5, atol=1e-7, inputs=inputs)
    assert_close(
        np.reshape(db, -1), numeric(lambda z: affine_forward(x, w, z)[0], b, dout), name="db", rtol=1e-5, atol=1e-7, inputs=inputs
    )


@pytest.mark.parametrize(("forward", "backward"), [(relu_forward, relu_backward), (sigmoid_forward, sigmoid_backward)])
def test_activations(rng, forward, backward):
    """The backward function agrees with the numerical gradient of the forward function."""
    x, dout = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    dx = backward(dout.copy(), forward(x)[1])
    expected = numeric(lambda z: forward(z)[0], x, dout)
    assert_close(dx, expected, name="dx", rtol=1e-5, atol=1e-7, inputs={"x": x, "dout": dout})


def test_softmax_loss_of_equal_scores():
    """Equal scores over C classes cost log C."""
    x, y = np.zeros((3, 7)), np.array([0, 6, 2])
    loss, _ = softmax_loss(x, y)
    assert_close(loss, np.log(7.0), name="loss", rtol=1e-6, atol=1e-6, inputs={"x": x, "y": y})


@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_softmax_gradient_sums_to_zero(rng, scale):
    """Adding a constant to a row changes nothing, so each row of the gradient sums to zero."""
    _, dx = softmax_loss(scale * rng.normal(size=(4, 6)), np.array([1, 0, 5, 5]))
    assert_close(dx.sum(axis=1), np.zeros(4), name="the row sums of dx", atol=1e-7)


def test_elementwise_cross_entropy_by_hand():
    """Two outputs of one example, each at one half: 2 log 2."""
    u, y = np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])
    loss, du = elementwise_cross_entropy(u, y)
    assert_close(loss, 2 * np.log(2.0), name="loss", rtol=1e-4, atol=1e-5, inputs={"u": u, "y": y})
    assert_close(du, np.array([[-2.0, 2.0]]), name="du", rtol=1e-4, atol=1e-5, inputs={"u": u, "y": y})


@pytest.mark.parametrize("reg", [0.0, 0.7])
def test_network_gradients(rng, reg):
    """All four gradients of the network agree with numerical ones."""
    net = TwoLayerNet(4, 6, 3, std=0.5)
    net.params["b1"] += 0.3
    x, y = rng.normal(size=(5, 4)), np.array([0, 2, 1, 1, 0])
    _, grads = net.loss(x, y, reg=reg)
    for name in ("W1", "b1", "W2", "b2"):
        expected = eval_numerical_gradient(lambda _: net.loss(x, y, reg=reg)[0], net.params[name])
        inputs = {"x": x, "y": y, "reg": reg, name: net.params[name]}
        assert_close(grads[name], expected, name=f'grads["{name}"]', rtol=1e-4, atol=1e-6, inputs=inputs)


def test_training_lowers_the_loss(rng):
    """A toy problem is learnt."""
    x, y = rng.normal(size=(30, 4)), np.arange(30) % 3
    x[np.arange(30), y] += 4
    net = TwoLayerNet(4, 10, 3, std=0.1)
    history = net.train(x, y, x, y, learning_rate=0.2, reg=0.0, num_iters=200, batch_size=10)
    assert history["loss_history"][-1] < 0.5 * history["loss_history"][0]
    assert np.mean(net.predict(x) == y) > 0.8
