"""The lecture's models of a clip, from a network that sees one frame at a time to one that slides its filters over time.

All of them map clips (N, T, C, H, W) with values in [0, 1] to scores (N, num_classes), without a softmax after them unless it is said. How
wide and how deep the networks are is yours to choose, except for `C3D`.
"""

import torch
from torch import nn

### BEGIN SOLUTION
_WIDTHS = (8, 16, 32)


def _block(channels: int, filters: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, filters, 3, padding=1), nn.BatchNorm2d(filters), nn.ReLU(), nn.MaxPool2d(2)
    )


def _frame_cnn(channels: int, widths: tuple[int, ...] = _WIDTHS) -> nn.Sequential:
    """Three blocks: (B, channels, H, W) to (B, widths[-1], H / 8, W / 8)."""
    sizes = (channels, *widths)
    return nn.Sequential(*[_block(inputs, outputs) for inputs, outputs in zip(sizes, sizes[1:])])
### END SOLUTION


class SingleFrameCNN(nn.Module):
    """A 2-D network that classifies each frame for itself; its result for a clip is the mean of its frames' probabilities.

    Args:
        num_classes: number of scores.
        in_channels: C, channels of a frame.
    """

    def __init__(self, num_classes: int, in_channels: int = 1) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        # What a digit is takes more filters than where it goes.
        self.features = _frame_cnn(in_channels, (16, 32, 64))
        self.scores = nn.Linear(64, num_classes)
        ### END SOLUTION

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Map clips (N, T, C, H, W) of any length and size to the logarithm of the averaged probabilities, (N, num_classes).

        Each frame's scores go through a softmax, the T results are averaged, and the logarithm of the mean is returned, so that the
        cross-entropy of it is that of the averaged probabilities. T may be 1. Height and width are multiples of 8.
        """
        ### BEGIN SOLUTION
        n, t = clips.shape[:2]
        features = self.features(clips.flatten(0, 1)).mean(dim=(2, 3))
        probabilities = self.scores(features).softmax(dim=1).reshape(n, t, -1).mean(dim=1)
        return probabilities.clamp(min=1e-12).log()
        ### END SOLUTION


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
        ### BEGIN SOLUTION
        self.features = _frame_cnn(in_channels)
        size = num_frames * _WIDTHS[-1] * (image_size // 8) ** 2
        self.scores = nn.Sequential(nn.Linear(size, 32), nn.ReLU(), nn.Linear(32, num_classes))
        ### END SOLUTION

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Map clips (N, T, C, H, W) to scores (N, num_classes)."""
        ### BEGIN SOLUTION
        features = self.features(clips.flatten(0, 1))
        return self.scores(features.reshape(len(clips), -1))
        ### END SOLUTION


class LateFusionPool(nn.Module):
    """A 2-D network on every frame, then the average of the features over space and time, then one linear layer.

    Args:
        num_classes: number of scores.
        in_channels: C, channels of a frame.
    """

    def __init__(self, num_classes: int, in_channels: int = 1) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.features = _frame_cnn(in_channels)
        self.scores = nn.Linear(_WIDTHS[-1], num_classes)
        ### END SOLUTION

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Map clips (N, T, C, H, W) of any length and size to scores (N, num_classes). Height and width are multiples of 8."""
        ### BEGIN SOLUTION
        n, t = clips.shape[:2]
        features = self.features(clips.flatten(0, 1)).mean(dim=(2, 3))
        return self.scores(features.reshape(n, t, -1).mean(dim=1))
        ### END SOLUTION


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
        ### BEGIN SOLUTION
        self.features = _frame_cnn(num_frames * in_channels)
        self.scores = nn.Linear(_WIDTHS[-1], num_classes)
        ### END SOLUTION

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Map clips (N, T, C, H, W) of any size to scores (N, num_classes). Height and width are multiples of 8."""
        ### BEGIN SOLUTION
        return self.scores(self.features(clips.flatten(1, 2)).mean(dim=(2, 3)))
        ### END SOLUTION


class CNN3D(nn.Module):
    """A 3-D network: its filters slide over time as they slide over rows and columns, and time shrinks slowly.

    At the end, features are averaged over what is left of time and space, and one linear layer makes scores of them.

    Args:
        num_classes: number of scores.
        in_channels: C, channels of a frame.
    """

    def __init__(self, num_classes: int, in_channels: int = 1) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        layers: list[nn.Module] = []
        sizes = (in_channels, *_WIDTHS)
        # Time is short: as in C3D, the first pool leaves it alone.
        for inputs, outputs, pool in zip(sizes, sizes[1:], ((1, 2, 2), (2, 2, 2), (2, 2, 2))):
            layers += [nn.Conv3d(inputs, outputs, 3, padding=1), nn.BatchNorm3d(outputs), nn.ReLU(), nn.MaxPool3d(pool)]
        self.features = nn.Sequential(*layers)
        self.scores = nn.Linear(sizes[-1], num_classes)
        ### END SOLUTION

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Map clips (N, T, C, H, W) of any length from 6 on and of any size to scores (N, num_classes). H and W are multiples of 8."""
        ### BEGIN SOLUTION
        return self.scores(self.features(clips.transpose(1, 2)).mean(dim=(2, 3, 4)))
        ### END SOLUTION


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
        ### BEGIN SOLUTION
        layers: list[nn.Module] = []
        channels = in_channels
        for group in ((1,), (2,), (4, 4), (8, 8), (8, 8)):
            for factor in group:
                layers += [nn.Conv3d(channels, factor * width, 3, padding=1), nn.ReLU()]
                channels = factor * width
            layers.append(nn.MaxPool3d((1, 2, 2) if group == (1,) else 2))
        self.features = nn.Sequential(*layers)
        hidden = 64 * width
        self.scores = nn.Sequential(
            nn.Linear(channels * 3 * 3, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, num_classes)
        )
        ### END SOLUTION

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Map clips (N, 16, C, 112, 112) to scores (N, num_classes)."""
        ### BEGIN SOLUTION
        return self.scores(self.features(clips.transpose(1, 2)).flatten(1))
        ### END SOLUTION
