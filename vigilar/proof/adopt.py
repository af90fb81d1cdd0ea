"""Recordings without a row get one made from the file itself: what a rebuilt or restored database does not know.

A file is taken in only where it belongs: its own header, proved by the keys of the house, names the camera in whose
folder it lies and the number it is called by. What is not so stays where it is, untouched, and is counted.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vigilar.base.clock import Clock
from vigilar.base.disk import DEVICE_ERRORS, DEVICE_STEP, device_fault
from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.base.folder_id import FILE_NAME
from vigilar.media.read_init import InitContent, read_init
from vigilar.media.sps import BadBitstream
from vigilar.proof.homes import HOMES
from vigilar.store import adoption, inventory
from vigilar.store.adoption import WholeFile
from vigilar.store.cameras import CameraRow
from vigilar.store.files import Content, NewFile
from vigilar.store.sql import Database
from vigilar.vge.claim import CONTENT_OF
from vigilar.vge.ends import Ends, read_ends
from vigilar.vge.format import CloseReason, CoreFlag, FileCore
from vigilar.vge.keys import KeyRing
from vigilar.vge.recover import recover_file
from vigilar.vge.report import Verdict

logger = logging.getLogger(__name__)

BATCH = 200
"""Rows in one transaction: recorders wait for it some milliseconds."""

_NAMED_AT_MOST = 5


@dataclass(slots=True)
class Adopted:
    """What was found. ``added`` files got a row; ``refused`` says of some that could not which and why; ``unlinked``
    follow a recording of which nothing is known. ``busy`` are being written, ``locked`` wait for their key.
    ``unreadable``: the first that the disk does not give back, as a clause; it answers otherwise."""

    looked_at: int = 0
    added: int = 0
    busy: int = 0
    locked: int = 0
    refused_count: int = 0
    refused: list[str] = field(default_factory=list)
    unlinked: int = 0
    unreadable: str = ""

    def refuse(self, path: str, why: str) -> None:
        self.refused_count += 1
        if len(self.refused) < _NAMED_AT_MOST:
            self.refused.append(f"{path}: {why}")
        logger.warning("%s gets no row: %s", path, why)


class Adopter:
    """Takes in the files of one camera of the box ``node_id``. One thread."""

    def __init__(
        self,
        store: Database,
        node_id: str,
        data_dir: Path,
        ring: KeyRing,
        clock: Clock,
        note: Callable[[Adopted], bool] = lambda _: True,
    ) -> None:
        """``note`` is called behind each batch with what was done so far; False ends the work."""
        self.done = Adopted()
        self._store = store
        self._node_id = node_id
        self._data_dir = data_dir
        self._ring = ring
        self._clock = clock
        self._note = note

    def run(self, camera: CameraRow) -> bool:
        """All contents of a camera; False when ``note`` ended it. Raises StoreError, and RecordingError when the disk
        cannot be read."""
        return all(self._run_content(camera, content) for content in HOMES)

    def _run_content(self, camera: CameraRow, content: Content) -> bool:
        known = adoption.paths_with_row(self._store, self._node_id, camera.id, content)
        batch: list[tuple[WholeFile, FileCore]] = []
        links: set[bytes] = set()
        for path in list_sealed(self._data_dir, camera.id, content, self._leave_out):
            name = str(path.relative_to(self._data_dir))
            if name in known:
                continue
            self.done.looked_at += 1
            found = self._read(camera, content, path, name)
            if found is not None:
                batch.append(found)
            if len(batch) >= BATCH and not self._store_batch(batch, links):
                return False
        return self._store_batch(batch, links)

    def _store_batch(self, batch: list[tuple[WholeFile, FileCore]], links: set[bytes]) -> bool:
        added = adoption.add_whole_files(self._store, [whole for whole, _ in batch])
        self.done.added += added
        if added < len(batch):
            self._tell_taken(batch)
        for whole, core in batch:
            self._check_link(whole, core, links)
            if whole.link is not None:
                links.add(whole.link)
        batch.clear()
        return self._note(self.done)

    def _tell_taken(self, batch: list[tuple[WholeFile, FileCore]]) -> None:
        """Those that got no row because another file has their number; one that got its row meanwhile is well."""
        for whole, _ in batch:
            if inventory.find_by_path(self._store, self._node_id, whole.new.path) is None:
                self.done.refuse(whole.new.path, "its number belongs to another recording, or was deleted by a rule")

    def _check_link(self, whole: WholeFile, core: FileCore, links: set[bytes]) -> None:
        if not any(core.previous_link) or core.previous_link in links:
            return
        new = whole.new
        number = inventory.find_link_number(self._store, new.camera_id, new.content, new.number, core.previous_link)
        if number is None:
            self.done.unlinked += 1
            listed = inventory.find_by_path(self._store, self._node_id, new.path)
            inventory.note_unlinked(self._store, [listed.row.id] if listed is not None else [])

    def _read(self, camera: CameraRow, content: Content, path: Path, name: str) -> tuple[WholeFile, FileCore] | None:
        try:
            ends, end_ns = read_ends(path, self._ring), None
            if ends.close is None and not ends.is_empty and _is_own(ends.core, camera, content, path):
                ends, end_ns = self._finish(path, ends)
            return self._judge(camera, content, path, name, ends, end_ns)
        except RecordingError as error:
            if error.code == "vge.busy":
                self.done.busy += 1
            elif error.kind is ErrorKind.DENIED:
                self.done.locked += 1
            elif error.kind in (ErrorKind.TRANSIENT, ErrorKind.FULL):
                raise
            elif isinstance(cause := error.__cause__, OSError) and cause.errno in DEVICE_ERRORS:
                self._leave_out(path, cause)
            else:
                self.done.refuse(name, str(error))
            return None

    def _leave_out(self, path: Path, error: OSError) -> None:
        """A file, or a day of them, that the disk does not give back: it must not keep for ever what is to be deleted
        elsewhere. Raises RecordingError (transient) when the disk answers nothing at all: then all waits for it."""
        if device_fault(self._data_dir / FILE_NAME):
            raise RecordingError(
                f"Could not read {path}: {error.strerror}",
                kind=ErrorKind.TRANSIENT,
                code="vge.file",
                next_step=DEVICE_STEP,
            ) from error
        name = str(path.relative_to(self._data_dir))
        self.done.refuse(name, f"the disk does not give it back ({error.strerror})")
        self.done.unreadable = self.done.unreadable or f"{name} cannot be read: {error.strerror}"

    def _finish(self, path: Path, ends: Ends) -> tuple[Ends, int | None]:
        """Close what a crash left open; a file that is damaged before its end stays as it is. With it, where its last
        record ends in UTC ns. Raises RecordingError, "vge.busy" for one that is being written."""
        done = recover_file(path, self._ring, utc_ns=self._clock.utc_ns(), mono_ns=self._clock.mono_ns())
        return (read_ends(path, self._ring) if done.verdict is Verdict.UNCLEAN else ends), done.last_utc_ns

    def _judge(
        self, camera: CameraRow, content: Content, path: Path, name: str, ends: Ends, end_ns: int | None
    ) -> tuple[WholeFile, FileCore] | None:
        if ends.is_empty:
            self.done.refuse(name, "nothing is in it")
            return None
        if not _is_own(ends.core, camera, content, path):
            self.done.refuse(name, "it is another camera's, or has another's number")
            return None
        return _whole_file(camera.id, content, name, ends, end_ns), ends.core


LeaveOut = Callable[[Path, OSError], None]
"""Told of a folder that the disk does not give back; may raise to end the listing."""


def list_sealed(data_dir: Path, camera_id: str, content: Content, leave_out: LeaveOut) -> Iterator[Path]:
    """The files of a camera and content in the order of their numbers, by their names; without those of which the disk
    gives an error, be they of a day or all, which ``leave_out`` is told. Raises OSError."""
    found: list[tuple[int, str, str]] = []
    home = data_dir / HOMES[content] / camera_id
    with _unless_unreadable(home, leave_out):
        for day in _days_of(home):
            with _unless_unreadable(day, leave_out):
                found += _files_of(day)
    return (home / day / name for _, day, name in sorted(found))


@contextmanager
def _unless_unreadable(folder: Path, leave_out: LeaveOut) -> Iterator[None]:
    """Go on behind the block when the disk does not give the folder back. Raises other OSErrors."""
    try:
        yield
    except OSError as error:
        if error.errno not in DEVICE_ERRORS:
            raise
        leave_out(folder, error)


def _days_of(home: Path) -> list[Path]:
    return list(home.iterdir()) if home.is_dir() else []


def _files_of(day: Path) -> list[tuple[int, str, str]]:
    if not day.is_dir():
        return []
    with os.scandir(day) as entries:
        return [(number, day.name, one.name) for one in entries if (number := _number(one.name)) > 0]


def _number(name: str) -> int:
    stem, dot, ending = name.partition(".")
    return int(stem) if dot and ending == "vge" and stem.isascii() and stem.isdigit() else 0


def _is_own(core: FileCore, camera: CameraRow, content: Content, path: Path) -> bool:
    own = (camera.uuid, _number(path.name), CONTENT_OF[content])
    return (core.camera_uuid, core.file_number, core.content) == own


_ENDED = {
    CloseReason.STOP: f"{inventory.TAKEN_IN}: stop",
    CloseReason.UPS_SHUTDOWN: f"{inventory.TAKEN_IN}: battery",
    CloseReason.DISK_FULL: f"{inventory.TAKEN_IN}: disk full",
    CloseReason.RECOVERED: f"{inventory.TAKEN_IN}: ended by a crash",
}
"""Why a file ended, in the words of its recorder (``playback.gaps``)."""


def _whole_file(camera_id: str, content: Content, name: str, ends: Ends, end_ns: int | None) -> WholeFile:
    core, close = ends.core, ends.close
    picture = InitContent("jpeg", 0, 0) if content != "video" else _picture_of(ends.init)
    start_ms = core.start_utc_ns // 1_000_000
    new = NewFile(
        camera_id=camera_id,
        content=content,
        number=core.file_number,
        path=name,
        start_ms=start_ms,
        codec=picture.codecs,
        width=picture.width,
        height=picture.height,
        has_audio=CoreFlag.AUDIO in core.flags,
    )
    if close is None:
        reason = f"{inventory.TAKEN_IN}: damaged before its end"
        end_ms = start_ms if end_ns is None else max(start_ms, end_ns // 1_000_000)
        return WholeFile(new, "damaged", reason, end_ms, ends.size_bytes, 0, 0, None)
    is_cut = close.reason is CloseReason.RECOVERED
    return WholeFile(
        new,
        "recovered" if is_cut else "closed",
        _ENDED.get(close.reason, inventory.TAKEN_IN),
        max(start_ms, close.end_utc_ns // 1_000_000),
        ends.size_bytes,
        close.plaintext_bytes,
        close.record_count,
        ends.link,
    )


def _picture_of(init: bytes | None) -> InitContent:
    try:
        return _read_init(init) if init is not None else InitContent("", 0, 0)
    except BadBitstream:
        return InitContent("", 0, 0)


@functools.lru_cache(maxsize=32)
def _read_init(init: bytes) -> InitContent:
    """All files of a connection begin with the same one."""
    return read_init(init)
