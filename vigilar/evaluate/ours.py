"""The product's own way with a clip: its analysis, and what its recorder would have kept.

The same classes as in a camera process, fed on one thread without waiting: only the clock is a simulated one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from vigilar.base.clock import SimulatedClock
from vigilar.detect.analyser import Analyser
from vigilar.detect.motion import MotionSettings
from vigilar.detect.pictures import MotionEnded, MotionStarted
from vigilar.evaluate.clip import BASE_NS, Clip, seconds_of
from vigilar.media.decode import Decoder
from vigilar.media.packets import Packet, RunStart, StreamRole
from vigilar.record.choice import Choice, Chooser, RecordingMode
from vigilar.record.ring import PacketRing

BEFORE_S, AFTER_S = 5.0, 10.0
"""The defaults of ``[recording]``."""


@dataclass(frozen=True, slots=True)
class Motion:
    """One motion that was told, in seconds since the first picture: its first and last moving picture, and the picture
    at which it was known."""

    start_s: float
    end_s: float
    known_s: float


@dataclass(slots=True)
class Found:
    """What one way of looking found in a clip and what that cost. ``kept``: the spans that were recorded without a
    hole, None where nothing was to be recorded."""

    motions: list[Motion] = field(default_factory=list)
    kept: list[tuple[float, float]] | None = None
    cpu_s: float = 0.0
    packets: int = 0
    decoded: int = 0
    looks: int = 0


def watch(clip: Clip, rounds: int, role: StreamRole, sensitivity: float) -> Found:
    """What the analysis of a camera finds that sends ``clip``, and what a recorder of motion alone keeps of it."""
    return _Watch(clip, role, sensitivity).run(clip.rounds(rounds))


class _Watch:
    """One camera's analysis and recorder over one clip."""

    def __init__(self, clip: Clip, role: StreamRole, sensitivity: float) -> None:
        self._found = Found(kept=[])
        self._now_s = 0.0
        self._started: tuple[float, float] | None = None
        self._ring = PacketRing(BEFORE_S)
        self._reader = self._ring.reader()
        self._chooser = Chooser(RecordingMode.MOTION, BEFORE_S, AFTER_S)
        self._analyser = Analyser(MotionSettings(sensitivity), Decoder, self._start, self._end, SimulatedClock())
        run = RunStart(role, 1, (clip.info,), BASE_NS, BASE_NS)
        self._ring.add(run)
        self._analyser.start_run(run)

    def run(self, packets: Iterable[Packet]) -> Found:
        found = self._found
        for packet in packets:
            self._now_s = seconds_of(packet.mono_ns)
            found.packets += 1
            self._ring.add(packet)
            before_s = time.thread_time()
            self._analyser.feed(packet)
            found.cpu_s += time.thread_time() - before_s
            self._record(packet.mono_ns)
        self._analyser.end()
        self._record(packet.mono_ns + (1 << 62))
        counters = self._analyser.counters
        found.decoded, found.looks = counters.decoded, counters.looks
        return found

    def _start(self, motion: MotionStarted) -> None:
        self._started = seconds_of(motion.mono_ns), self._now_s
        self._chooser.motion_started(motion.mono_ns)

    def _end(self, motion: MotionEnded) -> None:
        if self._started is not None:
            start_s, known_s = self._started
            self._found.motions.append(Motion(start_s, seconds_of(motion.last_mono_ns), known_s))
        self._started = None
        self._chooser.motion_ended(motion.last_mono_ns)

    def _record(self, now_mono_ns: int) -> None:
        """Decide group by group, as the recorder does."""
        while (gop := self._reader.look()) is not None and gop.unread:
            choice = self._chooser.choose(gop, now_mono_ns) if gop.is_at_start else Choice.WRITE
            if choice is Choice.WAIT:
                return
            if choice is Choice.WRITE:
                taken = self._reader.take()
                self._keep(seconds_of(taken[0].mono_ns), seconds_of(gop.end_mono_ns))
            elif gop.is_whole:
                self._reader.skip()
            else:
                return

    def _keep(self, from_s: float, to_s: float) -> None:
        kept = self._found.kept
        if kept is None:
            return
        if kept and from_s - kept[-1][1] < 0.001:
            kept[-1] = kept[-1][0], max(to_s, kept[-1][1])
        else:
            kept.append((from_s, to_s))
