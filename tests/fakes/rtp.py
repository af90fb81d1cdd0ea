"""RTP packets by hand, as a camera would send them."""

from __future__ import annotations

import struct

PAYLOAD_TYPE = 96
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\n"
    "a=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n"
)
IDR = b"\x65\x88" + b"i" * 40
SLICE = b"\x41\x9a" + b"p" * 40
"""NAL units that look like the first slice of a picture."""


def rtp(
    payload: bytes,
    sequence: int,
    stamp: int,
    *,
    marker: bool = False,
    payload_type: int = PAYLOAD_TYPE,
    ssrc: int = 7,
) -> bytes:
    second = payload_type | (0x80 if marker else 0)
    return struct.pack(">BBHII", 0x80, second, sequence & 0xFFFF, stamp & 0xFFFFFFFF, ssrc) + payload


def interleaved(packet: bytes, channel: int = 0) -> bytes:
    return struct.pack(">BBH", 0x24, channel, len(packet)) + packet


def fragments(nal: bytes, size: int) -> list[bytes]:
    """FU-A payloads (RFC 6184 5.8) of an H.264 unit."""
    pieces = [nal[at : at + size] for at in range(1, len(nal), size)]
    payloads = []
    for number, piece in enumerate(pieces):
        flags = nal[0] & 0x1F | (0x80 if number == 0 else 0) | (0x40 if number == len(pieces) - 1 else 0)
        payloads.append(bytes((nal[0] & 0xE0 | 28, flags)) + piece)
    return payloads


def fragments_h265(nal: bytes, size: int) -> list[bytes]:
    """FU payloads (RFC 7798 4.4.3) of an H.265 unit."""
    pieces = [nal[at : at + size] for at in range(2, len(nal), size)]
    payloads = []
    for number, piece in enumerate(pieces):
        flags = nal[0] >> 1 & 0x3F | (0x80 if number == 0 else 0) | (0x40 if number == len(pieces) - 1 else 0)
        payloads.append(bytes((nal[0] & 0x81 | 49 << 1, nal[1], flags)) + piece)
    return payloads


def sender_report(ntp_s: float, stamp: int) -> bytes:
    return struct.pack(">BBHIIIIII", 0x80, 200, 6, 7, int(ntp_s), int(ntp_s % 1 * 2**32), stamp & 0xFFFFFFFF, 0, 0)
