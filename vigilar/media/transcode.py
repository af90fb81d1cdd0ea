"""One video stream made small for slow links and for browsers that cannot play its codec: only while it is watched."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av

from vigilar.media.bitstream import annex_b, parameter_sets
from vigilar.media.decode import Decoder, Picture
from vigilar.media.packets import Kind, Packet, StreamInfo, TranscodeRefused
from vigilar.media.private_areas import GetPrivate, no_private_areas

WIDTH = 640
FPS = 10
"""At most. With WIDTH about a sixth of a core for 1080p20 on a small box, most of it for decoding."""

BITS_PER_S = 400_000
MOST_BITS_PER_S = 500_000
"""Over one second, so that a link of half a megabit never waits for more than that."""

KEYFRAME_EVERY_S = 2
TICKS_PER_S = 90_000


class Transcoder:
    """Packets of one run in, H.264 baseline of at most WIDTH pixels out. One thread. ``close`` at the end."""

    def __init__(self, info: StreamInfo, private: GetPrivate = no_private_areas) -> None:
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
        since_s = at_s - self._shown_s if self._shown_s >= 0 else 1.0 / FPS
        if since_s < 0.9 / FPS:
            return []
        self._shown_s = at_s
        small = picture.fitted(WIDTH)
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
        try:
            encoder: Any = av.CodecContext.create("libx264", "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            encoder.time_base, encoder.framerate = Fraction(1, TICKS_PER_S), Fraction(FPS)
            encoder.bit_rate, encoder.gop_size, encoder.thread_count = BITS_PER_S, FPS * KEYFRAME_EVERY_S, 1
            rate = {"maxrate": str(MOST_BITS_PER_S), "bufsize": str(MOST_BITS_PER_S)}
            encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", **rate}
            encoder.open()
        except (av.FFmpegError, ValueError) as error:
            raise TranscodeRefused(f"there is no encoder for H.264: {type(error).__name__}") from error
        self._encoder, self._size, self.info = encoder, (width, height), None

    def close(self) -> None:
        self._encoder = None
