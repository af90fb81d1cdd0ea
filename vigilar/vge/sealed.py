"""One recording, read in steps without being held open between them.

A recording that is deleted while people watch gives its space back at once, because nobody holds it: what stays in
memory is its keys and where its keyframes stand. Opening costs some ten microseconds once the keys are known.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vigilar.base.errors import RecordingError
from vigilar.vge.bodies import IndexEntry
from vigilar.vge.claim import Claim, link_in
from vigilar.vge.crypto import FileKeys
from vigilar.vge.format import FileCore, RecordType
from vigilar.vge.gate import file_errors
from vigilar.vge.keyframes import KeyframeIndex, KeyframeScan, read_index
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import open_header
from vigilar.vge.reader import RecordEntry, damaged
from vigilar.vge.scan import ANY_LENGTH, FIRST_PLACE, BatchBuffer, Place, RecordFile

Proved = memoryview | RecordingError
"""The payload of a record in memory that is the caller's, or why there is none."""

_KEYS_BYTES = 2400
"""What the object takes beside the table of its index, with the cipher of one that is read from: keys, path, locks."""


class SealedFile:
    """A recording by its path. Any thread; never writes. Each method opens the file and closes it.

    All raise RecordingError: what the system says (a deleted file: exit code NOT_FOUND), or corrupt.
    """

    __slots__ = (
        "_cipher_lock", "_identity", "_index", "_keys", "_max_payload_log2", "_path", "_scan", "_scan_lock", "is_cut",
    )  # fmt: skip

    def __init__(
        self,
        path: Path,
        core: FileCore,
        keys: FileKeys,
        index: KeyframeIndex | None,
        identity: tuple[int, int],
        *,
        is_cut: bool = False,
    ) -> None:
        self.is_cut = is_cut
        self._path = str(path)
        self._identity = identity
        self._max_payload_log2 = core.max_payload_log2
        self._keys = keys
        self._cipher_lock = threading.Lock()  # the cipher's counter is set for each record
        self._index = index
        self._scan = KeyframeScan() if index is None else None
        self._scan_lock = threading.Lock()

    @property
    def path(self) -> Path:
        return Path(self._path)

    @classmethod
    def open(
        cls, path: Path, ring: KeyRing, claim: Claim | None = None, *, allow_test_files: bool = False
    ) -> SealedFile:
        """Unlock and prove the header of ``path``, and read its index if it has one. Errors as ``VgeReader.open``;
        ReplacedError when it is not the file of ``claim``. ``is_cut`` tells that its claim knows of a CLOSE which is
        not there any more."""
        with file_errors("open", path):
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                header, keys = open_header(fd, ring, allow_test_files=allow_test_files, is_crc_checked=False)
                records = RecordFile(fd, keys, header.core.max_payload_log2)
                if claim is not None:
                    claim.check_core(header.core)
                close = records.find_close()
                link = link_in(close, header)
                if claim is not None:
                    claim.check_link(link)
                is_cut = claim is not None and claim.is_cut(link)
                index = read_index(records, header.core, close)
                found = os.fstat(fd)
            finally:
                os.close(fd)
        return cls(path, header.core, keys, index, (found.st_dev, found.st_ino), is_cut=is_cut)

    def is_same(self) -> bool:
        """Whether the file in its place is the one that was opened. Opens nothing. Raises RecordingError when there
        is none any more."""
        with file_errors("find", self._path):
            found = os.stat(self._path)
        return (found.st_dev, found.st_ino) == self._identity

    @property
    def size_bytes(self) -> int:
        """Memory it takes, or a little less than that."""
        index = self._index if self._scan is None else self._scan.index
        return _KEYS_BYTES + (index.size_bytes if index is not None else 0)

    def index(self) -> KeyframeIndex:
        """Its keyframes. Those of a file that is being written grow from call to call; a closed one is not opened."""
        if self._index is not None:
            return self._index
        assert self._scan is not None  # noqa: S101 -- of a file without an index
        with self._scan_lock, self._opened() as records:
            found = self._scan.look(records)
        if found.is_closed:
            self._index = found
        return found

    def media(self, first: IndexEntry, stop_number: int) -> list[RecordEntry]:
        """The MEDIA records from ``first`` up to, and without, number ``stop_number``. Damaged ones are left out."""
        entries: list[RecordEntry] = []
        if first.number >= stop_number:
            return entries
        place = Place(first.offset, first.number, ANY_LENGTH, first.plaintext_offset)
        with self._opened() as records:
            for header, offset, _ in records.steps(place, records.size()):
                if header.type is RecordType.MEDIA and header.number < stop_number:
                    entries.append(RecordEntry(offset, header))
                if header.number >= stop_number - 1:
                    break
        return entries

    def first_record(self) -> RecordEntry | None:
        """Record 0, which is the INIT of a recording with pictures."""
        with self._opened() as records:
            header = records.header_at(FIRST_PLACE.offset, records.size())
        return RecordEntry(FIRST_PLACE.offset, header) if header is not None and FIRST_PLACE.fits(header) else None

    def read(self, entry: RecordEntry) -> memoryview:
        """The payload of an INIT or MEDIA record in clear, proved, in memory that is the caller's to change.

        Takes the memory of one record: it is decrypted where it was proved.
        """
        with self._opened() as records:
            record = records.prove(entry.offset, entry.header)
        if record is None:
            raise damaged(self.path, entry.plaintext_offset)
        if record.header.type.is_encrypted:
            with self._cipher_lock:
                self._keys.crypt_into(record.header.number, record.payload, record.payload)
        return record.payload

    def read_batch(
        self,
        entries: Sequence[RecordEntry],
        buffer: BatchBuffer,
        clear_bytes: Callable[[memoryview], int] | None = None,
    ) -> list[Proved]:
        """As ``read`` for each of ``entries``, by one read for those that stand one behind the other. In the place of a
        record that is not as it was written stands its error.

        The payloads lie in ``buffer`` until the next call with it. ``clear_bytes`` is told the
        first 16 bytes in clear of each payload and says how many are wanted in clear: the rest stays as it is stored,
        proved all the same.
        """
        found: list[Proved] = []
        with self._opened() as records:
            wanted = [(entry.offset, entry.header) for entry in entries]
            for record, entry in zip(records.prove_batch(wanted, buffer), entries, strict=True):
                if record is None:
                    found.append(damaged(self.path, entry.plaintext_offset))
                    continue
                if record.header.type.is_encrypted:
                    with self._cipher_lock:
                        self._clear(record.header.number, record.payload, clear_bytes)
                found.append(record.payload)
        return found

    def _clear(self, number: int, payload: memoryview, clear_bytes: Callable[[memoryview], int] | None) -> None:
        """Decrypt in place, all or what is wanted. Under the lock of the cipher."""
        if clear_bytes is not None:
            first = memoryview(bytearray(payload[:16]))
            self._keys.crypt_into(number, first, first)
            payload = payload[: clear_bytes(first)]
        self._keys.crypt_into(number, payload, payload)

    def proves(self, entry: RecordEntry) -> bool:
        """Whether a record is as it was written; nothing is decrypted."""
        with self._opened() as records:
            return records.prove(entry.offset, entry.header) is not None

    @contextmanager
    def _opened(self) -> Iterator[RecordFile]:
        with file_errors("read", self._path):
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                yield RecordFile(fd, self._keys, self._max_payload_log2)
            finally:
                os.close(fd)
