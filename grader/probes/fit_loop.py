"""A training loop that suits small networks, whatever they are made of."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def fit(
    model: nn.Module,
    loss_of: Callable[[torch.Tensor], torch.Tensor],
    count: int,
    *,
    epochs: int,
    batch_size: int,
    max_rate: float,
    clip: float | None = None,
) -> list[float]:
    """Train ``model`` in place, in training mode: Adam under a one-cycle schedule, reshuffled every epoch.

    ``loss_of`` is given the indices of a batch, (B,) int64, and returns the loss, a scalar with a graph. ``count`` is
    the number of examples. The rate rises to ``max_rate`` and falls to nearly 0; ``clip`` bounds the gradient's norm.
    Draws from torch's global generator: seed it first. Returns the mean loss of each epoch's batches.

    Source: L. N. Smith and N. Topin, Super-Convergence, arXiv:1708.07120 (the schedule).
    """
    model.train()
    steps = epochs * -(-count // batch_size)
    optimizer = torch.optim.Adam(model.parameters(), lr=max_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=max_rate, total_steps=steps)
    history = []
    for _ in range(epochs):
        batches = torch.split(torch.randperm(count), batch_size)
        total = 0.0
        for batch in batches:
            loss = loss_of(batch)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            schedule.step()
            total += loss.item()
        history.append(total / len(batches))
    return history
