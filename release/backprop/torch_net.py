"""The two-layer network again, in PyTorch: the same numbers, and autograd does the backward pass.

Conventions are those of ``backprop.py``: losses are means over the batch, ``reg`` multiplies the plain sum of squared
weights, biases are not regularised. Parameters are float32 and may have any names and layout.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class TorchTwoLayerNet(nn.Module):
    """Affine, ReLU, affine."""

    def __init__(self, input_size: int, hidden_size: int, output_size: int, std: float = 1e-4) -> None:
        """Create the layers: weights with mean 0 and standard deviation ``std``, biases zero.

        Args:
            input_size: D.
            hidden_size: H.
            output_size: C, the number of classes.
            std: standard deviation of the initial weights.
        """
        super().__init__()
        raise NotImplementedError("TorchTwoLayerNet.__init__: write your solution here")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores of a batch.

        Args:
            x: (N, D) float32 inputs.

        Returns:
            (N, C) scores, as they are before the softmax.
        """
        raise NotImplementedError("TorchTwoLayerNet.forward: write your solution here")

    def load_numpy(self, params: dict[str, np.ndarray]) -> None:
        """Copy the parameters of a numpy ``TwoLayerNet`` into this network.

        Args:
            params: ``W1`` (D, H), ``b1`` (H,), ``W2`` (H, C), ``b2`` (C,), float64 or float32.
        """
        raise NotImplementedError("TorchTwoLayerNet.load_numpy: write your solution here")

    def loss(self, x: torch.Tensor, y: torch.Tensor, reg: float = 0.0) -> torch.Tensor:
        """Softmax loss plus ``reg * (sum(W1 ** 2) + sum(W2 ** 2))``, ready for ``backward()``.

        Args:
            x: (N, D) float32 inputs.
            y: (N,) int64 labels.
            reg: strength of the L2 term.

        Returns:
            0-d tensor.
        """
        raise NotImplementedError("TorchTwoLayerNet.loss: write your solution here")

    def predict(self, x: torch.Tensor) -> torch.Tensor:
        """Name the class with the largest score, without building a graph.

        Args:
            x: (N, D) float32 inputs.

        Returns:
            (N,) int64 labels.
        """
        raise NotImplementedError("TorchTwoLayerNet.predict: write your solution here")


def train_torch(
    net: TorchTwoLayerNet,
    X: torch.Tensor,
    y: torch.Tensor,
    X_val: torch.Tensor,
    y_val: torch.Tensor,
    learning_rate: float = 1e-3,
    learning_rate_decay: float = 0.95,
    reg: float = 5e-6,
    num_iters: int = 100,
    batch_size: int = 200,
    verbose: bool = False,
) -> dict[str, list[float]]:
    """Train ``net`` in place by plain SGD (no momentum), as ``TwoLayerNet.train`` does.

    The schedule is the same too: with ``max(N // batch_size, 1)`` steps in an epoch, step t = 0, 1, ... uses the rate
    ``learning_rate * learning_rate_decay ** (t // steps_per_epoch)``. No generator is seeded in here.

    Args:
        net: the network.
        X: (N, D) float32 training inputs.
        y: (N,) int64 training labels.
        X_val: (N_val, D) validation inputs, never trained on.
        y_val: (N_val,) validation labels.
        learning_rate: rate of the first epoch.
        learning_rate_decay: factor applied to the rate after every epoch.
        reg: strength of the L2 term.
        num_iters: number of steps.
        batch_size: examples in a step, drawn with or without replacement.
        verbose: print the loss now and then.

    Returns:
        ``loss_history``, ``train_acc_history`` and ``val_acc_history`` as lists of float, as ``TwoLayerNet.train`` does.
    """
    raise NotImplementedError("train_torch: write your solution here")
