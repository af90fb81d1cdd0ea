"""RTP payloads of H.264 (RFC 6184) and H.265 (RFC 7798) into whole access units as Annex B.

A camera of 4 Mb/s sends 350 RTP packets a second, nearly all of them middle fragments of large NAL units. ``run_on``
takes these one after the other out of the receive buffer, without a call for each; ``add`` takes any other. Payloads
are kept as views of the buffer and joined once for each picture. (Measured: a copy for each takes a third more.)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

from vigilar.capture.rtsp.reorder import DecodeStamps
from vigilar.capture.rtsp.rtp import HEADER, HEADER_BYTES, payload_span
from vigilar.capture.rtsp.timeline import Timeline
from vigilar.media.bitstream import START_CODE
from vigilar.media.packets import VIDEO, RawPacket
from vigilar.media.sps import BadBitstream, parse_sps

MAX_UNIT_BYTES = 4 * 1024 * 1024
"""Of one access unit. A keyframe of a 4K camera has about 1 MB; a recording holds no larger frame than this."""

USUAL_RATE = 25

_FRAMES = (struct.Struct(">HHHHI4xBB"), struct.Struct(">HHHHI4xBxB"))
"""Dollar and channel, size, the first two bytes of RTP, sequence number, time stamp, the first byte of the payload and
that of a fragment: a frame and its heads at once, of H.264 and of H.265."""

_PLAIN = 0x8000
"""The first two bytes of RTP but for the payload type: no padding, extension, CSRC or marker."""

_SHORT_CODE = b"\0\0\1"
_NUMBERED = 64
"""Packets in a row of which none has the number after the one before: then the camera does not number them at all. Were
they lost, so many would not be."""

_SEI = 6
_RECOVERY_POINT = 6
_I_SLICES = frozenset({2, 4, 7, 9})


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a payload has what. ``several`` and ``fragment`` are the types of aggregation and fragmentation units,
    ``single`` begins the range of NAL units that stand alone, ``heads`` that of those which no slice of their picture
    comes before. ``partitions``: second and third parts of slices, which say nothing of their place."""

    shift: int
    mask: int
    head_bytes: int
    single: range
    several: int
    fragment: int
    slices: range
    keys: range
    sps: int
    heads: range
    partitions: range


_LAYOUTS = {
    "h264": _Layout(0, 0x1F, 1, range(1, 24), 24, 28, range(1, 6), range(5, 6), 7, range(7, 10), range(3, 5)),
    "hevc": _Layout(1, 0x3F, 2, range(48), 48, 49, range(32), range(16, 22), 33, range(32, 36), range(0)),
}


class VideoTrack:
    """The picture stream of one connection. Whole access units are put on ``out``; one thread.

    A unit ends with the marker bit or where the time stamp changes, whichever comes first, or where the first slice of
    another picture follows with neither; a camera whose marker proves wrong (another part of the same picture follows)
    goes by the stamp from then on, and a stamp that changes within a picture ends nothing. Units of parameter sets
    alone are put before the next picture. A unit with a gap in it is dropped and counted in ``damaged``, unless the
    camera does not number its packets. ``has_fields``: the first slice of a picture may be that of its second field.
    """

    def __init__(
        self, codec: str, payload_type: int, clock: int, timeline: Timeline, stamps: DecodeStamps, out: list[RawPacket]
    ) -> None:
        layout = _LAYOUTS[codec]
        self._codec, self._layout = codec, layout
        self._payload_type, self._clock = payload_type, clock
        self._shift, self._mask, self._head = layout.shift, layout.mask, layout.head_bytes
        self._fragment = layout.fragment
        self.time_base = Fraction(1, clock)
        self._timeline, self._stamps, self._out = timeline, stamps, out
        self._next = -1
        self._unnumbered = 0
        self._is_last_fragment = False
        self._stamp = -1
        self._done_stamp = -1
        self._data = bytearray()
        self._view = memoryview(self._data)
        self._parts: list[bytes | memoryview] = []
        self._size = 0
        self._has_slice = self._is_key = self._has_recovery = self._is_intra = False
        self._is_open = self._is_damaged = self._is_cut = False
        self._indicator = self._middle = 0
        self._trusts_marker = True
        self._bundle = -1  # where in _parts a fragmented unit begins that may be several
        self._done: RawPacket | None = None
        self._again: tuple[int | None, int | None] | None = None  # pts and dts of a picture that was taken back
        self._sps = b""
        self.has_fields = False
        self.channel = 0
        self.damaged = 0
        self.lost = 0
        self.refused = 0

    def add(self, data: bytearray, begin: int, end: int) -> None:
        """One RTP packet, ``data[begin:end]``. ``keep`` must be called before ``data`` is written to again."""
        if data is not self._data:
            self._data, self._view = data, memoryview(data)
        if end - begin <= HEADER_BYTES:
            self.refused += 1
            return
        first, second, sequence, stamp = HEADER.unpack_from(data, begin)
        if second & 0x7F != self._payload_type or first & 0xC0 != 0x80:
            self.refused += 1
            return
        start = begin + HEADER_BYTES
        if first & 0x3F:
            start, end = payload_span(data, begin, end)
        if sequence != self._next and self._unnumbered < _NUMBERED:
            if sequence == (self._next - 1) & 0xFFFF and stamp == self._stamp and self._is_repeated(start, end):
                return
            self._note_gap(sequence, stamp)
        elif self._unnumbered and self._unnumbered < _NUMBERED:
            self._unnumbered = 0
        self._next = (sequence + 1) & 0xFFFF
        if stamp != self._stamp:
            if self._goes_on(data, start, end):
                self._stamp = stamp
            else:
                self._turn(stamp)
        body = start + self._head
        if body < end and (data[start] >> self._shift) & self._mask == self._fragment:
            # A first fragment without its flag is one that follows nothing, if nothing is missing.
            if data[body] & 0x80 or not (self._is_open or self._is_damaged or self._is_cut):
                self._open(data, start, body, end)
            if self._is_open:
                self._parts.append(self._view[body + 1 : end])
                self._size += end - start
                self._is_last_fragment = bool(data[body] & 0x40)
                if self._size > MAX_UNIT_BYTES:
                    self._damage()
                elif self._bundle >= 0 and data[body] & 0x40:
                    self._unbundle()
            else:
                self._is_damaged = True
        else:
            self._take_whole(data, start, end)
        if second & 0x80 and self._has_slice and self._trusts_marker:
            self._finish()

    def run_on(self, data: bytearray, position: int, have: int) -> int:
        """Take the middle fragments of the open NAL unit that follow at ``position`` in interleaved frames.

        Returns where the first frame begins that is anything else, or not whole before ``have``.
        """
        if not self._is_open:
            return position
        lead, plain, stamp, expected = 0x2400 | self.channel, _PLAIN | self._payload_type, self._stamp, self._next
        indicator, middle, view = self._indicator, self._middle, self._view
        heads = 17 + self._head  # of the frame, of RTP, of the payload, of the fragment
        append, unpack, least = self._parts.append, _FRAMES[self._head - 1].unpack_from, heads - 4
        begin, stop = position, min(have, position + MAX_UNIT_BYTES - self._size)
        while have - position >= heads:
            start, size, second, sequence, now, kind, fragment = unpack(data, position)
            end = position + 4 + size
            if (
                sequence != expected
                or second != plain
                or fragment != middle
                or kind != indicator
                or now != stamp
                or start != lead
                or size <= least
                or end > stop
            ):
                break
            append(view[position + heads : end])
            expected = (expected + 1) & 0xFFFF
            position = end
        self._next = expected
        self._size += position - begin
        return position

    def keep(self) -> None:
        """Copy what is not whole yet out of the receive buffer."""
        if self._parts:
            self._parts = [b"".join(self._parts)]

    def _note_gap(self, sequence: int, stamp: int) -> None:
        """Packets are missing before this one: of the unit at hand, of the one that begins, or of both."""
        if self._next >= 0:
            self.lost += (sequence - self._next) & 0xFFFF
            self._unnumbered += 1
            if self._unnumbered == _NUMBERED:
                self.lost = 0
            if self._parts or stamp == self._stamp:
                self._damage()
        if stamp != self._stamp:
            self._turn(stamp)
            self._is_cut = True

    def _is_repeated(self, start: int, end: int) -> bool:
        """Whether a packet with the number of the one before is that packet again: what was taken last ends with it."""
        held = self._parts[-1] if self._parts else self._done.data if self._done is not None else b""
        count = min(len(held), end - start - self._head - 1)
        return count > 0 and held[len(held) - count :] == self._view[end - count : end]

    def _goes_on(self, data: bytearray, start: int, end: int) -> bool:
        """Whether a packet with another stamp, before which none is missing, is more of the picture at hand: the rest
        of a fragmented unit, or a slice that is not the first of a picture. Some cameras stamp each packet anew."""
        body = start + self._head
        if not self._has_slice or self._is_damaged or self._is_cut or body + 1 >= end:
            return False
        kind = (data[start] >> self._shift) & self._mask
        if kind != self._fragment:
            return kind in self._layout.slices and not data[body] & 0x80
        if not data[body] & 0x80:
            return self._is_open and not self._is_last_fragment
        kind = data[body] & (0x1F if self._head == 1 else 0x3F)
        return kind in self._layout.slices and not data[body + 1] & 0x80

    def _turn(self, stamp: int) -> None:
        """The time stamp changed. Parameter sets may have one of their own and belong to what follows."""
        if self._has_slice or self._is_damaged:
            self._finish()
        self._is_open = self._is_cut = False
        self._stamp = stamp

    def _damage(self) -> None:
        self._is_damaged, self._is_open = True, False
        self._parts, self._size = [], 0

    def _open(self, data: bytearray, start: int, body: int, end: int) -> None:
        """The first fragment of a NAL unit: its header is made of the payload's and the fragment's."""
        flags = data[body]
        if self._head == 1:
            header = bytes(((data[start] & 0xE0) | (flags & 0x1F),))
        else:
            header = bytes(((data[start] & 0x81) | (flags & 0x3F) << 1, data[start + 1]))
        kind = (header[0] >> self._shift) & self._mask
        if kind not in self._layout.slices or not header[-1]:  # sets, or what begins with a start code: several perhaps
            self._is_open = not self._is_damaged
            self._bundle = len(self._parts)
        else:
            self._is_open = self._begin_nal(kind, data, body + 1, end)
            self._bundle = -1
        if self._is_open:
            self._parts.append(START_CODE + header)
            self._indicator, self._middle = data[start], flags & 0x3F

    def _unbundle(self) -> None:
        """A fragmented unit that is no slice is whole. Cameras hand out what their encoder gave, so there may be start
        codes in it and a picture behind them (RFC 6184 knows no such thing, decoders do)."""
        whole = bytearray(b"".join(self._parts[self._bundle :]))
        del self._parts[self._bundle :]
        self._bundle, self._is_open = -1, False
        self._take_bundle(whole, 0, len(whole), copy=True)

    def _take_bundle(self, data: bytearray, start: int, end: int, *, copy: bool) -> None:
        """Annex B inside a payload: the units between the start codes. ``copy``: ``data`` is not the buffer."""
        while start < end:
            following = data.find(_SHORT_CODE, start, end)
            stop = following if following >= 0 else end
            while stop > start and not data[stop - 1]:
                stop -= 1
            if stop - start > self._head - 1:
                kind = (data[start] >> self._shift) & self._mask
                if copy:
                    self._data, self._view = data, memoryview(data)
                self._nal(kind, data, start, stop)
            start = following + 3 if following >= 0 else end

    def _take_whole(self, data: bytearray, start: int, end: int) -> None:
        """A NAL unit that stands alone, or several in one packet; anything else is not ours."""
        self._is_open = False
        if end - start < self._head:
            self.refused += 1
            return
        kind = (data[start] >> self._shift) & self._mask
        if not data[start + self._head - 1] or (
            kind in self._layout.single and kind not in self._layout.slices and data.find(_SHORT_CODE, start, end) >= 0
        ):
            before = len(self._parts)
            self._take_bundle(data, start, end, copy=False)
            self.refused += len(self._parts) == before
        elif kind in self._layout.single:
            self._nal(kind, data, start, end)
        elif kind == self._layout.several:
            at = start + self._head
            while at + 2 < end:
                size = data[at] << 8 | data[at + 1]
                at += 2
                if not size:  # an encoder's empty unit, or padding
                    continue
                if size < self._head or at + size > end:
                    self._damage()
                    return
                self._nal((data[at] >> self._shift) & self._mask, data, at, at + size)
                at += size
        else:
            self.refused += 1

    def _nal(self, kind: int, data: bytearray, start: int, end: int) -> None:
        if not self._begin_nal(kind, data, start + self._head, end):
            return
        self._parts += (START_CODE, self._view[start:end])
        self._size += 4 + end - start
        if self._size > MAX_UNIT_BYTES:
            self._damage()
        elif kind == self._layout.sps:
            self._take_sps(bytes(data[start:end]))
        elif kind == _SEI and self._head == 1 and has_recovery_point(data, start + 1, end):
            self._has_recovery = True

    def _begin_nal(self, kind: int, data: bytearray, body: int, end: int) -> bool:
        """Note what a NAL unit means for its access unit; False when it is not wanted any more."""
        is_slice = kind in self._layout.slices
        # The first bit of a slice header says that it is the first slice of its picture (H.264 7.3.3, H.265 7.3.6.1).
        is_later_slice = is_slice and body < end and not data[body] & 0x80
        if self._is_cut:
            self._is_cut = False
            if is_later_slice:
                self._damage()
        if self._is_damaged:
            return False
        if is_later_slice and not self._has_slice and self._stamp == self._done_stamp:
            self._trusts_marker = False
            if not self._reopen():
                self._damage()
                return False
        elif self._has_slice and (
            kind in self._layout.heads
            or (is_slice and not is_later_slice and not self.has_fields and kind not in self._layout.partitions)
        ):
            self._finish()  # an access unit begins with these (H.264 7.4.1.2.3, H.265 7.4.2.4.4)
        if is_slice:
            if not self._has_slice:
                self._is_intra = True
            self._has_slice = True
            if kind in self._layout.keys:
                self._is_key = True
            elif self._has_recovery:
                self._is_intra = self._is_intra and is_i_slice(data, body, end)
        return True

    def _reopen(self) -> bool:
        """Take back the picture that a marker ended too early, as long as nobody has it."""
        if self._done is None or not self._out or self._out[-1] is not self._done:
            return False
        raw = self._out.pop()
        self._parts.insert(0, raw.data)
        self._size += len(raw.data)
        self._has_slice, self._is_key = True, raw.is_keyframe
        self._again = (raw.pts, raw.dts)
        return True

    def _finish(self) -> None:
        parts, has_slice = self._parts, self._has_slice
        is_key = self._is_key or (self._has_recovery and self._is_intra)
        is_damaged, stamp = self._is_damaged, self._stamp
        self._parts, self._size = [], 0
        self._has_slice = self._is_key = self._has_recovery = self._is_intra = False
        self._is_open = self._is_damaged = False
        self._done_stamp = stamp
        if is_damaged:
            self.damaged += 1
        elif has_slice:
            if self._again is not None:
                pts, dts = self._again
            else:
                pts = self._timeline.video_ticks(stamp, in_order=self._stamps.is_in_order)
                dts = self._stamps.dts(pts)
            self._done = RawPacket(VIDEO, b"".join(parts), pts, dts, 0, self.time_base, is_key)
            self._out.append(self._done)
        self._again = None

    def _take_sps(self, nal: bytes) -> None:
        if nal == self._sps:
            return
        self._sps = nal
        try:
            facts = parse_sps(self._codec, nal)
        except BadBitstream:
            return
        self.has_fields = facts.has_fields
        rate = facts.frame_rate or USUAL_RATE
        self._stamps.restart(int(self._clock / rate), facts.reorder_depth)


def is_i_slice(data: bytes | bytearray, begin: int, end: int) -> bool:
    """Whether the slice whose header begins there has no other pictures in it (H.264 7.3.3: slice_type)."""
    bits = int.from_bytes(data[begin : min(end, begin + 16)], "big")
    left = 8 * (min(end, begin + 16) - begin)
    values = []
    for _ in range(2):
        zeros = 0
        while left > 0 and not bits >> (left - 1) & 1:
            zeros, left = zeros + 1, left - 1
        if left < zeros + 1:
            return False
        left -= zeros + 1
        values.append((bits >> left & ((1 << (zeros + 1)) - 1)) - 1)
    return values[1] in _I_SLICES


def has_recovery_point(data: bytes | bytearray, begin: int, end: int) -> bool:
    """Whether an SEI unit of H.264 (behind its header) says that decoding may begin here and is right at once.

    A recovery point with a frame count of 0 (D.1.8); others tell of a picture that comes right over time.
    """
    while begin < end:
        numbers = [0, 0]
        for index in range(2):
            while begin < end and data[begin] == 255:
                numbers[index] += 255
                begin += 1
            if begin >= end:
                return False
            numbers[index] += data[begin]
            begin += 1
        if numbers[0] == _RECOVERY_POINT:
            return begin < end and bool(data[begin] & 0x80)
        begin += numbers[1]
    return False
