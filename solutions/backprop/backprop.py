"""Layers, losses, numerical gradients and a two-layer network, in numpy alone.

Conventions, the same in every function here:

* The first axis of an input is the batch; N is its length.
* A loss is a mean over the batch, and every ``d...`` is the gradient of that mean.
* ``cache`` is yours: whatever your forward function wants to hand to its own backward function.
* Work in the dtype you are given; float64 in, float64 out.
* Arrays that come in stay as they are; only :func:`eval_numerical_gradient` moves its ``x``, and puts it back.
"""

from collections.abc import Callable
from typing import Any

import numpy as np


def affine_forward(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Any]:
    """Apply a fully connected layer: ``out = x w + b`` with every example of ``x`` flattened to a row.

    Args:
        x: (N, d_1, ..., d_k) inputs with d_1 * ... * d_k = D; often, but not always, plain (N, D).
        w: (D, M) weights.
        b: (M,) biases.

    Returns:
        ``out`` of shape (N, M), and a cache for :func:`affine_backward`.
    """
    ### BEGIN SOLUTION
    rows = x.reshape(x.shape[0], -1)
    return rows @ w + b, (x, w)
    ### END SOLUTION


def affine_backward(dout: np.ndarray, cache: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Push a gradient back through :func:`affine_forward`.

    Args:
        dout: (N, M) gradient of the loss with respect to ``out``.
        cache: what :func:`affine_forward` returned.

    Returns:
        ``dx`` with the shape of ``x``, ``dw`` (D, M) and ``db`` (M,).
    """
    ### BEGIN SOLUTION
    x, w = cache
    rows = x.reshape(x.shape[0], -1)
    dx = (dout @ w.T).reshape(x.shape)
    dw = rows.T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db
    ### END SOLUTION


def relu_forward(x: np.ndarray) -> tuple[np.ndarray, Any]:
    """Apply ``max(0, x)`` to every entry.

    Args:
        x: array of any shape.

    Returns:
        ``out`` with the shape of ``x``, and a cache for :func:`relu_backward`.
    """
    ### BEGIN SOLUTION
    return np.maximum(x, 0), x
    ### END SOLUTION


def relu_backward(dout: np.ndarray, cache: Any) -> np.ndarray:
    """Push a gradient back through :func:`relu_forward`.

    At exactly 0 the slope may be anything in [0, 1]; no test asks.

    Args:
        dout: gradient with respect to ``out``, of any shape.
        cache: what :func:`relu_forward` returned.

    Returns:
        ``dx`` with the shape of ``dout``.
    """
    ### BEGIN SOLUTION
    x = cache
    return dout * (x > 0)
    ### END SOLUTION


def sigmoid_forward(x: np.ndarray) -> tuple[np.ndarray, Any]:
    """Apply ``1 / (1 + exp(-x))`` to every entry, finite for every finite ``x`` (think of x = 1000 and x = -1000).

    Args:
        x: array of any shape.

    Returns:
        ``out`` with the shape of ``x``, and a cache for :func:`sigmoid_backward`.
    """
    ### BEGIN SOLUTION
    small = np.exp(-np.abs(x))
    out = np.where(x >= 0, 1, small) / (1 + small)
    return out, out
    ### END SOLUTION


def sigmoid_backward(dout: np.ndarray, cache: Any) -> np.ndarray:
    """Push a gradient back through :func:`sigmoid_forward`.

    Args:
        dout: gradient with respect to ``out``, of any shape.
        cache: what :func:`sigmoid_forward` returned.

    Returns:
        ``dx`` with the shape of ``dout``.
    """
    ### BEGIN SOLUTION
    out = cache
    return dout * out * (1 - out)
    ### END SOLUTION


def softmax_loss(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Softmax followed by cross-entropy, averaged over the batch.

    Scores of 1000 must not overflow: subtract each row's largest score before you exponentiate.

    Args:
        x: (N, C) scores, any real numbers.
        y: (N,) integer labels in 0..C-1.

    Returns:
        ``loss``, the mean of ``-log softmax(x)[i, y[i]]``, and ``dx`` (N, C), its gradient with respect to ``x``.
    """
    ### BEGIN SOLUTION
    n = x.shape[0]
    shifted = x - x.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probs[np.arange(n), y].mean()
    dx = np.exp(log_probs)
    dx[np.arange(n), y] -= 1
    return float(loss), dx / n
    ### END SOLUTION


def elementwise_cross_entropy(u: np.ndarray, t: np.ndarray) -> tuple[float, np.ndarray]:
    """Cross-entropy of K independent yes/no predictions: summed over the K outputs, averaged over the batch.

    ``loss = 1/N * sum_i sum_k ( -t[i, k] log u[i, k] - (1 - t[i, k]) log(1 - u[i, k]) )``

    A saturated sigmoid gives exactly 0 or 1. Clip ``u`` to [eps, 1 - eps] with a small eps, so that loss and gradient
    stay finite there: 1e-7, say, because float32 cannot tell 1 - 1e-12 from 1.

    Args:
        u: (N, K) probabilities in [0, 1].
        t: (N, K) targets in [0, 1], in the dtype of ``u``; they need not be 0 or 1.

    Returns:
        ``loss``, and ``du`` (N, K), its gradient with respect to ``u``.
    """
    ### BEGIN SOLUTION
    n = u.shape[0]
    p = np.clip(u, 1e-7, 1 - 1e-7)
    loss = -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum() / n
    du = (p - t) / (p * (1 - p)) / n
    return float(loss), du
    ### END SOLUTION


def eval_numerical_gradient(f: Callable[[np.ndarray], float], x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    """Estimate the gradient of ``f`` at ``x`` by central differences, one entry at a time.

    ``df/dx_i`` is about ``(f(x + h e_i) - f(x - h e_i)) / 2h``. Write the moved entry into ``x`` itself and pass that
    same array to ``f``: then ``f`` may also ignore its argument and read a network whose parameter is ``x``. When you
    return, ``x`` holds its old values again.

    Args:
        f: function of an array with the shape of ``x``, returning one number.
        x: float64 array of any shape, the point.
        h: size of the step.

    Returns:
        Array with the shape of ``x``.
    """
    ### BEGIN SOLUTION
    grad = np.zeros_like(x, dtype=np.float64)
    for index in np.ndindex(*x.shape):
        old = x[index]
        x[index] = old + h
        above = f(x)
        x[index] = old - h
        below = f(x)
        x[index] = old
        grad[index] = (above - below) / (2 * h)
    return grad
    ### END SOLUTION


class TwoLayerNet:
    """Affine, ReLU, affine; trained with softmax loss and L2 regularisation of the two weight matrices.

    Attributes:
        params: dict of float arrays: ``W1`` (D, H), ``b1`` (H,), ``W2`` (H, C), ``b2`` (C,).
            ``loss`` reads it anew at every call, so assigning ``net.params["W1"]`` changes the network.
    """

    def __init__(self, input_size: int, hidden_size: int, output_size: int, std: float = 1e-4) -> None:
        """Draw the weights from a distribution with mean 0 and standard deviation ``std``; biases start at zero.

        Draw from ``np.random``'s global generator, so that ``np.random.seed`` repeats a run.

        Args:
            input_size: D.
            hidden_size: H.
            output_size: C, the number of classes.
            std: standard deviation of the initial weights.
        """
        ### BEGIN SOLUTION
        self.params: dict[str, np.ndarray] = {
            "W1": std * np.random.randn(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": std * np.random.randn(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }
        ### END SOLUTION

    def loss(
        self, X: np.ndarray, y: np.ndarray | None = None, reg: float = 0.0
    ) -> np.ndarray | tuple[float, dict[str, np.ndarray]]:
        """Scores of a batch or, where labels are given, its loss and gradients. Changes no parameter.

        The loss is ``softmax_loss + reg * (sum(W1 ** 2) + sum(W2 ** 2))``: no factor 1/2, and no term for the biases.

        Args:
            X: (N, D) inputs.
            y: (N,) integer labels, or None.
            reg: strength of the L2 term.

        Returns:
            Without ``y``: scores (N, C), as they are before the softmax.
            With ``y``: the loss, and a dict of its gradients with the keys and shapes of ``params``.
        """
        ### BEGIN SOLUTION
        W1, b1, W2, b2 = (self.params[name] for name in ("W1", "b1", "W2", "b2"))
        before, cache1 = affine_forward(X, W1, b1)
        hidden, cache_relu = relu_forward(before)
        scores, cache2 = affine_forward(hidden, W2, b2)
        if y is None:
            return scores

        data_loss, dscores = softmax_loss(scores, y)
        loss = data_loss + reg * float(np.sum(W1 * W1) + np.sum(W2 * W2))

        dhidden, dW2, db2 = affine_backward(dscores, cache2)
        dbefore = relu_backward(dhidden, cache_relu)
        _, dW1, db1 = affine_backward(dbefore, cache1)
        grads = {"W1": dW1 + 2 * reg * W1, "b1": db1, "W2": dW2 + 2 * reg * W2, "b2": db2}
        return loss, grads
        ### END SOLUTION

    def train(
        self,
        X: np.ndarray,
        y: np.ndarray,
        X_val: np.ndarray,
        y_val: np.ndarray,
        learning_rate: float = 1e-3,
        learning_rate_decay: float = 0.95,
        reg: float = 5e-6,
        num_iters: int = 100,
        batch_size: int = 200,
        verbose: bool = False,
    ) -> dict[str, list[float]]:
        """Train by stochastic gradient descent, one random batch a step.

        An epoch is ``max(N // batch_size, 1)`` steps. Step t = 0, 1, ... uses the rate
        ``learning_rate * learning_rate_decay ** (t // steps_per_epoch)``. Draw batches with or without replacement, as
        you like. ``batch_size`` may be larger than N: then take at most N examples, or draw with replacement. No generator is
        seeded in here, and the arrays stay as they are.

        Args:
            X: (N, D) training inputs.
            y: (N,) training labels.
            X_val: (N_val, D) validation inputs, never trained on.
            y_val: (N_val,) validation labels.
            learning_rate: rate of the first epoch.
            learning_rate_decay: factor applied to the rate after every epoch.
            reg: strength of the L2 term.
            num_iters: number of steps.
            batch_size: examples in a step.
            verbose: print the loss now and then.

        Returns:
            ``loss_history``: the batch's loss at each of the ``num_iters`` steps, taken before the update.
            ``train_acc_history``, ``val_acc_history``: accuracies in [0, 1], one at the end of each full epoch; the
            first on the current batch or on all of ``X`` as you like, the second on all of ``X_val``.
        """
        ### BEGIN SOLUTION
        n = X.shape[0]
        steps_per_epoch = max(n // batch_size, 1)
        history: dict[str, list[float]] = {"loss_history": [], "train_acc_history": [], "val_acc_history": []}
        for step in range(num_iters):
            batch = np.random.choice(n, min(batch_size, n), replace=False)
            loss, grads = self.loss(X[batch], y[batch], reg=reg)
            history["loss_history"].append(float(loss))
            for name in self.params:
                self.params[name] = self.params[name] - learning_rate * grads[name]
            if verbose and step % 100 == 0:
                print(f"step {step} of {num_iters}: loss {loss:.4f}")
            if (step + 1) % steps_per_epoch == 0:
                history["train_acc_history"].append(float(np.mean(self.predict(X[batch]) == y[batch])))
                history["val_acc_history"].append(float(np.mean(self.predict(X_val) == y_val)))
                learning_rate *= learning_rate_decay
        return history
        ### END SOLUTION

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Name the class with the largest score.

        Args:
            X: (N, D) inputs.

        Returns:
            (N,) integer labels.
        """
        ### BEGIN SOLUTION
        return np.argmax(self.loss(X), axis=1)
        ### END SOLUTION
