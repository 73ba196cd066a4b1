"""Draws the figures of the handout of `video` into assignments/video/figures, from the public clips and the measured numbers.

python tools/video/figures.py
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib import colors
from matplotlib import pyplot as plt

from grader.data import load

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "assignments/video/figures"
INK = "#26323a"
BLUE, ORANGE, GREY = "#2f6f9f", "#d9772b", "#9aa5ab"


def solution(name: str) -> Any:
    """A module of the solution."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "solutions/video" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def save(figure: Any, name: str) -> None:
    """Write a figure without a date, so that drawing it again changes nothing."""
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / name, dpi=110, metadata={"Software": None})
    plt.close(figure)


def flow_colours(flow: torch.Tensor, top: float) -> np.ndarray:
    """A flow (2, H, W) as a picture: hue is the direction, saturation the speed; white stands still."""
    dx, dy = flow.numpy()
    hue = (np.arctan2(dy, dx) / (2 * np.pi)) % 1.0
    speed = np.clip(np.hypot(dx, dy) / top, 0, 1)
    return np.asarray(colors.hsv_to_rgb(np.stack([hue, speed, np.ones_like(hue)], axis=2)))


def strips() -> None:
    """Four clips, frame by frame, and their flow."""
    clips, labels = load("moving_digits", train=40, validation=0).train
    names = ("right", "left", "down", "up", "down right", "down left", "up right", "up left")
    chosen = [int((labels == label).nonzero()[0]) for label in (0, 3, 5)]
    figure, axes = plt.subplots(3, 11, figsize=(9.2, 2.7), constrained_layout=True)
    # Without noise the same seeds give the same digits at the same places: the flow of the digits alone.
    quiet = load("moving_digits", train=40, validation=0, noise=0.0).train[0]
    flows = solution("flow").flow_stack(quiet[chosen]).unflatten(1, (-1, 2))
    for row, index in enumerate(chosen):
        for frame in range(6):
            axes[row, frame].imshow(clips[index, frame, 0], cmap="gray", vmin=0, vmax=1)
        for pair in range(5):
            axes[row, 6 + pair].imshow(flow_colours(flows[row, pair], 2.0))
        axes[row, 0].set_ylabel(names[int(labels[index])], fontsize=9, color=INK)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    axes[0, 2].set_title("six frames", fontsize=9, color=INK, loc="left")
    axes[0, 7].set_title("flow between neighbours", fontsize=9, color=INK, loc="left")
    save(figure, "clips.png")


def where_time_goes() -> None:
    """For each model, how many steps of time are left after each stage."""
    rows = {
        "single frame": [6, 6, 6, 6, 1],
        "late fusion": [6, 6, 6, 6, 1],
        "early fusion": [6, 1, 1, 1, 1],
        "3-D": [6, 6, 3, 1, 1],
    }
    stages = ("clip", "block 1", "block 2", "block 3", "scores")
    figure, axes = plt.subplots(1, 4, figsize=(9.2, 2.2), sharey=True, constrained_layout=True)
    for axis, (name, steps) in zip(axes, rows.items(), strict=True):
        for x, count in enumerate(steps):
            for step in range(count):
                y = (step - (count - 1) / 2) * 0.9
                fused = name not in ("single frame", "late fusion") and 0 < x < 4
                axis.add_patch(
                    mpl.patches.Rectangle(
                        (x - 0.3, y - 0.33), 0.6, 0.66, color=ORANGE if fused or x == 4 else GREY if x == 0 else BLUE
                    )
                )
        axis.set_xlim(-0.6, 4.6)
        axis.set_ylim(-3, 3)
        axis.set_xticks(range(5), stages, fontsize=7, rotation=40, color=INK)
        axis.set_yticks([])
        axis.set_title(name, fontsize=9, color=INK)
        for side in axis.spines.values():
            side.set_visible(False)
    axes[0].set_ylabel("steps of time", fontsize=8, color=INK)
    save(figure, "time.png")


def accuracies() -> None:
    """What each model reaches, over five seeds: the mean, and the range."""
    numbers = json.loads(Path(__file__).with_name("order.json").read_text())["accuracy and CPU seconds"]
    panels = {
        "motion": ("single frame", "late fusion, pooled", "late fusion, FC", "early fusion", "3-D", "temporal stream"),
        "joint": ("spatial stream", "temporal stream", "two-stream, mean of probabilities", "two-stream"),
    }
    chance = {"motion": 1 / 8, "joint": 1 / 20}
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 2.5), width_ratios=(6, 4), constrained_layout=True)
    for axis, (task, names) in zip(axes, panels.items(), strict=True):
        values = [numbers[f"{task}/{name}"] for name in names]
        means = [sum(each) / len(each) for each in values]
        axis.barh(range(len(names)), means, color=BLUE, height=0.6)
        for y, each in enumerate(values):
            axis.plot([min(each), max(each)], [y, y], color=INK, linewidth=1.5)
        axis.axvline(chance[task], color=ORANGE, linestyle=":", label="chance")
        labels = [name.replace("two-stream, mean of probabilities", "two-stream,\nmean of softmax") for name in names]
        axis.set_yticks(range(len(names)), labels, fontsize=8, color=INK)
        axis.invert_yaxis()
        axis.set_xlim(0, 1)
        axis.tick_params(axis="x", labelsize=8)
        axis.set_title(f"{task}: accuracy", fontsize=9, color=INK)
        axis.legend(fontsize=7, loc="upper right")
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    save(figure, "accuracy.png")


def receptive_fields() -> None:
    """How far C3D sees after each layer, in frames and in pixels."""
    names = (
        "conv1",
        "pool1",
        "conv2",
        "pool2",
        "conv3a",
        "conv3b",
        "pool3",
        "conv4a",
        "conv4b",
        "pool4",
        "conv5a",
        "conv5b",
        "pool5",
    )
    time = [(2, 2) if name.startswith("pool") else (3, 1) for name in names]
    time[1] = (1, 1)
    space = [(2, 2) if name.startswith("pool") else (3, 1) for name in names]
    sizes = [[size for size, _ in solution("costs").receptive_field(layers)] for layers in (time, space)]
    figure, axis = plt.subplots(figsize=(9.2, 2.4), constrained_layout=True)
    places = np.arange(len(names))
    for offset, each, colour, label in zip((-0.2, 0.2), sizes, (ORANGE, BLUE), ("frames", "pixels"), strict=True):
        axis.bar(places + offset, each, width=0.4, color=colour, label=label)
    axis.axhline(16, color=ORANGE, linestyle=":", linewidth=1, label="the clip: 16 frames")
    axis.axhline(112, color=BLUE, linestyle=":", linewidth=1, label="the picture: 112 pixels")
    axis.set_xticks(places, names, fontsize=8, color=INK)
    axis.tick_params(axis="y", labelsize=8)
    axis.legend(fontsize=7)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    save(figure, "receptive_field.png")


if __name__ == "__main__":
    strips()
    where_time_goes()
    receptive_fields()
    accuracies()
