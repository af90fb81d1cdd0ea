"""Where an interleaved frame ends when its length (RFC 2326 10.12) is wrong.

Cameras write it low byte first, count the four bytes before the packet in or the RTP header out, lose what is above
65,535, or are wrong now and then. What follows a frame shows whether its length is true: the next frame, an answer, or
blanks. Where it is not, the next frame of a stream that has come before shows the end.
"""

from __future__ import annotations

from collections.abc import Sequence

MOST_BYTES = 112 * 1024
"""So much is looked at for the end of a frame: a length that lost 65,536 can be told, and the receive buffer is never
full of it."""

_HEAD_BYTES = 16
"""Of a frame up to the SSRC of its packet, and that."""

_RTP_BYTES = 12
_NEAR = 8
"""Frames of other channels between two of one, at most."""

_SAME = 3
"""When so many frames were longer than told by the same, all are."""

_BLANKS = b"\r\n\0"


class Lengths:
    """What is known of the frames of one connection. One thread."""

    def __init__(self, channels: Sequence[object]) -> None:
        """``channels`` has something for each channel that is ours."""
        self._channels = channels
        self.largest = 0
        """Bytes of the largest packet that was followed by another frame."""
        self.answer_mark = b"RTSP/"
        """What answers begin with, as this camera writes it."""
        self.ssrcs: dict[int, bytes] = {}
        """By channel, of the frames that are ours."""
        self._seen: dict[int, bytes] = {}
        """By channel, the head of what may have been the first frame of a stream."""
        self._surplus = self._count = 0
        self._searched = 0  # bytes of the frame that waits: a hostile camera sends them one by one

    def note(self, data: bytearray, position: int, size: int) -> None:
        """The frame at ``position`` is followed by another one."""
        self.largest = max(self.largest, size)
        self._note_ssrc(data, position)

    def find_end(self, data: bytearray, position: int, end: int, have: int, *, is_ours: bool) -> int:
        """The end of the frame at ``position``, which nothing usual follows at ``end``, or whose ``end`` has not come
        yet; 0 when more must come to tell. ``is_ours``: on a channel that somebody takes."""
        if is_ours and have - position >= _HEAD_BYTES:
            self._note_ssrc(data, position)
        found = self._find_next(data, position + max(_HEAD_BYTES, self._searched), have)
        real = self._judge(data, position, end, have, found)
        self._searched = 0 if real else max(0, have - position - _HEAD_BYTES)
        return real

    def _judge(self, data: bytearray, position: int, end: int, have: int, found: int) -> int:
        """As ``find_end``, where the next frame that is known to be one begins at ``found``, or -1."""
        if found >= 0:
            return found if found < end or self._is_part(data, position, end, found, have) else end
        if end > have:
            return 0
        if self._count >= _SAME and end + self._surplus == have:
            return have
        is_usual = self.answer_mark.startswith(bytes(data[end : min(have, end + 5)])) or not _is_more(data, end, have)
        return end if is_usual or have - position > MOST_BYTES else 0

    def _note_ssrc(self, data: bytearray, position: int) -> None:
        if data[position + 4] & 0xC0 == 0x80:
            at = _ssrc_at(data, position)
            self.ssrcs[data[position + 1]] = bytes(data[at : at + 4])

    def _is_part(self, data: bytearray, position: int, end: int, found: int, have: int) -> bool:
        """Whether what lies between the told end of a packet and the next frame belongs to the packet."""
        if not _is_more(data, end, found):
            return False
        told, real, surplus = end - position - 4, found - position - 4, found - end
        self._count = self._count + 1 if surplus == self._surplus else 1
        self._surplus = surplus
        return (
            surplus % 0x10000 == 0
            or real == int.from_bytes(told.to_bytes(2, "big"), "little")
            or told < _RTP_BYTES <= real
            or told < real <= self.largest
            or self._count >= _SAME
            or (told != self.largest and _is_before(data, position, found, have))
        )

    def _find_next(self, data: bytearray, begin: int, have: int) -> int:
        """Where the next frame of a known stream begins, or an answer; -1 where none does."""
        answer, known = data.find(self.answer_mark + b"1.0 ", begin, have), self.ssrcs.values()
        limit = answer if answer >= 0 else have
        at = data.find(b"$", begin, limit)
        while 0 <= at <= have - _HEAD_BYTES:
            ssrc = _ssrc_at(data, at)
            if data[at + 4] & 0xC0 == 0x80 and (
                data[ssrc : ssrc + 4] in known or self._is_seen_again(data, at, bytes(data[ssrc : ssrc + 4]))
            ):
                return at
            at = data.find(b"$", at + 1, limit)
        return answer

    def _is_seen_again(self, data: bytearray, at: int, ssrc: bytes) -> bool:
        """Whether a stream of which nothing is known, as its frames never stand alone, seems to begin there twice."""
        channel = data[at + 1]
        if self._channels[channel] is None or channel in self.ssrcs:
            return False
        before, now = self._seen.get(channel, b""), bytes(data[at + 6 : at + 8]) + ssrc
        self._seen[channel] = now
        return before[2:] == ssrc and before != now


def _is_before(data: bytearray, position: int, at: int, have: int) -> bool:
    """Whether the next packet on the channel of the one at ``position``, among the frames from ``at`` on, has the
    number after it: then what lies between the two is of no other packet of that stream."""
    for _ in range(_NEAR):
        if at + _HEAD_BYTES > have or data[at] != data[position]:
            return False
        if data[at + 1] == data[position + 1]:
            return (data[position + 6] << 8 | data[position + 7]) + 1 & 0xFFFF == data[at + 6] << 8 | data[at + 7]
        at += 4 + (data[at + 2] << 8 | data[at + 3])
    return False


def _ssrc_at(data: bytearray, position: int) -> int:
    """Of the packet in the frame there: RTCP has it in its first report (RFC 3550 6.4)."""
    return position + (8 if 192 <= data[position + 5] <= 223 else 12)


def _is_more(data: bytearray, begin: int, end: int) -> bool:
    """Whether these bytes can be of a packet: neither blanks nor a line of text, such as the camera's own question."""
    between = bytes(data[begin:end])
    text = between.strip(_BLANKS)
    return bool(text) and not (text.isascii() and text.decode().replace("\r\n", "").isprintable())
