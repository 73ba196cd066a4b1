"""``assert_close``: compare what a student's code gave with what is right, and say what is wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.checks.arrays import as_array, describe, difference, is_numeric, mismatch, noun, show, tolerance
from grader.checks.diagnosis import Mistakes, diagnose, name_known
from grader.checks.wrong_map import WrongMap, wrong_map
from grader.text import agreeing, counted, plural

_explaining: ContextVar[bool] = ContextVar("explaining", default=True)


@contextlib.contextmanager
def without_diagnosis() -> Iterator[None]:
    """Inside, comparisons that fail say that they failed, and do not look for the reason."""
    token = _explaining.set(False)
    try:
        yield
    finally:
        _explaining.reset(token)


class CheckFailed(AssertionError):
    """A comparison failed. ``message`` is for the student, ``staff`` may hold expected values, ``where`` is wrong."""

    def __init__(self, message: str, staff: str = "", where: WrongMap | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.staff = staff
        self.where = where


# pytest's summary line has room for little: not for the path of a module of ours.
CheckFailed.__module__ = "builtins"


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    dtype: Any = None,
    name: str = "the result",
    inputs: Mapping[str, Any] | None = None,
    earlier: Mapping[str, Any] | None = None,
    mistakes: Mistakes | None = None,
    reveal: bool = False,
) -> None:
    """Check that ``actual`` equals ``expected`` up to round-off: ``|a - e| <= atol + rtol * |e|``, elementwise.

    Both are tensors, arrays, numbers, or nested lists, tuples and dicts of them. float32 and float64 may stand for each
    other, numpy and torch as well. Dicts are compared by their keys, gradients by parameter, say: the message tells which
    are right and which are wrong, and whether all the wrong ones are wrong in the same way. Tolerances default by the coarser floating dtype: 1e-4 and 1e-5 for float32,
    1e-7 and 1e-9 for float64.

    Args:
        actual: what the student's code gave, of any type.
        expected: what is right.
        rtol: relative tolerance.
        atol: absolute tolerance, in the unit of ``expected``.
        dtype: the dtype that it must have as well (``torch.float32``, ``"int64"``); by default any will do.
        name: what the student calls the value ("dw").
        inputs: arrays and numbers that went in, by the student's names for them; they help to name a wrong factor, a
            term that is missing, an argument that came back unchanged.
        earlier: what was right for earlier calls, by words for them ("the first call"); tells state that is kept, and
            gradients that are added up.
        mistakes: values that wrong formulas give, by what is wrong with them, in words that continue "dw matches
            what you get with ...": ``{"the loss summed, not averaged": lambda: n * expected}``. A function is called
            only where the comparison fails. The first thing that is tried.
        reveal: whether the message may show expected values.

    Raises:
        CheckFailed: they differ; the message names the mistake where one fits.
    """
    __tracebackhide__ = True  # pytest shows the line of the test, and the message; not 40 lines of ours
    compare = _comparison(expected)
    context = _Context(rtol, atol, inputs or {}, earlier or {}, reveal)
    try:
        compare(actual, expected, name, context)
    except CheckFailed as failed:
        if not mistakes or not _explaining.get():
            raise
        with np.errstate(all="ignore"):
            sentence, notes = name_known(
                mistakes,
                lambda value: difference(actual, value, rtol, atol)[0],
                lambda value: difference(actual, value, rtol, atol)[1],
                expected,
            )
        shown = f"\nexpected:\n{_show_right(expected)}" if reveal else ""
        message = f"{agreeing(name, sentence)}{shown}" if sentence else failed.message
        raise CheckFailed(message, "\n".join(filter(None, (failed.staff, notes))), failed.where) from None
    if dtype is not None:
        _assert_dtype(actual, dtype, name)


@dataclass(frozen=True, slots=True)
class _Context:
    rtol: float | None
    atol: float | None
    inputs: Mapping[str, Any]
    earlier: Mapping[str, Any]
    reveal: bool


def _compare(actual: Any, expected: Any, name: str, context: _Context) -> None:
    __tracebackhide__ = True
    right = as_array(expected)
    if right is None:  # the author's mistake, so no AssertionError, which would be the student's
        raise TypeError(f"expected value of type {type(expected).__name__} is not an array")
    got = as_array(actual)
    if got is None:
        raise CheckFailed(f"{name} should be {noun(right)}; it is {describe(actual)}.")
    rtol, atol = tolerance(got, right, context.rtol, context.atol)
    if got.shape == right.shape and not mismatch(got, right, rtol, atol).any():
        return
    if not _explaining.get():
        raise CheckFailed(agreeing(name, "is not right."))
    found = diagnose(
        got,
        right,
        inputs={key: as_array(value) for key, value in context.inputs.items()},
        earlier={key: as_array(value) for key, value in context.earlier.items()},
        rtol=rtol,
        atol=atol,
    )
    message = agreeing(name, found or _plain(got, right, rtol, atol))
    staff = f"{name}: got\n{show(got)}\nexpected\n{show(right)}\nrtol={rtol:g} atol={atol:g}"
    where = wrong_map(name, mismatch(got, right, rtol, atol)) if got.shape == right.shape else None
    raise CheckFailed(f"{message}\nexpected:\n{show(right)}" if context.reveal else message, staff, where)


def _assert_dtype(actual: Any, dtype: Any, name: str) -> None:
    __tracebackhide__ = True
    wanted = getattr(dtype, "__name__", str(dtype)).removeprefix("torch.")
    found = getattr(getattr(actual, "value", actual), "dtype", None)
    have = f"a plain {type(actual).__name__}" if found is None else str(found).removeprefix("torch.")
    if have != wanted:
        own = "they are" if plural(name) else "it is"
        raise CheckFailed(f"{agreeing(name, 'holds the right values')}, but should be of dtype {wanted}; {own} {have}.")


def _compare_parts(actual: Any, expected: Any, name: str, context: _Context) -> None:
    __tracebackhide__ = True
    if not isinstance(actual, (list, tuple)) or len(actual) != len(expected):
        raise CheckFailed(f"{name} should have {counted(len(expected), 'part')}; it is {describe(actual)}.")
    for index, (got, right) in enumerate(zip(actual, expected, strict=True)):
        _comparison(right)(got, right, f"{name}[{index}]", context)


def _compare_named(actual: Any, expected: Any, name: str, context: _Context) -> None:
    __tracebackhide__ = True
    if not isinstance(actual, Mapping):
        raise CheckFailed(f"{name} should have the entries {_listed(expected)}; it is {describe(actual)}.")
    lacking = [key for key in expected if key not in actual]
    if lacking:
        raise CheckFailed(f"{name} lacks {_listed(lacking)}; it has {_listed(list(actual)[:12]) or 'nothing'}.")
    failed: dict[str, CheckFailed] = {}
    for key, right in expected.items():
        try:
            _comparison(right)(actual[key], right, f'{name}["{key}"]', context)
        except CheckFailed as failure:
            failed[key] = failure
    if not failed:
        return
    first = next(iter(failed.values()))
    staff = "\n".join(failure.staff for failure in failed.values())[:6000]
    alike = {failure.message.removeprefix(f'{name}["{key}"] ') for key, failure in failed.items()}
    if len(failed) > 1 and len(alike) == 1 and not context.reveal:
        which = "Each of" if len(failed) == len(expected) else "Each of these in"
        listed = "" if len(failed) == len(expected) else f" ({_listed(failed)}; the rest is right)"
        raise CheckFailed(f"{which} {name}{listed} {alike.pop()}", staff, first.where)
    others = [key for key in failed if failed[key] is not first]
    right_ones = [key for key in expected if key not in failed]
    rest = [f"{_listed(others)} {'is' if len(others) == 1 else 'are'} wrong as well"] if others else []
    rest += [f"{_listed(right_ones)} {'is' if len(right_ones) == 1 else 'are'} right"] if right_ones else []
    raise CheckFailed(f"{first.message} ({', '.join(rest)})" if rest else first.message, staff, first.where)


def _comparison(expected: Any) -> Callable[[Any, Any, str, _Context], None]:
    if isinstance(expected, Mapping):
        return _compare_named
    return _compare_parts if isinstance(expected, (list, tuple)) and not is_numeric(expected) else _compare


def _listed(keys: Iterable[Any]) -> str:
    return ", ".join(repr(key)[:80] for key in keys)


def _plain(got: Any, right: Any, rtol: float, atol: float) -> str:
    wrong = mismatch(got, right, rtol, atol)
    count, total = int(wrong.sum()), wrong.size
    if total == 1:
        return "is wrong."
    where = ", ".join(str(int(k)) for k in np.argwhere(wrong)[0])
    which = "every entry" if count == total else f"{count} of {total} entries"
    return f"has the right shape {right.shape}, but {which} {'is' if count in (1, total) else 'are'} wrong (first at [{where}])."


def _show_right(expected: Any) -> str:
    if isinstance(expected, Mapping):
        return "\n".join(f"{key}: {_show_right(part)}" for key, part in expected.items())
    right = as_array(expected)
    return show(right) if right is not None else "\n".join(_show_right(part) for part in expected)
