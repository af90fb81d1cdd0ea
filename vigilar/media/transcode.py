"""One video stream encoded anew, only while it is watched: small for slow links and for browsers that cannot play its
codec, or with its private areas black."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from vigilar.media.bitstream import annex_b, parameter_sets
from vigilar.media.decode import Decoder, Picture
from vigilar.media.packets import Kind, Packet, StreamInfo, TranscodeRefused
from vigilar.media.private_areas import GetPrivate, no_private_areas


@dataclass(frozen=True, slots=True)
class Make:
    """What comes out at most: pixels in width, pictures a second, bits a second, and bits in any one second."""

    width: int
    fps: int
    bits_per_s: int
    most_bits_per_s: int


NARROW = Make(640, 10, 400_000, 500_000)
"""A link of half a megabit never waits for more than a second of it. For 1080p20 it takes a ninth of a core of the
build machine, most of it for decoding (``python -m benchmarks.encode_cost``)."""

COVERED = Make(1280, 15, 2_000_000, 3_000_000)
"""In place of the full picture of a camera with private areas: a seventh of that core."""

KEYFRAME_EVERY_S = 2
TICKS_PER_S = 90_000


class Transcoder:
    """Packets of one run in, H.264 baseline out. One thread. ``close`` at the end."""

    def __init__(self, info: StreamInfo, private: GetPrivate = no_private_areas, make: Make = NARROW) -> None:
        self._make = make
        self._decoder = Decoder(info, skip_loop_filter=True, private=private)
        self._base = info.time_base
        self._encoder: Any = None
        self._size = (0, 0)
        self._shown_s = -1.0
        self.info: StreamInfo | None = None

    def transcode(self, packet: Packet, *, is_newest: bool) -> list[Packet]:
        """What ``packet`` completes. Each packet is decoded; encoded is only what is shown, so none of which the
        caller has newer ones. ``info`` is known when the first comes out. Raises TranscodeRefused."""
        pictures = self._decoder.decode(packet)
        if not pictures or not is_newest:
            return []
        return self._encode(pictures[-1], packet)

    def _encode(self, picture: Picture, packet: Packet) -> list[Packet]:
        at_s = float(packet.pts * self._base)
        since_s = at_s - self._shown_s if self._shown_s >= 0 else 1.0 / self._make.fps
        if since_s < 0.9 / self._make.fps:
            return []
        self._shown_s = at_s
        small = picture.fitted(self._make.width)
        if self._encoder is None or self._size != (small.width, small.height):
            self._open(small.width, small.height)
        small.pts, small.time_base = int(at_s * TICKS_PER_S), Fraction(1, TICKS_PER_S)
        try:
            coded = [(bytes(one), bool(one.is_keyframe)) for one in self._encoder.encode(small)]
        except av.FFmpegError as error:
            raise TranscodeRefused(f"the picture cannot be encoded: {type(error).__name__}") from error
        return [self._packet(data, is_key, small.pts, since_s, packet) for data, is_key in coded]

    def _packet(self, data: bytes, is_key: bool, pts: int, since_s: float, packet: Packet) -> Packet:
        if self.info is None:
            self.info = StreamInfo(
                Kind.VIDEO,
                "h264",
                Fraction(1, TICKS_PER_S),
                annex_b(parameter_sets("h264", data)),
                *self._size,
            )
        ticks = max(1, int(min(since_s, 1.0) * TICKS_PER_S))
        base = Fraction(1, TICKS_PER_S)
        return Packet(Kind.VIDEO, data, pts, pts, ticks, base, is_key, packet.run, packet.utc_ns, packet.mono_ns)

    def _open(self, width: int, height: int) -> None:
        """Raises TranscodeRefused where libav was built without libx264."""
        make = self._make
        try:
            encoder: Any = av.CodecContext.create("libx264", "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            encoder.time_base, encoder.framerate = Fraction(1, TICKS_PER_S), Fraction(make.fps)
            encoder.bit_rate, encoder.gop_size, encoder.thread_count = make.bits_per_s, make.fps * KEYFRAME_EVERY_S, 1
            rate = {"maxrate": str(make.most_bits_per_s), "bufsize": str(make.most_bits_per_s)}
            encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", **rate}
            encoder.open()
        except (av.FFmpegError, ValueError) as error:
            raise TranscodeRefused(f"there is no encoder for H.264: {type(error).__name__}") from error
        self._encoder, self._size, self.info = encoder, (width, height), None

    def close(self) -> None:
        self._encoder = None
