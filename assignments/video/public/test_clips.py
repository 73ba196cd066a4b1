"""Public tests for clips.py."""

import pytest
import torch
from torch import nn

from clips import average_predictions, clip_indices, clip_starts, extract_clips, frame_stride


def test_frame_stride():
    """A clip at 5 frames per second from a video at 30 takes every sixth frame."""
    assert frame_stride(30, 5) == 6
    assert frame_stride(10, 30) == 1


def test_clip_indices():
    """Four frames, three apart."""
    assert clip_indices(2, 4, 3).tolist() == [2, 5, 8, 11]


def test_clip_starts():
    """The first clip starts with the video, the last one ends with it; one clip alone lies in the middle."""
    assert clip_starts(30, 4, 3, 3).tolist() == [0, 10, 20]
    assert clip_starts(30, 4, 3, 1).tolist() == [10]
    with pytest.raises(ValueError):
        clip_starts(9, 4, 3, 2)


def test_extract_clips():
    """Time before channels."""
    video = torch.arange(12.0).reshape(12, 1, 1, 1).repeat(1, 3, 4, 5)
    clips = extract_clips(video, torch.tensor([1, 6]), 3, 2)
    assert tuple(clips.shape) == (2, 3, 3, 4, 5)
    assert clips[:, :, 0, 0, 0].tolist() == [[1, 3, 5], [6, 8, 10]]


def test_average_predictions():
    """Probabilities sum to 1, and one clip counts as much as another."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(12, 3))
    clips = torch.randn(5, 2, 1, 2, 3)
    average = average_predictions(model, clips, batch=2)
    assert float(average.sum()) == pytest.approx(1, abs=1e-5)
    assert torch.allclose(average, average_predictions(model, clips.flip(0)), atol=1e-6)
