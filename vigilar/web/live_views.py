"""Live pictures for browsers: HLS, JPEG streams and stills, made when asked for and ended by themselves.

Frames come from the camera processes over their Unix sockets (``live.feed``), only while somebody watches.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from vigilar.base.clock import Clock, SystemClock
from vigilar.base.errors import CameraError, ErrorKind
from vigilar.live.client import FeedClient
from vigilar.live.hls import LiveHls
from vigilar.live.wire import FeedProblem, Jpeg, Request
from vigilar.web.contact_sheet import ContactSheets, Sheet
from vigilar.web.jpeg_source import JpegSource, MjpegView
from vigilar.web.live_fan import LiveFan, Wanted
from vigilar.web.live_viewer import LiveViewer

STILL_FRESH_NS = 900_000_000
"""A still this young is shared: eight tiles and two phones cost a camera one picture a second at most."""

STILL_TIMEOUT_S = 4.0

MAX_MJPEG_VIEWERS = 12
"""Each holds a thread of the server."""

MAX_LIVE_VIEWERS = 64
"""Each holds a connection of the server, and no thread."""

MJPEG_WIDTH, MJPEG_FPS = 1280, 15

NO_PROCESS = "This camera's program does not answer; it may be starting."


@dataclass(slots=True)
class _Still:
    """The newest still of one camera and width. ``lock`` lets one request ask and the others wait for it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    picture: Jpeg | None = None
    asked_mono_ns: int = 0


class LiveViews:
    """All live views of this process. Any thread. Raises CameraError (transient) when there is no picture.

    Lock order: 1 a still's own lock, 2 ``_lock``, 3 that of a ``JpegSource``.
    """

    def __init__(self, run_dir: Path, clock: Clock | None = None) -> None:
        self._run_dir = run_dir
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._hls: dict[tuple[str, str], LiveHls] = {}
        self._stills: dict[tuple[str, int], _Still] = {}
        self._mjpeg: set[MjpegView] = set()
        self._jpegs: dict[str, JpegSource] = {}
        self._fan = LiveFan(lambda camera_id, request: FeedClient(run_dir, camera_id, request), NO_PROCESS)
        self._is_stopped = False
        self._sheets = ContactSheets(lambda *asked: FeedClient(run_dir, *asked), self._clock)

    def playlist(self, camera_id: str, stream: str = "sub") -> str:
        """The playlist of the small (``sub``) or narrow stream; waits some seconds for the first picture."""
        view = self._view(camera_id, stream)
        text = view.playlist()
        if text is None:
            raise _no_picture(view.problem)
        return text

    def init(self, camera_id: str, run: int, stream: str = "sub") -> bytes | None:
        return self._view(camera_id, stream).init(run)

    def segment(self, camera_id: str, number: int, stream: str = "sub") -> bytes | None:
        return self._view(camera_id, stream).segment(number)

    def still(self, camera_id: str, width: int) -> Jpeg:
        """The newest picture, at most ``width`` pixels wide and at most a second old news."""
        with self._lock:
            still = self._stills.setdefault((camera_id, width), _Still())
        with still.lock:
            now = self._clock.mono_ns()
            if still.picture is None or now - still.asked_mono_ns > STILL_FRESH_NS:
                still.picture = None
                still.picture = self._ask_still(camera_id, width)
                still.asked_mono_ns = now
            return still.picture

    def contact_sheet(self, camera_ids: Iterable[str]) -> Sheet:
        """The newest pictures of these cameras in one, at most a second old news."""
        return self._sheets.get(camera_ids)

    def mjpeg(self, camera_id: str) -> MjpegView:
        """Pictures as they come. The camera is asked at the call, so that a failure is still a proper answer."""
        with self._lock:
            if self._is_stopped or len(self._mjpeg) >= MAX_MJPEG_VIEWERS:
                raise CameraError("Too many pages watch single cameras already.", kind=ErrorKind.TRANSIENT)
        view = MjpegView(self._forget)
        with self._lock:
            while not view.begin(self._jpegs.get(camera_id) or self._open_jpegs(camera_id)):
                del self._jpegs[camera_id]
            self._mjpeg.add(view)
            is_late = self._is_stopped
        if is_late:
            view.close()
        return view

    def _open_jpegs(self, camera_id: str) -> JpegSource:
        """With ``_lock`` held: a Unix socket is opened at once or not at all."""
        feed = self._open(camera_id, Request("mjpeg", "main", MJPEG_WIDTH, MJPEG_FPS))
        source = self._jpegs[camera_id] = JpegSource(feed, camera_id, partial(self._forget_jpegs, camera_id))
        return source

    def _forget_jpegs(self, camera_id: str, source: JpegSource) -> None:
        with self._lock:
            if self._jpegs.get(camera_id) is source:
                del self._jpegs[camera_id]

    def check_room(self) -> None:
        """Raises CameraError when one more cannot ``watch``."""
        if self._is_stopped or self._fan.count() >= MAX_LIVE_VIEWERS:
            raise CameraError("Too many pages watch single cameras already.", kind=ErrorKind.TRANSIENT)

    def watch(self, viewer: LiveViewer, camera_id: str, stream: str, *, sound: bool) -> None:
        """Video frame by frame, for a Media Source player, until the browser or the camera's process goes."""
        self._fan.add(viewer, Wanted(camera_id, stream, sound))

    def leave(self, viewer: LiveViewer) -> None:
        """End what ``watch`` began, at once. Harmless twice."""
        self._fan.end(viewer)

    def watching(self) -> int:
        """How many single views are open."""
        with self._lock:
            return len(self._mjpeg) + self._fan.count()

    def stop(self) -> None:
        """End all views. Harmless twice."""
        with self._lock:
            self._is_stopped = True
            hls = list(self._hls.values())
            views = list(self._mjpeg)
        self._fan.stop()
        for view in views:
            view.close()
        for one in hls:
            one.stop()

    def _forget(self, view: MjpegView) -> None:
        with self._lock:
            self._mjpeg.discard(view)

    def _ask_still(self, camera_id: str, width: int) -> Jpeg:
        client = self._open(camera_id, Request("still", "sub" if width <= 640 else "main", width))
        try:
            answer = client.answer(STILL_TIMEOUT_S)
        except OSError as error:
            raise CameraError(NO_PROCESS, kind=ErrorKind.TRANSIENT) from error
        if isinstance(answer, Jpeg):
            return answer
        raise _no_picture(answer if isinstance(answer, FeedProblem) else None)

    def _view(self, camera_id: str, stream: str) -> LiveHls:
        with self._lock:
            if self._is_stopped:
                raise CameraError("This process is stopping.", kind=ErrorKind.TRANSIENT)
            key = (camera_id, stream)
            if key not in self._hls:
                request = Request("fragments", stream)
                self._hls[key] = LiveHls(lambda: FeedClient(self._run_dir, camera_id, request), camera_id)
            return self._hls[key]

    def _open(self, camera_id: str, request: Request) -> FeedClient:
        try:
            return FeedClient(self._run_dir, camera_id, request)
        except OSError as error:
            raise CameraError(NO_PROCESS, kind=ErrorKind.TRANSIENT) from error


def _no_picture(problem: FeedProblem | None) -> CameraError:
    if problem is None:
        return CameraError("There is no picture from this camera yet.", kind=ErrorKind.TRANSIENT)
    return CameraError(problem.error, kind=ErrorKind.TRANSIENT, code=problem.code)
