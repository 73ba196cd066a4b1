"""Real handwritten digits in two small files of ours: no download, no other package, the same on every machine.

Both sets are public. Splitting off a secret part and changing its images by the course's secret keeps a submission
from having seen the very images it is graded on. It cannot keep anybody from training on all of a public set. Where the
files are from is in ``originals/README.md``.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from grader.data.registry import DataSet, Samples, check_size, dataset
from grader.data.stream import Stream
from grader.data.warp import Strength, perturb
from grader.errors import MachineError

#: Fixes the public split for good. It is no secret: everybody may know what is public.
_PUBLIC_KEY = b"autograde public split 1"
#: A folder, so that it can be masked in a worker: in an installed package it lies among the libraries.
_ORIGINALS = Path(__file__).parent / "originals"


@dataclass(frozen=True)
class PackagedDigits:
    """A set of small grey digits in ``originals/NAME.npz``: ``x`` uint8 (N, side, side), ``y`` uint8 (N,).

    ``secret_share`` of each class is secret. Pixels run from 0 to ``top``. ``sha256`` is the file's.
    """

    name: str
    sha256: str
    top: int
    secret_share: float
    strength: Strength = field(default_factory=Strength)
    classes: int = 10

    @property
    def public_size(self) -> int:
        """How many samples the public part has."""
        return len(self._parts()[0].y)

    @property
    def secret_size(self) -> int:
        """How many samples the secret part has."""
        return len(self._parts()[1].y)

    def public(self, train: int, validation: int) -> tuple[Samples, Samples]:
        """The first ``train`` and the next ``validation`` public samples, classes balanced in each, shuffled.

        Raises CourseError where the public part has fewer.
        """
        part = self._parts()[0]
        check_size(self.name, train + validation, len(part.y), "train + validation")
        cuts = []
        for label, start, size in (("train", 0, train), ("validation", train, validation)):
            order = start + Stream(_PUBLIC_KEY, f"{self.name} {label} {size}").permutation(size)
            cuts.append(Samples(part.x[order], part.y[order]))
        return cuts[0], cuts[1]

    def secret(self, test: int, key: bytes) -> Samples:
        """``test`` samples of the secret part, chosen and changed as ``key`` says.

        Raises CourseError where the secret part has fewer.
        """
        part = self._parts()[1]
        check_size(self.name, test, len(part.y), "test")
        stream = Stream(key, f"{self.name} test")
        order = stream.permutation(len(part.y))[:test]
        return Samples(perturb(part.x[order, 0], stream, self.strength)[:, None], part.y[order])

    def _parts(self) -> tuple[Samples, Samples]:
        return _parts(self)


@lru_cache(maxsize=4)
def _parts(data: PackagedDigits) -> tuple[Samples, Samples]:
    """The public and the secret part, each running through the classes in turn so that any prefix is balanced."""
    x, y = _read(data)
    stream = Stream(_PUBLIC_KEY, data.name)
    public: list[tuple[int, int, int]] = []
    secret: list[int] = []
    for label in range(data.classes):
        rows = np.flatnonzero(y == label)
        rows = rows[stream.permutation(len(rows))]
        cut = round(len(rows) * data.secret_share)
        secret.extend(rows[:cut].tolist())
        public.extend((turn, label, int(row)) for turn, row in enumerate(rows[cut:]))
    order = [row for _, _, row in sorted(public)]
    parts = Samples(x[order], y[order]), Samples(x[secret], y[secret])
    for array in (*parts[0], *parts[1]):
        array.flags.writeable = False  # shared by everybody who asks
    return parts


def _read(data: PackagedDigits) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    path = _ORIGINALS / f"{data.name}.npz"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MachineError(
            f"the data set {data.name!r} cannot be read: {error.strerror}", where=path, fix="install the package again"
        ) from error
    if hashlib.sha256(content).hexdigest() != data.sha256:
        raise MachineError(
            f"the data set {data.name!r} is not the file that was measured", where=path, fix="install the package again"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        x = arrays["x"][:, None].astype(np.float32) / np.float32(data.top)
        return x, arrays["y"].astype(np.int64)


@dataset("digits")
def digits() -> DataSet:
    """5,000 digits of MNIST, 28x28, 500 of each class: 4,000 public ones, 1,000 secret ones."""
    sha256 = "5f0351ab25a829f466a21b543739d89cf5379a590267c9f50e68e812a639a48e"
    return PackagedDigits("digits", sha256, top=255, secret_share=0.2)


@dataset("digits8x8")
def digits8x8() -> DataSet:
    """1,797 digits of the UCI repository, 8x8: about 1,350 public ones, 450 secret ones."""
    sha256 = "fe80ecbdc397c6a04a9e52b0f87d6526a284a071a09f8d455bd771b9f338a3c7"
    strength = Strength(shift=0.2, rotation=4.0, scale=0.03, dimming=0.1, noise=0.02)
    return PackagedDigits("digits8x8", sha256, top=16, secret_share=0.25, strength=strength)
