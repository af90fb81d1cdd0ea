"""What turns JPEG pictures into a stream that can be recorded, as the readers of MJPEG cameras see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from vigilar.media.packets import RawPacket, StreamInfo

MAX_PICTURE_BYTES = 4 * 1024 * 1024
"""Of one JPEG picture; one of a 4K camera has 2 MB at its best quality."""

CLOCK = 90_000
"""Ticks a second of the stamps that a PictureCoder takes."""


class PictureCoder(Protocol):
    """What ``media.convert.JpegConverter`` is to this package, which does not load it."""

    @property
    def info(self) -> StreamInfo: ...

    def encode(self, jpeg: bytes, pts: int) -> list[RawPacket]: ...


MakePictureCoder = Callable[[], PictureCoder]
"""Raises CameraError when it cannot be had."""
