"""Hyper-parameter search: which settings to try, and which of them to keep.

A setting is a dict such as ``{"learning_rate": 0.1, "reg": 1e-4, "hidden_size": 64}``. Its keys are argument names of
``TwoLayerNet(...)`` (``hidden_size``, ``std``) and of ``TwoLayerNet.train`` (``learning_rate``, ``learning_rate_decay``,
``reg``, ``num_iters``, ``batch_size``). What a setting leaves out keeps its default; ``hidden_size`` defaults to 32.
"""

import itertools
from typing import Any

import numpy as np

from backprop import TwoLayerNet


def grid_settings(grid: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Every combination of the values of a grid.

    ``{"reg": [0.0, 0.1], "hidden_size": [8, 16, 32]}`` gives six settings, each once, in any order.

    Args:
        grid: for each name the values to try.

    Returns:
        List of settings, each with every key of ``grid``.
    """
    raise NotImplementedError("grid_settings: write your solution here")


def random_settings(ranges: dict[str, tuple[float, float]], count: int, seed: int = 0) -> list[dict[str, float]]:
    """Settings drawn at random, log-uniformly, every name independently of the others.

    Log-uniform in [low, high] means that the logarithm is uniform: 0.001 to 0.01 is as likely as 0.01 to 0.1.

    Args:
        ranges: for each name the bounds ``(low, high)`` with 0 < low < high.
        count: number of settings.
        seed: the same seed gives the same settings, another seed others.

    Returns:
        List of ``count`` settings with float values.
    """
    raise NotImplementedError("random_settings: write your solution here")


def hyperparameter_search(
    X: np.ndarray, y: np.ndarray, X_val: np.ndarray, y_val: np.ndarray, settings: list[dict[str, Any]]
) -> tuple[TwoLayerNet, dict[str, Any], list[dict[str, Any]]]:
    """Train one network for each setting on (X, y) and keep the one that does best on the validation set.

    Each setting gets a network of its own. Classes are 0..max(y).

    Args:
        X: (N, D) training inputs.
        y: (N,) training labels.
        X_val: (N_val, D) validation inputs.
        y_val: (N_val,) validation labels.
        settings: the settings to try, at least one; they stay as they are.

    Returns:
        ``best_net``: the trained network with the highest validation accuracy (that very network, not a new one).
        ``best_setting``: its setting.
        ``results``: one dict for each setting, in order: the setting's entries, and ``train_accuracy`` and
        ``val_accuracy``, the trained network's accuracy on all of X and all of X_val.
    """
    raise NotImplementedError("hyperparameter_search: write your solution here")
