"""When does it happen? Segments of time, how much they overlap, and which of many overlapping ones stay.

A segment is (start, end) in seconds, with end >= start; its length is end - start.
"""

import torch


def temporal_iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Compute the intersection over union of every segment of ``a`` with every segment of ``b``.

    Args:
        a: (N, 2), start and end.
        b: (M, 2).

    Returns:
        (N, M), 0 to 1. Segments that only touch have 0, and so have two segments of length 0.
    """
    raise NotImplementedError("temporal_iou: write your solution here")


def temporal_nms(segments: torch.Tensor, scores: torch.Tensor, threshold: float) -> torch.Tensor:
    """Suppress segments that overlap with better ones.

    The segment with the highest score is kept, all those whose IoU with it is above the threshold are dropped; then the best of
    the rest is kept, and so on. A segment that was dropped drops nobody.

    Args:
        segments: (N, 2), start and end; there is at least one.
        scores: (N,), no two alike.
        threshold: IoU; a pair with exactly this much may stay.

    Returns:
        (K,) int64, the indices of the kept segments by decreasing score.
    """
    raise NotImplementedError("temporal_nms: write your solution here")
