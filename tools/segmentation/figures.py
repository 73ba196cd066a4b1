"""Draws the figures of the handout: ``python -m tools.segmentation.figures``, after tools.segmentation.measure."""

from __future__ import annotations

import json
import sys
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.colors import ListedColormap
from PIL import Image

from grader.data import load
from grader.data.scene_folders import MSRC_COLOURS
from tools.segmentation.measure import NETWORKS, PROBES, RESULTS, ROOT

mpl.use("Agg")
from matplotlib import pyplot as plt

FIGURES = ROOT / "assignments" / "segmentation" / "figures"
COLOURS = ListedColormap([(0, 0, 0), *(np.array(list(MSRC_COLOURS.values())) / 255)])


def show(axis: Any, picture: torch.Tensor, title: str = "") -> None:
    """A picture (3, H, W) or a label map (H, W)."""
    if picture.dim() == 3:
        axis.imshow(picture.permute(1, 2, 0))
    else:
        axis.imshow(picture, cmap=COLOURS, vmin=-1, vmax=22, interpolation="nearest")
    axis.set_title(title, fontsize=8)
    axis.axis("off")


def save(figure: Any, name: str) -> None:
    """Small, and without what changes from day to day."""
    FIGURES.mkdir(exist_ok=True)
    path = FIGURES / name
    metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    figure.savefig(path, dpi=95, metadata=metadata)
    plt.close(figure)
    if path.suffix == ".png":
        Image.open(path).convert("RGB").quantize(96).save(path, optimize=True)
    sys.stdout.write(f"{path.relative_to(ROOT)} {path.stat().st_size} bytes\n")


def scenes() -> None:
    """Six scenes above their labels."""
    x, y = load("scenes", train=12, validation=0).train
    figure, axes = plt.subplots(2, 6, figsize=(8, 2.75), layout="constrained")
    for column, index in zip(axes.T, (0, 2, 3, 5, 7, 9), strict=True):
        show(column[0], x[index])
        show(column[1], y[index])
    save(figure, "scenes.png")


def strides() -> None:
    """What decoders on maps of different strides make of the same scene."""
    data = load("scenes", train=120, validation=3)
    (x, y), (x_val, y_val) = data.train, data.validation
    names = {"stride 32": "stride 32 alone", "stride 16": "stride 16 alone", "reference": "strides 16 and 8"}
    figure, axes = plt.subplots(3, 5, figsize=(7, 4.3), layout="constrained")
    for row, axis in enumerate(axes):
        show(axis[0], x_val[row], "scene" if row == 0 else "")
        show(axis[1], y_val[row], "truth" if row == 0 else "")
    for column, (name, title) in zip(axes.T[2:], names.items(), strict=True):
        torch.manual_seed(0)
        network = NETWORKS[name][0]()
        PROBES.train(network, x, y, 10)
        for row, labels in enumerate(PROBES.label_maps(network, x_val)):
            show(column[row], labels.long(), title if row == 0 else "")
    save(figure, "strides.png")


def transfer() -> None:
    """Mean IoU and accuracy of all networks over all seeds."""
    plt.rcParams["svg.hashsalt"] = "autograde"
    rows = list(json.loads(RESULTS.read_text()).values())
    titles = {
        "reference": "pretrained, frozen:\nstrides 8 and 16",
        "stride 16": "pretrained, frozen:\nstride 16, 1 x 1",
        "stride 32": "pretrained, frozen:\nstride 32, 1 x 1",
        "small from scratch": "from scratch:\na small network",
        "reference from scratch": "from scratch:\nstrides 8 and 16",
        "majority": "always the most\nfrequent class",
    }
    figure, axes = plt.subplots(1, 2, figsize=(8, 2.6), sharey=True, layout="constrained")
    for axis, (title, k) in zip(axes, {"mean IoU": 1, "pixel accuracy": 0}.items(), strict=True):
        for place, name in enumerate(titles):
            values = [row[name][k] for row in rows]
            frozen = name in NETWORKS and NETWORKS[name][1]
            axis.barh(place, np.mean(values), color="tab:blue" if frozen else "tab:gray", alpha=0.6)
            axis.plot(values, [place] * len(values), "k.", markersize=2)
        axis.set_xlabel(title)
    axes[0].set_yticks(range(len(titles)), titles.values(), fontsize=6)
    axes[0].invert_yaxis()
    save(figure, "transfer.svg")


if __name__ == "__main__":
    torch.set_num_threads(1)
    scenes()
    strides()
    transfer()
