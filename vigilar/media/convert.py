"""The picture of MJPEG cameras becomes H.264, as browsers play no MJPEG from MP4. Loaded only for such a camera.

Measured on the build machine, for each picture of 640x480, 1280x720, 1920x1080: 2, 5 and 13 thousandths of a second of
one core (``python -m benchmarks.encode_cost``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
from av.video.frame import PictureType
from av.video.reformatter import ColorRange

from vigilar.base.errors import CameraError
from vigilar.media.jpeg import read_size
from vigilar.media.packets import Kind, RawPacket, StreamInfo
from vigilar.media.sps import MOST_STRETCHED

MAX_FPS = 25
MOST_OF_A_CORE = 0.5
MOST_OF_THE_TIME = 0.9
"""What converting may take: at most MAX_FPS pictures a second, and as few as keep it below half a core. On a box that
has no half core left for it, as few as it can keep up with: what waited in buffers would be shown late."""

EARLY = 9_000
"""Ticks (0.1 s) by which a picture may be before its turn: stamps of cameras are not even."""

SAVED_S, SAVED_TIME_S = 0.5, 2.0
"""Of these shares, not used: pictures come in batches of a fifth of a second, and a box is busy for a moment."""

KEYFRAME_EVERY_S = 2
QUALITY = 23
"""x264's crf: no difference seen beside the JPEG of a camera."""

MAX_BITS_PER_S = 6_000_000
MAX_WIDTH, MAX_HEIGHT = 4096, 2304
"""What browsers' decoders take (level 5.1). Larger pictures are made smaller."""

MAX_PIXELS = 32_000_000
"""Of a picture that is decoded at all: a hostile one of a few bytes could ask for gigabytes."""

CLOCK = 90_000
_BASE = Fraction(1, CLOCK)

CONVERTED = StreamInfo(Kind.VIDEO, "h264", _BASE, source_codec="mjpeg")
"""What comes out, as far as it is known before the first picture: size and parameter sets come in band."""


class _Budget:
    """Seconds that may be spent: ``share`` of those that pass, of which ``saved_s`` at most are kept for later."""

    def __init__(self, share: float, saved_s: float, now_s: float) -> None:
        self._share, self._saved_s, self._at_s = share, saved_s, now_s
        self._left_s = saved_s

    def has_some(self, now_s: float) -> bool:
        self._left_s = min(self._saved_s, self._left_s + (now_s - self._at_s) * self._share)
        self._at_s = now_s
        return self._left_s >= 0

    def take(self, spent_s: float) -> None:
        self._left_s -= spent_s


class JpegConverter:
    """Whole JPEG pictures of one connection in, H.264 out. One thread.

    What cannot be decoded is left out and counted in ``damaged``; what there is no time for in ``skipped``.
    """

    info = CONVERTED

    def __init__(self, now: Callable[[], float] = time.monotonic, used: Callable[[], float] = time.thread_time) -> None:
        """``now`` is monotonic seconds, ``used`` the processor time of the thread in seconds. Raises CameraError where
        libav cannot encode H.264."""
        self._now, self._used = now, used
        self._decoder: Any = av.CodecContext.create("mjpeg", "r")
        self._decoder.thread_count = 1
        self._encoder: Any = None
        self._shape: tuple[int, int, Fraction] | None = None
        self._due, self._key = 0, -10 * CLOCK
        self._budgets = (_Budget(MOST_OF_A_CORE, SAVED_S, now()), _Budget(MOST_OF_THE_TIME, SAVED_TIME_S, now()))
        self.damaged = 0
        self.skipped = 0
        self._open(320, 240, Fraction(1))  # so that one that cannot be opened is known before the camera is asked
        self._encoder = None

    def encode(self, jpeg: bytes, pts: int) -> list[RawPacket]:
        """What ``jpeg``, shown from ``pts`` (ticks of 1/CLOCK s, rising) on, completes: one packet, or none."""
        began_s, used_s = self._now(), self._used()
        may_spend = [budget.has_some(began_s) for budget in self._budgets]
        if not all(may_spend) or pts < self._due - EARLY:
            self.skipped += 1
            return []
        packets = self._convert(jpeg, pts)
        if packets:
            self._due = max(self._due, pts) + CLOCK // MAX_FPS
        else:
            self.damaged += 1
        self._budgets[0].take(self._used() - used_s)
        self._budgets[1].take(self._now() - began_s)
        return packets

    def _convert(self, jpeg: bytes, pts: int) -> list[RawPacket]:
        size = read_size(jpeg)
        if size is None or size[0] * size[1] > MAX_PIXELS:
            return []
        try:
            # Each picture stands alone, so what a damaged one left behind is thrown away with the next.
            frames = self._decoder.decode(av.Packet(jpeg))
            return self._encode(frames[-1], pts) if frames else []
        except (av.FFmpegError, ValueError):
            return []

    def _encode(self, frame: Any, pts: int) -> list[RawPacket]:
        width, height = _fitted(frame.width, frame.height)
        aspect = self._decoder.sample_aspect_ratio
        is_odd = not aspect or not 1 / MOST_STRETCHED <= aspect <= MOST_STRETCHED
        shape = (width, height, Fraction(1) if is_odd else Fraction(aspect))
        if self._encoder is None or shape != self._shape:
            self._open(*shape)
            self._key = -10 * CLOCK
        # JPEG uses all 256 values; players take H.264 for 16 to 235.
        picture = frame.reformat(
            width=width, height=height, format="yuv420p", dst_color_range=ColorRange.MPEG, threads=1
        )
        is_key = pts - self._key >= KEYFRAME_EVERY_S * CLOCK
        if is_key:
            self._key = pts
        picture.pict_type = PictureType.I if is_key else PictureType.NONE
        picture.pts, picture.time_base = pts, _BASE
        return [
            RawPacket(Kind.VIDEO, bytes(one), pts, pts, 0, _BASE, bool(one.is_keyframe))
            for one in self._encoder.encode(picture)
        ]

    def _open(self, width: int, height: int, aspect: Fraction) -> None:
        """Raises CameraError."""
        try:
            encoder: Any = av.CodecContext.create("libx264", "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            encoder.time_base, encoder.framerate = _BASE, Fraction(MAX_FPS)
            encoder.sample_aspect_ratio = aspect
            encoder.gop_size, encoder.thread_count = MAX_FPS * KEYFRAME_EVERY_S * 10, 1
            encoder.options = {
                "preset": "superfast",
                "tune": "zerolatency",
                "crf": str(QUALITY),
                "maxrate": str(MAX_BITS_PER_S),
                "bufsize": str(MAX_BITS_PER_S),
                "forced-idr": "1",
                # JPEG has the colours of BT.601 at every size; players would guess BT.709 for large ones.
                "x264-params": "colorprim=smpte170m:transfer=smpte170m:colormatrix=smpte170m:scenecut=0",
            }
            encoder.open()
        except (av.FFmpegError, ValueError) as error:
            raise CameraError(
                "The camera sends MJPEG, and this box has no encoder to convert it to H.264.",
                next_step="Set the camera to H.264 or H.265.",
                code="V-CAM-14",
            ) from error
        self._encoder, self._shape = encoder, (width, height, aspect)


def _fitted(width: int, height: int) -> tuple[int, int]:
    """Even sides, at most MAX_WIDTH and MAX_HEIGHT, of the same shape."""
    scale = min(1.0, MAX_WIDTH / width, MAX_HEIGHT / height)
    return max(2, int(width * scale) & ~1), max(2, int(height * scale) & ~1)
