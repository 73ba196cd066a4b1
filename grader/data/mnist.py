"""The full MNIST, 60,000 and 10,000 images, from a folder that the course names. Nothing is downloaded.

Its test set is as public as its training set. So what is graded on is chosen and changed by the course's secret, as for
the packaged digits: nobody has seen the very images.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from grader.data.registry import DataSet, Samples, check_size, dataset
from grader.data.stream import Stream
from grader.data.warp import Strength, perturb
from grader.errors import MachineError

#: Fixes the order of the public images for good; no secret.
_PUBLIC_KEY = b"autograde public split 1"


@dataclass(frozen=True)
class FolderMnist:
    """MNIST as torchvision stores it: four IDX files, unpacked, in ``ROOT/MNIST/raw``.

    The 60,000 images of the training files are public, the 10,000 of the test files secret.
    """

    root: Path
    strength: Strength = field(default_factory=Strength)
    classes: int = 10

    @property
    def public_size(self) -> int:
        """How many samples the training files have."""
        return len(_read(self.root, train=True).y)

    @property
    def secret_size(self) -> int:
        """How many samples the test files have."""
        return len(_read(self.root, train=False).y)

    def public(self, train: int, validation: int) -> tuple[Samples, Samples]:
        """The first ``train`` and the next ``validation`` samples of the training files, in a fixed random order.

        Raises CourseError where there are fewer, MachineError where the folder does not hold the files.
        """
        part = _read(self.root, train=True)
        check_size("mnist", train + validation, len(part.y), "train + validation")
        order = Stream(_PUBLIC_KEY, "mnist").permutation(len(part.y))
        cuts = order[:train], order[train : train + validation]
        return Samples(part.x[cuts[0]], part.y[cuts[0]]), Samples(part.x[cuts[1]], part.y[cuts[1]])

    def secret(self, test: int, key: bytes) -> Samples:
        """``test`` samples of the test files, chosen and changed as ``key`` says.

        Raises CourseError where there are fewer, MachineError where the folder does not hold the files.
        """
        part = _read(self.root, train=False)
        check_size("mnist", test, len(part.y), "test")
        stream = Stream(key, "mnist test")
        order = stream.permutation(len(part.y))[:test]
        return Samples(perturb(part.x[order, 0], stream, self.strength)[:, None], part.y[order])


@lru_cache(maxsize=4)
def _read(root: Path, *, train: bool) -> Samples:
    """One half as float32 (N, 1, 28, 28) in [0, 1] and int64 (N,), read by torchvision."""
    from torchvision.datasets import MNIST

    try:
        found = MNIST(root, train=train, download=False)
    except (RuntimeError, OSError, ValueError, AssertionError, LookupError) as error:  # missing, or cut short
        raise MachineError(
            "the data set 'mnist' is not whole in this folder",
            where=root / "MNIST" / "raw",
            fix="unpack the four files named ...-idx1-ubyte and ...-idx3-ubyte there, or correct data.options.root",
        ) from error
    x = found.data.numpy().astype(np.float32)[:, None] / np.float32(255)
    samples = Samples(x, found.targets.numpy().astype(np.int64))
    for array in samples:
        array.flags.writeable = False  # shared by everybody who asks
    return samples


@dataset("mnist")
def mnist(root: str) -> DataSet:
    """The full MNIST from the folder ``root`` (``~`` is the home folder), laid out as torchvision does it."""
    return FolderMnist(Path(root).expanduser().absolute())
