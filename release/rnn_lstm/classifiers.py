"""Digits read row by row: a picture is a sequence of 28 rows, and the last state says what it was.

From here on torch's recurrent layers are allowed: they compute what yours do, and faster. Yours are as welcome.
"""

import torch
from torch import nn
from torch.nn import functional as F


def image_rows(images: torch.Tensor) -> torch.Tensor:
    """Turn a batch of images into a time-major batch of sequences: step t is row t, counted from the top.

    Args:
        images: (B, 1, R, C) or (B, R, C), any dtype; in this course R = C = 28.

    Returns:
        (R, B, C), the same dtype.
    """
    raise NotImplementedError("image_rows: write your solution here")


class RNN_Classifier(nn.Module):
    """A simple RNN over the sequence, and a linear layer from the last hidden state to the scores. Both have biases.

    The RNN has one layer and one direction. More than a linear layer, or dropout, before the scores is welcome.

    Args:
        classes: number of classes.
        input_size: D, size of an input vector.
        hidden_size: H, size of the hidden state.
        activation: of the RNN, "relu" or "tanh".
    """

    def __init__(
        self, classes: int = 10, input_size: int = 28, hidden_size: int = 128, activation: str = "relu"
    ) -> None:
        super().__init__()
        raise NotImplementedError("RNN_Classifier.__init__: write your solution here")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map sequences (T, B, D), time-major, of any length T to scores (B, classes), without a softmax."""
        raise NotImplementedError("RNN_Classifier.forward: write your solution here")


class LSTM_Classifier(nn.Module):
    """An LSTM over the sequence, and a linear layer from the last hidden state (not the cell) to the scores. Both have biases.

    The LSTM has one layer and one direction. More than a linear layer, or dropout, before the scores is welcome.

    Args:
        classes: number of classes.
        input_size: D, size of an input vector.
        hidden_size: H, size of the hidden state.
    """

    def __init__(self, classes: int = 10, input_size: int = 28, hidden_size: int = 128) -> None:
        super().__init__()
        raise NotImplementedError("LSTM_Classifier.__init__: write your solution here")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map sequences (T, B, D), time-major, of any length T to scores (B, classes), without a softmax."""
        raise NotImplementedError("LSTM_Classifier.forward: write your solution here")


def train_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor, max_norm: float = 1.0
) -> float:
    """Take one step on the mean cross-entropy of a batch, with the gradient clipped by its norm.

    If the Euclidean norm of the gradient, over all parameters together, is larger than `max_norm`, all of it is scaled
    down by one factor so that its norm becomes `max_norm`; its direction stays the same. A smaller gradient is used unchanged.

    Args:
        model: maps `x` to scores (B, classes). It comes in training mode, and stays in it.
        optimizer: holds the model's parameters. Gradients that are left over from before must not count.
        x: a batch of inputs as the model wants them.
        y: (B,) int64 labels.
        max_norm: the largest norm that is let through.

    Returns:
        The loss of the batch before the step, as a number without a graph.
    """
    raise NotImplementedError("train_step: write your solution here")
