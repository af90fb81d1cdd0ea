"""What flows from a camera: packets of Vigilar's own, so that the reader behind them can change.

Video packets carry Annex B (start codes), with parameter sets in band before the first keyframe of a run; AAC packets
are raw access units. No type of libav leaves this package.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from typing import Final


class Kind(Enum):
    """What a stream carries."""

    VIDEO = "video"
    AUDIO = "audio"


VIDEO: Final = Kind.VIDEO
AUDIO: Final = Kind.AUDIO
"""For code that every packet passes: before Python 3.12 to read a member off its Enum is a call, of 0.1 to 0.2 µs."""


class StreamRole(Enum):
    """Which of a camera's streams: ``main`` is recorded, ``sub`` is small and analysed."""

    MAIN = "main"
    SUB = "sub"


SQUARE = Fraction(1)


def shown_size(width: int, height: int, pixel_aspect: Fraction) -> tuple[int, int]:
    """The size at which a picture has its true shape on square pixels: one side is stretched, none made smaller."""
    if pixel_aspect >= 1:
        return round(width * pixel_aspect), height
    return width, round(height / pixel_aspect)


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """How to mux or decode the packets of one stream of one run.

    ``setup`` holds parameter sets as Annex B (H.264, H.265) or the AudioSpecificConfig (AAC); it may be empty for
    video whose parameter sets come in band. ``codec`` is libav's name: ``h264``, ``hevc``, ``aac``.
    ``frame_rate`` is what the camera says, None when it says nothing believable. ``pixel_aspect`` is how wide a pixel
    is to its height. ``has_sets_in_band``: parameter sets change within the run, so that samples carry them.
    ``source_codec`` is what the camera sends where that is converted here (``mjpeg``), empty where it is not.
    """

    kind: Kind
    codec: str
    time_base: Fraction
    setup: bytes = b""
    width: int = 0
    height: int = 0
    frame_rate: Fraction | None = None
    sample_rate: int = 0
    channels: int = 0
    pixel_aspect: Fraction = SQUARE
    has_sets_in_band: bool = False
    source_codec: str = ""

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height with square pixels: never smaller than the picture."""
        return shown_size(self.width, self.height, self.pixel_aspect)


@dataclass(frozen=True, slots=True)
class RawPacket:
    """A packet as a camera or a file gives it: stamps in ticks of ``time_base`` and perhaps missing, ``duration``
    perhaps 0. Picture and sound of one source count from the same moment. ``is_placed``: sound that was moved beside
    the picture on better knowledge than before, so that its stamp counts again."""

    kind: Kind
    data: bytes
    pts: int | None
    dts: int | None
    duration: int
    time_base: Fraction
    is_keyframe: bool
    is_placed: bool = False


FRAME_SAMPLES = 1024
"""Samples in one access unit of AAC-LC (ISO/IEC 14496-3)."""


def sound_packet(
    data: bytes, pts: int, time_base: Fraction, duration: int = FRAME_SAMPLES, *, is_placed: bool = False
) -> RawPacket:
    """An AAC access unit; sound is never reordered, and each unit is decodable alone."""
    return RawPacket(AUDIO, data, pts, pts, duration, time_base, True, is_placed)


@dataclass(frozen=True, slots=True)
class EncodedSound:
    """One AAC access unit; ``pts`` in ticks of 1/sample rate of what the encoder gives."""

    data: bytes
    pts: int


class SoundRefused(Exception):
    """The sound cannot be had as AAC; the picture goes on without it. The text says why, for the log."""


class TranscodeRefused(Exception):
    """The picture cannot be made small here. The text says why, for the log."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One encoded unit: a picture's slices, or an audio access unit.

    ``pts`` and ``dts`` are ticks of ``time_base``, never missing, ``dts`` rises strictly within kind and run.
    ``duration`` is ticks, at least 1. ``utc_ns`` and ``mono_ns`` are the box's clocks when the picture was taken as
    far as we know: anchored at the run's start and corrected slowly, not the raw arrival. ``run`` counts connections;
    between two runs lies a discontinuity.
    """

    kind: Kind
    data: bytes
    pts: int
    dts: int
    duration: int
    time_base: Fraction
    is_keyframe: bool
    run: int
    utc_ns: int
    mono_ns: int

    @property
    def dts_s(self) -> float:
        # Not dts * time_base: arithmetic with Fraction costs ten times as much, and this runs for each packet.
        return self.dts * self.time_base.numerator / self.time_base.denominator

    @property
    def duration_s(self) -> float:
        return self.duration * self.time_base.numerator / self.time_base.denominator


@dataclass(frozen=True, slots=True)
class RunStart:
    """A run has begun: the streams that follow, in the order of ``streams`` (video first, audio if any).

    ``is_new_connection`` is false where the camera changed its picture's format and nothing is missing in between.
    """

    role: StreamRole
    run: int
    streams: tuple[StreamInfo, ...]
    utc_ns: int
    mono_ns: int
    is_new_connection: bool = True

    @property
    def video(self) -> StreamInfo:
        return self.streams[0]

    @property
    def audio(self) -> StreamInfo | None:
        return self.streams[1] if len(self.streams) > 1 else None

    def without_sound(self) -> RunStart:
        return replace(self, streams=self.streams[:1]) if self.audio else self


@dataclass(frozen=True, slots=True)
class Fragment:
    """One moof+mdat of fragmented MP4 (ISO/IEC 14496-12), decodable from ``starts_with_keyframe`` on.

    ``base_dts`` is the decode time of its first video sample in ticks of the run's video time base, ``duration_ms``
    its video length; the clocks are those of its first video packet. ``pieces`` are views of the packets, so that who
    writes them makes the one copy.
    """

    pieces: tuple[bytes | memoryview, ...]
    starts_with_keyframe: bool
    base_dts: int
    duration_ms: int
    utc_ns: int
    mono_ns: int

    @property
    def data(self) -> bytes:
        """All in one piece, made anew."""
        return b"".join(self.pieces)
