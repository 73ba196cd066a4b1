"""Public tests for flow.py."""

import torch
from torch import nn

from flow import TwoStream, flow_stack, lucas_kanade, warp


def hill(x, y, height=32, width=40):
    """A smooth picture with its brightest place at (x, y), (1, 1, H, W)."""
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    return torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 80)[None, None]


def test_lucas_kanade():
    """A hill that moves by (0.6, -0.3): dx to the right, dy down."""
    flow = lucas_kanade(hill(20, 16), hill(20.6, 15.7), 9)
    assert tuple(flow.shape) == (1, 2, 32, 40)
    dx, dy = flow[0, :, 14:19, 18:23].mean(dim=(1, 2))
    assert abs(dx - 0.6) < 0.1
    assert abs(dy + 0.3) < 0.1


def test_lucas_kanade_without_texture():
    """Nothing to see, nothing moves, and nothing is divided by 0."""
    flat = torch.full((1, 1, 20, 20), 0.5)
    assert float(lucas_kanade(flat, flat).abs().max()) < 1e-5


def test_warp():
    """The second frame, warped by the flow, is the first."""
    flow = torch.tensor([3.0, -2.0])[None, :, None, None].expand(1, 2, 32, 40)
    warped = warp(hill(21, 14), flow)
    assert torch.allclose(warped[..., 5:-5, 5:-5], hill(18, 16)[..., 5:-5, 5:-5], atol=1e-3)


def test_flow_stack_and_two_stream():
    """2 (T - 1) channels; both streams have a say."""
    torch.manual_seed(0)
    clips = torch.rand(2, 4, 1, 12, 16)
    assert tuple(flow_stack(clips).shape) == (2, 6, 12, 16)
    spatial = nn.Sequential(nn.Flatten(), nn.Linear(12 * 16, 5))
    temporal = nn.Sequential(nn.Flatten(), nn.Linear(6 * 12 * 16, 5))
    assert tuple(TwoStream(spatial, temporal)(clips).shape) == (2, 5)
