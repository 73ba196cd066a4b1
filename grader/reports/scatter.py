"""What a model achieves against what it costs, as points of a chart: parameters or seconds across, the first column up."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from grader.reports.formatting import number

if TYPE_CHECKING:
    from grader.course import CostColumn, LeaderboardColumn

#: The chart's inner box, in units of its SVG: left, top, right, bottom.
BOX = (52.0, 12.0, 400.0, 178.0)
#: Where the largest cost is so many times the smallest, costs are drawn by their logarithm.
_FAR = 20.0
_MOST_TICKS = 5
_MARGIN = 0.06


Kind = Literal["one", "mine", "baseline"]


@dataclass(frozen=True, slots=True)
class Model:
    """One model of a leaderboard: what it achieves, as a number and as it is shown, and what it costs."""

    handle: str
    value: float | None
    text: str
    cost: float | None
    kind: Kind = "one"


@dataclass(frozen=True, slots=True)
class Dot:
    """One model: where it is drawn, and what it is."""

    handle: str
    cost: float
    value: str
    x: float
    y: float
    kind: Kind


@dataclass(frozen=True, slots=True)
class Tick:
    """A number of an axis, and where it stands."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Scatter:
    """A chart; ``logarithmic`` says how costs are drawn."""

    across: str
    up: str
    dots: tuple[Dot, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    logarithmic: bool


def scatter(models: Iterable[Model], column: LeaderboardColumn, cost: CostColumn) -> Scatter | None:
    """The models that have a value and a cost; None for fewer than two."""
    known = [
        (model, model.value, model.cost)
        for model in models
        if model.value is not None and model.cost is not None and math.isfinite(model.cost)
    ]
    if len(known) < 2:
        return None
    values, costs = [value for _, value, _ in known], [spent for *_, spent in known]
    logarithmic = min(costs) > 0 and max(costs) > _FAR * min(costs)
    across = _Axis(costs, BOX[0], BOX[2], logarithmic=logarithmic)
    up = _Axis(values, BOX[3], BOX[1])
    dots = [
        Dot(model.handle, spent, model.text, across.place(spent), up.place(value), model.kind)
        for model, value, spent in known
    ]
    # The reader's own is drawn last, over the others.
    dots.sort(key=lambda dot: dot.kind == "mine")
    return Scatter(
        cost.title or cost.metric, column.title or column.metric, tuple(dots), across.ticks(), up.ticks(), logarithmic
    )


def _short(value: float) -> str:
    """A round number as an axis has room for it."""
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{number(value / size)}{sign}"
    return number(value, 6)


class _Axis:
    """Numbers along a line from ``begin`` to ``end``."""

    def __init__(self, values: list[float], begin: float, end: float, *, logarithmic: bool = False) -> None:
        self._begin, self._end, self._logarithmic = begin, end, logarithmic
        low, high = (math.log10(f(values)) if logarithmic else f(values) for f in (min, max))
        spare = _MARGIN * (high - low) or abs(high) * _MARGIN or 1.0
        self._low, self._high = low - spare, high + spare

    def place(self, value: float) -> float:
        """Where a number stands."""
        at = math.log10(value) if self._logarithmic else value
        return round(self._begin + (self._end - self._begin) * (at - self._low) / (self._high - self._low), 1)

    def ticks(self) -> tuple[Tick, ...]:
        """Round numbers within the axis, a handful."""
        found = self._decades() if self._logarithmic else self._steps()
        return tuple(Tick(self.place(value), _short(value)) for value in found)

    def _steps(self) -> list[float]:
        rough = (self._high - self._low) / _MOST_TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
        first, last = math.ceil(self._low / step), math.floor(self._high / step)
        return [round(index * step, 12) for index in range(first, last + 1)]

    def _decades(self) -> list[float]:
        powers = range(math.floor(self._low), math.ceil(self._high) + 1)
        for factors in ((1, 2, 5), (1, 3), (1,)):
            found = [
                float(factor * 10.0**power)
                for power in powers
                for factor in factors
                if self._low <= math.log10(factor) + power <= self._high
            ]
            if len(found) <= _MOST_TICKS + 2:
                return found
        return found[:: math.ceil(len(found) / _MOST_TICKS)]
