"""A linear model with given weights, on which a student's training loop can be followed step by step."""

from __future__ import annotations

import torch
from torch import nn


class LinearClassifier(nn.Module):
    """``x.flatten(1) @ weight + bias``, with the given weights as parameters.

    Args:
        weight: (D, C), copied.
        bias: (C,), copied; none where it is left out.
        noisy: put batch norm and dropout (p = 0.4) in front, so that the scores depend on the mode.
        shape: of one output, in place of (C,): (15, 2) for 15 points of the plane.

    The dtype of parameters and scores is that of ``weight``.

    """

    def __init__(
        self,
        weight: torch.Tensor,
        bias: torch.Tensor | None = None,
        *,
        noisy: bool = False,
        shape: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.clone())
        self.bias = None if bias is None else nn.Parameter(bias.clone())
        self.norm = nn.BatchNorm1d(len(weight), dtype=weight.dtype) if noisy else None
        self.drop = nn.Dropout(0.4) if noisy else None
        self.shape = shape

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores (N, C), or (N, *shape), of inputs (N, ...) with D numbers each."""
        x = x.flatten(1)
        if self.norm is not None and self.drop is not None:
            x = self.drop(self.norm(x))
        scores = x @ self.weight
        if self.bias is not None:
            scores = scores + self.bias
        return scores.reshape(-1, *self.shape) if self.shape else scores
