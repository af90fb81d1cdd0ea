"""The newest pictures of a stream, kept so that a viewer sees one at once, and handed on to who watches."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from vigilar.media.bitstream import LAYOUTS, begins_with_key
from vigilar.media.packets import AUDIO, VIDEO, Packet, RunStart

KEEP_S = 4.0
"""Whole groups of at least this long are kept: two segments, with which HLS starts without waiting."""

MAX_BYTES = 16 * 1024 * 1024
MAX_GOP_BYTES = 48 * 1024 * 1024
"""Of one group alone, which the recorder's ring holds as well: some cameras send a keyframe a minute. Of a longer one
the keyframe is kept, to be looked at, and a viewer waits for the next."""

VIEWER_PACKETS = 600
"""A viewer this far behind loses all up to the next keyframe; with what it began with it may be behind by that too."""


class Viewer:
    """A bounded queue of one who watches. One thread takes; the stream puts and never waits.

    ``patience_s``: a packet that has waited for so long means that the viewer is too slow, and all that waits goes up
    to the next keyframe; None: only the number of packets counts. ``dropped`` counts them, not what came before
    the first keyframe; it never falls.

    It gets pictures before their durations are known, by ``put_early``, and then not once more by ``put``.
    """

    def __init__(self, *, with_sound: bool = False, patience_s: float | None = None) -> None:
        self._queue: deque[tuple[RunStart | Packet, float]] = deque()
        self._with_sound = with_sound
        self._shown_early: tuple[int, int] | None = None
        self._patience_s = patience_s
        self._ready = threading.Condition()
        self._most = VIEWER_PACKETS
        self._wants_keyframe = False
        self._is_closed = False
        self._has_begun = False
        self.dropped = 0

    def begin(self, run: RunStart, packets: list[Packet]) -> None:
        """What the viewer begins with, however much it is: a long group of pictures is no fault of it. Without a
        picture it waits for a keyframe."""
        items: list[RunStart | Packet] = [run, *packets]
        self._most = VIEWER_PACKETS + len(items)
        for item in items:
            self.put(item)
        self._wants_keyframe = not packets

    def put_early(self, packet: Packet) -> None:
        self.put(packet)
        self._shown_early = packet.run, packet.dts

    def put(self, item: RunStart | Packet) -> None:
        now = time.monotonic()
        with self._ready:
            if isinstance(item, RunStart):
                self._wants_keyframe = False
                self._shown_early = None  # the keyframe that begins the run belongs behind it
                item = item if self._with_sound else item.without_sound()
            elif (item.kind is AUDIO and not self._with_sound) or (
                item.kind is VIDEO and (item.run, item.dts) == self._shown_early
            ):
                return
            elif self._is_useless(item, now):
                self.dropped += self._has_begun
                return
            self._queue.append((item, now))
            self._has_begun = self._has_begun or isinstance(item, Packet)
            self._ready.notify()

    def _is_useless(self, packet: Packet, now: float) -> bool:
        """Whether it cannot be shown after what is lost. A viewer that is too slow loses what waits, here."""
        is_key = packet.kind is VIDEO and packet.is_keyframe
        if self._is_too_slow(now):
            self.dropped += sum(isinstance(item, Packet) for item, _ in self._queue)
            starts = [one for one in self._queue if isinstance(one[0], RunStart)]
            self._queue.clear()
            self._queue.extend(starts[-1:])
            self._most = VIEWER_PACKETS
            self._wants_keyframe = True
        if is_key:
            self._wants_keyframe = False
        return self._wants_keyframe

    def _is_too_slow(self, now: float) -> bool:
        if len(self._queue) >= self._most:
            return True
        oldest = next((since for item, since in self._queue if isinstance(item, Packet)), now)
        return self._patience_s is not None and now - oldest > self._patience_s

    def take(self, timeout_s: float) -> RunStart | Packet | None:
        """The next item; None when there was none in time or the stream closed."""
        with self._ready:
            self._ready.wait_for(lambda: self._queue or self._is_closed, timeout_s)
            return self._queue.popleft()[0] if self._queue else None

    def backlog(self) -> int:
        return len(self._queue)

    def pictures_waiting(self) -> int:
        """What waits, without sound."""
        with self._ready:
            return sum(isinstance(item, Packet) and item.kind is VIDEO for item, _ in self._queue)

    @property
    def is_over(self) -> bool:
        """Nothing waits, and nothing will come."""
        with self._ready:
            return self._is_closed and not self._queue

    def close(self) -> None:
        with self._ready:
            self._is_closed = True
            self._ready.notify()


class LiveStream:
    """One stream as it comes: ``add`` on the capture thread, ``join`` and ``leave`` on viewers' threads.

    ``on_watched`` hears, on those threads, when the first viewer comes and when the last one goes.
    """

    def __init__(
        self,
        on_watched: Callable[[bool], None] | None = None,
        max_bytes: int = MAX_BYTES,
        max_gop_bytes: int = MAX_GOP_BYTES,
    ) -> None:
        self._on_watched = on_watched
        self._max_bytes, self._max_gop_bytes = max_bytes, max(max_bytes, max_gop_bytes)
        self._is_cut = False
        self._last_gap_s = math.inf
        self._lock = threading.Lock()
        self._run: RunStart | None = None
        self._gops: deque[list[Packet]] = deque()
        self._size_bytes = 0
        self._drop_dts: float = math.inf  # the picture from which on the oldest group is too old
        self._viewers: list[Viewer] = []

    def add(self, item: RunStart | Packet) -> None:
        """Keep and hand on."""
        with self._lock:
            if isinstance(item, RunStart):
                self._run = item
                self._gops.clear()
                self._size_bytes, self._is_cut, self._last_gap_s, self._drop_dts = 0, False, math.inf, math.inf
            else:
                self._keep(item)
            for viewer in self._viewers:
                viewer.put(item)

    def show_early(self, packet: Packet) -> None:
        """Hand on a picture whose duration is a guess; ``add`` gets it once more. On the capture thread."""
        with self._lock:
            for viewer in self._viewers:
                viewer.put_early(packet)

    def _keep(self, packet: Packet) -> None:
        is_key = packet.is_keyframe and packet.kind is VIDEO
        if is_key:
            if self._gops:
                self._last_gap_s = packet.dts_s - self._gops[-1][0].dts_s
            if self._is_cut:
                self._drop_first()
            self._is_cut = False
            self._gops.append([])
        if not self._gops or self._is_cut:
            return
        self._gops[-1].append(packet)
        self._size_bytes += len(packet.data)
        if is_key:
            self._note_oldest()
        while packet.dts >= self._drop_dts and packet.kind is VIDEO:
            self._drop_first()
        while len(self._gops) > 1 and self._size_bytes > self._max_bytes:
            self._drop_first()
        if self._size_bytes > self._max_gop_bytes:
            self._cut()

    def _cut(self) -> None:
        """The only group is too large to be kept: nothing of it but the keyframe can be shown."""
        first = self._gops[0][0]
        self._gops[0], self._size_bytes, self._is_cut = [first], len(first.data), True

    def _drop_first(self) -> None:
        self._size_bytes -= sum(len(p.data) for p in self._gops.popleft())
        self._note_oldest()

    def _note_oldest(self) -> None:
        """The oldest group goes KEEP_S after the one behind it began."""
        if len(self._gops) < 2:
            self._drop_dts = math.inf
            return
        second = self._gops[1][0]
        self._drop_dts = second.dts + KEEP_S * second.time_base.denominator / second.time_base.numerator

    def newest_gop(self) -> tuple[RunStart, list[Packet]] | None:
        """The run and its pictures since the last keyframe; None while there is none."""
        with self._lock:
            if self._run is None or not self._gops:
                return None
            return self._run, [packet for packet in self._gops[-1] if packet.kind is VIDEO]

    @property
    def begins_whole(self) -> bool:
        """Whether the newest group begins with a picture that is right at once. Browsers begin with no other, whatever
        the file says (measured: Chromium shows nothing of a stream that renews its picture by and by)."""
        gop = self.newest_gop()
        if gop is None or gop[0].video.codec not in LAYOUTS:
            return True
        run, packets = gop
        return not packets or begins_with_key(run.video.codec, packets[0].data)

    @property
    def codec(self) -> str:
        """libav's name of the codec of the run at hand; empty before the first."""
        run = self._run
        return run.video.codec if run is not None else ""

    @property
    def keyframe_gap_s(self) -> float:
        """From the last keyframe but one to the last, or since the last if that is longer; infinite before the second
        keyframe of a run, as it may be long in coming."""
        with self._lock:
            newest = self._gops[-1] if self._gops else None
            return max(self._last_gap_s, newest[-1].dts_s - newest[0].dts_s if newest else 0.0)

    def join(self, *, newest_only: bool = False, with_sound: bool = False, patience_s: float | None = None) -> Viewer:
        """A viewer whose queue begins with the run and the kept groups, or only the newest one."""
        viewer = Viewer(with_sound=with_sound, patience_s=patience_s)
        with self._lock:
            if self._run is not None:
                kept = [] if self._is_cut else list(self._gops)[-1 if newest_only else 0 :]
                viewer.begin(self._run, [packet for group in kept for packet in group])
            self._viewers.append(viewer)
            self._tell_watched(1)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        with self._lock:
            self._viewers.remove(viewer)
            self._tell_watched(0)
        viewer.close()

    def _tell_watched(self, viewers: int) -> None:
        """With that many left the state has just changed. With the lock held, so that news keep their order."""
        if self._on_watched and len(self._viewers) == viewers:
            self._on_watched(viewers > 0)
