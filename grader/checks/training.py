"""Reference training: the steps of an optimiser written out, against which a student's training loop is held."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch

#: The loss (a scalar) at the given parameters on one batch of inputs and targets.
BatchLoss = Callable[[Sequence[torch.Tensor], torch.Tensor, torch.Tensor], torch.Tensor]
Gradients = list[torch.Tensor]


def sgd_steps(
    parameters: Sequence[torch.Tensor],
    loss: BatchLoss,
    batches: Iterable[Sequence[torch.Tensor]],
    *,
    rate: float,
    momentum: float = 0.0,
    left: Sequence[torch.Tensor | float] | None = None,
    change: Callable[[Gradients], Gradients] = lambda gradients: gradients,
) -> tuple[list[torch.Tensor], list[float]]:
    """Stochastic gradient descent with momentum as torch.optim.SGD does it, one step a batch.

    Args:
        parameters: where it starts; left alone. Computed in float64 whatever their dtype.
        loss: called as ``loss(parameters, x, y)`` with float64 leaves; a floating ``x`` comes as float64, too.
        batches: pairs (x, y).
        rate: the learning rate.
        momentum: v <- momentum * v + g; parameters <- parameters - rate * v.
        left: gradients that stand there before the first step and are never cleared: what a loop without ``zero_grad``
            does. None clears them at each step.
        change: what is done to the gradients before each step, such as clipping.

    Returns:
        The parameters after all steps, and the loss before each.

    """
    values = [parameter.detach().double() for parameter in parameters]
    velocity: list[torch.Tensor] = [torch.zeros_like(value) for value in values]
    kept: Sequence[torch.Tensor | float] = left if left is not None else [0.0] * len(values)
    losses: list[float] = []
    for x, y in batches:
        leaves = [value.clone().requires_grad_() for value in values]
        found = loss(leaves, x.double() if x.is_floating_point() else x, y)
        losses.append(found.item())
        gradients = change([new + old for new, old in zip(torch.autograd.grad(found, leaves), kept, strict=True)])
        kept = gradients if left is not None else kept
        velocity = [momentum * old + new for old, new in zip(velocity, gradients, strict=True)]
        values = [value - rate * step for value, step in zip(values, velocity, strict=True)]
    return values, losses


def of_linear(loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> BatchLoss:
    """The loss of a linear model, parameters (weight (D, C), bias (C,)): ``loss(x @ weight + bias, y)``."""
    return lambda parameters, x, y: loss(x @ parameters[0] + parameters[1], y)
