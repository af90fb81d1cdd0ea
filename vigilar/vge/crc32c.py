"""CRC-32C (Castagnoli), as of RFC 3720 appendix B.4: finds damage without a key, proves nothing."""

from __future__ import annotations

from array import array
from functools import reduce
from operator import getitem, xor

_POLYNOMIAL = 0x82F63B78  # 0x1EDC6F41 with its bits reversed
_ALL_ONES = 0xFFFFFFFF
RECORD_BYTES = 60  # what the CRC of a record header covers


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


# An array's numbers are no objects: looking one up writes no reference count, so the tables (60 KB instead of 600 KB)
# stay shared by all processes that were forked after this was imported.
_TABLE = array("I", map(_entry, range(256)))


def crc32c(data: bytes) -> int:
    """The CRC of ``data``, of any length."""
    table = _TABLE
    crc = _ALL_ONES
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ _ALL_ONES


def _placed_tables() -> list[array[int]]:
    """For each of the 60 places what a byte there adds to the CRC, which is linear in its input."""
    tables = [_TABLE]
    for _ in range(RECORD_BYTES - 1):
        tables.append(array("I", (_TABLE[crc & 0xFF] ^ (crc >> 8) for crc in tables[-1])))
    return tables[::-1]


_PLACED = _placed_tables()
_OF_ZEROS = crc32c(bytes(RECORD_BYTES))


def record_crc32c(data: bytes) -> int:
    """The CRC of the 60 bytes of a record header: five times faster, because opening a file takes one a record."""
    return reduce(xor, map(getitem, _PLACED, data), _OF_ZEROS)
