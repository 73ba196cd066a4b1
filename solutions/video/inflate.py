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
    ### BEGIN SOLUTION
    inflated = nn.Conv3d(
        conv.in_channels,
        conv.out_channels,
        (time, *conv.kernel_size),
        stride=(1, *conv.stride),
        padding=(time // 2, *conv.padding),
        dilation=(1, *conv.dilation),
        groups=conv.groups,
        bias=conv.bias is not None,
    )
    with torch.no_grad():
        inflated.weight.copy_(conv.weight[:, :, None] / time)
        if conv.bias is not None:
            inflated.bias.copy_(conv.bias)
    return inflated
    ### END SOLUTION


def inflate_batch_norm(norm: nn.BatchNorm2d) -> nn.BatchNorm3d:
    """Make a 3-D batch norm with the same eps and momentum, scale and shift, and running statistics; it shares no memory with ``norm``."""
    ### BEGIN SOLUTION
    inflated = nn.BatchNorm3d(norm.num_features, norm.eps, norm.momentum)
    inflated.load_state_dict(norm.state_dict())
    return inflated
    ### END SOLUTION


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
    ### BEGIN SOLUTION
    inflated: nn.Module
    if isinstance(network, nn.Sequential):
        inflated = nn.Sequential(*[inflate(layer, time) for layer in network])
    elif isinstance(network, nn.Conv2d):
        inflated = inflate_conv(network, time)
    elif isinstance(network, nn.BatchNorm2d):
        inflated = inflate_batch_norm(network)
    elif isinstance(network, nn.MaxPool2d):
        inflated = nn.MaxPool3d((1, network.kernel_size, network.kernel_size), (1, network.stride, network.stride))
    else:
        inflated = copy.deepcopy(network)
    return inflated.train(network.training)
    ### END SOLUTION


def exact_frames(frames: int, times: list[int]) -> range:
    """Say in which frames an inflated network equals its 2-D one on a video that stands still.

    At both ends a kernel reaches over the end of the clip, where zeros stand for frames. What goes wrong there spreads with every layer.

    Args:
        frames: T, of the clip.
        times: frames of the kernel of each convolution, odd.

    Returns:
        The frames that none of this reaches, as a range; an empty one if there are none.
    """
    ### BEGIN SOLUTION
    reach = sum(time // 2 for time in times)
    return range(reach, frames - reach)
    ### END SOLUTION
