"""Pictures for Home Assistant, fetched on a thread of their own: a camera that hangs keeps no state waiting.

Both are as people see them in the house: private areas are black in the stills of visits, and in what a camera's
process gives to who watches.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vigilar.base.bell import Bell
from vigilar.base.errors import RecordingError, StoreError
from vigilar.base.stop import Stop
from vigilar.base.tally import Tally
from vigilar.live.client import FeedClient
from vigilar.live.wire import Jpeg, Request
from vigilar.store.cameras import get_camera
from vigilar.store.files import get_file
from vigilar.store.sql import Database
from vigilar.vge.claim import CONTENT_OF, Claim
from vigilar.vge.keys import KeyRing
from vigilar.vge.reader import VgeReader

logger = logging.getLogger(__name__)

WIDTH = 640
"""As wide as the still of a visit."""

MAX_BYTES = 256 * 1024
"""A picture above this is not sent: one of WIDTH has 30 to 100 kB."""

ANSWER_S = 5.0
TURN_S = 5.0

Show = Callable[[str, str, bytes], None]
"""Camera id, ``picture`` or ``last_picture``, the JPEG. Called on the thread of the pictures."""


class PictureFetcher:
    """``wish_now`` and ``wish_still`` from any thread: of each camera only the newest wish counts."""

    def __init__(self, store: Database, data_dir: Path, secrets_dir: Path, run_dir: Path, show: Show) -> None:
        self._store = store
        self._data_dir = data_dir
        self._secrets_dir = secrets_dir
        self._run_dir = run_dir
        self._show = show
        self._lock = threading.Lock()
        self._bell = Bell()
        self._now: dict[str, None] = {}
        self._stills: dict[str, int] = {}
        self._stop = Stop()
        self._lost = Tally(logger, "no picture for Home Assistant", every_s=600.0)
        self._thread = threading.Thread(target=self._run, name="pictures", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        self._stop.set()
        self._bell.ring()
        self._thread.join(timeout_s)

    def wish_now(self, camera_id: str) -> None:
        """What the camera sees at the moment."""
        with self._lock:
            self._now[camera_id] = None
        self._bell.ring()

    def wish_still(self, camera_id: str, file_id: int) -> None:
        """The sealed still of a visit, a row of files."""
        with self._lock:
            self._stills[camera_id] = file_id
        self._bell.ring()

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                now, self._now = list(self._now), {}
                stills, self._stills = self._stills, {}
            for camera_id in now:
                self._take(camera_id, "picture", partial(self._ask, camera_id))
            for camera_id, file_id in stills.items():
                self._take(camera_id, "last_picture", partial(self._read, camera_id, file_id))
            self._bell.wait(TURN_S)

    def _take(self, camera_id: str, what: str, get: Callable[[], bytes]) -> None:
        if self._stop.is_set():
            return
        try:
            jpeg = get()
        except (OSError, RecordingError, StoreError) as error:
            self._lost.add(f"{camera_id}: {error}")
            return
        except Exception as error:  # the top of a worker's loop: one that ended would be missed by nobody
            self._lost.add(f"{camera_id}: {error!r}", traceback=True)
            return
        if 0 < len(jpeg) <= MAX_BYTES:
            self._show(camera_id, what, jpeg)
        elif jpeg:
            self._lost.add(f"{camera_id}: {len(jpeg)} bytes are too many")

    def _ask(self, camera_id: str) -> bytes:
        client = FeedClient(self._run_dir, camera_id, Request("still", "sub", WIDTH), ANSWER_S)
        answer = client.answer(ANSWER_S)
        return answer.data if isinstance(answer, Jpeg) else b""

    def _read(self, camera_id: str, file_id: int) -> bytes:
        row, camera = get_file(self._store, file_id), get_camera(self._store, camera_id)
        if row is None or camera is None or (row.content, row.camera_id) != ("still", camera_id):
            return b""
        claim = Claim(camera.uuid, CONTENT_OF[row.content], row.number, row.link)
        with VgeReader.open(self._data_dir / row.path, KeyRing.load(self._secrets_dir), claim) as reader:
            return b"".join(reader.read_range(0, reader.plaintext_bytes))
