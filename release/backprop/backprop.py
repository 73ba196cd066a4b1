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
    raise NotImplementedError("affine_forward: write your solution here")


def affine_backward(dout: np.ndarray, cache: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Push a gradient back through :func:`affine_forward`.

    Args:
        dout: (N, M) gradient of the loss with respect to ``out``.
        cache: what :func:`affine_forward` returned.

    Returns:
        ``dx`` with the shape of ``x``, ``dw`` (D, M) and ``db`` (M,).
    """
    raise NotImplementedError("affine_backward: write your solution here")


def relu_forward(x: np.ndarray) -> tuple[np.ndarray, Any]:
    """Apply ``max(0, x)`` to every entry.

    Args:
        x: array of any shape.

    Returns:
        ``out`` with the shape of ``x``, and a cache for :func:`relu_backward`.
    """
    raise NotImplementedError("relu_forward: write your solution here")


def relu_backward(dout: np.ndarray, cache: Any) -> np.ndarray:
    """Push a gradient back through :func:`relu_forward`.

    At exactly 0 the slope may be anything in [0, 1]; no test asks.

    Args:
        dout: gradient with respect to ``out``, of any shape.
        cache: what :func:`relu_forward` returned.

    Returns:
        ``dx`` with the shape of ``dout``.
    """
    raise NotImplementedError("relu_backward: write your solution here")


def sigmoid_forward(x: np.ndarray) -> tuple[np.ndarray, Any]:
    """Apply ``1 / (1 + exp(-x))`` to every entry, finite for every finite ``x`` (think of x = 1000 and x = -1000).

    Args:
        x: array of any shape.

    Returns:
        ``out`` with the shape of ``x``, and a cache for :func:`sigmoid_backward`.
    """
    raise NotImplementedError("sigmoid_forward: write your solution here")


def sigmoid_backward(dout: np.ndarray, cache: Any) -> np.ndarray:
    """Push a gradient back through :func:`sigmoid_forward`.

    Args:
        dout: gradient with respect to ``out``, of any shape.
        cache: what :func:`sigmoid_forward` returned.

    Returns:
        ``dx`` with the shape of ``dout``.
    """
    raise NotImplementedError("sigmoid_backward: write your solution here")


def softmax_loss(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Softmax followed by cross-entropy, averaged over the batch.

    Scores of 1000 must not overflow: subtract each row's largest score before you exponentiate.

    Args:
        x: (N, C) scores, any real numbers.
        y: (N,) integer labels in 0..C-1.

    Returns:
        ``loss``, the mean of ``-log softmax(x)[i, y[i]]``, and ``dx`` (N, C), its gradient with respect to ``x``.
    """
    raise NotImplementedError("softmax_loss: write your solution here")


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
    raise NotImplementedError("elementwise_cross_entropy: write your solution here")


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
    raise NotImplementedError("eval_numerical_gradient: write your solution here")


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
        raise NotImplementedError("TwoLayerNet.__init__: write your solution here")

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
        raise NotImplementedError("TwoLayerNet.loss: write your solution here")

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
        raise NotImplementedError("TwoLayerNet.train: write your solution here")

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Name the class with the largest score.

        Args:
            X: (N, D) inputs.

        Returns:
            (N,) integer labels.
        """
        raise NotImplementedError("TwoLayerNet.predict: write your solution here")
