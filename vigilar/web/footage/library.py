"""Finds the records of a camera that cover a range of time, and reads them.

Readers stay open for a while, because a player asks for a few records every second; each has a lock, because a reader
belongs to one thread at a time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vigilar.base.errors import RecordingError
from vigilar.store import files as file_rows
from vigilar.store.engine import Store
from vigilar.store.files import FileRow
from vigilar.vge.format import RecordType
from vigilar.vge.keys import KeyRing
from vigilar.vge.reader import RecordEntry, VgeReader

OPEN_READERS = 16
"""Files held open: two players a camera for eight cameras. A reader of five minutes is about 0.3 MB."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one file holds of a range: its MEDIA records in order, and the INIT that sets them up.

    ``media`` begins with a keyframe and is never empty. ``is_growing`` is true while the file is being written.
    """

    row: FileRow
    init: RecordEntry
    media: tuple[RecordEntry, ...]
    is_growing: bool

    @property
    def start_ms(self) -> int:
        return self.media[0].utc_ns // 1_000_000

    @property
    def end_ms(self) -> int:
        return self.last.utc_ns // 1_000_000 + self.last.duration_ms

    @property
    def last(self) -> RecordEntry:
        """The record that ends last: the very last one may hold nothing but a little sound."""
        return max(self.media[-3:], key=lambda entry: entry.utc_ns + entry.duration_ms * 1_000_000)


@dataclass(slots=True)
class _Shelved:
    reader: VgeReader
    lock: threading.Lock
    users: int = 0


class Library:
    """All recordings of the box, for reading. Any thread.

    Lock order: 1 ``_lock`` (the file_store), 2 a reader's own lock; never the other way round. Files are read with only
    the second held. ``load_ring`` is called at the first use, because on a new box the first camera makes the key.
    """

    def __init__(self, store: Store, data_dir: Path, load_ring: Callable[[], KeyRing]) -> None:
        self._store = store
        self._data_dir = data_dir
        self._load_ring = load_ring
        self._ring: KeyRing | None = None
        self._lock = threading.Lock()
        self._file_store: OrderedDict[int, _Shelved] = OrderedDict()

    def find(self, camera_id: str, from_ms: int, to_ms: int) -> list[Stretch]:
        """The stretches that cover [from_ms, to_ms) in UTC ms, in time order, each from a keyframe at or before the
        range's start. A file that cannot be opened is left out: the rest of the day still plays. Raises
        RecordingError when there is nothing but such files."""
        found: list[Stretch] = []
        failure: RecordingError | None = None
        for row in file_rows.find_files(self._store, camera_id, "video", from_ms, to_ms):
            if row.state == "missing":
                continue
            try:
                stretch = self._stretch(row, from_ms, to_ms)
            except RecordingError as error:
                failure = error
                continue
            if stretch is not None:
                found.append(stretch)
        if failure is not None and not found:
            raise failure
        return found

    def get_video(self, camera_id: str, file_id: int) -> FileRow | None:
        """The row of a video file of that camera; None for another camera's, and for what is not video."""
        row = file_rows.get_file(self._store, file_id)
        return row if row is not None and (row.camera_id, row.content) == (camera_id, "video") else None

    def read_entry(self, row: FileRow, entry: RecordEntry) -> bytes:
        """The proved, decrypted payload of one record. Raises RecordingError."""
        with self._reader(row) as reader:
            return reader.read(entry)

    def read_numbers(self, row: FileRow, first: int, last: int) -> Iterator[bytes]:
        """The MEDIA records from number ``first`` to ``last``, a record at a time; nothing for numbers not there."""
        with self._reader(row) as reader:
            wanted = [e for e in reader.entries if e.type is RecordType.MEDIA and first <= e.number <= last]
        for entry in wanted:
            yield self.read_entry(row, entry)

    def read_init(self, row: FileRow, number: int) -> bytes | None:
        """The INIT record of that number."""
        with self._reader(row) as reader:
            for entry in reader.entries:
                if entry.number == number and entry.type is RecordType.INIT:
                    return reader.read(entry)
        return None

    def read_still(self, file_id: int) -> tuple[FileRow, bytes] | None:
        """A sealed still's row and its JPEG."""
        row = file_rows.get_file(self._store, file_id)
        if row is None or row.content != "still" or row.state == "missing":
            return None
        with VgeReader.open(self._data_dir / row.path, self._keys()) as reader:
            return row, b"".join(reader.read(e) for e in reader.entries if e.type is RecordType.MEDIA)

    def close(self) -> None:
        with self._lock:
            shelved = list(self._file_store.values())
            self._file_store.clear()
        _close_all(shelved)

    def _stretch(self, row: FileRow, from_ms: int, to_ms: int) -> Stretch | None:
        with self._reader(row) as reader:
            entries = list(reader.entries)
            is_growing = row.state == "open" and not reader.is_closed
        return cut_stretch(row, entries, from_ms, to_ms, is_growing=is_growing)

    @contextmanager
    def _reader(self, row: FileRow) -> Iterator[VgeReader]:
        shelved = self._take(row)
        try:
            with shelved.lock:
                shelved.reader.refresh()
                yield shelved.reader
        finally:
            with self._lock:
                shelved.users -= 1

    def _take(self, row: FileRow) -> _Shelved:
        with self._lock:
            shelved = self._file_store.get(row.id)
            if shelved is not None:
                self._file_store.move_to_end(row.id)
                shelved.users += 1
                return shelved
        opened = _Shelved(VgeReader.open(self._data_dir / row.path, self._keys()), threading.Lock(), users=1)
        with self._lock:
            raced = self._file_store.get(row.id)
            if raced is None:
                self._file_store[row.id] = opened
            else:
                raced.users += 1
            surplus = self._pop_surplus()
        _close_all(surplus if raced is None else [*surplus, opened])
        return opened if raced is None else raced

    def _pop_surplus(self) -> list[_Shelved]:
        idle = [key for key, shelved in self._file_store.items() if shelved.users == 0]
        return [self._file_store.pop(key) for key in idle[: max(0, len(self._file_store) - OPEN_READERS)]]

    def _keys(self) -> KeyRing:
        if self._ring is None:
            self._ring = self._load_ring()
        return self._ring


def cut_stretch(
    row: FileRow, entries: Iterable[RecordEntry], from_ms: int, to_ms: int, *, is_growing: bool
) -> Stretch | None:
    """The part of one file's records that covers [from_ms, to_ms), from a keyframe on; None when there is none.

    A file holds one run, so it has one INIT; should it ever hold more, only the records of the last one before the
    range's end are given. Pure.
    """
    init: RecordEntry | None = None
    media: list[RecordEntry] = []
    for entry in entries:
        if entry.utc_ns // 1_000_000 >= to_ms:
            if entry.type is RecordType.MEDIA:
                break
            continue
        if entry.type is RecordType.INIT:
            init, media = entry, []
        elif entry.type is RecordType.MEDIA and init is not None:
            if entry.is_keyframe and entry.utc_ns // 1_000_000 <= from_ms:
                media = []
            if media or entry.is_keyframe:
                media.append(entry)
    if init is None or not media:
        return None
    stretch = Stretch(row, init, tuple(media), is_growing)
    return stretch if stretch.end_ms > from_ms else None


def _close_all(shelved: Iterable[_Shelved]) -> None:
    for one in shelved:
        with one.lock:
            one.reader.close()
