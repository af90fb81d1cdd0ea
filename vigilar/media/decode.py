"""Packets in, pictures out; only for looking and for stills, never on the way to disk."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from vigilar.media.bitstream import LAYOUTS, begins_with_key
from vigilar.media.packets import SQUARE, Packet, StreamInfo, shown_size
from vigilar.media.private_areas import GetPrivate, Polygon, no_private_areas
from vigilar.media.sps import MOST_STRETCHED
from vigilar.media.tile import covered, encode_tile

# ``threads=1`` wherever libswscale makes a picture: by itself it starts a thread for each core, for each frame and each
# scaler, and keeps them as long as these live.

MAX_SIDE = 8192
"""Pictures above this are not decoded: a hostile set-up could ask for gigabytes."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded frame. ``shown`` is its size with square pixels, which is what JPEGs have. What is made of it may be
    made on any thread: each waits for its turn, as libav's frame has one scaler for all who ask it, and while that
    works without Python's lock a second call ends the process."""

    utc_ns: int
    mono_ns: int
    _frame: Any
    shown: tuple[int, int]
    _private: tuple[Polygon, ...] = ()
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def luma(self) -> NDArray[np.uint8]:
        """Brightness as uint8, height x width: a view that keeps the frame. Not made for each picture: most of those
        that must be decoded are never looked at."""
        frame = self._frame
        if frame.format.components[0].bits != 8:  # H.265 of 10 bits: two bytes a sample
            with self._turn:
                frame = frame.reformat(format="gray", threads=1)
        plane = frame.planes[0]
        return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]

    def to_jpeg(self, max_width: int = 1280) -> bytes:
        """The picture as JPEG with square pixels, no wider than ``max_width``."""
        small = self.fitted(max_width, "yuvj420p")
        width, height = small.width, small.height
        encoder = av.CodecContext.create("mjpeg", "w")
        encoder.width, encoder.height = width, height
        encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 25)
        small.pts = 0
        return b"".join(bytes(p) for p in [*encoder.encode(small), *encoder.encode(None)])

    def fitted(self, max_width: int, pixels: str = "yuv420p") -> Any:
        """An av.VideoFrame with square pixels, at most so wide, its sides even, its shape as it is to be shown."""
        width = max(2, min(max_width, self.shown[0]) & ~1)
        height = max(2, 2 * round(self.shown[1] * width / self.shown[0] / 2))
        with self._turn:
            small = self._frame.reformat(width=width, height=height, format=pixels, threads=1)
        return covered(small, self._private) if self._private else small

    def fit_into(self, most: tuple[int, int], scaler: VideoReformatter) -> Any:
        """As ``fitted``, as large as fits into ``most``, width and height, be it smaller by itself. ``scaler`` is of
        who puts many pictures together: a frame makes one of its own each time."""
        scale = min(most[0] / self.shown[0], most[1] / self.shown[1])
        width, height = (max(2, round(side * scale / 2) * 2) for side in self.shown)
        with self._turn:
            size = {"width": min(width, most[0]), "height": min(height, most[1])}
            small = scaler.reformat(self._frame, **size, format="yuv420p", threads=1)
        return covered(small, self._private) if self._private else small

    def crop_bgr(self, part: tuple[float, float, float, float], most: tuple[int, int]) -> NDArray[np.uint8]:
        """The part left, top, right, bottom (0..1) as HxWx3 BGR with square pixels, as large as fits into ``most``,
        width and height."""
        with self._turn:
            return self._crop_bgr(part, most)

    def _crop_bgr(self, part: tuple[float, float, float, float], most: tuple[int, int]) -> NDArray[np.uint8]:
        frame = self._frame
        if self._private:
            frame = covered(frame.reformat(format="yuv420p", threads=1), self._private)
        left, right = (round(side * frame.width / 2) * 2 for side in (part[0], part[2]))
        top, bottom = (round(side * frame.height / 2) * 2 for side in (part[1], part[3]))
        right, bottom = min(max(right, left + 2), frame.width & ~1), min(max(bottom, top + 2), frame.height & ~1)
        left, top = min(left, right - 2), min(top, bottom - 2)
        width = (right - left) * self.shown[0] / frame.width
        height = (bottom - top) * self.shown[1] / frame.height
        scale = min(most[0] / width, most[1] / height)
        size = {"width": max(1, round(width * scale)), "height": max(1, round(height * scale))}
        cut = _cut(frame, left, top, right, bottom)
        found: NDArray[np.uint8] = cut.reformat(**size, format="bgr24", threads=1).to_ndarray()
        return found

    def to_tile(self, width: int) -> bytes:
        """The picture as a tile of a contact sheet: JPEG, ``width`` pixels wide whatever its shape."""
        with self._turn:
            return encode_tile(self._frame, width, self.shown, self._private)


class Decoder:
    """Decodes the video packets of one run, one thread. What cannot be decoded is counted in ``errors``.

    ``private`` tells the areas that are black in what pictures are made into; ``luma`` still has them.
    """

    def __init__(
        self, info: StreamInfo, *, skip_loop_filter: bool = False, private: GetPrivate = no_private_areas
    ) -> None:
        context: Any = av.CodecContext.create(info.codec, "r")
        context.thread_count = 1
        if info.setup:
            context.extradata = info.setup
        if skip_loop_filter:
            context.options = {"skip_loop_filter": "all"}
        self._context = context
        self._clocks: dict[int, tuple[int, int]] = {}
        self._private = private
        self._codec, self._is_first = info.codec, True
        self._shown: tuple[int, int, tuple[int, int]] | None = None
        self.errors = 0

    def decode(self, packet: Packet) -> list[Picture]:
        """The pictures that are ready now: none when the packet is damaged or the first ones wait for a keyframe."""
        raw: Any = av.Packet(packet.data)
        raw.pts, raw.dts, raw.time_base = packet.pts, packet.dts, packet.time_base
        self._clocks[packet.pts] = (packet.utc_ns, packet.mono_ns)
        if self._is_first:
            self._is_first = False
            if self._codec in LAYOUTS and not begins_with_key(self._codec, packet.data):
                # A camera that renews its picture by and by: libav would show none until all is renewed, or ever.
                self._context.flags |= Flags.output_corrupt
        try:
            frames = self._context.decode(raw)
        except av.FFmpegError:
            self.errors += 1
            return []
        if packet.is_keyframe:
            self._shown = None
        return self._pictures(frames, (packet.utc_ns, packet.mono_ns))

    def decode_alone(self, packet: Packet) -> Picture | None:
        """The picture of a keyframe by itself, without those before it and behind it; None for a damaged one."""
        self.reset()
        found = [*self.decode(packet), *self.finish()]
        return found[0] if found else None

    def finish(self) -> list[Picture]:
        """The pictures that it still holds back, as nothing follows; then all is forgotten as by ``reset``."""
        try:
            found = self._pictures(self._context.decode(None), (0, 0))
        except av.FFmpegError:
            self.errors += 1
            found = []
        self.reset()
        return found

    def _pictures(self, frames: Iterable[Any], clocks: tuple[int, int]) -> list[Picture]:
        """``clocks``: of a frame whose packet is not known any more."""
        pictures = []
        for frame in frames:
            utc_ns, mono_ns = self._clocks.pop(frame.pts, clocks)
            if max(frame.width, frame.height) <= MAX_SIDE:
                pictures.append(Picture(utc_ns, mono_ns, frame, self._shown_size(frame), self._private()))
        if len(self._clocks) > 64:
            self._clocks.clear()
        return pictures

    def _shown_size(self, frame: Any) -> tuple[int, int]:
        """With square pixels. Reckoned once a group of pictures: fractions cost more than all else here."""
        width, height, known = frame.width, frame.height, self._shown
        if known is not None and known[:2] == (width, height):
            return known[2]
        aspect = self._context.sample_aspect_ratio
        is_odd = not aspect or not 1 / MOST_STRETCHED <= aspect <= MOST_STRETCHED
        size = shown_size(width, height, SQUARE if is_odd else Fraction(aspect))
        self._shown = (width, height, size)
        return size

    def reset(self) -> None:
        """Forget all frames; the next packet is a keyframe."""
        self._clocks.clear()
        self._is_first = True
        with contextlib.suppress(av.FFmpegError):
            self._context.flush_buffers()


def _cut(frame: Any, left: int, top: int, right: int, bottom: int) -> Any:
    """The part of a frame, all of its sides even."""
    if (left, top, right, bottom) == (0, 0, frame.width, frame.height):
        return frame
    if frame.format.name not in ("yuv420p", "yuvj420p"):
        frame = frame.reformat(format="yuv420p", threads=1)
    cut = av.VideoFrame(right - left, bottom - top, frame.format.name)
    for index, plane in enumerate(frame.planes):
        part = 1 if index == 0 else 2
        whole = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        target = np.frombuffer(memoryview(cut.planes[index]), np.uint8).reshape(-1, cut.planes[index].line_size)
        rows, columns = (bottom - top) // part, (right - left) // part
        target[:rows, :columns] = whole[top // part : top // part + rows, left // part : left // part + columns]
    cut.colorspace, cut.color_range = frame.colorspace, frame.color_range
    return cut
