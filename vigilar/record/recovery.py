"""What a crash left behind: this camera's files that were never closed, and files without a row.

A file without a row whose process died while the database took nothing is whole evidence: it gets a row made from its
own header (it is adopted) and is then repaired like the others. Only what holds nothing is set aside.

Runs once, beside the recording, on a thread of its own; proving a file of 150 MB takes about 0.3 s. Each step may be
died after and is done again at the next start.
"""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from vigilar.base.atomic import fsync_folder
from vigilar.base.errors import ErrorKind, RecordingError, StoreError
from vigilar.base.stop import Stop
from vigilar.media.read_init import InitContent, read_init
from vigilar.media.sps import BadBitstream
from vigilar.record.file_store import QUARANTINE, FileStore
from vigilar.record.folders import FOLDERS, day_start_ms, newest_days, number_of
from vigilar.record.gaps import Report
from vigilar.record.repair import Repair, why_closed
from vigilar.record.row_writer import Ending, store_ending
from vigilar.store import files, inventory
from vigilar.store.sql import Database
from vigilar.vge.ends import read_ends
from vigilar.vge.format import CloseReason, Content, CoreFlag, FileCore, RecordType
from vigilar.vge.gate import file_errors
from vigilar.vge.reader import VgeReader
from vigilar.vge.writer import Closed

logger = logging.getLogger(__name__)

RETRY_S = 10.0
"""Until a busy database or a full disk is looked at again."""

_DAY_MS = 86_400_000
_CONTENTS: dict[files.Content, Content] = {
    "video": Content.FMP4,
    "still": Content.JPEGS,
    "storyboard": Content.JPEGS,
}


class Recovery:
    """Repairs one camera's files. ``run`` belongs to one thread; ``report`` must return at once."""

    def __init__(self, file_store: FileStore, store: Database, report: Report) -> None:
        self._file_store = file_store
        self._store = store
        settings, chains = file_store.settings, file_store.chains
        self._repair = Repair(
            settings.data_dir,
            settings.check_folder,
            store,
            file_store.clock,
            report,
            lambda row, link: chains[row.content].note_link(row.number, link),
        )
        self.found = self._repair.found

    def run(self, stop: Stop) -> None:
        """Repair all there is, trying again while database or disk say that it may pass, and once more when a house
        that is locked has been opened; ended by ``stop``."""
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)  # this thread alone: recording comes first
        while not stop.is_set():
            try:
                is_locked = self._file_store.ring.is_locked
                if self.run_once() and not is_locked:
                    return
                while is_locked and self._file_store.ring.is_locked and not stop.is_set():
                    stop.wait(RETRY_S)
            except (StoreError, RecordingError) as error:
                logger.warning("recordings are not repaired yet: %s", error)
            stop.wait(RETRY_S)

    def run_once(self) -> bool:
        """True when nothing is left to do. Raises StoreError, and RecordingError when the folder is away or cannot be
        read."""
        self._file_store.settings.check_folder()
        for content in FOLDERS:
            self._look_for_orphans(content)
        is_done = True
        for row in files.list_open_files(self._store, self._file_store.settings.camera_id):
            if not self._file_store.chains[row.content].is_ours(row.number):
                is_done = self._repair.run(row, self._file_store.ring) and is_done
        return is_done

    # Files without a row

    def _look_for_orphans(self, content: files.Content) -> None:
        for path in sorted(self._find_orphans(content), key=lambda path: number_of(path.name)):
            self._take_orphan(content, path)

    def _find_orphans(self, content: files.Content) -> list[Path]:
        """In the newest folders. What has no row in older ones is taken in by the upkeep process."""
        home, chain = self._file_store.home(content), self._file_store.chains[content]
        orphans: list[Path] = []
        with file_errors("list", home):
            for day in newest_days(home, self._file_store.clock.utc_ns()):
                paths = list(day.glob("*.vge"))  # before the rows are read: a file made meanwhile is not in it
                known = self._names_with_row(content, day.name)
                orphans += [p for p in paths if p.name not in known and not chain.is_ours(number_of(p.name))]
        return orphans

    def _take_orphan(self, content: files.Content, path: Path) -> None:
        try:
            with VgeReader.open(path, self._file_store.ring) as reader:
                core = reader.header
                is_empty = not any(entry.type is RecordType.MEDIA for entry in reader.entries)
                picture = _picture_of(reader)
        except RecordingError as error:
            if error.kind is ErrorKind.DENIED or error.code == "vge.file":  # this says nothing about the file
                self.found.locked += 1
                logger.warning("%s stays as it is until it can be opened: %s", path, error)
            else:
                self._quarantine(content, path, str(error))
            return
        if is_empty:
            self._quarantine(content, path, "nothing is in it")
        elif not self._is_of_this_camera(content, path, core):
            self._quarantine(content, path, "it is another camera's, or has another's number")
        else:
            self._adopt(content, path, core, picture)

    def _is_of_this_camera(self, content: files.Content, path: Path, core: FileCore) -> bool:
        own = (self._file_store.settings.camera_uuid, number_of(path.name), _CONTENTS[content])
        return (core.camera_uuid, core.file_number, core.content) == own

    def _adopt(self, content: files.Content, path: Path, core: FileCore, picture: InitContent) -> None:
        settings = self._file_store.settings
        new = files.NewFile(
            camera_id=settings.camera_id,
            content=content,
            number=core.file_number,
            path=str(path.relative_to(settings.data_dir)),
            start_ms=core.start_utc_ns // 1_000_000,
            codec=picture.codecs,
            width=picture.width,
            height=picture.height,
            has_audio=CoreFlag.AUDIO in core.flags,
        )
        try:
            row_id = files.add_file(self._store, new)
            self._complete(content, path, row_id)
            self._note_unlinked(content, core, row_id)
        except StoreError as error:
            if error.kind is not ErrorKind.BUG:
                raise
            self._quarantine(content, path, str(error))  # its number or path belongs to another file
            return
        self.found.adopted += 1
        logger.warning("%s had no row, because the database took none when it was made; it has one now", path)

    def _complete(self, content: files.Content, path: Path, row_id: int) -> None:
        """A file that has its CLOSE is whole as far as its ends tell, which is as much as playback asks. Without one it
        is repaired like any other that is open. Raises StoreError, RecordingError."""
        ends = read_ends(path, self._file_store.ring)
        if ends.close is None or ends.link is None:
            return
        is_cut = ends.close.reason is CloseReason.RECOVERED
        closed = Closed(
            ends.link, ends.close.record_count, ends.close.plaintext_bytes, ends.size_bytes, ends.close.merkle_root
        )
        end_ms = ends.close.end_utc_ns // 1_000_000
        store_ending(
            self._store, row_id, Ending("recovered" if is_cut else "closed", why_closed(is_cut), end_ms, closed)
        )
        self._file_store.chains[content].note_link(ends.core.file_number, ends.link)
        self.found.completed += 1

    def _note_unlinked(self, content: files.Content, core: FileCore, row_id: int) -> None:
        """As after an older database was put back, which does not know what was deleted since. Raises StoreError."""
        camera_id, link = self._file_store.settings.camera_id, core.previous_link
        is_known = inventory.find_link_number(self._store, camera_id, content, core.file_number, link) is not None
        if any(link) and not is_known:
            inventory.note_unlinked(self._store, [row_id])

    def _names_with_row(self, content: files.Content, day: str) -> set[str]:
        camera_id, start_ms = self._file_store.settings.camera_id, day_start_ms(day) or 0
        rows = files.find_files(self._store, camera_id, content, start_ms, start_ms + _DAY_MS, limit=1_000_000)
        return {Path(row.path).name for row in rows if Path(row.path).parent.name == day}

    def _quarantine(self, content: files.Content, path: Path, why: str) -> None:
        folder = self._file_store.settings.data_dir / QUARANTINE
        target = folder / f"{self._file_store.settings.camera_id}-{content}-{path.parent.name}-{path.name}"
        with file_errors("set aside", path):
            folder.mkdir(mode=0o700, exist_ok=True)
            path.rename(target)
            fsync_folder(folder)
            fsync_folder(path.parent)
        self.found.quarantined += 1
        logger.warning("%s has no row and is now %s: %s", path, target, why)


def _picture_of(reader: VgeReader) -> InitContent:
    """From the INIT record of a video. A still has none, and one that cannot be read is as good as unknown."""
    if reader.header.content is Content.JPEGS:
        return InitContent("jpeg", 0, 0)
    try:
        return read_init(next(reader.read(one) for one in reader.entries if one.type is RecordType.INIT))
    except (StopIteration, BadBitstream, RecordingError) as error:
        logger.warning("%s does not say what its pictures are: %s", reader.path, error)
        return InitContent("", 0, 0)
