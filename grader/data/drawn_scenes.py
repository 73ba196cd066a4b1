"""Scenes drawn by formula, with a class for each pixel and a number for each thing: 96x96, in colours that say nothing.

A class is a texture (11 kinds of stuff: stripes, bricks, cells ...) or an outline (12 kinds of things: a star, a moon
...). Stuff fills regions with wavy borders, things lie on it and over one another. The colours of every region and thing
are drawn at random, and so are the light, the size and the turn of its pattern: only shape tells one class from another.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from grader.data.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE = 96

STUFF = ("plain", "stripes", "checks", "dots", "bricks", "grid", "waves", "rings", "cells", "fibres", "clouds")
THINGS = (
    "disc", "ring", "square", "frame", "triangle", "star", "cross", "heart", "moon", "arrow", "flower", "ladder",
)  # fmt: skip
#: Class k is called CLASSES[k]: stuff first.
CLASSES = STUFF + THINGS

#: float32; numpy types what mixed arithmetic gives as float64.
Field = npt.NDArray[Any]


class Scenes(NamedTuple):
    """``images`` (N, 3, 96, 96) uint8; ``labels`` (N, 96, 96) int64, -1 is void; ``instances`` the same, 0 is stuff."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    instances: npt.NDArray[np.int64]


def draw_scenes(count: int, key: bytes, part: str) -> Scenes:
    """The first ``count`` scenes of a series that ``key`` and ``part`` fix; a longer series begins with the same ones."""
    images = np.empty((count, 3, SIDE, SIDE), dtype=np.uint8)
    labels = np.empty((count, SIDE, SIDE), dtype=np.int64)
    instances = np.empty((count, SIDE, SIDE), dtype=np.int64)
    for index in range(count):
        images[index], labels[index], instances[index] = _Scene(Stream(key, f"scene {part} {index}")).draw()
    return Scenes(images, labels, instances)


@lru_cache(maxsize=16)
def _bump_weights(spacing: float) -> Field:
    """(SIDE, k): how much each of k random numbers, ``spacing`` pixels apart, counts in each row; rows of norm 1."""
    centres = np.arange(-2, SIDE / spacing + 3) * spacing
    weights = np.exp(-((np.arange(SIDE)[:, None] - centres) ** 2) / (2 * spacing**2))
    return np.asarray((weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32))


def _soft(inside: Field, width: float) -> Field:
    """0 to 1 over an edge that is ``width`` wide, where ``inside`` changes its sign."""
    return np.clip(inside / np.float32(width) + np.float32(0.5), 0.0, 1.0)


class _Scene:
    """One scene on its way from random numbers to a picture."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.y, self.x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
        self.image: Field = np.zeros((3, SIDE, SIDE), np.float32)
        self.labels = np.zeros((SIDE, SIDE), np.int64)
        self.instances = np.zeros((SIDE, SIDE), np.int64)

    def number(self, low: float, high: float) -> float:
        """A random number between two."""
        return float(self.stream.uniform(low, high, 1)[0])

    def bumps(self, spacing: float) -> Field:
        """A smooth random field of mean 0 and deviation 1 whose hills are about ``spacing`` pixels wide."""
        weights = _bump_weights(spacing)
        noise = self.stream.normal(weights.shape[1] ** 2).astype(np.float32).reshape(weights.shape[1], -1)
        return np.asarray(weights @ noise @ weights.T)

    def ripples(self, along: float, across: float) -> Field:
        """A random field of deviation 1, stretched in a random direction; wave lengths along and across it in pixels."""
        angle = self.number(0.0, 2 * math.pi)
        count = 40
        long, short = self.stream.normal(count) / along, self.stream.normal(count) / across
        fx, fy = math.cos(angle) * long - math.sin(angle) * short, math.sin(angle) * long + math.cos(angle) * short
        phase = self.stream.uniform(0.0, 2 * np.pi, count)
        at = 2j * np.pi * np.arange(SIDE)[:, None]
        # A sum of cosines is the real part of a product of two matrices.
        waves = np.exp(at * fy + 1j * phase) @ np.exp(at * fx).T
        return np.asarray((waves.real * math.sqrt(2 / count)).astype(np.float32))

    def draw(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The finished scene."""
        self.regions()
        for number in range(1, 3 + int(self.number(0, 4))):
            self.thing(number)
        light = 1 + np.float32(0.13) * self.bumps(24.0)
        noise = self.stream.normal(3 * SIDE * SIDE).astype(np.float32).reshape(3, SIDE, SIDE)
        picture = np.clip(self.image * light + np.float32(0.04) * noise, 0.0, 1.0)
        return np.rint(picture * 255).astype(np.uint8), self._with_void(), self.instances

    def regions(self) -> None:
        """Two kinds of stuff, with a wavy border between them."""
        kinds = self.stream.permutation(len(STUFF))[:2]
        at = self.stream.uniform(0.0, SIDE, 4).reshape(2, 2, 1, 1).astype(np.float32)
        x, y = self.x + 5 * self.bumps(12.0), self.y + 5 * self.bumps(12.0)
        region = np.hypot(x - at[:, 0], y - at[:, 1]).argmin(axis=0)
        for index, kind in enumerate(kinds.tolist()):
            here = region == index
            self.labels[here] = kind
            self.image[:, here] = self.painted(self.texture(STUFF[kind]))[:, here]

    def thing(self, number: int) -> None:
        """One thing, at a random place, over what is there."""
        kind = int(self.number(0, len(THINGS)))
        radius = self.number(0.13, 0.25) * SIDE
        at = self.stream.uniform(0.08 * SIDE, 0.92 * SIDE, 2)
        angle = self.number(-0.5, 0.5)
        dx, dy = (self.x - np.float32(at[0])) / radius, (self.y - np.float32(at[1])) / radius
        sin, cos = math.sin(angle), math.cos(angle)
        here = OUTLINES[THINGS[kind]](cos * dx + sin * dy, cos * dy - sin * dx)
        shade = np.clip(0.5 + 0.25 * self.bumps(8.0), 0.0, 1.0)
        self.image[:, here] = self.painted(shade)[:, here]
        self.labels[here], self.instances[here] = len(STUFF) + kind, number

    def painted(self, pattern: Field) -> Field:
        """A pattern of 0 to 1 in two random colours that differ in brightness: (3, SIDE, SIDE)."""
        while True:
            colours = self.stream.uniform(0.0, 1.0, 6).reshape(2, 3).astype(np.float32)
            if abs(float(colours[0].mean() - colours[1].mean())) > 0.2:
                break
        first, second = colours[:, :, None, None]
        return np.asarray(first + (second - first) * pattern)

    def _with_void(self) -> npt.NDArray[np.int64]:
        """The labels, and -1 where a neighbour is another region or thing: nobody can say where exactly a border is."""
        key = np.pad(self.labels * 100 + self.instances, 1, mode="edge")
        shifted = [key[dy : dy + SIDE, dx : dx + SIDE] for dy in range(3) for dx in range(3)]
        border = np.any([part != shifted[4] for part in shifted], axis=0)
        return np.where(border, -1, self.labels)

    def texture(self, kind: str) -> Field:
        """A pattern of 0 to 1, turned, shifted and scaled at random."""
        if kind == "plain":
            return np.asarray(0.5 + np.float32(0.06) * self.bumps(12.0))
        if kind == "clouds":
            return np.asarray(
                np.clip(0.5 + np.float32(0.35) * self.bumps((2.5, 3.0, 3.5)[int(self.number(0, 3))]), 0.0, 1.0)
            )
        if kind == "fibres":
            return np.asarray(np.clip(0.5 + np.float32(0.45) * self.ripples(60.0, 5.0), 0.0, 1.0))
        period = self.number(6.0, 11.0)
        if kind == "cells":
            return self._cells(period)
        angle = self.number(0.0, 2 * math.pi)
        sin, cos = math.sin(angle) / period, math.cos(angle) / period
        u = cos * self.x + sin * self.y + np.float32(self.number(0.0, 10.0))
        v = cos * self.y - sin * self.x + np.float32(self.number(0.0, 10.0))
        return _soft(PATTERNS[kind](u.astype(np.float32), v.astype(np.float32)), 1.2 / period)

    def _cells(self, period: float) -> Field:
        """Cells about random points, with dark walls between them."""
        count = int((SIDE / period) ** 2) + 2
        at = self.stream.uniform(0.0, SIDE, 2 * count).reshape(count, 2, 1, 1).astype(np.float32)
        far = np.hypot(self.x - at[:, 0], self.y - at[:, 1])
        far.partition(1, axis=0)
        return _soft(far[1] - far[0] - np.float32(1.6), 1.2)


def _to_middle(x: Field) -> Field:
    """How far each number is from the nearest whole one, 0 to 1/2."""
    return np.asarray(np.abs(x - np.rint(x)))


def _bricks(u: Field, v: Field) -> Field:
    along = 0.5 * u + 0.5 * (np.floor(v) % 2)
    return np.asarray(np.minimum(2 * _to_middle(along) - 0.1, _to_middle(v) - 0.1))


def _rings(u: Field, v: Field) -> Field:
    far = 2.2 * np.hypot(u / 2.2 - np.rint(u / 2.2), v / 2.2 - np.rint(v / 2.2))
    return np.asarray(_to_middle(1.6 * far) - 0.25)


#: Patterns in units of their period: positive where the first colour is.
PATTERNS: dict[str, Callable[[Field, Field], Field]] = {
    "stripes": lambda u, v: _to_middle(u) - 0.25,  # noqa: ARG005
    "checks": lambda u, v: 0.4 * np.sin(np.pi * u) * np.sin(np.pi * v),
    "dots": lambda u, v: 0.32 - np.hypot(_to_middle(u), _to_middle(v)),
    "bricks": _bricks,
    "grid": lambda u, v: np.minimum(_to_middle(u), _to_middle(v)) - 0.13,
    "waves": lambda u, v: _to_middle(v + 0.35 * np.sin(4.2 * u)) - 0.25,
    "rings": _rings,
}


def _square(u: Field, v: Field) -> Field:
    return np.maximum(np.abs(u), np.abs(v))


def _arrow(u: Field, v: Field) -> Field:
    head = (u > 0.0) & (u + np.abs(v) < 1.0)
    return head | ((np.abs(u + 0.45) < 0.5) & (np.abs(v) < 0.24))


def _heart(u: Field, v: Field) -> Field:
    lobes = np.hypot(np.abs(u) - 0.42, v + 0.35) < 0.48
    return lobes | ((v > -0.25) & (v + 1.15 * np.abs(u) < 0.85))


#: Outlines in units of the thing's radius, u to its right and v down: true inside.
OUTLINES: dict[str, Callable[[Field, Field], Field]] = {
    "disc": lambda u, v: np.hypot(u, v) < 0.95,
    "ring": lambda u, v: np.abs(np.hypot(u, v) - 0.75) < 0.24,
    "square": lambda u, v: _square(u, v) < 0.85,
    "frame": lambda u, v: np.abs(_square(u, v) - 0.67) < 0.22,
    "triangle": lambda u, v: (v < 0.7) & (v > 1.8 * np.abs(u) - 0.95),
    "star": lambda u, v: np.hypot(u, v) < 0.67 + 0.33 * np.cos(5 * np.arctan2(u, -v)),
    "cross": lambda u, v: (_square(u, v) < 0.98) & (np.minimum(np.abs(u), np.abs(v)) < 0.32),
    "heart": _heart,
    "moon": lambda u, v: (np.hypot(u, v) < 1.0) & (np.hypot(u - 0.5, v) > 0.8),
    "arrow": _arrow,
    "flower": lambda u, v: (np.hypot(u, v) < 0.65 + 0.3 * np.cos(6 * np.arctan2(v, u))) & (np.hypot(u, v) > 0.2),
    "ladder": lambda u, v: (np.abs(u) < 0.62) & (np.abs(v) < 1.0) & ((np.abs(u) > 0.36) | (_to_middle(1.9 * v) < 0.22)),
}
