"""Clips of real handwritten digits that move on a torus: what leaves on one side comes back on the other.

Three tasks share the pictures. In ``motion`` the class is one of eight directions, in ``appearance`` the digit, and in ``joint`` both: five
digits times four directions. A digit starts anywhere on the torus with equal chance. So the distribution of a single frame, and of any
set of frames without their order, is the same for every direction: on ``motion`` no model of single frames can beat chance.

Clips are (N, T, 1, S, S), float32 in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from grader.data.digits import digits
from grader.data.registry import DataSet, Samples, check_size, dataset
from grader.data.stream import Stream
from grader.data.warp import Strength, perturb
from grader.errors import CourseError

#: Fixes the public clips for good; no secret.
_PUBLIC_KEY = b"autograde public clips 1"
#: What a step is in (rows down, columns to the right), by class: right, left, down, up, and the four diagonals.
DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
DIRECTION_NAMES = ("right", "left", "down", "up", "down right", "down left", "up right", "up left")
_TASKS = {"motion": 8, "appearance": 10, "joint": 20}
_SPEEDS = (1, 2)
_DIGIT = 12
#: The share of the public digits that validation clips alone are made of.
_VALIDATION_SHARE = 0.2

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class MovingDigits:
    """Clips of ``frames`` frames of ``side`` times ``side`` pixels; ``noise`` is the standard deviation of the noise on a pixel."""

    task: str = "motion"
    frames: int = 6
    side: int = 24
    noise: float = 0.1
    public_size: int = 20_000
    secret_size: int = 20_000

    def __post_init__(self) -> None:
        """Raise CourseError for a task or a size that makes no sense."""
        if self.task not in _TASKS:
            raise CourseError(
                f"the data set 'moving_digits' has no task {self.task!r}",
                where="data.options.task",
                fix=f"use one of: {', '.join(_TASKS)}",
            )
        if self.frames < 1 or self.side < _DIGIT or not 0 <= self.noise <= 1:
            raise CourseError(
                f"clips of {self.frames} frames and {self.side} pixels with noise {self.noise:g} cannot be made",
                where="data.options",
                fix=f"use 1 frame or more, {_DIGIT} pixels or more, and noise of 0 to 1",
            )

    @property
    def classes(self) -> int:
        """8 directions, 10 digits, or 20 pairs of digit and direction: ``4 * digit + direction``."""
        return _TASKS[self.task]

    @property
    def names(self) -> tuple[str, ...]:
        """What the classes are called."""
        digits_ = tuple(str(digit) for digit in range(10))
        if self.task == "joint":
            return tuple(f"{digit} {way}" for digit in digits_[:5] for way in DIRECTION_NAMES[:4])
        return DIRECTION_NAMES if self.task == "motion" else digits_

    def public(self, train: int, validation: int) -> tuple[Samples, Samples]:
        """``train`` and ``validation`` clips, the same everywhere, made of different digits.

        Raises CourseError for more clips than a machine should make.
        """
        check_size("moving_digits", train + validation, self.public_size, "train + validation")
        return _clips(self, train, _PUBLIC_KEY, "train"), _clips(self, validation, _PUBLIC_KEY, "validation")

    def secret(self, test: int, key: bytes) -> Samples:
        """``test`` clips of digits that no public clip shows, drawn and changed a little as ``key`` says.

        Raises CourseError for more clips than a machine should make.
        """
        check_size("moving_digits", test, self.secret_size, "test")
        return _clips(self, test, key, "test")


def _pool(part: str) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The digits (M, 28, 28) that clips of a part may show, and their labels."""
    data = digits()
    if part == "test":
        samples = data.secret(data.secret_size, _PUBLIC_KEY)
    else:
        validation = int(data.public_size * _VALIDATION_SHARE)
        samples = data.public(data.public_size - validation, validation)[part == "validation"]
    return samples.x[:, 0], samples.y


@lru_cache(maxsize=8)
def _clips(data: MovingDigits, count: int, key: bytes, part: str) -> Samples:
    """``count`` clips with as many of each class as of any other, give or take one."""
    if not count:
        return Samples(np.zeros((0, data.frames, 1, data.side, data.side), np.float32), np.zeros(0, np.int64))
    stream = Stream(key, f"moving digits {data.task} {part}")
    labels = stream.permutation(count) % data.classes
    images, names = _pool(part)
    if data.task == "motion":
        chosen, ways = _pick(stream, len(names), count), labels
    elif data.task == "appearance":
        chosen, ways = _of_each(stream, names, labels), _pick(stream, len(DIRECTIONS), count)
    else:
        chosen, ways = _of_each(stream, names, labels // 4), labels % 4
    shown = images[chosen]
    if part == "test":
        shown = perturb(shown, stream, Strength())
    speeds = np.array(_SPEEDS)[_pick(stream, len(_SPEEDS), count)]
    steps = speeds[:, None] * np.array(DIRECTIONS)[ways]
    starts = np.stack([_pick(stream, data.side, count), _pick(stream, data.side, count)], axis=1)
    moved = _move(_shrunk(shown), starts, steps, data.frames, data.side)
    noisy = moved + data.noise * stream.normal(moved.size).reshape(moved.shape)
    # In steps of 1/255, which makes them the same on machines that differ in their last bits.
    clips = (np.rint(np.clip(noisy, 0.0, 1.0) * 255.0) / 255.0).astype(np.float32)[:, :, None]
    for array in (clips, labels):
        array.flags.writeable = False  # shared by everybody who asks
    return Samples(clips, labels)


def _pick(stream: Stream, among: int, count: int) -> npt.NDArray[np.int64]:
    """``count`` numbers of 0 to ``among`` - 1, each as likely as any other."""
    return np.floor(stream.uniform(0.0, among, count)).astype(np.int64)


def _of_each(stream: Stream, names: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each wanted label the row of a random digit that has it."""
    place = stream.uniform(0.0, 1.0, len(wanted))
    rows = {label: np.flatnonzero(names == label) for label in np.unique(wanted).tolist()}
    found = [rows[label][int(share * len(rows[label]))] for label, share in zip(wanted.tolist(), place, strict=True)]
    return np.array(found, dtype=np.int64)


def _shrunk(images: Floats) -> npt.NDArray[np.float64]:
    """Digits (M, 28, 28) as (M, 12, 12): each new pixel is the mean of the area that it covers."""
    side = images.shape[1]
    edges = np.linspace(0.0, side, _DIGIT + 1)
    pixels = np.arange(side)
    overlap = np.minimum(edges[1:, None], pixels + 1.0) - np.maximum(edges[:-1, None], pixels)
    weights = np.clip(overlap, 0.0, None) * _DIGIT / side
    return np.asarray(weights @ images.astype(np.float64) @ weights.T)


def _move(
    shown: npt.NDArray[np.float64],
    starts: npt.NDArray[np.int64],
    steps: npt.NDArray[np.int64],
    frames: int,
    side: int,
) -> npt.NDArray[np.float64]:
    """Clips (N, T, S, S) of pictures (N, 12, 12) that start at (row, column) and take the same step after every frame."""
    canvas = np.zeros((len(shown), side, side))
    canvas[:, :_DIGIT, :_DIGIT] = shown
    at = np.arange(side)
    clips = np.empty((len(shown), frames, side, side))
    every = np.arange(len(shown))[:, None, None]
    for frame in range(frames):
        corner = starts + frame * steps
        rows, columns = ((at - corner[:, axis, None]) % side for axis in (0, 1))
        clips[:, frame] = canvas[every, rows[:, :, None], columns[:, None, :]]
    return clips


@dataset("moving_digits")
def moving_digits(task: str = "motion", frames: int = 6, side: int = 24, noise: float = 0.1) -> DataSet:
    """Clips of real digits that move: ``task`` is motion (8 classes), appearance (10) or joint (20)."""
    return MovingDigits(task, frames, side, noise)
