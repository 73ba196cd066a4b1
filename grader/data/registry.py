"""The data sets by name, and what a data set must offer.

Others join in two ways: by the ``dataset`` decorator, for as long as the module that uses it is imported; or from an
installed package, under the entry-point group ``autograde.datasets``. The second works wherever that package is
installed: in grading, and in a student's notebook, where ``load`` finds it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from grader.entry_points import Extensions
from grader.errors import CourseError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt


class Samples(NamedTuple):
    """Images or clips ``x``, float32 in [0, 1], and what belongs to them.

    Images have the shape (N, channels, height, width), clips (N, frames, channels, height, width). ``y`` are labels,
    int64: one a picture or clip, (N,), or one a pixel, (N, height, width), where -1 is void and counts nowhere. In a set
    without classes they are points, float32 of shape (N, K, 2).
    """

    x: npt.NDArray[np.float32]
    y: npt.NDArray[Any]


class DataSet(Protocol):
    """A data set with a public and a secret part that share no image and no clip.

    One that has ``names`` as well, one for each class or each point, is shown with them in feedback.

    tests/framework/data/test_datasets.py holds every data set that is registered to what is written here.
    """

    @property
    def classes(self) -> int:
        """How many classes the labels run through, from 0, void apart. None, 0, where points are to be predicted."""

    @property
    def public_size(self) -> int:
        """How many samples the public part has."""

    @property
    def secret_size(self) -> int:
        """How many samples the secret part has."""

    def public(self, train: int, validation: int) -> tuple[Samples, Samples]:
        """The first ``train`` and the next ``validation`` public samples, the same on every machine.

        Raises:
            CourseError: that is more than there are (:func:`check_size` says it).
            MachineError: what the samples are read from is not installed.
        """

    def secret(self, test: int, key: bytes) -> Samples:
        """``test`` samples, chosen from the secret part and changed a little, both as ``key`` says.

        The same key gives the same samples, and another one gives others.

        Raises:
            CourseError, MachineError: as :meth:`public`.
        """


DATASETS = Extensions("autograde.datasets", "data set")
_MAKERS: dict[str, Callable[..., DataSet]] = {}


def dataset(name: str) -> Callable[[Callable[..., DataSet]], Callable[..., DataSet]]:
    """Register a function that makes the data set ``name``; its keyword arguments are the config's ``options``."""

    def register(maker: Callable[..., DataSet]) -> Callable[..., DataSet]:
        if name in _MAKERS:
            raise ValueError(f"there is a data set {name!r} already")
        _MAKERS[name] = maker
        return maker

    return register


def dataset_names() -> tuple[str, ...]:
    """The names of all registered data sets."""
    return tuple(dict.fromkeys((*_MAKERS, *DATASETS.names())))


def check_size(name: str, wanted: int, have: int, part: str) -> None:
    """Raise CourseError where more samples are ``wanted`` of a data set's ``part`` than it has."""
    if wanted > have:
        raise CourseError(
            f"the data set {name!r} has {have} samples for {part}, not {wanted}",
            where="data",
            fix=f"ask for {have} at most",
        )


def check_samples(name: str, samples: Samples) -> Samples:
    """Return ``samples`` as they are, if they have the form that every data set promises.

    Raises TypeError, for the author of the data set, where their shapes, sizes or dtypes are others.
    """
    x, y = samples
    if x.ndim not in (4, 5) or x.dtype != np.float32:
        raise TypeError(
            f"the data set {name!r} should give float32 images (N, C, H, W) or clips (N, T, C, H, W); it gives "
            f"{x.dtype} of shape {x.shape}"
        )
    if len(y) != len(x):
        raise TypeError(
            f"the data set {name!r} gives {len(x)} inputs and {len(y)} targets; there should be one for each"
        )
    return samples


def names_of(data: DataSet, count: int) -> tuple[str, ...]:
    """What the ``count`` classes of a data set are called, or its points: its own ``names``, where it has any, or numbers.

    Raises TypeError, for the author of the data set, where it has another number of them.
    """
    names = tuple(str(name) for name in getattr(data, "names", ())) or tuple(str(index) for index in range(count))
    if len(names) != count:
        raise TypeError(f"the data set has {len(names)} names, and there are {count}")
    return names


def make(name: str, options: dict[str, Any]) -> DataSet:
    """The data set ``name``, told ``options``.

    One that is registered here wins over a package's of the same name.

    Raises CourseError for an unknown name or option, UsageError for a package that cannot be imported.
    """
    maker = _MAKERS.get(name)
    if maker is None:
        if name not in DATASETS.names():
            DATASETS.refuse(name, dataset_names(), "data.set")
        maker = DATASETS.load(name, where="data.set")
    try:
        return maker(**options)
    except TypeError as error:
        raise CourseError(
            f"the data set {name!r} does not take these options: {error}", where="data.options", fix="correct them"
        ) from error
