"""Diagnosis: given what came and what is right, name the mistake that turns one into the other.

Each hypothesis is a function in a module of this package that makes claims: values that one mistake would have given,
with a sentence for it. Ranks come one after the other, the simplest first, and the first rank in which a claim convinces
is told. A claim convinces where it explains *every* entry within tolerance, and where unrelated values would fit any of
the claims tried so far with a chance below 1 in 4096 (:mod:`grader.checks.diagnosis.evidence` weighs them). If two claims
of a rank convince, both are told, since nothing tells which it was; if more do, none is. Where no mistake can be named,
:mod:`~grader.checks.diagnosis.location` and :mod:`~grader.checks.diagnosis.observations` say what is plain to see.

Sentences continue "NAME ...", in terms of shapes, axes, factors and the names of the inputs, and give no expected value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from grader.checks.diagnosis import (
    arrangement,
    axes,
    finiteness,
    functions,
    location,
    made_of,
    observations,
    rounding,
    scale,
    shapes,
)
from grader.checks.diagnosis.case import Case, Claim
from grader.checks.diagnosis.evidence import ENOUGH, weigh
from grader.checks.diagnosis.known import Mistakes, name_known

__all__ = ["RANKS", "Case", "Claim", "Hypothesis", "Mistakes", "diagnose", "name_known"]

Hypothesis = Callable[[Case], Iterator[Claim]]

#: From the simplest to those that fit numbers to what came. A large result is only held against the first two.
RANKS: tuple[tuple[Hypothesis, ...], ...] = (
    (scale.sign, scale.plain_factor),
    (made_of.earlier, scale.size_factor),
    (scale.by_one,),
    (arrangement.transposed, arrangement.flipped, arrangement.shifted, arrangement.swapped_pairs),
    (arrangement.reshaped,),
    (functions.through, axes.sums_to_one, axes.standardised),
    (functions.missing, functions.softmax_twice),
    (scale.number_factor, scale.ranges, rounding.coarse),
    (made_of.unchanged, made_of.reduced, made_of.term, made_of.multiplied, made_of.swapped_weights),
    (made_of.zero_pattern, arrangement.pieces),
    (made_of.multiple, scale.factor, scale.offset),
    (axes.factor_by_axis, axes.offset_by_axis),
    (scale.scaled_and_shifted, arrangement.slices_permuted),
    (arrangement.entries_permuted,),
)
_FOR_LARGE = 2
#: What is asked of a part that alone is wrong.
_FOR_PARTS = (*RANKS[0], scale.by_one, scale.factor, scale.offset)


def diagnose(
    actual: np.ndarray[Any, Any],
    expected: np.ndarray[Any, Any],
    *,
    inputs: Mapping[str, Any] | None = None,
    earlier: Mapping[str, Any] | None = None,
    rtol: float = 1e-4,
    atol: float = 1e-5,
) -> str | None:
    """Name the mistake, as a sentence that continues "NAME ..."; None where nothing can be said.

    Args:
        actual: what came; any shape and dtype.
        expected: what is right.
        inputs: arrays (and numbers, as arrays without axes) that went in, by name; None values are left out.
        earlier: what earlier calls gave, by words that continue "the result of ...".
        rtol: relative tolerance of the comparison that failed.
        atol: its absolute tolerance, in the unit of ``expected``.
    """
    given = {key: value for key, value in (inputs or {}).items() if value is not None}
    before = {key: value for key, value in (earlier or {}).items() if value is not None}
    case = Case(actual, expected, given, rtol, atol, before)
    with np.errstate(all="ignore"):
        if sentence := shapes.explain(case) or finiteness.explain(case):
            return sentence
        if not case.comparable:
            return None
        return _named(case) or _placed(case) or (None if case.large else observations.observe(case))


def _named(case: Case) -> str | None:
    """What the ranks say, the first that convinces."""
    tried = 0
    for rank in RANKS[: _FOR_LARGE if case.large else None]:
        convincing: list[str] = []
        for hypothesis in rank:
            for claim in hypothesis(case):
                tried += 1
                if weigh(case, claim, tried, common=rank is RANKS[0]) >= ENOUGH:
                    convincing.append(claim.sentence)
        if convincing:
            return _both(tuple(dict.fromkeys(convincing)))
    return None


def _both(sentences: tuple[str, ...]) -> str | None:
    if len(sentences) > 2:
        return None
    return " Or it ".join(sentences)


def _placed(case: Case) -> str | None:
    """Where it is wrong, and what is wrong with that part if it can be named."""
    if case.large or (found := location.part(case)) is None:
        return None
    words, index = found
    inside = replace(case, actual=case.actual[index], expected=case.expected[index], inputs={}, earlier={})
    for tried, claim in enumerate((claim for hypothesis in _FOR_PARTS for claim in hypothesis(inside)), start=1):
        if weigh(inside, claim, tried) >= ENOUGH:
            return f"{words}. That part {claim.sentence}"
    return f"{words}."
