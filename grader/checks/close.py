"""``assert_close``: compare what a student's code gave with what is right, and say what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from grader.checks.diagnosis import diagnose

#: (rtol, atol) by the coarser of the two dtypes: round-off of a few hundred operations, far below any mistake.
_TOLERANCE = {2: (1e-2, 1e-3), 4: (1e-4, 1e-5), 8: (1e-7, 1e-9)}

#: How many numbers a list may hold in all to be compared as one array.
_MOST_JOINED = 10_000_000


class CheckFailed(AssertionError):
    """A comparison failed. ``message`` is for the student, ``staff`` may hold expected values."""

    def __init__(self, message: str, staff: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.staff = staff


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    name: str = "the result",
    inputs: Mapping[str, Any] | None = None,
    reveal: bool = False,
) -> None:
    """Check that ``actual`` equals ``expected`` up to round-off: ``|a - e| <= atol + rtol * |e|``, elementwise.

    Both are tensors, arrays, numbers, or nested lists and tuples of them. float32 and float64 may stand for each
    other, numpy and torch as well. Tolerances default by the coarser floating dtype: 1e-4 and 1e-5 for float32,
    1e-7 and 1e-9 for float64.

    Args:
        actual: what the student's code gave, of any type.
        expected: what is right.
        rtol: relative tolerance.
        atol: absolute tolerance, in the unit of ``expected``.
        name: what the student calls the value ("dw").
        inputs: arrays that went in, by name; their sizes help to name a wrong factor.
        reveal: whether the message may show expected values.

    Raises:
        CheckFailed: they differ; the message names the mistake where one fits.
    """
    if isinstance(expected, (list, tuple)) and not _is_numeric(expected):
        _assert_sequence(actual, expected, rtol=rtol, atol=atol, name=name, inputs=inputs, reveal=reveal)
        return
    right = as_array(expected)
    if right is None:  # the author's mistake, so no AssertionError, which would be the student's
        raise TypeError(f"expected value of type {type(expected).__name__} is no array")
    got = as_array(actual)
    if got is None:
        raise CheckFailed(f"{name} should be {_noun(right)}; it is {_describe(actual)}.")
    rtol, atol = _tolerance(got, right, rtol, atol)
    if got.shape == right.shape and not _mismatch(got, right, rtol, atol).any():
        return
    found = diagnose(
        got, right, inputs={key: as_array(value) for key, value in (inputs or {}).items()}, rtol=rtol, atol=atol
    )
    message = f"{name} {found}" if found else _plain(name, got, right, rtol, atol)
    staff = f"{name}: got\n{_show(got)}\nexpected\n{_show(right)}\nrtol={rtol:g} atol={atol:g}"
    raise CheckFailed(f"{message}\nexpected:\n{_show(right)}" if reveal else message, staff)


def as_array(value: Any) -> np.ndarray[Any, Any] | None:
    """Give a tensor, array, number or nested list of numbers as a numpy array; None where it is none of these."""
    value = getattr(value, "value", value) if type(value).__name__ == "RemoteTensor" else value
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


def _is_numeric(value: Any) -> bool:
    return all(isinstance(item, (bool, int, float)) for item in value)


def _assert_sequence(actual: Any, expected: Any, *, name: str, **options: Any) -> None:
    if not isinstance(actual, (list, tuple)) or len(actual) != len(expected):
        raise CheckFailed(f"{name} should have {len(expected)} parts; it is {_describe(actual)}.")
    for index, (got, right) in enumerate(zip(actual, expected, strict=True)):
        assert_close(got, right, name=f"{name}[{index}]", **options)


def _tolerance(got: Any, right: Any, rtol: float | None, atol: float | None) -> tuple[float, float]:
    sizes = [
        array.dtype.itemsize // (2 if array.dtype.kind == "c" else 1)
        for array in (got, right)
        if array.dtype.kind in "fc"
    ]
    default = _TOLERANCE[min(max(min(sizes, default=8), 2), 8)]
    return default[0] if rtol is None else rtol, default[1] if atol is None else atol


def _mismatch(got: Any, right: Any, rtol: float, atol: float) -> Any:
    """Where the two differ. NaN equals NaN, and an infinity its like: the author expects them on purpose."""
    wide = np.complex128 if "c" in (got.dtype.kind, right.dtype.kind) else np.float64
    return ~np.isclose(got.astype(wide), right.astype(wide), rtol=rtol, atol=atol, equal_nan=True)


def _plain(name: str, got: Any, right: Any, rtol: float, atol: float) -> str:
    wrong = _mismatch(got, right, rtol, atol)
    count, total = int(wrong.sum()), wrong.size
    if total == 1:
        return f"{name} is wrong."
    where = ", ".join(str(int(k)) for k in np.argwhere(wrong)[0])
    which = "every entry" if count == total else f"{count} of {total} entries"
    return f"{name} has the right shape {right.shape}, but {which} {'is' if count in (1, total) else 'are'} wrong (first at [{where}])."


def _noun(right: Any) -> str:
    return "a number" if right.ndim == 0 else f"an array of shape {right.shape}"


def _describe(value: Any) -> str:
    if value is None:
        return "None (does the function return anything?)"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {len(value)}"
    name = getattr(value, "type_name", type(value).__name__)
    return f"a {str(name)[:80]}"


def _show(array: Any) -> str:
    return np.array2string(array, threshold=60, precision=6, edgeitems=3)[:1500]
