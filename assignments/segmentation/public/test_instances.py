"""Public tests for instances.py."""

import math

import pytest
import torch

from instances import mask_loss, mask_target, merge_panoptic, panoptic_quality, paste_masks_in_image


def test_there_and_back():
    """A disc, cut out of a picture and pasted again."""
    y, x = torch.meshgrid(torch.arange(40) + 0.5, torch.arange(50) + 0.5, indexing="ij")
    disc = (x - 24) ** 2 + (y - 17) ** 2 < 100
    box = torch.tensor([11.5, 5.0, 36.0, 30.0])
    target = mask_target(disc.float(), box)
    assert target.shape == (28, 28)
    again = paste_masks_in_image(target[None], box[None], (40, 50))[0]
    assert (again & disc).sum() / (again | disc).sum() > 0.97


def test_mask_target_of_the_same_size():
    """A box of 4 x 4 pixels, read in 4 x 4 cells, is what was there."""
    mask = (torch.arange(80).reshape(8, 10) % 3 == 0).float()
    box = torch.tensor([2.0, 3.0, 6.0, 7.0])
    torch.testing.assert_close(mask_target(mask, box, 4), mask[3:7, 2:6])


def test_mask_loss():
    """Logits of 0 cost log 2, however many classes there are; other classes' masks cost nothing."""
    logits = torch.zeros(2, 7, 4, 4)
    logits[:, 3] = 9.0
    assert mask_loss(logits, torch.tensor([0, 6]), torch.rand(2, 4, 4)).item() == pytest.approx(math.log(2))


def test_merge():
    """The higher score is on top, stuff lies where nothing else does."""
    masks = torch.zeros(2, 2, 4, dtype=torch.bool)
    masks[0, :, :2], masks[1, 0, 1:] = True, True
    merged = merge_panoptic(masks, torch.tensor([11, 11]), torch.tensor([0.7, 0.9]), torch.full((2, 4), 3))
    assert merged.tolist() == [[11002, 11001, 11001, 11001], [11002, 11002, 3000, 3000]]


def test_panoptic_quality():
    """IoUs of 1 and 3/4 match; one of exactly 1/2 does not."""
    target, predicted = torch.full((4, 6), -1), torch.full((4, 6), -1)
    target[:, :2], target[:2, 2:4], target[2:, 2:4] = 5001, 5002, 5003
    predicted[:, :2], predicted[:2, 2:4], predicted[2, 2:4] = 5001, 5002, 5003
    predicted[1, 3] = -1
    pq, sq, rq = panoptic_quality(predicted, target)
    assert (pq, sq, rq) == (pytest.approx(1.75 / 3), pytest.approx(0.875), pytest.approx(2 / 3))
