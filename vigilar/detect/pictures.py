"""What the analysis needs of pictures and decoders, and what it tells. ``media`` has the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vigilar.detect.lighting import Grey
from vigilar.media.packets import Packet, StreamInfo


class PictureLike(Protocol):
    """A decoded frame. ``luma`` is HxW uint8, a view that lives as long as the picture; clocks as in Packet."""

    @property
    def luma(self) -> Grey: ...
    @property
    def utc_ns(self) -> int: ...
    @property
    def mono_ns(self) -> int: ...
    @property
    def shown(self) -> tuple[int, int]: ...
    def crop_bgr(self, part: tuple[float, float, float, float], most: tuple[int, int]) -> Grey: ...
    def to_jpeg(self, max_width: int = 1280) -> bytes: ...
    def to_tile(self, width: int) -> bytes: ...


class DecoderLike(Protocol):
    """Decodes the packets of one run in order. A keyframe may follow any packet; what lies between is then lost."""

    def decode(self, packet: Packet) -> Sequence[PictureLike]: ...


class DecoderFactory(Protocol):
    """Makes a decoder for a stream; ``media.decode.Decoder`` is one.

    The filter of block edges is a fifth to a third of a decoder's work. Without it the small soft pictures that are
    looked at differ by one grey level in the mean at the end of a GOP of 30, and nothing else is found.
    """

    def __call__(self, info: StreamInfo, *, skip_loop_filter: bool) -> DecoderLike: ...


@dataclass(frozen=True, slots=True)
class MotionStarted:
    """``utc_ns`` and ``mono_ns``: the first moving frame. ``picture`` is the newest, in which more can be seen.

    ``found_mono_ns`` is the time of that picture; the difference is how late the motion was found. ``zones`` names the
    zones it is in and the lines it crossed.
    """

    utc_ns: int
    mono_ns: int
    area_frac: float
    picture: PictureLike
    found_mono_ns: int
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MotionEnded:
    """``last_utc_ns`` and ``last_mono_ns``: the last moving frame; ``duration_ms`` from the first to it.

    ``zones`` as in MotionStarted, of all of it.
    """

    last_utc_ns: int
    last_mono_ns: int
    duration_ms: int
    peak_area_frac: float
    zones: tuple[str, ...] = ()
