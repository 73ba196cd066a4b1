"""What the walk prints: the scores of everybody on both sides, and what every command took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tools.with_nbgrader.course import Step


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one student in one assignment."""

    assignment: str
    student: str
    role: str
    checks: float
    marks: float
    penalty: float
    final: float
    gradebook: float


def tables(rows: Sequence[Row], steps: Sequence[Step], console: Console) -> None:
    """Print what everybody has, and what every command took."""
    table = Table("assignment", "student", "handed in", box=None, title="scores: our reports, and the gradebook")
    for heading in ("checks", "people", "lateness", "ours", "gradebook"):
        table.add_column(heading, justify="right")
    for row in rows:
        numbers = (row.checks, row.marks, -row.penalty, row.final, row.gradebook)
        table.add_row(row.assignment, row.student, row.role, *(f"{value:.6g}" for value in numbers))
    console.print(table)
    costs = Table("command", box=None, title="what the commands took")
    for heading in ("times", "seconds", "CPU seconds"):
        costs.add_column(heading, justify="right")
    kinds: dict[str, list[tuple[float, float]]] = {}
    for step in steps:
        words = step.words.split()
        kind = " ".join(words[:3] if words[1] == "gradebook" else words[:2])
        kinds.setdefault(kind, []).append((step.wall, step.cpu))
    for kind, found in kinds.items():
        costs.add_row(kind, str(len(found)), f"{sum(w for w, _ in found):.1f}", f"{sum(c for _, c in found):.1f}")
    console.print(costs)
