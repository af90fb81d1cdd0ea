"""Pictures that Vigilar puts together: on black, with words on them, one turning into the next, as H.264.

For films that are made of recordings (reels, time-lapses), one picture after the other and a few in memory; footage
itself is never encoded again.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.media.bitstream import annex_b, parameter_sets
from vigilar.media.decode import Picture
from vigilar.media.packets import Kind, Packet, StreamInfo
from vigilar.media.tile import BLACK, NO_COLOUR

FPS = 25
KEYFRAME_EVERY = 2 * FPS
"""A player that seeks decodes two seconds at most."""

TICKS_PER_S = 90_000
_TICKS = TICKS_PER_S // FPS

PRESET, QUALITY, MOST_BITS_PER_S = "veryfast", 24, 5_000_000
"""Of libx264. ``ultrafast`` would be a third quicker, and a film twice as large."""

Plane = NDArray[np.uint8]


class Canvas:
    """One picture of a film: planes of 4:2:0, its own memory."""

    __slots__ = ("planes",)

    def __init__(self, width: int, height: int) -> None:
        """Black; sides are even."""
        self.planes: tuple[Plane, Plane, Plane] = (
            np.full((height, width), BLACK, np.uint8),
            np.full((height // 2, width // 2), NO_COLOUR, np.uint8),
            np.full((height // 2, width // 2), NO_COLOUR, np.uint8),
        )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.planes[0].shape[1], self.planes[0].shape[0]

    def put(self, picture: Picture, scaler: VideoReformatter) -> None:
        """The picture in the middle, as large as fits, in its true shape and with its private areas black. ``scaler``
        is one of a film."""
        small = picture.fit_into(self.size, scaler)
        width, height = self.size
        left, top = (width - small.width) // 2 & ~1, (height - small.height) // 2 & ~1
        for index, (target, plane) in enumerate(zip(self.planes, small.planes, strict=True)):
            part = min(index, 1)
            source = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
            rows, columns = small.height >> part, small.width >> part
            target[top >> part :, left >> part :][:rows, :columns] = source[:rows, :columns]

    def copy(self) -> Canvas:
        made = Canvas.__new__(Canvas)
        made.planes = tuple(one.copy() for one in self.planes)  # type: ignore[assignment]  # as many as there are
        return made

    def mixed(self, other: Canvas, share: float) -> Canvas:
        """``share`` (0 to 1) of the other one, and the rest of this."""
        made, part = Canvas.__new__(Canvas), round(share * 256)
        made.planes = tuple(  # type: ignore[assignment]  # as many as there are
            ((one.astype(np.uint16) * (256 - part) + another.astype(np.uint16) * part) >> 8).astype(np.uint8)
            for one, another in zip(self.planes, other.planes, strict=True)
        )
        return made

    def to_jpeg(self) -> bytes:
        frame = self.frame().reformat(format="yuvj420p", threads=1)
        encoder: Any = av.CodecContext.create("mjpeg", "w")
        encoder.width, encoder.height = self.size
        encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, FPS)
        frame.pts = 0
        return b"".join(bytes(one) for one in [*encoder.encode(frame), *encoder.encode(None)])

    def frame(self) -> Any:
        """An av.VideoFrame of the same content."""
        width, height = self.size
        frame = av.VideoFrame(width, height, "yuv420p")
        for source, plane in zip(self.planes, frame.planes, strict=True):
            target = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
            target[: source.shape[0], : source.shape[1]] = source
        return frame


def make_scaler() -> VideoReformatter:
    """What fits the pictures of one film."""
    return VideoReformatter()


class FilmEncoder:
    """Canvases of one size in, packets of H.264 out, 25 a second. One thread, in libav too."""

    def __init__(self, width: int, height: int, start_utc_ns: int) -> None:
        """Raises RecordingError where libav was built without libx264."""
        self._start_ns, self._count = start_utc_ns, 0
        self._size = (width, height)
        self.info: StreamInfo | None = None
        try:
            encoder: Any = av.CodecContext.create("libx264", "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
            encoder.gop_size, encoder.thread_count = KEYFRAME_EVERY, 1
            rate = {"crf": str(QUALITY), "maxrate": str(MOST_BITS_PER_S), "bufsize": str(MOST_BITS_PER_S)}
            # No pictures that wait for later ones, and none that the encoder holds back: memory stays a few pictures.
            encoder.options = {"preset": PRESET, "profile": "high", "bf": "0", "rc-lookahead": "0", "refs": "1", **rate}
            encoder.open()
        except (av.FFmpegError, ValueError) as error:
            raise RecordingError("There is no encoder for H.264 here.", kind=ErrorKind.PERMANENT) from error
        self._encoder = encoder

    def encode(self, canvas: Canvas) -> list[Packet]:
        """What ``canvas`` completes."""
        frame = canvas.frame()
        frame.pts, frame.time_base = self._count, Fraction(1, FPS)
        self._count += 1
        return self._packets(frame)

    def finish(self) -> list[Packet]:
        """What is left; nothing may follow."""
        return self._packets(None)

    def _packets(self, frame: Any) -> list[Packet]:
        try:
            return [
                self._packet(bytes(one), int(one.pts), bool(one.is_keyframe)) for one in self._encoder.encode(frame)
            ]
        except av.FFmpegError as error:
            raise RecordingError(f"The film cannot be encoded: {type(error).__name__}.", kind=ErrorKind.BUG) from error

    def _packet(self, data: bytes, number: int, is_key: bool) -> Packet:
        if self.info is None:
            setup = annex_b(parameter_sets("h264", data))
            self.info = StreamInfo(Kind.VIDEO, "h264", Fraction(1, TICKS_PER_S), setup, *self._size)
        ticks = number * _TICKS
        at_ns = self._start_ns + number * 1_000_000_000 // FPS
        return Packet(Kind.VIDEO, data, ticks, ticks, _TICKS, self.info.time_base, is_key, 1, at_ns, at_ns)
