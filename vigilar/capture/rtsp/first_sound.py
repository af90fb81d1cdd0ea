"""Where the first sound belongs, of cameras that gather it: seconds of it come at once, and it is the last of them that
was just taken."""

from __future__ import annotations

import time
from collections.abc import Callable

from vigilar.capture.rtsp.rtp import HEADER, HEADER_BYTES, signed_distance
from vigilar.capture.rtsp.timeline import Timeline
from vigilar.capture.rtsp.wire import Take

HOLD_S = 0.1
"""So long the first sound is held at most, to see how much comes with it. Longer than what comes at once needs."""

MOST_S = 10.0
"""Sound of a longer time than this is not gathered by any camera: its stamps are wrong."""


class FirstSound:
    """Holds the first packets of the sound until the next picture, for HOLD_S at most, and tells the timeline when they
    would have come if none had waited: of all packets the one that came soonest after its stamp tells. One thread."""

    def __init__(self, take: Take, timeline: Timeline, clock: int, now: Callable[[], float] = time.monotonic) -> None:
        """``clock`` is of the stamps, ticks a second."""
        self._take, self._timeline, self._clock, self._now = take, timeline, max(1, clock), now
        self._held: list[tuple[float, bytearray]] = []
        self._stamp = 0
        self._began_s = self._soonest_s = 0.0
        self._is_over = False

    def add(self, data: bytearray, begin: int, end: int) -> None:
        """One packet; one from before the first picture has no place in any case."""
        if self._is_over or not self._timeline.has_begun or end - begin < HEADER_BYTES:
            self._take(data, begin, end)
            return
        now_s, stamp = self._now(), HEADER.unpack_from(data, begin)[3]
        if not self._held:
            self._stamp, self._began_s, self._soonest_s = stamp, now_s, now_s
            self._timeline.before_picture = self.give
        passed_s = signed_distance(stamp, self._stamp) / self._clock
        passed_s = passed_s if 0 < passed_s <= MOST_S else 0.0
        self._soonest_s = min(self._soonest_s, now_s - passed_s)
        self._held.append((passed_s, data[begin:end]))
        self.look()

    def look(self) -> None:
        """Pass on what was held for long enough. To be called now and then."""
        if self._held and self._now() - self._began_s >= HOLD_S:
            self.give()

    def give(self) -> None:
        """Pass on what is held, however short that was: a picture comes, or nothing more."""
        if not self._held:
            return
        held, self._held, self._is_over = self._held, [], True
        timeline = self._timeline
        timeline.before_picture = None
        for passed_s, packet in held:
            timeline.sound_came_s = self._soonest_s + passed_s
            self._take(packet, 0, len(packet))
        timeline.sound_came_s = None
