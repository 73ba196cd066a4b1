"""A classifier of handwritten digits in PyTorch: its data, its three networks, one step of training, its accuracy."""

from collections.abc import Callable

import torch
from torch import nn
from torch.utils.data import Dataset


class MNISTDataset(Dataset):
    """Digits as a network wants them: pixels rescaled to [0, 1], each image a row of 784.

    Args:
        x: (N, 28, 28) uint8 tensor of grey values, 0 to 255.
        y: (N,) int64 tensor of labels.
    """

    def __init__(self, x: torch.Tensor, y: torch.Tensor) -> None:
        raise NotImplementedError("MNISTDataset.__init__: write your solution here")

    def __len__(self) -> int:
        """Return the number of images."""
        raise NotImplementedError("MNISTDataset.__len__: write your solution here")

    def __getitem__(self, ix: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return image ``ix`` as a (784,) float32 tensor, rows of pixels one after the other, and its label."""
        raise NotImplementedError("MNISTDataset.__getitem__: write your solution here")


class MNISTNeuralNet(nn.Module):
    """784 inputs, 1000 hidden units with ReLU, 10 scores: a linear layer, ReLU, a linear layer.

    Args:
        batch_norm: whether the hidden units are batch-normalised, each over the batch and with a learnable scale and
            shift. Before the ReLU, as in the paper, or after it, as you like.
        dropout: probability to DROP a hidden unit in training; 0 drops none. The inputs and the scores are not dropped.
    """

    def __init__(self, batch_norm: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        raise NotImplementedError("MNISTNeuralNet.__init__: write your solution here")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map rows of pixels (N, 784) to scores (N, 10): any real numbers, not probabilities."""
        raise NotImplementedError("MNISTNeuralNet.forward: write your solution here")


def train_batch(
    x: torch.Tensor,
    y: torch.Tensor,
    model: nn.Module,
    opt: torch.optim.Optimizer,
    loss_fn: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> float:
    """Make one step of training, in training mode, whatever mode the model is in.

    Args:
        x: (N, D) inputs.
        y: (N,) labels.
        model: the network; it stays in training mode.
        opt: an optimiser of its parameters. What stands in their ``.grad`` beforehand must not matter.
        loss_fn: maps (scores, labels) to the loss, a 0-d tensor.

    Returns:
        The loss before the step, as a number without a graph: a float, or a 0-d array or detached tensor.
    """
    raise NotImplementedError("train_batch: write your solution here")


def accuracy(x: torch.Tensor, y: torch.Tensor, model: nn.Module) -> float:
    """Measure the share of a batch that the model gets right, in evaluation mode and without building a graph.

    Neither weights nor running averages change. You may leave the model in evaluation mode or put the old mode back:
    whoever trains next switches to training mode anyway.

    Args:
        x: (N, D) inputs.
        y: (N,) labels.
        model: the network; the class with the largest score is its answer.

    Returns:
        A number in [0, 1]: a float, or a 0-d array or tensor.
    """
    raise NotImplementedError("accuracy: write your solution here")
