"""Regression from a face to 30 coordinates: the network, one epoch of training, and two measures of what it is worth."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


def conv_output_size(size: int, kernel_size: int, stride: int = 1, padding: int = 0) -> int:
    """Compute how many rows (or columns) a convolution or a pooling layer makes of ``size`` rows (or columns).

    The kernel stands only where all of it is within the padded input.

    Args:
        size: W_I, of the input.
        kernel_size: F.
        stride: S.
        padding: P, zeros added at each of the two ends.

    Returns:
        W_O as an int.
    """
    raise NotImplementedError("conv_output_size: write your solution here")


class KeypointModel(nn.Module):
    """A convolutional network that finds the 15 keypoints of a face. What is in it is yours to choose.

    It must be able to give any coordinates, negative ones as well. The handout says how it is trained when it is graded,
    and how much time it has.
    """

    def __init__(self) -> None:
        super().__init__()
        raise NotImplementedError("KeypointModel.__init__: write your solution here")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map pictures (N, 1, 96, 96) with grey values in [0, 1] to coordinates in [-1, 1], (N, 30) or (N, 15, 2).

        The 30 numbers are x and y of the first keypoint, x and y of the second, and so on.
        """
        raise NotImplementedError("KeypointModel.forward: write your solution here")


def train_epoch(model: nn.Module, loader: Iterable[dict[str, Any]], optimizer: torch.optim.Optimizer) -> float:
    """Take one step on each batch of a loader, in training mode. The loss is the mean squared error of a coordinate.

    Args:
        model: maps pictures (N, 1, H, W) to coordinates (N, 30) or (N, 15, 2).
        loader: gives batches ``{"image": (N, 1, H, W), "keypoints": (N, 15, 2)}`` of float32 tensors. N may differ.
        optimizer: holds the model's parameters. Gradients that are left over from before must not count.

    Returns:
        The mean of the batches' losses before their steps, a plain number. Each batch counts by the number of its faces.
    """
    raise NotImplementedError("train_epoch: write your solution here")


def keypoint_score(predicted: torch.Tensor, target: torch.Tensor) -> float | torch.Tensor:
    """Score predictions: 1 / (2 * MSE), the MSE taken over all coordinates of all faces.

    Args:
        predicted: (N, 30) or (N, 15, 2).
        target: (N, 15, 2), in the same unit.

    Returns:
        A number, or a tensor with one.
    """
    raise NotImplementedError("keypoint_score: write your solution here")


def normalised_mean_error(predicted: torch.Tensor, target: torch.Tensor) -> float | torch.Tensor:
    """Measure the error relative to the size of the face.

    For each face: the Euclidean distance from each predicted keypoint to the true one, averaged over the 15, divided by the
    distance between the true centres of the two eyes. The result is the mean over the faces.

    Args:
        predicted: (N, 30) or (N, 15, 2).
        target: (N, 15, 2), in the same unit.

    Returns:
        A number, or a tensor with one.
    """
    raise NotImplementedError("normalised_mean_error: write your solution here")
