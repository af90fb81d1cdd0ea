"""Where the files of one camera stand, and their rows: the order file -> folder -> row -> records, and back.

    footage/<camera>/<UTC day>/<number>.vge      stills/<camera>/<UTC day>/<number>.vge

Invariant: records are only written to a file whose row exists. ``begin`` takes a number (row of the camera), makes the
header and the folder entry durable, adds the row, and only then gives the file away. After a crash between two of
these steps: a number without file is a gap; a header without row is found by ``recovery`` and set aside; an open row
is closed by ``recovery``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vigilar.base.atomic import fsync_folder
from vigilar.base.clock import Clock
from vigilar.base.errors import ErrorKind, RecordingError, StoreError
from vigilar.record.rows import RowBook
from vigilar.record.writing import OpenFile
from vigilar.store import files
from vigilar.store.sql import Database
from vigilar.vge.format import Content
from vigilar.vge.gate import file_errors
from vigilar.vge.keys import KeyRing
from vigilar.vge.writer import FileSpec, VgeWriter

FOLDERS: dict[files.Content, str] = {"video": "footage", "still": "stills"}


@dataclass(frozen=True, slots=True)
class FileStoreSettings:
    """Whose files these are. ``camera_uuid`` and ``boot_id`` are 16 bytes.

    ``check_folder`` is called on the creating thread before a folder or file is made; it raises RecordingError
    (TRANSIENT) when the data folder is not the house's own any more.
    """

    camera_id: str
    camera_uuid: bytes
    data_dir: Path
    boot_id: bytes
    check_folder: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """What a new file says about itself. Times are those of its first picture; ``codec`` as in RFC 6381."""

    start_utc_ns: int
    start_mono_ns: int
    timescale: int
    codec: str
    width: int
    height: int
    has_audio: bool = False


def day_of(utc_ns: int) -> str:
    """The UTC day, which names the folder.

    >>> day_of(1_770_000_000_000_000_000)
    '2026-02-02'
    """
    return time.strftime("%Y-%m-%d", time.gmtime(utc_ns // 1_000_000_000))


class FileStore:
    """The files of one camera. Thread-safe: the recorder's thread begins videos, the thread of facts stills."""

    def __init__(self, settings: FileStoreSettings, store: Database, ring: KeyRing, clock: Clock) -> None:
        self.settings = settings
        self.ring = ring
        self.clock = clock
        self.rows = RowBook(store)
        self._lock = threading.Lock()
        self._ours: set[tuple[files.Content, int]] = set()
        self._unused: dict[files.Content, tuple[int, bytes]] = {}

    def is_ours(self, content: files.Content, number: int) -> bool:
        """Whether this process took that number: recovery leaves such files alone."""
        with self._lock:
            return (content, number) in self._ours

    def begin(self, content: files.Content, info: FileInfo) -> OpenFile:
        """A new file with its row, ready for records. One thread at a time for each content.

        Raises RecordingError or StoreError and leaves nothing behind but, at worst, a number taken for nothing.
        """
        self.settings.check_folder()
        self.rows.settle(content)
        number, link = self._number(content)
        name = f"{FOLDERS[content]}/{self.settings.camera_id}/{day_of(info.start_utc_ns)}/{number}.vge"
        path = self.settings.data_dir / name
        try:
            self._make_folder(path.parent)
            writer = VgeWriter.create(path, self._spec(content, number, link, info), self.ring)
        except RecordingError as error:
            # While the disk is full this comes again every second: that must not use up a number each time.
            if error.kind is not ErrorKind.PERMANENT:
                self._unused[content] = (number, link)
            raise
        try:
            row_id = self.rows.add(self._row(content, number, name, info))
        except StoreError:
            writer.abandon()
            path.unlink(missing_ok=True)
            raise
        return OpenFile(writer, content, row_id, name, self.rows, self.ring)

    def _number(self, content: files.Content) -> tuple[int, bytes]:
        unused = self._unused.pop(content, None)
        if unused is not None:
            return unused
        number, link = self.rows.take_number(self.settings.camera_id, content)
        with self._lock:
            self._ours.add((content, number))
        return number, link

    def _spec(self, content: files.Content, number: int, link: bytes, info: FileInfo) -> FileSpec:
        return FileSpec(
            camera_uuid=self.settings.camera_uuid,
            file_number=number,
            content=Content.FMP4 if content == "video" else Content.JPEGS,
            start_utc_ns=info.start_utc_ns,
            start_mono_ns=info.start_mono_ns,
            boot_id=self.settings.boot_id,
            previous_link=link,
            timescale=info.timescale,
            has_audio=info.has_audio,
        )

    def _row(self, content: files.Content, number: int, name: str, info: FileInfo) -> files.NewFile:
        return files.NewFile(
            camera_id=self.settings.camera_id,
            content=content,
            number=number,
            path=name,
            start_ms=info.start_utc_ns // 1_000_000,
            codec=info.codec,
            width=info.width,
            height=info.height,
            has_audio=info.has_audio,
        )

    def _make_folder(self, folder: Path) -> None:
        """The day's folder, durable: of each level that was made, the entry in the level above is synced."""
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for one in reversed(missing):
            with file_errors("make", one):
                one.mkdir(mode=0o700, exist_ok=True)
                fsync_folder(one.parent)
