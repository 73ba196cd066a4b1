"""Inflation (I3D): a 2-D network becomes a 3-D one that, on a video in which nothing moves, says what the 2-D one says about a frame."""

import copy

import torch
from torch import nn


def inflate_conv(conv: nn.Conv2d, time: int) -> nn.Conv3d:
    """Make a 3-D convolution with kernels of ``time`` frames out of a 2-D one.

    Its weight is the 2-D weight, copied ``time`` times along time and divided by ``time``; its bias is that of the 2-D one. Stride, padding,
    dilation, groups and the lack of a bias are kept in space. In time the stride is 1, and the padding time // 2 at both ends, so that as many
    frames come out as went in.

    Args:
        conv: is left as it is, and shares no memory with the result. Its ``padding`` is given in pixels.
        time: odd number of frames.
    """
    raise NotImplementedError("inflate_conv: write your solution here")


def inflate_batch_norm(norm: nn.BatchNorm2d) -> nn.BatchNorm3d:
    """Make a 3-D batch norm with the same eps and momentum, scale and shift, and running statistics; it shares no memory with ``norm``."""
    raise NotImplementedError("inflate_batch_norm: write your solution here")


def inflate(network: nn.Module, time: int = 3) -> nn.Module:
    """Inflate a whole network, layer by layer.

    It consists of `nn.Sequential`, also nested, of `nn.Conv2d`, `nn.BatchNorm2d`, `nn.MaxPool2d` with a single number as its kernel and no
    padding, and of layers that do not care for the number of axes, such as `nn.ReLU`. Pools do not pool over time.

    Args:
        network: maps frames (N, C, H, W) to features (N, D, H', W'). It is left as it is.
        time: frames of the kernels of all convolutions, odd.

    Returns:
        A network, in the same mode (training or evaluation), that maps clips (N, C, T, H, W), channels before time as torch's 3-D layers
        have it, to features (N, D, T, H', W').
    """
    raise NotImplementedError("inflate: write your solution here")


def exact_frames(frames: int, times: list[int]) -> range:
    """Say in which frames an inflated network equals its 2-D one on a video that stands still.

    At both ends a kernel reaches over the end of the clip, where zeros stand for frames. What goes wrong there spreads with every layer.

    Args:
        frames: T, of the clip.
        times: frames of the kernel of each convolution, odd.

    Returns:
        The frames that none of this reaches, as a range; an empty one if there are none.
    """
    raise NotImplementedError("exact_frames: write your solution here")
