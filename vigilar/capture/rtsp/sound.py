"""RTP payloads of sound: AAC (RFC 3640) as it is; G.711, G.722, L16 and Opus through an encoder handed in."""

from __future__ import annotations

import binascii
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from vigilar.capture.rtsp.rtp import HEADER, HEADER_BYTES, payload_span
from vigilar.capture.rtsp.sdp import Media
from vigilar.capture.rtsp.timeline import Timeline
from vigilar.media.packets import (
    FRAME_SAMPLES,
    EncodedSound,
    Kind,
    RawPacket,
    SoundRefused,
    StreamInfo,
    sound_packet,
)

logger = logging.getLogger(__name__)

MAX_UNIT_BYTES = 64 * 1024
"""Of one access unit of AAC, whose size field has 13 bits in cameras and 16 at most."""

_RAW = {
    "PCMA": ("pcm_alaw", 1),
    "PCMU": ("pcm_mulaw", 1),
    "L16": ("pcm_s16be", 1),
    "G722": ("adpcm_g722", 2),
    "OPUS": ("opus", 1),
    "PCM": ("pcm_s16le", 1),
}
"""Encoding -> libav's decoder, and samples for each tick: G.722 has 16,000 a second but a clock of 8,000 (RFC 3551
4.5.2). PCM is no encoding of any standard: Hikvision calls little-endian samples that."""

RECORDABLE = frozenset({"MPEG4-GENERIC", *_RAW})


class SoundCoder(Protocol):
    """What ``media.audio.SoundEncoder`` is to this package, which does not load it."""

    @property
    def info(self) -> StreamInfo: ...

    def encode(self, data: bytes, pts: int) -> Iterator[EncodedSound]: ...

    def close(self) -> None: ...


MakeSoundCoder = Callable[[str, int, int, bytes], SoundCoder]
"""(libav's name of the codec, samples a second, channels, set-up) -> encoder. Raises SoundRefused."""


class SoundTrack(Protocol):
    """A sound stream: ``add`` takes an RTP packet and puts access units on its list."""

    info: StreamInfo

    def add(self, data: bytearray, begin: int, end: int) -> None: ...

    def close(self) -> None: ...


def make_sound_track(
    media: Media, timeline: Timeline, out: list[RawPacket], make_coder: MakeSoundCoder
) -> SoundTrack | None:
    """None, with a warning, for sound that cannot be had: a picture without its sound is better than none."""
    try:
        if media.encoding == "MPEG4-GENERIC":
            return AacTrack(media, timeline, out)
        if media.encoding not in _RAW or not media.clock:
            raise SoundRefused("unknown")
        name, factor = _RAW[media.encoding]
        return RawTrack(media, timeline, out, make_coder(name, media.clock * factor, media.channels, b""), factor)
    except SoundRefused as error:
        logger.warning("the sound (%s) is left out: %s", media.encoding or "without a name", error)
        return None


def _payload(data: bytearray, begin: int, end: int, payload_type: int) -> tuple[int, int, int, bool] | None:
    """Begin and end of the payload, time stamp, marker."""
    if end - begin <= HEADER_BYTES:
        return None
    first, second, _, stamp = HEADER.unpack_from(data, begin)
    if second & 0x7F != payload_type or first & 0xC0 != 0x80:
        return None
    start = begin + HEADER_BYTES
    if first & 0x3F:
        start, end = payload_span(data, begin, end)
    return (start, end, stamp, bool(second & 0x80)) if start < end else None


class RawTrack:
    """Sound whose packets can be decoded one by one."""

    def __init__(
        self, media: Media, timeline: Timeline, out: list[RawPacket], coder: SoundCoder, samples_a_tick: int
    ) -> None:
        self.info = coder.info
        self._coder, self._factor = coder, samples_a_tick
        self._payload_type, self._timeline, self._out = media.payload_type, timeline, out

    def add(self, data: bytearray, begin: int, end: int) -> None:
        found = _payload(data, begin, end, self._payload_type)
        ticks = self._timeline.sound_ticks(found[2]) if found else None
        if found is None or ticks is None:
            return
        for unit in self._coder.encode(bytes(data[found[0] : found[1]]), ticks * self._factor):
            self._out.append(sound_packet(unit.data, unit.pts, self.info.time_base))

    def close(self) -> None:
        self._coder.close()


@dataclass(frozen=True, slots=True)
class _Lengths:
    """Bits of the fields of an AU header (RFC 3640 3.2.1): only size and index, as all cameras have it."""

    size: int
    index: int
    delta: int


class AacTrack:
    """AAC access units, several in a packet or one over several packets."""

    def __init__(self, media: Media, timeline: Timeline, out: list[RawPacket]) -> None:
        """Raises SoundRefused for a description that does not say what is needed."""
        self._lengths = _lengths(media)
        try:
            setup = binascii.unhexlify(media.fmtp.get("config", "").strip('"'))
        except (binascii.Error, ValueError) as error:
            raise SoundRefused("its set-up is no hexadecimal number") from error
        if not 2 <= len(setup) <= 64 or not media.clock:
            raise SoundRefused("it comes without a set-up")
        base = Fraction(1, media.clock)
        self.info = StreamInfo(
            Kind.AUDIO, "aac", base, setup, sample_rate=media.clock, channels=_channels(setup) or media.channels
        )
        self._payload_type, self._timeline, self._out = media.payload_type, timeline, out
        self._partial: list[bytes] = []
        self._missing = 0
        self._partial_stamp = -1

    def add(self, data: bytearray, begin: int, end: int) -> None:
        found = _payload(data, begin, end, self._payload_type)
        if found is None:
            return
        start, end, stamp, _ = found
        sizes, at = self._sizes(data, start, end)
        if len(sizes) == 1 and sizes[0] > end - at:
            self._add_part(stamp, sizes[0], bytes(data[at:end]))
            return
        self._partial, self._missing = [], 0
        for number, size in enumerate(sizes):
            if at + size > end:
                return
            self._emit(stamp + number * FRAME_SAMPLES, bytes(data[at : at + size]))
            at += size

    def _sizes(self, data: bytearray, start: int, end: int) -> tuple[list[int], int]:
        """The sizes that the AU headers give, and where the first unit begins."""
        lengths = self._lengths
        if end - start < 2:
            return [], start
        bits = data[start] << 8 | data[start + 1]
        at = start + 2 + (bits + 7) // 8
        if at > end:
            return [], start
        value, left = int.from_bytes(data[start + 2 : at], "big"), 8 * (at - start - 2)
        sizes: list[int] = []
        unused = left - bits
        step = lengths.size + lengths.index
        while left - unused >= step > 0:
            left -= step
            sizes.append(value >> (left + step - lengths.size) & ((1 << lengths.size) - 1))
            step = lengths.size + lengths.delta
        return sizes, at

    def _add_part(self, stamp: int, size: int, part: bytes) -> None:
        """A unit larger than a packet: each packet repeats its whole size (RFC 3640 3.2.3.2)."""
        if stamp != self._partial_stamp or not self._missing:
            self._partial, self._missing, self._partial_stamp = [], size, stamp
        if size > MAX_UNIT_BYTES or not part or len(part) > self._missing:
            self._partial, self._missing = [], 0
            return
        self._partial.append(part)
        self._missing -= len(part)
        if not self._missing:
            whole, self._partial = b"".join(self._partial), []
            self._emit(stamp, whole)

    def _emit(self, stamp: int, unit: bytes) -> None:
        pts = self._timeline.sound_ticks(stamp & 0xFFFFFFFF) if unit else None
        if pts is not None:
            self._out.append(sound_packet(unit, pts, self.info.time_base))

    def close(self) -> None:
        self._partial = []


def _lengths(media: Media) -> _Lengths:
    """The widths that the description gives, else those of the mode AAC-hbr (RFC 3640 3.3.6). Raises SoundRefused."""
    numbers = []
    for name, usual in (("sizelength", "13"), ("indexlength", "3"), ("indexdeltalength", "3")):
        text = media.fmtp.get(name, usual)
        if not (text.isascii() and text.isdigit()) or int(text[:3]) > 32:
            raise SoundRefused("its description makes no sense")
        numbers.append(int(text[:3]))
    if not numbers[0]:
        raise SoundRefused("its description gives no sizes")
    return _Lengths(*numbers)


def _channels(setup: bytes) -> int:
    """channelConfiguration of an AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1); 0 if it says so elsewhere."""
    bits = int.from_bytes(setup[:8].ljust(8, b"\0"), "big")
    at = 64 - 5
    if bits >> at == 31:
        at -= 6
    at -= 4
    if bits >> at & 15 == 15:
        at -= 24
    count = bits >> (at - 4) & 15
    return {7: 8}.get(count, count) if count <= 7 else 0
