"""Examples: public samples that no suite trains on. What a model does with them may be shown, for it tells nothing secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Examples:
    """Samples of a public part, made by :meth:`grader.data.HeldOut.examples` alone: the fixture ``show`` takes nothing else.

    ``x`` and ``y`` are as those of ``held_out.train``. ``classes`` is 0 where ``y`` are points; ``names`` are what the classes
    are called, or the points.
    """

    x: Any
    y: Any
    classes: int
    names: tuple[str, ...]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.x)

    def first(self, count: int) -> Examples:
        """The first ``count`` of them, or all where there are fewer."""
        return Examples(self.x[:count], self.y[:count], self.classes, self.names)
