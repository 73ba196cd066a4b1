"""Training with curves, the choice of a dropout rate by the golden rule, and crops in training and at test time.

The golden rule: nothing is chosen on the test set. No function here is ever given it.
"""

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mnist import MNISTNeuralNet, accuracy, train_batch


def fit(
    model: nn.Module,
    train_set: Dataset,
    validation_set: Dataset,
    opt: torch.optim.Optimizer,
    loss_fn: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    epochs: int,
    batch_size: int = 32,
) -> dict[str, list[float]]:
    """Train a classifier in place, by ``train_batch``, and keep its curves.

    Each epoch takes every training example once, in a new random order; the last batch may be smaller.

    Returns:
        One number for each epoch under each of three keys. ``"loss"``: the mean over the epoch's EXAMPLES of the losses
        that ``train_batch`` returned (a smaller last batch counts less). ``"train_accuracy"`` and
        ``"validation_accuracy"``: the accuracy on all of either set after the epoch, in evaluation mode.
    """
    raise NotImplementedError("fit: write your solution here")


def dropout_sweep(
    rates: Sequence[float], train_set: Dataset, validation_set: Dataset, epochs: int, seed: int = 0
) -> tuple[nn.Module, list[dict[str, float]]]:
    """Train one ``MNISTNeuralNet(dropout=rate)`` for each rate, and keep the one that does best on the validation set.

    Each is trained by Adam with the learning rate 1e-3 on ``nn.CrossEntropyLoss()``, in batches of 32. ``torch.manual_seed(seed)``
    before each network is made lets all of them start from the same weights.

    Args:
        rates: the dropout rates to try, at least one.
        train_set: for training, and for nothing else.
        validation_set: for the choice, and for nothing else.
        epochs: how long each is trained.
        seed: the same seed gives the same results.

    Returns:
        The trained network with the highest validation accuracy (that very network; among equals, any), and one dict for
        each rate, in order, with ``"dropout"``, and ``"train_accuracy"`` and ``"validation_accuracy"`` after training.
    """
    raise NotImplementedError("dropout_sweep: write your solution here")


def random_crops(images: torch.Tensor, pad: int = 2) -> torch.Tensor:
    """Cut a random crop out of each image, for training: pad with ``pad`` zeros on each side, then cut the old size out.

    There are 2 * pad + 1 places in each direction, all equally likely, and each image draws its own.

    Args:
        images: (N, H, W) floats.
        pad: zeros added on each of the four sides.

    Returns:
        (N, H, W) crops, one for each image.
    """
    raise NotImplementedError("random_crops: write your solution here")


def five_crops(images: torch.Tensor, pad: int = 2) -> torch.Tensor:
    """Cut the same five crops out of each image, for testing: pad as in :func:`random_crops`, then cut out at five places.

    They are, in this order, the top left, top right, bottom left and bottom right corner of the padded image, and its
    centre. None is flipped: a mirrored digit is no digit.

    Args:
        images: (N, H, W) floats.
        pad: zeros added on each of the four sides.

    Returns:
        (N, 5, H, W).
    """
    raise NotImplementedError("five_crops: write your solution here")


def predict_averaged(model: nn.Module, images: torch.Tensor, pad: int = 1) -> torch.Tensor:
    """Predict each image by the average over its five crops: the mean of the five softmaxes of the model's scores.

    In evaluation mode and without building a graph. You may leave the model in evaluation mode, as in ``accuracy``.

    Args:
        model: maps rows of pixels (B, H * W) to scores (B, C).
        images: (N, H, W) floats.
        pad: as for :func:`five_crops`.

    Returns:
        (N, C) probabilities.
    """
    raise NotImplementedError("predict_averaged: write your solution here")
