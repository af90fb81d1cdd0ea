"""Stepping from record to record in an open file, and finding the next true record after damage.

Used by the reader (headers first, tags when read) and by the walk that proves a whole file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vigilar.vge.bodies import CloseBody
from vigilar.vge.crypto import TAG_PREFIX, FileKeys
from vigilar.vge.format import (
    HEADER_BYTES,
    LARGEST_PAYLOAD_LOG2,
    RECORD_HEADER_BYTES,
    RECORD_MAGIC,
    RECORD_OVERHEAD,
    TAG_BYTES,
    RecordHeader,
    RecordType,
)

_SEARCH_PIECE = 1 << 20
# Whoever can write to the disk can fill a file with forged headers, each of which costs a hash to see through.
# A search may hash this many times the file, plus a floor for small files, and then gives up.
_SEARCH_FACTOR = 4
_SEARCH_FLOOR_BYTES = 16 << 20

_CLOSE_RECORD_BYTES = RECORD_OVERHEAD + CloseBody.SIZE
_HEADER_AT = len(TAG_PREFIX) + TAG_BYTES
_PAYLOAD_AT = _HEADER_AT + RECORD_HEADER_BYTES


ANY_LENGTH = -1


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next record must begin, and what its header must say to follow the one before.

    ``previous_len`` is ANY_LENGTH where the record before is not known: at a place an index tells.
    """

    offset: int
    number: int
    previous_len: int
    plaintext_offset: int

    def fits(self, header: RecordHeader) -> bool:
        """Whether ``header`` continues the file here."""
        return (
            header.number == self.number
            and self.previous_len in (ANY_LENGTH, header.previous_len)
            and header.plaintext_offset == self.plaintext_offset
        )


FIRST_PLACE = Place(HEADER_BYTES, 0, 0, 0)


def place_after(offset: int, header: RecordHeader) -> Place:
    """The place behind the record ``header`` at ``offset``."""
    size = header.record_len
    return Place(offset + size, header.number + 1, size, header.plaintext_offset + header.plaintext_len)


@dataclass(frozen=True, slots=True)
class ProvedRecord:
    """A record whose tag is right. ``payload`` is as stored and lives only until the next call."""

    offset: int
    header: RecordHeader
    header_bytes: bytes
    payload: memoryview
    tag: bytes


class BatchBuffer:
    """Memory that is used for one batch of records after the other."""

    def __init__(self) -> None:
        self._data = bytearray()

    def take(self, size: int) -> memoryview:
        """``size`` bytes of it. What holds an older view keeps it."""
        if len(self._data) < size:
            self._data = bytearray(size)
        return memoryview(self._data)[:size]


class RecordFile:
    """Records of one open file by position. Borrows ``fd``; one thread. Raises OSError."""

    def __init__(self, fd: int, keys: FileKeys, max_payload_log2: int) -> None:
        self._fd = fd
        self.keys = keys
        self._max_payload = 1 << max_payload_log2
        self._buffer = bytearray(TAG_PREFIX)
        self._hashed_bytes = 0
        self.gave_up = False

    def size(self) -> int:
        """Length of the file now."""
        return os.fstat(self._fd).st_size

    def header_at(self, offset: int, size: int) -> RecordHeader | None:
        """The header at ``offset`` if it is one and its whole record lies within ``size`` bytes; not proved."""
        header = RecordHeader.parse(os.pread(self._fd, RECORD_HEADER_BYTES, offset))
        if header is None or header.payload_len > self._max_payload or offset + header.record_len > size:
            return None
        return header

    def steps(self, place: Place, size: int) -> Iterator[tuple[RecordHeader, int, bool]]:
        """Whole records from ``place`` on: header, offset, and whether damage lies before it; CLOSE is the last.

        Headers alone are looked at, except behind damage, where the next true record is searched for.
        """
        while True:
            offset, header, is_behind_damage = place.offset, self.header_at(place.offset, size), False
            if header is None or not place.fits(header):
                found = self.find_proved(offset + 1, size, place.number)
                if found is None:
                    return
                offset, header, is_behind_damage = found.offset, found.header, True
            yield header, offset, is_behind_damage
            if header.type is RecordType.CLOSE:
                return
            place = place_after(offset, header)

    def prove(self, offset: int, expected: RecordHeader) -> ProvedRecord | None:
        """The record at ``offset`` if it is ``expected`` and its tag is right after the tag stored before it."""
        end = _HEADER_AT + expected.record_len
        if len(self._buffer) < end:
            self._buffer = bytearray(end)
            self._buffer[: len(TAG_PREFIX)] = TAG_PREFIX
        view = memoryview(self._buffer)[:end]
        if not self._fill(view[len(TAG_PREFIX) :], offset - TAG_BYTES):
            return None
        if offset == HEADER_BYTES:
            view[len(TAG_PREFIX) : _HEADER_AT] = self.keys.first_tag
        header_bytes = bytes(view[_HEADER_AT:_PAYLOAD_AT])
        tag = self.keys.record_tag(view[: end - TAG_BYTES])
        # Header and payload come from one read, so what is proved is what is used. Comparing in constant time would
        # serve nobody: there is no one to ask often enough, and the true tag is never shown.
        if view[end - TAG_BYTES :] != tag or header_bytes != expected.dump():
            return None
        return ProvedRecord(offset, expected, header_bytes, view[_PAYLOAD_AT : end - TAG_BYTES], tag)

    def prove_batch(
        self, records: Sequence[tuple[int, RecordHeader]], buffer: BatchBuffer
    ) -> list[ProvedRecord | None]:
        """As ``prove`` for each of ``records`` (offset and header), which stand one behind the other, by one read.

        What is proved lies in ``buffer`` until the next call with it.
        """
        first, (last, last_header) = records[0][0], records[-1]
        before = _HEADER_AT
        end = before + last + last_header.record_len - first
        view = buffer.take(end)
        is_whole = self._fill(view[len(TAG_PREFIX) :], first - TAG_BYTES)
        if first == HEADER_BYTES:
            view[len(TAG_PREFIX) : before] = self.keys.first_tag
        if not is_whole:  # it ends before: each by itself, as far as there is something
            return [self._proved_alone(offset, header) for offset, header in records]
        return [self._prove_at(view, before + offset - first, offset, header) for offset, header in records]

    def _prove_at(self, view: memoryview, at: int, offset: int, expected: RecordHeader) -> ProvedRecord | None:
        """The record whose header begins at ``at`` in ``view``; what is hashed lies there already, but for the byte
        before the tag, which is another record's and is put back."""
        payload, end = at + RECORD_HEADER_BYTES, at + expected.record_len
        prefix = at - _HEADER_AT
        kept = view[prefix]
        view[prefix] = TAG_PREFIX[0]
        tag = self.keys.record_tag(view[prefix : end - TAG_BYTES])
        view[prefix] = kept
        header_bytes = bytes(view[at:payload])
        if view[end - TAG_BYTES : end] != tag or header_bytes != expected.dump():
            return None
        return ProvedRecord(offset, expected, header_bytes, view[payload : end - TAG_BYTES], tag)

    def _proved_alone(self, offset: int, header: RecordHeader) -> ProvedRecord | None:
        alone = RecordFile(self._fd, self.keys, LARGEST_PAYLOAD_LOG2)
        return alone.prove(offset, header)

    def find_close(self) -> ProvedRecord | None:
        """The CLOSE at the very end, proved; None when the file ends with something else. Reads 200 bytes."""
        size = self.size()
        at = size - _CLOSE_RECORD_BYTES
        header = self.header_at(at, size) if at > 0 else None
        return self.prove(at, header) if header is not None and header.type is RecordType.CLOSE else None

    def plaintext(self, record: ProvedRecord) -> bytes:
        """The payload in clear."""
        if not record.header.type.is_encrypted:
            return bytes(record.payload)
        return self.keys.decrypt(record.header.number, record.payload)

    def find_proved(self, start: int, size: int, least_number: int) -> ProvedRecord | None:
        """The first record at or after ``start`` that proves itself and is not older than ``least_number``.

        Sets ``gave_up`` when forged headers have used up the effort a file is worth; then None means "unknown".
        """
        at = start
        while (at := self._find_magic(at, size)) >= 0:
            header = self.header_at(at, size)
            if header is not None and header.number >= least_number:
                self._hashed_bytes += header.record_len
                if self._hashed_bytes > _SEARCH_FACTOR * size + _SEARCH_FLOOR_BYTES:
                    self.gave_up = True
                    return None
                record = self.prove(at, header)
                if record is not None:
                    return record
            at += 1
        return None

    def _find_magic(self, start: int, size: int) -> int:
        """Offset of the next record magic with enough bytes behind it for a record, or -1."""
        last = size - RECORD_OVERHEAD
        while start <= last:
            piece = os.pread(self._fd, _SEARCH_PIECE, start)
            at = piece.find(RECORD_MAGIC)
            if at >= 0:
                return start + at if start + at <= last else -1
            if len(piece) < len(RECORD_MAGIC):
                return -1
            start += len(piece) - len(RECORD_MAGIC) + 1
        return -1

    def _fill(self, view: memoryview, offset: int) -> bool:
        """Fill ``view`` from the file; False if it ends before."""
        while view:
            count = os.preadv(self._fd, [view], offset)
            if count == 0:
                return False
            view = view[count:]
            offset += count
        return True
