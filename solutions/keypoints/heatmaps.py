"""Keypoints as heat maps: for each keypoint a picture of where it is, and the ways there and back.

A map of H times W cells lies on the image; each cell is a square of ``stride`` pixels. The cell in row r and column c reaches
from x = c * stride to (c + 1) * stride, and its middle is ((c + 0.5) * stride, (r + 0.5) * stride). Points are (x, y) in
pixels of the image. Everything works on batches: N images, K keypoints.
"""

import torch
from torch.nn import functional as F


def gaussian_heatmaps(keypoints: torch.Tensor, size: tuple[int, int], stride: int, sigma: float) -> torch.Tensor:
    """Draw a Gaussian about each keypoint: exp(-d^2 / (2 sigma^2)), d from the keypoint to the middle of a cell.

    It is 1 at the keypoint itself, whatever sigma is, and not rounded to cells.

    Args:
        keypoints: (N, K, 2), x and y in pixels; within the image or outside.
        size: (H, W), rows and columns of the maps.
        stride: pixels of a cell.
        sigma: standard deviation in pixels.

    Returns:
        (N, K, H, W).
    """
    ### BEGIN SOLUTION
    rows, columns = ((torch.arange(count) + 0.5) * stride for count in size)
    x, y = keypoints[..., 0, None, None], keypoints[..., 1, None, None]
    square = (columns - x) ** 2 + (rows[:, None] - y) ** 2
    return torch.exp(-square / (2 * sigma**2))
    ### END SOLUTION


def soft_argmax(scores: torch.Tensor, stride: int) -> torch.Tensor:
    """Read keypoints off by a mean: softmax over the cells of a map, then the expectation of the cells' middles.

    Unlike the position of the maximum, it has a gradient.

    Args:
        scores: (N, K, H, W), any numbers.
        stride: pixels of a cell.

    Returns:
        (N, K, 2), x and y in pixels.
    """
    ### BEGIN SOLUTION
    _, _, height, width = scores.shape
    chances = scores.flatten(2).softmax(dim=2).reshape(scores.shape)
    x = chances.sum(dim=2) @ ((torch.arange(width, dtype=scores.dtype) + 0.5) * stride)
    y = chances.sum(dim=3) @ ((torch.arange(height, dtype=scores.dtype) + 0.5) * stride)
    return torch.stack([x, y], dim=2)
    ### END SOLUTION


def encode_cells(keypoints: torch.Tensor, size: tuple[int, int], stride: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Say which cell each keypoint lies in, and how far it is from that cell's middle.

    Args:
        keypoints: (N, K, 2), x and y in pixels.
        size: (H, W), rows and columns of the maps.
        stride: pixels of a cell.

    Returns:
        cells: (N, K) int64, row * W + column; -1 for a keypoint outside the map. The map's left and upper edges, x = 0 and
            y = 0, belong to it, its right and lower ones don't.
        offsets: (N, K, 2), keypoint minus middle of its cell, in pixels; 0 for a keypoint outside.
    """
    ### BEGIN SOLUTION
    height, width = size
    places = (keypoints / stride).floor()
    column, row = places.unbind(dim=2)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    cells = torch.where(inside, row * width + column, -1.0).long()
    offsets = keypoints - (places + 0.5) * stride
    return cells, torch.where(inside[..., None], offsets, 0.0)
    ### END SOLUTION


def decode_cells(heatmaps: torch.Tensor, stride: int, offsets: torch.Tensor | None = None) -> torch.Tensor:
    """Read keypoints off by the maximum: the middle of the cell with the largest value, plus the offset there.

    Args:
        heatmaps: (N, K, H, W).
        stride: pixels of a cell.
        offsets: (N, K, 2, H, W), for each cell how far, in x and in y, the keypoint is from its middle, in pixels; only
            the winning cell's counts. None for none.

    Returns:
        (N, K, 2), x and y in pixels.
    """
    ### BEGIN SOLUTION
    n, k, _, width = heatmaps.shape
    winners = heatmaps.flatten(2).argmax(dim=2)
    middles = (torch.stack([winners % width, winners // width], dim=2) + 0.5) * stride
    if offsets is None:
        return middles
    return middles + offsets.flatten(3).gather(3, winners[:, :, None, None].expand(n, k, 2, 1))[..., 0]
    ### END SOLUTION


def heatmap_loss(scores: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """Compute the softmax loss over one-hot heat maps: each map is a choice among its H * W cells.

    Args:
        scores: (N, K, H, W), any numbers.
        cells: (N, K) int64, the right cell of each map, row * W + column; maps with -1 don't count.

    Returns:
        The cross-entropy as a 0-d tensor: the mean over all maps that count. At least one does.
    """
    ### BEGIN SOLUTION
    return F.cross_entropy(scores.flatten(0, 1).flatten(1), cells.flatten(), ignore_index=-1)
    ### END SOLUTION
