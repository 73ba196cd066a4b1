"""The 15 landmarks of a face, in the order of the facial keypoints of Kaggle, and the file that they come in.

Coordinates are in pixels, x to the right and y down. A picture of side S spans 0 to S: the pixel in column c reaches from
x = c to x = c + 1. "Left" is the left of the person whose face it is, so that the left eye has the larger x.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from grader.errors import MachineError

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 96

NAMES = (
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

#: Columns of the file: two for each landmark, then the grey values of the picture, row by row, separated by spaces.
COLUMNS = tuple(f"{name}_{axis}" for name in NAMES for axis in "xy")

Pixels = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]


def write_csv(path: Path, pixels: Pixels, points: npt.NDArray[np.floating]) -> None:
    """Write pictures (N, 96, 96) and landmarks (N, 15, 2) as Kaggle does; a coordinate that is NaN is left empty."""
    with path.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, "Image"])
        for picture, face in zip(pixels, points, strict=True):
            numbers = ["" if np.isnan(value) else repr(round(float(value), 6)) for value in face.reshape(-1)]
            writer.writerow([*numbers, " ".join(map(str, picture.reshape(-1).tolist()))])


def read_csv(path: Path) -> tuple[Pixels, Points]:
    """Read the pictures, (N, 96, 96) uint8, and landmarks, (N, 15, 2) float32, of all rows that have every landmark.

    Raises MachineError where there is no such file, or where it is not of this form.
    """
    try:
        return _parse(path)
    except (OSError, ValueError, OverflowError, csv.Error) as error:
        raise MachineError(
            f"the facial keypoints cannot be read: {error}",
            where=path,
            fix="put Kaggle's training.csv there, unpacked, or correct data.options.root",
        ) from error


def _parse(path: Path) -> tuple[Pixels, Points]:
    pictures, faces = [], []
    with path.open(encoding="ascii", newline="") as file:
        reader = csv.DictReader(file)
        missing = {*COLUMNS, "Image"} - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"it lacks the column {min(missing)!r}")
        for row in reader:
            numbers = [row[column] for column in COLUMNS]
            if all(numbers):
                pictures.append(np.array((row["Image"] or "").split(), dtype=np.uint8).reshape(SIDE, SIDE))
                faces.append(np.array(numbers, dtype=np.float32).reshape(-1, 2))
    if not faces:
        raise ValueError("no row of it has every landmark")
    return np.stack(pictures), np.stack(faces)
