"""One recording from its first keyframe to its end: packets in, fragments into one `.vge` file. One thread.

The file is made when the first fragment is whole, because only then the init segment is known; up to that moment all
is in memory, so a file that cannot be made yet costs nothing but time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from vigilar.base.clock import Clock
from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.media.packets import Fragment, Packet, RunStart, StreamInfo
from vigilar.record.file_store import FileInfo, FileStore
from vigilar.record.writing import OpenFile
from vigilar.vge.bodies import Mark
from vigilar.vge.format import CloseReason


class Muxer(Protocol):
    """Packets of one run into fragments; ``media.fmp4.FragmentMuxer`` is one."""

    @property
    def init_segment(self) -> bytes | None: ...
    @property
    def codecs(self) -> str: ...
    def mux(self, packet: Packet) -> list[Fragment]: ...
    def flush(self) -> list[Fragment]: ...


MakeMuxer = Callable[[Sequence[StreamInfo]], Muxer]


class Segment:
    """A recording. ``add`` and ``write`` may raise; what then holds is said there. ``end`` never raises for the disk.

    ``marks`` go in front of the first picture; with any, that picture is flagged as coming after a discontinuity.
    """

    def __init__(
        self,
        file_store: FileStore,
        clock: Clock,
        make_muxer: MakeMuxer,
        run: RunStart,
        first: Packet,
        marks: list[Mark],
    ) -> None:
        self.run = run
        self.first = first
        self.end_utc_ns = first.utc_ns
        self.fragments_written = 0
        self._end_mono_ns = first.mono_ns
        self._file_store = file_store
        self._clock = clock
        self._muxer = make_muxer(run.streams)
        self._marks = marks
        self._is_after_gap = bool(marks)
        self._pending: deque[Fragment] = deque()
        self._file: OpenFile | None = None
        self._oldest_unsynced_mono_ns: int | None = None
        self._is_ended = False

    @property
    def is_ended(self) -> bool:
        """Whether the file is closed or given up: nothing more can be added."""
        return self._is_ended

    @property
    def name(self) -> str:
        """The file's path in the data folder, empty while there is none."""
        return self._file.name if self._file else ""

    @property
    def size_bytes(self) -> int:
        return self._file.writer.size_bytes if self._file else 0

    @property
    def oldest_unsynced_mono_ns(self) -> int | None:
        """When the first byte that is not durable yet was written."""
        return self._oldest_unsynced_mono_ns

    def add(self, packets: Sequence[Packet]) -> None:
        """Mux packets and write what became whole. Errors: those of ``write``, and RecordingError of the muxer."""
        for packet in packets:
            self._pending.extend(self._muxer.mux(packet))
        self.write()

    def mark(self, mark: Mark) -> None:
        """Note something about the recording at this point of it. Errors as ``write``."""
        self._marks.append(mark)
        if self._file:
            self.write()

    def note_seen(self, seen: bytes) -> None:
        """Put what was seen into the file, behind what is written of it; nothing where there is none. Errors as
        ``write``."""
        if self._file is None or self._is_ended:
            return
        try:
            self._file.writer.append_meta(seen, utc_ns=self.end_utc_ns, mono_ns=self._end_mono_ns)
        except RecordingError as error:
            self._end_by(self._file, error)
            raise

    def write(self) -> None:
        """Write the fragments that are whole; the file is made with the first.

        Raises RecordingError, or StoreError when too many rows wait for the database. If the file could not be made,
        nothing is lost and ``write`` is to be called again. If a record could not be written, the segment has ended:
        full with a CLOSE, else damaged.
        """
        if not self._pending and not (self._file and self._marks):
            return
        if self._file is None:
            self._file = self._begin()
        try:
            self._append_all(self._file)
        except RecordingError as error:
            self._end_by(self._file, error)
            raise

    def _end_by(self, file: OpenFile, error: RecordingError) -> None:
        """A record could not be written: the segment has ended, full with a CLOSE, else damaged."""
        self._is_ended = True
        if error.kind is ErrorKind.FULL:
            file.close(CloseReason.DISK_FULL, "disk full", utc_ns=self.end_utc_ns, mono_ns=self._end_mono_ns)
        else:
            file.give_up(str(error), utc_ns=self.end_utc_ns)

    def sync(self) -> None:
        """Make durable what was written. Raises RecordingError: then the segment has ended as damaged."""
        if self._file is None or self._is_ended or self._oldest_unsynced_mono_ns is None:
            return
        try:
            self._file.writer.sync()
        except RecordingError as error:
            self._is_ended = True
            self._file.give_up(str(error), utc_ns=self.end_utc_ns)
            raise
        self._oldest_unsynced_mono_ns = None

    def checkpoint(self) -> None:
        """Sync; the database will be told how far. Raises as ``sync``."""
        self.sync()
        if self._file is not None:
            self._file.checkpoint(self.end_utc_ns)

    def end(self, reason: CloseReason, why: str) -> None:
        """Write all that is left and close the file. Raises RecordingError if something of it could not be written,
        or StoreError if there never was a file; the segment is over in any case."""
        if self._is_ended:
            return
        try:
            self._pending.extend(self._muxer.flush())
            self.write()
        finally:
            self._is_ended = True
            if self._file:
                self._file.close(reason, why, utc_ns=self.end_utc_ns, mono_ns=self._end_mono_ns)

    def give_up(self, why: str) -> None:
        """End without writing anything more: something in here did not work."""
        self._is_ended = True
        if self._file:
            self._file.close(CloseReason.IO_ERROR, why, utc_ns=self.end_utc_ns, mono_ns=self._end_mono_ns)

    def _begin(self) -> OpenFile:
        video = self.run.video
        return self._file_store.begin(
            "video",
            FileInfo(
                start_utc_ns=self.first.utc_ns,
                start_mono_ns=self.first.mono_ns,
                timescale=video.time_base.denominator,
                codec=self._muxer.codecs,
                width=video.width,
                height=video.height,
                has_audio=self.run.audio is not None,
            ),
        )

    def _append_all(self, file: OpenFile) -> None:
        writer = file.writer
        if self._oldest_unsynced_mono_ns is None:
            self._oldest_unsynced_mono_ns = self._clock.mono_ns()
        if not self.fragments_written and writer.plaintext_bytes == 0:
            init = self._muxer.init_segment
            if init is None:
                raise RecordingError("A fragment came before its init segment", kind=ErrorKind.BUG)
            writer.append_init(init, utc_ns=self.first.utc_ns, mono_ns=self.first.mono_ns)
        for mark in self._marks:
            writer.append_mark(mark, utc_ns=self._clock.utc_ns(), mono_ns=self._clock.mono_ns())
        self._marks.clear()
        while self._pending:
            fragment = self._pending[0]
            writer.append_media(
                fragment.pieces,
                utc_ns=fragment.utc_ns,
                mono_ns=fragment.mono_ns,
                duration_ms=fragment.duration_ms,
                starts_with_keyframe=fragment.starts_with_keyframe,
                discontinuity=self._is_after_gap and self.fragments_written == 0,
            )
            self._pending.popleft()
            self.fragments_written += 1
            end_mono_ns = fragment.mono_ns + fragment.duration_ms * 1_000_000
            if end_mono_ns > self._end_mono_ns:  # one with nothing but a little sound may end before its picture does
                self._end_mono_ns = end_mono_ns
                self.end_utc_ns = fragment.utc_ns + fragment.duration_ms * 1_000_000
