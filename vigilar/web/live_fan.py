"""Live pictures to many browsers: a camera's process is asked for a stream once, whatever the number of its viewers.

One thread reads what the cameras' processes send, makes a frame of each fragment, and gives the same bytes to all who
watch that stream. No socket is waited for: what a browser does not take at once waits for it, and is left out when it
is too late (``LiveViewer``). Who comes later begins with the newest group of pictures, which is kept here meanwhile.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from vigilar.live.client import FeedClient
from vigilar.live.wire import Answer, FeedProblem, InitSegment, LiveFragment, Request, RunHeader, Skipped
from vigilar.web.frames import GOING_AWAY, NORMAL, TRY_LATER, frame
from vigilar.web.live_viewer import LiveViewer, Note, Piece, Start
from vigilar.web.live_words import problem_text

logger = logging.getLogger(__name__)

MAX_GROUP_BYTES = 48 * 1024 * 1024
"""Of the group that a viewer begins with, as in a camera's process: of a longer one a viewer waits for the next."""

QUIET_S = 15.0
"""A camera's process says within 12 s that there is no picture. One that says nothing at all hangs."""

CROWD = 8
"""More who watch one stream than this, in no usual house, are sent several pictures at a time..."""

CROWD_GAP_S = 0.1
"""...ten times a second. Their pages play so far behind the newest one (HOLD_S of mse.js) that none stands still."""

EARLY_S = 0.01
"""A picture that comes so shortly before they are sent to goes with what is sent."""

LOOK_S = 1.0
JOIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """One stream of one camera."""

    camera_id: str
    stream: str
    with_sound: bool


class _Source:
    """A stream while somebody watches it. The fan's thread."""

    def __init__(self, client: FeedClient, now_s: float) -> None:
        self.client = client
        self.viewers: set[LiveViewer] = set()
        self.heard_s = now_s
        self.due_s = 0.0
        """When a crowd is sent to again."""
        self._header: RunHeader | None = None
        self._start: Start | None = None
        self._group: list[Piece] = []
        self._group_bytes = 0

    def join(self, viewer: LiveViewer, now_s: float) -> None:
        self.viewers.add(viewer)
        if self._start is not None:
            viewer.begin(self._start, self._group, now_s)

    def take(self, answer: Answer, now_s: float) -> None:
        """Keep it for those who come later, and queue it for all who watch."""
        if isinstance(answer, LiveFragment):
            self._put(self._keep(answer), now_s)
        elif isinstance(answer, RunHeader):
            self._header, self._start = answer, None
            self._group, self._group_bytes = [], 0
        elif isinstance(answer, InitSegment) and self._header is not None:
            self._start = Start(self._header, frame(answer.data))
            self._put(self._start, now_s)
        elif isinstance(answer, Skipped):
            for viewer in self.viewers:
                viewer.untold += answer.packets
        elif isinstance(answer, FeedProblem):
            self._put(Note(frame(problem_text(answer.error, answer.code))), now_s)

    def _put(self, item: Start | Piece | Note, now_s: float) -> None:
        for viewer in self.viewers:
            viewer.put(item, now_s)

    def _keep(self, fragment: LiveFragment) -> Piece:
        scale = self._header.scale if self._header is not None else 1.0
        piece = Piece(
            frame(fragment.data),
            fragment.starts_with_keyframe,
            fragment.duration_ms > 0,
            fragment.base_dts / scale,
            fragment.utc_ns // 1_000_000,
        )
        if piece.starts_with_keyframe:
            self._group, self._group_bytes = [piece], len(piece.frame)
        elif self._group:
            self._group.append(piece)
            self._group_bytes += len(piece.frame)
            if self._group_bytes > MAX_GROUP_BYTES:
                self._group, self._group_bytes = [], 0
        return piece


class LiveFan:
    """``add``, ``end``, ``count`` and ``stop``: any thread. All else is on the fan's own, which is started by the first
    viewer and sleeps while there is none."""

    def __init__(self, open_feed: Callable[[str, Request], FeedClient], absent: str) -> None:
        """``open_feed`` does not wait, and raises OSError when the camera's process is not there: the viewer is told
        ``absent``."""
        self._open_feed, self._absent = open_feed, absent
        self._selector = selectors.DefaultSelector()
        self._sources: dict[Wanted, _Source] = {}
        self._of: dict[LiveViewer, Wanted] = {}
        self._lock = threading.Lock()
        self._held: set[_Source] = set()
        """Of which something waits until a crowd is sent to."""
        self._jobs: deque[Callable[[float], None]] = deque()
        self._count = 0
        self._is_stopped = False
        self._thread: threading.Thread | None = None
        self._wake_end, self._woken_end = -1, -1
        self._looked_s = 0.0

    def count(self) -> int:
        """How many watch."""
        return self._count

    def add(self, viewer: LiveViewer, wanted: Wanted) -> None:
        """Let it watch. Its socket belongs to the fan from here on. Raises OSError, with the viewer closed, when there
        is no descriptor left to begin with; the next viewer tries again."""
        try:
            with self._lock:
                self._begin()
                self._count += 1
        except OSError:
            viewer.close()
            raise
        self._ask(partial(self._join, viewer, wanted))

    def _begin(self) -> None:
        """The thread, with the first viewer. ``_lock`` is held."""
        if self._thread is not None or self._is_stopped:
            return
        self._woken_end, self._wake_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._woken_end, selectors.EVENT_READ, self._wake_up)
        self._thread = threading.Thread(target=self._run, name="live-fan", daemon=True)
        self._thread.start()

    def end(self, viewer: LiveViewer) -> None:
        """Cut it off, also when its browser takes nothing. Harmless twice, and before ``add``'s work is done."""
        self._ask(lambda _: self._drop(viewer))

    def stop(self) -> None:
        """End all. Harmless twice."""
        with self._lock:
            thread, self._is_stopped = self._thread, True
        if thread is not None:
            self._ask(lambda _: None)
            thread.join(JOIN_S)

    def _ask(self, job: Callable[[float], None]) -> None:
        self._jobs.append(job)
        with contextlib.suppress(OSError):  # full: it is awake
            os.write(self._wake_end, b"\0")

    # The fan's thread

    def _run(self) -> None:
        while not self._is_stopped:
            ready = self._selector.select(self._wait_s())
            now_s = time.monotonic()
            for key, events in ready:
                # A socket may be gone by what was done for one before it.
                if self._selector.get_map().get(key.fd) is key:
                    self._guard(partial(key.data, events), now_s)
            while self._jobs:
                self._guard(self._jobs.popleft(), now_s)
            for source in [one for one in self._held if now_s >= one.due_s]:
                self._guard(partial(self._send_all, source), now_s)
            if now_s - self._looked_s >= LOOK_S:
                self._looked_s = now_s
                self._guard(self._look, now_s)
        self._end_all()

    def _wait_s(self) -> float | None:
        if not self._held:
            return LOOK_S if self._of else None
        return max(0.0, min(one.due_s for one in self._held) - time.monotonic())

    @staticmethod
    def _guard(job: Callable[[float], None], now_s: float) -> None:
        """The top of this worker: what fails for one viewer must not end the others."""
        try:
            job(now_s)
        except Exception:
            logger.exception("a live picture failed")

    def _wake_up(self, _events: int, _now_s: float) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken_end, 4096)

    def _join(self, viewer: LiveViewer, wanted: Wanted, now_s: float) -> None:
        self._of[viewer] = wanted
        self._selector.register(viewer.sock, selectors.EVENT_READ, partial(self._serve, viewer))
        try:
            source = self._sources.get(wanted) or self._open(wanted, now_s)
        except OSError:
            viewer.put(Note(frame(problem_text(self._absent))), now_s)
            viewer.finish(TRY_LATER, now_s)
        else:
            source.join(viewer, now_s)
        self._send(viewer, now_s)

    def _open(self, wanted: Wanted, now_s: float) -> _Source:
        """Raises OSError."""
        client = self._open_feed(wanted.camera_id, Request("live", wanted.stream, sound=wanted.with_sound))
        source = self._sources[wanted] = _Source(client, now_s)
        self._selector.register(client, selectors.EVENT_READ, partial(self._read, wanted, source))
        return source

    def _read(self, wanted: Wanted, source: _Source, _events: int, now_s: float) -> None:
        """Something has come from a camera's process."""
        try:
            answers, is_over = source.client.ready()
        except OSError as error:
            logger.info("live pictures of %s ended: %s", wanted.camera_id, error)
            answers, is_over = [], True
        source.heard_s = now_s
        for answer in answers:
            source.take(answer, now_s)
        if is_over:
            viewers = list(source.viewers)
            self._close(wanted, source, now_s)
            for viewer in viewers:
                self._send(viewer, now_s)
        elif len(source.viewers) > CROWD and now_s < source.due_s - EARLY_S:
            self._held.add(source)
        elif answers:
            self._send_all(source, now_s)

    def _send_all(self, source: _Source, now_s: float) -> None:
        self._held.discard(source)
        source.due_s = now_s + CROWD_GAP_S
        for viewer in list(source.viewers):
            self._send(viewer, now_s)

    def _close(self, wanted: Wanted, source: _Source, now_s: float) -> None:
        """The stream is over; its viewers end when what waits for them is sent."""
        self._held.discard(source)
        self._selector.unregister(source.client)
        source.client.close()
        del self._sources[wanted]
        for viewer in source.viewers:
            viewer.finish(NORMAL, now_s)
        source.viewers.clear()

    def _serve(self, viewer: LiveViewer, events: int, now_s: float) -> None:
        """A browser's socket has said something, or takes more."""
        try:
            stays = viewer.hear(now_s) if events & selectors.EVENT_READ else True
        except OSError:
            stays = False
        if stays:
            self._send(viewer, now_s)
        else:
            self._drop(viewer)

    def _send(self, viewer: LiveViewer, now_s: float) -> None:
        if viewer not in self._of:
            return
        try:
            viewer.flush(now_s)
        except OSError:
            self._drop(viewer)
            return
        if viewer.waits != viewer.is_waited_for:
            viewer.is_waited_for = viewer.waits
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if viewer.waits else 0)
            self._selector.modify(viewer.sock, events, partial(self._serve, viewer))

    def _drop(self, viewer: LiveViewer) -> None:
        """Close its socket; the stream ends with its last viewer."""
        wanted = self._of.pop(viewer, None)
        if wanted is None:
            return
        self._selector.unregister(viewer.sock)
        with self._lock:
            self._count -= 1
        source = self._sources.get(wanted)
        if source is not None:
            source.viewers.discard(viewer)
            if not source.viewers:
                self._close(wanted, source, 0.0)
        viewer.close()

    def _look(self, now_s: float) -> None:
        for viewer in [one for one in self._of if one.is_too_late(now_s)]:
            self._drop(viewer)
        for wanted, source in list(self._sources.items()):
            if now_s - source.heard_s > QUIET_S:
                viewers = list(source.viewers)
                self._close(wanted, source, now_s)
                for viewer in viewers:
                    self._send(viewer, now_s)

    def _end_all(self) -> None:
        now_s = time.monotonic()
        for viewer in list(self._of):
            viewer.finish(GOING_AWAY, now_s, is_at_once=True)
            with contextlib.suppress(OSError):
                viewer.flush(now_s)
            self._drop(viewer)
