"""The recorder: takes packets out of the ring, decides, and writes them into `.vge` files. One thread, which touches
files but never the database.

It looks when capture has handed on a batch (``wake``, five times a second) instead of waking for each packet: 8 cameras
at 70 packets a second would wake it 560 times a second, which costs more than all else it does. What a look finds is
written at once.

At most lost when the process is killed: what capture waits for (0.2 s), the fragment that is not whole (0.5 s), a
frame. At most lost in a power cut: that, and what was written since the last sync (1 s).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from vigilar.base.bell import Bell
from vigilar.base.clock import Clock
from vigilar.base.errors import ErrorKind, RecordingError, StoreError
from vigilar.base.not_recording import NotRecording
from vigilar.base.stop import Stop
from vigilar.base.tally import Tally
from vigilar.media.packets import Packet
from vigilar.record import gaps
from vigilar.record.choice import Choice, Chooser, RecordingMode
from vigilar.record.clockwatch import ClockWatch, is_other_clock, of_one_clock
from vigilar.record.file_store import FileStore
from vigilar.record.free_space import LookForSpace, free_space_of
from vigilar.record.gaps import GapLog, Report
from vigilar.record.ring import GopView, PacketRing
from vigilar.record.segment import MakeMuxer, Segment
from vigilar.record.trouble import reason_of
from vigilar.vge.bodies import Mark
from vigilar.vge.format import CloseReason

logger = logging.getLogger(__name__)

TICK_S = 0.25
"""It looks at the latest after this, for what is due by time."""
SYNC_AFTER_NS = 750_000_000
"""A sync begins at the first look at which the oldest unsynced byte is this old, so before it is 1 s old."""

CHECKPOINT_EVERY_NS = 10_000_000_000
RETRY_NS = 1_000_000_000
"""How soon a file that could not be made is tried again, and the disk is looked at for space."""

POOR_RETRY_NS = 30_000_000_000
"""The same after a file that ended without a picture: where a quota hides that no space is left, it must not leave a
file a second."""

SILENCE_NS = 30_000_000_000
"""Without a packet for this long the file is closed. Longer than capture keeps a picture back to see how long it lasts
(28 s), and longer than a camera of a picture each 12 s is silent here while one of them waits there."""

GROWS_NS = 3_000_000_000
"""A file that grew within this time is being recorded."""

TROUBLE_NS = 60_000_000_000
"""Where nothing is to be written, nothing shows that a disk is well again: trouble is told for so long after the last
error."""

BEGIN_NS = 5_000_000_000
"""So long may the first fragment of a file take; without one after that, something holds the recording up."""

DRAIN_NS = 1_000_000_000
"""At a stop what is still in the ring is written for this long at most; then the file is closed, whatever is left."""

CRASH_GAP_NS = 1_000_000_000
"""A process that did not end in order leaves a gap; up to this it is what a restart without a loss leaves."""

MAX_SEEN = 16
"""What was seen waits for the recorder's next look. When full the oldest is dropped: the rows have it as well."""

_FAR_FUTURE_NS = 1 << 62


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """What is recorded. ``segment_s`` is when a new file begins, at the next keyframe."""

    mode: RecordingMode = RecordingMode.ALWAYS
    before_s: float = 5.0
    after_s: float = 10.0
    segment_s: float = 300.0


@dataclass(slots=True)
class RecorderCounters:
    """What happened since the process started. Read by other threads as it is."""

    files: int = 0
    fragments: int = 0
    syncs: int = 0
    slowest_sync_ms: int = 0
    write_errors: int = 0
    bugs: int = 0


class Recorder:
    """Records one camera. ``run`` belongs to one thread; ``motion_started``, ``motion_ended`` and the properties may
    be used from any. ``report`` is called on the recorder's thread and must return at once."""

    def __init__(
        self,
        settings: RecorderSettings,
        ring: PacketRing,
        file_store: FileStore,
        clock: Clock,
        report: Report,
        make_muxer: MakeMuxer,
        look_for_space: LookForSpace = free_space_of,
    ) -> None:
        self._bell = Bell()
        self.counters = RecorderCounters()
        self.alive_mono_ns = clock.mono_ns()
        self._settings = self._wanted = settings
        self._segment_ns = int(settings.segment_s * 1e9)
        self._ring = ring
        self._reader = ring.reader()
        self._file_store = file_store
        self._clock = clock
        self._make_muxer = make_muxer
        self._look_for_space = look_for_space
        self._chooser = Chooser(settings.mode, settings.before_s, settings.after_s)
        self._gaps = GapLog(report)
        self._clock_watch = ClockWatch(clock, report)
        self._segment: Segment | None = None
        self._seen: deque[bytes] = deque(maxlen=MAX_SEEN)
        self._last_run: int | None = None
        self._last_end_utc_ns = 0
        self._has_looked_back = False
        self._retry_mono_ns = 0
        self._space_mono_ns = 0
        self._checkpoint_mono_ns = 0
        self._wants_checkpoint = False
        self._last_write_mono_ns = 0
        self._why_held = gaps.DISK_SLOW
        self._trouble: NotRecording | None = None
        self._trouble_mono_ns = 0
        self._wanted_mono_ns = clock.mono_ns()
        self._errors = Tally(logger, "recording", every_s=10.0)
        self.is_on_battery = False
        """An ordered end is then told as one for the battery's sake. Any thread."""

    @property
    def is_recording(self) -> bool:
        """Whether a file is open and grew within the last seconds."""
        return self._segment is not None and self._clock.mono_ns() - self._last_write_mono_ns < GROWS_NS

    @property
    def why_not_recording(self) -> NotRecording | None:
        """Why nothing is written that should be; None while all that should be recorded is, and in quiet times of a
        mode that records motion only. A full, read-only or failing disk is told whether anything is wanted or not."""
        now, segment, trouble = self._clock.mono_ns(), self._segment, self._trouble
        if self._gaps.is_full:
            return NotRecording.DISK_FULL
        is_growing = self.is_recording and segment is not None and segment.name != ""
        is_wanted = self._settings.mode is RecordingMode.ALWAYS or self._chooser.is_moving
        if trouble is not None and (is_wanted or self._gaps.is_open or now - self._trouble_mono_ns < TROUBLE_NS):
            return None if trouble is NotRecording.DATABASE and is_growing else trouble
        if self.is_recording or not is_wanted or now - self._reader.newest_mono_ns() > GROWS_NS:
            self._wanted_mono_ns = now
            return None
        return NotRecording.STARTING if now - self._wanted_mono_ns < BEGIN_NS else NotRecording.DISK_SLOW

    def counts(self) -> dict[str, Any]:
        """RecorderCounters for the health message."""
        counters = self.counters
        return {
            "files": counters.files,
            "fragments": counters.fragments,
            "slowest_sync_ms": counters.slowest_sync_ms,
            "write_errors": counters.write_errors,
            "recorder_bugs": counters.bugs,
            "gaps": self._gaps.gaps,
            "waiting_rows": self._file_store.rows.waiting,
            "lost_packets": self._ring.dropped_unread,
            "ring_bytes": self._ring.size_bytes,
        }

    def motion_started(self, mono_ns: int) -> None:
        """Motion began; ``mono_ns`` is the time of its first moving frame. Any thread."""
        self._chooser.motion_started(mono_ns)
        self._wants_checkpoint = True

    def motion_ended(self, last_mono_ns: int) -> None:
        """The motion is over; ``last_mono_ns`` is the time of its last moving frame. Any thread."""
        self._chooser.motion_ended(last_mono_ns)
        self._wants_checkpoint = True

    def record_until(self, from_mono_ns: int, until_mono_ns: int) -> None:
        """Record this span as if something moved in it. Any thread."""
        self._chooser.want(from_mono_ns, until_mono_ns)

    def note_seen(self, seen: bytes) -> None:
        """Put what was seen into the recording, sealed, as META; where none is open it is left out. Any thread."""
        self._seen.append(seen)
        self.wake()

    def use(self, settings: RecorderSettings) -> None:
        """Record by these from the next look on; an open file goes on. Any thread."""
        self._wanted = settings
        self.wake()

    def wake(self) -> None:
        """There is something to look at. Any thread."""
        self._bell.ring()

    def run(self, stop: Stop) -> None:
        """Record until ``stop``, then write what is there and close the file. Only bugs are caught here."""
        while not stop.is_set():
            self._bell.wait(TICK_S)
            try:
                self.run_once()
            except Exception:
                self._survive_bug()
        try:
            self.finish()
        except Exception:
            self._survive_bug()

    def run_once(self) -> None:
        """One look: write what is due, sync what is due. Errors of disk and stream are dealt with."""
        now = self.alive_mono_ns = self._clock.mono_ns()
        self._take_settings()
        step = self._clock_watch.look()
        if step is not None and self._segment:
            self._guarded(self._segment.mark, step)
        self._gaps.look(self._clock.utc_ns())
        if self._is_held(now):
            self._take_loss(is_held=True)
            return
        self._take_loss()
        while not self._is_held(now) and self._record_next(now):
            self.alive_mono_ns = self._clock.mono_ns()
            self._sync_if_due()
        self._write_seen()
        self._sync_if_due()
        self._checkpoint_if_due()
        if self._segment and now - max(self._reader.newest_mono_ns(), self._segment.first.mono_ns) > SILENCE_NS:
            self._end_segment(CloseReason.ROLLOVER, "the camera sends nothing")

    def finish(self) -> None:
        """Write what is left, close the file, and note that this was an ordered end."""
        self._take_loss()
        deadline = self._clock.mono_ns() + DRAIN_NS
        while self._clock.mono_ns() < deadline and self._retry_mono_ns == 0 and self._record_next(_FAR_FUTURE_NS):
            pass
        left = self._reader.look()
        self._write_seen()
        self._end_segment(*(CloseReason.UPS_SHUTDOWN, "battery") if self.is_on_battery else (CloseReason.STOP, "stop"))
        if left and left.unread and self._settings.mode is RecordingMode.ALWAYS:
            self._gaps.begin(self._last_end_utc_ns or left.start.utc_ns, self._why_held)
        self._gaps.end(self._clock.utc_ns())
        if self._has_looked_back:  # else a crash before this process is not told yet
            self._file_store.note_stop()

    # Reading and deciding

    def _take_settings(self) -> None:
        wanted = self._wanted
        if wanted is not self._settings:
            self._settings = wanted
            self._segment_ns = int(wanted.segment_s * 1e9)
            self._chooser.use(wanted.mode, wanted.before_s, wanted.after_s)

    def _record_next(self, now: int) -> bool:
        """Deal with what is new of the group at the reader's place; False when there is nothing to do with it yet."""
        gop = self._reader.look()
        if gop is None or gop.unread == 0:
            return False
        if not self._has_looked_back and not self._look_back(gop, now):
            return False
        is_begun = self._segment is not None and not gop.is_at_start  # then it is written whole
        choice = Choice.WRITE if is_begun else self._chooser.choose(gop, now)
        if choice is Choice.WAIT:
            if not self._ring.is_crowded:
                return False
            choice = Choice.WRITE  # a group that is too large to be kept until it is known whether it is wanted
        if choice is Choice.SKIP:
            self._end_segment(CloseReason.ROLLOVER, "no motion")
            self._reader.skip()
            return True
        self._record(gop, choice)
        return True

    def _look_back(self, first: GopView, now: int) -> bool:
        """Tell what is missing since the process before this one, if that did not end in order. False: not known yet.

        In the modes that leave out quiet times this is a gap only if the crash came into a recording, and it is over
        with the first picture, which those modes may not write.
        """
        try:
            last = self._file_store.find_crash()
        except RecordingError as error:
            self._note_error(error)
            self._why_held = gaps.reason_of(error)
            self._retry_mono_ns = now + RETRY_NS
            return False
        self._has_looked_back = True
        if last is None or first.start.utc_ns - last.end_utc_ns <= CRASH_GAP_NS:
            return True
        is_same_boot = last.boot_id == self._file_store.settings.boot_id
        why = gaps.NOT_RUNNING if is_same_boot else gaps.MACHINE_OFF
        if self._settings.mode is RecordingMode.ALWAYS:
            self._gaps.begin(last.end_utc_ns, why, self._clock.utc_ns())
        elif last.is_cut:
            self._gaps.begin(last.end_utc_ns, why, self._clock.utc_ns())
            self._gaps.end(first.start.utc_ns)
        return True

    def _record(self, gop: GopView, choice: Choice) -> None:
        if gop.is_at_start:
            self._begin_if_due(gop)
        packets = self._reader.take()
        if self._segment is None:  # the rest of a group whose beginning could not be written
            return
        if choice is Choice.KEYFRAME:
            packets = [_stretched(gop)]
        packets = [of_one_clock(packet, gop.start) for packet in packets]
        self._guarded(self._segment.add, packets)
        self._last_write_mono_ns = self._clock.mono_ns()

    def _begin_if_due(self, gop: GopView) -> None:
        segment = self._segment
        if segment and segment.run is not gop.run:
            self._end_segment(CloseReason.ROLLOVER, "new connection" if gop.run.is_new_connection else "new format")
        elif segment and is_other_clock(gop.start, segment.first):
            self._end_segment(CloseReason.ROLLOVER, "the clock was moved")
        elif segment and gop.start.mono_ns - segment.first.mono_ns >= self._segment_ns:
            self._end_segment(CloseReason.ROLLOVER, "rollover")
        if self._segment is None:
            self._begin(gop)

    def _begin(self, gop: GopView) -> None:
        marks: list[Mark] = []
        gap = self._gaps.mark(gop.start.utc_ns)
        if gap:
            marks.append(gap)
        if self._last_run is not None and self._last_run != gop.run.run and gop.run.is_new_connection:
            missing_ms = (gop.start.utc_ns - self._last_end_utc_ns) // 1_000_000
            marks.append(Mark("reconnect", {"run": gop.run.run, "missing_ms": missing_ms}))
        self._last_run = gop.run.run
        try:
            self._segment = Segment(self._file_store, self._clock, self._make_muxer, gop.run, gop.start, marks)
        except RecordingError as error:
            self._note_error(error)
            self._gaps.begin(gop.start.utc_ns, gaps.BAD_PICTURE)

    def _write_seen(self) -> None:
        while self._seen:
            seen = self._seen.popleft()
            if self._segment and self._segment.name:
                self._guarded(self._segment.note_seen, seen)

    # Trouble

    def _is_held(self, now: int) -> bool:
        """Whether there is nowhere to write to for now. Packets then wait in the ring."""
        if now < self._retry_mono_ns:
            return True
        if now >= self._space_mono_ns:
            self._space_mono_ns = now + RETRY_NS
            space = self._look_for_space(self._file_store.settings.data_dir)
            if space.is_full if not self._gaps.is_full else not space.may_resume:
                self._stop_for_space(now)
                return True
        if self._retry_mono_ns:
            self._retry_mono_ns = 0
            if self._segment:
                self._guarded(self._segment.write)
        return self._retry_mono_ns > now

    def _stop_for_space(self, now: int) -> None:
        self._retry_mono_ns = now + RETRY_NS
        self._gaps.disk_is_full(self._clock.utc_ns(), {"file": self._segment.name if self._segment else ""})
        if self._segment and self._segment.name:
            self._end_segment(CloseReason.DISK_FULL, "disk full")
            self._gaps.begin(self._last_end_utc_ns, gaps.DISK_FULL)

    def _take_loss(self, *, is_held: bool = False) -> None:
        """Packets were dropped unread: the run of pictures is broken, so the file ends here."""
        loss = self._reader.pop_loss()
        if loss is None:
            return
        segment = self._segment
        if self._settings.mode is not RecordingMode.ALWAYS and not segment and not self._chooser.is_moving:
            logger.warning("%d packets of a quiet time were dropped before they were looked at", loss.packets)
            return
        why = gaps.DISK_FULL if self._gaps.is_full else self._why_held
        self._errors.add(f"{loss.packets} packets were dropped: {why}")
        if segment and is_held and not segment.name:
            # Its beginning waits in memory for what holds us, and now nothing follows it: the gap begins with it.
            self._segment = None
            self._gaps.begin(segment.first.utc_ns, why)
        self._end_segment(CloseReason.ROLLOVER, "footage lost")
        self._gaps.begin(loss.from_utc_ns, why)

    def _guarded(self, step: Callable[..., None], *arguments: Any) -> None:
        """Do a step of the segment; deal with what it raises."""
        segment = self._segment
        if segment is None:
            return
        before = segment.fragments_written
        try:
            step(*arguments)
        except (RecordingError, StoreError) as error:
            self._on_error(segment, error)
        written = segment.fragments_written - before
        self.counters.fragments += written
        if written and before == 0:
            self.counters.files += 1
            self._gaps.end(segment.first.utc_ns)
            logger.info("recording %s", segment.name)
        if written and self._segment:
            self._why_held = gaps.DISK_SLOW
            self._trouble = None
            self._gaps.recording_works(self._clock.utc_ns())

    def _on_error(self, segment: Segment, error: RecordingError | StoreError) -> None:
        self._note_error(error)
        is_full = error.kind is ErrorKind.FULL
        if is_full:
            self._gaps.disk_is_full(self._clock.utc_ns(), {"file": segment.name, "reason": str(error)})
        why = gaps.reason_of(error)
        if not segment.is_ended and not segment.name:
            # The file could not be made: its beginning waits in memory, the rest in the ring.
            self._why_held = why
            self._retry_mono_ns = self._clock.mono_ns() + RETRY_NS
            return
        if not segment.is_ended:  # the muxer refused a packet
            segment.give_up(str(error))
            why = gaps.BAD_PICTURE
        self._segment = None
        self._last_end_utc_ns = segment.end_utc_ns
        self._gaps.begin(segment.end_utc_ns, why)
        if is_full or not segment.fragments_written:
            wait_ns = RETRY_NS if segment.fragments_written else POOR_RETRY_NS
            self._retry_mono_ns = self._clock.mono_ns() + wait_ns

    def _survive_bug(self) -> None:
        self.counters.bugs += 1
        logger.exception("unexpected error in the recorder, the file is ended")
        segment, self._segment = self._segment, None
        if segment:
            self._gaps.begin(segment.end_utc_ns, gaps.BUG)
            segment.give_up("unexpected error")
        self._trouble, self._trouble_mono_ns = NotRecording.BUG, self._clock.mono_ns()

    def _note_error(self, error: RecordingError | StoreError) -> None:
        self.counters.write_errors += 1
        self._errors.add(error)
        self._trouble, self._trouble_mono_ns = reason_of(error), self._clock.mono_ns()
        self._gaps.disk_refuses(self._trouble, self._clock.utc_ns(), {"reason": str(error)})

    # Ends, syncs, checkpoints

    def _end_segment(self, reason: CloseReason, why: str) -> None:
        segment, self._segment = self._segment, None
        if segment is None:
            return
        before = segment.fragments_written
        try:
            segment.end(reason, why)
        except (RecordingError, StoreError) as error:
            self._note_error(error)
            self._gaps.begin(segment.end_utc_ns, gaps.reason_of(error))
        self.counters.fragments += segment.fragments_written - before
        self._last_end_utc_ns = segment.end_utc_ns

    def _sync_if_due(self) -> None:
        segment, now = self._segment, self._clock.mono_ns()
        if segment is None or segment.oldest_unsynced_mono_ns is None:
            return
        if now - segment.oldest_unsynced_mono_ns < SYNC_AFTER_NS:
            return
        self._guarded(segment.sync)
        self.counters.syncs += 1
        took_ms = (self._clock.mono_ns() - now) // 1_000_000
        self.counters.slowest_sync_ms = max(self.counters.slowest_sync_ms, took_ms)

    def _checkpoint_if_due(self) -> None:
        segment, now = self._segment, self._clock.mono_ns()
        if segment is None or not segment.name:
            return
        if not self._wants_checkpoint and now < self._checkpoint_mono_ns:
            return
        self._wants_checkpoint = False
        self._checkpoint_mono_ns = now + CHECKPOINT_EVERY_NS
        self._guarded(segment.checkpoint)


def _stretched(gop: GopView) -> Packet:
    """The keyframe alone, lasting until the next one."""
    start = gop.start
    ticks = int((gop.end_mono_ns - start.mono_ns) / 1e9 / start.time_base)
    return replace(start, duration=max(start.duration, ticks))
