"""Faces with 15 keypoints: the data set, and transforms that keep a picture and its keypoints together.

A sample is a dict ``{"image": (1, H, W), "keypoints": (15, 2)}``. Coordinates are in pixels, x to the right before y down.
A picture of H rows and W columns spans 0 to W and 0 to H: the pixel in row r and column c is the square from (c, r) to
(c + 1, r + 1), and its middle is (c + 0.5, r + 0.5). Random transforms draw from numpy's, torch's or Python's generator, as you
like. Transforms return a new sample and leave the old one as it was.
"""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import Dataset

#: What the 15 keypoints are, in their order. Left is the left of the person: it has the larger x.
KEYPOINTS = (
    "left_eye_center",
    "right_eye_center",
    "left_eye_inner_corner",
    "left_eye_outer_corner",
    "right_eye_inner_corner",
    "right_eye_outer_corner",
    "left_eyebrow_inner_end",
    "left_eyebrow_outer_end",
    "right_eyebrow_inner_end",
    "right_eyebrow_outer_end",
    "nose_tip",
    "mouth_left_corner",
    "mouth_right_corner",
    "mouth_center_top_lip",
    "mouth_center_bottom_lip",
)

Sample = dict[str, Any]


class FacialKeypointsDataset(Dataset):
    """Faces from a file as Kaggle gives it.

    Its first line names the columns: ``left_eye_center_x,left_eye_center_y,...``, two for each of ``KEYPOINTS`` in their
    order, then ``Image``. Each further line is a face: 30 numbers, then the 96 * 96 grey values of the picture, row by row,
    separated by spaces. Some lines have gaps, an empty field for a keypoint that nobody has marked: these faces are dropped.

    Args:
        csv_file: path of the file.
        transform: what is called on a sample before it is returned, if anything.
    """

    def __init__(self, csv_file: str | Path, transform: Callable[[Sample], Sample] | None = None) -> None:
        ### BEGIN SOLUTION
        self.transform = transform
        self.images, self.keypoints = [], []
        with open(csv_file, newline="") as file:
            rows = csv.reader(file)
            next(rows)
            for *coordinates, image in rows:
                if "" not in coordinates:
                    self.images.append(np.array(image.split(), dtype=np.uint8).reshape(1, 96, 96))
                    self.keypoints.append(np.array(coordinates, dtype=np.float32).reshape(15, 2))
        ### END SOLUTION

    def __len__(self) -> int:
        """Return the number of faces without gaps."""
        ### BEGIN SOLUTION
        return len(self.images)
        ### END SOLUTION

    def __getitem__(self, idx: int) -> Sample:
        """Return face ``idx``: without a transform, numpy arrays with grey values 0 to 255 and coordinates in pixels."""
        ### BEGIN SOLUTION
        sample = {"image": self.images[idx], "keypoints": self.keypoints[idx]}
        return self.transform(sample) if self.transform else sample
        ### END SOLUTION


class Normalize:
    """Brings grey values from [0, 255] to [0, 1], and coordinates from [0, 96] to [-1, 1]."""

    def __call__(self, sample: Sample) -> Sample:
        ### BEGIN SOLUTION
        return {"image": sample["image"] / 255.0, "keypoints": (sample["keypoints"] - 48.0) / 48.0}
        ### END SOLUTION


class ToTensor:
    """Makes float32 tensors of the same shapes and values out of a sample's numpy arrays, whatever their dtype."""

    def __call__(self, sample: Sample) -> Sample:
        ### BEGIN SOLUTION
        return {name: torch.tensor(np.ascontiguousarray(value), dtype=torch.float32) for name, value in sample.items()}
        ### END SOLUTION


def flip(sample: Sample) -> Sample:
    """Mirror a face: left becomes right.

    The picture's columns change their order, and coordinates follow. But the mirrored left eye is a right eye: each keypoint
    with a partner on the other side changes places with it, so that row 0 is again the eye which is the person's left.

    Args:
        sample: numpy arrays, coordinates in pixels; pictures of any height and width.

    Returns:
        The mirrored sample, as numpy arrays or tensors.
    """
    ### BEGIN SOLUTION
    sides = {"left": "right", "right": "left"}
    partners = [KEYPOINTS.index("_".join(sides.get(word, word) for word in name.split("_"))) for name in KEYPOINTS]
    keypoints = sample["keypoints"][partners]
    keypoints[:, 0] = sample["image"].shape[2] - keypoints[:, 0]
    return {"image": sample["image"][:, :, ::-1].copy(), "keypoints": keypoints}
    ### END SOLUTION


class RandomHorizontalFlip:
    """Mirrors a sample with probability ``p``, each time anew, and otherwise returns it as it is."""

    def __init__(self, p: float = 0.5) -> None:
        ### BEGIN SOLUTION
        self.p = p
        ### END SOLUTION

    def __call__(self, sample: Sample) -> Sample:
        ### BEGIN SOLUTION
        return flip(sample) if torch.rand(()) < self.p else sample
        ### END SOLUTION


def crop(sample: Sample, left: int, top: int, size: int) -> Sample:
    """Cut out a square of ``size`` pixels whose upper left corner is at x = ``left``, y = ``top``.

    Coordinates are in pixels of the new picture; a keypoint that falls outside keeps its true place, below 0 or above size.

    Args:
        sample: numpy arrays, coordinates in pixels; the square lies within the picture.
        left: columns that are cut off on the left.
        top: rows that are cut off at the top.
        size: side of the square.
    """
    ### BEGIN SOLUTION
    image = sample["image"][:, top : top + size, left : left + size]
    return {"image": image, "keypoints": sample["keypoints"] - np.float32([left, top])}
    ### END SOLUTION


def rescale(sample: Sample, size: int) -> Sample:
    """Stretch or shrink a picture to ``size`` times ``size`` pixels, and its coordinates with it.

    Pixels are interpolated linearly between their middles: ``F.interpolate(..., mode="bilinear")`` with its defaults. The
    corners of the picture, (0, 0) and (W, H), become (0, 0) and (size, size).

    Args:
        sample: numpy arrays, coordinates in pixels; pictures of any height H and width W.
        size: number of rows and of columns of the new picture.

    Returns:
        The new sample with float grey values, as numpy arrays or tensors.
    """
    ### BEGIN SOLUTION
    _, height, width = sample["image"].shape
    image = torch.tensor(sample["image"], dtype=torch.float32)
    image = F.interpolate(image[None], size=(size, size), mode="bilinear")[0].numpy()
    return {"image": image, "keypoints": sample["keypoints"] * np.float32([size / width, size / height])}
    ### END SOLUTION


class RandomCrop:
    """Crops a square picture to ``size`` pixels at a place drawn at random, and rescales that to the old size.

    Every place where the square lies within the picture is equally likely, each time anew.
    """

    def __init__(self, size: int = 84) -> None:
        ### BEGIN SOLUTION
        self.size = size
        ### END SOLUTION

    def __call__(self, sample: Sample) -> Sample:
        ### BEGIN SOLUTION
        full = sample["image"].shape[1]
        left, top = torch.randint(full - self.size + 1, (2,)).tolist()
        return rescale(crop(sample, left, top, self.size), full)
        ### END SOLUTION
