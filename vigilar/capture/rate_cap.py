"""How much one stream of a camera may send: a hacked or broken one must not fill the disk, nor take the processor from
the other cameras."""

from __future__ import annotations

from vigilar.capture.rtsp import sentences

WINDOW_S = 10.0
"""The limit holds over this time: a large keyframe, or the minute that a restreamer has kept for a new viewer and sends
at once, is no flood."""

USUAL_LIMIT_BPS = 50_000_000
"""Bits a second. Twice what cameras with 4K send, and the most that the makers of large ones let set."""


class RateCap:
    """A bucket that empties at ``limit_bps`` and holds WINDOW_S of it. One thread; for one connection."""

    def __init__(self, limit_bps: int, now_s: float) -> None:
        self._limit_bps = limit_bps
        self._bytes_a_second = limit_bps / 8
        self._level = 0.0
        self._at_s = now_s

    def add(self, size_bytes: int, now_s: float) -> None:
        """So much has come. ``now_s`` is monotonic. Raises CameraError when it is too much."""
        left = self._level - (now_s - self._at_s) * self._bytes_a_second
        self._level = (left if left > 0 else 0.0) + size_bytes
        self._at_s = now_s
        if self._level > self._bytes_a_second * WINDOW_S:
            raise sentences.too_much(self._limit_bps / 1e6)
