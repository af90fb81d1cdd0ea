"""Reading a SQLite file page by page, for what SQLite itself refuses to read any more. Writes nothing.

A damaged page costs the rows on it and no others: tables are walked from their roots, and what cannot be walked is
named and passed by. Pages of the write-ahead log that were committed stand in for those of the file, up to the first
frame that is torn. Source of all numbers: sqlite.org/fileformat2.html. Knows tables with row ids, in UTF-8, which all
of ours are.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Value = None | int | float | str | bytes

_MAGIC = b"SQLite format 3\0"
_FIRST_HEADER_BYTES = 100
_LEAF, _INTERIOR = 0x0D, 0x05
_PAGE_SIZES = tuple(1 << power for power in range(9, 17))
USUAL_PAGE_BYTES = 4096
"""Of a file whose first page is gone. Source: sqlite.org/pragma.html, page_size; we never set another."""

_WAL_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24
_WAL_MAGIC = 0x377F0682
MAX_DEPTH = 12
"""Levels of a tree: a file of 2**31 pages has six. A damaged page may point back to one above it."""

MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
"""A row that claims to be longer is damaged."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its row id and the columns that are stored. A column that is the row id itself is None here; columns
    that were added to the table later may be missing at the end."""

    rowid: int
    values: tuple[Value, ...]


class _BadPageError(Exception):
    """A page, or a row on it, is not what it should be."""


class PageFile:
    """The pages of a database file and its write-ahead log. One thread; close it. Raises OSError when it is opened."""

    def __init__(self, path: Path) -> None:
        self.bad_pages: set[int] = set()
        """What could not be read so far, by number from 1 on."""
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.size_bytes = os.fstat(self._fd).st_size
            first = self._read(0, _FIRST_HEADER_BYTES)
            self.page_bytes = _page_bytes(first)
            self.usable_bytes = self.page_bytes - (first[20] if first.startswith(_MAGIC) else 0)
            self._newer = _read_wal(path.with_name(f"{path.name}-wal"), self.page_bytes)
        except BaseException:
            os.close(self._fd)
            raise
        self.page_count = max([self.size_bytes // self.page_bytes, *self._newer])

    def close(self) -> None:
        os.close(self._fd)

    def page(self, number: int) -> bytes:
        """A whole page, as it was committed last. Raises _BadPageError."""
        if not 1 <= number <= self.page_count:
            raise _BadPageError
        found = self._newer.get(number) or self._read((number - 1) * self.page_bytes, self.page_bytes)
        if len(found) != self.page_bytes:
            raise _BadPageError
        return found

    def rows(self, root: int, seen: set[int] | None = None) -> Iterator[Row]:
        """All rows of the table at page ``root`` that can be read. ``seen`` takes note of its pages."""
        seen = set() if seen is None else seen
        yield from self._walk(root, seen, MAX_DEPTH)

    def free_pages(self) -> set[int]:
        """The pages that hold nothing any more, as far as the list of them can be read."""
        free: set[int] = set()
        try:
            (trunk,) = struct.unpack_from(">I", self.page(1), 32)
            while trunk and trunk not in free:
                free.add(trunk)
                page = self.page(trunk)
                trunk, count = struct.unpack_from(">II", page)
                count = min(count, self.usable_bytes // 4 - 2)
                free.update(struct.unpack_from(f">{count}I", page, 8))
        except _BadPageError:
            pass
        return free

    def leaf_rows(self, number: int) -> list[Row]:
        """The rows of one page, be it in a tree or not; none when it is no leaf of a table."""
        try:
            page = self.page(number)
            at = _FIRST_HEADER_BYTES if number == 1 else 0
            return list(self._cells(page, at)) if page[at] == _LEAF else []
        except (_BadPageError, IndexError, struct.error):
            return []

    def _walk(self, number: int, seen: set[int], depth: int) -> Iterator[Row]:
        if number in seen or not depth:
            self.bad_pages.add(number)
            return
        seen.add(number)
        try:
            page = self.page(number)
            at = _FIRST_HEADER_BYTES if number == 1 else 0
            kind = page[at]
            if kind not in (_LEAF, _INTERIOR):
                raise _BadPageError
            children = self._children(page, at) if kind == _INTERIOR else []
        except (_BadPageError, IndexError, struct.error):
            self.bad_pages.add(number)
            return
        for child in children:
            yield from self._walk(child, seen, depth - 1)
        if kind == _LEAF:
            yield from self._leaf(number, page, at)

    def _leaf(self, number: int, page: bytes, at: int) -> Iterator[Row]:
        cells = self._cells(page, at)
        while True:
            try:
                yield next(cells)
            except StopIteration:
                return
            except (_BadPageError, IndexError, struct.error):
                self.bad_pages.add(number)
                return

    def _children(self, page: bytes, at: int) -> list[int]:
        (count,) = struct.unpack_from(">H", page, at + 3)
        (last,) = struct.unpack_from(">I", page, at + 8)
        pointers = struct.unpack_from(f">{count}H", page, at + 12)
        return [*(struct.unpack_from(">I", page, pointer)[0] for pointer in pointers), last]

    def _cells(self, page: bytes, at: int) -> Iterator[Row]:
        (count,) = struct.unpack_from(">H", page, at + 3)
        for pointer in struct.unpack_from(f">{count}H", page, at + 8):
            size, place = _varint(page, pointer)
            rowid, place = _varint(page, place)
            yield Row(_signed(rowid), _record(self._payload(page, place, size)))

    def _payload(self, page: bytes, at: int, size: int) -> bytes:
        """The record of a cell, with what went to overflow pages. Source: fileformat2.html, 1.6."""
        if size > MAX_PAYLOAD_BYTES:
            raise _BadPageError
        most = self.usable_bytes - 35
        if size <= most:
            found = page[at : at + size]
            if len(found) != size:
                raise _BadPageError
            return found
        least = (self.usable_bytes - 12) * 32 // 255 - 23
        local = least + (size - least) % (self.usable_bytes - 4)
        local = local if local <= most else least
        whole = bytearray(page[at : at + local])
        (following,) = struct.unpack_from(">I", page, at + local)
        passed: set[int] = set()
        while len(whole) < size:
            if following in passed:  # a damaged pointer leads back
                raise _BadPageError
            passed.add(following)
            piece = self.page(following)
            (following,) = struct.unpack_from(">I", piece)
            whole += piece[4 : self.usable_bytes]
        return bytes(whole[:size])

    def _read(self, offset: int, count: int) -> bytes:
        """Nothing where the device cannot read."""
        try:
            return os.pread(self._fd, count, offset)
        except OSError:
            return b""


def _page_bytes(first: bytes) -> int:
    if not first.startswith(_MAGIC):
        return USUAL_PAGE_BYTES
    (size,) = struct.unpack_from(">H", first, 16)
    size = 65536 if size == 1 else size
    return size if size in _PAGE_SIZES else USUAL_PAGE_BYTES


def _record(payload: bytes) -> tuple[Value, ...]:
    """Source: fileformat2.html, 2.1."""
    header_bytes, at = _varint(payload, 0)
    if header_bytes > len(payload):
        raise _BadPageError
    values: list[Value] = []
    body = header_bytes
    while at < header_bytes:
        kind, at = _varint(payload, at)
        value, body = _value(payload, kind, body)
        values.append(value)
    return tuple(values)


_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


def _value(payload: bytes, kind: int, at: int) -> tuple[Value, int]:
    if kind == 0:
        return None, at
    if kind in (8, 9):
        return kind - 8, at
    size = _INTEGER_BYTES.get(kind) or (8 if kind == 7 else (kind - 12) // 2)
    data = payload[at : at + size]
    if len(data) != size or kind in (10, 11):
        raise _BadPageError
    if kind < 7:
        return int.from_bytes(data, "big", signed=True), at + size
    if kind == 7:
        return float(struct.unpack(">d", data)[0]), at + size
    return (_text(data) if kind % 2 else data), at + size


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _BadPageError from error


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for _ in range(8):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    return value << 8 | data[at], at + 1


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _read_wal(path: Path, page_bytes: int) -> dict[int, bytes]:
    """The newest committed state of each page in the log; empty when there is none. Source: fileformat2.html, 4."""
    try:
        data = path.read_bytes()
    except OSError:
        return {}
    if len(data) < _WAL_HEADER_BYTES:
        return {}
    magic, _, size, _, salt_1, salt_2, sum_1, sum_2 = struct.unpack_from(">8I", data)
    order = ">" if magic & 1 else "<"
    sums = _checksum(order, data[:24], (0, 0))
    if magic & ~1 != _WAL_MAGIC or size != page_bytes or sums != (sum_1, sum_2):
        return {}
    committed: dict[int, bytes] = {}
    waiting: dict[int, bytes] = {}
    for at in range(
        _WAL_HEADER_BYTES, len(data) - _FRAME_HEADER_BYTES - page_bytes + 1, _FRAME_HEADER_BYTES + page_bytes
    ):
        number, commit, *salts_and_sums = struct.unpack_from(">6I", data, at)
        page = data[at + _FRAME_HEADER_BYTES : at + _FRAME_HEADER_BYTES + page_bytes]
        sums = _checksum(order, page, _checksum(order, data[at : at + 8], sums))
        if salts_and_sums != [salt_1, salt_2, *sums]:
            break
        waiting[number] = page
        if commit:
            committed |= waiting
            waiting.clear()
    return committed


def _checksum(order: str, data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for one, other in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return first, second
