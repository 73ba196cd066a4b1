"""Training loops: an optimiser's steps written out, against which a student's are held, and the batches that they take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch

from grader.checks.close import CheckFailed

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
    decay: float = 0.0,
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
        decay: g <- g + decay * parameters, after ``change``: what ``weight_decay`` of torch's optimisers adds.
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
        if decay:
            gradients = [gradient + decay * value for gradient, value in zip(gradients, values, strict=True)]
        velocity = [momentum * old + new for old, new in zip(velocity, gradients, strict=True)]
        values = [value - rate * step for value, step in zip(values, velocity, strict=True)]
    return values, losses


#: What homework sets such things to; a change that nobody asked for is found where it has one of these sizes.
_NORMS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
_VALUES = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
_DECAYS = (1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 0.1)
_MOMENTA = (0.5, 0.8, 0.9, 0.95, 0.99)


def clipped_by_norm(most: float) -> Callable[[Gradients], Gradients]:
    """A change for :func:`sgd_steps`: all gradients together scaled down to the Euclidean norm ``most``, if theirs is larger."""

    def clip(gradients: Gradients) -> Gradients:
        norm = torch.cat([gradient.flatten() for gradient in gradients]).norm().item()
        return [gradient * min(1.0, most / norm) if norm else gradient for gradient in gradients]

    return clip


def clipped_by_value(most: float) -> Callable[[Gradients], Gradients]:
    """A change for :func:`sgd_steps`: every entry of a gradient held between ``-most`` and ``most``."""
    return lambda gradients: [gradient.clamp(-most, most) for gradient in gradients]


def unasked(steps: Callable[..., Any], *, momentum: float = 0.0) -> dict[str, Callable[[], Any]]:
    """Mistakes for ``assert_close``: what training gives with something added to plain descent that nobody asked for.

    Clipping, weight decay and momentum, each in the sizes that are usual. One is named only where its very numbers came.

    Args:
        steps: gives what is compared, for one of the keywords ``change``, ``decay`` and ``momentum`` of :func:`sgd_steps`.
        momentum: what is asked for; the others are mistakes.

    """
    found: dict[str, Callable[[], Any]] = {}
    for most in _NORMS:
        words = f"the gradient clipped to the norm {most:g}, which nobody asked for"
        found[words] = partial(steps, change=clipped_by_norm(most))
    for most in _VALUES:
        words = f"each entry of the gradient clipped to {most:g}, which nobody asked for"
        found[words] = partial(steps, change=clipped_by_value(most))
    for decay in _DECAYS:
        found[f"a weight decay of {decay:g}, which nobody asked for"] = partial(steps, decay=decay)
    for other in (0.0, *_MOMENTA):
        if other != momentum:
            words = (
                f"a momentum of {other:g}, which nobody asked for"
                if other
                else "no momentum, although there should be some"
            )
            found[words] = partial(steps, momentum=other)
    return found


def longer_step(
    before: Mapping[str, torch.Tensor], right: Mapping[str, torch.Tensor], got: Mapping[str, Any]
) -> dict[str, dict[str, torch.Tensor]]:
    """Mistakes for ``assert_close``: a single step in the right direction that is too long or too short, by one factor for all.

    Args:
        before: the parameters that the step starts from, by name.
        right: where it should end.
        got: where it ended, under the same names; anything that does not fit gives no mistake.

    """
    try:
        pairs = [(right[key] - before[key], torch.as_tensor(got[key]) - before[key]) for key in right]
        asked, made = (torch.cat([pair[k].flatten().double() for pair in pairs]) for k in (0, 1))
        factor = float(asked @ made / (asked @ asked))
    except (KeyError, RuntimeError, TypeError, ValueError):
        return {}
    if not 1e-6 < factor < 1e6 or abs(factor - 1) < 1e-3:
        return {}
    words = (
        f"a step {factor:.4g} times as long as it should be, in the right direction: look at the learning rate, and at what is "
        "summed or averaged"
    )
    return {words: {key: before[key] + factor * (right[key] - before[key]) for key in right}}


def of_linear(loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> BatchLoss:
    """The loss of a linear model, parameters (weight (D, C), bias (C,)): ``loss(x @ weight + bias, y)``."""
    return lambda parameters, x, y: loss(x @ parameters[0] + parameters[1], y)


def assert_random_batches(batches: Sequence[Sequence[int]], n: int, size: int) -> None:
    """Hold the batches of a training to "a new random batch of ``size`` examples at each step, from all of them".

    With or without replacement, within an epoch or at every step: each is random. With 30 draws for every example an
    example stays away by chance once in 10^13.

    Args:
        batches: for each step the numbers, 0 to n - 1, of the examples that it took. None at all passes: then the
            training could not be watched.
        n: the number of examples.
        size: examples in a batch; an epoch's last one may be smaller.

    Raises:
        CheckFailed: a batch has another size, the examples come in their order, every batch is the same, or some
            example never comes.
        ValueError: there are fewer than 30 draws for each example, so nothing follows from one that never comes.

    """
    if not batches:
        return
    largest = max(map(len, batches))
    if largest != size:
        raise CheckFailed(f"A step with batch_size={size} takes {largest} of {n} examples.")
    draws = sum(map(len, batches))
    if draws < 30 * n:
        raise ValueError(f"{draws} draws of {n} examples are too few: ask for 30 for each example")
    if size > 1 and all(b - a == 1 for batch in batches for a, b in pairwise(batch)):
        raise CheckFailed("Each batch consists of neighbouring examples; examples should be drawn at random.")
    if size < n and all(sorted(batch) == sorted(batches[0]) for batch in batches):
        raise CheckFailed("Every step takes the same batch; each should draw a new one.")
    never = sorted(set(range(n)) - {number for batch in batches for number in batch})
    if never:
        which = "the last example" if never == [n - 1] else f"{len(never)} of {n} examples"
        raise CheckFailed(f"In {len(batches)} steps {which} never came up: draw from all of them.")
