"""Reading a `.vge` file by record or by plaintext range, while it grows, after it is closed, and after a power cut.

Opening looks at headers only, so that five minutes of video open in milliseconds; every payload is proved by its tag
before a byte of it is released. What is not yet or not any more whole at the end of a file is not there for a reader.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.vge.bodies import META_SALT_BYTES, CloseBody
from vigilar.vge.claim import Claim, link_in
from vigilar.vge.format import CloseReason, RecordFlag, RecordHeader, RecordType
from vigilar.vge.gate import file_errors
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import Header, open_header
from vigilar.vge.scan import FIRST_PLACE, RecordFile, place_after


def damaged(path: Path, plaintext_offset: int) -> RecordingError:
    """The error of a record that is not as it was written, or of one that is lost."""
    return RecordingError(
        f"{path} is damaged at byte {plaintext_offset} of its video", kind=ErrorKind.CORRUPT, code="vge.damaged"
    )


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """One record as its header tells; proved only when read. Times in nanoseconds, offsets in bytes."""

    offset: int
    header: RecordHeader

    @property
    def number(self) -> int:
        return self.header.number

    @property
    def type(self) -> RecordType:
        return self.header.type

    @property
    def payload_len(self) -> int:
        return self.header.payload_len

    @property
    def plaintext_offset(self) -> int:
        return self.header.plaintext_offset

    @property
    def utc_ns(self) -> int:
        return self.header.utc_ns

    @property
    def mono_ns(self) -> int:
        return self.header.mono_ns

    @property
    def duration_ms(self) -> int:
        return self.header.duration_ms

    @property
    def flags(self) -> RecordFlag:
        return RecordFlag(self.header.flags)

    @property
    def is_keyframe(self) -> bool:
        """Whether the payload begins with a keyframe."""
        return RecordFlag.KEYFRAME in self.flags


class VgeReader:
    """Reader of one file. One thread; a context manager. Never writes, never locks."""

    def __init__(self, path: Path, fd: int, header: Header, records: RecordFile) -> None:
        self.path = path
        self.header = header.core
        self.has_damage = False
        self.close_reason: CloseReason | None = None
        self._fd = fd
        self._records = records
        self._entries: list[RecordEntry] = []
        self._plain: list[RecordEntry] = []  # those that make up the plaintext
        self._plain_starts: list[int] = []
        self._seen_bytes = 0

    @classmethod
    def open(
        cls, path: Path, ring: KeyRing, claim: Claim | None = None, *, allow_test_files: bool = False
    ) -> VgeReader:
        """Open and scan ``path``, which must be the file of ``claim`` (else ReplacedError).

        Raises RecordingError with a sentence for a person: no recording, newer version, key not here, header damaged,
        or what the system says. A file that ends in the middle of a record opens without complaint.
        """
        with file_errors("open", path):
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                header, keys = open_header(fd, ring, allow_test_files=allow_test_files)
                records = RecordFile(fd, keys, header.core.max_payload_log2)
                if claim is not None:
                    claim.check_core(header.core)
                    claim.check_link(None if claim.link is None else link_in(records.find_close(), header))
                reader = cls(path, fd, header, records)
                reader.refresh()
            except BaseException:
                os.close(fd)
                raise
        return reader

    @property
    def entries(self) -> Sequence[RecordEntry]:
        """All whole records in file order; grows with ``refresh`` and never changes otherwise."""
        return self._entries

    @property
    def plaintext_bytes(self) -> int:
        """End of the plaintext so far: every range asked for lies below."""
        last = self._plain[-1] if self._plain else None
        return 0 if last is None else last.plaintext_offset + last.payload_len

    @property
    def is_closed(self) -> bool:
        """Whether a true CLOSE has been seen: nothing more will come."""
        return self.close_reason is not None

    def refresh(self) -> None:
        """Look for records appended since. Cheap when there are none. Raises RecordingError if the device fails."""
        with file_errors("read", self.path):
            size = self._records.size()
            if size == self._seen_bytes or self.is_closed:
                return
            self._seen_bytes = size
            self._take_in(self._scan(size))

    def read(self, entry: RecordEntry) -> bytes:
        """The payload of ``entry`` in clear, proved. META comes without its salt.

        Raises RecordingError (corrupt) if the record is not what was written; its neighbours may still be good.
        """
        with file_errors("read", self.path):
            record = self._records.prove(entry.offset, entry.header)
            if record is None:
                raise damaged(self.path, entry.plaintext_offset)
            plaintext = self._records.plaintext(record)
        return plaintext[META_SALT_BYTES:] if entry.type is RecordType.META else plaintext

    def read_range(self, start: int, stop: int) -> Iterator[bytes]:
        """Plaintext bytes ``start`` to ``stop`` (as a slice: cut at the end), a record at a time, each proved first.

        Raises RecordingError (corrupt) on arriving at a damaged or missing record; what came before was true.
        """
        at, stop = max(start, 0), min(stop, self.plaintext_bytes)
        index = max(bisect_right(self._plain_starts, at) - 1, 0)
        while at < stop:
            entry = self._plain[index]
            skip = at - entry.plaintext_offset
            if skip < 0:
                raise damaged(self.path, at)  # the records between were lost
            if skip < entry.payload_len:
                piece = self.read(entry)[skip : stop - entry.plaintext_offset]
                at += len(piece)
                yield piece
            index += 1
            if index == len(self._plain) and at < stop:
                raise damaged(self.path, at)

    def close(self) -> None:
        """Let go of the file. Harmless twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> VgeReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _scan(self, size: int) -> list[RecordEntry]:
        """New whole records up to ``size``, past damage if true ones follow it. The last one is proved.

        A header may reach the disk before its payload, so at the end of a file without CLOSE what only looks whole
        is left for a later look; ``refresh`` then begins behind the last entry taken in.
        """
        fresh: list[RecordEntry] = []
        place = place_after(self._entries[-1].offset, self._entries[-1].header) if self._entries else FIRST_PLACE
        for header, offset, is_behind_damage in self._records.steps(place, size):
            self.has_damage |= is_behind_damage
            fresh.append(RecordEntry(offset, header))
        while fresh and self._records.prove(fresh[-1].offset, fresh[-1].header) is None:
            fresh.pop()
            self._seen_bytes = 0  # look again next time even if the length stays
        return fresh

    def _take_in(self, fresh: list[RecordEntry]) -> None:
        self._entries += fresh
        plain = [entry for entry in fresh if entry.type.is_plaintext]
        self._plain += plain
        self._plain_starts += [entry.plaintext_offset for entry in plain]
        if fresh and fresh[-1].type is RecordType.CLOSE:
            body = CloseBody.find(self.read(fresh[-1]))
            self.close_reason = body.reason if body else None
