"""Finds what is recorded of a camera in a range of time, and remembers where the keyframes of recordings stand."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.playback.stretch import Stretch, cut_stretch
from vigilar.store import cameras as camera_rows
from vigilar.store import events as event_rows
from vigilar.store import files as file_rows
from vigilar.store.deletions import Deletion, find_deleted_videos
from vigilar.store.engine import Store
from vigilar.store.erasures import find_erased
from vigilar.store.events import EventFilter, StoredEvent
from vigilar.store.files import Content, FileRow
from vigilar.store.health import find_first_recording_ms
from vigilar.vge.bodies import IndexEntry
from vigilar.vge.claim import CONTENT_OF, Claim, Closing, ReplacedError, read_closing
from vigilar.vge.format import RecordType
from vigilar.vge.keys import KeyRing
from vigilar.vge.leaves import FileLeaves, OnRecord, read_leaves
from vigilar.vge.opening import LOCKED_CODES
from vigilar.vge.read_ahead import ClearBytes, read_ahead
from vigilar.vge.reader import RecordEntry, VgeReader, damaged
from vigilar.vge.sealed import Proved, SealedFile

KNOWN_BYTES = 8 * 1024 * 1024
"""Memory for keys and keyframes of recordings: two days and a half of a camera with a keyframe each second."""


TOLD_AFTER_MS = 60_000
"""A loss is told when it is over, and repaired files a little after a start."""

FEWEST_KNOWN = 256
"""So many recordings are known before it is looked whether some of them are gone."""

MAX_LOSSES = 100

MAX_MS = 253_402_300_799_999
"""Behind all times: the end of the year 9999."""

MAX_EVENTS = 2000
"""Of one timeline: more than there are pixels to draw them on."""

LONGEST_EVENT_MS = 3_600_000
"""How far before a range an event that reaches into it is looked for."""

HEADER_CODES = frozenset({"vge.header-damaged", "vge.header-short", "vge.no-slot"})
"""Codes of errors for a header that is not as it was written."""

BESIDE_MS = 600_000
"""So far behind the end of a recording one is looked for that begins alike."""

DAMAGED = "vge.damaged"
"""Code of the error for a record that is not as it was written."""

Opened = TypeVar("Opened")

TellFinding = Callable[[FileRow, str, str, tuple[int, int]], None]
"""Called when a recording is not what its row says: row, verdict (a value of
``proof.verdict.Outcome``), a sentence, and the UTC ms of what cannot be shown. Must not raise."""


def _tell_nobody(_row: FileRow, _verdict: str, _sentence: str, _span_ms: tuple[int, int]) -> None:
    """For readers beside the house: benchmarks, tools."""


class FootageGone(RecordingError):
    """A recording whose row is there and whose file is not: deleted a moment ago, or by hand."""

    def __init__(self) -> None:
        super().__init__(
            "This recording is no longer on the disk.", code="recording.gone", exit_code=ExitCode.NOT_FOUND
        )


def span_of(row: FileRow) -> tuple[int, int]:
    """UTC ms of a whole file."""
    return row.start_ms, row.end_ms if row.end_ms is not None else row.start_ms


class Library:
    """All recordings of the box, for reading. Any thread.

    No file is held open, so a deleted one is gone at once for everybody. ``load_ring`` is called at the first use,
    because on a new box the first camera makes the key. A file is shown only when its header, its place and its row
    agree; ``tell`` learns of each that does not.
    """

    def __init__(
        self,
        store: Store,
        data_dir: Path,
        load_ring: Callable[[], KeyRing],
        known_bytes: int = KNOWN_BYTES,
        tell: TellFinding = _tell_nobody,
    ) -> None:
        self._store = store
        self._data_dir = data_dir
        self._load_ring = load_ring
        self._known_bytes = known_bytes
        self._tell = tell
        self._ring: KeyRing | None = None
        self._uuids: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._known: OrderedDict[int, tuple[SealedFile, int]] = OrderedDict()  # with its size when last used
        self._known_now = 0
        self._most_known = FEWEST_KNOWN

    def find(self, camera_id: str, from_ms: int, to_ms: int) -> list[Stretch]:
        """The stretches that cover [from_ms, to_ms) in UTC ms, in time order, each from a keyframe at or before the
        range's start. A file that cannot be opened is left out: the rest of the day still plays. Raises
        RecordingError when there is nothing but such files."""
        found: list[Stretch] = []
        failure: RecordingError | None = None
        for row in self.rows(camera_id, from_ms, to_ms):
            if row.state == "missing":
                failure = FootageGone()
                continue
            try:
                stretch = cut_stretch(row, self.open(row), from_ms, to_ms)
            except RecordingError as error:
                failure = self._explained(row, error)
                continue
            if stretch is not None:
                found.append(stretch)
        if failure is not None and not found:
            raise failure
        return found

    def whole(self, row: FileRow) -> Stretch | None:
        """All pictures of one recording; None for one without any. Raises as ``open``."""
        return cut_stretch(row, self.open(row), 0, MAX_MS)

    def rows(self, camera_id: str, from_ms: int, to_ms: int, content: Content = "video") -> list[FileRow]:
        """The rows of its files that hold anything of the range, missing files included, in time order."""
        return file_rows.find_files(self._store, camera_id, content, from_ms, to_ms)

    def row_before(self, camera_id: str, at_ms: int, content: Content = "video") -> FileRow | None:
        """The row of its last file that began before a time."""
        return file_rows.find_file_before(self._store, camera_id, content, at_ms)

    def events(self, camera_id: str, from_ms: int, to_ms: int, event_type: str | None = None) -> list[StoredEvent]:
        """The camera's events that were going on at any time of the range, in time order; of more than ``MAX_EVENTS``
        the newest. An event that began over ``LONGEST_EVENT_MS`` before the range is left out. ``event_type``: of this
        type alone."""
        wanted = EventFilter(
            camera=camera_id,
            type=event_type,
            from_ms=max(0, from_ms - LONGEST_EVENT_MS),
            to_ms=to_ms,
            limit=event_rows.MAX_PAGE,
        )
        found: list[StoredEvent] = []
        while len(found) < MAX_EVENTS:
            page, cursor = event_rows.list_events(self._store, wanted)
            found += page
            if cursor is None:
                break
            wanted = replace(wanted, cursor=cursor)
        return [one for one in reversed(found[:MAX_EVENTS]) if _last_ms(one, to_ms) >= from_ms]

    def deleted(self, camera_id: str, from_ms: int, to_ms: int) -> list[Deletion]:
        """Its recordings that were deleted and held anything of the range, in time order."""
        return find_deleted_videos(self._store, camera_id, from_ms, to_ms)

    def erased_by(self, camera_id: str, from_ms: int, to_ms: int) -> dict[str, str]:
        """Who deleted them, by the path, of those that went because a person chose their events."""
        return {one.path: one.by_name for one in find_erased(self._store, [camera_id], from_ms, to_ms)}

    def began_ms(self, camera_id: str) -> int | None:
        """UTC ms of the first recording that there ever was of a camera, deleted ones included; None for none."""
        return find_first_recording_ms(self._store, camera_id)

    def losses(self, camera_id: str, from_ms: int, to_ms: int) -> list[StoredEvent]:
        """What its recorder told of footage that was lost in the range, newest first, at most ``MAX_LOSSES``."""
        wanted = EventFilter(
            camera=camera_id, type="footage_lost", from_ms=from_ms, to_ms=to_ms + TOLD_AFTER_MS, limit=MAX_LOSSES
        )
        return event_rows.list_events(self._store, wanted)[0]

    def damages(self, camera_id: str) -> list[StoredEvent]:
        """What was found damaged of its recordings, newest first, at most ``MAX_LOSSES``: such a finding is of now, be
        the recording as old as it may."""
        wanted = EventFilter(camera=camera_id, type="recording_damaged", limit=MAX_LOSSES)
        return event_rows.list_events(self._store, wanted)[0]

    def removals(self, camera_id: str) -> list[StoredEvent]:
        """What was told of recordings of it that somebody removed with their rows; of the ``MAX_LOSSES`` newest of the
        house."""
        told, _ = event_rows.list_events(self._store, EventFilter(type="history_changed", limit=MAX_LOSSES))
        return [
            one for one in told if (one.payload.get("camera_id"), one.payload.get("content")) == (camera_id, "video")
        ]

    def get_video(self, camera_id: str, file_id: int) -> FileRow | None:
        """The row of a video file of that camera; None for another camera's, and for what is not video."""
        row = file_rows.get_file(self._store, file_id)
        return row if row is not None and (row.camera_id, row.content) == (camera_id, "video") else None

    def open(self, row: FileRow) -> SealedFile:
        """The file of ``row``, whose header was proved when it was first met. Raises RecordingError, also when a known
        one was deleted; ReplacedError when another file lies in its place."""
        with self._lock:
            known = self._known.get(row.id)
        if known is not None and known[0].is_same():
            file = known[0]
        else:
            self._forget(row.id)
            self._forget_gone()
            file = self._with_keys(lambda ring: SealedFile.open(self._data_dir / row.path, ring, self._claim(row)))
        if file.is_cut:
            self._tell_cut(row)
        with self._lock:
            return self._keep(row.id, file)

    def find_records(self, row: FileRow, first: int, last: int) -> list[RecordEntry]:
        """The MEDIA records of the file from number ``first`` to ``last``; those that are not there are left out.

        Raises RecordingError; FootageGone when the file is not there any more.
        """
        try:
            file = self.open(row)
            index = file.index()
            group = bisect_right(index.numbers(), first) - 1
            if group < 0:
                return []
            return [one for one in file.media(index.at(group), min(last + 1, index.end.number)) if one.number >= first]
        except RecordingError as error:
            raise self._explained(row, error) from error

    def group(self, stretch: Stretch, keyframe: int) -> list[RecordEntry]:
        """The MEDIA records of one keyframe and what follows it in the stretch. Raises as ``find_records``."""
        try:
            return stretch.file.media(stretch.index.at(keyframe), stretch.stop_of(keyframe).number)
        except RecordingError as error:
            raise self._explained(stretch.row, error) from error

    def records(self, stretch: Stretch) -> list[RecordEntry]:
        """The MEDIA records of all the stretch. Raises as ``find_records``."""
        try:
            return stretch.file.media(stretch.index.at(stretch.first), stretch.end.number)
        except RecordingError as error:
            raise self._explained(stretch.row, error) from error

    def find_damage(self, row: FileRow, entry: RecordEntry) -> bool:
        """Whether a record is not as it was written; decrypts nothing. Raises as ``find_records``."""
        try:
            return not self.open(row).proves(entry)
        except RecordingError as error:
            raise self._explained(row, error) from error

    def tell_damage(self, row: FileRow, from_ms: int, to_ms: int) -> None:
        """Say that [from_ms, to_ms), UTC ms, of a recording cannot be shown."""
        self._tell(row, "damaged", "A part of it is not as it was written and is left out.", (from_ms, to_ms))

    def read(self, row: FileRow, entry: RecordEntry) -> memoryview:
        """The proved, decrypted payload of one record, in memory of its own. Raises as ``find_records``."""
        try:
            return self.open(row).read(entry)
        except RecordingError as error:
            raise self._explained(row, error) from error

    def read_ahead(
        self, row: FileRow, entries: Sequence[RecordEntry], clear_bytes: ClearBytes | None = None
    ) -> Iterator[Proved]:
        """The payloads of ``entries``, in order, proved while the one before is worked on; in the place of a record
        that is not as it was written its error. Raises as ``find_records``."""
        try:
            yield from read_ahead(self.open(row), entries, clear_bytes)
        except RecordingError as error:
            raise self._explained(row, error) from error

    def find_init(self, row: FileRow, number: int = 0) -> memoryview | None:
        """The INIT record of that number; None if there is none. A recording holds one run, and begins with its INIT.

        In the place of one that is damaged stands that of a recording beside it with the same kind of picture: nearly
        all of a camera begin alike, and one bit must not cost the pictures of minutes. Raises as ``find_records``.
        """
        try:
            found = self._read_init(row) if number == 0 else None
        except RecordingError as error:
            failure = self._explained(row, error)
            found = self._borrow_init(row) if failure.code == DAMAGED else None
            if found is None:
                raise failure from error
        return found

    def _read_init(self, row: FileRow) -> memoryview | None:
        """Raises RecordingError."""
        file = self.open(row)
        entry = file.first_record()
        if entry is None and row.codec:  # what had pictures had one
            raise damaged(file.path, 0)
        return file.read(entry) if entry is not None and entry.type is RecordType.INIT else None

    def _borrow_init(self, row: FileRow) -> memoryview | None:
        end_ms = span_of(row)[1]
        beside = [self.row_before(row.camera_id, row.start_ms), *self.rows(row.camera_id, end_ms, end_ms + BESIDE_MS)]
        for one in beside:
            if one is not None and one.id != row.id and _picture_of(one) == _picture_of(row) and row.codec:
                with suppress(RecordingError):
                    found = self._read_init(one)
                    if found is not None:
                        self.tell_damage(row, row.start_ms, row.start_ms)
                        return found
        return None

    def recorded_until(self, row: FileRow) -> int:
        """UTC ms at which the pictures of a file end that is still being written. Raises as ``find_records``."""
        try:
            end: IndexEntry = self.open(row).index().end
        except RecordingError as error:
            raise self._explained(row, error) from error
        return max(row.start_ms, end.utc_ns // 1_000_000)

    def read_still(self, file_id: int, camera_id: str) -> tuple[FileRow, bytes] | None:
        """A sealed still's row and its JPEG; None for another camera's. Raises as ``find_records``."""
        row = file_rows.get_file(self._store, file_id)
        if row is None or (row.content, row.camera_id) != ("still", camera_id) or row.state == "missing":
            return None
        try:
            opened = self._with_keys(lambda ring: VgeReader.open(self._data_dir / row.path, ring, self._claim(row)))
            with opened as reader:
                return row, b"".join(reader.read_range(0, reader.plaintext_bytes))
        except RecordingError as error:
            raise self._explained(row, error) from error

    def leaves(self, row: FileRow, on_record: OnRecord) -> FileLeaves:
        """What the whole file of ``row`` proves of its records (``vge.leaves``). Raises as ``find_records``."""
        try:
            path, claim = self._data_dir / row.path, self._claim(row)
            return self._with_keys(lambda ring: read_leaves(path, ring, on_record, claim))
        except RecordingError as error:
            raise self._explained(row, error) from error

    def closings(self, camera_id: str, first: int, last: int) -> Iterator[tuple[int, Closing]]:
        """Numbers and ends of the camera's recordings with the numbers ``first`` to ``last``, as far as they are there
        and can be opened."""
        for row in file_rows.find_numbered(self._store, camera_id, "video", first, last):
            path = self._data_dir / row.path
            with suppress(RecordingError):
                yield row.number, self._with_keys(partial(read_closing, path))

    def _explained(self, row: FileRow, error: RecordingError) -> RecordingError:
        """``error`` as people should read it; a file that is gone is forgotten. What speaks of the file is told."""
        if isinstance(error, ReplacedError):
            self._tell(row, "replaced", f"{error}.", span_of(row))
        elif error.code == "vge.not-a-recording":
            error = ReplacedError("Something that is no recording lies in the place of this one")
            self._tell(row, "replaced", f"{error}.", span_of(row))
        elif error.code in HEADER_CODES:
            self._tell(row, "damaged", f"{error}.", span_of(row))
        if error.kind is not ErrorKind.PERMANENT or error.exit_code is not ExitCode.NOT_FOUND:
            return error
        self._forget(row.id)
        self._tell(row, "missing", "It is not in its place any more.", span_of(row))
        return FootageGone()

    def _tell_cut(self, row: FileRow) -> None:
        """The CLOSE of which the row knows is not at its end: what became of it shows in the length."""
        with suppress(OSError):
            more = (self._data_dir / row.path).stat().st_size - row.size_bytes
            if more < 0:
                self._tell(row, "shorter-than-anchored", "Its end was cut off after it had been closed.", span_of(row))
            else:
                words = f"{more} bytes were added behind its end." if more else "Its closing record is damaged."
                self._tell(row, "damaged", words, span_of(row))

    def _claim(self, row: FileRow) -> Claim:
        uuid = self._uuids.get(row.camera_id)
        if uuid is None:
            camera = camera_rows.get_camera(self._store, row.camera_id)
            uuid = self._uuids[row.camera_id] = camera.uuid if camera is not None else bytes(16)
        return Claim(uuid, CONTENT_OF[row.content], row.number, row.link)

    def _forget(self, file_id: int) -> None:
        with self._lock:
            self._known_now -= self._known.pop(file_id, (None, 0))[1]

    def _forget_gone(self) -> None:
        """Forget recordings that were deleted since, keys and all; looked for each time twice as many are known."""
        with self._lock:
            if len(self._known) < self._most_known:
                return
            known = [(file_id, file) for file_id, (file, _) in self._known.items()]
            self._most_known = 2 * len(known)  # others need not look meanwhile
        for file_id, file in known:
            try:
                file.is_same()
            except RecordingError:
                self._forget(file_id)
        with self._lock:
            self._most_known = max(FEWEST_KNOWN, 2 * len(self._known))

    def _keep(self, file_id: int, file: SealedFile) -> SealedFile:
        """Put ``file`` behind all others, and forget the foremost while they are too much. Under the lock."""
        known, size = self._known.pop(file_id, (file, 0))
        self._known_now += known.size_bytes - size  # that of a file that is being written grows
        self._known[file_id] = (known, known.size_bytes)
        while self._known_now > self._known_bytes and len(self._known) > 1:
            self._known_now -= self._known.popitem(last=False)[1][1]
        return known

    def _with_keys(self, open_file: Callable[[KeyRing], Opened]) -> Opened:
        """A file opened with the keys as they were loaded; they are loaded anew for one that they do not open, because
        the house may have begun another epoch."""
        ring = self._ring
        if ring is not None:
            try:
                return open_file(ring)
            except RecordingError as error:
                if error.code not in LOCKED_CODES:
                    raise
        self._ring = self._load_ring()
        return open_file(self._ring)


def _picture_of(row: FileRow) -> tuple[object, ...]:
    return row.codec, row.width, row.height, row.has_audio


def _last_ms(event: StoredEvent, now_ms: int) -> int:
    """UTC ms of its end; a motion without one goes on."""
    if event.end_ms is None and event.type == "motion":
        return now_ms
    return event.end_ms or event.ts_ms
