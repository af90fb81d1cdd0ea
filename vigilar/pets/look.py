"""The numbers of an animal's picture. Pure; needs numpy, so it belongs where pictures are decoded.

Of the box, with some of what is around it, in 64 x 64 pixels at most:

- what around the box looks the same counts little: each pixel weighs as much as its colour is more frequent inside than
  on the rim, and more in the middle than at the edge;
- 40 numbers are the square roots of a histogram in CIELAB: 8 steps of lightness by 5 of colour (grey, faintly warm,
  warm, strongly warm, cold), each pixel shared out among neighbouring steps and these smoothed into one another, so
  that a little more light moves a little weight and not all of it. The distance of square roots is that of Hellinger;
- 2 numbers are the texture: how much lightness differs from a pixel to its neighbour, and from a block of four to the
  next. A tabby differs from plain grey by these.

The size of the animal is noted, and not compared: it says how near the camera it was. Infrared pictures have lightness
and texture alone, and are marked.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vigilar.pets.match import VALUES, Look

Floats = NDArray[np.float64]

ROOM = 0.25
"""So much of the box's size is shown around it on each side: what is behind the animal."""

MOST = (96, 96)
"""The largest picture that is looked at, in pixels; coats need no more."""

LEAST_PX = 28
"""An animal whose shorter side has fewer pixels of the camera's picture has no coat that could be told."""

COLOURLESS = 2.0
"""Mean chroma below which a picture is infrared: by day even snow has more, through the camera's own noise."""

COLOURS = 5
LIGHTS = (VALUES - 2) // COLOURS
TEXTURE = 0.35
"""What the two numbers of texture weigh against the histogram, whose length is 1."""


def look_of(pixels: NDArray[np.uint8], box: tuple[float, float, float, float], size_px: int) -> Look | None:
    """``pixels``: the animal with ROOM around, HxWx3 BGR. ``box``: left, top, right, bottom of the animal on them in
    0..1. ``size_px``: its shorter side in the camera's picture. None when it is too small to tell anything."""
    height, width = pixels.shape[:2]
    if size_px < LEAST_PX or min(height, width) < 12:
        return None
    lab = to_lab(pixels)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    is_infrared = float(chroma.mean()) < COLOURLESS
    inside = _inside(height, width, box)
    if not 0.05 < float((inside > 0).mean()) < 1.0 or inside.sum() < 50:
        inside = np.maximum(inside, 0.05)
    shares = _shares(lab, chroma, is_infrared)
    weights = inside * _foreground(shares, inside)
    total = float(weights.sum())
    if total <= 0.0:
        return None
    histogram = np.tensordot(weights, shares, axes=((0, 1), (0, 1))) / total
    texture = _texture(lab[..., 0], weights / total)
    values = np.concatenate((np.sqrt(_smooth(histogram)), TEXTURE * texture))
    return Look(is_infrared, min(size_px, 255), np.rint(np.clip(values, 0.0, 1.0) * 255).astype(np.uint8).tobytes())


def room_around(
    box: tuple[float, float, float, float],
) -> tuple[tuple[float, float, float, float], tuple[float, float, float, float]]:
    """The part of the picture to cut out for ``box``, cut to the picture, and where the box lies in that part."""
    left, top, right, bottom = box
    wide, high = ROOM * (right - left), ROOM * (bottom - top)
    part = max(left - wide, 0.0), max(top - high, 0.0), min(right + wide, 1.0), min(bottom + high, 1.0)
    width, height = part[2] - part[0], part[3] - part[1]
    inner = (
        *((left - part[0]) / width, (top - part[1]) / height),
        *((right - part[0]) / width, (bottom - part[1]) / height),
    )
    return part, inner


def to_lab(pixels: NDArray[np.uint8]) -> Floats:
    """CIELAB (D65, 2 degrees) of sRGB in the order BGR; IEC 61966-2-1 and CIE 15."""
    linear = _LINEAR[pixels[..., ::-1]]
    xyz = linear @ _TO_XYZ.T
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    found: Floats = np.stack(
        (
            *(116 * root[..., 1] - 16, 500 * (root[..., 0] - root[..., 1])),
            200 * (root[..., 1] - root[..., 2]),
        ),
        axis=-1,
    )
    return found


_STEPS = np.arange(256) / 255.0
_LINEAR = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4)
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) / np.array(
    [[0.9505], [1.0], [1.089]]
)


def _inside(height: int, width: int, box: tuple[float, float, float, float]) -> Floats:
    """1 in the middle of the box, falling to 0 at its edge and beyond: an animal is more an ellipse than a box."""
    across = ((np.arange(width) + 0.5) / width - (box[0] + box[2]) / 2) / max((box[2] - box[0]) / 2, 1e-6)
    down = ((np.arange(height) + 0.5) / height - (box[1] + box[3]) / 2) / max((box[3] - box[1]) / 2, 1e-6)
    return np.clip(1.25 - (down[:, None] ** 2 + across[None, :] ** 2), 0.0, 1.0)


def _shares(lab: Floats, chroma: Floats, is_infrared: bool) -> Floats:
    """HxWx40: how each pixel is shared out among the steps, 1 in all."""
    lights = _soft(np.clip(lab[..., 0], 0, 100) / 100 * (LIGHTS - 1), LIGHTS)
    if is_infrared:
        colours = np.zeros((*chroma.shape, COLOURS))
        colours[..., 0] = 1.0
    else:
        # From yellow over orange to red is where coats are; all else is light or things around.
        angle = np.arctan2(lab[..., 2], lab[..., 1])
        is_cold = np.clip((np.abs(angle - 1.05) - 1.1) / 0.5, 0.0, 1.0) * np.clip((chroma - 4) / 8, 0.0, 1.0)
        warm = _soft(np.interp(chroma, (0, 3, 10, 22, 40), (0, 0, 1, 2, 3)), 4)
        colours = np.concatenate((warm * (1 - is_cold)[..., None], is_cold[..., None]), axis=-1)
    shared: Floats = (lights[..., :, None] * colours[..., None, :]).reshape(*chroma.shape, LIGHTS * COLOURS)
    return shared


def _soft(place: Floats, steps: int) -> Floats:
    """Each value shared between the two steps it lies between."""
    found: Floats = np.clip(1.0 - np.abs(place[..., None] - np.arange(steps)), 0.0, 1.0)
    return found


def _smooth(histogram: Floats) -> Floats:
    """Twice over the steps of lightness, once over those of warmth; the sum stays 1."""
    steps = histogram.reshape(LIGHTS, COLOURS)
    for _ in range(2):
        steps = _spread(steps)
    steps = np.concatenate((_spread(steps[:, :-1].T).T, steps[:, -1:]), axis=1)
    found: Floats = steps.reshape(-1)
    return found


def _spread(rows: Floats) -> Floats:
    padded = np.pad(rows, ((1, 1), (0, 0)), mode="edge")
    found: Floats = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    return found


def _foreground(shares: Floats, inside: Floats) -> Floats:
    """0..1: how much more each pixel's colour belongs to the inside than to the rim."""
    outside = (inside <= 0.0).astype(np.float64)
    if outside.sum() < 20:
        return np.ones(inside.shape)
    own = np.tensordot(inside, shares, axes=((0, 1), (0, 1))) / inside.sum()
    rim = np.tensordot(outside, shares, axes=((0, 1), (0, 1))) / outside.sum()
    ratio = (own + 0.002) / (own + rim + 0.004)
    # Never nothing: a black cat before a black door is still a black cat.
    found: Floats = 0.03 + np.clip((shares @ ratio - 0.35) / 0.4, 0.0, 1.0)
    return found


def _texture(light: Floats, weights: Floats) -> Floats:
    """0..1 each: differences between neighbours, and between blocks of four by four."""
    fine = np.zeros_like(light)
    fine[:-1, :-1] = np.abs(np.diff(light, axis=0))[:, :-1] + np.abs(np.diff(light, axis=1))[:-1, :]
    rows, columns = light.shape[0] // 4, light.shape[1] // 4
    blocks = light[: rows * 4, : columns * 4].reshape(rows, 4, columns, 4).mean(axis=(1, 3))
    coarse = np.zeros_like(blocks)
    coarse[:-1, :-1] = np.abs(np.diff(blocks, axis=0))[:, :-1] + np.abs(np.diff(blocks, axis=1))[:-1, :]
    heavy = weights[: rows * 4, : columns * 4].reshape(rows, 4, columns, 4).sum(axis=(1, 3))
    both = np.array([(fine * weights).sum() / 20, (coarse * heavy).sum() / 40])
    found: Floats = np.clip(both, 0.0, 1.0)
    return found
