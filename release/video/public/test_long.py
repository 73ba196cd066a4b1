"""Public tests for slowfast.py and localise.py."""

import pytest
import torch

from localise import temporal_iou, temporal_nms
from slowfast import LateralConnection, split_paths


def test_split_paths():
    """64 raw frames: 4 for the slow path, 32 for the fast one, the first one in both."""
    clips = torch.arange(64.0).reshape(1, 64, 1, 1, 1)
    slow, fast = split_paths(clips, 16, 8)
    assert slow.flatten().tolist() == [0, 16, 32, 48]
    assert fast.flatten().tolist() == list(range(0, 64, 2))


def test_lateral():
    """8 channels of the fast path become 16, beside the slow path's 64."""
    joined = LateralConnection(8, 8)(torch.zeros(1, 64, 4, 7, 7), torch.zeros(1, 8, 32, 7, 7))
    assert tuple(joined.shape) == (1, 80, 4, 7, 7)


def test_temporal_iou():
    """A third, nothing, a fifth."""
    a = torch.tensor([[0.0, 10]])
    b = torch.tensor([[5.0, 15], [10, 20], [2, 4]])
    assert temporal_iou(a, b)[0].tolist() == pytest.approx([1 / 3, 0, 0.2])


def test_temporal_nms():
    """The second segment goes, since it overlaps with the first, which is better."""
    segments = torch.tensor([[1.0, 11], [0, 10], [20, 30]])
    assert temporal_nms(segments, torch.tensor([0.8, 0.9, 0.7]), 0.5).tolist() == [1, 2]
