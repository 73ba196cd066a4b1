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
    ### BEGIN SOLUTION
    starts = torch.maximum(a[:, None, 0], b[None, :, 0])
    ends = torch.minimum(a[:, None, 1], b[None, :, 1])
    both = (ends - starts).clamp(min=0)
    either = (a[:, 1] - a[:, 0])[:, None] + (b[:, 1] - b[:, 0]) - both
    return both / either.clamp(min=1e-12)
    ### END SOLUTION


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
    ### BEGIN SOLUTION
    order = scores.argsort(descending=True)
    overlaps = temporal_iou(segments, segments) > threshold
    kept: list[int] = []
    for index in order.tolist():
        if not overlaps[index, kept].any():
            kept.append(index)
    return torch.tensor(kept, dtype=torch.int64)
    ### END SOLUTION
