"""Pictures with a class for each pixel: reading labels from colours, and transforms that move both together.

A picture is (3, H, W), float32 in [0, 1]. Its labels are (H, W), int64: 0 to C - 1, and -1 for void, which nobody has labelled
and nobody is judged on. Transforms return new tensors.
"""

import math

import torch
from torch.nn import functional as F

from encoder import IMAGENET_MEAN, IMAGENET_STD

Pair = tuple[torch.Tensor, torch.Tensor]

VOID = -1


def rgb_to_labels(colours: torch.Tensor, palette: torch.Tensor) -> torch.Tensor:
    """Turn ground truth that is painted in colours into labels.

    Args:
        colours: (H, W, 3), uint8: a colour for each pixel.
        palette: (C, 3), uint8: row k is the colour of class k. Black is not in it.

    Returns:
        (H, W), int64: the class whose colour a pixel has in all three channels; -1 if it is the colour of none.
    """
    raise NotImplementedError("rgb_to_labels: write your solution here")


def flip(image: torch.Tensor, labels: torch.Tensor) -> Pair:
    """Mirror a picture and its labels: left becomes right, up stays up."""
    raise NotImplementedError("flip: write your solution here")


def crop(image: torch.Tensor, labels: torch.Tensor, top: int, left: int, height: int, width: int) -> Pair:
    """Cut out the part with the rows from ``top`` and the columns from ``left`` on.

    Args:
        image: (3, H, W).
        labels: (H, W).
        top: rows that are cut off above.
        left: columns that are cut off on the left.
        height: rows of the part; where the picture has none, below or to the right of it, pixels are 0 and labels -1.
        width: columns of the part.
    """
    raise NotImplementedError("crop: write your solution here")


def rescale(image: torch.Tensor, labels: torch.Tensor, height: int, width: int) -> Pair:
    """Stretch or shrink a picture to ``height`` times ``width`` pixels, and its labels with it.

    Pixels are interpolated linearly between their middles: ``F.interpolate(..., mode="bilinear")`` with its defaults.
    Labels are names, not amounts: each new pixel takes the label of the old one that its middle falls into, row
    floor((r + 1/2) * H / height) and likewise for columns.
    """
    raise NotImplementedError("rescale: write your solution here")


def rotate(image: torch.Tensor, labels: torch.Tensor, degrees: float) -> Pair:
    """Turn a picture and its labels counter-clockwise about the middle of the picture; its size stays.

    For each new pixel, look up where its middle comes from: the picture there by bilinear interpolation, 0 outside; the label
    of the pixel that it falls into, -1 outside.
    """
    raise NotImplementedError("rotate: write your solution here")


class RandomFlip:
    """Mirrors a picture and its labels, or leaves both alone: one decision for the two, each time anew."""

    def __init__(self, p: float = 0.5) -> None:
        """Keep ``p``, the chance of a mirror."""
        raise NotImplementedError("RandomFlip.__init__: write your solution here")

    def __call__(self, image: torch.Tensor, labels: torch.Tensor) -> Pair:
        raise NotImplementedError("RandomFlip.__call__: write your solution here")


class RandomCrop:
    """Cuts out a part of a fixed size at a place drawn at random: one place for picture and labels, each time anew.

    Every place where the part lies within the picture is equally likely.
    """

    def __init__(self, height: int, width: int) -> None:
        raise NotImplementedError("RandomCrop.__init__: write your solution here")

    def __call__(self, image: torch.Tensor, labels: torch.Tensor) -> Pair:
        raise NotImplementedError("RandomCrop.__call__: write your solution here")


def normalise(images: torch.Tensor) -> torch.Tensor:
    """Bring pictures (N, 3, H, W) in [0, 1] to what the encoder was trained with.

    Each channel minus its mean, divided by its deviation: ``IMAGENET_MEAN`` and ``IMAGENET_STD`` of encoder.py.
    """
    raise NotImplementedError("normalise: write your solution here")
