"""Bytes of records as an answer sends them: one record at a time in memory, in small pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vigilar.playback.library import Library
from vigilar.store.files import FileRow
from vigilar.vge.reader import RecordEntry

PIECE_BYTES = 64 * 1024
"""What is copied at once: a record of 4 MiB is proved and decrypted in its own memory, and never there twice."""


def in_pieces(data: memoryview) -> Iterator[bytes]:
    """``data`` as copies of at most ``PIECE_BYTES``."""
    for start in range(0, len(data), PIECE_BYTES):
        yield bytes(data[start : start + PIECE_BYTES])


def read_records(library: Library, row: FileRow, entries: Sequence[RecordEntry]) -> Iterator[bytes]:
    """The payloads of ``entries`` one behind the other. Raises RecordingError on arriving at a damaged one."""
    for entry in entries:
        yield from in_pieces(library.read(row, entry))
