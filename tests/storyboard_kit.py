"""Small pictures whose grey tells which they are."""

from __future__ import annotations

import io

import av
import numpy as np
from av.container import InputContainer

from vigilar.media.tile import encode_tile
from vigilar.processes.storyboard import HEIGHT, WIDTH
from vigilar.record.storyboards import SmallPicture

TILE = (WIDTH, HEIGHT)


def grey_tile(grey: int) -> bytes:
    """A tile as a camera's process makes it, of one grey (0 to 255)."""
    frame = av.VideoFrame.from_ndarray(np.full((360, 640), grey, np.uint8), format="gray")
    return encode_tile(frame, WIDTH)


def small_picture(grey: int, utc_ns: int, mono_ns: int) -> SmallPicture:
    return SmallPicture(grey_tile(grey), *TILE, utc_ns, mono_ns)


def read_greys(jpeg: bytes) -> tuple[tuple[int, int], list[int]]:
    """Width and height of a JPEG made of tiles, and the grey in the middle of each tile's picture, row by row."""
    with av.open(io.BytesIO(jpeg), format="mjpeg") as container:
        assert isinstance(container, InputContainer)
        luma = next(container.decode(video=0)).to_ndarray(format="gray")
    height, width = luma.shape
    middles = [
        int(luma[top + WIDTH * 9 // 32, left + WIDTH // 2])
        for top in range(0, height, HEIGHT)
        for left in range(0, width, WIDTH)
    ]
    return (width, height), middles
