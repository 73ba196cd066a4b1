"""Public tests for seg_metrics.py: one example, worked out by hand."""

import math

import pytest
import torch

from seg_metrics import confusion_matrix, mean_iou, pixel_accuracy, segmentation_loss

TARGET = torch.tensor([[0, 0, 0, 1], [1, 2, -1, -1]])
PREDICTED = torch.tensor([[0, 0, 1, 1], [3, 2, 2, 0]])


def test_confusion_matrix():
    """Rows are the truth; the two void pixels are not counted."""
    matrix = confusion_matrix(PREDICTED, TARGET, 5)
    assert matrix.sum() == 6
    assert matrix[0].tolist() == [2, 1, 0, 0, 0]
    assert matrix[1].tolist() == [0, 1, 0, 1, 0]


def test_pixel_accuracy():
    """Four of six."""
    assert float(pixel_accuracy(PREDICTED, TARGET)) == pytest.approx(4 / 6)


def test_mean_iou():
    """IoUs of 2/3, 1/3, 1 and 0; class 4 is nowhere."""
    assert float(mean_iou(PREDICTED, TARGET, 5)) == pytest.approx(0.5)


def test_loss():
    """A network that knows nothing pays log C for each labelled pixel; void costs nothing."""
    target = torch.tensor([[[0, 2], [-1, 1]]])
    assert segmentation_loss(torch.zeros(1, 3, 2, 2), target).item() == pytest.approx(math.log(3))
    assert segmentation_loss(torch.zeros(1, 3, 2, 2), torch.full((1, 2, 2), -1)).item() == 0
