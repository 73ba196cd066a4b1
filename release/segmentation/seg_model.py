"""A network that labels each pixel: a pretrained encoder, a decoder of your own, and how to train the two.

In all of this file, ``model.encoder`` is the pretrained part. Everything else of the model is called its decoder.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from encoder import CHANNELS, Encoder
from seg_data import normalise
from seg_metrics import mean_iou, pixel_accuracy, segmentation_loss

Batch = tuple[torch.Tensor, torch.Tensor]


def conv_transpose_output_size(
    size: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """Compute how many rows (or columns) ``nn.ConvTranspose2d`` makes of ``size`` rows (or columns).

    Args:
        size: I, of the input.
        kernel_size: K.
        stride: S, rows of the output for each step of one row in the input.
        padding: P, rows that are cut off at each of the two ends.
        output_padding: OP, rows that are added at one end.
        dilation: D, the distance of a kernel's rows.

    Returns:
        O as an int.
    """
    raise NotImplementedError("conv_transpose_output_size: write your solution here")


def bilinear_kernel(in_channels: int, out_channels: int, kernel_size: int) -> torch.Tensor:
    """Make weights for a transposed convolution that interpolates each channel bilinearly, and mixes none.

    With K = kernel_size, f = ceil(K / 2) and m = (K - 1) / 2, the kernel of a channel onto itself is
    w[r, c] = (1 - |r - m| / f) * (1 - |c - m| / f). Between different channels it is 0.

    Returns:
        (in_channels, out_channels, K, K), float32.
    """
    raise NotImplementedError("bilinear_kernel: write your solution here")


class SegmentationNN(nn.Module):
    """A network that gives each pixel a score for each class. What is in its decoder is yours to choose.

    ``self.encoder`` holds the pretrained layers: an ``Encoder`` of encoder.py, or as much of MobileNetV2 as you like.
    """

    def __init__(self, num_classes: int = 23, pretrained: bool = True) -> None:
        """Build the network.

        Args:
            num_classes: C.
            pretrained: start the encoder from its ImageNet weights; from random ones otherwise.
        """
        super().__init__()
        raise NotImplementedError("SegmentationNN.__init__: write your solution here")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map pictures (N, 3, H, W) with values in [0, 1] to scores (N, C, H, W), before any softmax.

        H and W are divisible by 32, and otherwise any. Whatever normalisation the encoder wants happens in here.
        """
        raise NotImplementedError("SegmentationNN.forward: write your solution here")

    # YOUR CODE HERE


def freeze(model: SegmentationNN) -> None:
    """Stop the encoder of a ``SegmentationNN`` from changing in any way, until :func:`unfreeze`.

    From here on, no optimiser moves its parameters, not even one that holds them and has moved them before, with momentum and
    weight decay. Its batch norms use their running statistics, and do not change them, also after ``model.train()``. No
    gradients are computed for it. The decoder learns on.
    """
    raise NotImplementedError("freeze: write your solution here")


def unfreeze(model: SegmentationNN) -> None:
    """Undo :func:`freeze`: all of the model learns, in the mode in which the model is, and batch norms with it."""
    raise NotImplementedError("unfreeze: write your solution here")


def parameter_groups(model: nn.Module, lr: float, encoder_lr: float) -> list[dict[str, Any]]:
    """Sort a model's parameters into groups for an optimiser, each with its own learning rate.

    Args:
        model: with an attribute ``encoder``.
        lr: for the decoder.
        encoder_lr: for the encoder.

    Returns:
        Dicts with "params" and "lr", as ``torch.optim`` takes them. Every parameter of the model is in exactly one of them, frozen
        or not, so that an encoder that is unfrozen later is known to the optimiser.
    """
    raise NotImplementedError("parameter_groups: write your solution here")


def train_epoch(model: nn.Module, loader: Iterable[Batch], optimizer: torch.optim.Optimizer) -> float:
    """Take one step on the ``segmentation_loss`` of each batch, in training mode.

    Args:
        model: maps pictures (N, 3, H, W) to scores (N, C, H, W).
        loader: gives batches ``(pictures, labels)``, labels (N, H, W) with -1 for void. N may differ.
        optimizer: holds the model's parameters. Gradients that are left over from before must not count.

    Returns:
        The mean loss of a labelled pixel, before each batch's step, as a plain number: each batch counts by the number of
        its labelled pixels; there is at least one.
    """
    raise NotImplementedError("train_epoch: write your solution here")


def fit(
    model: SegmentationNN, loader: Iterable[Batch], optimizer: torch.optim.Optimizer, epochs: int, frozen_epochs: int
) -> list[float]:
    """Train in two stages: the encoder is frozen for the first epochs, and learns with the rest in those that remain.

    Args:
        model: a network of this file.
        loader: gives batches, see :func:`train_epoch`.
        optimizer: holds all of the model's parameters.
        epochs: how many epochs in all.
        frozen_epochs: how many of them come first, with a frozen encoder; 0 to ``epochs``.

    Returns:
        The loss of each epoch.
    """
    raise NotImplementedError("fit: write your solution here")


def evaluate(model: nn.Module, loader: Iterable[Batch], num_classes: int) -> tuple[float, float]:
    """Measure pixel accuracy and mean IoU of a model in evaluation mode, without a graph.

    Args:
        model: maps pictures (N, 3, H, W) to scores (N, C, H, W).
        loader: gives batches ``(pictures, labels)``; all their pixels together are counted once, as one large picture.
        num_classes: C.

    Returns:
        Pixel accuracy and mean IoU.
    """
    raise NotImplementedError("evaluate: write your solution here")
