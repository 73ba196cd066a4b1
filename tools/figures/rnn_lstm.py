"""Draws the figures of the handout of `rnn_lstm`: python -m tools.figures.rnn_lstm."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.patches import Circle, Rectangle

from tools.figures.drawing import BLUE, GREEN, GREY, INK, ORANGE, RED, arrow, box, canvas, save


def unrolled() -> None:
    """A recurrence over four steps, and the way of a gradient back to the first input."""
    figure, axes = canvas(8.0, 2.3)
    xs = [1.4, 3.3, 5.2, 7.1]
    for step, x in enumerate(xs, 1):
        box(axes, x, 1.25, f"h{_sub(step)}", width=0.8, height=0.45)
        box(axes, x, 0.35, f"x{_sub(step)}", width=0.6, height=0.35, colour=GREY)
        arrow(axes, (x, 0.53), (x, 1.02), label="V", shift=(0.14, 0), colour=INK)
        previous = 0.35 if step == 1 else xs[step - 2] + 0.4
        arrow(axes, (previous, 1.25), (x - 0.4, 1.25), label="W", shift=(0, -0.15))
    axes.text(0.3, 1.25, "h₀", ha="right", va="center")
    for right, left in zip(xs[:0:-1], xs[-2::-1], strict=True):
        arrow(
            axes,
            (right - 0.1, 1.5),
            (left + 0.1, 1.5),
            colour=ORANGE,
            bend=0.25,
            label="diag(1 − h²) W",
            shift=(0, 0.42),
            size=8,
        )
    arrow(axes, (xs[0] - 0.2, 1.02), (xs[0] - 0.2, 0.53), colour=ORANGE)
    axes.text(7.1, 2.1, "∂h₄/∂x₁: three times W, once V", color=ORANGE, ha="right", fontsize=8.5)
    save(figure, "rnn_lstm", "unrolled.svg")


def _sub(number: int) -> str:
    return "₀₁₂₃₄"[number]


def cell() -> None:
    """The two states of an LSTM, and what acts on each."""
    figure, axes = canvas(8.0, 2.9)

    def gate(x: float, y: float, sign: str) -> None:
        axes.add_patch(Circle((x, y), 0.15, facecolor="white", edgecolor=INK, linewidth=1.2, zorder=3))
        axes.text(x, y - 0.01, sign, ha="center", va="center", zorder=4)

    arrow(axes, (0.6, 2.35), (1.85, 2.35), colour=BLUE, weight=2)
    gate(2.0, 2.35, "×")
    arrow(axes, (2.15, 2.35), (3.85, 2.35), colour=BLUE, weight=2)
    gate(4.0, 2.35, "+")
    arrow(axes, (4.15, 2.35), (7.5, 2.35), colour=BLUE, weight=2)

    axes.text(0.1, 2.55, "cell before", color=BLUE, fontsize=8.5)
    axes.text(7.55, 2.35, "cell", va="center", color=BLUE, fontsize=8.5)
    for x, name, colour in ((2.0, "f", GREEN), (3.4, "i", GREEN), (4.6, "g", ORANGE), (5.8, "o", GREEN)):
        box(axes, x, 0.95, name, width=0.5, height=0.38, colour=colour)
        arrow(axes, (x, 0.35), (x, 0.75), colour=GREY)
    axes.plot([0.6, 5.8], [0.35, 0.35], color=GREY, linewidth=1.2)
    axes.text(0.1, 0.12, "state before and input, through four linear layers", color=GREY, fontsize=8.5)
    arrow(axes, (2.0, 1.15), (2.0, 2.2))
    gate(4.0, 1.65, "×")
    arrow(axes, (3.5, 1.15), (3.9, 1.54))
    arrow(axes, (4.5, 1.15), (4.1, 1.54))
    arrow(axes, (4.0, 1.8), (4.0, 2.2))
    box(axes, 6.6, 1.65, "tanh", width=0.65, height=0.36)
    arrow(axes, (6.6, 2.35), (6.6, 1.84))
    gate(6.6, 0.95, "×")
    arrow(axes, (6.6, 1.47), (6.6, 1.1))
    arrow(axes, (6.05, 0.95), (6.45, 0.95))
    arrow(axes, (6.75, 0.95), (7.5, 0.95))
    axes.text(7.55, 0.95, "state", va="center", fontsize=8.5)
    axes.text(
        7.5, 2.65, "no matrix and no tanh on this way: its only factor is f", color=BLUE, ha="right", fontsize=8.5
    )
    save(figure, "rnn_lstm", "cell.svg")


def forgetting() -> None:
    """What is left of a cell after k steps, by the bias of the forget gate."""
    steps = np.arange(0, 41)
    figure, axes = plt.subplots(figsize=(6.4, 2.7), constrained_layout=True)
    for bias, colour in ((0, RED), (1, ORANGE), (3, BLUE), (5, GREEN)):
        forget = 1 / (1 + np.exp(-bias))
        axes.plot(steps, forget**steps, color=colour)
        axes.text(
            40.6, max(forget**40, 1e-7), f"bias {bias}: f = {forget:.3f}", color=colour, va="center", fontsize=8.5
        )
    axes.set_yscale("log")
    axes.set_ylim(1e-7, 1.5)
    axes.set_xlim(0, 40)
    axes.set_xlabel("steps back")
    axes.set_title("what is left on the direct way of the cell", fontsize=9)
    save(figure, "rnn_lstm", "forgetting.svg")


def padding() -> None:
    """A padded batch of four, the state to take of each, and the one that is taken by mistake."""
    lengths = [7, 4, 6, 2]
    figure, axes = canvas(7.6, 2.2)
    left, unit = 1.3, 0.6
    for row, length in enumerate(lengths):
        y = 1.6 - 0.4 * row
        axes.text(left - 0.12, y + 0.15, f"{length} steps", ha="right", va="center", fontsize=8.5)
        for step in range(7):
            own = step < length
            axes.add_patch(
                Rectangle(
                    (left + step * unit, y), unit, 0.3, facecolor="#2f6f9f33" if own else "#eeeeee", edgecolor=GREY
                )
            )
            axes.text(left + (step + 0.5) * unit, y + 0.15, "x" if own else "0", ha="center", va="center", fontsize=8)
        axes.add_patch(
            Rectangle(
                (left + (length - 1) * unit, y), unit, 0.3, facecolor="none", edgecolor=ORANGE, linewidth=2, zorder=4
            )
        )
    arrow(axes, (left, 0.22), (left + 7 * unit, 0.22), colour=GREY)
    axes.text(left + 3.5 * unit, 0.08, "time", ha="center", color=GREY, fontsize=8.5)
    axes.text(
        left + 7.3 * unit,
        1.55,
        "orange: the state after\nthe last step of its own",
        color=ORANGE,
        fontsize=8.5,
        va="center",
    )
    axes.text(
        left + 7.3 * unit,
        0.85,
        "h_seq[-1] is the last column:\nright for the first row alone",
        color=RED,
        fontsize=8.5,
        va="center",
    )
    save(figure, "rnn_lstm", "padding.svg")


if __name__ == "__main__":
    unrolled()
    cell()
    forgetting()
    padding()
