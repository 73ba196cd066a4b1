"""One network, trained three ways: gradients by hand, gradients by autograd, and nothing by hand at all.

The network is y_pred = relu(x @ w1) @ w2, without biases, and the loss is the MEAN squared error over all N * D_out
entries, as `torch.nn.functional.mse_loss` has it. All three trainers do plain gradient descent on the whole batch:
from the same start they must walk through the same weights.

Shapes everywhere: x (N, D_in), y (N, D_out), w1 (D_in, H), w2 (H, D_out), float32 or float64.
`losses[t]` is the loss BEFORE update number t, so that `losses[0]` belongs to the weights as given.
The tensors handed in stay as they are: return new ones. (A model handed in is trained in place.)
"""

from collections.abc import Callable

import torch
from torch import nn


def two_layer_gradients(
    x: torch.Tensor, y: torch.Tensor, w1: torch.Tensor, w2: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compute the loss of the two-layer network and its gradients by hand, without autograd.

    Returns:
        (loss, grad_w1, grad_w2): the loss without axes, gradients with the shapes of w1 and w2.

    """
    raise NotImplementedError("two_layer_gradients: write your solution here")


def train_by_hand(
    x: torch.Tensor, y: torch.Tensor, w1: torch.Tensor, w2: torch.Tensor, learning_rate: float, steps: int
) -> tuple[torch.Tensor, torch.Tensor, list[float]]:
    """Train with the gradients of `two_layer_gradients`, for `steps` updates.

    Returns:
        (w1, w2, losses): the trained weights as new tensors, and the `steps` losses before each update.

    """
    raise NotImplementedError("train_by_hand: write your solution here")


def train_with_autograd(
    x: torch.Tensor,
    y: torch.Tensor,
    w1: torch.Tensor,
    w2: torch.Tensor,
    learning_rate: float,
    steps: int,
    activation: Callable[[torch.Tensor], torch.Tensor] = torch.relu,
) -> tuple[torch.Tensor, torch.Tensor, list[float]]:
    """Train the same network, but let autograd compute the gradients.

    Args:
        activation: the hidden activation, any differentiable function of one tensor. Here autograd pays off: a new
            activation needs no new gradient code.

    Returns:
        (w1, w2, losses) as in `train_by_hand`.

    """
    raise NotImplementedError("train_with_autograd: write your solution here")


def train_with_optim(
    model: nn.Module, x: torch.Tensor, y: torch.Tensor, learning_rate: float, steps: int
) -> list[float]:
    """Train any module on one batch with `torch.optim.SGD` (no momentum, no weight decay) and the mean squared error.

    Args:
        model: maps (N, D_in) to (N, D_out); its parameters are updated in place. It comes in training mode, and stays in it.

    Returns:
        The `steps` losses before each update.

    """
    raise NotImplementedError("train_with_optim: write your solution here")
