"""The solution under constants other than the defaults, and one that has somebody else's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.course.drawn_constants import trial_draws, with_constants
from grader.records import CheckResult, Constants, Verdict

if TYPE_CHECKING:
    from grader.course import Assignment


@dataclass(frozen=True, slots=True)
class Trial:
    """A solution with some constants in it, graded under ``constants``. ``wrong``: they are not the same."""

    name: str
    files: Mapping[str, bytes]
    constants: Constants
    wrong: bool = False


def trials(assignment: Assignment, solution: Mapping[str, bytes]) -> Iterator[Trial]:
    """The solution under several draws, and with another's value of each constant that a module holds.

    Raises:
        AuthoringError: a module does not hold its default as it should.
    """
    draws = list(trial_draws(assignment))
    for draw in draws:
        yield Trial(f"solution under {_named(draw)}", with_constants(assignment, solution, draw), draw)
    for name, constant in assignment.constants.items():
        if constant.file is None:
            continue
        own, other = draws[0], {**draws[0], name: draws[1][name]}
        words = f"solution with somebody else's {name} ({other[name]!r}, not {own[name]!r})"
        yield Trial(words, with_constants(assignment, solution, other), own, wrong=True)


def trial_problems(ran: tuple[CheckResult, ...]) -> tuple[str, ...]:
    """What is wrong where another's constant keeps full marks."""
    if any(check.verdict.held for check in ran):
        return tuple(f"{check.id}: {check.verdict.value} ({check.staff[-300:]})" for check in ran if check.verdict.held)
    if all(check.verdict is Verdict.ACCEPTED for check in ran):
        return ("it keeps full marks: no check compares it with the student's own; see the fixture `constants`",)
    return ()


def _named(values: Constants) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in values.items())
