"""RTCP receiver reports (RFC 3550 6.4.2): what we tell a camera of each of its streams, so that it goes on sending.

Cameras take them as the sign that somebody still watches; a few look at nothing else. The jitter is reported as 0:
packets are read in batches, so what would be measured is our own waiting, and a camera that believed it would lower its
picture's quality.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable

EVERY_S = 5.0
"""RFC 3550 6.2 for small sessions; one camera wants one in 5 s, many one in 60."""

_RECEIVER_REPORT = 201
_SENDER_REPORT = 200
_HEAD = struct.Struct(">BBHI")
_BLOCK = struct.Struct(">4sIIIII")
_MAX_LOST = 0x7FFFFF


class ReceiverStats:
    """Of one stream. One thread; ``note`` is called for at least one packet of each picture."""

    def __init__(self, lost: Callable[[], int] | None = None, now: Callable[[], float] = time.monotonic) -> None:
        """``lost`` tells how many packets are missing so far; without it they are counted here, which is right only if
        ``note`` gets every packet."""
        self._lost, self._now = lost, now
        self._ssrc = b""
        self._first = self._highest = -1
        self._gaps = 0
        self._told_expected = self._told_lost = 0
        self._sender_middle = 0
        self._sender_s = 0.0

    def note(self, ssrc: bytes, sequence: int) -> None:
        """A packet of the stream; another ``ssrc`` than before begins a new count."""
        if ssrc != self._ssrc:
            self._ssrc, self._first, self._highest, self._gaps = ssrc, sequence, sequence, 0
            self._told_expected = self._sender_middle = 0
            self._told_lost = self._lost() if self._lost else 0
            return
        ahead = (sequence - self._highest) & 0xFFFF
        if 0 < ahead < 0x8000:
            self._highest += ahead
            self._gaps += ahead - 1

    def note_report(self, data: bytes | bytearray, begin: int, end: int) -> None:
        """An RTCP packet of the camera: of a sender report the middle of its NTP time is given back to it."""
        if end - begin >= 28 and data[begin + 1] == _SENDER_REPORT:
            self._sender_middle = int.from_bytes(data[begin + 10 : begin + 14], "big")
            self._sender_s = self._now()

    def report(self, own_ssrc: int) -> bytes:
        """A receiver report of 32 bytes; of 8, without a block, while nothing has come."""
        if not self._ssrc:
            return _HEAD.pack(0x80, _RECEIVER_REPORT, 1, own_ssrc)
        lost = self._lost() if self._lost else self._gaps
        expected = self._highest - self._first + 1
        new_expected, new_lost = expected - self._told_expected, max(0, lost - self._told_lost)
        self._told_expected, self._told_lost = expected, lost
        fraction = min(255, 256 * new_lost // new_expected) if new_expected > 0 else 0
        since = min(0xFFFFFFFF, int((self._now() - self._sender_s) * 65_536)) if self._sender_middle else 0
        block = _BLOCK.pack(
            self._ssrc,
            fraction << 24 | min(lost, _MAX_LOST),
            self._highest & 0xFFFFFFFF,
            0,
            self._sender_middle,
            since,
        )
        return _HEAD.pack(0x81, _RECEIVER_REPORT, 7, own_ssrc) + block
