"""Draws the figures of the handout of `keypoints`: python -m tools.figures.keypoints."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from grader.data import load
from tools.figures.drawing import BLUE, GREY, INK, ORANGE, RED, arrow, canvas, save

#: Rows of the two eyes, which change places in a mirror.
LEFT, RIGHT = 0, 1
PAPER_BLUE = "#2f6f9f18"


def mirror() -> None:
    """A face, its mirror image with labels as they were, and with left and right exchanged."""
    images, keypoints = load("faces", train=12, validation=0).train
    face, points = np.asarray(images[4, 0]), np.asarray(keypoints[4]).reshape(15, 2)
    width = face.shape[1]
    turned = points.copy()
    turned[:, 0] = width - turned[:, 0]
    figure, panels = plt.subplots(1, 3, figsize=(7.6, 2.75), constrained_layout=True)
    views = (
        (face, points, LEFT, RIGHT, "a face"),
        (face[:, ::-1], turned, LEFT, RIGHT, "mirrored, rows as they were: wrong"),
        (face[:, ::-1], turned, RIGHT, LEFT, "mirrored, left and right exchanged"),
    )
    for panel, (image, places, left, right, title) in zip(panels, views, strict=True):
        panel.imshow(image, cmap="gray", extent=(0, width, face.shape[0], 0))
        panel.plot(*places[2:].T, ".", color="white", markersize=4)
        panel.plot(*places[left], "o", color=ORANGE, markersize=7, label="row 0: left eye")
        panel.plot(*places[right], "o", color=BLUE, markersize=7, label="row 1: right eye")
        panel.set_xticks([])
        panel.set_yticks([])
        panel.set_title(title, fontsize=9, color=RED if "wrong" in title else INK)
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=9
    )
    save(figure, "keypoints", "mirror.png")


def grid() -> None:
    """Eight pixels, two cells of stride four, and where their middles are."""
    figure, axes = canvas(8.0, 2.1)
    left, unit = 0.6, 0.8
    for pixel in range(8):
        axes.add_patch(Rectangle((left + pixel * unit, 1.2), unit, 0.35, facecolor=PAPER_BLUE, edgecolor=GREY))
        axes.text(left + (pixel + 0.5) * unit, 1.37, f"pixel {pixel}", ha="center", va="center", fontsize=8)
    for cell in range(2):
        axes.add_patch(
            Rectangle(
                (left + 4 * cell * unit, 0.72), 4 * unit, 0.4, facecolor="#d9772b22", edgecolor=ORANGE, linewidth=1.3
            )
        )
        x = left + (4 * cell + 2) * unit
        axes.plot([x], [0.92], "o", color=ORANGE, markersize=6)
        axes.text(x + 0.1, 0.92, f"middle of cell {cell}: x = {4 * cell + 2}", va="center", fontsize=8.5, color=ORANGE)
    for x in range(9):
        axes.plot([left + x * unit] * 2, [1.58, 1.66], color=INK, linewidth=1)
        axes.text(left + x * unit, 1.76, f"{x}", ha="center", fontsize=8.5)
    axes.text(left - 0.15, 1.76, "x =", ha="right", fontsize=8.5)
    axes.text(
        left,
        0.42,
        "W = 8: a keypoint at x = 1.5, the middle of pixel 1, is at 8 − 1.5 = 6.5 in the mirror, the middle of pixel 6.",
        fontsize=8.5,
    )
    axes.text(
        left,
        0.18,
        "With W − 1 − x it would be at 5.5, in the middle of pixel 5: one pixel too far to the left.",
        fontsize=8.5,
        color=RED,
    )
    save(figure, "keypoints", "grid.svg")


def heat() -> None:
    """A heat map and its soft argmax, alone and with a second bright place."""
    y, x = np.mgrid[0:24, 0:24] + 0.5
    near = 6 * np.exp(-((x - 8) ** 2 + (y - 9) ** 2) / (2 * 2.0**2))
    maps = {
        "one bright place": near,
        "a second one, a little less bright": near + 5.5 * np.exp(-((x - 19) ** 2 + (y - 18) ** 2) / 8),
    }
    figure, panels = plt.subplots(1, 2, figsize=(6.4, 2.9), constrained_layout=True)
    for panel, (title, scores) in zip(panels, maps.items(), strict=True):
        weights = np.exp(scores - scores.max())
        weights /= weights.sum()
        mean = (weights * x).sum(), (weights * y).sum()
        row, column = np.unravel_index(scores.argmax(), scores.shape)
        panel.imshow(scores, cmap="Blues", extent=(0, 24, 24, 0))
        panel.plot(*mean, "o", color=ORANGE, markersize=7, label="soft argmax")
        panel.plot(column + 0.5, row + 0.5, "x", color=INK, markersize=7, label="largest cell", zorder=5)
        panel.set_xticks([])
        panel.set_yticks([])
        panel.set_title(title, fontsize=9)
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=9
    )
    save(figure, "keypoints", "soft_argmax.png")


def sizes() -> None:
    """A kernel of three, moved by two over eight rows with one zero at each end."""
    figure, axes = canvas(8.0, 1.9)
    left, unit = 0.5, 0.55
    for row in range(10):
        padded = row in (0, 9)
        axes.add_patch(
            Rectangle(
                (left + row * unit, 1.35), unit, 0.3, facecolor="#eeeeee" if padded else PAPER_BLUE, edgecolor=GREY
            )
        )
        axes.text(left + (row + 0.5) * unit, 1.5, "0" if padded else f"{row - 1}", ha="center", va="center", fontsize=8)
    for step in range(4):
        x = left + 2 * step * unit
        axes.add_patch(
            Rectangle((x, 1.05 - 0.2 * step), 3 * unit, 0.15, facecolor="#d9772b55", edgecolor=ORANGE, linewidth=1)
        )
        axes.text(
            x + 3 * unit + 0.08, 1.125 - 0.2 * step, f"row {step} of the output", va="center", fontsize=8, color=ORANGE
        )
    arrow(axes, (left + 8 * unit, 0.3), (left + 11 * unit, 0.3), colour=RED, dash="--")
    axes.text(
        left + 11.1 * unit, 0.3, "a fifth one would reach beyond the last zero", va="center", fontsize=8, color=RED
    )
    axes.text(left + 10.4 * unit, 1.5, "8 rows, padding 1, kernel 3, stride 2", va="center", fontsize=8.5)
    save(figure, "keypoints", "sizes.svg")


if __name__ == "__main__":
    mirror()
    grid()
    heat()
    sizes()
