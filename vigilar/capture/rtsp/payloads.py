"""Where RTP payloads of H.264 (RFC 6184) and H.265 (RFC 7798) have what, and the rare kinds of them as usual ones.

Units come in the order of decoding from all cameras that we know of, so numbers of that order (DON) are left out. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vigilar.media.bitstream import LAYOUTS as UNITS


class BadPayload(ValueError):
    """What it says of its own parts is not so."""


@dataclass(frozen=True, slots=True)
class Layout:
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


def _of_units(codec: str, **of_payloads: Any) -> Layout:
    unit = UNITS[codec]
    return Layout(shift=unit.shift, mask=unit.mask, slices=unit.slices, keys=unit.keys, sps=unit.sps, **of_payloads)


LAYOUTS = {
    "h264": _of_units(
        "h264", head_bytes=1, single=range(1, 24), several=24, fragment=28, heads=range(7, 10), partitions=range(3, 5)
    ),
    "hevc": _of_units(
        "hevc", head_bytes=2, single=range(48), several=48, fragment=49, heads=range(32, 36), partitions=range(0)
    ),
}

SHORT_CODE = b"\0\0\1"
START_CODES = (SHORT_CODE, b"\0\0\0\1")
"""Before a unit in Annex B (H.264 B.1.1)."""

LEAST_PIECE_BYTES = 256
"""A camera cuts what does not fit into a packet. So much at least fits into any."""

_STAP_A, _STAP_B, _MTAP16, _MTAP24, _FU_A, _FU_B = 24, 25, 26, 27, 28, 29
_AP, _FU, _PACI = 48, 49, 50
_DON_BYTES = 2


def is_unit_head(codec: str, data: bytes | bytearray, start: int, end: int) -> bool:
    """Whether a NAL unit of a camera may begin like that: of H.265 without layers (7.4.2.2), whose second byte is one
    more than that of its sublayer."""
    if codec == "h264":
        return end > start and not data[start] & 0x80 and 0 < data[start] & 0x1F < _STAP_A
    return end - start > 1 and not data[start] & 0x81 and data[start] >> 1 < _AP and 0 < data[start + 1] < 8


def plain_payloads(codec: str, data: bytes | bytearray, start: int, end: int) -> list[tuple[int, bytearray]]:
    """Payloads of usual kinds that say the same, each with how many ticks later than the packet's stamp it is.

    None for a kind that nobody knows. Raises BadPayload.
    """
    kind = data[start] & 0x1F if codec == "h264" else data[start] >> 1 & 0x3F
    if codec == "hevc":
        return [(0, _unpack_extended(data, start, end))] if kind == _PACI else []
    if kind == _STAP_B:
        return [(0, bytearray((data[start] & 0xE0 | _STAP_A,)) + data[start + 1 + _DON_BYTES : end])]
    if kind in (_MTAP16, _MTAP24):
        return _units_of_times(data, start + 1 + _DON_BYTES, end, stamp_bytes=2 if kind == _MTAP16 else 3)
    if kind == _FU_B and end - start > 2:
        return [
            (0, bytearray((data[start] & 0xE0 | _FU_A, data[start + 1])) + data[start + 2 + _DON_BYTES : end]),
        ]
    return []


def _units_of_times(data: bytes | bytearray, at: int, end: int, *, stamp_bytes: int) -> list[tuple[int, bytearray]]:
    """Of an aggregate of several times (RFC 6184 5.7.2): size, distance of order, ticks, unit."""
    found = []
    while at + 3 + stamp_bytes < end:
        size = data[at] << 8 | data[at + 1]
        at += 3
        later = int.from_bytes(data[at : at + stamp_bytes], "big")
        at += stamp_bytes
        if not size or at + size > end:
            raise BadPayload
        found.append((later, bytearray(data[at : at + size])))
        at += size
    return found


def _unpack_extended(data: bytes | bytearray, start: int, end: int) -> bytearray:
    """What is inside of a packet with extensions (PACI, RFC 7798 4.4.4), with its header where it belongs."""
    if end - start < 4:
        raise BadPayload
    told = data[start + 2] << 8 | data[start + 3]
    kind, extension_bytes = told >> 9 & 0x3F, told >> 4 & 0x1F
    if kind == _PACI or start + 4 + extension_bytes >= end:
        raise BadPayload
    head = bytearray((told >> 8 & 0x80 | kind << 1 | data[start] & 1, data[start + 1]))
    return head + data[start + 4 + extension_bytes : end]


def without_order_numbers(data: bytes | bytearray, start: int, end: int) -> bytearray:
    """A payload of H.265 from a camera whose packets have numbers of decoding order (``sprop-max-don-diff`` above 0,
    RFC 7798 4.4.1 to 4.4.3), as one without."""
    payload = bytearray(data[start:end])
    if len(payload) < 3:
        return payload
    kind = payload[0] >> 1 & 0x3F
    if kind == _PACI:
        try:
            return without_order_numbers(inner := _unpack_extended(payload, 0, len(payload)), 0, len(inner))
        except BadPayload:
            return payload
    if kind < _AP:
        del payload[2 : 2 + _DON_BYTES]
    elif kind == _FU and payload[2] & 0x80:
        del payload[3 : 3 + _DON_BYTES]
    elif kind == _AP:
        at, number_bytes = 2, _DON_BYTES
        while at < len(payload):
            del payload[at : at + number_bytes]
            at, number_bytes = at + 2 + int.from_bytes(payload[at : at + 2], "big"), 1
    return payload
