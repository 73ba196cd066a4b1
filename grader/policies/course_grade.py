"""The grade of the whole course: the mean of the assignments by weight, without the lowest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Grades closer than this are equal.
_EQUAL = 1e-12


@dataclass(frozen=True, slots=True)
class GradePart:
    """One assignment: ``fraction`` of its points (above 1 with extra points), None where it does not count yet."""

    assignment: str
    fraction: float | None
    weight: float = 1.0
    droppable: bool = True


@dataclass(frozen=True, slots=True)
class CourseGrade:
    """``fraction`` is the grade, None where nothing counts yet; ``dropped`` names what was left out for being lowest.

    ``weight`` is the sum of the weights that count.
    """

    fraction: float | None
    weight: float
    dropped: tuple[str, ...]


def course_grade(parts: Sequence[GradePart], drop_lowest: int = 0) -> CourseGrade:
    """The weighted mean of the parts that count.

    Of those that may be dropped, up to ``drop_lowest`` are: the ones without which the grade is best. Where weights are
    equal these are the lowest. None goes where that would make the grade no better, and one part always stays.

    The best choice is found by iteration on the grade itself (D. Kane and J. Kane, Dropping lowest grades, Mathematics
    Magazine 79(3), 2006): at a grade q, what goes is what has least of weight x (fraction - q).
    """
    counting = [part for part in parts if part.fraction is not None and part.weight > 0]
    if not counting:
        return CourseGrade(None, 0.0, ())
    count = min(drop_lowest, len(counting) - 1)
    kept, grade = counting, _mean(counting)
    while True:
        loses = sorted((_surplus(part, grade), at) for at, part in enumerate(counting) if part.droppable)
        gone = {at for surplus, at in loses[:count] if surplus < 0}
        rest = [part for at, part in enumerate(counting) if at not in gone]
        # Each turn raises the grade, until it cannot be raised any more.
        if (better := _mean(rest)) <= grade + _EQUAL:
            break
        kept, grade = rest, better
    names = {part.assignment for part in kept}
    dropped = tuple(part.assignment for part in counting if part.assignment not in names)
    return CourseGrade(grade, sum(part.weight for part in kept), dropped)


def _surplus(part: GradePart, grade: float) -> float:
    """What a part adds to a grade; negative where it takes something away."""
    return part.weight * ((part.fraction or 0.0) - grade)


def _mean(parts: Sequence[GradePart]) -> float:
    return sum(part.weight * (part.fraction or 0.0) for part in parts) / sum(part.weight for part in parts)
