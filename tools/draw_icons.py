"""Draw the icons that phones ask for as PNG, from the same shape as ``icon.svg``: an eye.

Run it by hand after the shape has changed and commit what it writes; a test holds the files against it.

    python -m tools.draw_icons
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent.parent / "vigilar" / "web" / "static" / "icons"

GROUND, LINE, PUPIL = (0x16, 0x1C, 0x22), (0xE8, 0xED, 0xF2), (0x8C, 0xC0, 0xFF)
SIDE = 32.0
"""Side of the square in which the shape is described; as the SVG's."""

_LIDS = (
    ((4.0, 16.0), (8.0, 10.0), (12.0, 7.0), (16.0, 7.0)),
    ((16.0, 7.0), (20.0, 7.0), (24.0, 10.0), (28.0, 16.0)),
    ((28.0, 16.0), (24.0, 22.0), (20.0, 25.0), (16.0, 25.0)),
    ((16.0, 25.0), (12.0, 25.0), (8.0, 22.0), (4.0, 16.0)),
)
"""Cubic Bézier curves: the path of the SVG in absolute numbers."""

_LINE_WIDTH, _PUPIL_RADIUS, _CORNER = 2.4, 4.4, 7.0

Picture = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Icon:
    """``size`` in pixels. ``art``: how large the eye is drawn, 1 as in the SVG. ``corner`` in units of ``SIDE``; None
    for no ground at all, and the eye in white: what a system bar colours itself."""

    size: int
    art: float = 1.0
    corner: float | None = _CORNER


ICONS: Mapping[str, Icon] = {
    "icon-192.png": Icon(192),
    "icon-512.png": Icon(512),
    # A launcher may cut off everything outside of a circle of 80 % of the side (W3C manifest, "maskable").
    "maskable-512.png": Icon(512, art=0.72, corner=0.0),
    # iPhones round the corners themselves and paint black behind what is transparent.
    "apple-180.png": Icon(180, art=0.86, corner=0.0),
    "badge-96.png": Icon(96, art=1.15, corner=None),
}


def draw(icon: Icon) -> NDArray[np.uint8]:
    """RGBA, size x size."""
    scale = icon.size / SIDE
    y, x = (np.mgrid[0 : icon.size, 0 : icon.size] + 0.5) / scale
    ax, ay = (x - SIDE / 2) / icon.art + SIDE / 2, (y - SIDE / 2) / icon.art + SIDE / 2
    lids = _cover(_LINE_WIDTH / 2 - _distance_to_lids(ax, ay), scale * icon.art)
    pupil = _cover(_PUPIL_RADIUS - np.hypot(ax - SIDE / 2, ay - SIDE / 2), scale * icon.art)
    picture = np.zeros((icon.size, icon.size, 4))
    if icon.corner is None:
        picture[..., :3] = 255
        picture[..., 3] = 255 * np.maximum(lids, pupil)
    else:
        picture[..., :3] = GROUND
        _lay(picture, LINE, lids)
        _lay(picture, PUPIL, pupil)
        picture[..., 3] = 255 * _cover(_inside_of_rounded_square(x, y, icon.corner), scale)
    return np.round(picture).astype(np.uint8)


def _lay(picture: Picture, colour: tuple[int, int, int], cover: Picture) -> None:
    picture[..., :3] += (np.array(colour) - picture[..., :3]) * cover[..., None]


def _cover(inside: Picture, scale: float) -> Picture:
    """How much of each pixel lies inside, 0 to 1, of how far its middle is inside."""
    covered: Picture = np.clip(0.5 + inside * scale, 0.0, 1.0)
    return covered


def _distance_to_lids(x: Picture, y: Picture) -> Picture:
    nearest = np.full(x.shape, np.inf)
    for curve in _LIDS:
        points = [_point(curve, step / 24) for step in range(25)]
        for (ax, ay), (bx, by) in pairwise(points):
            length = (bx - ax) ** 2 + (by - ay) ** 2
            along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length, 0, 1)
            nearest = np.minimum(nearest, np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay)))
    return nearest


def _point(curve: tuple[tuple[float, float], ...], t: float) -> tuple[float, float]:
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    x, y = (sum(weight * point[axis] for weight, point in zip(weights, curve, strict=True)) for axis in (0, 1))
    return x, y


def _inside_of_rounded_square(x: Picture, y: Picture, corner: float) -> Picture:
    """How far a point lies inside of the square of ``SIDE`` with these corners; the edge of a plain one is inside."""
    if corner == 0.0:
        return np.ones(x.shape)
    far_x, far_y = np.abs(x - SIDE / 2) - (SIDE / 2 - corner), np.abs(y - SIDE / 2) - (SIDE / 2 - corner)
    outside = np.hypot(np.maximum(far_x, 0), np.maximum(far_y, 0)) + np.minimum(np.maximum(far_x, far_y), 0)
    return corner - outside


def dump_png(picture: NDArray[np.uint8]) -> bytes:
    """RGBA as PNG (ISO/IEC 15948): no filter, no time, so the same picture is the same file."""
    height, width, _ = picture.shape
    rows = b"".join(b"\0" + row.tobytes() for row in picture)
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, icon in ICONS.items():
        (FOLDER / name).write_bytes(dump_png(draw(icon)))


if __name__ == "__main__":
    main()
