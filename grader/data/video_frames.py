"""Clips from videos whose frames lie in folders as pictures, laid out as UCF-101 or Kinetics are; nothing is decoded or downloaded.

A video is a folder of PNG or JPEG files, sorted by name. Its class is the folder above it::

    ROOT/CLASS/VIDEO/*.png                       UCF-101, with ROOT/trainlist01.txt and ROOT/testlist01.txt where they are
    ROOT/train/CLASS/VIDEO/*.png, ROOT/val/...   Kinetics (val, validate or test)

Clips are (N, T, 3, S, S), float32 in [0, 1]. Classes are numbered in the order of their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from grader.data.registry import DataSet, Samples, check_size, dataset
from grader.data.stream import Stream
from grader.errors import CourseError, MachineError

#: Fixes the order of public videos, and which are secret where no list says so; no secret.
_PUBLIC_KEY = b"autograde public videos 1"
_PICTURES = frozenset({".png", ".jpg", ".jpeg"})
_SECRET_FOLDERS = ("val", "validate", "test")
_SECRET_SHARE = 0.25
#: Frames are resized to this many times the clip's side, so that secret clips can be cut out at another place.
_MARGIN = 8 / 7
_DIMMING = 0.12


@dataclass(frozen=True)
class Video:
    """A folder of frames, and its class."""

    folder: Path
    label: int

    @property
    def frames(self) -> list[Path]:
        """The pictures in it, in the order of their names."""
        return sorted(path for path in self.folder.iterdir() if path.suffix.lower() in _PICTURES)

    @property
    def group(self) -> str:
        """What clips of the same take share: UCF-101 calls them v_CLASS_gNN_cMM, of which all with one gNN look alike."""
        return re.sub(r"_c\d+$", "", self.folder.name)


@dataclass(frozen=True)
class VideoFrames:
    """One clip of each video in ``root``: ``frames`` frames, ``stride`` apart, of ``side`` times ``side`` pixels.

    Public clips lie in the middle of their videos. Secret ones start, are cut out and are dimmed as the course's secret says.
    """

    root: Path
    frames: int = 16
    side: int = 112
    stride: int = 1

    def __post_init__(self) -> None:
        """Raise CourseError for sizes of which no clip can be made."""
        if min(self.frames, self.side, self.stride) < 1:
            raise CourseError(
                f"a clip of {self.frames} frames, {self.side} pixels and stride {self.stride} cannot be made",
                where="data.options",
                fix="use whole numbers of 1 or more",
            )

    @property
    def classes(self) -> int:
        """How many folders of classes there are."""
        return len(_scan(self.root)[0])

    @property
    def names(self) -> tuple[str, ...]:
        """What the classes are called: as their folders are."""
        return _scan(self.root)[0]

    @property
    def public_size(self) -> int:
        """How many videos the public part has."""
        return len(_scan(self.root)[1])

    @property
    def secret_size(self) -> int:
        """How many videos the secret part has."""
        return len(_scan(self.root)[2])

    def public(self, train: int, validation: int) -> tuple[Samples, Samples]:
        """The clips of the first ``train`` and the next ``validation`` public videos, in a fixed order that runs through the classes.

        Raises CourseError where there are fewer, MachineError where a frame cannot be read or a video is too short.
        """
        check_size("video_frames", train + validation, self.public_size, "train + validation")
        videos = _scan(self.root)[1][: train + validation]
        return self._read(videos[:train], None), self._read(videos[train:], None)

    def secret(self, test: int, key: bytes) -> Samples:
        """The clips of ``test`` secret videos, chosen and changed as ``key`` says.

        Raises CourseError where there are fewer, MachineError where a frame cannot be read or a video is too short.
        """
        check_size("video_frames", test, self.secret_size, "test")
        stream = Stream(key, "video frames test")
        videos = _scan(self.root)[2]
        return self._read([videos[index] for index in stream.permutation(len(videos))[:test]], stream)

    def _read(self, videos: Sequence[Video], stream: Stream | None) -> Samples:
        """One clip of each video: from its middle, or where ``stream`` says."""
        clips = np.zeros((len(videos), self.frames, 3, self.side, self.side), np.float32)
        chances = (
            np.full((len(videos), 4), 0.5)
            if stream is None
            else stream.uniform(0.0, 1.0, 4 * len(videos)).reshape(-1, 4)
        )
        gains = np.ones(len(videos)) if stream is None else 1.0 - _DIMMING * chances[:, 3]
        span = (self.frames - 1) * self.stride + 1
        for clip, video, (when, down, right, _), gain in zip(clips, videos, chances, gains, strict=True):
            paths = video.frames
            if len(paths) < span:
                raise MachineError(
                    f"a clip of {self.frames} frames with stride {self.stride} needs {span} frames; this video has {len(paths)}",
                    where=video.folder,
                    fix="ask for shorter clips in data.options, or remove the video",
                )
            start = int(when * (len(paths) - span + 1))
            for place, path in enumerate(paths[start : start + span : self.stride]):
                clip[place] = _frame(path, self.side, down, right) * np.float32(gain)
        return Samples(clips, np.array([video.label for video in videos], dtype=np.int64))


def _frame(path: Path, side: int, down: float, right: float) -> npt.NDArray[np.float32]:
    """A square of a picture, (3, side, side) in [0, 1]: its shorter side is resized; ``down`` and ``right`` say which part, 0 to 1."""
    from PIL import Image

    try:
        with Image.open(path) as file:
            picture = file.convert("RGB")
    except (OSError, ValueError) as error:
        raise MachineError(
            "a frame of a video cannot be read", where=path, fix="write it again, or remove it"
        ) from error
    scale = side * _MARGIN / min(picture.size)
    width, height = (max(side, round(size * scale)) for size in picture.size)
    pixels = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32)
    # The middle, and up to half the margin away from it.
    margin = side * (_MARGIN - 1)
    top = int(np.clip(round((height - side) / 2 + (down - 0.5) * margin), 0, height - side))
    left = int(np.clip(round((width - side) / 2 + (right - 0.5) * margin), 0, width - side))
    return np.asarray(
        pixels[top : top + side, left : left + side].transpose(2, 0, 1) / np.float32(255), dtype=np.float32
    )


@lru_cache(maxsize=4)
def _scan(root: Path) -> tuple[tuple[str, ...], tuple[Video, ...], tuple[Video, ...]]:
    """The names of the classes, the public videos in their order, and the secret ones.

    Raises MachineError where the folder has no videos, or only public or only secret ones.
    """
    try:
        kinetics = (root / "train").is_dir()
        secret_root = (
            next((root / name for name in _SECRET_FOLDERS if (root / name).is_dir()), None) if kinetics else None
        )
        names = _subfolders(root / "train" if kinetics else root)
        first = _videos(root / "train" if kinetics else root, names)
        second = _videos(secret_root, names) if secret_root else []
        if not kinetics:
            first, second = _split(root, first)
    except OSError as error:
        raise MachineError(
            "the folder of videos cannot be read", where=root, fix="correct data.options.root"
        ) from error
    if not first or not second:
        which = "public" if not first else "secret"
        raise MachineError(
            f"the data set 'video_frames' finds no {which} videos in this folder",
            where=root,
            fix="lay frames out as CLASS/VIDEO/*.png, or as train/CLASS/VIDEO/*.png and val/CLASS/VIDEO/*.png",
        )
    return tuple(names), tuple(_in_turn(first)), tuple(second)


def _subfolders(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _videos(folder: Path, names: Sequence[str]) -> list[Video]:
    return [
        Video(folder / name / video, label)
        for label, name in enumerate(names)
        if (folder / name).is_dir()
        for video in _subfolders(folder / name)
    ]


def _split(root: Path, videos: Sequence[Video]) -> tuple[list[Video], list[Video]]:
    """By UCF-101's first lists where they are; else a quarter of each class's groups is secret, for clips of a group look alike."""
    lists = [root / f"{part}list01.txt" for part in ("train", "test")]
    if all(path.is_file() for path in lists):
        public, secret = (_listed(path) for path in lists)
        return [v for v in videos if v.folder.name in public], [v for v in videos if v.folder.name in secret - public]
    groups: dict[int, list[str]] = {}
    for video in videos:
        if video.group not in groups.setdefault(video.label, []):
            groups[video.label].append(video.group)
    hidden = set()
    for label, each in groups.items():
        order = Stream(_PUBLIC_KEY, f"groups {label}").permutation(len(each))
        hidden |= {(label, each[index]) for index in order[: round(len(each) * _SECRET_SHARE)]}
    return (
        [video for video in videos if (video.label, video.group) not in hidden],
        [video for video in videos if (video.label, video.group) in hidden],
    )


def _listed(path: Path) -> set[str]:
    """The videos that a list of UCF-101 names: one a line, ``CLASS/VIDEO.avi``, in the training list with a number behind it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {Path(line.split()[0]).stem for line in lines if line.strip()}


def _in_turn(videos: Iterable[Video]) -> list[Video]:
    """Shuffled, and running through the classes, so that any first part is balanced."""
    by_label: dict[int, list[Video]] = {}
    for video in videos:
        by_label.setdefault(video.label, []).append(video)
    turns = []
    for label, each in by_label.items():
        order = Stream(_PUBLIC_KEY, f"videos {label}").permutation(len(each))
        turns += [(turn, label, each[index]) for turn, index in enumerate(order)]
    return [video for _, _, video in sorted(turns, key=lambda item: item[:2])]


@dataset("video_frames")
def video_frames(root: str, frames: int = 16, side: int = 112, stride: int = 1) -> DataSet:
    """Clips of the videos whose frames lie in folders below ``root`` (``~`` is the home folder)."""
    return VideoFrames(Path(root).expanduser().absolute(), frames, side, stride)
