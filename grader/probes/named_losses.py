"""Losses by name: a function cannot cross from a check to the worker, its name can."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def loss_named(name: str, *, reduction: str = "mean") -> Loss:
    """The loss called ``name``, of scores (N, C) and labels (N,) int64; a scalar.

    ``cross-entropy`` is torch's, a mean. ``squared`` is the squared distance of the label's score from 1, by mean or
    sum: a loss that nobody would use, which tells a loop that takes the loss it is given from one that has its own.

    Raises:
        ValueError: there is no such loss.

    """
    if name == "cross-entropy":
        return nn.CrossEntropyLoss()
    if name == "squared":

        def squared(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            distance = (scores.gather(1, labels[:, None]) - 1).pow(2)
            return distance.sum() if reduction == "sum" else distance.mean()

        return squared
    raise ValueError(f"there is no loss {name!r}; use cross-entropy or squared")
