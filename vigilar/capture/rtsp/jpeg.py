"""RTP payload of JPEG (RFC 2435) into whole pictures. Loaded only for a camera that sends MJPEG.

The packets have no JPEG headers: these are made here from type, quality and size (appendices A and B), or taken from
the header extension by which ONVIF cameras tell larger sizes and tables of their own (ONVIF Streaming 5.1.3).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, replace
from fractions import Fraction

from vigilar.capture.pictures import CLOCK, MAX_PICTURE_BYTES, PictureCoder
from vigilar.capture.rtsp.jpeg_tables import HUFFMAN, tables_of
from vigilar.capture.rtsp.rtp import HEADER, HEADER_BYTES, payload_span
from vigilar.capture.rtsp.timeline import Timeline
from vigilar.media.jpeg import EOI, SOI
from vigilar.media.packets import RawPacket

_HEAD_BYTES = 8
_RESTART = range(64, 128)
"""Types with a restart header (3.1.3)."""

_OWN_TABLES = 128
"""From this Q on the tables are in band (3.1.8), with each picture or once. With 255 they are to come with each; where
one comes without, those before hold."""

_WRAP = 256 * 8
"""Width and height are counted in blocks, in a byte each: of larger pictures some cameras write the low byte."""

_ONVIF = frozenset({0xFFD8, 0xFFFF})
"""Profiles of the header extension that holds segments of the JPEG header."""

_SECOND_FIELD = 2
_FIRST_RESTART = b"\xff\xd0"
_RESTARTS = re.compile(rb"\xff[\xd0-\xd7]")


class BadPicture(ValueError):
    """A payload that cannot be of a JPEG picture."""


@dataclass(frozen=True, slots=True)
class _Head:
    """What the first packet says of the picture. ``tables`` are luma's and chroma's, 64 or 128 bytes each."""

    kind: int
    width: int
    height: int
    restart: int
    tables: tuple[bytes, ...]


class JpegTrack:
    """The picture stream of one connection. Whole pictures are converted and put on ``out``; one thread.

    A picture is whole when its fragments follow each other from 0 to the one with the marker, in whichever order they
    came; one that is not when the next begins is dropped and counted in ``damaged``.
    """

    def __init__(
        self,
        payload_type: int,
        clock: int,
        size: tuple[int, int],
        timeline: Timeline,
        coder: PictureCoder,
        out: list[RawPacket],
    ) -> None:
        """``size`` is what the description says of pictures too large for the payload's own fields."""
        self._payload_type, self._size = payload_type, size
        self._to_clock = Fraction(CLOCK, clock)
        self._timeline, self._coder, self._out = timeline, coder, out
        self._tables: dict[int, tuple[bytes, ...]] = {}
        self._next = -1
        self._stamp: int | None = None
        self._done_stamp: int | None = None
        self._parts: dict[int, bytes] = {}
        self._bytes = 0
        self._end: int | None = None
        self._head: _Head | None = None
        self._has_markers, self._trusts_marker = False, True
        self._done_end: int | None = None
        self.time_base = Fraction(1, clock)
        self.channel = 0
        self.damaged = 0
        self.lost = 0
        self.refused = 0

    def add(self, data: bytearray, begin: int, end: int) -> None:
        """One RTP packet, ``data[begin:end]``."""
        if end - begin <= HEADER_BYTES:
            self.refused += 1
            return
        first, second, sequence, stamp = HEADER.unpack_from(data, begin)
        if second & 0x7F != self._payload_type or first & 0xC0 != 0x80:
            self.refused += 1
            return
        start, extension = begin + HEADER_BYTES, b""
        if first & 0x3F:
            start, end = payload_span(data, begin, end)
            if first & 0x10 and start:
                extension = _extension(data, begin + HEADER_BYTES + 4 * (first & 15), start)
        self._count_lost(sequence)
        if stamp != self._stamp:
            self._turn(stamp)
        try:
            self._take(bytes(data[start:end]), extension, is_last=bool(second & 0x80))
        except (BadPicture, struct.error, IndexError):
            self.refused += 1

    def keep(self) -> None:
        """Nothing: what is not whole yet was copied out of the receive buffer."""

    def is_next(self, sequence: int) -> bool:
        """Whether a sequence number follows the last packet's."""
        return sequence == self._next

    def run_on(self, _data: bytearray, position: int, _have: int, /) -> int:
        """None more at once: each packet is taken by ``add``."""
        return position

    def _count_lost(self, sequence: int) -> None:
        """Late packets, which some that were counted turn out to be, move nothing."""
        ahead = (sequence - self._next) & 0xFFFF
        if self._next < 0 or ahead < 0x8000:
            self.lost += ahead if self._next >= 0 else 0
            self._next = (sequence + 1) & 0xFFFF

    def _turn(self, stamp: int) -> None:
        """The next picture begins: without a marker this one is whole if nothing is missing in it."""
        if self._parts:
            if (self._has_markers and self._trusts_marker) or not self._finish(self._contiguous()):
                self.damaged += 1
            self._forget()
        self._stamp = stamp

    def _forget(self) -> None:
        self._parts, self._bytes, self._end, self._head = {}, 0, None, None

    def _take(self, payload: bytes, extension: bytes, *, is_last: bool) -> None:
        kind, offset, variant, quality, width, height = _read_head(payload)
        if kind == _SECOND_FIELD:
            return
        at = _HEAD_BYTES
        restart = 0
        if variant in _RESTART:
            restart = struct.unpack_from(">H", payload, at)[0]
            at += 4
        if offset == 0:
            tables = None
            if quality >= _OWN_TABLES:
                tables, at = self._read_tables(payload, at, quality)
            if self._parts and self._head is not None and 0 in self._parts:
                self._forget()  # another picture with the same stamp
            size = _real_size((width, height), self._size)
            self._head = self._make_head(variant, size, restart, quality, tables, extension)
        elif not self._parts and self._stamp == self._done_stamp:
            if offset == self._done_end:
                self._trusts_marker = False  # the picture went on: it is set on each packet
            return  # sent twice
        if at > len(payload):
            return
        part = payload[at:]
        self._bytes += len(part)
        if self._bytes > MAX_PICTURE_BYTES or len(self._parts) > MAX_PICTURE_BYTES // 256:
            self._forget()
            raise BadPicture
        self._parts[offset] = part
        if is_last and self._trusts_marker:
            self._has_markers = True
            self._end = offset + len(part)
        if self._end is not None and self._finish(self._end):
            self._done_stamp, self._done_end = self._stamp, self._end
            self._forget()

    def _read_tables(self, payload: bytes, at: int, quality: int) -> tuple[tuple[bytes, ...] | None, int]:
        """The tables of the picture, and where the data begin (3.1.8). None: they have not come yet."""
        _, precision, size = struct.unpack_from(">BBH", payload, at)
        at += 4
        if at + size > len(payload):
            raise BadPicture
        if size == 0:
            return self._tables.get(quality), at
        found = _cut_tables(payload[at : at + size], precision)
        if found:
            self._tables[quality] = found
        return found or None, at + size

    def _make_head(
        self,
        variant: int,
        size: tuple[int, int],
        restart: int,
        quality: int,
        tables: tuple[bytes, ...] | None,
        extension: bytes,
    ) -> _Head | None:
        """None for a picture that cannot be shown, whose fragments then come to nothing."""
        if quality < _OWN_TABLES:
            tables = tables_of(quality)
        told = _read_segments(extension)
        tables = told.tables or tables
        width, height = told.size or size
        if not tables or not width or not height or variant & 0x3F > 1 or variant >= _RESTART.stop:
            return None
        return _Head(variant & 0x3F, width, height, told.restart or restart, tables)

    def _contiguous(self) -> int:
        """How far the fragments reach without a gap."""
        reached = 0
        while (part := self._parts.get(reached)) and part:
            reached += len(part)
        return reached

    def _finish(self, end: int) -> bool:
        """Hand the picture on if all of its ``end`` bytes are there. Whether they were."""
        if end == 0 or self._contiguous() != end:
            return False
        parts, at = [], 0
        while at < end:
            parts.append(self._parts[at])
            at += len(parts[-1])
        data = b"".join(parts)
        if data.startswith(SOI):
            picture = data  # a whole JPEG, whatever the header says of it
        elif self._head is not None:
            picture = make_header(_with_restarts(self._head, data)) + data
        else:
            return False
        if not picture.endswith(EOI):
            picture += EOI
        assert self._stamp is not None  # noqa: S101 -- a packet has come
        ticks = self._timeline.video_ticks(self._stamp, in_order=True)
        self._out += self._coder.encode(picture, int(ticks * self._to_clock))
        return True


def _cut_tables(data: bytes, precision: int) -> tuple[bytes, ...]:
    """The tables in band, 64 numbers each. Bits of ``precision`` say which have two bytes a number (3.1.8), but not
    every camera sets them as it sends: where the length says something else, the numbers do. None of them is 0."""
    is_as_told = len(data) == 64 * (2 + (precision & 1) + (precision >> 1 & 1))
    tables: list[bytes] = []
    while len(data) >= 64 and len(tables) < 4:
        is_wide = bool(precision >> len(tables) & 1) if is_as_told else 0 in data[:64]
        length = 128 if is_wide else 64
        if length > len(data):
            break
        tables.append(data[:length])
        data = data[length:]
    return tuple(tables)


def _real_size(size: tuple[int, int], told: tuple[int, int]) -> tuple[int, int]:
    """Pixels in width and height: what the description tells, if the payload's fields are what is left of it."""
    if told[0] and all(not (-(-real // 8) * 8 - given) % _WRAP for given, real in zip(size, told, strict=True)):
        return told
    return size[0] or told[0], size[1] or told[1]


def _with_restarts(head: _Head, data: bytes) -> _Head:
    """Senders made of FFmpeg have restart markers in their data and a type that says there are none: how many blocks
    lie between two follows from their number."""
    if head.restart or _FIRST_RESTART not in data:
        return head
    side = 16 if head.kind else 8
    blocks = -(-head.width // 16) * -(-head.height // side)
    return replace(head, restart=-(-blocks // (len(_RESTARTS.findall(data)) + 1)))


@dataclass(frozen=True, slots=True)
class _Told:
    size: tuple[int, int] | None = None
    tables: tuple[bytes, ...] = ()
    restart: int = 0


def _read_head(payload: bytes) -> tuple[int, int, int, int, int, int]:
    """Kind of field, offset, type, Q, width and height in pixels (3.1.1 to 3.1.6)."""
    if len(payload) < _HEAD_BYTES:
        raise BadPicture
    kind, high, low, variant, quality, width, height = struct.unpack_from(">BBHBBBB", payload)
    return kind, high << 16 | low, variant, quality, width * 8, height * 8


def _extension(data: bytearray, at: int, end: int) -> bytes:
    """The segments of a JPEG header in an RTP header extension; empty if it is of another kind."""
    profile = data[at] << 8 | data[at + 1]
    return bytes(data[at + 4 : end]) if profile in _ONVIF else b""


def _read_segments(data: bytes) -> _Told:
    """Size, tables and restart interval of the segments of a JPEG header, as far as they are there."""
    size: tuple[int, int] | None = None
    tables: dict[int, bytes] = {}
    restart, at = 0, 0
    while at + 4 <= len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if kind in (0xFF, 0xD8):
            at += 1 if kind == 0xFF else 2
            continue
        length = data[at + 2] << 8 | data[at + 3]
        body = data[at + 4 : at + 2 + length]
        if kind == 0xDB:
            while body:
                length_of = 129 if body[0] >> 4 else 65
                tables[body[0] & 15] = body[1:length_of]
                body = body[length_of:]
        elif kind == 0xC0 and len(body) >= 5:
            size = (body[3] << 8 | body[4], body[1] << 8 | body[2])
        elif kind == 0xDD and len(body) >= 2:
            restart = body[0] << 8 | body[1]
        at += 2 + max(2, length)
    whole = [tables[number] for number in sorted(tables) if len(tables[number]) in (64, 128)]
    return _Told(size, tuple(whole), restart)


def make_header(head: _Head) -> bytes:
    """All before the scan's data (appendix B): tables, restart interval, frame, codes, scan."""
    pieces = [SOI]
    for number, table in enumerate(head.tables):
        precision = 16 if len(table) == 128 else 0
        pieces.append(b"\xff\xdb" + struct.pack(">HB", 3 + len(table), precision | number) + table)
    if head.restart:
        pieces.append(b"\xff\xdd" + struct.pack(">HH", 4, head.restart))
    chroma = min(1, len(head.tables) - 1)
    sampling = 0x22 if head.kind else 0x21
    pieces.append(
        b"\xff\xc0"
        + struct.pack(">HBHHB", 17, 8, head.height, head.width, 3)
        + bytes((1, sampling, 0, 2, 0x11, chroma, 3, 0x11, chroma))
    )
    pieces.append(HUFFMAN)
    pieces.append(b"\xff\xda" + struct.pack(">HB", 12, 3) + bytes((1, 0, 2, 0x11, 3, 0x11, 0, 63, 0)))
    return b"".join(pieces)
