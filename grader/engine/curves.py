"""A training curve beside the reference's, made of numbers that came out of a worker: their count and size are bounded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from grader.checks.arrays import as_array, describe
from grader.data.predictions import PredictionError
from grader.errors import AuthoringError
from grader.records import MAX_CURVE, Curve, CurveFigure

#: A number of a student's that is farther from 0 is drawn as one that is not finite: as a gap.
_LARGEST = 1e9
#: Values that are looked at; a history has one for each step or epoch.
_MOST = 1_000_000
#: How far beyond the reference's own range the axis follows the student's curve, in such ranges.
_BEYOND = 3.0

_Curves = TypeAdapter(dict[str, dict[str, Curve]])

Values = npt.NDArray[np.float64]


def curve_figure(history: Any, reference: Any, *, what: str, unit: str, title: str) -> CurveFigure:
    """The figure of a ``history``, numbers in the order of training, and of the reference's, which may be empty or a Curve.

    Raises:
        PredictionError: the history is not a list of numbers, or has none; the message is for the student.
        AuthoringError: the reference's is none of finite numbers.
    """
    given, student = _values(history), _thin(_values(history))
    known = reference if isinstance(reference, Curve) else None
    if known is None and len(right := _reference(reference)):
        known = _thin(right)
    low, high = _axis(student, known)
    return CurveFigure(
        title=title,
        description=_words(given, student, known, what, unit),
        what=what,
        unit=unit,
        student=student,
        reference=known,
        low=low,
        high=high,
    )


def _values(history: Any) -> Values:
    array = as_array(history)
    if array is None or array.dtype.kind not in "biuf":
        raise PredictionError(f"the history should be a list of numbers; it is {describe(history)}")
    if array.ndim == 2 and 1 in array.shape:
        array = array.reshape(-1)
    if not array.size:
        raise PredictionError("the history has no numbers")
    if array.ndim != 1:
        raise PredictionError(f"the history should be a list of numbers, one after another; its shape is {array.shape}")
    if array.size > _MOST:
        raise PredictionError(f"the history has {array.size} numbers, which is too many to draw")
    found: Values = array.astype(np.float64)
    found[~(np.abs(found) <= _LARGEST)] = np.nan  # NaN compares as False
    return found


def read_curves(path: Path) -> dict[str, dict[str, Curve]]:
    """The reference's curves by profile and check, as ``tools/curves.py`` wrote them; none where there is no file.

    Raises:
        AuthoringError: the file holds something else.
    """
    if not path.is_file():
        return {}
    try:
        return _Curves.validate_json(path.read_bytes())
    except ValidationError as error:
        raise AuthoringError(
            f"these are no curves by profile and check: {error.errors()[0]['msg']}",
            where=path,
            fix="write it by `python -m tools.curves NAME`, or remove it",
        ) from error


def _reference(reference: Any) -> Values:
    found = np.asarray(reference, dtype=np.float64).reshape(-1)
    if not (np.abs(found) <= _LARGEST).all():
        raise AuthoringError("the reference's curve has numbers that are not finite, or too large to draw")
    return found


def _thin(values: Values) -> Curve:
    """At most :data:`MAX_CURVE` points: where there are more values, the means of as many stretches of them."""
    count = min(len(values), MAX_CURVE)
    at, points = [], []
    for part in np.array_split(np.arange(len(values)), count):
        known = values[part][np.isfinite(values[part])]
        at.append(round(float(part.mean()) + 1, 1))
        points.append(_rounded(known.mean()) if len(known) else None)
    return Curve(at=tuple(at), values=tuple(points), count=len(values))


def _rounded(value: float) -> float:
    """Four digits: more could carry what a curve is not for."""
    return float(f"{value:.4g}")


def _axis(student: Curve, reference: Curve | None) -> tuple[float, float]:
    """The least and the greatest value of the axis: the reference's range, and the student's where that is not far off."""
    own = [value for value in student.values if value is not None]
    if reference is None:
        low, high = (min(own), max(own)) if own else (0.0, 1.0)
    else:
        known = [value for value in reference.values if value is not None]
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        span = max(high - low, abs(high) * 0.1, 1e-6)
        low = max(min([low, *own]), low - _BEYOND * span)
        high = min(max([high, *own]), high + _BEYOND * span)
    if high - low < 1e-9 * max(abs(high), abs(low), 1.0):
        low, high = low - 0.5 * max(abs(low), 1.0), high + 0.5 * max(abs(high), 1.0)
    return _rounded(low), _rounded(high)


def _words(given: Values, student: Curve, reference: Curve | None, what: str, unit: str) -> str:
    finite = given[np.isfinite(given)]
    steps = f"{len(given)} {unit}{'' if len(given) == 1 else 's'}"
    if len(finite):
        text = f"The {what} of your model over {steps}: {finite[0]:.4g} at first, {finite[-1]:.4g} at last"
        right = [value for value in reference.values if value is not None] if reference else []
        text += f"; the reference's goes from {right[0]:.4g} to {right[-1]:.4g}." if right else "."
    else:
        text = f"The {what} of your model over {steps} has no value that can be drawn."
    if lost := len(given) - len(finite):
        of = "is NaN, infinite" if lost == 1 else "are NaN, infinite"
        text += f" {lost} of {len(given)} values {of} or beyond a billion, and left out."
    if student.count > len(student.values):
        text += f" Each point is the mean of about {round(student.count / len(student.values))} {unit}s."
    return text
