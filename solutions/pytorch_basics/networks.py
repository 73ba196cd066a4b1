"""Networks as modules. What a module computes is fixed here; how you hold its layers, and their names, is yours.

Every weight and bias must be a registered parameter (`parameters()` lists it). Weights must start at random small values
as `nn.Linear` and `nn.Conv2d` start theirs; biases may start at zero.
"""

import torch
from torch import nn


class TwoLayerNet(nn.Module):
    """A two-layer ReLU network: linear, ReLU, linear. Both linear layers have a bias; nothing follows the second.

    Args:
        D_in: size of an input.
        H: number of hidden units.
        D_out: size of an output.

    """

    def __init__(self, D_in: int, H: int, D_out: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.linear1 = nn.Linear(D_in, H)
        self.linear2 = nn.Linear(H, D_out)
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, D_in) to (N, D_out)."""
        ### BEGIN SOLUTION
        return self.linear2(self.linear1(x).relu())
        ### END SOLUTION


class ParallelBlock(nn.Module):
    """Two linear layers side by side on the same input, multiplied entry by entry, and then a ReLU.

    relu(linear_a(x) * linear_b(x)), where both layers go from D_in to D_out and have their own weight and bias.
    The ReLU comes once, after the product.

    Args:
        D_in: size of an input.
        D_out: size of an output.

    """

    def __init__(self, D_in: int, D_out: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.left = nn.Linear(D_in, D_out)
        self.right = nn.Linear(D_in, D_out)
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (N, D_in) to (N, D_out)."""
        ### BEGIN SOLUTION
        return (self.left(x) * self.right(x)).relu()
        ### END SOLUTION


class Network(nn.Module):
    """A small convolutional network for digits: (N, 1, 28, 28) to (N, 10) raw scores, without a softmax.

    1. convolution 1 -> 6 channels, 5x5, stride 1, no padding; ReLU; max-pooling 2x2 with stride 2
    2. convolution 6 -> 12 channels, 5x5, stride 1, no padding; ReLU; max-pooling 2x2 with stride 2
    3. flatten to 12 * 4 * 4 in channel-first order, then linear to 10

    Convolutions and the linear layer have biases: 3,898 parameters in all.
    """

    def __init__(self) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, kernel_size=5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 12, kernel_size=5), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.classifier = nn.Linear(12 * 4 * 4, 10)
        ### END SOLUTION

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Map images (N, 1, 28, 28), float32 in [0, 1], to scores (N, 10)."""
        ### BEGIN SOLUTION
        return self.classifier(self.features(batch).flatten(start_dim=1))
        ### END SOLUTION
