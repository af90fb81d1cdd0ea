"""The frame of a ZIP whose entries are stored as they are (PKWARE APPNOTE 6.3.10), so that every byte has its place
before the first is sent, and a range of it can be asked for. Pure."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_SMALL = 0xFFFFFFFF
_UTF8 = 0x0800
_PLAIN_FILE = 0o100644 << 16
_UNIX = 3 << 8


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """``crc`` is the CRC-32 of its ``size`` bytes."""

    name: str
    size: int
    crc: int


def local_header(entry: ZipEntry, made: datetime) -> bytes:
    """What stands before the bytes of an entry (4.3.7)."""
    name, is_large = entry.name.encode(), entry.size >= _SMALL
    extra = struct.pack("<HHQQ", 1, 16, entry.size, entry.size) if is_large else b""
    size = _SMALL if is_large else entry.size
    head = struct.pack(
        "<IHHHHHIIIHH", 0x04034B50, 45 if is_large else 20, _UTF8, 0, *_dos_time(made), entry.crc, size, size,
        len(name), len(extra),
    )  # fmt: skip
    return head + name + extra


def directory(entries: Sequence[ZipEntry], places: Sequence[int], at: int, made: datetime) -> bytes:
    """What stands behind all entries (4.3.12 to 4.3.16): at ``at``, their local headers at ``places``."""
    central = b"".join(_central(one, place, made) for one, place in zip(entries, places, strict=True))
    count, end = len(entries), b""
    if at >= _SMALL or at + len(central) >= _SMALL:
        end = struct.pack(
            "<IQHHIIQQQQ", 0x06064B50, 44, _UNIX | 45, 45, 0, 0, count, count, len(central), at
        ) + struct.pack("<IIQI", 0x07064B50, 0, at + len(central), 1)
    tail = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, min(len(central), _SMALL), min(at, _SMALL), 0)
    return central + end + tail


def _central(entry: ZipEntry, place: int, made: datetime) -> bytes:
    name = entry.name.encode()
    large = struct.pack("<QQ", entry.size, entry.size) if entry.size >= _SMALL else b""
    large += struct.pack("<Q", place) if place >= _SMALL else b""
    extra = struct.pack("<HH", 1, len(large)) + large if large else b""
    size = min(entry.size, _SMALL)
    head = struct.pack(
        "<IHHHHHHIIIHHHHHII", 0x02014B50, _UNIX | 45, 45 if large else 20, _UTF8, 0, *_dos_time(made), entry.crc, size,
        size, len(name), len(extra), 0, 0, 0, _PLAIN_FILE, min(place, _SMALL),
    )  # fmt: skip
    return head + name + extra


def _dos_time(made: datetime) -> tuple[int, int]:
    """Time and date of MS-DOS: two seconds fine, from 1980 on."""
    date = max(0, made.year - 1980) << 9 | made.month << 5 | made.day
    return made.hour << 11 | made.minute << 5 | made.second // 2, date
