"""What the fixture ``constants`` gives: the values of whoever is graded, and comparisons that tell whose an answer is.

A run depends on values alone: on the student's own, and on those of the others, without a name. Whom they belong to is known
where the store is (grader/grading/agreements.py).
"""

from __future__ import annotations

import contextlib
import difflib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from grader.course.drawn_constants import defaults_of
from grader.course.sections import Scalar
from grader.errors import AuthoringError
from grader.records import MAX_AGREEING, Agreement, Constants
from grader.remote_values import local_value
from grader.sandbox.faults import clean_text

if TYPE_CHECKING:
    from grader.course import Assignment
    from grader.engine.outcomes import CaseState

#: Seconds of processor time that the suite may spend on what others' constants would give, for one comparison.
_SEARCH_S = 2.0


@dataclass(frozen=True, slots=True)
class Draws:
    """Constants by name: ``values`` are those of whoever is graded, ``others`` each different draw of the class."""

    values: Mapping[str, Scalar] = field(default_factory=lambda: MappingProxyType({}))
    others: Sequence[Mapping[str, Scalar]] = ()

    def seed_parts(self) -> tuple[str, ...]:
        """What of them a seed depends on; nothing where there are none."""
        return (json.dumps(dict(self.values), sort_keys=True),) if self.values else ()


class OwnConstants(Mapping[str, Scalar]):
    """Constants as values: ``constants.hidden_size``, or ``constants["hidden_size"]``.

    Raises:
        AuthoringError: there is no constant of that name.
    """

    def __init__(self, assignment: str, values: Mapping[str, Scalar]) -> None:
        self._assignment = assignment
        self._values = values
        #: The names that were asked for.
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Scalar:
        if name not in self._values:
            near = difflib.get_close_matches(name, self._values, n=1)
            have = (
                f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(self._values) or 'there are none'}"
            )
            raise AuthoringError(
                f"there is no constant {name!r}",
                where=f"autograde.yml: assignments.{self._assignment}.constants",
                fix=f"{have}; or add it there",
            )
        self.asked.add(name)
        return self._values[name]

    # Any: what type a constant has is said in autograde.yml.
    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class CheckedConstants(OwnConstants):
    """The student's own constants, and what compares an answer with what they give."""

    def __init__(
        self, assignment: str, draws: Draws, defaults: Mapping[str, Scalar], case: CaseState, check: str = ""
    ) -> None:
        super().__init__(assignment, draws.values)
        self._defaults, self._others = defaults, draws.others
        self._case, self._check = case, check

    def assert_own(self, **found: Any) -> None:
        """Check that values which a submission shows are the student's own: ``assert_own(hidden_size=net.hidden)``.

        Numbers may be tensors or arrays of one entry; real ones are compared to a relative 1e-6, which float32 keeps.

        Raises:
            CheckFailed: one is another; the message says which value was expected, and staff read of one that is another's.
            AuthoringError: there is no constant of that name.
        """
        __tracebackhide__ = True
        from grader.checks.close import CheckFailed

        wrong = {name: value for name, value in found.items() if not _agrees(value, self[name])}
        if not wrong:
            return
        self._note([draw for draw in self._distinct(wrong) if all(_agrees(wrong[name], draw[name]) for name in wrong)])
        raise CheckFailed(" ".join(self._words(name, value) for name, value in wrong.items()))

    def assert_close(self, actual: Any, expected: Callable[[OwnConstants], Any], **options: Any) -> None:
        """``grader.checks.assert_close`` against what the student's own constants give: ``expected(constants)``.

        Where that fails, ``expected`` is called with the constants of the others as well, for at most two seconds, so that
        staff can be told of an answer that is right for somebody else. ``options`` are those of ``assert_close``.

        Raises:
            CheckFailed: they differ; the message says with which constants the answer was compared.
        """
        __tracebackhide__ = True
        from grader.checks.close import CheckFailed, assert_close

        own = OwnConstants(self._assignment, self._values)
        right = expected(own)
        try:
            assert_close(actual, right, **options)
        except CheckFailed as failed:
            names = [name for name in self._values if name in own.asked]
            again = (
                f" It was compared with what your own constants give: {_listed({n: self._values[n] for n in names})}."
            )
            if names and self._gives(expected, self._defaults, actual, options):
                again += " It matches what the values give that everybody starts with: put in your own."
            elif names:
                self._note(list(self._search(expected, names, actual, options)))
            raise CheckFailed(f"{failed.message}{again if names else ''}", failed.staff, failed.where) from None

    # -- whose an answer is ------------------------------------------------------------------------------------------

    def _distinct(self, names: Mapping[str, Any] | Sequence[str]) -> list[Constants]:
        """What others have of these constants, each once, without the student's own and the defaults."""
        found: dict[str, Constants] = {}
        for other in self._others:
            draw = {name: other[name] for name in names if name in other}
            found.setdefault(json.dumps(draw, sort_keys=True), draw)
        for known in (self._values, self._defaults):
            found.pop(json.dumps({name: known[name] for name in names if name in known}, sort_keys=True), None)
        return [draw for draw in found.values() if len(draw) == len(names)]

    def _search(
        self, expected: Callable[[OwnConstants], Any], names: Sequence[str], actual: Any, options: Mapping[str, Any]
    ) -> Iterator[Constants]:
        begin, found = time.process_time(), 0
        for draw in self._distinct(names):
            if found == MAX_AGREEING or time.process_time() - begin > _SEARCH_S:
                return
            if self._gives(expected, {**self._values, **draw}, actual, options):
                found += 1
                yield draw

    def _gives(
        self,
        expected: Callable[[OwnConstants], Any],
        values: Mapping[str, Scalar],
        actual: Any,
        options: Mapping[str, Any],
    ) -> bool:
        """Whether ``actual`` is right for other constants; what cannot be computed for them is not."""
        from grader.checks.close import assert_close, without_diagnosis

        plain = {name: value for name, value in options.items() if name in ("rtol", "atol")}
        with contextlib.suppress(Exception), without_diagnosis():
            assert_close(actual, expected(OwnConstants(self._assignment, values)), **plain)
            return True
        return False

    def _note(self, draws: Sequence[Constants]) -> None:
        if draws:
            self._case.agreements.append(Agreement(check=self._check, values=tuple(draws[:MAX_AGREEING])))

    def _words(self, name: str, value: Any) -> str:
        own = self._values[name]
        given = _plain(value)
        shown = clean_text(repr(given), 60) if given is not None else f"a {clean_text(type(value).__name__, 60)}"
        text = f"`{name}` should be {own!r}, your own value of this constant; here it is {shown}."
        default = self._defaults.get(name)
        if default is not None and _agrees(value, default) and not _agrees(value, own):
            text += " That is the value that everybody starts with: put in your own."
        return text


def checked_constants(assignment: Assignment, draws: Draws, case: CaseState, check: str) -> CheckedConstants:
    """What the fixture gives in one case of a check.

    Raises:
        AuthoringError: the assignment has no constants.
    """
    if not assignment.constants:
        raise AuthoringError(
            "the suite asks for constants and the assignment has none",
            where=f"autograde.yml: assignments.{assignment.name}.constants",
            fix="add `NAME: {choices: [24, 28, 32], default: 16}` there",
        )
    return CheckedConstants(assignment.name, draws, defaults_of(assignment), case, check)


def _listed(values: Mapping[str, Scalar]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in values.items())


def _plain(value: Any) -> Scalar | None:
    """A plain value, or that of an array of one entry; None where it is neither. Nothing is asked of the worker."""
    from grader.checks.arrays import as_array

    if isinstance(value, bool | int | float | str):
        return value
    array = as_array(local_value(value))
    single = array.item() if array is not None and array.size == 1 else None
    return single if isinstance(single, bool | int | float | str) else None


def _agrees(value: Any, constant: Scalar) -> bool:
    """Whether a value that came out of a worker is a constant. Whatever it is, nothing is raised."""
    given = _plain(value)
    if given is None or isinstance(given, str) != isinstance(constant, str):
        return False
    if isinstance(given, bool) != isinstance(constant, bool):
        return False
    if isinstance(given, float) and not math.isfinite(given):
        return False
    if isinstance(given, str) or isinstance(constant, str) or not isinstance(constant, float):
        return given == constant
    with contextlib.suppress(OverflowError):  # a whole number of a thousand digits is no float
        return math.isclose(float(given), constant, rel_tol=1e-6)
    return False
