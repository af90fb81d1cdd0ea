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
    def to_jpeg(self, max_width: int = 1280) -> bytes: ...


class DecoderLike(Protocol):
    """Decodes the packets of one run in order. A keyframe may follow any packet; what lies between is then lost."""

    def decode(self, packet: Packet) -> Sequence[PictureLike]: ...


class DecoderFactory(Protocol):
    """Makes a decoder for a stream. It need not filter block edges: looks are small and soft."""

    def __call__(self, info: StreamInfo) -> DecoderLike: ...


@dataclass(frozen=True, slots=True)
class MotionStarted:
    """``utc_ns`` and ``mono_ns``: the first moving frame. ``picture`` is the newest, in which more can be seen.

    ``found_mono_ns`` is the time of that picture; the difference is how late the motion was found.
    """

    utc_ns: int
    mono_ns: int
    area_frac: float
    picture: PictureLike
    found_mono_ns: int


@dataclass(frozen=True, slots=True)
class MotionEnded:
    """``last_utc_ns`` and ``last_mono_ns``: the last moving frame; ``duration_ms`` from the first to it."""

    last_utc_ns: int
    last_mono_ns: int
    duration_ms: int
    peak_area_frac: float
