"""Small JPEGs that can be joined into one picture without being decoded (``live.sheet`` does it)."""

from __future__ import annotations

import threading
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from vigilar.media.private_areas import Polygon, covered_spans

QSCALE = 5
"""The same for each picture of each camera, and so are the tables that follow from it. 5 to 11 kB at 320 pixels."""

BLACK, NO_COLOUR = 16, 128
"""Of luma in the narrow range, which is dark in the full one too, and of both chroma planes."""

MACROBLOCK = 16
"""Side of the units of a 4:2:0 JPEG; a tile is whole rows of them."""


def encode_tile(
    frame: Any, width: int, shown: tuple[int, int] | None = None, private: tuple[Polygon, ...] = ()
) -> bytes:
    """``frame`` (av.VideoFrame) fitted into 16:9 at ``width`` pixels, on black, as JPEG. ``shown`` is its size where
    pixels are not square; ``private`` is black.

    ``width`` is a multiple of 16. The picture's area is at the top; black rows fill the tile to a multiple of 16. Each
    row of macroblocks ends in a restart marker and the Huffman tables are the standard's own (ITU-T T.81, K.3), so that
    two tiles of a width differ in nothing but their coded rows.
    """
    area = width * 9 // 16 & ~1
    shown = shown or (frame.width, frame.height)
    scale = min(width / shown[0], area / shown[1])
    wide, high = (max(2, int(side * scale) & ~1) for side in shown)
    tools = _tools(width, -(-area // MACROBLOCK) * MACROBLOCK)
    small = tools.scaler.reformat(frame, width=wide, height=high, format="yuvj420p", threads=1)
    tile = av.VideoFrame(width, tools.encoder.height, "yuvj420p")
    left, top = (width - wide) // 2 & ~1, (area - high) // 2 & ~1
    for index, (target, source) in enumerate(zip(tile.planes, small.planes, strict=True)):
        pixels = _pixels(target)
        pixels[:] = NO_COLOUR if index else 0
        shift = min(index, 1)
        rows, columns = high >> shift, wide >> shift
        picture = pixels[top >> shift :, left >> shift :][:rows, :columns]
        picture[:] = _pixels(source)[:rows, :columns]
        _cover(picture, private, NO_COLOUR if index else 0)
    return tools.encode(tile)


class _Tools:
    """What makes tiles of one size, for one thread. To make it anew for each tile takes three times as long as the
    tile (0.7 ms instead of 0.2), and leaves 2 MB of gaps in a camera's process (measured)."""

    def __init__(self, width: int, height: int) -> None:
        encoder: Any = av.CodecContext.create("mjpeg", "w")
        encoder.width, encoder.height = width, height
        encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 25)
        encoder.qmin = encoder.qmax = QSCALE
        encoder.thread_count = 1
        encoder.options = {"huffman": "default", "slices": str(height // MACROBLOCK)}
        self.encoder = encoder
        self.scaler = VideoReformatter()
        self._count = 0

    def encode(self, tile: av.VideoFrame) -> bytes:
        tile.pts = self._count = self._count + 1
        return b"".join(bytes(packet) for packet in self.encoder.encode(tile))


_of_thread = threading.local()


def _tools(width: int, height: int) -> _Tools:
    kept: dict[tuple[int, int], _Tools] = _of_thread.__dict__.setdefault("tools", {})
    if (width, height) not in kept:
        kept[width, height] = _Tools(width, height)
    return kept[width, height]


def covered(frame: Any, private: tuple[Polygon, ...]) -> Any:
    """A copy of ``frame`` (av.VideoFrame, planar 4:2:0) in which ``private`` is black. A decoder's own frame must stay
    as it is: later ones are made of it."""
    made = av.VideoFrame(frame.width, frame.height, frame.format.name)
    made.pts, made.time_base = frame.pts, frame.time_base
    for index, (target, source) in enumerate(zip(made.planes, frame.planes, strict=True)):
        rows, columns = source.height, source.width
        pixels = _pixels(target)[:rows, :columns]
        pixels[:] = _pixels(source)[:rows, :columns]
        _cover(pixels, private, NO_COLOUR if index else BLACK)
    return made


def _cover(pixels: NDArray[np.uint8], private: tuple[Polygon, ...], value: int) -> None:
    height, width = pixels.shape
    for row, left, right in covered_spans(private, width, height) if private else ():
        pixels[row, left:right] = value


def _pixels(plane: Any) -> NDArray[np.uint8]:
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
