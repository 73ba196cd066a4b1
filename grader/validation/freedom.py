"""What an author leaves to students: functions of the solution in which a surviving mutant is no hole in the grader.

A network within a bound on its parameters may have any kernel size, any width and any bias. Each mutant that changes one is as right
as the solution. One entry says so for all of them, and names the checks that hold the bounds::

    freedom:
      - in: [TinyCNN.__init__]
        why: any network of at most 50,000 parameters
        held_by: [test_parameters]
        operators: [number]         # left out: whatever a mutant changes there

A freedom is not taken on trust: each check under ``held_by`` must be expected by a wrong variant, which shows the bounds.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from grader.course import Assignment
from grader.course.validation_errors import explain
from grader.course.yaml_lines import Marked
from grader.errors import AuthoringError
from grader.validation.mutation import Mutant
from grader.validation.variant_files import Reading
from grader.validation.variants import Variant


class Freedom(BaseModel):
    """Functions in which students may do otherwise, why, and the checks that hold the bounds. ``where`` is file and line."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    functions: tuple[str, ...] = Field(alias="in", min_length=1)
    why: str = Field(min_length=1)
    held_by: tuple[str, ...] = Field(min_length=1)
    file: str | None = None
    operators: tuple[str, ...] = ()
    where: str = ""

    @field_validator("functions", "held_by", "operators", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else (value,) if isinstance(value, str) else value

    def has(self, mutant: Mutant) -> bool:
        """Whether a mutant is within it; a function has the functions and methods inside it."""
        inside = any(mutant.function == name or mutant.function.startswith(f"{name}.") for name in self.functions)
        fits = not self.operators or mutant.operator in self.operators
        return inside and fits and self.file in (None, mutant.file)


def read_freedoms(assignment: Assignment, checks: Collection[str]) -> tuple[Freedom, ...]:
    """The freedoms under the key ``freedom`` of variants.yml and variants/NAME.yml.

    Raises:
        AuthoringError: an entry is wrong, or names a check that the hidden suite does not have.
    """
    reading = Reading(assignment, checks)
    found: list[Freedom] = []
    for marked, module in reading.files:
        raw = marked.data.get("freedom") if isinstance(marked.data, dict) else None
        if raw is None:
            continue
        if not isinstance(raw, list):
            marked.add(("freedom",), "should be a list", "begin each entry with `- in: [FUNCTION]`")
        for number, entry in enumerate(raw if isinstance(raw, list) else ()):
            freedom = _freedom(entry, number, marked, module)
            if freedom is not None:
                found.append(freedom.model_copy(update={"held_by": _expanded(freedom, number, marked, reading)}))
        marked.raise_problems(AuthoringError)
    return tuple(found)


def _freedom(entry: object, number: int, marked: Marked, module: str | None) -> Freedom | None:
    key = ("freedom", number)
    marked.labels[key] = f"freedom number {number + 1}"
    if not isinstance(entry, dict):
        marked.add(key, "should be a mapping", "write `- in: [FUNCTION]`, with `why` and `held_by` below it")
        return None
    data = {**({"file": module} if module else {}), **entry, "where": f"{marked.path}:{marked.line(key)}"}
    try:
        return Freedom.model_validate(data)
    except ValidationError as error:
        explain(error, marked, root=Freedom, at=key, data=data)
        return None


def _expanded(freedom: Freedom, number: int, marked: Marked, reading: Reading) -> tuple[str, ...]:
    """The checks under ``held_by``, groups of checks taken apart."""
    names: dict[str, None] = {}
    for name in freedom.held_by:
        members = reading.members(name)
        if members is None:
            known = (*(reading.checks or ()), *reading.groups)
            near = difflib.get_close_matches(name, known, n=1)
            fix = f"did you mean `{near[0]}`?" if near else f"use one of: {', '.join(known)}"
            marked.add(("freedom", number, "held_by"), f"there is no check or group {name!r}", fix)
        names |= dict.fromkeys(members or ())
    return tuple(names)


def free_mutants(freedoms: Sequence[Freedom], mutants: Sequence[Mutant]) -> dict[str, str]:
    """Why a mutant is free to survive, by the mutant's id."""
    return {mutant.id: freedom.why for freedom in freedoms for mutant in mutants if freedom.has(mutant)}


def unfounded(freedoms: Sequence[Freedom], mutants: Sequence[Mutant], variants: Sequence[Variant]) -> tuple[str, ...]:
    """What is wrong with freedoms: no mutant is in one, or no wrong variant shows that a check holds its bounds."""
    told = []
    shown = {check for variant in variants if variant.kind == "wrong" for check in variant.expect}
    for freedom in freedoms:
        which = f"the freedom of {', '.join(freedom.functions)} ({freedom.where})"
        if not any(freedom.has(mutant) for mutant in mutants):
            told.append(f"{which}: no mutant is within it")
        told += [
            f"{which}: no wrong variant shows that {check} holds its bounds"
            for check in freedom.held_by
            if check not in shown
        ]
    return tuple(told)
