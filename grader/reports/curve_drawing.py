"""Where the lines of a training curve go on a page: points for SVG, and the rows of the table behind it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from grader.reports.formatting import DASH

if TYPE_CHECKING:
    from grader.records import Curve, CurveFigure

#: The corners of the chart in its own units, and up to how many points each has a dot.
_LEFT, _RIGHT, _TOP, _BOTTOM = 70.0, 412.0, 15.0, 150.0
_FEW = 24


class Dot(NamedTuple):
    """A point of a curve; ``off`` where its value is beyond the axis."""

    x: float
    y: float
    off: bool


class Row(NamedTuple):
    """A row of the table: a step, and what the two curves have there."""

    at: float
    student: float | None
    reference: float | None


def last_step(figure: CurveFigure) -> int:
    """The number at the right end: that of the longer curve."""
    return max(figure.student.count, figure.reference.count if figure.reference else 1)


def _dots(figure: CurveFigure, curve: Curve) -> Iterator[Dot | None]:
    width = max(last_step(figure) - 1, 1)
    for at, value in zip(curve.at, curve.values, strict=True):
        if value is None:
            yield None
            continue
        share = (value - figure.low) / (figure.high - figure.low)
        x = _LEFT + (_RIGHT - _LEFT) * (at - 1) / width
        y = _BOTTOM - (_BOTTOM - _TOP) * min(max(share, -0.03), 1.05)
        yield Dot(round(x, 1), round(y, 1), not -0.005 <= share <= 1.005)


def curve_lines(figure: CurveFigure, which: Literal["student", "reference"]) -> list[str]:
    """The points of each line of a curve: one line for each stretch without a gap."""
    curve = figure.student if which == "student" else figure.reference
    lines: list[list[str]] = [[]]
    for dot in _dots(figure, curve) if curve else ():
        if dot is None:
            lines.append([])
        else:
            lines[-1].append(f"{dot.x},{dot.y}")
    return [" ".join(line) for line in lines if len(line) > 1]


def curve_dots(figure: CurveFigure) -> list[Dot]:
    """The student's points that have a dot: all where they are few or alone, and those beyond the axis."""
    dots = list(_dots(figure, figure.student))
    few = len(dots) <= _FEW
    shown = []
    for index, dot in enumerate(dots):
        alone = not any(dots[near] for near in (index - 1, index + 1) if 0 <= near < len(dots))
        if dot is not None and (few or alone or dot.off):
            shown.append(dot)
    return shown


def curve_rows(figure: CurveFigure) -> list[Row]:
    """The table: a row for each step at which a curve has a point."""
    own = dict(zip(figure.student.at, figure.student.values, strict=True))
    known = dict(zip(figure.reference.at, figure.reference.values, strict=True)) if figure.reference else {}
    return [Row(at, own.get(at), known.get(at)) for at in sorted({*own, *known})]


def digits(value: float | None, count: int = 4) -> str:
    """A number with so many significant digits; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:.{count}g}".replace("-", "\N{MINUS SIGN}")
