"""RTP and RTCP bytes (RFC 3550): the header's odd parts, time stamps that wrap, sender reports. Pure."""

from __future__ import annotations

import struct

HEADER = struct.Struct(">BBHI")
"""Version, padding, extension and CSRC count; marker and payload type; sequence number; time stamp. SSRC follows."""

FRAGMENT_FRAMES = (struct.Struct(">HHHHI4xBB"), struct.Struct(">HHHHI4xBxB"))
"""Dollar and channel, size, the first two bytes of RTP, sequence number, time stamp, the first byte of the payload and
that of a fragment: an interleaved frame and its heads at once, of H.264 and of H.265."""

HEADER_BYTES = 12
_SENDER_REPORT = 200
_REPORT = struct.Struct(">IIII")
_NTP_FRACTION = 1 << 32


def payload_span(data: bytes | bytearray, begin: int, end: int) -> tuple[int, int]:
    """Where the payload of a packet begins and ends when it has CSRCs, an extension or padding.

    (0, 0) when these do not fit into the packet. Some cameras set the bit of padding and have none: it is zeros
    with their number behind them.
    """
    first = data[begin]
    start = begin + HEADER_BYTES + 4 * (first & 15)
    if first & 0x10:
        if start + 4 > end:
            return 0, 0
        start += 4 + 4 * (data[start + 2] << 8 | data[start + 3])
    if first & 0x20 and start < end and not any(data[max(start, end - data[end - 1]) : end - 1]):
        end -= min(data[end - 1], end - start)
    return (start, end) if start <= end else (0, 0)


def signed_distance(stamp: int, other: int) -> int:
    """``stamp - other`` of two 32-bit time stamps, -2^31 to 2^31 - 1."""
    return ((stamp - other + 0x80000000) & 0xFFFFFFFF) - 0x80000000


class Unwrap:
    """32-bit time stamps in, ticks without a wrap out; the first one is 0."""

    __slots__ = ("last", "ticks")

    def __init__(self) -> None:
        self.last: int | None = None
        self.ticks = 0

    def to_ticks(self, stamp: int) -> int:
        if self.last is not None:
            self.ticks += (
                (stamp - self.last + 0x80000000) & 0xFFFFFFFF
            ) - 0x80000000  # signed_distance, once a picture
        self.last = stamp
        return self.ticks


def find_report(data: bytes | bytearray, begin: int, end: int) -> tuple[float, int] | None:
    """NTP time (seconds) and RTP stamp of the first sender report in a compound RTCP packet, None without one."""
    while end - begin >= 8:
        kind, words = data[begin + 1], data[begin + 2] << 8 | data[begin + 3]
        if data[begin] & 0xC0 != 0x80:
            return None
        if kind == _SENDER_REPORT and words >= 6 and end - begin >= 28:
            seconds, fraction, stamp, _ = _REPORT.unpack_from(data, begin + 8)
            return (seconds + fraction / _NTP_FRACTION, stamp) if seconds else None
        begin += 4 + 4 * words
    return None
