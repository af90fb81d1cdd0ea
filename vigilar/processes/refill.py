"""Gives rows to recordings that have none, beside the recording: after a database was made anew or restored.

A step of the upkeep process, before it deletes anything: what has no row would look like free space, and the newest
recordings like the oldest. Dying in the middle is no harm: the next start finds what has no row yet.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Set
from itertools import chain
from pathlib import Path
from typing import Any

from vigilar.base.clock import Clock
from vigilar.base.database_note import FILE_NAME, Rescue, change_rescue, find_note
from vigilar.base.disk import DEVICE_STEP, disk_errors
from vigilar.base.errors import RecordingError
from vigilar.bus.messages import UpkeepFact
from vigilar.bus.topics import Topics
from vigilar.proof.adopt import Adopted, Adopter, list_sealed
from vigilar.proof.history import settle
from vigilar.proof.homes import HOMES, list_homes
from vigilar.proof.telling import Teller
from vigilar.store import adoption, inbound
from vigilar.store.adoption import CameraFound
from vigilar.store.cameras import list_cameras
from vigilar.store.sql import Database
from vigilar.upkeep.holdings import check_own_folder
from vigilar.vge.ends import read_ends
from vigilar.vge.gate import file_errors
from vigilar.vge.keys import KeyRing, is_house_locked
from vigilar.vge.opening import LOCKED_CODES, open_header, read_unproved_core
from vigilar.vge.signing import BoxKey

logger = logging.getLogger(__name__)

SAID_FOR_MS = 24 * 3600 * 1000
"""For so long after it was over, pages and ``vigilar status`` say what became of the database."""

_TRIED_FILES = 20
"""Of a camera, from the newest on, until one says whose it is."""

SAVE_EVERY_S = 1.0
"""Between two notes of how far it is."""


class Refill:
    """The filling of the database of the box ``node_id``. ``turn`` belongs to one thread.

    ``beat`` is called behind each step with what is told to people; False ends the work until the next call.
    """

    def __init__(
        self,
        data_dir: Path,
        secrets_dir: Path,
        node_id: str,
        store: Database,
        clock: Clock,
        beat: Callable[[], bool],
    ) -> None:
        self._data_dir = data_dir
        self._secrets_dir = secrets_dir
        self._node_id = node_id
        self._store = store
        self._clock = clock
        self._beat = beat
        self._is_due = True
        self._waits_for_key = False
        self._noted_ns = -1
        self._saved_s = 0.0
        self._rescue: Rescue | None = None
        self.problem = ""
        """What a person has to look at, as a sentence; empty for nothing."""

    @property
    def sentence(self) -> str:
        """What people are told now; empty when there is nothing, or it is long over."""
        rescued = self._rescue
        if rescued is None:
            return ""
        is_over = rescued.done_ms is not None and self._now_ms() - rescued.done_ms > SAID_FOR_MS
        return "" if is_over else rescued.sentence

    def turn(self) -> bool:
        """Look at the first call, and again when a database was made anew, or the house unlocked, some files of which
        had to wait for their key; False while there is more to do.

        Raises StoreError and VigilarError: the next call goes on.
        """
        with disk_errors("look after the database", self._data_dir):
            self._look_at_note()
            if self._waits_for_key and not is_house_locked(self._secrets_dir):
                self._is_due = True
            if not self._is_due:
                return True
            check_own_folder(self._data_dir, self._node_id)
            ring = KeyRing.load(self._secrets_dir)
            note_cameras(self._store, self._data_dir, ring, self._node_id)
            adopter = Adopter(self._store, self._node_id, self._data_dir, ring, self._clock, self._note)
            for camera in list_cameras(self._store, with_removed=True):
                if camera.node_id == self._node_id and not adopter.run(camera):
                    return False
            self._finish(adopter.done)
            left_out = adopter.done.unreadable
            self.problem = f"{left_out}. It has no row and is left out. {DEVICE_STEP}" if left_out else ""
        self._is_due, self._waits_for_key = False, ring.is_locked and adopter.done.locked > 0
        return True

    def _look_at_note(self) -> None:
        file = self._data_dir / FILE_NAME
        noted_ns = file.stat().st_mtime_ns if file.exists() else 0
        if noted_ns != self._noted_ns:
            self._noted_ns = noted_ns
            note = find_note(self._data_dir)
            self._rescue = note.rescue if note else None
            self._is_due = self._is_due or (self._rescue is not None and self._rescue.is_rebuilding)

    def _note(self, _done: Adopted) -> bool:
        now_s = time.monotonic()
        if self._rescue is not None and self._rescue.is_rebuilding and now_s - self._saved_s > SAVE_EVERY_S:
            self._saved_s = now_s
            self._rescue = change_rescue(self._data_dir, recordings=adoption.count_files(self._store, self._node_id))
        return self._beat()

    def _finish(self, done: Adopted) -> None:
        rescued = self._rescue
        if rescued is not None and rescued.is_rebuilding:
            self._settle(is_log_torn=rescued.is_log_torn)
        elif not done.added:
            return
        else:
            words = f"{done.added} recordings were not in the database, as after it was restored from a backup."
            if self._waits_for_key:
                words = f"{done.added} recordings had waited for their key to get their rows."
            rescued = Rescue(at_ms=self._now_ms(), happened=words, kept="")
        self._rescue = change_rescue(
            self._data_dir,
            is_rebuilding=False,
            recordings=adoption.count_files(self._store, self._node_id),
            refused=done.refused_count,
            done_ms=self._now_ms(),
        )
        tell(self._store, self._node_id, "database_rebuilt", rescued, done)
        logger.warning("%d recordings got a row, %d could not", done.added, done.refused_count)

    def _settle(self, *, is_log_torn: bool) -> None:
        """What this box had signed of the old database and the new one does not say is told; then the new one is
        signed, so that it is not taken for an older copy."""
        key = BoxKey.load_or_create(self._secrets_dir)
        found = settle(self._store, self._node_id, self._data_dir, key, self._now_ms(), is_log_torn=is_log_torn)
        teller = Teller(self._store, self._node_id, self._data_dir, self._clock)
        for one in found:
            teller.tell_house(one)

    def _now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000


def find_cameras(data_dir: Path, ring: KeyRing, known: Set[str] = frozenset()) -> dict[str, CameraFound]:
    """The cameras of which there are files, without the ids in ``known``, as the newest file that opens tells. Where
    none does, as in a house that is locked, as the newest says: with another id and numbers from 1 on a camera could
    not go on, and its files would be strangers to it for ever."""
    found = {}
    for camera_id in list_homes(data_dir):
        if camera_id in known:
            continue
        highest: dict[str, int] = {}
        newest: list[Path] = []
        for content in HOMES:
            paths = list(list_sealed(data_dir, camera_id, content, note_unreadable))
            if paths:
                highest[content] = int(paths[-1].stem)
            newest += reversed(paths[-_TRIED_FILES:])
        tries = chain((_uuid_in(path, ring) for path in newest), (_locked_uuid_in(path, ring) for path in newest))
        uuid = next((one for one in tries if one), None)
        if uuid is not None:
            found[camera_id] = CameraFound(uuid, highest)
    return found


def note_unreadable(folder: Path, error: OSError) -> None:
    """A start goes on without what the disk does not give back; the filling says so to people."""
    logger.error("%s cannot be read: %s", folder, error.strerror)


def _uuid_in(path: Path, ring: KeyRing) -> bytes | None:
    try:
        return read_ends(path, ring).core.camera_uuid
    except RecordingError:
        return None


def _locked_uuid_in(path: Path, ring: KeyRing) -> bytes | None:
    """Of a file whose key is not here."""
    try:
        with file_errors("open", path), path.open("rb") as file:
            try:
                open_header(file.fileno(), ring)
            except RecordingError as error:
                if error.code in LOCKED_CODES:
                    return read_unproved_core(file.fileno()).camera_uuid
    except RecordingError:
        pass
    return None


def note_cameras(store: Database, data_dir: Path, ring: KeyRing, node_id: str) -> None:
    """Rows for cameras that have files and no row, as in a database that was restored from before they were added.
    Raises StoreError, OSError."""
    known = {camera.id for camera in list_cameras(store, with_removed=True)}
    for camera_id, found in find_cameras(data_dir, ring, known).items():
        adoption.note_camera(store, node_id, camera_id, found, time.time_ns() // 1_000_000)
        logger.warning("the database did not know the camera %s, of which there are recordings; it does now", camera_id)


def tell(store: Database, node_id: str, kind: str, rescued: Rescue, filled: Adopted | None = None) -> None:
    """An event about a rescue, or about what was ``filled`` in; telling it again is no second one. Raises
    StoreError."""
    uid = hashlib.sha256(f"{node_id} {kind} {rescued.at_ms}".encode()).hexdigest()[:32]
    detail: dict[str, Any] = {"reason": rescued.sentence, "kept": rescued.kept, "lost": list(rescued.lost)}
    if filled is not None:
        counts = {"added": filled.added, "refused": filled.refused_count, "unlinked": filled.unlinked}
        detail |= {"reason": _filled_words(rescued, filled), **counts, "paths": filled.refused}
    now_ms = time.time_ns() // 1_000_000
    ts = rescued.at_ms if kind == "database_replaced" else now_ms
    fact = UpkeepFact(uid, ts, kind, detail)
    inbound.put(store, node_id, uid, Topics.UPKEEP_FACT, fact.dump(), now_ms)


def _filled_words(rescued: Rescue, filled: Adopted) -> str:
    taken_in = f"{filled.added} recordings were taken in from their files."
    words = [rescued.happened, taken_in if filled.added else "Each recording has its row."]
    if filled.refused_count:
        words.append(f"{filled.refused_count} could not be taken in.")
    if filled.locked:
        words.append(f"{filled.locked} wait for their key.")
    if filled.unlinked:
        words.append(f"{filled.unlinked} follow a recording of which nothing is known any more.")
    if rescued.lost:
        words.append(f"Lost: {', '.join(rescued.lost)}.")
    return " ".join(words)
