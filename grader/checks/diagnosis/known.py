"""Mistakes that the author of a check knows: values that wrong formulas give, by what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

#: What a mistake is called, and what it gives: a value, or a function of no arguments that makes it when it is needed.
Mistakes = Mapping[str, Any]

#: Of more mistakes that all give the same, none is reported: they say nothing.
_MOST = 3

#: How much nearer than to what is right a value must be to what a mistake gives.
_NEARER = 0.05


def name_known(
    mistakes: Mistakes,
    equals: Callable[[Any], bool],
    distance: Callable[[Any], float],
    right: Any,
) -> tuple[str | None, str]:
    """Find the mistakes whose value came.

    Args:
        mistakes: what the author gave.
        equals: whether what came equals a value, within the tolerance of the comparison.
        distance: how far what came is from a value; infinite where the two cannot be compared.
        right: what is right.

    Returns:
        A sentence that continues "NAME ...", None where no mistake fits; and notes for staff on mistakes that could
        not be computed. Two or three mistakes that give the same are all reported, since nothing tells which it was; of more, none is.
    """
    fitting: list[str] = []
    notes: list[str] = []
    away = distance(right)
    for words, given in mistakes.items():
        try:
            value = given() if callable(given) else given
            # A mistake that changes nothing here, or hardly anything, explains nothing.
            if equals(value) and distance(value) <= _NEARER * away:
                fitting.append(words.strip().rstrip("."))
        except Exception as error:  # noqa: BLE001 - the student's answer is wrong whatever the author's formula does
            notes.append(f"the mistake {words!r} could not be computed: {type(error).__name__}: {str(error)[:200]}")
    if not fitting or len(fitting) > _MOST:
        return None, "\n".join(notes)
    return f"matches what you get with {', or with '.join(fitting)}.", "\n".join(notes)


def rms(difference: np.ndarray[Any, Any]) -> float:
    """Root mean square of a difference; infinite where it is not finite."""
    size = float(np.sqrt(np.mean(np.square(np.abs(difference))))) if difference.size else 0.0
    return size if np.isfinite(size) else float("inf")
