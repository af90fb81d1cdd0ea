"""RTP payloads of H.264 (RFC 6184) and H.265 (RFC 7798) into whole access units as Annex B.

A camera of 4 Mb/s sends 350 RTP packets a second, nearly all of them middle fragments of large NAL units. ``run_on``
takes these one after the other out of the receive buffer, without a call for each; ``add`` takes any other. Payloads
are kept as views of the buffer and joined once for each picture. (Measured: a copy for each takes a third more.)
"""

from __future__ import annotations

from fractions import Fraction

from vigilar.capture.rtsp import payloads
from vigilar.capture.rtsp.entry import Entry
from vigilar.capture.rtsp.intake import StreamMemory
from vigilar.capture.rtsp.reorder import DecodeStamps
from vigilar.capture.rtsp.rtp import FRAGMENT_FRAMES, HEADER, HEADER_BYTES, payload_span
from vigilar.capture.rtsp.timeline import Timeline
from vigilar.media.bitstream import START_CODE
from vigilar.media.packets import VIDEO, RawPacket
from vigilar.media.sps import BadBitstream, parse_sps

MAX_UNIT_BYTES = 4 * 1024 * 1024
"""Of one access unit. A keyframe of a 4K camera has about 1 MB; a recording holds no larger frame than this."""

USUAL_RATE = 25

_PLAIN = 0x8000
"""The first two bytes of RTP but for the payload type: no padding, extension, CSRC or marker."""

_NUMBERED = 64
"""Packets in a row of which none has the number after the one before: the camera does not number them at all."""


class VideoTrack:
    """The picture stream of one connection. Whole access units are put on ``out``; one thread.

    A unit ends with the marker bit or where the time stamp changes, whichever comes first, or where the first slice of
    another picture follows with neither; a camera whose marker proves wrong (another part of the same picture follows)
    goes by the stamp from then on, one inside a fragmented unit is no end, and a stamp that changes within a picture
    ends nothing. Parameter sets alone are put before the next picture. A unit with a gap in it is dropped and counted
    in ``damaged``. ``has_fields``: the first slice of a picture may be that of its second field.

    Some cameras cut what their encoder gives, start codes and all, into packets by nothing but size. Such pieces are
    put together and taken apart again when the unit ends (``_bundle``).
    """

    def __init__(
        self,
        codec: str,
        payload_type: int,
        clock: int,
        timeline: Timeline,
        stamps: DecodeStamps,
        out: list[RawPacket],
        *,
        has_order_numbers: bool = False,
        memory: StreamMemory | None = None,
    ) -> None:
        """``has_order_numbers``: as the description of H.265 has it (``payloads.without_order_numbers``)."""
        layout = payloads.LAYOUTS[codec]
        self._codec, self._layout = codec, layout
        self._payload_type, self._clock = payload_type, clock
        self._shift, self._mask, self._head = layout.shift, layout.mask, layout.head_bytes
        self._fragment = layout.fragment
        self.time_base = Fraction(1, clock)
        self._timeline, self._stamps, self._out = timeline, stamps, out
        self._next = -1
        self._unnumbered = 0
        self._is_numbered = self._is_doubtful = False
        self._has_order_numbers = has_order_numbers
        self._is_last_fragment = False
        self._lacks_begin = self._is_marked = False  # of the fragmented unit at hand, and whether a marker came in it
        self._stamp = -1
        self._done_stamp = -1
        self._data = bytearray()
        self._view = memoryview(self._data)
        self._parts: list[bytes | memoryview] = []
        self._size = 0
        self._entry = Entry(codec, clock, memory or StreamMemory())
        self._has_slice = self._is_open = self._is_damaged = self._is_cut = False
        self._indicator = self._middle = 0
        self._trusts_marker, self._has_markers, self._lacks_ends = True, False, False
        self._bundle = -1  # where in _parts that begins which is to be taken apart
        self._piece_bytes = self._most_bytes = 0  # of the piece before, 0 for none, and of the largest
        self._is_cut_by_size = self._has_fragments = False
        self._single_bytes = 0  # of the payload before, if it was a unit that stands alone
        self._done: RawPacket | None = None
        self._again: tuple[int, int] | None = None  # pts and dts of a picture that was taken back
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
        if sequence != self._next:
            if sequence == (self._next - 1) & 0xFFFF and stamp == self._stamp:
                if self._is_repeated(start, end):
                    return  # else a number that stands still, of which nothing can be missing
            elif self._unnumbered < _NUMBERED:
                self._note_gap(sequence, stamp)
        elif not self._is_numbered or 0 < self._unnumbered < _NUMBERED:
            self._note_number()
        self._next = (sequence + 1) & 0xFFFF
        if self._has_order_numbers:
            data = payloads.without_order_numbers(data, start, end)
            self._data, self._view, start, end = data, memoryview(data), 0, len(data)
        if stamp != self._stamp:
            if self._goes_on(data, start, end):
                self._stamp = stamp
            else:
                self._turn(stamp)
        self._take(data, start, end)
        if second & 0x80:
            self._has_markers = True
            if self._piece_bytes:
                self._unbundle()
            is_inside = self._is_open and not self._is_last_fragment and not self._lacks_ends
            self._is_marked = True
            if self._has_slice and self._trusts_marker and not is_inside:
                self._finish()

    def _take(self, data: bytearray, start: int, end: int) -> None:
        """One payload."""
        if self._piece_bytes:
            if self._is_piece(data, start, end):
                self._add_piece(start, end)
                return
            self._unbundle()
        body = start + self._head
        if body >= end or (data[start] >> self._shift) & self._mask != self._fragment:
            self._take_whole(data, start, end)
            return
        # A first fragment without its flag is one that follows nothing, if nothing is missing.
        if data[body] & 0x80 or not (self._is_open or self._is_damaged or self._is_cut):
            self._lacks_begin, self._is_marked = not data[body] & 0x80, False
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

    def run_on(self, data: bytearray, position: int, have: int) -> int:
        """Take the middle fragments of the open NAL unit that follow at ``position`` in interleaved frames.

        Returns where the first frame begins that is anything else, not whole before ``have``, or followed by no frame:
        its length may be wrong (``lengths``).
        """
        if not self._is_open:
            return position
        lead, plain, stamp, expected = 0x2400 | self.channel, _PLAIN | self._payload_type, self._stamp, self._next
        indicator, middle, view = self._indicator, self._middle, self._view
        heads = 17 + self._head  # of the frame, of RTP, of the payload, of the fragment
        append, unpack, least = self._parts.append, FRAGMENT_FRAMES[self._head - 1].unpack_from, heads - 4
        begin, last, stop = position, position, min(have, position + MAX_UNIT_BYTES - self._size)
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
            last, position = position, end
        if begin < position < have and data[position] != lead >> 8:
            self._parts.pop()
            expected, position = (expected - 1) & 0xFFFF, last
        self._next = expected
        self._size += position - begin
        return position

    def is_next(self, sequence: int) -> bool:
        """Whether a sequence number follows the last packet's."""
        return sequence == self._next

    def keep(self) -> None:
        """Copy what is not whole yet out of the receive buffer."""
        if self._bundle > 0:
            self._parts = [b"".join(self._parts[: self._bundle]), b"".join(self._parts[self._bundle :])]
            self._bundle = 1
        elif self._parts:
            self._parts = [b"".join(self._parts)]

    def _note_gap(self, sequence: int, stamp: int) -> None:
        """Packets are missing before this one: of the unit at hand, of the one that begins, or of both; none when the
        camera begins to count anew with the next picture."""
        ahead = (sequence - self._next) & 0xFFFF
        begins_anew = ahead >= 0x8000 and stamp != self._stamp and not (self._parts and self._has_markers)
        if self._next >= 0 and not begins_anew:
            self.lost += ahead
            self._unnumbered += 1
            if self._unnumbered == _NUMBERED:
                self.lost = 0
            if self._parts or stamp == self._stamp:
                if self._is_numbered:
                    self._damage()
                elif stamp == self._stamp:
                    self._is_doubtful = True
        if stamp != self._stamp:
            self._turn(stamp)
            self._is_cut = True

    def _note_number(self) -> None:
        """This packet has the number after the one before, so that gaps mean what they say, of this picture too."""
        self._unnumbered = 0
        self._is_numbered = True
        if self._is_doubtful:
            self._is_doubtful = False
            self._damage()

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
            # Where no fragment says that it is the first, one behind a marker is.
            return self._is_open and not (self._is_last_fragment or (self._lacks_begin and self._is_marked))
        kind = data[body] & (0x1F if self._head == 1 else 0x3F)
        return kind in self._layout.slices and not data[body + 1] & 0x80

    def _turn(self, stamp: int) -> None:
        """The time stamp changed. Parameter sets may have one of their own and belong to what follows."""
        if self._piece_bytes:
            self._unbundle()
        if self._is_open and not self._is_last_fragment and self._has_markers:
            self._lacks_ends = True  # it never says which fragment is the last, so its marker says it
        if self._has_slice or self._is_damaged:
            self._finish()
        self._is_open = self._is_cut = self._is_doubtful = False
        self._single_bytes = 0
        self._stamp = stamp

    def _damage(self) -> None:
        self._is_damaged, self._is_open = True, False
        self._parts, self._size = [], 0
        self._bundle, self._piece_bytes = -1, 0

    def _open(self, data: bytearray, start: int, body: int, end: int) -> None:
        """The first fragment of a NAL unit: its header is made of the payload's and the fragment's."""
        self._has_fragments, self._single_bytes = True, 0
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
        """What is to be taken apart is whole: a fragmented unit that is no slice, or one in pieces. There may be start
        codes in it and a picture behind them (RFC 6184 knows no such thing, decoders do)."""
        buffer, view = self._data, self._view
        whole = bytearray(b"".join(self._parts[self._bundle :]))
        del self._parts[self._bundle :]
        self._bundle, self._piece_bytes, self._is_open = -1, 0, False
        self._take_bundle(whole, 0, len(whole), copy=True)
        self._data, self._view = buffer, view

    def _begin_pieces(self, start: int, end: int, *, has_code: bool) -> None:
        self._is_open, self._bundle = False, len(self._parts)
        if self._is_damaged:
            self._bundle = -1
            return
        if not has_code:
            self._parts.append(START_CODE)
        self._add_piece(start, end)

    def _add_piece(self, start: int, end: int) -> None:
        self._parts.append(self._view[start:end])
        self._piece_bytes = end - start
        self._most_bytes = max(self._most_bytes, end - start)
        self._size += 4 + end - start
        if self._size > MAX_UNIT_BYTES:
            self._damage()

    def _is_piece(self, data: bytearray, start: int, end: int) -> bool:
        """Whether a payload is more of the unit in pieces: the piece before is as large as they come, this one not
        larger, and it neither begins with a start code nor is a fragment of a camera that makes some."""
        if not 0 < end - start <= self._piece_bytes or self._piece_bytes < self._most_bytes:
            return False
        if data.startswith(payloads.START_CODES, start, end):
            return False
        body = start + self._head
        is_fragment = (data[start] >> self._shift) & self._mask == self._fragment and body < end
        if is_fragment and (self._has_fragments or not self._is_cut_by_size):
            return data[body] & 0xC0 != 0x80
        self._is_cut_by_size = self._is_cut_by_size or not payloads.is_unit_head(self._codec, data, start, end)
        return True

    def _take_bundle(self, data: bytearray, start: int, end: int, *, copy: bool) -> None:
        """Annex B inside a payload: the units between the start codes. ``copy``: ``data`` is not the buffer."""
        while start < end:
            following = data.find(payloads.SHORT_CODE, start, end)
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
        """A NAL unit that stands alone, or several in one packet; what is no unit may be a piece of one."""
        was_open, self._is_open = self._is_open, False
        before_bytes, self._single_bytes = self._single_bytes, 0
        if end - start < self._head:
            self.refused += 1
            return
        kind = (data[start] >> self._shift) & self._mask
        if data.startswith(payloads.START_CODES, start, end):
            self._begin_pieces(start, end, has_code=True)
        elif self._is_cut_by_size and payloads.is_unit_head(self._codec, data, start, end):
            self._begin_pieces(start, end, has_code=False)
        elif not data[start + self._head - 1] or (
            kind in self._layout.single
            and kind not in self._layout.slices
            and data.find(payloads.SHORT_CODE, start, end) >= 0
        ):
            before = len(self._parts)
            self._take_bundle(data, start, end, copy=False)
            self.refused += len(self._parts) == before
        elif kind in self._layout.single:
            self._nal(kind, data, start, end)
            self._single_bytes = end - start
        elif kind == self._layout.several:
            self._take_several(data, start + self._head, end)
        elif end - start <= before_bytes and not self._has_fragments and before_bytes >= payloads.LEAST_PIECE_BYTES:
            self._is_cut_by_size = True
            self._bundle = 0  # all of this picture: what it is made of is noted again when it is taken apart
            self._has_slice = False
            self._entry.begin()
            self._add_piece(start, end)
        else:
            self._is_open = was_open  # there may be a fragment in it
            self._take_unusual(data, start, end)

    def _take_several(self, data: bytearray, at: int, end: int) -> None:
        """The units of an aggregate, each behind its size."""
        while at + 2 < end:
            size = data[at] << 8 | data[at + 1]
            at += 2
            if not size:  # an encoder's empty unit, or padding
                continue
            if size < self._head or at + size > end:
                self._damage()
                return
            if data.startswith(payloads.START_CODES, at, at + size):
                self._take_bundle(data, at, at + size, copy=False)
            else:
                self._nal((data[at] >> self._shift) & self._mask, data, at, at + size)
            at += size

    def _take_unusual(self, data: bytearray, start: int, end: int) -> None:
        """A payload that says the same as one or several usual ones; anything else is not ours."""
        try:
            found = payloads.plain_payloads(self._codec, data, start, end)
        except payloads.BadPayload:
            self._damage()
            return
        buffer, view, stamp = self._data, self._view, self._stamp
        for later, payload in found:
            if (own := (stamp + later) & 0xFFFFFFFF) != self._stamp:
                self._turn(own)
            self._data, self._view = payload, memoryview(payload)
            self._take(payload, 0, len(payload))
        self._data, self._view = buffer, view
        self.refused += not found

    def _nal(self, kind: int, data: bytearray, start: int, end: int) -> None:
        if not self._begin_nal(kind, data, start + self._head, end):
            return
        self._parts += (START_CODE, self._view[start:end])
        self._size += 4 + end - start
        if self._size > MAX_UNIT_BYTES:
            self._damage()
        elif kind == self._layout.sps:
            self._take_sps(bytes(data[start:end]))
        if kind not in self._layout.slices:
            self._entry.note(kind, data, start, start + self._head, end)

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
            self._has_slice = True
            self._entry.note_slice(kind, data, body, end)
        return True

    def _reopen(self) -> bool:
        """Take back the picture that a marker ended too early, as long as nobody has it."""
        if self._done is None or not self._out or self._out[-1] is not self._done:
            return False
        raw = self._out.pop()
        self._parts.insert(0, raw.data)
        self._size += len(raw.data)
        self._has_slice = True
        self._entry.begin(is_key=raw.is_keyframe)
        self._again = (raw.pts or 0, raw.dts or 0)
        return True

    def _finish(self) -> None:
        parts, has_slice = self._parts, self._has_slice
        is_damaged, stamp = self._is_damaged, self._stamp
        self._parts, self._size = [], 0
        self._has_slice = self._is_open = self._is_damaged = False
        self._single_bytes = 0
        self._done_stamp = stamp
        if is_damaged:
            self.damaged += 1
            self._entry.drop()
        elif has_slice:
            if self._again is not None:
                pts, dts = self._again
            else:
                pts = self._timeline.video_ticks(stamp, in_order=self._stamps.is_in_order)
                dts = self._stamps.dts(pts)
            is_key, sets = self._entry.end(pts)
            self._done = RawPacket(VIDEO, sets + b"".join(parts), pts, dts, 0, self.time_base, is_key)
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
