"""Small JPEGs that can be joined into one picture without being decoded (``live.sheet`` does it)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

QSCALE = 5
"""The same for each picture of each camera, and so are the tables that follow from it. 5 to 11 kB at 320 pixels."""

MACROBLOCK = 16
"""Side of the units of a 4:2:0 JPEG; a tile is whole rows of them."""


def encode_tile(frame: Any, width: int, pixel_shape: float = 1.0) -> bytes:
    """``frame`` (av.VideoFrame) fitted into 16:9 at ``width`` pixels, on black, as JPEG. ``pixel_shape``: width of its
    pixels by their height.

    ``width`` is a multiple of 16. The picture's area is at the top; black rows fill the tile to a multiple of 16. Each
    row of macroblocks ends in a restart marker and the Huffman tables are the standard's own (ITU-T T.81, K.3), so that
    two tiles of a width differ in nothing but their coded rows.
    """
    area = width * 9 // 16 & ~1
    shown = frame.width * pixel_shape
    scale = min(width / shown, area / frame.height)
    wide, high = (max(2, int(side * scale) & ~1) for side in (shown, frame.height))
    small = frame.reformat(width=wide, height=high, format="yuvj420p")
    tile = av.VideoFrame(width, -(-area // MACROBLOCK) * MACROBLOCK, "yuvj420p")
    left, top = (width - wide) // 2 & ~1, (area - high) // 2 & ~1
    for index, (target, source) in enumerate(zip(tile.planes, small.planes, strict=True)):
        pixels = _pixels(target)
        pixels[:] = 128 if index else 0
        shift = min(index, 1)
        rows, columns = high >> shift, wide >> shift
        pixels[top >> shift :, left >> shift :][:rows, :columns] = _pixels(source)[:rows, :columns]
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = tile.width, tile.height
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 25)
    encoder.qmin = encoder.qmax = QSCALE
    encoder.thread_count = 1
    encoder.options = {"huffman": "default", "slices": str(tile.height // MACROBLOCK)}
    tile.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(tile), *encoder.encode(None)])


def _pixels(plane: Any) -> NDArray[np.uint8]:
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
