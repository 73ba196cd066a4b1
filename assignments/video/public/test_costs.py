"""Public tests for costs.py."""

import torch
from torch import nn

from costs import (
    c3d_multiply_adds,
    conv3d_multiply_adds,
    conv3d_output_size,
    conv3d_parameters,
    count_multiply_adds,
    receptive_field,
)


def test_sizes():
    """What torch gives."""
    conv = nn.Conv3d(2, 5, (3, 5, 2), stride=(2, 1, 3), padding=(1, 2, 0))
    size = tuple(conv(torch.zeros(1, 2, 8, 9, 10)).shape[2:])
    assert tuple(conv3d_output_size((8, 9, 10), (3, 5, 2), (2, 1, 3), (1, 2, 0))) == size
    assert conv3d_parameters(2, 5, (3, 5, 2)) == sum(p.numel() for p in conv.parameters())


def test_first_layer_of_c3d():
    """The slide has 1.04 thousand millions."""
    assert conv3d_multiply_adds(3, 64, (3, 3, 3), (16, 112, 112)) == 1_040_449_536
    assert c3d_multiply_adds()["conv1"] == 1_040_449_536


def test_count_multiply_adds():
    """Two layers, a batch of two."""
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))
    assert count_multiply_adds(model, torch.zeros(2, 1, 4, 4)) == 2 * (4 * 4 * 9 + 16 * 3)


def test_receptive_field():
    """Two layers of 3 see 5; after a stride of 2, each further one sees more."""
    assert [tuple(pair) for pair in receptive_field([(3, 1), (3, 2), (3, 1)])] == [(3, 1), (5, 2), (9, 2)]
