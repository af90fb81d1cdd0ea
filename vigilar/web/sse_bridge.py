"""From the bus to the open pages: events, and the health of cameras and processes.

Started by the web process after ``create_app(cfg)``, stopped by it at shut-down. A broker that is away, a message
that cannot be read or a database that is locked is logged and never ends the web process: pages still answer, and
what was missed is read from the database when the broker is back.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from vigilar.base.clock import Clock, SystemClock
from vigilar.base.errors import VigilarError
from vigilar.base.ids import new_id
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import BadMessage, CameraHealth, EventPublished, SystemHealth
from vigilar.bus.topics import Topics
from vigilar.config.jobs import WebJob
from vigilar.store import events as event_rows
from vigilar.store.engine import Store
from vigilar.web.blueprints.events import broadcast_sse_event
from vigilar.web.event_words import published_from_row
from vigilar.web.health import BOARD, HealthBoard
from vigilar.web.hub import HUB, make_notice

logger = logging.getLogger(__name__)

STOP_TIMEOUT_S = 2.0


def forward_event(payload: bytes) -> None:
    """Tell all open pages of the stored event in ``payload``; one that cannot be read is logged and dropped."""
    try:
        message = EventPublished.parse(payload)
    except BadMessage as error:
        logger.warning("message on %s is not an event: %s", Topics.EVENTS_PUBLISHED, error)
        return
    broadcast_sse_event(message)


def show_processes(board: HealthBoard, processes: dict[str, Any], said_ms: int, now_ms: int) -> None:
    """Take what the supervisor said at ``said_ms`` of its processes. Open pages hear at once of a camera whose process
    ended or came back: the camera itself cannot say so, and its last word was "live, recording"."""
    changed = board.set_processes(processes, said_ms)
    if changed:
        cameras = [board.camera(camera_id, now_ms) for camera_id in changed]
        HUB.broadcast(make_notice("health", {"now": now_ms, "cameras": cameras}))


class SseBridge:
    """The subscriptions of the web process. Handlers run on the bus client's thread; ``stop`` on any."""

    def __init__(self, bus: MessageBus, store: Store, clock: Clock, board: HealthBoard = BOARD) -> None:
        self._bus = bus
        self._store = store
        self._clock = clock
        self._board = board
        self._lock = threading.Lock()
        self._last_change = 0

    def start(self) -> None:
        """Subscribe and connect in the background. Events stored before this moment are not sent: pages load them."""
        self._last_change = event_rows.newest_change(self._store)
        self._bus.subscribe(Topics.EVENTS_PUBLISHED, self.on_event)
        self._bus.subscribe(Topics.CAMERA_ANY_HEALTH, self.on_camera_health)
        self._bus.subscribe(Topics.SYSTEM_HEALTH, self.on_system_health)
        self._bus.on_connected(self.on_connected)
        self._bus.start()

    def stop(self) -> None:
        self._bus.stop(STOP_TIMEOUT_S)
        self._board.set_bus(False)
        self._store.close()

    def is_connected(self) -> bool:
        return self._bus.is_connected

    def on_connected(self) -> None:
        """Send what was stored while the broker was away."""
        try:
            self._catch_up()
        except VigilarError as error:
            logger.warning("events stored while the bus was away could not be read: %s", error)

    def on_event(self, _topic: str, payload: bytes) -> None:
        forward_event(payload)
        try:
            change = EventPublished.parse(payload).change
        except BadMessage:
            return
        with self._lock:
            self._last_change = max(self._last_change, change)

    def on_camera_health(self, _topic: str, payload: bytes) -> None:
        try:
            health = CameraHealth.parse(payload)
        except BadMessage as error:
            logger.warning("health of a camera cannot be read: %s", error)
            return
        now_ms = self._clock.utc_ns() // 1_000_000
        self._board.set_camera(health, now_ms)
        known = self._board.camera(health.camera_id, now_ms)
        HUB.broadcast(make_notice("health", {"now": now_ms, "cameras": [known]}))

    def on_system_health(self, _topic: str, payload: bytes) -> None:
        try:
            health = SystemHealth.parse(payload)
        except BadMessage as error:
            logger.warning("health of the processes cannot be read: %s", error)
            return
        show_processes(self._board, health.processes, health.ts, self._clock.utc_ns() // 1_000_000)

    def _catch_up(self) -> None:
        while True:
            with self._lock:
                after = self._last_change
            rows = event_rows.events_changed_after(self._store, after, 200)
            if not rows:
                return
            for row in rows:
                broadcast_sse_event(published_from_row(row))
            with self._lock:
                self._last_change = max(self._last_change, rows[-1].change)


class NoBridge:
    """What stands in when the bridge could not be started: pages work, nothing arrives by itself."""

    def stop(self) -> None:
        """Nothing runs."""

    def is_connected(self) -> bool:
        return False


def start_sse_bridge(cfg: WebJob, clock: Clock | None = None) -> SseBridge | NoBridge:
    """Start to forward. Never raises: a bridge that cannot start is logged, and pages work without live updates."""
    try:
        link = BusLink(cfg.bus_host, cfg.bus_port, cfg.bus_user, cfg.bus_password)
        bridge = SseBridge(
            MessageBus(link, f"web-{new_id()[:8]}"), Store.open(cfg.database_url), clock or SystemClock()
        )
        bridge.start()
    except Exception:  # the top of this worker: nothing that goes wrong here may take the pages away
        logger.exception("live updates could not be started; pages work, but have to be reloaded by hand")
        return NoBridge()
    return bridge
