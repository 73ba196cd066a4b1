"""Draws the figures of the handout of `pytorch_basics`: python -m tools.figures.pytorch_basics."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib import pyplot as plt

from tools.figures.drawing import BLUE, GREY, ORANGE, arrow, box, canvas, save


def picture(height: int = 60, width: int = 84) -> np.ndarray:
    """A picture of our own, (H, W, 3): a sun over hills."""
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([0.55 + 0 * x, 0.75 - 0.003 * y, 0.95 - 0.002 * y], axis=2)
    image[(x - 62) ** 2 + (y - 15) ** 2 < 70] = (1.0, 0.85, 0.3)
    image[y > 38 + 8 * np.sin(x / 11.0)] = (0.35, 0.58, 0.38)
    image[y > 46 + 6 * np.sin(x / 8.0 + 2)] = (0.22, 0.42, 0.30)
    return np.clip(image, 0, 1)


def layout() -> None:
    """A picture (H, W, C) made (C, H, W) by permute and by reshape, each shown as its three channels."""
    image = torch.from_numpy(picture())
    height, width, _ = image.shape
    figure, panels = plt.subplots(2, 4, figsize=(8.0, 3.0), constrained_layout=True)
    ways = {
        "permute(2, 0, 1)": image.permute(2, 0, 1),
        f"reshape(3, {height}, {width})": image.reshape(3, height, width),
    }
    for row, (name, channels) in enumerate(ways.items()):
        panels[row, 0].imshow(channels.permute(1, 2, 0))
        panels[row, 0].set_ylabel(name, fontsize=8.5)
        for channel in range(3):
            panels[row, channel + 1].imshow(channels[channel], cmap="gray", vmin=0, vmax=1)
    for axis in panels.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    for axis, name in zip(panels[0], ("shown again", "channel 0", "channel 1", "channel 2"), strict=True):
        axis.set_title(name, fontsize=9)
    save(figure, "pytorch_basics", "layout.png")


def graph() -> None:
    """What autograd remembers of a loss, and where it stops."""
    figure, axes = canvas(8.0, 2.1)
    box(axes, 0.7, 1.5, "w\nrequires_grad", width=1.15, height=0.55, colour=BLUE)
    box(axes, 0.7, 0.55, "x", width=1.15)
    box(axes, 2.5, 1.1, "x @ w", width=0.9)
    box(axes, 4.1, 1.1, "sigmoid", width=0.9)
    box(axes, 5.7, 1.1, "loss", width=0.9)
    box(axes, 7.3, 1.1, "loss.item()", width=1.05, colour=GREY, ink=GREY)
    arrow(axes, (1.28, 1.42), (2.05, 1.2))
    arrow(axes, (1.28, 0.6), (2.05, 1.0))
    arrow(axes, (2.95, 1.1), (3.65, 1.1))
    arrow(axes, (4.55, 1.1), (5.25, 1.1))
    arrow(axes, (6.15, 1.1), (6.77, 1.1), colour=GREY, dash="--")
    axes.text(6.46, 1.25, "cut", color=GREY, ha="center", fontsize=8)
    arrow(axes, (5.6, 0.86), (4.2, 0.86), colour=ORANGE, bend=-0.25, label="keeps σ(t)", shift=(0, -0.34), size=8)
    arrow(axes, (4.0, 0.86), (2.6, 0.86), colour=ORANGE, bend=-0.25, label="keeps x", shift=(0, -0.34), size=8)
    arrow(axes, (2.3, 1.34), (1.1, 1.82), colour=ORANGE, bend=0.2, label="w.grad +=", shift=(0.15, 0.28), size=8)
    axes.text(7.9, 1.9, "backward() walks the orange way once", color=ORANGE, ha="right", fontsize=8.5)
    save(figure, "pytorch_basics", "graph.svg")


def overflow() -> None:
    """The logarithm of a softmax, and the log-softmax, in float32."""
    gaps = torch.linspace(0, 140, 281)
    scores = torch.stack([torch.zeros_like(gaps), gaps], dim=1)
    naive = scores.softmax(dim=1)[:, 0].log()
    stable = scores.log_softmax(dim=1)[:, 0]
    finite = torch.isfinite(naive)
    figure, panels = plt.subplots(1, 2, figsize=(8.0, 2.5), constrained_layout=True)
    panels[0].plot(gaps, stable, color=BLUE, label="log-softmax")
    panels[0].plot(
        gaps[finite], naive[finite], color=ORANGE, dash_capstyle="butt", linestyle="--", label="log(softmax)"
    )
    end = gaps[finite][-1]
    panels[0].plot([end], [naive[finite][-1]], "o", color=ORANGE, markersize=5)
    panels[0].annotate("−inf from here on", (end, naive[finite][-1]), (30, -112), color=ORANGE, fontsize=8.5)
    panels[0].set_xlabel("how far the right class is behind")
    panels[0].set_title("log-probability of the right class", fontsize=9)
    panels[0].legend(frameon=False, fontsize=8.5, loc="upper right")
    margin = torch.linspace(-10, 20, 301)
    ten = torch.zeros(301, 10)
    ten[:, 0] = margin
    label = torch.zeros(301, dtype=torch.long)
    loss = torch.nn.functional.cross_entropy
    panels[1].plot(margin, loss(ten, label, reduction="none"), color=BLUE, label="scores")
    panels[1].plot(
        margin, loss(ten.softmax(dim=1), label, reduction="none"), color=ORANGE, label="softmax, then scores"
    )
    panels[1].axhline(1.4612, color=GREY, linewidth=0.8, linestyle=":")
    panels[1].text(-10, 1.6, "1.46", color=GREY, fontsize=8.5)
    panels[1].set_ylim(0, 6)
    panels[1].set_xlabel("lead of the right class")
    panels[1].set_title("cross-entropy of ten classes", fontsize=9)
    panels[1].legend(frameon=False, fontsize=8.5)
    save(figure, "pytorch_basics", "softmax.svg")


if __name__ == "__main__":
    layout()
    graph()
    overflow()
