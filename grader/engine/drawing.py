"""From checked arrays to pictures in a report: PNG files that this side encodes, of bounded size, in colours of ours."""

from __future__ import annotations

import base64
import colorsys
import io
from typing import Any

import numpy as np
import numpy.typing as npt

from grader.records import MAX_PNG, MAX_SIDE, Drawing
from grader.remote_values import local_value

Labels = npt.NDArray[np.int64]

#: What void is drawn in, and an answer that is no class; both stand in the legend.
VOID, NOTHING = "#000000", "#ffffff"
#: How many colours are kept of a picture: a report holds it with every attempt.
_COLOURS = 64


def colour(index: int) -> str:
    """The colour of a class: hues a golden angle apart, so that neighbours in number are far apart in hue."""
    red, green, blue = colorsys.hls_to_rgb(
        (0.02 + 0.618034 * index) % 1.0, (0.42, 0.66, 0.54)[index % 3], (0.75, 0.6)[index % 2]
    )
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"


def as_pictures(x: Any) -> npt.NDArray[np.uint8]:
    """Pictures or clips in [0, 1], (N, ..., C, H, W) with one channel or three, as uint8 (N, ..., H, W, C).

    Raises ValueError, for the author, where they have another form.
    """
    x = local_value(x)
    values = np.asarray(x.detach().cpu().numpy() if hasattr(x, "detach") else x, dtype=np.float64)
    if values.ndim < 4 or values.shape[-3] not in (1, 3):
        raise ValueError(f"pictures are (N, 1 or 3, H, W) and clips (N, T, 1 or 3, H, W); these are {values.shape}")
    bytes_ = np.rint(255 * np.clip(np.nan_to_num(values), 0.0, 1.0)).astype(np.uint8)
    return np.moveaxis(bytes_, -3, -1)


def picture(pixels: npt.NDArray[np.uint8]) -> Drawing:
    """A picture (H, W, 1 or 3), uint8, made smaller where it is larger than a report should hold."""
    from PIL import Image

    grey = pixels.shape[2] == 1
    image = Image.fromarray(pixels[:, :, 0] if grey else pixels)
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    return _encoded(image if grey else image.quantize(_COLOURS))


def label_map(labels: Labels, classes: int, nothing: str) -> Drawing:
    """A label map (H, W) in the colours of its classes; what is no class is drawn in ``nothing``."""
    from PIL import Image

    known = (labels >= 0) & (labels < classes)
    image = Image.fromarray(np.where(known, labels + 1, 0).astype(np.uint8))
    shades = [nothing, *(colour(index) for index in range(classes))]
    image.putpalette([int(shade[start : start + 2], 16) for shade in shades for start in (1, 3, 5)])
    if max(image.size) > MAX_SIDE:
        image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.NEAREST)
    return _encoded(image)


def strip(frames: npt.NDArray[np.uint8]) -> Drawing:
    """The frames (T, H, W, 1 or 3) of a clip side by side, a light line between them."""
    line = np.full((frames.shape[1], 1, frames.shape[3]), 160, np.uint8)
    parts = [part for frame in frames for part in (frame, line)]
    return picture(np.concatenate(parts[:-1], axis=1))


def _encoded(image: Any) -> Drawing:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    text = base64.b64encode(buffer.getvalue()).decode()
    if len(text) > MAX_PNG:
        half = image.convert("L" if image.mode == "L" else "RGB")
        half.thumbnail((max(image.width // 2, 1), max(image.height // 2, 1)))
        return _encoded(half if half.mode == "L" else half.quantize(_COLOURS))
    return Drawing(png=text, width=image.width, height=image.height)
