"""Batch normalisation and dropout, forwards and backwards, in numpy alone.

Conventions, the same in every function here:

* The first axis of an input is the batch; N is its length.
* ``cache`` is yours: whatever your forward function wants to hand to its own backward function.
* A mode is ``"train"`` or ``"test"``; nothing else is ever asked for.
* float64 in, float64 out.
* Arrays that come in stay as they are: ``x`` and ``dout`` are needed elsewhere. Only ``bn_param`` is written to.
"""

from typing import Any

import numpy as np


def batchnorm_forward(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, bn_param: dict[str, Any]
) -> tuple[np.ndarray, Any]:
    """Normalise each feature over the batch, then scale and shift it: ``out = gamma * x_hat + beta``.

    In training, ``x_hat = (x - mean) / sqrt(var + eps)`` with the batch's own mean and its biased variance (divided by N,
    as ``np.var`` does), and the running averages move towards them:

        running_mean = momentum * running_mean + (1 - momentum) * mean
        running_var  = momentum * running_var  + (1 - momentum) * var

    so ``momentum`` is the share of the OLD value, and ``var`` is the same biased variance. In test mode the running
    averages take the place of the batch's mean and variance, and stay as they are.

    Args:
        x: (N, D) inputs.
        gamma: (D,) scales.
        beta: (D,) shifts.
        bn_param: settings, and the memory between calls. You read and write this very dict:
            ``"mode"``: ``"train"`` or ``"test"``.
            ``"eps"``: added to the variance; 1e-5 if it is missing.
            ``"momentum"``: weight of the old running average; 0.9 if it is missing.
            ``"running_mean"``, ``"running_var"``: (D,) running averages; both zeros where they are missing. Put the
            new ones back under these keys.

    Returns:
        ``out`` of shape (N, D), and a cache for :func:`batchnorm_backward` (called only after ``"train"``).
    """
    ### BEGIN SOLUTION
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    running_mean = bn_param.get("running_mean", np.zeros(x.shape[1]))
    running_var = bn_param.get("running_var", np.zeros(x.shape[1]))
    if bn_param["mode"] == "train":
        mean, var = x.mean(axis=0), x.var(axis=0)
        bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * mean
        bn_param["running_var"] = momentum * running_var + (1 - momentum) * var
    else:
        mean, var = running_mean, running_var
    inv_std = 1 / np.sqrt(var + eps)
    x_hat = (x - mean) * inv_std
    return gamma * x_hat + beta, (x_hat, inv_std, gamma)
    ### END SOLUTION


def batchnorm_backward(dout: np.ndarray, cache: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Push a gradient back through :func:`batchnorm_forward` in training mode.

    Every entry of a column of ``x`` moves the column's mean and variance, and through them the whole column of ``out``.

    Args:
        dout: (N, D) gradient of the loss with respect to ``out``.
        cache: what :func:`batchnorm_forward` returned.

    Returns:
        ``dx`` (N, D), ``dgamma`` (D,) and ``dbeta`` (D,).
    """
    ### BEGIN SOLUTION
    x_hat, inv_std, gamma = cache
    dbeta = dout.sum(axis=0)
    dgamma = (dout * x_hat).sum(axis=0)
    dx = gamma * inv_std * (dout - (dbeta + x_hat * dgamma) / len(dout))
    return dx, dgamma, dbeta
    ### END SOLUTION


def dropout_forward(x: np.ndarray, dropout_param: dict[str, Any]) -> tuple[np.ndarray, Any]:
    """Inverted dropout: in training, zero each entry with probability ``p`` and divide what is kept by ``1 - p``.

    Each entry is decided for itself. In test mode the input passes unchanged.

    Args:
        x: inputs of any shape.
        dropout_param: settings:
            ``"mode"``: ``"train"`` or ``"test"``.
            ``"p"``: the probability to DROP an entry, 0 <= p < 1, as in ``torch.nn.Dropout``.
            ``"seed"``: if it is given, call ``np.random.seed`` with it first, so that the same seed drops the same
            entries; if it is missing, every call drops different ones.

    Returns:
        ``out`` with the shape of ``x``, and a cache for :func:`dropout_backward`.
    """
    ### BEGIN SOLUTION
    if dropout_param["mode"] == "test":
        return x, None
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    keep = 1 - dropout_param["p"]
    mask = (np.random.rand(*x.shape) < keep) / keep
    return x * mask, mask
    ### END SOLUTION


def dropout_backward(dout: np.ndarray, cache: Any) -> np.ndarray:
    """Push a gradient back through :func:`dropout_forward`, in either mode.

    Args:
        dout: gradient with respect to ``out``, of any shape.
        cache: what :func:`dropout_forward` returned.

    Returns:
        ``dx`` with the shape of ``dout``.
    """
    ### BEGIN SOLUTION
    mask = cache
    return dout if mask is None else dout * mask
    ### END SOLUTION


def spatial_batchnorm_forward(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, bn_param: dict[str, Any]
) -> tuple[np.ndarray, Any]:
    """Batch normalisation of feature maps: one mean and one variance for each channel, over N, H and W together.

    It is :func:`batchnorm_forward` on another arrangement of the same numbers.

    Args:
        x: (N, C, H, W) inputs.
        gamma: (C,) scales.
        beta: (C,) shifts.
        bn_param: as for :func:`batchnorm_forward`, with D = C.

    Returns:
        ``out`` of shape (N, C, H, W), and a cache for :func:`spatial_batchnorm_backward`.
    """
    ### BEGIN SOLUTION
    n, c, h, w = x.shape
    rows = x.transpose(0, 2, 3, 1).reshape(-1, c)
    out, cache = batchnorm_forward(rows, gamma, beta, bn_param)
    return out.reshape(n, h, w, c).transpose(0, 3, 1, 2), cache
    ### END SOLUTION


def spatial_batchnorm_backward(dout: np.ndarray, cache: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Push a gradient back through :func:`spatial_batchnorm_forward` in training mode.

    Args:
        dout: (N, C, H, W) gradient with respect to ``out``.
        cache: what :func:`spatial_batchnorm_forward` returned.

    Returns:
        ``dx`` (N, C, H, W), ``dgamma`` (C,) and ``dbeta`` (C,).
    """
    ### BEGIN SOLUTION
    n, c, h, w = dout.shape
    rows = dout.transpose(0, 2, 3, 1).reshape(-1, c)
    dx, dgamma, dbeta = batchnorm_backward(rows, cache)
    return dx.reshape(n, h, w, c).transpose(0, 3, 1, 2), dgamma, dbeta
    ### END SOLUTION
