"""What a suite gets of a data set: public parts to train on, secret inputs, and a judge that keeps the labels."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from grader.course.models import DataConfig
from grader.data.confusion import Confusion, count_pairs
from grader.data.examples import Examples
from grader.data.predictions import PredictionError, confusion, correct, point_errors
from grader.data.registry import Samples, check_samples, make, names_of
from grader.errors import AuthoringError, CourseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "Confusion",
    "DataSource",
    "Examples",
    "HeldOut",
    "PointErrors",
    "PredictionError",
    "Split",
    "hold_out",
    "load",
]

Kind = Literal["numpy", "torch"]
Pair = tuple[Any, Any]


@dataclass(frozen=True, slots=True)
class Split:
    """The public parts: ``(x, y)`` each; x float32 in [0, 1], y int64 labels, one a picture or one a pixel, or float32 points."""

    train: Pair
    validation: Pair


@dataclass(frozen=True, slots=True)
class PointErrors:
    """Errors of predicted points.

    ``mse`` is the mean squared error of a coordinate, in square pixels; ``normalised`` the mean distance to the true point, as
    a share of the distance between the first two true points of the same sample.
    """

    mse: float
    normalised: float


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Public parts ``(x, y)``, the secret test part's inputs, and what can be said about predictions for them.

    The labels stay in here: they are no part of what is shown, printed or compared. ``also`` holds the further data sets that the
    config names, by their names.
    """

    train: Pair
    validation: Pair
    inputs: Any
    classes: int
    _labels: npt.NDArray[Any] = field(repr=False, compare=False)
    also: Mapping[str, HeldOut] = field(default_factory=dict, repr=False, compare=False)
    _config: DataConfig | None = field(default=None, repr=False, compare=False)
    _measured: list[str] = field(default_factory=list, repr=False, compare=False)

    def examples(self, count: int) -> Examples:
        """The first ``count`` public samples after those of ``train``, or as many as there are: what may be shown.

        They are drawn from the public part, so that everybody may see them with their labels. They are those of
        ``validation`` where that has any.

        Raises AuthoringError once something was measured on the secret part: what a model shows afterwards may be made
        of what it saw there.
        """
        if self._measured:
            raise AuthoringError(
                "examples are asked for after the held-out inputs went to the student's code",
                fix="show what a model does first, and measure it afterwards",
            )
        if self._config is None:
            raise ValueError("these data were not made by hold_out: there is no public part to take examples from")
        asked = self._config
        data = make(asked.set, asked.options)
        count = min(count, max(data.public_size - asked.train, 0))
        more = _after(asked.set, tuple(sorted(asked.options.items())), asked.train, max(asked.validation, count))
        x, y = _pair(more, flat=asked.flat, array=asked.array)
        names = names_of(data, data.classes or y.shape[1])
        return Examples(x, y, data.classes, names).first(count)

    def accuracy(self, predict: Callable[[Any], Any], batch: int | None = None) -> float:
        """The share of the secret test part, 0 to 1, that ``predict`` gets right.

        ``predict(x)`` gives scores (N, classes) or labels (N,) for the inputs ``x``, as a tensor, array or list; with
        ``batch`` it is called on that many inputs at a time. A row of scores whose winner is not finite is wrong.

        Raises PredictionError, in words for the student, where an answer is neither.
        """
        if not self.classes:
            raise ValueError("this data set has no classes; ask for the point errors")
        if self._labels.ndim > 1:
            raise ValueError("this data set has a class for each pixel; ask for the confusion")
        total = len(self._labels)
        step = batch or total
        if step < 1:
            raise ValueError("batch must be 1 or more")
        self._measured.append("accuracy")
        right = 0
        for start in range(0, total, step):
            labels = self._labels[start : start + step]
            answer = predict(self.inputs[start : start + step] if batch else self.inputs)
            right += int(correct(answer, labels, self.classes).sum())
        return right / total

    def confusion(self, predict: Callable[[Any], Any], batch: int | None = None) -> Confusion:
        """What ``predict`` takes for what on the secret test part: accuracy, mean IoU and majority follow from it.

        ``predict(x)`` gives label maps (N, H, W) or scores (N, classes, H, W) for the inputs ``x``, as a tensor, array or
        list, and in a set with one label a picture labels (N,) or scores (N, classes); with ``batch`` it is called on
        that many inputs at a time. Void pixels are left out, whatever is predicted there.

        Raises PredictionError, in words for the student, where an answer is neither.
        """
        if not self.classes:
            raise ValueError("this data set has no classes; ask for the point errors")
        total = len(self._labels)
        step = batch or total
        if step < 1:
            raise ValueError("batch must be 1 or more")
        self._measured.append("confusion")
        parts = []
        for start in range(0, total, step):
            labels = self._labels[start : start + step]
            answer = predict(self.inputs[start : start + step] if batch else self.inputs)
            parts.append(confusion(answer, labels, self.classes))
        return functools.reduce(operator.add, parts)

    def point_errors(self, predict: Callable[[Any], Any]) -> PointErrors:
        """How far ``predict`` is off on the secret test part, in a data set of points.

        ``predict(x)`` gives points in pixels, (N, K, 2) or (N, 2 K), as a tensor, array or list. One that is not
        finite makes the errors infinite.

        Raises PredictionError, in words for the student, where the answer is no such thing.
        """
        if self.classes:
            raise ValueError("this data set has classes; ask for the accuracy")
        self._measured.append("point errors")
        errors = point_errors(predict(self.inputs), self._labels)
        if not np.isfinite(errors).all():
            return PointErrors(float("inf"), float("inf"))
        # Relative to the distance of the first two points: in faces, the eyes.
        eyes = np.linalg.norm(self._labels[:, 0].astype(np.float64) - self._labels[:, 1], axis=1)
        far = np.linalg.norm(errors, axis=2).mean(axis=1)
        return PointErrors(float((errors**2).mean()), float((far / eyes).mean()))

    def known(self, count: int = 200) -> HeldOut:
        """The first ``count`` public training samples as if they were the test part: what a model knew beforehand."""
        x, y = self.train
        labels = np.asarray(y[:count])
        return HeldOut(self.train, self.validation, x[:count], self.classes, labels)

    @property
    def majority(self) -> float:
        """The accuracy of always predicting the most frequent class, over what is labelled."""
        return count_pairs(self._labels, self._labels, self.classes).majority


def load(name: str, *, train: int, validation: int, flat: bool = False, array: Kind = "torch", **options: Any) -> Split:
    """The public part of the data set ``name``, the same on every machine: ``train`` and ``validation`` samples.

    x is float32 in [0, 1]: images (N, channels, height, width), clips (N, frames, channels, height, width), or (N, D)
    where ``flat``. y is int64, (N,) or (N, height, width), or float32 points, (N, K, 2). Both are copies.

    Raises CourseError for an unknown data set or more samples than it has.
    """
    parts = make(name, options).public(train, validation)
    train_part, validation_part = (_pair(check_samples(name, part), flat=flat, array=array) for part in parts)
    return Split(train_part, validation_part)


def hold_out(config: DataConfig | Mapping[str, Any], secret: bytes) -> HeldOut:
    """The data that ``config`` (an assignment's ``data``) asks for; the test part is drawn from ``secret``.

    The same config and secret give the same test part; another secret gives another.

    Raises CourseError for an unknown data set, a missing size, or more samples than there are.
    """
    return DataSource(config).draw(secret)


class DataSource:
    """What a config asks for: the public parts, made once, and as many secret test parts as there are keys."""

    def __init__(self, config: DataConfig | Mapping[str, Any]) -> None:
        """Raises CourseError for an unknown data set, a missing size, or more samples than there are."""
        fields = config.model_dump() if isinstance(config, DataConfig) else dict(config)
        try:
            asked = DataConfig.model_validate(fields)
        except ValueError as error:
            raise CourseError(f"the data section is invalid: {error}", where="data", fix="see autograde.yml") from error
        self._config = asked
        self._classes = make(asked.set, asked.options).classes
        self._also: dict[str, DataSource] = {}
        form: dict[str, Any] = {"flat": asked.flat, "array": asked.array, **asked.options}
        #: Public parts: the same for every key, and on every machine.
        self.public = load(asked.set, train=asked.train, validation=asked.validation, **form)

    def draw(self, key: bytes) -> HeldOut:
        """The public parts, and the secret test part that ``key`` stands for.

        Raises CourseError where the secret part has fewer samples.
        """
        if len(key) < 16:
            raise ValueError("the secret is too short to be one")
        asked = self._config
        test = _secret(asked.set, tuple(sorted(asked.options.items())), asked.test, key)
        inputs, _ = _pair(test, flat=asked.flat, array=asked.array)
        also = _Also(self, key)
        return HeldOut(self.public.train, self.public.validation, inputs, self._classes, test.y, also, asked)

    @property
    def further(self) -> tuple[str, ...]:
        """The names of further data sets that the config has."""
        return tuple(self._config.also)

    def also(self, name: str) -> DataSource:
        """The further data set ``name`` of the config, made when it is asked for first. Raises KeyError."""
        if name not in self._also:
            changes = self._config.also[name].model_dump(exclude_none=True)
            self._also[name] = DataSource({**self._config.model_dump(exclude={"also"}), **changes})
        return self._also[name]


class _Also(Mapping[str, HeldOut]):
    """The further data sets of a source under one key, each drawn when it is asked for first."""

    def __init__(self, source: DataSource, key: bytes) -> None:
        self._source, self._key = source, key
        self._drawn: dict[str, HeldOut] = {}

    def __getitem__(self, name: str) -> HeldOut:
        if name not in self._drawn:
            self._drawn[name] = self._source.also(name).draw(self._key)
        return self._drawn[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._source.further)

    def __len__(self) -> int:
        return len(self._source.further)


@lru_cache(maxsize=8)
def _secret(name: str, options: tuple[tuple[str, Any], ...], test: int, secret: bytes) -> Samples:
    # Kept because `autograde validate` grades many versions of a solution at the same few seeds.
    samples = check_samples(name, make(name, dict(options)).secret(test, secret))
    for array in samples:
        array.flags.writeable = False
    return samples


@lru_cache(maxsize=8)
def _after(name: str, options: tuple[tuple[str, Any], ...], train: int, count: int) -> Samples:
    """``count`` public samples after the first ``train``; kept for the attempts that follow."""
    x, y = check_samples(name, make(name, dict(options)).public(train, count)[1])
    samples = Samples(x.copy(), y.copy())
    for array in samples:
        array.flags.writeable = False
    return samples


def _pair(samples: Samples, *, flat: bool, array: Kind) -> Pair:
    x = samples.x.reshape(len(samples.x), math.prod(samples.x.shape[1:])).copy() if flat else samples.x.copy()
    y = samples.y.copy()
    if array == "numpy":
        return x, y
    import torch

    return torch.from_numpy(x), torch.from_numpy(y)
