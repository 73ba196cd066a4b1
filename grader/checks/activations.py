"""Other activations than the one that is asked for, as mistakes for ``assert_close``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.nn import functional

Activation = Callable[[torch.Tensor], torch.Tensor]

#: By name, with its article.
ACTIVATIONS: dict[str, Activation] = {
    "no activation at all": lambda z: z,
    "a ReLU": torch.relu,
    "a leaky ReLU": functional.leaky_relu,
    "a leaky ReLU of slope 0.1": lambda z: functional.leaky_relu(z, 0.1),
    "a leaky ReLU of slope 0.2": lambda z: functional.leaky_relu(z, 0.2),
    "a ReLU6": functional.relu6,
    "an ELU": functional.elu,
    "a GELU": functional.gelu,
    "a GELU by its tanh formula": lambda z: functional.gelu(z, approximate="tanh"),
    "a SiLU": functional.silu,
    "a softplus": functional.softplus,
    "a sigmoid": torch.sigmoid,
    "a tanh": torch.tanh,
    "the absolute value": torch.abs,
}


def other_activations(run: Callable[[Activation], Any], asked: str = "a ReLU") -> dict[str, Callable[[], Any]]:
    """Mistakes for ``assert_close``: what you get with another activation.

    Args:
        run: gives what is compared, for an activation of tensors of any shape.
        asked: the right one, as it is called in :data:`ACTIVATIONS`.

    """
    return {
        f"{words} instead of {asked}": partial(run, activation)
        for words, activation in ACTIVATIONS.items()
        if words != asked
    }
