"""Weight decay, as a term of the loss and as the optimiser's; and the layers for feature maps."""

from collections.abc import Callable

import torch
from torch import nn

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def l2_penalty(model: nn.Module) -> torch.Tensor:
    """Sum the squares of all weights of a network: no factor 1/2, no mean.

    Weights are the parameters with two axes or more. Biases and the scales and shifts of batch normalisation have one
    axis, and are left out.

    Returns:
        A 0-d tensor, ready for ``backward()``.
    """
    raise NotImplementedError("l2_penalty: write your solution here")


def penalised(loss_fn: Loss, model: nn.Module, lam: float) -> Loss:
    """Make a loss function with weight decay as a term: ``loss_fn(scores, y) + lam * l2_penalty(model)``.

    The penalty is that of the weights at the time of the call. Pass the result to ``train_batch`` as its ``loss_fn``.

    Args:
        loss_fn: maps (scores, labels) to the loss of the data.
        model: whose weights are penalised.
        lam: strength of the penalty.

    Returns:
        A function of (scores, labels).
    """
    raise NotImplementedError("penalised: write your solution here")


def sgd_with_weight_decay(model: nn.Module, lr: float, lam: float) -> torch.optim.Optimizer:
    """Make an optimiser that decays the weights itself.

    Trained with the plain loss, it makes the very steps that ``torch.optim.SGD(model.parameters(), lr)`` makes with
    ``penalised(loss_fn, model, lam)``. Mind two things: what ``weight_decay`` adds to a gradient, and what is decayed.

    Args:
        model: the network.
        lr: learning rate.
        lam: strength of the penalty, as in :func:`penalised`.

    Returns:
        A ``torch.optim`` optimiser over all of the model's parameters.
    """
    raise NotImplementedError("sgd_with_weight_decay: write your solution here")


class ConvBlock(nn.Module):
    """A 3x3 convolution that keeps height and width, batch norm, ReLU, dropout: in this order, each made for images.

    Batch norm has one mean, variance, scale and shift for each channel. Dropout drops whole channels of an example.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        dropout: probability to DROP a channel in training.
    """

    def __init__(self, in_channels: int, out_channels: int, dropout: float = 0.0) -> None:
        super().__init__()
        raise NotImplementedError("ConvBlock.__init__: write your solution here")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H, W), for any H and W."""
        raise NotImplementedError("ConvBlock.forward: write your solution here")
