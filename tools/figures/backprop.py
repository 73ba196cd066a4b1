"""Draws the figures of the handout of `backprop`: python -m tools.figures.backprop."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from tools.figures.drawing import BLUE, GREY, INK, ORANGE, arrow, box, canvas, save


def chain() -> None:
    """A two-layer network forwards and backwards."""
    figure, axes = canvas(8.2, 2.5)
    names = ["affine", "ReLU", "affine", "softmax\nloss"]
    xs = [1.5, 3.4, 5.3, 7.0]
    caches = ["X, W1", "its input", "H, W2", "p, y"]
    for x, name, cache in zip(xs, names, caches, strict=True):
        box(axes, x, 1.35, name, width=0.95, height=0.62)
        axes.text(x, 0.8, f"cache: {cache}", ha="center", color=GREY, fontsize=8)
    forward = ["X", "hidden\nscores", "H", "scores", "L"]
    points = [0.25, *xs, 8.0]
    for left, right, label in zip(points, points[1:], forward, strict=False):
        start = left + (0.48 if left != 0.25 else 0)
        end = right - (0.48 if right != 8.0 else 0)
        arrow(axes, (start, 1.5), (end, 1.5), colour=BLUE, label=label, shift=(0, 0.24 if "\n" in label else 0.14))
    for left, right, label in zip(points[:-1], points[1:], ["dX", "", "dH", "dscores", "1"], strict=False):
        start = right - (0.48 if right != 8.0 else 0)
        end = left + (0.48 if left != 0.25 else 0)
        arrow(axes, (start, 1.2), (end, 1.2), colour=ORANGE, label=label, shift=(0, -0.13))
    for x, label in ((1.5, "dW1, db1"), (5.3, "dW2, db2")):
        arrow(axes, (x, 0.72), (x, 0.36), colour=ORANGE)
        axes.text(x, 0.22, label, ha="center", color=ORANGE, fontsize=8.5)
    axes.text(0.25, 2.25, "forward: each layer leaves a cache", color=BLUE)
    axes.text(8.0, 2.25, "backward: each layer reads its own", color=ORANGE, ha="right")
    save(figure, "backprop", "chain.svg")


def shapes() -> None:
    """The three products of an affine layer as blocks, all sizes different."""
    n, d, m = 0.75, 1.25, 0.5
    figure, axes = canvas(8.2, 2.3)

    def block(x: float, rows: float, columns: float, name: str, sizes: tuple[str, str], colour: str = INK) -> float:
        bottom = 1.2 - rows / 2
        axes.add_patch(Rectangle((x, bottom), columns, rows, facecolor=f"{colour}22", edgecolor=colour, linewidth=1.2))
        axes.text(x + columns / 2, 1.2, name, ha="center", va="center", color=colour)
        axes.text(x + columns / 2, bottom + rows + 0.08, sizes[1], ha="center", color=GREY, fontsize=8)
        axes.text(x - 0.06, 1.2, sizes[0], ha="right", va="center", color=GREY, fontsize=8)
        return x + columns

    def sign(x: float, text: str) -> float:
        axes.text(x + 0.16, 1.2, text, ha="center", va="center", fontsize=11)
        return x + 0.46

    x = block(0.2, n, d, "X", ("N", "D"))
    x = block(sign(x, "·"), d, m, "W", ("D", "M"))
    block(sign(x, "="), n, m, "out", ("N", "M"), BLUE)
    x = block(3.95, n, m, "dout", ("N", "M"), ORANGE)
    x = block(sign(x, "·"), m, d, "Wᵀ", ("M", "D"))
    block(sign(x, "="), n, d, "dX", ("N", "D"), ORANGE)
    axes.set_xlim(0, 11.4)
    x = block(8.45, d, n, "Xᵀ", ("D", "N"))
    x = block(sign(x, "·"), n, m, "dout", ("N", "M"), ORANGE)
    block(sign(x, "="), d, m, "dW", ("D", "M"), ORANGE)
    axes.text(0.2, 0.15, "forward", color=BLUE)
    axes.text(3.95, 0.15, "backward, to the input", color=ORANGE)
    axes.text(8.45, 0.15, "backward, to the weights", color=ORANGE)
    save(figure, "backprop", "shapes.svg")


def logarithm() -> None:
    """Thirty rates drawn uniformly, and thirty whose logarithm is."""
    rng = np.random.default_rng(7)
    figure, axes = plt.subplots(figsize=(7.2, 1.7))
    uniform = rng.uniform(1e-5, 1e-1, 30)
    by_logarithm = 10 ** rng.uniform(-5, -1, 30)
    for row, (values, colour) in enumerate(((uniform, ORANGE), (by_logarithm, BLUE))):
        axes.plot(values, np.full(30, 1 - row), "|", color=colour, markersize=15, markeredgewidth=1.3)
    axes.set_xscale("log")
    axes.set_yticks([1, 0], ["uniform", "uniform\nlogarithm"])
    axes.set_ylim(-0.6, 1.6)
    axes.set_xlabel("learning rate, from 1e-5 to 1e-1")
    axes.spines["left"].set_visible(False)
    axes.tick_params(left=False)
    save(figure, "backprop", "logarithm.svg")


if __name__ == "__main__":
    chain()
    shapes()
    logarithm()
