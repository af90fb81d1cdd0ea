"""The files of one camera: making them, and what is to be known of those that are there.

``begin`` does file work and nothing else: it takes a number, makes the header and the folder entry durable, hands the
row to the row writer and gives the file away. What holds after a death between two steps: ``row_writer``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vigilar.base.atomic import fsync_folder
from vigilar.base.clock import Clock
from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.record.chain import FileChain
from vigilar.record.folders import FOLDERS, day_of, newest_days, number_of
from vigilar.record.last_recording import LastRecording, find_last_recording
from vigilar.record.row_writer import RowWriter
from vigilar.record.writing import OpenFile
from vigilar.store import files
from vigilar.store.sql import Database
from vigilar.vge.format import Content
from vigilar.vge.gate import file_errors
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import LOCKED_CODES
from vigilar.vge.writer import FileSpec, VgeWriter

logger = logging.getLogger(__name__)

QUARANTINE = "quarantine"
"""The folder, in the data folder, of files without a row that hold nothing."""

RECORDING_MARKER = "recording"
"""An empty file beside the folders of the days: a process recorded here and has not ended in order since."""


def _nothing_to_check() -> None:
    """For a data folder that cannot be away."""


def _same_ring(ring: KeyRing) -> KeyRing:
    """For keys that stay as they are."""
    return ring


@dataclass(frozen=True, slots=True)
class FileStoreSettings:
    """Whose files these are. ``camera_uuid`` and ``boot_id`` are 16 bytes.

    ``check_folder`` is called before any folder or file is made. It raises RecordingError (transient, V-DRIVE) when
    what lies at ``data_dir`` is not the house's own folder: its drive is away. ``refresh_ring`` gives the keys for the
    next file, those of before or newer ones; it must be quick, and may not raise.
    """

    camera_id: str
    camera_uuid: bytes
    data_dir: Path
    boot_id: bytes
    check_folder: Callable[[], None] = _nothing_to_check
    refresh_ring: Callable[[KeyRing], KeyRing] = _same_ring


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


class FileStore:
    """The files of one camera. Thread-safe: the recorder's thread begins videos, the thread of facts stills."""

    def __init__(self, settings: FileStoreSettings, store: Database, ring: KeyRing, clock: Clock) -> None:
        """Reads where the chains stand, which waits for no writer. Raises StoreError."""
        self.settings = settings
        self._ring = ring
        self.clock = clock
        self.chains = {
            content: FileChain(
                files.get_chain_end(store, settings.camera_id, content), partial(self._find_highest, content)
            )
            for content in FOLDERS
        }
        self.rows = RowWriter(store, settings.camera_id, self.chains, clock)
        self._unended: dict[files.Content, list[Callable[[], None]]] = {content: [] for content in FOLDERS}
        self._is_marked = False

    @property
    def ring(self) -> KeyRing:
        """The keys of the house as they are now."""
        self._ring = self.settings.refresh_ring(self._ring)
        return self._ring

    def home(self, content: files.Content) -> Path:
        """The folder above the days."""
        return self.settings.data_dir / FOLDERS[content] / self.settings.camera_id

    def begin(self, content: files.Content, info: FileInfo) -> OpenFile:
        """A new file, ready for records; its row follows. One thread at a time for each content.

        Raises RecordingError, or StoreError when too many rows wait for the database, and leaves nothing behind but,
        at worst, a number taken for nothing.
        """
        self.settings.check_folder()
        self.rows.check_space()
        self._end_unended(content)
        chain = self.chains[content]
        number = chain.take()
        path = self.home(content) / day_of(info.start_utc_ns) / f"{number}.vge"
        try:
            self._make_folder(path.parent)
            if content == "video":
                self._mark()
            ring = self.ring
            writer = VgeWriter.create(path, self._spec(content, number, chain.link, info), ring)
        except RecordingError as error:
            # While the disk is full this comes again every second: that must not use up a number each time.
            if error.kind is not ErrorKind.PERMANENT:
                chain.give_back(number)
            raise
        row = self.rows.begin(self._row(content, number, str(path.relative_to(self.settings.data_dir)), info))
        return OpenFile(writer, row, chain, self._unended[content].append, ring, lambda: self.ring)

    def find_crash(self) -> LastRecording | None:
        """The newest recording, if the process that made it did not end in order. Before the first ``begin``.

        What cannot be read counts as none: it must not keep the camera from being recorded. Raises RecordingError when
        the folder is away.
        """
        self.settings.check_folder()
        home = self.home("video")
        try:
            if not (home / RECORDING_MARKER).exists():
                return None
            return find_last_recording(home, self.ring, self.clock.utc_ns())
        except OSError as error:
            logger.warning("the newest recording in %s cannot be looked at: %s", home, error.strerror)
            return None

    def note_stop(self) -> None:
        """The process ends in order, all its files are closed."""
        try:
            (self.home("video") / RECORDING_MARKER).unlink(missing_ok=True)
        except OSError as error:
            logger.warning("the next start will take this stop for a crash: %s", error.strerror)

    def _find_highest(self, content: files.Content) -> int:
        """The highest number among the newest files, those in quarantine included."""
        home, set_aside = self.home(content), self.settings.data_dir / QUARANTINE
        with file_errors("list", home):
            days = newest_days(home, self.clock.utc_ns())
            names = [path.name for day in days for path in day.glob("*.vge")]
            names += [p.name.rpartition("-")[2] for p in set_aside.glob(f"{self.settings.camera_id}-{content}-*.vge")]
        return max([0, *(number_of(name) for name in names)])

    def _end_unended(self, content: files.Content) -> None:
        """Close the files for whose CLOSE the disk had no space. Raises RecordingError if it still has none."""
        unended = self._unended[content]
        while unended:
            try:
                unended[0]()
            except RecordingError as error:
                if error.code in LOCKED_CODES:
                    logger.warning("a file stays open until the upkeep process or the next start closes it: %s", error)
                elif error.kind not in (ErrorKind.PERMANENT, ErrorKind.BUG):
                    raise
                else:
                    logger.exception("the end of a file could not be written")
            unended.pop(0)

    def _mark(self) -> None:
        if self._is_marked:
            return
        marker = self.home("video") / RECORDING_MARKER
        with file_errors("make", marker):
            marker.touch(mode=0o600)
            fsync_folder(marker.parent)
        self._is_marked = True

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
