"""Draws the figures of the handout of `mnist`: python -m tools.figures.mnist."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from grader.data import load
from tools.figures.drawing import BLUE, GREEN, GREY, INK, ORANGE, arrow, box, canvas, save


def graph() -> None:
    """Batch norm as a graph: the three ways from an entry to the loss."""
    figure, axes = canvas(8.0, 2.7)
    box(axes, 0.7, 1.35, "x", width=0.6)
    box(axes, 2.5, 2.2, "mean μ\nover the batch", width=1.35, height=0.6, colour=ORANGE)
    box(axes, 2.5, 0.5, "variance v\nover the batch", width=1.35, height=0.6, colour=GREEN)
    box(axes, 4.7, 1.35, "x̂ = (x − μ) / √(v + ε)", width=2.0, height=0.5)
    box(axes, 7.0, 1.35, "γ x̂ + β", width=1.0)
    arrow(axes, (1.0, 1.35), (3.7, 1.35), colour=BLUE, label="1: itself", shift=(-0.25, 0.13))
    arrow(axes, (0.9, 1.56), (1.82, 2.2), colour=ORANGE, label="2", shift=(-0.1, 0.1))
    arrow(axes, (3.18, 2.2), (4.3, 1.6), colour=ORANGE)
    arrow(axes, (0.9, 1.14), (1.82, 0.5), colour=GREEN, label="3", shift=(-0.1, -0.1))
    arrow(axes, (3.18, 0.5), (4.3, 1.1), colour=GREEN)
    arrow(axes, (2.5, 1.9), (2.5, 0.8), colour=GREY, dash="--")
    axes.text(2.57, 1.62, "v needs μ", color=GREY, fontsize=8)
    arrow(axes, (5.7, 1.35), (6.5, 1.35))
    arrow(axes, (7.5, 1.35), (7.9, 1.35))
    save(figure, "mnist", "batchnorm.svg")


def maps() -> None:
    """Which numbers of (N, C, H, W) share a mean."""
    figure, panels = plt.subplots(1, 3, figsize=(8.0, 2.5))
    colours = [BLUE, ORANGE, GREEN]
    titles = ["right: one mean per channel", "flattened: one per pixel", "reshape alone: channels mixed"]
    for panel, title in zip(panels, titles, strict=True):
        for image in range(2):
            for channel in range(3):
                for row in range(2):
                    for column in range(2):
                        pixel = 2 * row + column
                        x, y = channel * 1.3 + column * 0.5, -image * 1.3 - row * 0.5
                        if title.startswith("right"):
                            colour, alpha = colours[channel], 0.55
                        elif title.startswith("flat"):
                            colour, alpha = colours[channel], 0.2 + 0.22 * pixel
                        else:
                            flat = (image * 3 + channel) * 4 + pixel
                            colour, alpha = colours[flat % 3], 0.55
                        panel.add_patch(Rectangle((x, y), 0.48, 0.48, color=colour, alpha=alpha, linewidth=0))
        panel.set_xlim(-0.75, 4.0)
        panel.set_ylim(-2.0, 1.0)
        panel.set_aspect("equal")
        panel.set_axis_off()
        panel.set_title(title, fontsize=9, color=INK)
        for image in range(2):
            panel.text(-0.12, -image * 1.3, f"n = {image}", ha="right", va="center", fontsize=8, color=GREY)
        for channel in range(3):
            panel.text(channel * 1.3 + 0.5, 0.62, f"c = {channel}", ha="center", fontsize=8, color=GREY)
    save(figure, "mnist", "maps.svg")


def dropout() -> None:
    """A digit as eight maps; single pixels dropped, and whole maps dropped."""
    images, _ = load("digits", train=50, validation=0).train
    digit = np.asarray(images[3, 0])
    # Eight plain filters: edges of eight directions, as a first layer learns them.
    rows, columns = np.gradient(digit)
    angles = np.arange(8) * np.pi / 4
    features = np.stack([np.clip(np.cos(a) * columns + np.sin(a) * rows, 0, None) for a in angles])
    rng = np.random.default_rng(3)
    pixels = features * (rng.random(features.shape) > 0.5) * 2
    whole = features * (rng.random((8, 1, 1)) > 0.5) * 2
    figure, panels = plt.subplots(3, 8, figsize=(7.6, 3.1), constrained_layout=True)
    for row, (data, name) in enumerate(((features, "maps"), (pixels, "pixels\ndropped"), (whole, "maps\ndropped"))):
        for column in range(8):
            panels[row, column].imshow(data[column], cmap="gray", vmin=0, vmax=float(features.max()))
            panels[row, column].set_xticks([])
            panels[row, column].set_yticks([])
        panels[row, 0].set_ylabel(name, fontsize=9)
    save(figure, "mnist", "dropout.png")


if __name__ == "__main__":
    graph()
    maps()
    dropout()
