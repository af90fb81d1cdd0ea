"""Storyboards: small pictures of one camera every few seconds, by which people find a moment.

One `.vge` file an hour, a record a picture, sealed like footage. No evidence is lost with them, so they are synced with
their file's checkpoint and at its end only, nobody waits for them, and they stop before recording does on a full disk.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass

from vigilar.base.bell import Bell
from vigilar.base.clock import Clock
from vigilar.base.errors import ErrorKind, RecordingError, StoreError
from vigilar.base.stop import Stop
from vigilar.base.tally import Tally
from vigilar.record.file_store import FileInfo, FileStore
from vigilar.record.folders import day_of
from vigilar.record.free_space import LookForSpace, free_space_of
from vigilar.record.writing import OpenFile
from vigilar.vge.format import CloseReason

logger = logging.getLogger(__name__)

FILE_NS = 3_600_000_000_000
"""An hour: 360 pictures of 10 s, 1.5 MB; a reader finds any of them after reading the file's INDEX."""

CHECKPOINT_NS = 300_000_000_000
"""One sync in five minutes; a power cut costs at most so much of the storyboard, and none of the footage."""

MAX_WAITING = 8
"""Pictures that wait while the disk stands still, 4 kB each. When full the oldest is dropped and counted."""

IDLE_S = 60.0
"""``add`` and ``wake`` end the wait."""


@dataclass(frozen=True, slots=True)
class SmallPicture:
    """A JPEG of ``width`` by ``height`` pixels, with the times of its picture."""

    jpeg: bytes
    width: int
    height: int
    utc_ns: int
    mono_ns: int


class StoryboardWriter:
    """Seals the small pictures of one camera. ``run`` belongs to one thread; ``add`` and ``wake``: any, never wait."""

    def __init__(self, file_store: FileStore, clock: Clock, look_for_space: LookForSpace = free_space_of) -> None:
        self._file_store = file_store
        self._clock = clock
        self._look_for_space = look_for_space
        self._lock = threading.Lock()
        self._waiting: deque[SmallPicture] = deque()
        self._bell = Bell()
        self._errors = Tally(logger, "storyboard", every_s=60.0)
        self._file: OpenFile | None = None
        self._began: SmallPicture | None = None
        self._newest: SmallPicture | None = None
        self._synced_mono_ns = 0
        self.dropped = 0

    def add(self, picture: SmallPicture) -> None:
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(picture)
        self._bell.ring()

    def wake(self) -> None:
        """Make ``run`` look at its ``stop`` now."""
        self._bell.ring()

    def run(self, stop: Stop) -> None:
        """Write until ``stop``, then what is left, and end the file."""
        while not stop.is_set():
            self._bell.wait(IDLE_S)
            self.write_waiting()
        self.write_waiting()
        self._end(CloseReason.STOP, "stop")

    def write_waiting(self) -> None:
        """Write all that waits. A picture that cannot be written is dropped: the next one comes in some seconds."""
        while True:
            with self._lock:
                if not self._waiting:
                    return
                picture = self._waiting.popleft()
            try:
                self._write(picture)
            except (RecordingError, StoreError) as error:
                self.dropped += 1
                self._errors.add(error)
                self._let_go(error)

    def _write(self, picture: SmallPicture) -> None:
        if self._is_over(picture):
            self._end(CloseReason.ROLLOVER, "rollover")
        if not self._look_for_space(self._file_store.settings.data_dir).may_resume:
            self.dropped += 1  # what is left belongs to the recorder
            self._end(CloseReason.DISK_FULL, "disk full")
            return
        file = self._file
        if file is None:
            file = self._begin(picture)
        file.writer.append_media(
            picture.jpeg, utc_ns=picture.utc_ns, mono_ns=picture.mono_ns, duration_ms=0, starts_with_keyframe=True
        )
        self._newest = picture
        if picture.mono_ns - self._synced_mono_ns >= CHECKPOINT_NS:
            self._synced_mono_ns = picture.mono_ns
            file.checkpoint(picture.utc_ns)

    def _begin(self, picture: SmallPicture) -> OpenFile:
        info = FileInfo(
            start_utc_ns=picture.utc_ns,
            start_mono_ns=picture.mono_ns,
            timescale=1000,
            codec="jpeg",
            width=picture.width,
            height=picture.height,
        )
        self._file = self._file_store.begin("storyboard", info)
        self._began, self._synced_mono_ns = picture, picture.mono_ns
        return self._file

    def _is_over(self, picture: SmallPicture) -> bool:
        """Whether the picture belongs to the next file: an hour is full, or the UTC day, the size or the clock
        changed."""
        began, newest = self._began, self._newest
        if self._file is None or began is None:
            return False
        is_full = picture.mono_ns - began.mono_ns >= FILE_NS or day_of(picture.utc_ns) != day_of(began.utc_ns)
        is_other = (picture.width, picture.height) != (began.width, began.height)
        return is_full or is_other or (newest is not None and picture.utc_ns < newest.utc_ns)

    def _end(self, reason: CloseReason, why: str) -> None:
        file, last = self._file, self._newest or self._began
        self._file = self._began = self._newest = None
        if file is not None and last is not None:
            file.close(reason, why, utc_ns=last.utc_ns, mono_ns=last.mono_ns)

    def _let_go(self, error: RecordingError | StoreError) -> None:
        """After an error no further record goes into the same file."""
        if error.kind is ErrorKind.FULL:
            self._end(CloseReason.DISK_FULL, "disk full")
        elif self._file is not None:
            self._file.give_up(str(error), utc_ns=self._clock.utc_ns())
            self._file = self._began = self._newest = None
