"""The lecture's models of a clip, from a network that sees one frame at a time to one that slides its filters over time.

All of them map clips (N, T, C, H, W) with values in [0, 1] to scores (N, num_classes), without a softmax after them unless it is said. How
wide and how deep the networks are is yours to choose, except for `C3D`.
"""

import torch
from torch import nn

# YOUR CODE HERE


class SingleFrameCNN(nn.Module):
    """A 2-D network that classifies each frame for itself; its result for a clip is the mean of its frames' probabilities.

    Args:
        num_classes: number of scores.
        in_channels: C, channels of a frame.
    """

    def __init__(self, num_classes: int, in_channels: int = 1) -> None:
        super().__init__()
        raise NotImplementedError("SingleFrameCNN.__init__: write your solution here")

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Map clips (N, T, C, H, W) of any length and size to the logarithm of the averaged probabilities, (N, num_classes).

        Each frame's scores go through a softmax, the T results are averaged, and the logarithm of the mean is returned, so that the
        cross-entropy of it is that of the averaged probabilities. T may be 1. Height and width are multiples of 8.
        """
        raise NotImplementedError("SingleFrameCNN.forward: write your solution here")


class LateFusionFC(nn.Module):
    """A 2-D network on every frame, then fully connected layers on the features of all frames, one after the other.

    The same 2-D network runs on all frames; frames first meet in the first fully connected layer. Features keep their place in time and in
    space until then: nothing is averaged away. Two linear layers or more, with an activation between them.

    Args:
        num_classes: number of scores.
        num_frames: T, frames of every clip.
        in_channels: C, channels of a frame.
        image_size: H and W of every frame, a multiple of 8.
    """

    def __init__(self, num_classes: int, num_frames: int, in_channels: int = 1, image_size: int = 24) -> None:
        super().__init__()
        raise NotImplementedError("LateFusionFC.__init__: write your solution here")

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Map clips (N, T, C, H, W) to scores (N, num_classes)."""
        raise NotImplementedError("LateFusionFC.forward: write your solution here")


class LateFusionPool(nn.Module):
    """A 2-D network on every frame, then the average of the features over space and time, then one linear layer.

    Args:
        num_classes: number of scores.
        in_channels: C, channels of a frame.
    """

    def __init__(self, num_classes: int, in_channels: int = 1) -> None:
        super().__init__()
        raise NotImplementedError("LateFusionPool.__init__: write your solution here")

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Map clips (N, T, C, H, W) of any length and size to scores (N, num_classes). Height and width are multiples of 8."""
        raise NotImplementedError("LateFusionPool.forward: write your solution here")


class EarlyFusion(nn.Module):
    """A 2-D network whose very first convolution sees all frames: their channels are stacked to T * C channels.

    From the first convolution on there is no time any more. It has one bias-free or biased kernel over all T * C channels for each filter;
    the order in which channels are stacked is yours.

    Args:
        num_classes: number of scores.
        num_frames: T, frames of every clip.
        in_channels: C, channels of a frame.
    """

    def __init__(self, num_classes: int, num_frames: int, in_channels: int = 1) -> None:
        super().__init__()
        raise NotImplementedError("EarlyFusion.__init__: write your solution here")

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Map clips (N, T, C, H, W) of any size to scores (N, num_classes). Height and width are multiples of 8."""
        raise NotImplementedError("EarlyFusion.forward: write your solution here")


class CNN3D(nn.Module):
    """A 3-D network: its filters slide over time as they slide over rows and columns, and time shrinks slowly.

    At the end, features are averaged over what is left of time and space, and one linear layer makes scores of them.

    Args:
        num_classes: number of scores.
        in_channels: C, channels of a frame.
    """

    def __init__(self, num_classes: int, in_channels: int = 1) -> None:
        super().__init__()
        raise NotImplementedError("CNN3D.__init__: write your solution here")

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Map clips (N, T, C, H, W) of any length from 6 on and of any size to scores (N, num_classes). H and W are multiples of 8."""
        raise NotImplementedError("CNN3D.forward: write your solution here")


class C3D(nn.Module):
    """The VGG of 3-D networks: for ``width`` 64 the very network of the slide, in plain layers of torch.

    Eight `nn.Conv3d` with kernels of 3 x 3 x 3, zero padding 1 and biases, each followed by a ReLU, in five groups with
    w, 2w, 4w 4w, 8w 8w and 8w 8w filters (w is ``width``). After each group an `nn.MaxPool3d` of 2 x 2 x 2 with stride 2; only the first
    one is 1 x 2 x 2. None of the pools is padded. Then three `nn.Linear`: 64w, 64w and num_classes outputs, with a ReLU after the first two.
    Nothing else: no batch norm, no dropout.

    Args:
        num_classes: number of scores.
        in_channels: C, channels of a frame.
        width: w, filters of the first convolution.
    """

    def __init__(self, num_classes: int = 487, in_channels: int = 3, width: int = 64) -> None:
        super().__init__()
        raise NotImplementedError("C3D.__init__: write your solution here")

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Map clips (N, 16, C, 112, 112) to scores (N, num_classes)."""
        raise NotImplementedError("C3D.forward: write your solution here")
