"""Public tests for video_models.py."""

import pytest
import torch
from torch.nn import functional as F

from video_models import C3D, CNN3D, EarlyFusion, LateFusionFC, LateFusionPool, SingleFrameCNN

MODELS = {
    "SingleFrameCNN": lambda: SingleFrameCNN(5, 1),
    "LateFusionFC": lambda: LateFusionFC(5, 6, 1, 24),
    "LateFusionPool": lambda: LateFusionPool(5, 1),
    "EarlyFusion": lambda: EarlyFusion(5, 6, 1),
    "CNN3D": lambda: CNN3D(5, 1),
}


@pytest.mark.parametrize("name", MODELS)
def test_shape(name):
    """One score for each class and clip."""
    model = MODELS[name]().eval()
    assert tuple(model(torch.rand(3, 6, 1, 24, 24)).shape) == (3, 5)


@pytest.mark.parametrize("name", MODELS)
def test_overfit(name):
    """Ten steps on six clips make the loss smaller: what is to be learned is reached by gradients."""
    torch.manual_seed(0)
    model = MODELS[name]()
    x, y = torch.rand(6, 6, 1, 24, 24), torch.tensor([0, 1, 2, 3, 4, 0])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(10):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ["SingleFrameCNN", "LateFusionPool"])
def test_blind_to_order(name):
    """Models that average over frames give a clip played backwards the same scores."""
    model = MODELS[name]().eval()
    clips = torch.rand(2, 6, 1, 24, 24)
    assert torch.allclose(model(clips), model(clips.flip(1)), atol=1e-4)


def test_c3d():
    """The layers fit together."""
    assert tuple(C3D(7, 3, width=1).eval()(torch.rand(1, 16, 3, 112, 112)).shape) == (1, 7)
