"""Public tests for seg_data.py."""

import pytest
import torch

from seg_data import RandomCrop, RandomFlip, crop, flip, normalise, rescale, rgb_to_labels, rotate


def scene():
    """A picture whose red channel says in which column a pixel is, and labels that say the same."""
    column = torch.arange(6).expand(4, 6)
    return (column / 10.0).expand(3, 4, 6).clone(), column.clone()


def test_rgb_to_labels():
    """Red is class 0, purple class 1; black, and any other colour, is void."""
    palette = torch.tensor([[128, 0, 0], [128, 0, 128]], dtype=torch.uint8)
    colours = torch.tensor([[[128, 0, 128], [128, 0, 0]], [[0, 0, 0], [128, 0, 7]]], dtype=torch.uint8)
    labels = rgb_to_labels(colours, palette)
    assert labels.tolist() == [[1, 0], [-1, -1]]
    assert labels.dtype == torch.int64


def test_flip():
    """Picture and labels are mirrored alike."""
    image, labels = flip(*scene())
    assert labels[0].tolist() == [5, 4, 3, 2, 1, 0]
    torch.testing.assert_close(image[0] * 10, labels.float())


def test_crop():
    """Rows first; what is beyond the picture is void."""
    image, labels = crop(*scene(), 1, 4, 2, 3)
    assert labels.tolist() == [[4, 5, -1], [4, 5, -1]]
    assert image.shape == (3, 2, 3)
    assert image[:, :, 2].abs().max() == 0


def test_rescale():
    """The picture is interpolated, the labels are not."""
    image, labels = rescale(*scene(), 8, 12)
    assert labels[7].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert image[0, 0, 1].item() == pytest.approx(0.025)


def test_rotate():
    """A quarter turn counter-clockwise: what was on the right is on top."""
    image, labels = scene()
    square = labels[:, 1:5].contiguous()
    turned = rotate(image[:, :, 1:5].contiguous(), square, 90.0)[1]
    assert turned[:, 0].tolist() == [4, 3, 2, 1]
    corners = rotate(image, labels, 45.0)[1]
    assert corners[0, 0] == -1


def test_random_transforms():
    """Picture and labels stay together."""
    for transform in (RandomFlip(1.0), RandomFlip(0.5), RandomCrop(2, 3)):
        for _ in range(10):
            image, labels = transform(*scene())
            torch.testing.assert_close(image[0] * 10, labels.float())


def test_normalise():
    """A picture of ImageNet's mean colour becomes 0."""
    grey = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1).expand(2, 3, 2, 2)
    assert normalise(grey).abs().max() < 1e-6
