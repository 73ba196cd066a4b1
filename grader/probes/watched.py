"""A model that notes how it is run."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Watched(nn.Module):
    """Wraps any module and notes each of its forward passes in ``seen``, one list each.

    An entry is [training mode, whether a graph is recorded, number of examples]: plain data, which can be returned from
    a probe as it is. The wrapped module is ``module``; parameters, buffers and modes are its own.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.seen: list[list[Any]] = []

    def forward(self, x: torch.Tensor) -> Any:
        """What the wrapped module gives for ``x``, (N, ...)."""
        graph = torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
        self.seen.append([self.training, graph, len(x)])
        return self.module(x)
