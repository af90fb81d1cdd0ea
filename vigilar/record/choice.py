"""Which groups of pictures are written: the recording modes, pre-roll and post-roll. No I/O."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum, auto

from vigilar.record.ring import GopView

DETECTION_DELAY_NS = 12_000_000_000
"""How late motion may be reported after its first moving frame and still get its whole pre-roll. Who comes in slowly
is dated back up to 10 s (``detect.hysteresis.BEGIN_MAX_S``); the rest is for confirming and for a busy moment. Costs
memory in the modes that wait: 6 MB more at 4 Mb/s. A group longer than that counts instead, because an analysis of
keyframes alone learns of motion one group late."""


class RecordingMode(Enum):
    """``ALWAYS``: everything. ``MOTION``: motion with pre-roll and post-roll, nothing else. ``KEYFRAMES_WHEN_IDLE``:
    motion as before, and the keyframes of the time between."""

    ALWAYS = "always"
    MOTION = "motion"
    KEYFRAMES_WHEN_IDLE = "keyframes-when-idle"


def looked_back_s(mode: RecordingMode, before_s: float) -> float:
    """How much the ring must keep of what the recorder has passed: where all is written, nobody asks for it."""
    return 0.0 if mode is RecordingMode.ALWAYS else before_s


class Choice(Enum):
    """What to do with a group of pictures. ``WAIT``: motion may still be reported that wants it."""

    WRITE = auto()
    KEYFRAME = auto()
    SKIP = auto()
    WAIT = auto()


@dataclass(slots=True)
class _Span:
    """One motion in ``mono_ns``; ``end`` is None while it goes on."""

    start: int
    end: int | None = None


class Chooser:
    """Decides group by group, in order. ``motion_started`` and ``motion_ended`` may be called from any thread.

    A group is wanted if any of it lies between ``before_s`` before a motion and ``after_s`` after it. So the first
    packet written is a keyframe at least ``before_s`` before the first moving frame, and post-roll ends with a group.
    Groups that no motion wants yet wait until none can want them any more: in the modes other than ALWAYS what is idle
    is decided when the next motion begins, at the latest ``before_s`` and the detection's delay later.
    """

    def __init__(self, mode: RecordingMode, before_s: float, after_s: float) -> None:
        self.use(mode, before_s, after_s)
        self._lock = threading.Lock()
        self._spans: list[_Span] = []
        self._asked: list[tuple[int, int]] = []

    def use(self, mode: RecordingMode, before_s: float, after_s: float) -> None:
        """Decide by these from the next group on. On the thread that calls ``choose``."""
        self._mode, self._before_ns, self._after_ns = mode, int(before_s * 1e9), int(after_s * 1e9)

    @property
    def is_moving(self) -> bool:
        with self._lock:
            return any(span.end is None for span in self._spans)

    def motion_started(self, mono_ns: int) -> None:
        """A motion began; ``mono_ns`` is the time of its first moving frame."""
        with self._lock:
            self._spans.append(_Span(mono_ns))

    def motion_ended(self, last_mono_ns: int) -> None:
        """The motion that goes on is over; ``last_mono_ns`` is the time of its last moving frame."""
        with self._lock:
            for span in self._spans:
                if span.end is None:
                    span.end = max(span.start, last_mono_ns)

    def want(self, start_mono_ns: int, end_mono_ns: int) -> None:
        """Somebody asked for this span, whatever moves in it. It has no pre-roll, and is no motion that others come in
        order with: one that began before it may still be told."""
        with self._lock:
            self._asked.append((start_mono_ns, end_mono_ns))

    def choose(self, gop: GopView, now_mono_ns: int) -> Choice:
        """What to do with ``gop``; ``now_mono_ns`` is the same clock as the packets'."""
        start, end = gop.start.mono_ns, gop.end_mono_ns
        self._forget_over(start)
        if self._mode is RecordingMode.ALWAYS:
            return Choice.WRITE
        if self._is_wanted(end):
            return Choice.WRITE
        if gop.is_whole and self._is_before_motion(end):
            return self.idle_choice()
        delay_ns = self._before_ns + max(DETECTION_DELAY_NS, end - start)
        if not gop.is_whole or now_mono_ns - end < delay_ns:
            return Choice.WAIT
        return self.idle_choice()

    def idle_choice(self) -> Choice:
        """What becomes of a whole group that no motion wants."""
        return Choice.KEYFRAME if self._mode is RecordingMode.KEYFRAMES_WHEN_IDLE else Choice.SKIP

    def _forget_over(self, start: int) -> None:
        """Groups come in order, so a motion whose post-roll ended before this one wants nothing any more."""
        with self._lock:
            self._spans = [span for span in self._spans if span.end is None or span.end + self._after_ns >= start]
            self._asked = [(asked, until) for asked, until in self._asked if until > start]

    def _is_before_motion(self, end: int) -> bool:
        """Whether a motion is known whose pre-roll begins behind the group. Motions are told in order: none that is yet
        to be told begins before it, so who waited on would only hold up that motion's own groups."""
        with self._lock:
            return any(span.start - self._before_ns >= end for span in self._spans)

    def _is_wanted(self, end: int) -> bool:
        with self._lock:
            if any(asked < end for asked, _ in self._asked):
                return True
            return any(span.start - self._before_ns < end for span in self._spans)
