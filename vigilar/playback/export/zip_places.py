"""Where the entries of a ZIP stand, also of one that somebody has cut a piece out of. Reads stored entries only."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vigilar.base.errors import ErrorKind, ExitCode, RecordingError

_END, _END64, _CENTRAL, _LOCAL = b"PK\5\6", b"PK\6\6", b"PK\1\2", b"PK\3\4"
_SMALL = 0xFFFFFFFF
_TAIL_BYTES = 66_000
"""The end record and the longest comment behind it."""

MAX_DIRECTORY_BYTES = 1 << 20
"""A bundle has a handful of entries; a larger table is none of ours."""


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """An entry: bytes [start, stop) of the file. ``is_short``: it should be longer."""

    name: str
    start: int
    stop: int
    is_short: bool


def find_entries(path: Path) -> dict[str, PlacedEntry]:
    """The entries by name, from the directory at the end; a piece that is missing before it moves all behind.

    Raises RecordingError for what is no ZIP, or holds compressed entries.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
        at = tail.rfind(_END)
        if at < 0 or len(tail) - at < 22:
            raise _no_bundle("its end is missing")
        end_at = size - len(tail) + at
        directory_size, directory_at = struct.unpack_from("<II", tail, at + 12)
        large = tail.rfind(_END64, 0, at)
        if directory_at == _SMALL and large >= 0:
            directory_size, directory_at = struct.unpack_from("<QQ", tail, large + 40)
            end_at = size - len(tail) + large
        start = end_at - directory_size
        if start < 0 or directory_size > MAX_DIRECTORY_BYTES:
            raise _no_bundle("its table of contents is not readable")
        file.seek(start)
        rows = _rows(file.read(directory_size))
        return _place(file, rows, start, start - directory_at)


def _rows(data: bytes) -> list[tuple[str, int, int]]:
    """Name, size and place of each entry, as the directory says."""
    rows, at = [], 0
    try:
        while data[at : at + 4] == _CENTRAL:
            (method,) = struct.unpack_from("<H", data, at + 10)
            size, name_len, extra_len, comment_len = struct.unpack_from("<IHHH", data, at + 24)
            (place,) = struct.unpack_from("<I", data, at + 42)
            name = data[at + 46 : at + 46 + name_len].decode("utf-8", "replace")
            large = _large(data[at + 46 + name_len : at + 46 + name_len + extra_len])
            if size == _SMALL:
                size = large.pop(0)
                large.pop(0)
            if place == _SMALL:
                place = large.pop(0)
            if method:
                raise _no_bundle("its files were packed again; it must stay as it was downloaded")
            rows.append((name, size, place))
            at += 46 + name_len + extra_len + comment_len
    except (struct.error, IndexError) as error:
        raise _no_bundle("its table of contents is not readable") from error
    return rows


def _large(extra: bytes) -> list[int]:
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            return list(struct.unpack_from(f"<{size // 8}Q", extra, at + 4))
        at += 4 + size
    return []


def _place(file: BinaryIO, rows: list[tuple[str, int, int]], end: int, moved: int) -> dict[str, PlacedEntry]:
    """``moved`` is how far the directory stands from where it says: bytes missing (below zero) or added before it."""
    starts: dict[str, tuple[int, int]] = {}
    for name, _, place in rows:
        for at in (place, place + moved):
            file.seek(max(0, at))
            head = file.read(30)
            if len(head) == 30 and head.startswith(_LOCAL):
                name_len, extra_len = struct.unpack_from("<HH", head, 26)
                if file.read(name_len).decode("utf-8", "replace") == name:
                    starts[name] = (at, at + 30 + name_len + extra_len)
                    break
    bounds = sorted([at for at, _ in starts.values()] + [end])
    found = {}
    for name, size, _ in rows:
        if name in starts:
            start = starts[name][1]
            stop = next((one for one in bounds if one >= start), end)
            # A directory that was made anew around a shorter movie is right about its size; ours would end sooner.
            found[name] = PlacedEntry(name, start, min(stop, start + size) if not moved else stop, stop < start + size)
    return found


def _no_bundle(why: str) -> RecordingError:
    return RecordingError(
        f"This is no export with proof: {why}.",
        kind=ErrorKind.CORRUPT,
        code="bundle.form",
        exit_code=ExitCode.NOT_EXACT,
    )
