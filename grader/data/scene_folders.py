"""Photographs with a class for each pixel, read from folders in the forms in which they are given away.

Three sets: MSRC-v2 (23 classes; a picture in which colours stand for classes), PASCAL VOC (21 classes; a palette picture)
and the Oxford pets (pet or background; a trimap). What is void in them (black, 255, the pet's outline) becomes -1. Nothing
is downloaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from grader.errors import MachineError

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

Part = Literal["public", "secret"]
Labels = npt.NDArray[np.int64]

#: Classes of MSRC-v2 and the colours that stand for them in its ground truth; black is void.
MSRC_COLOURS = {
    "building": (128, 0, 0), "grass": (0, 128, 0), "tree": (128, 128, 0), "cow": (0, 0, 128), "horse": (128, 0, 128),
    "sheep": (0, 128, 128), "sky": (128, 128, 128), "mountain": (64, 0, 0), "airplane": (192, 0, 0), "water": (64, 128, 0),
    "face": (192, 128, 0), "car": (64, 0, 128), "bicycle": (192, 0, 128), "flower": (64, 128, 128),
    "sign": (192, 128, 128), "bird": (0, 64, 0), "book": (128, 64, 0), "chair": (0, 192, 0), "road": (128, 64, 128),
    "cat": (0, 192, 128), "dog": (128, 192, 128), "body": (64, 64, 0), "boat": (192, 64, 0),
}  # fmt: skip

#: Classes of PASCAL VOC, by the index that stands for them in its class maps.
VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "dining table",
    "dog", "horse", "motorbike", "person", "potted plant", "sheep", "sofa", "train", "tv monitor",
)  # fmt: skip

#: Where MSRC-v2 keeps pictures and ground truth: as Microsoft packed it, and as courses repacked it.
_MSRC_LAYOUTS = (("Images", "GroundTruth"), ("images", "targets"))


@dataclass(frozen=True, slots=True)
class Photograph:
    """Where a picture and its labels are; read only when it is asked for."""

    picture: Path
    target: Path


def labels_of_colours(colours: npt.NDArray[np.uint8]) -> Labels:
    """(H, W, 3) uint8 to (H, W) int64 by the colours of MSRC-v2; any other colour is void, -1."""
    packed = colours.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    found = np.full(packed.shape, -1, np.int64)
    for label, (red, green, blue) in enumerate(MSRC_COLOURS.values()):
        found[packed == (red << 16 | green << 8 | blue)] = label
    return found


def find_msrc(root: Path, part: Part) -> list[Photograph]:
    """The photographs of MSRC-v2; its lists train.txt and val.txt are public and test.txt secret.

    Without lists every fourth is secret. Raises MachineError where there are none.
    """
    layout = next((names for names in _MSRC_LAYOUTS if (root / names[0]).is_dir()), None)
    if layout is None:
        raise _lacking("msrc", root, "the folders Images and GroundTruth, or images and targets")
    pictures, targets = layout
    stems = _listed(root, ("train.txt", "val.txt") if part == "public" else ("test.txt",))
    if stems is None:
        every = sorted(path.stem for path in (root / pictures).glob("*.bmp"))
        stems = [stem for index, stem in enumerate(every) if (index % 4 == 3) == (part == "secret")]
    found = [Photograph(root / pictures / f"{stem}.bmp", root / targets / f"{stem}_GT.bmp") for stem in stems]
    if not found:
        raise _lacking("msrc", root / pictures, "pictures, ID.bmp")
    return found


def _listed(root: Path, names: tuple[str, ...]) -> list[str] | None:
    """The stems that the files list, a line each such as ``1_9_s.bmp``; None where not one of the lists is there."""
    lists = [root / name for name in names if (root / name).is_file()]
    lines = [line.strip() for path in lists for line in path.read_text(encoding="ascii").splitlines()]
    return [line.rpartition("/")[2].removesuffix(".bmp") for line in lines if line] if lists else None


def find_voc(root: Path, part: Part) -> list[Photograph]:
    """The photographs of VOC 2012, as torchvision lays them out: those for training are public, for validation secret.

    Raises MachineError where the folder does not hold them.
    """
    from pathlib import Path

    from torchvision.datasets import VOCSegmentation

    try:
        data = VOCSegmentation(root, image_set="train" if part == "public" else "val", download=False)
    except (RuntimeError, OSError, ValueError) as error:
        raise _lacking("voc", root / "VOCdevkit/VOC2012", "JPEGImages, SegmentationClass and ImageSets") from error
    return [Photograph(Path(picture), Path(mask)) for picture, mask in zip(data.images, data.masks, strict=True)]


def find_pets(root: Path, part: Part) -> list[Photograph]:
    """The Oxford-IIIT pets, as torchvision lays them out: its trainval part is public, its test part secret.

    Raises MachineError where the folder does not hold them.
    """
    from torchvision.datasets import OxfordIIITPet

    try:
        data = OxfordIIITPet(root, "trainval" if part == "public" else "test", "segmentation", download=False)
    except (RuntimeError, OSError, ValueError) as error:
        raise _lacking("pets", root / "oxford-iiit-pet", "the folders images and annotations") from error
    return [Photograph(picture, mask) for picture, mask in zip(data._images, data._segs, strict=True)]  # noqa: SLF001 - nothing public names the files


def labels_of_msrc(target: Image) -> Labels:
    """Ground truth in colours."""
    return labels_of_colours(np.asarray(target.convert("RGB")))


def labels_of_voc(target: Image) -> Labels:
    """Ground truth as a palette picture, whose numbers are the classes, and 255 is void."""
    return _without(np.asarray(target), void=255)


def labels_of_pets(target: Image) -> Labels:
    """A trimap: 1 is the pet, 2 the background, 3 the outline between them."""
    return _without(np.asarray(target), void=3, first=1)


def _without(numbers: npt.NDArray[np.uint8], *, void: int, first: int = 0) -> Labels:
    if numbers.ndim != 2:
        raise ValueError(f"the labels have {numbers.ndim} axes, not 2: their picture is not one of class numbers")
    return np.where(numbers == void, -1, numbers.astype(np.int64) - first)


def _lacking(name: str, where: Path, what: str) -> MachineError:
    return MachineError(
        f"the data set {name!r} is not whole in this folder: it lacks {what}",
        where=where,
        fix="unpack it there, or correct data.options.root",
    )
