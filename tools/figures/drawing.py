"""What the handouts' figures share: ink, fonts, boxes and arrows, and files that come out the same each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ROOT = Path(__file__).resolve().parents[2]
INK, GREY, PAPER = "#26323a", "#9aa5ab", "#ffffff"
BLUE, ORANGE, GREEN, RED = "#2f6f9f", "#d9772b", "#4b8b5b", "#b3433b"

mpl.rcParams.update(
    {
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "text.color": INK,
        "axes.edgecolor": GREY,
        "axes.labelcolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": INK,
        "ytick.color": INK,
        "savefig.facecolor": PAPER,
        "svg.fonttype": "none",
        "svg.hashsalt": "autograde",
    }
)


def save(figure: Any, assignment: str, name: str) -> None:
    """Write a figure beside its handout, without a date, so that drawing it again changes nothing."""
    folder = ROOT / "assignments" / assignment / "figures"
    folder.mkdir(exist_ok=True)
    metadata = {"Date": None} if name.endswith(".svg") else {"Software": None}
    figure.savefig(folder / name, dpi=120, bbox_inches="tight", pad_inches=0.08, metadata=metadata)
    plt.close(figure)


def canvas(width: float, height: float) -> tuple[Any, Any]:
    """A figure whose units are inches, with nothing on it."""
    figure = plt.figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    return figure, axes


def box(axes: Any, x: float, y: float, text: str, *, width: float = 0.9, height: float = 0.42, **style: Any) -> None:
    """A labelled box about its centre."""
    colour = style.pop("colour", INK)
    fill = style.pop("fill", PAPER)
    patch = FancyBboxPatch(
        (x - width / 2, y - height / 2),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.07",
        linewidth=1.2,
        edgecolor=colour,
        facecolor=fill,
        zorder=3,
    )
    axes.add_patch(patch)
    axes.text(x, y - 0.01, text, ha="center", va="center", color=style.pop("ink", INK), zorder=4, **style)


def arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], **style: Any) -> None:
    """An arrow; ``bend`` curves it, ``label`` stands at its middle, moved by ``shift``."""
    colour = style.get("colour", INK)
    patch = FancyArrowPatch(
        start,
        end,
        arrowstyle="-|>",
        mutation_scale=10,
        linewidth=style.get("weight", 1.2),
        linestyle=style.get("dash", "-"),
        color=colour,
        connectionstyle=f"arc3,rad={style.get('bend', 0)}",
        shrinkA=0,
        shrinkB=0,
        zorder=2,
    )
    axes.add_patch(patch)
    if "label" in style:
        dx, dy = style.get("shift", (0, 0.12))
        axes.text(
            (start[0] + end[0]) / 2 + dx,
            (start[1] + end[1]) / 2 + dy,
            style["label"],
            ha="center",
            va="center",
            color=colour,
            fontsize=style.get("size", 8.5),
            zorder=4,
        )
