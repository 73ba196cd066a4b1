"""Reading what a student's model answered: scores or labels, in whatever they come, judged without surprises."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from grader.errors import StudentVisibleError
from grader.values import local_value

#: What a list of arrays may hold in all to be read as one.
_MOST_BYTES = 64 << 20


class PredictionError(StudentVisibleError, ValueError):
    """A model's answer is neither scores (N, C) nor labels (N,); the message is written for the student."""


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
        f"for {count} inputs your model should give scores of shape ({count}, {classes}) or labels of shape "
        f"({count},); it gave {_shape(values)}"
    )


def point_errors(answer: Any, points: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """By how much the ``answer`` differs from the (N, K, 2) ``points``, as (N, K, 2) float64.

    Raises PredictionError where the answer has another shape, or is not made of numbers.
    """
    values = as_array(answer)
    count, each = points.shape[:2]
    if values.shape not in (points.shape, (count, 2 * each)):
        raise PredictionError(
            f"for {count} inputs your model should give points of shape {points.shape} or ({count}, {2 * each}); it "
            f"gave {_shape(values)}"
        )
    return np.asarray(values.astype(np.float64).reshape(points.shape) - points)


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


def _from_scores(scores: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    # -inf is a fair score, the logarithm of nothing; NaN anywhere, or a winner that is infinite, is none.
    sound = ~np.isnan(scores).any(axis=1)
    winners = np.where(np.isnan(scores), -np.inf, scores).argmax(axis=1)
    sound &= np.isfinite(scores[np.arange(len(scores)), winners])
    return np.asarray(sound & (winners == labels))


def _from_labels(values: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    finite = np.isfinite(values)
    if (values[finite] != np.rint(values[finite])).any():
        raise PredictionError(
            "your model's labels should be whole numbers, one class a row; it gave fractions (scores need one column "
            "for each class)"
        )
    return np.asarray(finite & (values == labels))


def _shape(values: npt.NDArray[Any]) -> str:
    return f"shape {values.shape}" if values.ndim else "a single number"
