"""Scenes with a class for each pixel: drawn ones without end, or photographs from a folder that the course names.

Pictures are (N, 3, side, side) in [0, 1]; labels are (N, side, side) int64, and -1 is void.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from grader.data import scene_folders
from grader.data.drawn_scenes import CLASSES, SIDE, draw_scenes
from grader.data.registry import DataSet, Samples, check_size, dataset
from grader.data.stream import Stream
from grader.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.Image import Image

    from grader.data.scene_folders import Labels, Part, Photograph

#: Fixes the public scenes for good; no secret.
_PUBLIC_KEY = b"autograde public scenes 1"


@dataclass(frozen=True)
class DrawnScenes:
    """Scenes drawn by formula. The public ones are the same everywhere; the secret ones are drawn from the secret."""

    classes: int = len(CLASSES)
    public_size: int = 5_000
    secret_size: int = 5_000
    names: tuple[str, ...] = CLASSES

    def public(self, train: int, validation: int) -> tuple[Samples, Samples]:
        """The first ``train`` scenes of one fixed series and the first ``validation`` of another.

        Raises CourseError for more scenes than a machine should draw.
        """
        check_size("scenes", train + validation, self.public_size, "train + validation")
        return _drawn(train, _PUBLIC_KEY, "train"), _drawn(validation, _PUBLIC_KEY, "validation")

    def secret(self, test: int, key: bytes) -> Samples:
        """``test`` scenes that nobody can draw without ``key``.

        Raises CourseError for more scenes than a machine should draw.
        """
        check_size("scenes", test, self.secret_size, "test")
        return _drawn(test, key, "test")


@lru_cache(maxsize=6)
def _drawn(count: int, key: bytes, part: str) -> Samples:
    drawn = draw_scenes(count, key, part)
    samples = Samples(drawn.images.astype(np.float32) / np.float32(255), drawn.labels)
    for array in samples:
        array.flags.writeable = False  # shared by everybody who asks
    return samples


def scene_instances(count: int) -> npt.NDArray[np.int64]:
    """Which thing each pixel of the first ``count`` public training scenes belongs to: (N, 96, 96), 0 for stuff."""
    return draw_scenes(count, _PUBLIC_KEY, "train").instances


@dataclass(frozen=True)
class Photographs:
    """Photographs of a public set in a folder, cut to squares of ``side`` pixels.

    Everybody can have the set. So the secret part is cut, mirrored and dimmed as the course's secret says.
    """

    name: str
    root: Path
    side: int
    classes: int
    find: Callable[[Path, Part], list[Photograph]]
    labels: Callable[[Image], Labels]
    names: tuple[str, ...] = ()

    @property
    def public_size(self) -> int:
        """How many photographs the public part has."""
        return len(_found(self, "public"))

    @property
    def secret_size(self) -> int:
        """How many photographs the secret part has."""
        return len(_found(self, "secret"))

    def public(self, train: int, validation: int) -> tuple[Samples, Samples]:
        """The first ``train`` and the next ``validation`` photographs of the public part, in a fixed random order.

        Each is cut to the largest square in its middle. Raises CourseError where there are fewer, MachineError where a
        file cannot be read.
        """
        found = _found(self, "public")
        check_size(self.name, train + validation, len(found), "train + validation")
        order = Stream(_PUBLIC_KEY, self.name).permutation(len(found)).tolist()
        cuts = order[:train], order[train : train + validation]
        first, second = (self._read([found[k] for k in cut], None) for cut in cuts)
        return first, second

    def secret(self, test: int, key: bytes) -> Samples:
        """``test`` photographs of the secret part, chosen and changed as ``key`` says.

        Raises CourseError where there are fewer, MachineError where a file cannot be read.
        """
        found = _found(self, "secret")
        check_size(self.name, test, len(found), "test")
        stream = Stream(key, f"{self.name} test")
        order = stream.permutation(len(found))[:test].tolist()
        return self._read([found[k] for k in order], stream)

    def _read(self, photographs: list[Photograph], stream: Stream | None) -> Samples:
        x = np.empty((len(photographs), 3, self.side, self.side), np.float32)
        y = np.empty((len(photographs), self.side, self.side), np.int64)
        for index, photograph in enumerate(photographs):
            x[index], y[index] = self._one(photograph, stream)
        return Samples(x, y)

    def _one(self, photograph: Photograph, stream: Stream | None) -> tuple[npt.NDArray[np.float32], Labels]:
        from PIL import Image

        try:
            with Image.open(photograph.picture) as file:
                picture = file.convert("RGB")
            with Image.open(photograph.target) as file:
                labels = _sound(self.labels(file), picture.size, self.classes)
        except (OSError, ValueError) as error:
            raise MachineError(
                f"a photograph of {self.name!r} or its labels cannot be read: {error}",
                where=photograph.target,
                fix="unpack the data set again",
            ) from error
        box = _square(picture.size, stream)
        size = (self.side, self.side)
        pixels = np.asarray(picture.resize(size, Image.Resampling.BILINEAR, box), np.float32) / np.float32(255)
        cut = Image.fromarray(labels.astype(np.int32)).resize(size, Image.Resampling.NEAREST, box)
        made, told = pixels.transpose(2, 0, 1), np.asarray(cut).astype(np.int64)
        if stream is not None:
            mirrored, gain = stream.uniform(0.0, 1.0, 2).tolist()
            made = np.rint(made * np.float32(1.0 - 0.15 * gain) * 255) / np.float32(255)
            if mirrored < 0.5:
                made, told = made[:, :, ::-1], told[:, ::-1]
        return made, told


def _sound(labels: Labels, size: tuple[int, int], classes: int) -> Labels:
    """Give the labels back; raise ValueError where they do not fit a picture of ``size``, or name a class too many."""
    if labels.shape[::-1] != size:
        raise ValueError(f"the picture has {size} pixels, its labels {labels.shape[::-1]}")
    if labels.max() >= classes or labels.min() < -1:
        raise ValueError(f"a label is {labels.max()}, and there are {classes} classes")
    return labels


def _square(size: tuple[int, int], stream: Stream | None) -> tuple[float, float, float, float]:
    """The square to cut from a picture of ``size`` (width, height): the largest in its middle, or one drawn at random."""
    width, height = size
    side: float = min(size)
    right, down = 0.5, 0.5
    if stream is not None:
        scale, right, down = stream.uniform(0.0, 1.0, 3).tolist()
        side *= 0.85 + 0.15 * scale
    left, top = right * (width - side), down * (height - side)
    return left, top, left + side, top + side


@lru_cache(maxsize=6)
def _found(data: Photographs, part: Part) -> list[Photograph]:
    return data.find(data.root, part)


def _folder(root: str) -> Path:
    return Path(root).expanduser().absolute()


@dataset("scenes")
def scenes() -> DataSet:
    """Drawn scenes, 96x96, 23 classes: 11 textures and 12 outlines, in colours that say nothing of the class."""
    return DrawnScenes()


@dataset("msrc")
def msrc(root: str, side: int = SIDE) -> DataSet:
    """MSRC-v2 from the folder ``root`` (``~`` is the home folder): 591 photographs, 23 classes."""
    found, labels, names = scene_folders.find_msrc, scene_folders.labels_of_msrc, tuple(scene_folders.MSRC_COLOURS)
    return Photographs("msrc", _folder(root), side, len(names), found, labels, names)


@dataset("voc")
def voc(root: str, side: int = SIDE) -> DataSet:
    """PASCAL VOC 2012 from ``root``/VOCdevkit/VOC2012: 20 kinds of things, and background, class 0."""
    names = scene_folders.VOC_CLASSES
    return Photographs("voc", _folder(root), side, 21, scene_folders.find_voc, scene_folders.labels_of_voc, names)


@dataset("pets")
def pets(root: str, side: int = SIDE) -> DataSet:
    """The Oxford-IIIT pets from ``root``/oxford-iiit-pet: the pet is class 0, background class 1, its outline void."""
    names = "pet", "background"
    return Photographs("pets", _folder(root), side, 2, scene_folders.find_pets, scene_folders.labels_of_pets, names)
