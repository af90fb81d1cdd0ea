"""Writes the sealed file of a film while it is made: nothing of it is ever plain on the disk, and a few pictures at a
time are in memory.

Invariant: a file without its CLOSE is no film (``sealed_film``). A worker that is killed leaves such a one, which the
next try of its job replaces, and ``tidy`` takes away when there is none.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from vigilar.base.atomic import fsync_folder, make_private_folder
from vigilar.base.clock import Clock, boot_id
from vigilar.base.disk import disk_errors
from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.media.film import Canvas, FilmEncoder
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.media.movie import MovieTrack, movie_head, movie_tracks
from vigilar.media.packets import Packet
from vigilar.media.samples import read_fragment
from vigilar.playback.reel.sealed_film import dump_facts
from vigilar.vge.format import CloseReason, Content
from vigilar.vge.keys import KeyRing
from vigilar.vge.writer import FileSpec, VgeWriter

FRAGMENT_MS = 2000
SYNC_BYTES = 2 << 20
"""Made durable so often, so that what the disk owes at the end is little and recording never waits behind it."""

ROOM_BYTES = 256 << 20
"""Free space that a film leaves: recording needs it more, and what deletes old recordings works far above it."""


def disk_full() -> RecordingError:
    return RecordingError(
        "The disk is full, so the film could not be stored.",
        kind=ErrorKind.FULL,
        code="reel.full",
        next_step="Delete a film, or let recordings go earlier.",
    )


class FilmWriter:
    """One film. A context manager: what is not finished is taken away."""

    def __init__(self, path: Path, job_id: int, size: tuple[int, int], ring: KeyRing, clock: Clock) -> None:
        """``size``: width and height, even. One that an earlier worker left is replaced. Raises VigilarError."""
        with disk_errors("keep films in", path.parent):
            make_private_folder(path.parent)
            path.unlink(missing_ok=True)
            fsync_folder(path.parent)
        self._path, self._clock = path, clock
        self._start_ns, self._mono_ns = clock.utc_ns(), clock.mono_ns()
        self._encoder = FilmEncoder(*size, self._start_ns)
        self._muxer: FragmentMuxer | None = None
        self._track: MovieTrack | None = None
        self._prefixes: list[int] = []
        self._media_bytes = self._unsynced = 0
        self._check_room()
        spec = FileSpec(
            camera_uuid=bytes(16),
            file_number=job_id,
            content=Content.FMP4,
            start_utc_ns=self._start_ns,
            start_mono_ns=self._mono_ns,
            boot_id=boot_id(),
            previous_link=bytes(32),
            timescale=1000,
        )
        self._file = VgeWriter.create(path, spec, ring)
        self._is_finished = False

    def add(self, canvas: Canvas) -> None:
        """The next picture. Raises RecordingError: of kind full with a sentence of its own."""
        self._mux(self._encoder.encode(canvas))

    def finish(self, poster: bytes) -> int:
        """End the film, durable; its bytes on the disk. At least one picture was added. Raises as ``add``."""
        self._mux(self._encoder.finish())
        if self._muxer is None or self._track is None:
            raise RecordingError("The film has no picture.", kind=ErrorKind.BUG)
        for one in self._muxer.flush():
            self._store(one.data, one.duration_ms, is_key=one.starts_with_keyframe)
        self._track.shown_to = self._track.end
        head = movie_head([self._track], self._media_bytes, self._start_ns // 1_000_000_000)
        try:
            for data in (dump_facts(self._prefixes), head, poster):
                self._file.append_meta(data, utc_ns=self._now_ns(), mono_ns=self._now_mono_ns())
            closed = self._file.close(CloseReason.STOP, utc_ns=self._now_ns(), mono_ns=self._now_mono_ns())
        except RecordingError as error:
            raise _explained(error) from error
        self._is_finished = True
        return closed.size_bytes

    def _mux(self, packets: list[Packet]) -> None:
        for packet in packets:
            if self._muxer is None:
                self._begin()
            assert self._muxer is not None  # noqa: S101 -- just made
            for one in self._muxer.mux(packet):
                self._store(one.data, one.duration_ms, is_key=one.starts_with_keyframe)

    def _begin(self) -> None:
        info = self._encoder.info
        assert info is not None  # noqa: S101 -- known with the first packet
        self._muxer = FragmentMuxer((info,), fragment_ms=FRAGMENT_MS)
        init = self._muxer.init_segment
        (self._track,) = movie_tracks(init).values()
        try:
            self._file.append_init(init, utc_ns=self._start_ns, mono_ns=self._mono_ns)
        except RecordingError as error:
            raise _explained(error) from error

    def _store(self, data: bytes, duration_ms: int, *, is_key: bool) -> None:
        assert self._track is not None  # noqa: S101 -- made with the muxer
        content = read_fragment(data)
        (part,) = content.tracks
        self._track.begin_chunk(self._media_bytes + part.at - content.body)
        self._track.extend(part, 0)
        self._prefixes.append(content.body)
        self._media_bytes += len(data) - content.body
        self._unsynced += len(data)
        try:
            self._file.append_media(
                data,
                utc_ns=self._now_ns(),
                mono_ns=self._now_mono_ns(),
                duration_ms=duration_ms,
                starts_with_keyframe=is_key,
            )
            if self._unsynced >= SYNC_BYTES:
                self._file.sync()
                self._unsynced = 0
                self._check_room()
        except RecordingError as error:
            raise _explained(error) from error

    def _check_room(self) -> None:
        """Raises RecordingError when there is too little space."""
        try:
            status = os.statvfs(self._path.parent)
        except OSError:
            return  # writing will tell
        whole = status.f_blocks * status.f_frsize
        if status.f_bavail * status.f_frsize < min(ROOM_BYTES, whole // 20):
            raise disk_full()

    def _now_ns(self) -> int:
        return self._clock.utc_ns()

    def _now_mono_ns(self) -> int:
        return self._clock.mono_ns()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.abandon()
        if not self._is_finished:
            with suppress(OSError):  # the first error is the one worth telling; ``tidy`` looks again
                self._path.unlink(missing_ok=True)


def _explained(error: RecordingError) -> RecordingError:
    return disk_full() if error.kind is ErrorKind.FULL else error
