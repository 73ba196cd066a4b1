"""What a value is as a numpy array, how two of them differ, and how they are spoken of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from grader.checks.diagnosis.known import rms
from grader.remote_values import local_value

#: (rtol, atol) by the coarser of the two dtypes: round-off of a few hundred operations, far below any mistake.
_TOLERANCE = {2: (1e-2, 1e-3), 4: (1e-4, 1e-5), 8: (1e-7, 1e-9)}

#: How many numbers a list may hold in all to be compared as one array.
_MOST_JOINED = 10_000_000

#: An array of more axes is shown flat.
_MOST_SHOWN_AXES = 4


def as_array(value: Any) -> np.ndarray[Any, Any] | None:
    """Give a tensor, array, number or nested list of numbers as a numpy array; None where it is none of these."""
    value = local_value(value)
    if hasattr(value, "detach") and hasattr(value, "resolve_conj"):
        plain = value.detach().cpu().resolve_conj().resolve_neg()
        # numpy has no bfloat16; float32 holds every bfloat16 exactly.
        array: np.ndarray[Any, Any] = (plain.float() if str(plain.dtype) == "torch.bfloat16" else plain).numpy()
        return array if isinstance(array, np.ndarray) else None  # an object of a student's may call itself a tensor
    if isinstance(value, (bool, int, float, complex, np.ndarray, np.generic)):
        array = np.asarray(value)
    elif isinstance(value, (list, tuple)):
        try:
            array = _joined([as_array(item) for item in value])
        except (ValueError, TypeError):
            return None
    else:
        return None
    return array if array.dtype.kind in "biufc" else None


def _joined(items: list[Any]) -> np.ndarray[Any, Any]:
    """One array of several; raises ValueError where they do not fit together."""
    if len({getattr(item, "shape", None) for item in items}) > 1:
        raise ValueError("parts of different shapes")
    if items and items[0] is not None and len(items) * items[0].size > _MOST_JOINED:
        # A student's: one complex number among gigabytes of bytes would make all of it complex.
        raise ValueError("too many numbers in a list")
    return np.asarray(items)


def is_numeric(value: Any) -> bool:
    """Whether a list or tuple holds plain numbers only."""
    return all(isinstance(item, (bool, int, float)) for item in value)


def tolerance(got: Any, right: Any, rtol: float | None, atol: float | None) -> tuple[float, float]:
    """The tolerances asked for; where none is, those of the coarser floating dtype."""
    sizes = [
        array.dtype.itemsize // (2 if array.dtype.kind == "c" else 1)
        for array in (got, right)
        if array.dtype.kind in "fc"
    ]
    default = _TOLERANCE[min(max(min(sizes, default=8), 2), 8)]
    return default[0] if rtol is None else rtol, default[1] if atol is None else atol


def mismatch(got: Any, right: Any, rtol: float, atol: float) -> Any:
    """Where the two differ. NaN equals NaN, and an infinity its like: the author expects them on purpose."""
    wide = np.complex128 if "c" in (got.dtype.kind, right.dtype.kind) else np.float64
    # A long double may overflow in the cast, and inf - inf is no number: neither is news.
    with np.errstate(all="ignore"):
        return ~np.isclose(got.astype(wide), right.astype(wide), rtol=rtol, atol=atol, equal_nan=True)


def difference(actual: Any, value: Any, rtol: float | None, atol: float | None) -> tuple[bool, float]:
    """Whether two values are equal within tolerance, and the root mean square of their difference.

    Lists, tuples and dicts are compared part by part. What cannot be compared is unequal and infinitely far.
    """
    if isinstance(value, Mapping):
        if not isinstance(actual, Mapping) or not set(value) <= set(actual):
            return False, float("inf")
        named = [difference(actual[key], part, rtol, atol) for key, part in value.items()]
        return all(part[0] for part in named), float(sum(part[1] for part in named))
    got, other = as_array(actual), as_array(value)
    if got is None or other is None:
        if not (isinstance(actual, (list, tuple)) and isinstance(value, (list, tuple)) and len(actual) == len(value)):
            return False, float("inf")
        parts = [difference(a, b, rtol, atol) for a, b in zip(actual, value, strict=True)]
        return all(part[0] for part in parts), float(sum(part[1] for part in parts))
    if got.shape != other.shape:
        return False, float("inf")
    rtol, atol = tolerance(got, other, rtol, atol)
    wide = np.complex128 if "c" in (got.dtype.kind, other.dtype.kind) else np.float64
    with np.errstate(all="ignore"):
        away = rms(got.astype(wide) - other.astype(wide))
        return not mismatch(got, other, rtol, atol).any(), away


def noun(right: Any) -> str:
    """What an expected array is, in words."""
    return "a number" if right.ndim == 0 else f"an array of shape {right.shape}"


def describe(value: Any) -> str:
    """What a student's value is that is no array, in words."""
    if value is None:
        return "None (does the function return anything?)"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {len(value)}"
    name = getattr(value, "type_name", type(value).__name__)
    return f"a {str(name)[:80]}"


def show(array: Any) -> str:
    """An array for staff, cut to a screen."""
    if array.ndim > _MOST_SHOWN_AXES:
        array = array.reshape(-1)  # numpy shows six entries of each axis: 6**16 of an array of sixteen
    with np.errstate(all="ignore"):
        return np.array2string(array, threshold=60, precision=6, edgeitems=3)[:1500]
