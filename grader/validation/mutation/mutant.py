"""A mutant, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One version of one file with one slip in it.

    ``id`` stays the same when lines are moved about: it is made of the file, the function, the operator and the
    statement before and after. ``line`` counts from 1. ``meaning`` is of the whole file; see :func:`meaning`.
    """

    id: str
    file: str
    function: str
    line: int
    operator: str
    diff: str
    source: str
    meaning: tuple[str, ...]
