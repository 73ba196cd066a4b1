"""From data to a trained and honestly evaluated network.

Words: the TRAINING set changes weights; the VALIDATION set chooses (epoch, learning rate, architecture); the TEST set
is looked at once, when nothing is left to choose. Losses are MEANS over examples, accuracies fractions in [0, 1].
Everything runs on the CPU.
"""

import copy
from collections.abc import Callable

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from networks import Network
from tensor_ops import cross_entropy


class DigitsDataset(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Images with labels, one example at a time, with an optional transform of the image.

    Args:
        images: (N, 1, H, W) float32 tensor.
        labels: (N,) int64 tensor.
        transform: maps one image (1, H, W) to one image. It is called anew each time an example is read, so that
            a random transform gives a new picture every epoch. The label never passes through it.

    Raises:
        ValueError: there are not as many labels as images.

    """

    def __init__(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        transform: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        raise NotImplementedError("DigitsDataset.__init__: write your solution here")

    def __len__(self) -> int:
        """Return the number of examples."""
        raise NotImplementedError("DigitsDataset.__len__: write your solution here")

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (image, label): (1, H, W) float32, and the label as an int64 tensor without axes (an int will do)."""
        raise NotImplementedError("DigitsDataset.__getitem__: write your solution here")


def split_indices(
    n: int, n_validation: int, n_test: int, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Divide the numbers 0..n-1 at random into training, validation and test indices.

    Data often comes sorted by class, so mix before you cut.

    Returns:
        (train, validation, test): int64 tensors of n - n_validation - n_test, n_validation and n_test indices. Each
        number occurs in exactly one of them. The same seed gives the same split, another seed another one.

    """
    raise NotImplementedError("split_indices: write your solution here")


def make_loaders(train_set: Dataset, validation_set: Dataset, batch_size: int) -> tuple[DataLoader, DataLoader]:
    """Build the loaders of training and validation examples.

    Returns:
        (train_loader, validation_loader). Both give every example once per epoch, the last batch being smaller where
        need be. Training examples come in a new random order each epoch, validation examples in the order of the set.

    """
    raise NotImplementedError("make_loaders: write your solution here")


def train_epoch(
    model: nn.Module,
    loader: DataLoader,
    optimizer: torch.optim.Optimizer,
    loss_fn: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = cross_entropy,
) -> float:
    """Train for one pass over the loader, in training mode: one step of the given optimiser per batch.

    Args:
        optimizer: holds the parameters of the model, and its own state; do not build another.
        loss_fn: maps (scores, labels) of a batch to its mean loss.

    Returns:
        The mean over all EXAMPLES of the loss each had when its batch was computed. A smaller last batch counts less.

    """
    raise NotImplementedError("train_epoch: write your solution here")


def evaluate(
    model: nn.Module,
    loader: DataLoader,
    loss_fn: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = cross_entropy,
) -> tuple[float, float]:
    """Measure a model without changing it: in evaluation mode and without recording a graph.

    Afterwards weights, buffers and gradients are what they were, and so is the mode: a model handed over in
    training mode comes back in training mode, one in evaluation mode in evaluation mode.

    Returns:
        (loss, accuracy): both are means over all EXAMPLES, whatever the batch size.

    """
    raise NotImplementedError("evaluate: write your solution here")


def predict(model: nn.Module, images: torch.Tensor, batch_size: int = 256) -> torch.Tensor:
    """Predict the class of each image, `batch_size` images at a time, in evaluation mode and without a graph.

    Afterwards the model is in the mode in which it was before.

    Args:
        images: (N, ...) float32 tensor; N need not be a multiple of `batch_size`.

    Returns:
        (N,) int64 tensor of class numbers, in the order of the images.

    """
    raise NotImplementedError("predict: write your solution here")


def fit(
    model: nn.Module,
    train_set: Dataset,
    validation_set: Dataset,
    epochs: int,
    learning_rate: float = 6e-3,
    batch_size: int = 32,
) -> dict[str, list[float]]:
    """Train a classifier, and keep the weights of its best epoch.

    The loss is `cross_entropy`; the optimiser is your choice, built once, before the loop. After each epoch the model
    is evaluated on the validation set. At the end the model holds the weights it had after the epoch with the highest
    validation accuracy. The validation set must not influence anything else.

    Returns:
        History with one number per epoch under each of the keys "train_loss" (as `train_epoch` gives it),
        "validation_loss" and "validation_accuracy" (as `evaluate` gives them after that epoch).

    """
    raise NotImplementedError("fit: write your solution here")


def select_then_test(models: dict[str, nn.Module], validation_set: Dataset, test_set: Dataset) -> tuple[str, float]:
    """Choose among trained models by validation accuracy, and measure the chosen one on the test set, once.

    Args:
        models: trained models by name.

    Returns:
        (name, test_accuracy) of the model with the highest validation accuracy. Only that model ever sees the
        test set, and each test example is read once.

    """
    raise NotImplementedError("select_then_test: write your solution here")


def train_network(
    train_images: torch.Tensor,
    train_labels: torch.Tensor,
    validation_images: torch.Tensor,
    validation_labels: torch.Tensor,
    epochs: int,
    seed: int = 0,
) -> Network:
    """Train a `Network` on digits: all your parts together, with your choice of learning rate and batch size.

    Args:
        train_images: (N, 1, 28, 28) float32 in [0, 1]; the validation images likewise.
        train_labels: (N,) int64 in 0..9; the validation labels likewise.
        epochs: how many passes over the training set you may use.
        seed: seed of torch's random numbers, for initial weights and the order of the examples: the same seed gives
            the same network, another seed another one.

    Returns:
        The trained network, with the weights of its best epoch on the validation set.

    """
    raise NotImplementedError("train_network: write your solution here")
