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
    ### BEGIN SOLUTION
    return (size - kernel_size + 2 * padding) // stride + 1
    ### END SOLUTION


class KeypointModel(nn.Module):
    """A convolutional network that finds the 15 keypoints of a face. What is in it is yours to choose.

    It must be able to give any coordinates, negative ones as well. The handout says how it is trained when it is graded,
    and how much time it has.
    """

    def __init__(self) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        layers: list[nn.Module] = []
        size, channels = 96, 1
        for filters, kernel_size, stride in ((16, 5, 4), (32, 3, 2), (64, 3, 2)):
            layers += [nn.Conv2d(channels, filters, kernel_size, stride, kernel_size // 2), nn.ReLU()]
            size, channels = conv_output_size(size, kernel_size, stride, kernel_size // 2), filters
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(channels * size * size, 128), nn.ReLU(), nn.Linear(128, 30))
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map pictures (N, 1, 96, 96) with grey values in [0, 1] to coordinates in [-1, 1], (N, 30) or (N, 15, 2).

        The 30 numbers are x and y of the first keypoint, x and y of the second, and so on.
        """
        ### BEGIN SOLUTION
        # Light and exposure say nothing about places: every picture gets mean 0 and deviation 1.
        x = F.layer_norm(x, x.shape[1:])
        return self.head(self.features(x).flatten(1))
        ### END SOLUTION


def train_epoch(model: nn.Module, loader: Iterable[dict[str, Any]], optimizer: torch.optim.Optimizer) -> float:
    """Take one step on each batch of a loader, in training mode. The loss is the mean squared error of a coordinate.

    Args:
        model: maps pictures (N, 1, H, W) to coordinates (N, 30) or (N, 15, 2).
        loader: gives batches ``{"image": (N, 1, H, W), "keypoints": (N, 15, 2)}`` of float32 tensors. N may differ.
        optimizer: holds the model's parameters. Gradients that are left over from before must not count.

    Returns:
        The mean of the batches' losses before their steps, a plain number. Each batch counts by the number of its faces.
    """
    ### BEGIN SOLUTION
    model.train()
    total, faces = 0.0, 0
    for batch in loader:
        predicted = model(batch["image"])
        loss = F.mse_loss(predicted.flatten(1), batch["keypoints"].flatten(1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(predicted)
        faces += len(predicted)
    return total / faces
    ### END SOLUTION


def keypoint_score(predicted: torch.Tensor, target: torch.Tensor) -> float | torch.Tensor:
    """Score predictions: 1 / (2 * MSE), the MSE taken over all coordinates of all faces.

    Args:
        predicted: (N, 30) or (N, 15, 2).
        target: (N, 15, 2), in the same unit.

    Returns:
        A number, or a tensor with one.
    """
    ### BEGIN SOLUTION
    return 1 / (2 * F.mse_loss(predicted.reshape(target.shape), target).item())
    ### END SOLUTION


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
    ### BEGIN SOLUTION
    far = (predicted.reshape(target.shape) - target).norm(dim=2).mean(dim=1)
    eyes = (target[:, 0] - target[:, 1]).norm(dim=1)
    return (far / eyes).mean().item()
    ### END SOLUTION
