"""Public tests for inflate.py."""

import torch
from torch import nn

from inflate import exact_frames, inflate, inflate_batch_norm, inflate_conv


def test_inflate_conv():
    """On a video that stands still, the sum over time of the kernel is what counts."""
    torch.manual_seed(0)
    conv = nn.Conv2d(2, 3, 3, stride=2, padding=1)
    frame = torch.randn(1, 2, 8, 8)
    made = inflate_conv(conv, 3)(frame[:, :, None].repeat(1, 1, 5, 1, 1))
    assert torch.allclose(made[:, :, 2], conv(frame), atol=1e-5)


def test_inflate_batch_norm():
    """Running statistics come along."""
    norm = nn.BatchNorm2d(3)
    norm.running_mean.fill_(2.0)
    assert inflate_batch_norm(norm).running_mean.tolist() == [2, 2, 2]


def test_inflate():
    """A small network, in a frame that no end of the clip reaches."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)), nn.Conv2d(4, 2, 3)).eval()
    frame = torch.randn(1, 1, 14, 14)
    exact = exact_frames(7, [3, 3])
    assert list(exact) == [2, 3, 4]
    made = inflate(network, 3)(frame[:, :, None].repeat(1, 1, 7, 1, 1))
    for t in exact:
        assert torch.allclose(made[:, :, t], network(frame), atol=1e-4)
