"""SlowFast: a slow path that sees few frames with many channels, and a fast one that sees many frames with few."""

import torch
from torch import nn


def split_paths(clips: torch.Tensor, slow_stride: int, alpha: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Choose the frames of both paths.

    The slow path gets every ``slow_stride``-th frame of the raw clip, from the first one on; the fast path ``alpha`` times as many, evenly
    spaced from the first one on.

    Args:
        clips: (N, T, C, H, W), the raw clips.
        slow_stride: a multiple of ``alpha``.
        alpha: how many times more frames the fast path sees.

    Returns:
        slow (N, T / slow_stride, C, H, W) and fast (N, alpha T / slow_stride, C, H, W).
    """
    ### BEGIN SOLUTION
    return clips[:, ::slow_stride], clips[:, :: slow_stride // alpha]
    ### END SOLUTION


class LateralConnection(nn.Module):
    """Hands the fast path's features to the slow one: a convolution with stride ``alpha`` in time, then a concatenation.

    The convolution is an `nn.Conv3d` with kernels of 5 x 1 x 1, padding 2 in time and a bias, and makes twice as many channels as the fast
    path has.

    Args:
        fast_channels: of the fast path's features.
        alpha: how many times more frames the fast path has.
    """

    def __init__(self, fast_channels: int, alpha: int) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.conv = nn.Conv3d(fast_channels, 2 * fast_channels, (5, 1, 1), stride=(alpha, 1, 1), padding=(2, 0, 0))
        ### END SOLUTION

    def forward(self, slow: torch.Tensor, fast: torch.Tensor) -> torch.Tensor:
        """Join slow (N, S, T, H, W) and fast (N, fast_channels, alpha T, H, W) to (N, S + 2 fast_channels, T, H, W), slow ones first."""
        ### BEGIN SOLUTION
        return torch.cat([slow, self.conv(fast)], dim=1)
        ### END SOLUTION
