"""A constant of each student's own, as autograde.yml describes it, and the draw of an index by HMAC."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
from collections.abc import Mapping

from pydantic import Field

from grader.course.sections import Id, Name, Scalar, Section

#: Bits of one draw: far more than there are values, so that a draw is hardly ever made again.
_BITS = 128
_DIGEST = re.compile(r"sha256-[0-9a-f]{32}")


class ConstantConfig(Section):
    """One constant: what it may be, what the solution and the public bundle have, and where students write it."""

    choices: tuple[Scalar, ...] | None = Field(default=None, description="the values; all of one type")
    range: tuple[int, int] | None = Field(
        default=None, description="in place of `choices`: the least and the greatest whole number"
    )
    default: Scalar = Field(
        description="value in the solution and the public bundle; choose one outside the values, so that it shows where it was left in"
    )
    about: Name | None = Field(default=None, description="what it is, for students")
    file: Name | None = Field(default=None, description="the module in which students write it, as `VARIABLE = value`")
    variable: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="its variable there; the constant's name in capitals by default",
    )
    given: dict[Id, Scalar] = Field(
        default_factory=dict,
        description="a value in place of the drawn one, by student or team: after an id was renamed, say",
    )

    @property
    def count(self) -> int:
        """How many values there are."""
        return len(self.choices) if self.choices is not None else self.range[1] - self.range[0] + 1 if self.range else 0

    def value(self, index: int) -> Scalar:
        """The value of that index, 0 to ``count - 1``."""
        if self.choices is not None:
            return self.choices[index]
        assert self.range is not None
        return self.range[0] + index

    def allows(self, value: Scalar) -> bool:
        """Whether it is one of the values."""
        if self.choices is not None:
            return any(same(value, choice) for choice in self.choices)
        if self.range is None or not isinstance(value, int) or isinstance(value, bool):
            return False
        return self.range[0] <= value <= self.range[1]


def anonymous(given: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Given values by a digest of the id: what a grader version covers, and a machine that grades may hold."""
    return {
        owner if _DIGEST.fullmatch(owner) else f"sha256-{hashlib.sha256(owner.encode()).hexdigest()[:32]}": given[owner]
        for owner in sorted(given)
    }


def same(one: Scalar, other: Scalar) -> bool:
    """Whether two values are the same and of one type: to Python, True is 1 and 1 is 1.0."""
    return type(one) is type(other) and one == other


def draw_index(secret: bytes, assignment: str, owner: str, name: str, count: int) -> int:
    """An index from 0 to ``count - 1``, each as likely: an HMAC of the course's ``secret``, what is left over drawn again."""
    fair = (1 << _BITS) - (1 << _BITS) % count
    for turn in itertools.count():
        purpose = json.dumps(["constant", assignment, owner, name, turn]).encode()
        drawn = int.from_bytes(hmac.digest(secret, purpose, hashlib.sha256)[: _BITS // 8], "big")
        if drawn < fair:
            return drawn % count
    raise AssertionError("unreachable")
