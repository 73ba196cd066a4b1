"""Small changes to images, so that a memorised image is not the image that is graded. Pure numpy, vectorised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from grader.data.stream import Floats, Stream

Images = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Strength:
    """The largest change to each side: pixels, degrees, fractions; ``noise`` is a standard deviation."""

    shift: float = 0.5
    rotation: float = 6.0
    scale: float = 0.04
    dimming: float = 0.12
    noise: float = 0.02


def perturb(images: Images, stream: Stream, strength: Strength) -> Images:
    """``images``, (N, height, width) in [0, 1], each shifted, turned, scaled, dimmed and made noisy a little.

    The result is rounded to steps of 1/255: like the original, and blind to the last bits in which machines differ.
    """
    count, height, width = images.shape
    angle, scale, down, right, gain = _draw(count, stream, strength)
    moved = _affine(images.astype(np.float64), angle, scale, down, right)
    # Noise on the strokes only: noise on the background would be a giveaway, and costs a linear model dearly.
    noise = strength.noise * stream.normal(count * height * width).reshape(images.shape)
    changed = np.where(moved > 0.0, moved * gain[:, None, None] + noise, 0.0)
    return (np.rint(np.clip(changed, 0.0, 1.0) * 255.0) / 255.0).astype(np.float32)


def perturb_with_points(images: Images, points: Images, stream: Stream, strength: Strength) -> tuple[Images, Images]:
    """The same for photographs, which have no dark border and noise everywhere, with the points (N, K, 2) on them.

    Points are x before y, in pixels, where the pixel in column c reaches from x = c to x = c + 1.
    """
    count, height, width = images.shape
    angle, scale, down, right, gain = _draw(count, stream, strength)
    border = 1 + int(strength.shift + (strength.scale + np.deg2rad(strength.rotation)) * max(height, width))
    wide = np.pad(images.astype(np.float64), ((0, 0), (border, border), (border, border)), mode="edge")
    moved = _affine(wide, angle, scale, down, right)[:, border:-border, border:-border]
    noise = strength.noise * stream.normal(count * height * width).reshape(images.shape)
    changed = moved * gain[:, None, None] + noise
    x, y = points[:, :, 0] - width / 2.0, points[:, :, 1] - height / 2.0
    cos, sin = (np.cos(angle) * scale)[:, None], (np.sin(angle) * scale)[:, None]
    to = [cos * x - sin * y + width / 2.0 + right[:, None], sin * x + cos * y + height / 2.0 + down[:, None]]
    rounded = (np.rint(np.clip(changed, 0.0, 1.0) * 255.0) / 255.0).astype(np.float32)
    return rounded, np.stack(to, axis=2).astype(np.float32)


def _draw(count: int, stream: Stream, strength: Strength) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Angle, scale, shift down, shift to the right and gain for each image."""
    angle = np.deg2rad(stream.uniform(-strength.rotation, strength.rotation, count))
    scale = 1.0 + stream.uniform(-strength.scale, strength.scale, count)
    down = stream.uniform(-strength.shift, strength.shift, count)
    right = stream.uniform(-strength.shift, strength.shift, count)
    return angle, scale, down, right, 1.0 - stream.uniform(0.0, strength.dimming, count)


def _affine(images: Floats, angle: Floats, scale: Floats, down: Floats, right: Floats) -> Floats:
    """Each image turned about its centre by ``angle``, scaled and shifted; bilinear, zero outside."""
    count, height, width = images.shape
    middle_y, middle_x = (height - 1) / 2.0, (width - 1) / 2.0
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    y, x = y[None] - middle_y - down[:, None, None], x[None] - middle_x - right[:, None, None]
    cos, sin = (np.cos(angle) / scale)[:, None, None], (np.sin(angle) / scale)[:, None, None]
    # For every pixel of the result, where it comes from: the inverse map leaves no holes.
    from_y, from_x = cos * y - sin * x + middle_y, sin * y + cos * x + middle_x
    # A border of zeros, and positions clipped into it, make "zero outside" need no special case.
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    from_y, from_x = np.clip(from_y + 1.0, 0.0, height + 0.999), np.clip(from_x + 1.0, 0.0, width + 0.999)
    top, left = from_y.astype(np.int64), from_x.astype(np.int64)
    part_y, part_x = from_y - top, from_x - left
    which = np.arange(count)[:, None, None]
    upper = padded[which, top, left] * (1.0 - part_x) + padded[which, top, left + 1] * part_x
    lower = padded[which, top + 1, left] * (1.0 - part_x) + padded[which, top + 1, left + 1] * part_x
    return np.asarray(upper * (1.0 - part_y) + lower * part_y)
