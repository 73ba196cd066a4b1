"""Faces drawn by formula, with their 15 landmarks: grey, 96x96, each another person in another pose and light.

A face is a set of points in space. Modes of shape move them together (a wide mouth, raised brows), a random rotation,
scale and shift put them in front of the camera, and soft ellipses and lines are drawn through where they fall. Then come
light, things that hide a part, blur and the noise of a sensor. Nothing is learned from data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from grader.data.landmarks import SIDE, Pixels, Points

if TYPE_CHECKING:
    from grader.data.stream import Floats, Stream

#: float32; numpy types what mixed arithmetic gives as float64.
Layer = npt.NDArray[Any]

#: Pictures drawn at a time: enough that numpy is busy, few enough that the layers stay in the cache.
_CHUNK = 16

# Right, down, towards the camera; in pixels of the picture, from the middle between the eyes. The person's left is +x.
_MEAN = np.array(
    [
        [17.5, 0, 0], [-17.5, 0, 0], [11, 0.5, 1], [24.5, 0.5, -5], [-11, 0.5, 1], [-24.5, 0.5, -5],
        [8, -8.5, 5], [29, -8, -7], [-8, -8.5, 5], [-29, -8, -7],
        [0, 24, 17], [14.5, 37.5, 3], [-14.5, 37.5, 3], [0, 34.5, 9], [0, 41, 8],
    ]
)  # fmt: skip

_EYES, _BROWS, _MOUTH = [0, 1, 2, 3, 4, 5], [6, 7, 8, 9], [11, 12, 13, 14]
_LEFT, _RIGHT = [0, 2, 3, 6, 7, 11], [1, 4, 5, 8, 9, 12]


def _modes() -> Floats:
    """How each mode of shape moves the points, (modes, 15, 3), in pixels for a strength of one."""

    def mode(**moves: tuple[list[int], int, float]) -> Floats:
        moved = np.zeros((15, 3))
        for indices, axis, by in moves.values():
            moved[indices, axis] += by
        return moved

    return np.stack(
        [
            mode(eyes_l=([0, 2, 3, 6, 7], 0, 1.8), eyes_r=([1, 4, 5, 8, 9], 0, -1.8)),  # far apart
            mode(outer_l=([3], 0, 1.3), outer_r=([5], 0, -1.3), inner_l=([2], 0, -1.0), inner_r=([4], 0, 1.0)),
            mode(brows=(_BROWS, 1, -2.2)),  # raised
            mode(inner=([6, 8], 1, 1.5), outer=([7, 9], 1, -1.0)),  # frowning
            mode(left=([6, 7], 1, -1.2), right=([8, 9], 1, 0.8)),  # one brow
            mode(nose=([10], 1, 2.5), mouth=(_MOUTH, 1, 1.8)),  # a long nose
            mode(mouth=(_MOUTH, 1, 2.0)),
            mode(left=([11], 0, 2.5), right=([12], 0, -2.5)),  # a wide mouth
            mode(corners=([11, 12], 1, -2.2), lip=([14], 1, 0.7)),  # a smile
            mode(nose=([10], 2, 3.0)),
            mode(crooked=([10, 11, 12, 13, 14], 0, 1.0)),
        ]
    )


def draw_faces(count: int, stream: Stream) -> tuple[Pixels, Points]:
    """Draw ``count`` faces: pictures, (N, 96, 96) uint8, and landmarks, (N, 15, 2) float32 pixels."""
    points, open_mouth, pose = _points(count, stream)
    pictures = np.empty((count, SIDE, SIDE), dtype=np.uint8)
    knobs = stream.uniform(0.0, 1.0, count * 48).reshape(count, 48).astype(np.float32)
    noise = Noise(stream)
    for start in range(0, count, _CHUNK):
        part = slice(start, start + _CHUNK)
        picture = _Picture(points[part].astype(np.float32), open_mouth[part], pose[part], knobs[part]).draw(noise)
        pictures[part] = np.rint(np.clip(picture, 0.0, 1.0) * 255.0)
    return pictures, points.astype(np.float32)


class Noise:
    """Standard normal noise cut from one large table at random places: a sensor's, at a tenth of the cost."""

    def __init__(self, stream: Stream) -> None:
        self._table = stream.normal(1 << 17).astype(np.float32)
        self._stream = stream

    def draw(self, count: int) -> Layer:
        """(count, 96, 96) float32."""
        starts = self._stream.uniform(0.0, len(self._table) - SIDE * SIDE, count).astype(np.int64)
        return np.stack([self._table[start : start + SIDE * SIDE] for start in starts]).reshape(count, SIDE, SIDE)


def _points(count: int, stream: Stream) -> tuple[Floats, Floats, Floats]:
    """Landmarks (N, 15, 2), how far mouths are open (N,) in pixels, and poses (N, 4): roll, scale and the head's middle."""
    modes = _modes()
    strength = np.clip(stream.normal(count * len(modes)).reshape(count, -1), -2.2, 2.2)
    shape = _MEAN + np.einsum("nm,mkd->nkd", strength, modes)
    shape += 0.35 * stream.normal(count * 45).reshape(count, 15, 3)
    open_mouth = np.maximum(stream.uniform(-6.0, 7.0, count), 0.0)
    shape[:, 14, 1] += open_mouth + 1.0
    shape[:, 13, 1] = np.minimum(shape[:, 13, 1], shape[:, 14, 1] - 4.5 - open_mouth)
    shape[:, [11, 12], 1] = np.clip(shape[:, [11, 12], 1], shape[:, 13, 1, None] - 1.5, shape[:, 14, 1, None] + 1.0)
    yaw, pitch = np.deg2rad(stream.uniform(-28, 28, count)), np.deg2rad(stream.uniform(-16, 16, count))
    roll, scale = np.deg2rad(stream.uniform(-16, 16, count)), stream.uniform(0.72, 1.06, count)
    middle = np.stack([48 + stream.uniform(-9, 9, count), 50 + stream.uniform(-7, 7, count)], axis=1)
    pivot = np.array([0.0, 15.0, -14.0])  # the neck's end of the head, about which it turns
    x, y, z = np.moveaxis(np.concatenate([shape, np.tile([[[0.0, 14.0, -16.0]]], (count, 1, 1))], axis=1) - pivot, 2, 0)
    sin, cos = np.sin(yaw)[:, None], np.cos(yaw)[:, None]
    x, z = cos * x + sin * z, cos * z - sin * x
    sin, cos = np.sin(pitch)[:, None], np.cos(pitch)[:, None]
    y, z = cos * y + sin * z, cos * z - sin * y
    near = scale[:, None] / (1.0 - z / 420.0)  # what is nearer is larger
    sin, cos = np.sin(roll)[:, None], np.cos(roll)[:, None]
    flat = np.stack([near * (cos * x - sin * y), near * (sin * x + cos * y)], axis=2) + middle[:, None]
    points = np.clip(flat[:, :15], 1.0, SIDE - 1.0)  # every landmark is in the picture
    pose = np.concatenate([roll[:, None], scale[:, None], flat[:, 15]], axis=1)
    return points, open_mouth * scale, pose


class _Picture:
    """A few faces on their way from landmarks to pictures. All layers are (n, 96, 96) float32."""

    def __init__(self, points: Points, open_mouth: Floats, pose: Floats, knobs: Layer) -> None:
        self.points: Layer = points
        self.open_mouth: Layer = open_mouth.astype(np.float32)
        pose = pose.astype(np.float32)
        self.roll, self.scale, self.middle = pose[:, 0], pose[:, 1], pose[:, 2:]
        self.knobs, self.used = knobs, 0
        self.y, self.x = (np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) + np.float32(0.5))[:, None]
        self.image: Layer = np.zeros((len(points), SIDE, SIDE), dtype=np.float32)

    def knob(self, low: float, high: float) -> Layer:
        """The next random number of each face."""
        self.used += 1
        return np.float32(low) + np.float32(high - low) * self.knobs[:, self.used - 1]

    def paint(self, mask: Layer, grey: Layer) -> None:
        """Lay ``grey`` over what ``mask``, 0 to 1, covers."""
        self.image += mask * (grey.reshape(len(self.image), *(1, 1) if grey.ndim == 1 else grey.shape[1:]) - self.image)

    def axes(self, at: Layer, angle: Layer) -> tuple[Layer, Layer]:
        """Coordinates of all pixels along and across an axis through ``at``."""
        dx, dy = self.x - at[:, 0, None, None], self.y - at[:, 1, None, None]
        cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
        return cos * dx + sin * dy, cos * dy - sin * dx

    def ellipse(self, at: Layer, angle: Layer, a: Layer, b: Layer, soft: float) -> Layer:
        """1 within an ellipse of half axes ``a`` and ``b``, 0 outside, with an edge about ``soft`` pixels wide."""
        u, v = self.axes(at, angle)
        far = np.sqrt((u / a[:, None, None]) ** 2 + (v / b[:, None, None]) ** 2)
        return np.clip((1.0 - far) * np.minimum(a, b)[:, None, None] / np.float32(soft) + 0.5, 0.0, 1.0)

    def line(self, start: Layer, end: Layer, width: Layer) -> Layer:
        """1 on the straight line from ``start`` to ``end``, falling off like a Gaussian."""
        way = end - start
        dx, dy = self.x - start[:, 0, None, None], self.y - start[:, 1, None, None]
        wx, wy = way[:, 0, None, None], way[:, 1, None, None]
        along = np.clip((dx * wx + dy * wy) / (wx**2 + wy**2), 0.0, 1.0)
        square = (dx - along * wx) ** 2 + (dy - along * wy) ** 2
        mask: Layer = np.exp(-square / (2 * width[:, None, None] ** 2))
        return mask

    def draw(self, noise: Noise) -> Layer:
        """The finished pictures."""
        self.background(noise)
        skin = self.head()
        for side in (0, 1):
            self.eye(side, skin)
        self.nose(skin)
        self.mouth(skin)
        self.hidden()
        return self.camera(noise)

    def background(self, noise: Noise) -> None:
        """A wall with a slope of grey and large soft blotches."""
        angle = self.knob(0.0, 6.28)
        u, _ = self.axes(np.full((len(self.image), 2), 48.0, dtype=np.float32), angle)
        self.image += self.knob(0.1, 0.9)[:, None, None] + self.knob(0.0, 0.004)[:, None, None] * u
        # Few random numbers, spread over the wall by a linear interpolation along each axis.
        knots = np.maximum(1 - np.abs(np.arange(SIDE)[:, None] / 8 - np.arange(13)), 0).astype(np.float32)
        blotches = knots @ noise.draw(len(self.image))[:, :13, :13] @ knots.T
        self.image += self.knob(0.0, 0.12)[:, None, None] * blotches

    def head(self) -> Layer:
        """Hair, the face in its light, a beard for some. Gives the skin's grey, (n,)."""
        skin, hair = self.knob(0.4, 0.85), self.knob(0.03, 0.5)
        wide, high = self.knob(33.0, 38.0) * self.scale, self.knob(43.0, 49.0) * self.scale
        u, v = self.axes(self.middle, self.roll)
        around = self.ellipse(self.middle, self.roll, wide * self.knob(1.05, 1.3), high * self.knob(1.05, 1.2), 3.0)
        self.paint(around, hair)
        face = self.ellipse(self.middle, self.roll, wide, high, 2.0)
        line = (self.knob(-34.0, -26.0) * self.scale)[:, None, None] + 0.006 * u**2
        face *= np.clip((v - line) / 3.0 + 0.5, 0.0, 1.0)
        light = self.knob(-0.3, 0.3)[:, None, None] * u / 40 + self.knob(-0.15, 0.15)[:, None, None] * v / 45
        round_ = -0.12 * ((u / 38) ** 2 + (v / 50) ** 2)
        self.paint(face, skin[:, None, None] * (1.0 + light + round_))
        beard = self.ellipse(self.points[:, 14], self.roll, 20 * self.scale, 15 * self.scale, 8.0)
        self.paint(beard * (np.clip(self.knob(-1.5, 0.5), 0, 1))[:, None, None], hair)
        return skin

    def eye(self, side: int, skin: Layer) -> None:
        """An eye with its lids and its brow: the person's left one where ``side`` is 0."""
        centre = self.points[:, side]
        inner, outer = self.points[:, 2 + 2 * side], self.points[:, 3 + 2 * side]
        low, high = self.points[:, 6 + 2 * side], self.points[:, 7 + 2 * side]
        way = (outer - inner) if side == 0 else (inner - outer)
        angle = np.arctan2(way[:, 1], way[:, 0])
        half = np.maximum(np.hypot(way[:, 0], way[:, 1]) / 2, 1.5)
        opening = self.knob(1.6, 3.8) * self.scale
        middle = (inner + outer) / 2
        socket = self.ellipse(middle, angle, half * 1.5, half * 1.2, 5.0)
        self.paint(socket * self.knob(0.0, 0.35)[:, None, None], skin * 0.6)
        white = self.ellipse(middle, angle, half, opening, 1.0)
        self.paint(white, np.minimum(skin * self.knob(1.1, 1.5), 1.0))
        iris = self.ellipse(centre, angle, 3.0 * self.scale, 3.0 * self.scale, 1.0)
        self.paint(iris * np.minimum(white + 0.2, 1.0), self.knob(0.02, 0.3) * skin)
        for corner in (inner, outer):
            self.paint(0.7 * self.line(corner, 0.5 * (corner + centre) - [0, 1.2], 0.7 * self.scale), skin * 0.3)
        self.paint(
            self.line(low, high, self.knob(1.0, 1.9) * self.scale) * self.knob(0.5, 0.95)[:, None, None], skin * 0.25
        )

    def nose(self, skin: Layer) -> None:
        """A ridge lit from one side, a tip, two nostrils."""
        tip = self.points[:, 10]
        bridge = (self.points[:, 2] + self.points[:, 4]) / 2
        across = np.stack([np.cos(self.roll), np.sin(self.roll)], axis=1) * self.scale[:, None]
        down = np.stack([-np.sin(self.roll), np.cos(self.roll)], axis=1) * self.scale[:, None]
        side = np.sign(self.knob(-1.0, 1.0))[:, None] * 2.5
        self.paint(0.3 * self.line(bridge + side * across, tip + side * 1.6 * across, 1.6 * self.scale), skin * 0.6)
        self.paint(0.35 * self.line(bridge, tip, 1.4 * self.scale), np.minimum(skin * 1.25, 1.0))
        for sign in (-1.0, 1.0):
            hole = tip + sign * 4.0 * across + 2.6 * down
            self.paint(0.75 * self.ellipse(hole, self.roll, 2.2 * self.scale, 1.3 * self.scale, 1.2), skin * 0.3)

    def mouth(self, skin: Layer) -> None:
        """Two lips through four points, and the dark between them where the mouth is open."""
        left, right = self.points[:, 11], self.points[:, 12]
        way = left - right
        angle, half = np.arctan2(way[:, 1], way[:, 0]), np.maximum(np.hypot(way[:, 0], way[:, 1]) / 2, 3.0)
        u, v = self.axes((left + right) / 2, angle)
        bow = np.maximum(1.0 - (u / half[:, None, None]) ** 2, 0.0)
        cos, sin = np.cos(angle), np.sin(angle)
        heights = []
        for lip in (self.points[:, 13], self.points[:, 14]):
            offset = lip - (left + right) / 2
            heights.append((cos * offset[:, 1] - sin * offset[:, 0])[:, None, None])
        top, bottom = heights
        inside = np.clip(v - top * bow + 0.5, 0.0, 1.0) * np.clip(bottom * bow - v + 0.5, 0.0, 1.0)
        self.paint(inside * (np.abs(u) < half[:, None, None]), skin * self.knob(0.45, 0.75))
        gap = np.clip(self.open_mouth / 2 + 0.4, 0.4, None)[:, None, None] * bow
        middle = (top + bottom) / 2 * bow
        dark = np.clip(gap - np.abs(v - middle) + 0.5, 0.0, 1.0) * (np.abs(u) < half[:, None, None])
        self.paint(0.85 * dark, skin * 0.15)

    def hidden(self) -> None:
        """Glasses for some; for some a thing before the face."""
        frames = (self.knob(-4.0, 1.0) > 0).astype(np.float32)[:, None, None]
        if frames.any():
            for side in (0, 1):
                outer = self.ellipse(self.points[:, side], self.roll, 11 * self.scale, 8 * self.scale, 1.0)
                inner = self.ellipse(self.points[:, side], self.roll, 9.6 * self.scale, 6.6 * self.scale, 1.0)
                self.paint(frames * (outer - inner), np.full(len(self.image), 0.08, dtype=np.float32))
        at = np.stack([self.knob(5.0, 91.0), self.knob(5.0, 91.0)], axis=1)
        thing = self.ellipse(at, self.knob(0.0, 3.14), self.knob(4.0, 18.0), self.knob(3.0, 9.0), 1.5)
        self.paint(thing * (self.knob(-2.0, 1.0) > 0)[:, None, None], self.knob(0.05, 0.95))

    def camera(self, noise: Noise) -> Layer:
        """Blur, exposure, and the noise of a sensor."""
        image: Layer = self.image
        wide = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="edge")
        rows = (wide[:, :-2] + wide[:, 2:] + 2 * wide[:, 1:-1]) / 4
        soft = (rows[:, :, :-2] + rows[:, :, 2:] + 2 * rows[:, :, 1:-1]) / 4
        image = image + self.knob(0.0, 1.0)[:, None, None] * (soft - image)
        image = (image - 0.5) * self.knob(0.7, 1.1)[:, None, None] + self.knob(0.42, 0.58)[:, None, None]
        noisy: Layer = image + self.knob(0.005, 0.035)[:, None, None] * noise.draw(len(image))
        return noisy
