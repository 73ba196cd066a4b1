"""Draws how a batch scales, of what tests/bench/scale.py measured: python -m tools.figures.scale.

It reads build/bench/scale.json, and writes docs/pictures/scale.svg.
"""

from __future__ import annotations

import json
from typing import Any

from matplotlib import pyplot as plt

from tools.figures.drawing import BLUE, GREEN, GREY, ORANGE, RED, ROOT

COLOURS = {"coordinator": RED, "runner": BLUE, "worker": GREEN, "reader": ORANGE}


def draw(row: dict[str, Any]) -> Any:
    """Memory by process, submissions done over time, and the announced end beside the real one."""
    figure, (memory, done, end) = plt.subplots(1, 3, figsize=(10.5, 2.9), layout="constrained")
    for role, colour in COLOURS.items():
        read = [(int(count), held[role]) for count, held in row["memory_mb"].items() if role in held]
        memory.plot(*zip(*read, strict=True), "o-", color=colour, label=role, markersize=3.5)
    memory.set(xscale="log", xlabel="submissions graded", ylabel="MB", title="memory (Pss), largest of each kind")
    memory.set_ylim(bottom=0)
    memory.legend(frameon=False, fontsize=8)

    counts, passed, left = zip(*row["progress"], strict=True)
    done.plot(passed, counts, color=BLUE)
    done.set(
        xlabel="seconds", ylabel="submissions graded", title=f"{row['submissions']} submissions, {row['slots']} slots"
    )

    end.axhline(row["wall_s"], color=GREY, linewidth=1)
    end.plot(passed, [a + b for a, b in zip(passed, left, strict=True)], color=ORANGE)
    end.set(xlabel="seconds", ylabel="seconds", title="announced end (grey: the real one)")
    end.set_ylim(0, 1.5 * row["wall_s"])
    for axes in (memory, done, end):
        axes.title.set_fontsize(9)
    return figure


def main() -> None:
    """Draw the first row that was measured."""
    row = json.loads((ROOT / "build" / "bench" / "scale.json").read_text(encoding="utf-8"))[0]
    out = ROOT / "docs" / "pictures" / "scale.svg"
    draw(row).savefig(out, bbox_inches="tight", pad_inches=0.08, metadata={"Date": None})
    print(f"wrote {out.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
