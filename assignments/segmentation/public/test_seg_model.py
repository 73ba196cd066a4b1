"""Public tests for seg_model.py. They use random weights, and need no file."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from seg_model import (
    SegmentationNN,
    bilinear_kernel,
    conv_transpose_output_size,
    evaluate,
    fit,
    freeze,
    parameter_groups,
    train_epoch,
    unfreeze,
)


@pytest.mark.parametrize(("arguments", "size"), [((8, 2, 2), 16), ((8, 3, 2, 1, 1), 16), ((8, 4, 2, 1), 16), ((8, 3, 2), 17)])
def test_conv_transpose_output_size(arguments, size):
    """Three ways to double 8 rows, and one that gives a row too many."""
    assert conv_transpose_output_size(*arguments) == size


def test_bilinear_kernel():
    """As weights of a transposed convolution, it doubles a picture as F.interpolate does, away from the border."""
    weight = bilinear_kernel(2, 2, 4)
    assert weight[0, 1].abs().max() == 0
    picture = torch.rand(1, 2, 5, 6)
    doubled = F.conv_transpose2d(picture, weight, stride=2, padding=1)
    wanted = F.interpolate(picture, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(doubled[..., 2:-2, 2:-2], wanted[..., 2:-2, 2:-2])


@pytest.mark.parametrize("size", [(64, 96), (96, 64)])
def test_model_shape(size):
    """As many scores as classes, as high and as wide as the picture."""
    model = SegmentationNN(num_classes=5, pretrained=False).eval()
    with torch.no_grad():
        scores = model(torch.rand(2, 3, *size))
    assert scores.shape == (2, 5, *size)
    assert not torch.allclose(scores.sum(1), torch.ones(())), "these are shares that sum to 1: a softmax follows the last layer"


def batch():
    """Four pictures of 64 x 64, and labels of 3 classes with void among them."""
    torch.manual_seed(0)
    return torch.rand(4, 3, 64, 64), torch.randint(-1, 3, (4, 64, 64))


def test_frozen_is_frozen():
    """Two epochs with a frozen encoder leave its weights as they are, and its running statistics; then it learns."""
    model = SegmentationNN(num_classes=3, pretrained=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, weight_decay=0.1)
    freeze(model)
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    train_epoch(model, [batch()], optimizer)
    moved = [name for name, value in model.encoder.state_dict().items() if not torch.equal(value, before[name])]
    assert not moved, f"these moved: {moved[:3]} ..."
    unfreeze(model)
    train_epoch(model, [batch()], optimizer)
    moved = [name for name, value in model.encoder.state_dict().items() if not torch.equal(value, before[name])]
    assert moved, "the encoder is still frozen"


def test_parameter_groups():
    """Every parameter is in one group."""
    model = SegmentationNN(num_classes=3, pretrained=False)
    optimizer = torch.optim.Adam(parameter_groups(model, 0.01, 0.001))
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert len(rates) == len(list(model.parameters()))
    assert {rates[id(p)] for p in model.encoder.parameters()} == {0.001}


def test_fit():
    """One loss for each epoch."""
    model = SegmentationNN(num_classes=3, pretrained=False)
    losses = fit(model, [batch()], torch.optim.Adam(model.parameters(), lr=0.01), 3, 3)
    assert len(losses) == 3
    assert all(0 < loss < 9 for loss in losses)


def test_evaluate():
    """A model that finds the brightest channel, on channels of which it is right in three of four pixels."""
    target = torch.tensor([[[0, 1], [2, 1]]])
    images = F.one_hot(torch.tensor([[[0, 1], [2, 2]]])).permute(0, 3, 1, 2).float()
    accuracy, iou = evaluate(nn.Identity(), [(images, target)], 3)
    assert accuracy == pytest.approx(0.75)
    assert iou == pytest.approx((1 + 0.5 + 0.5) / 3)
