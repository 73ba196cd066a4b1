"""A model that notes how it is run."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Watched(nn.Module):
    """Wraps any module and notes each of its forward passes in ``seen``, one list each.

    An entry is [training mode, whether a graph is recorded, number of examples]: plain data, which can be returned from
    a probe as it is. The wrapped module is ``module``; parameters, buffers and modes are its own.

    ``seen`` can be rewritten by the code that is watched. What cannot is what comes of the passes: with ``training`` or
    ``graph`` given, a pass that runs otherwise has the opposite sign. Let the student's function run on a model with
    them and on one without, and compare the two results where verdicts are reached: they agree where it ran as it should.
    """

    def __init__(self, module: nn.Module, *, training: bool | None = None, graph: bool | None = None) -> None:
        super().__init__()
        self.module = module
        self.seen: list[list[Any]] = []
        self._wanted = training, graph

    def forward(self, x: torch.Tensor) -> Any:
        """What the wrapped module gives for ``x``, (N, ...)."""
        graph = torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
        self.seen.append([self.training, graph, len(x)])
        scores = self.module(x)
        as_wanted = all(want in (None, is_) for want, is_ in zip(self._wanted, (self.training, graph), strict=True))
        return scores if as_wanted else -scores
