"""What a network over time costs: sizes, multiply-adds, parameters, and how far it sees.

One multiplication with the addition that follows it is one multiply-add; biases, pools, norms and activations are not counted. (Slides and
papers often write "FLOPs" for this number; counted as single operations, there are twice as many.) Sizes, kernels, strides and paddings
are tuples (time, height, width).
"""

import torch
from torch import nn

Triple = tuple[int, int, int]


def conv3d_output_size(size: Triple, kernel: Triple, stride: Triple = (1, 1, 1), padding: Triple = (0, 0, 0)) -> Triple:
    """Compute how many positions a 3-D convolution or pool has along time, height and width.

    Args:
        size: of the input.
        kernel: of the convolution or pool.
        stride: its steps.
        padding: zeros added at each of the two ends of each axis.
    """
    raise NotImplementedError("conv3d_output_size: write your solution here")


def conv3d_parameters(in_channels: int, out_channels: int, kernel: Triple, bias: bool = True) -> int:
    """Count the numbers that a 3-D convolution learns."""
    raise NotImplementedError("conv3d_parameters: write your solution here")


def conv3d_multiply_adds(in_channels: int, out_channels: int, kernel: Triple, output_size: Triple) -> int:
    """Count the multiply-adds of a 3-D convolution for one clip; ``output_size`` is (time, height, width) of its result."""
    raise NotImplementedError("conv3d_multiply_adds: write your solution here")


def c3d_multiply_adds(num_classes: int = 487) -> dict[str, int]:
    """Count the multiply-adds of each layer of C3D for a clip of 16 frames, 3 channels and 112 x 112 pixels.

    The layers are those of `C3D` in video_models.py with width 64.

    Returns:
        The counts by the slide's names, in its order: conv1, conv2, conv3a, conv3b, conv4a, conv4b, conv5a, conv5b, fc6, fc7, fc8.
    """
    raise NotImplementedError("c3d_multiply_adds: write your solution here")


def count_multiply_adds(model: nn.Module, x: torch.Tensor) -> int:
    """Count the multiply-adds of all convolutions and linear layers of a network, by running it on ``x``.

    Counted are `nn.Conv2d`, `nn.Conv3d` and `nn.Linear`, wherever they are in the network, each time they run; a convolution with groups
    costs less. The network is otherwise as before: same weights, same mode, nothing attached to it.

    Args:
        model: any network.
        x: what the network is called on. A batch of N costs N times as much as one.

    Returns:
        The sum over all layers and all of ``x``.
    """
    raise NotImplementedError("count_multiply_adds: write your solution here")


def receptive_field(layers: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Compute how far the outputs of a chain of convolutions and pools see along one axis (time, say).

    Args:
        layers: (kernel, stride) of each layer along that axis, in order.

    Returns:
        After each layer (size, jump): how many inputs one output depends on, and how many inputs lie between the
        centres of neighbouring outputs.
    """
    raise NotImplementedError("receptive_field: write your solution here")
