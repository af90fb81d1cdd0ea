"""RTP payloads of sound: AAC (RFC 3640, and RFC 6416 as LATM) as it is; G.711, G.722, G.726, PCM and Opus through an
encoder handed in."""

from __future__ import annotations

import binascii
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from vigilar.capture.rtsp.aac import (
    ADTS_HEAD_BYTES,
    adts_bytes,
    adts_head_bytes,
    fits_setup,
    is_adts,
    make_setup,
    parse_aac,
    split_adts,
)
from vigilar.capture.rtsp.latm import Mux, parse_mux, split_element
from vigilar.capture.rtsp.rtp import HEADER, HEADER_BYTES, payload_span
from vigilar.capture.rtsp.sdp import Media
from vigilar.capture.rtsp.timeline import Timeline
from vigilar.media.packets import (
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

_USUAL_RATE = 48_000

_RAW = {
    "PCMA": ("pcm_alaw", 1),
    "PCMU": ("pcm_mulaw", 1),
    "L16": ("pcm_s16be", 1),
    "L24": ("pcm_s24be", 1),
    "L8": ("pcm_u8", 1),
    "G722": ("adpcm_g722", 2),
    "OPUS": ("opus", 1),
    "PCM": ("pcm_s16le", 1),
    "G726-16": ("g726le", 1),
    "G726-24": ("g726le", 1),
    "G726-32": ("g726le", 1),
    "G726-40": ("g726le", 1),
    "AAL2-G726-16": ("g726", 1),
    "AAL2-G726-24": ("g726", 1),
    "AAL2-G726-32": ("g726", 1),
    "AAL2-G726-40": ("g726", 1),
}
"""Encoding -> libav's decoder, and samples for each tick: G.722 has 16,000 a second but a clock of 8,000 (RFC 3551
4.5.2). G.726 has two orders of bits (4.5.4). PCM is no encoding of any standard: Hikvision calls little-endian samples
that."""

_G722_RATE = 16_000
_WIDTHS = {"AAC-LBR": ("6", "2", "2")}
"""Of the fields of an AU header, in modes that are not AAC-hbr (RFC 3640 3.3.5)."""

RECORDABLE = frozenset({"MPEG4-GENERIC", "MP4A-LATM", *_RAW})


class SoundCoder(Protocol):
    """What ``media.audio.SoundEncoder`` is to this package, which does not load it."""

    @property
    def info(self) -> StreamInfo: ...

    def encode(self, data: bytes, pts: int) -> Iterator[EncodedSound]: ...

    def close(self) -> None: ...


MakeSoundCoder = Callable[[str, int, int, bytes], SoundCoder]
"""(libav's name of the codec, samples a second, channels, set-up) -> encoder. Raises SoundRefused. Of G.726 the set-up
is how many bits a sample has, as one byte."""


class SoundTrack(Protocol):
    """A sound stream: ``add`` takes an RTP packet and puts access units on its list.

    ``is_guessed``: ``info`` may still change with the first packet. Who cannot wait longer sets it to False.
    """

    info: StreamInfo
    is_guessed: bool

    def add(self, data: bytearray, begin: int, end: int) -> None: ...

    def close(self) -> None: ...


def make_sound_track(
    media: Media, timeline: Timeline, out: list[RawPacket], make_coder: MakeSoundCoder
) -> SoundTrack | None:
    """None, with a warning, for sound that cannot be had: a picture without its sound is better than none."""
    try:
        if media.encoding == "MPEG4-GENERIC":
            return AacTrack(media, timeline, out)
        if media.encoding == "MP4A-LATM":
            return LatmTrack(media, timeline, out)
        if media.encoding not in _RAW or not media.clock:
            raise SoundRefused("unknown")
        name, factor = _RAW[media.encoding]
        if media.clock == _G722_RATE:
            factor = 1  # of G.722, where the camera tells the rate in the place of the clock
        setup = bytes((int(media.encoding[-2:]) // 8,)) if name.startswith("g726") else b""
        return RawTrack(media, timeline, out, make_coder(name, media.clock * factor, media.channels, setup), factor)
    except SoundRefused as error:
        logger.warning("the sound (%s) is left out: %s", media.encoding or "without a name", error)
        return None


class Once:
    """Passes on each packet but one that comes again: some cameras send each twice, which would double the sound."""

    def __init__(self, take: Callable[[bytearray, int, int], None]) -> None:
        self._take, self._last = take, b""

    def add(self, data: bytearray, begin: int, end: int) -> None:
        packet = bytes(data[begin:end])
        if packet != self._last:
            self._last = packet
            self._take(data, begin, end)


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

    is_guessed = False

    def __init__(
        self, media: Media, timeline: Timeline, out: list[RawPacket], coder: SoundCoder, samples_a_tick: int
    ) -> None:
        self.info = coder.info
        self._coder, self._factor = coder, samples_a_tick
        self._is_placed = False
        self._payload_type, self._timeline, self._out = media.payload_type, timeline, out

    def add(self, data: bytearray, begin: int, end: int) -> None:
        found = _payload(data, begin, end, self._payload_type)
        ticks = self._timeline.sound_ticks(found[2]) if found else None
        if found is None or ticks is None:
            return
        self._is_placed = self._timeline.has_moved() or self._is_placed
        for unit in self._coder.encode(bytes(data[found[0] : found[1]]), ticks * self._factor):
            self._out.append(sound_packet(unit.data, unit.pts, self.info.time_base, is_placed=self._is_placed))
            self._is_placed = False

    def close(self) -> None:
        self._coder.close()


@dataclass(frozen=True, slots=True)
class _Lengths:
    """Bits of the fields of an AU header (RFC 3640 3.2.1): only size and index, as all cameras have it."""

    size: int
    index: int
    delta: int


class _AacUnits:
    """What AAC in all its packings shares: the stream's facts, and whole units on their way out."""

    is_guessed = False

    def __init__(self, media: Media, timeline: Timeline, out: list[RawPacket], setup: bytes) -> None:
        """``setup`` is an AudioSpecificConfig. Raises SoundRefused for one that does not say what is needed."""
        self._media = media
        self._use(setup)
        self._payload_type, self._timeline, self._out = media.payload_type, timeline, out
        self._has_warned = False

    def _use(self, setup: bytes) -> None:
        """Raises SoundRefused."""
        media = self._media
        if not 2 <= len(setup) <= 64 or not media.clock:
            raise SoundRefused("it comes without a set-up")
        facts = parse_aac(setup)
        base = Fraction(1, media.clock)
        rate = media.clock if facts.is_spectral_copy or not facts.rate else facts.rate
        channels = facts.channels or media.channels
        self.info = StreamInfo(Kind.AUDIO, "aac", base, setup, sample_rate=rate, channels=channels)
        self._facts = facts
        self._duration = round(facts.samples * media.clock / facts.rate) if facts.rate else facts.samples

    def _emit(self, stamp: int, unit: bytes) -> None:
        if unit[:1] == b"\xff" and is_adts(unit, 0):
            for number, frame in enumerate(split_adts(unit)):
                self._emit_adts(stamp + number * self._duration, frame)
        elif unit:
            self._put(stamp, unit)

    def _emit_adts(self, stamp: int, frame: bytes) -> None:
        """A frame with a header that MP4 does not have (ISO/IEC 14496-3 1.A.2.2). One that says something else than the
        set-up would be noise in a browser, so there is silence instead."""
        if not fits_setup(frame, self._facts):
            self._warn()
            return
        self._put(stamp, frame[adts_head_bytes(frame) :])

    def _warn(self) -> None:
        """Once a connection."""
        if not self._has_warned:
            self._has_warned = True
            logger.warning("the sound is left out: its frames are of another format than the camera says")

    def _put(self, stamp: int, unit: bytes) -> None:
        pts = self._timeline.sound_ticks(stamp & 0xFFFFFFFF)
        if pts is not None and unit:
            is_placed = self._timeline.has_moved()
            self._out.append(sound_packet(unit, pts, self.info.time_base, self._duration, is_placed=is_placed))


class AacTrack(_AacUnits):
    """AAC access units, several in a packet or one over several packets; or ADTS frames straight in RTP."""

    def __init__(self, media: Media, timeline: Timeline, out: list[RawPacket]) -> None:
        """Raises SoundRefused for a description that does not say what is needed."""
        self._lengths = _lengths(media)
        # Without a set-up it is the usual one: AAC-LC of the rate and channels that are told.
        super().__init__(media, timeline, out, _hexadecimal(media) or _usual_setup(media))
        self._partial: list[bytes] = []
        self._missing = 0
        self._partial_stamp = -1
        self._frames = b""

    def add(self, data: bytearray, begin: int, end: int) -> None:
        found = _payload(data, begin, end, self._payload_type)
        if found is None:
            return
        start, end, stamp, _ = found
        if self._frames or is_adts(data, start):
            self._add_frames(stamp, bytes(data[start:end]))
            return
        sizes, at = self._sizes(data, start, end)
        if len(sizes) == 1 and sizes[0] > end - at:
            self._add_part(stamp, sizes[0], bytes(data[at:end]))
            return
        self._partial, self._missing = [], 0
        for number, size in enumerate(sizes):
            if at + size > end:
                return
            self._emit(stamp + number * self._duration, bytes(data[at : at + size]))
            at += size

    def _sizes(self, data: bytearray, start: int, end: int) -> tuple[list[int], int]:
        """The sizes that the AU headers give, and where the first unit begins."""
        lengths = self._lengths
        if end - start < 2:
            return [], start
        bits = data[start] << 8 | data[start + 1]
        if bits < lengths.size + lengths.index:
            bits *= 8  # no header is so short: it counts bytes
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

    def _add_frames(self, stamp: int, data: bytes) -> None:
        """ADTS frames straight in RTP; the last one may go on in the next packet."""
        if is_adts(data, 0):
            self._frames = b""  # what did not become whole is lost
        data = self._frames + data
        size = adts_bytes(data) if len(data) >= ADTS_HEAD_BYTES else ADTS_HEAD_BYTES
        while len(data) >= size >= ADTS_HEAD_BYTES and is_adts(data, 0):
            self._emit_adts(stamp, data[:size])
            stamp, data = stamp + self._duration, data[size:]
            size = adts_bytes(data) if len(data) >= ADTS_HEAD_BYTES else ADTS_HEAD_BYTES
        self._frames = data if is_adts(data, 0) and len(data) < MAX_UNIT_BYTES else b""

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

    def close(self) -> None:
        self._partial, self._frames = [], b""


class LatmTrack(_AacUnits):
    """AAC as LATM (RFC 6416 6.3). The set-up is in the description, or comes in band with the elements (``cpresent=1``,
    which is also meant where nothing is said and there is no ``config``)."""

    def __init__(self, media: Media, timeline: Timeline, out: list[RawPacket]) -> None:
        """Raises SoundRefused."""
        told = media.fmtp.get("cpresent", "")
        self._is_in_band = told == "1" or (told != "0" and not media.fmtp.get("config"))
        self._mux: Mux | None = None
        try:
            if media.fmtp.get("config") or not self._is_in_band:
                self._mux = parse_mux(_hexadecimal(media))
            setup = self._mux.setup if self._mux else _guess_setup(media)
        except ValueError as error:
            raise SoundRefused(f"its set-up makes no sense: {error}") from error
        super().__init__(media, timeline, out, setup)
        self.is_guessed = self._mux is None
        self._element = b""
        self._stamp = -1

    def add(self, data: bytearray, begin: int, end: int) -> None:
        found = _payload(data, begin, end, self._payload_type)
        if found is None:
            return
        start, end, stamp, is_end = found
        if stamp != self._stamp:
            self._element, self._stamp = b"", stamp
        self._element += bytes(data[start:end])
        if len(self._element) > MAX_UNIT_BYTES:
            self._element = b""
            return
        try:
            mux, units = split_element(self._element, self._mux, has_set_up=self._is_in_band)
        except ValueError:  # not whole yet, which the marker is to say; some cameras never set it
            if is_end:
                self._element, self._stamp = b"", -1
            return
        self._element, self._stamp = b"", -1
        self._take(stamp, mux, units)

    def _take(self, stamp: int, mux: Mux | None, units: list[bytes]) -> None:
        if mux is not None and mux is not self._mux:
            self._note(mux)
        if self._mux is None or self._mux.setup != self.info.setup:
            return
        for number, unit in enumerate(units):
            self._emit(stamp + number * self._duration, unit)

    def _note(self, mux: Mux) -> None:
        """What came in band: taken if the format was guessed, or is the same; another one would be noise."""
        self._mux = mux
        if self.is_guessed:
            self.is_guessed = False
            try:
                self._use(mux.setup)
            except SoundRefused:
                self._warn()
        elif mux.setup != self.info.setup:
            self._warn()

    def close(self) -> None:
        self._element = b""


def _guess_setup(media: Media) -> bytes:
    """Until it comes in band. The clock is the rate, or 90,000 (RFC 6416 7.1). Raises ValueError."""
    return make_setup(_USUAL_RATE if media.clock == 90_000 else media.clock, media.channels)


def _usual_setup(media: Media) -> bytes:
    """Raises SoundRefused."""
    try:
        return make_setup(media.clock, media.channels)
    except ValueError as error:
        raise SoundRefused("it comes without a set-up") from error


def _hexadecimal(media: Media) -> bytes:
    """The config of the description, empty if it has none. Raises SoundRefused."""
    try:
        return binascii.unhexlify(media.fmtp.get("config", "").strip('"').lower().removeprefix("0x"))
    except (binascii.Error, ValueError) as error:
        raise SoundRefused("its set-up is no hexadecimal number") from error


def _lengths(media: Media) -> _Lengths:
    """The widths that the description gives, else those of its mode, else of AAC-hbr (RFC 3640 3.3.6). Raises
    SoundRefused."""
    numbers = []
    widths = _WIDTHS.get(media.fmtp.get("mode", "").upper(), ("13", "3", "3"))
    for name, usual in zip(("sizelength", "indexlength", "indexdeltalength"), widths, strict=True):
        text = media.fmtp.get(name, usual)
        if not (text.isascii() and text.isdigit()) or int(text[:3]) > 32:
            raise SoundRefused("its description makes no sense")
        numbers.append(int(text[:3]))
    if not numbers[0]:
        raise SoundRefused("its description gives no sizes")
    return _Lengths(*numbers)
