"""Faces with 15 landmarks: drawn ones, without end, or the real ones of Kaggle from a folder that the course names.

Images are (N, 1, 96, 96) in [0, 1]; what is to be predicted are landmarks in pixels, (N, 15, 2) float32, x before y.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from grader.data.drawn_faces import draw_faces
from grader.data.landmarks import NAMES, SIDE, Pixels, Points, read_csv
from grader.data.registry import DataSet, Samples, check_size, dataset
from grader.data.stream import Stream
from grader.data.warp import Strength, perturb_with_points

#: Fixes the public faces for good; no secret.
_PUBLIC_KEY = b"autograde public faces 1"
#: The landmarks as people read them.
_NAMES = tuple(name.replace("_", " ") for name in NAMES)


@dataclass(frozen=True)
class DrawnFaces:
    """Faces drawn by formula. The public ones are the same everywhere; the secret ones are drawn from the secret."""

    classes: int = 0
    public_size: int = 20_000
    secret_size: int = 20_000
    names: tuple[str, ...] = _NAMES

    def public(self, train: int, validation: int) -> tuple[Samples, Samples]:
        """``train`` and ``validation`` faces: for a part of the same size, always the same ones.

        Raises CourseError for more faces than a machine should draw.
        """
        check_size("faces", train + validation, self.public_size, "train + validation")
        return _drawn(train, _PUBLIC_KEY, "train"), _drawn(validation, _PUBLIC_KEY, "validation")

    def secret(self, test: int, key: bytes) -> Samples:
        """``test`` faces that nobody can draw without ``key``.

        Raises CourseError for more faces than a machine should draw.
        """
        check_size("faces", test, self.secret_size, "test")
        return _drawn(test, key, "test")


@dataclass(frozen=True)
class KaggleFaces:
    """Kaggle's ``training.csv`` in the folder ``root``: its complete rows, three quarters public, the others secret.

    The file is public. So the secret faces are turned, shifted, scaled and dimmed a little, landmarks with them, as the
    course's secret says.
    """

    root: Path
    strength: Strength = field(default_factory=lambda: Strength(shift=3.0, rotation=8.0, scale=0.06, noise=0.01))
    classes: int = 0
    names: tuple[str, ...] = _NAMES

    @property
    def public_size(self) -> int:
        """How many faces the public part has."""
        return len(self._order()) - self.secret_size

    @property
    def secret_size(self) -> int:
        """How many faces the secret part has."""
        return len(self._order()) // 4

    def public(self, train: int, validation: int) -> tuple[Samples, Samples]:
        """The first ``train`` and the next ``validation`` faces of the public part, in a fixed random order.

        Raises CourseError where there are fewer, MachineError where the file cannot be read.
        """
        check_size("faces", train + validation, self.public_size, "train + validation")
        pixels, points = _kaggle(self.root)
        order = self._order()[self.secret_size :]
        cuts = order[:train], order[train : train + validation]
        first, second = (_samples(pixels[cut], points[cut]) for cut in cuts)
        return first, second

    def secret(self, test: int, key: bytes) -> Samples:
        """``test`` faces of the secret part, chosen and changed as ``key`` says.

        Raises CourseError where there are fewer, MachineError where the file cannot be read.
        """
        check_size("faces", test, self.secret_size, "test")
        pixels, points = _kaggle(self.root)
        stream = Stream(key, "kaggle faces test")
        chosen = self._order()[: self.secret_size][stream.permutation(self.secret_size)[:test]]
        plain = _samples(pixels[chosen], points[chosen])
        images, moved = perturb_with_points(plain.x[:, 0], plain.y, stream, self.strength)
        return Samples(images[:, None], moved)

    def _order(self) -> npt.NDArray[np.int64]:
        return Stream(_PUBLIC_KEY, "kaggle").permutation(len(_kaggle(self.root)[0]))


def _samples(pixels: Pixels, points: Points) -> Samples:
    return Samples(pixels[:, None].astype(np.float32) / np.float32(255), points.astype(np.float32))


@lru_cache(maxsize=6)
def _drawn(count: int, key: bytes, part: str) -> Samples:
    if not count:
        return Samples(np.zeros((0, 1, SIDE, SIDE), np.float32), np.zeros((0, 15, 2), np.float32))
    samples = _samples(*draw_faces(count, Stream(key, f"faces {part}")))
    for array in samples:
        array.flags.writeable = False  # shared by everybody who asks
    return samples


@lru_cache(maxsize=2)
def _kaggle(root: Path) -> tuple[Pixels, Points]:
    return read_csv(root / "training.csv")


@dataset("faces")
def faces(root: str | None = None) -> DataSet:
    """Faces with landmarks: drawn by formula, or the real ones in ``root``/training.csv (``~`` is the home folder)."""
    return DrawnFaces() if root is None else KaggleFaces(Path(root).expanduser().absolute())
