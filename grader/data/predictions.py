"""Reading what a student's model answered: scores, labels or label maps, in whatever they come, judged without surprises."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from grader.data.confusion import Confusion, count_pairs
from grader.errors import StudentVisibleError
from grader.remote_values import local_value
from grader.text import counted

#: What a list of arrays may hold in all to be read as one.
_MOST_BYTES = 64 << 20


class PredictionError(StudentVisibleError, ValueError):
    """A model's answer is neither scores nor labels of the right shape; the message is written for the student."""


def correct(answer: Any, labels: npt.NDArray[np.int64], classes: int) -> npt.NDArray[np.bool_]:
    """Which of the (N,) ``labels`` the ``answer`` gets right, as booleans (N,).

    Raises PredictionError where the answer has another shape, or is not made of numbers.
    """
    values = as_array(answer)
    count = len(labels)
    if values.shape == (count, classes):
        return _from_scores(values, labels)
    if values.shape == (count,):
        return _from_labels(values, labels)
    raise PredictionError(
        f"for {counted(count, 'input')} your model should give scores of shape ({count}, {classes}) or labels of shape "
        f"({count},); it gave {_shape(values)}"
    )


def confusion(answer: Any, labels: npt.NDArray[np.int64], classes: int) -> Confusion:
    """Count what the ``answer`` takes for what. Labels are (N,) or (N, H, W), -1 where there is none.

    The answer is labels of that shape, or scores with an axis of ``classes`` after the first.

    Raises PredictionError where it has another shape, or is not made of numbers.
    """
    return count_pairs(predicted_labels(answer, labels.shape, classes), labels, classes)


def predicted_labels(answer: Any, shape: tuple[int, ...], classes: int) -> npt.NDArray[np.int64]:
    """The classes that the ``answer`` gives, as int64 of ``shape``, (N,) or (N, H, W): 0 to ``classes`` - 1, or -1 for none.

    The answer is labels of that shape, or scores with an axis of ``classes`` after the first.

    Raises PredictionError where it has another shape, or is not made of numbers.
    """
    values = as_array(answer)
    scores = (shape[0], classes, *shape[1:])
    if values.shape == scores:
        return _winners(values)
    if values.shape == shape:
        _whole(values, "one class a pixel" if len(shape) > 1 else "one class a row")
        known = (values >= 0) & (values < classes)  # false for NaN
        return np.where(known, values, -1).astype(np.int64)
    if len(shape) > 1:
        raise PredictionError(_other_map(values, shape, classes))
    raise PredictionError(
        f"for {counted(shape[0], 'input')} your model should give scores of shape {scores} or labels of shape {shape}; it "
        f"gave {_shape(values)}"
    )


def chances(answer: Any, count: int, classes: int) -> npt.NDArray[np.float64] | None:
    """The softmax of an ``answer`` that is scores, (N, classes) float64; None where it is labels or is not all finite."""
    values = as_array(answer)
    if values.shape != (count, classes):
        return None
    scores = values.astype(np.float64)
    if not np.isfinite(scores).all():
        return None
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _other_map(values: npt.NDArray[Any], shape: tuple[int, ...], classes: int) -> str:
    """What a student reads whose label maps or scores for pictures of ``shape`` (N, H, W) have another shape."""
    count, height, width = shape
    told = (
        f"for {counted(count, 'picture')} of {height} x {width} pixels your model should give a label map of shape {shape} or scores "
        f"of shape {(count, classes, height, width)}; it gave {_shape(values)}"
    )
    if values.shape == (count, height, width, classes):
        return f"{told}: the axis of the classes comes last, and should come second"
    spatial = values.shape[-2:]
    if values.ndim not in (3, 4) or spatial == (height, width):
        return told
    if spatial == (width, height):
        return f"{told}: height and width are exchanged"
    return f"{told}: it should be as high and wide as the pictures"


def point_errors(answer: Any, points: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """By how much the ``answer`` differs from the (N, K, 2) ``points``, as (N, K, 2) float64.

    Raises PredictionError where the answer has another shape, or is not made of numbers.
    """
    return np.asarray(predicted_points(answer, points.shape) - points)


def predicted_points(answer: Any, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """The points that the ``answer`` gives, as float64 of ``shape``, (N, K, 2).

    Raises PredictionError where it has another shape, or is not made of numbers.
    """
    values = as_array(answer)
    count, each = shape[:2]
    if values.shape not in (shape, (count, 2 * each)):
        raise PredictionError(
            f"for {counted(count, 'input')} your model should give points of shape {shape} or ({count}, {2 * each}); it "
            f"gave {_shape(values)}"
        )
    return np.asarray(values.astype(np.float64).reshape(shape))


def as_array(answer: Any) -> npt.NDArray[Any]:
    """``answer`` (tensor, array, list, or a remote value) as an array of numbers.

    Raises PredictionError where it is none.
    """
    answer = local_value(answer)
    if hasattr(answer, "detach"):
        answer = answer.detach().cpu()
        # numpy has no bfloat16; double holds every floating-point value there is.
        answer = (answer.double() if answer.is_floating_point() else answer).numpy()
    if isinstance(answer, (list, tuple)) and sum(getattr(item, "nbytes", 0) for item in answer) > _MOST_BYTES:
        # Joined, a few wide numbers among many narrow ones would make all of them wide.
        raise PredictionError("your model's predictions should be one array of numbers, not a list of large ones")
    try:
        values = np.asarray(answer)
    except (ValueError, TypeError) as error:
        raise PredictionError("your model's predictions should be one array of numbers; their rows differ") from error
    if values.dtype.kind not in "iuf":
        kind = {"b": "booleans", "c": "complex numbers", "U": "text", "S": "text"}.get(values.dtype.kind)
        kind = kind or f"a {type(answer).__name__}"
        raise PredictionError(f"your model's predictions should be an array of numbers; they are {kind}")
    return values


def _winners(scores: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The class with the largest score along axis 1, or -1 where the scores are unsound."""
    # -inf is a fair score, the logarithm of nothing; NaN anywhere, or a winner that is infinite, is none.
    winners = scores.argmax(axis=1)  # of the first NaN, where there is one
    best = np.take_along_axis(scores, winners[:, None], axis=1)[:, 0]
    return np.where(np.isfinite(best), winners, -1).astype(np.int64)


def _from_scores(scores: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    return np.asarray(_winners(scores) == labels)


def _whole(values: npt.NDArray[Any], each: str) -> npt.NDArray[np.bool_]:
    """Which labels are finite. Raises PredictionError where one of those is a fraction."""
    finite = np.isfinite(values)
    if (values[finite] != np.rint(values[finite])).any():
        raise PredictionError(
            f"your model's labels should be whole numbers, {each}; it gave fractions (scores need one column "
            "for each class)"
        )
    return np.asarray(finite)


def _from_labels(values: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    return np.asarray(_whole(values, "one class a row") & (values == labels))


def _shape(values: npt.NDArray[Any]) -> str:
    return f"shape {values.shape}" if values.ndim else "a single number"
