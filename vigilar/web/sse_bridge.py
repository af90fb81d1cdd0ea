"""From the bus to the open pages: events, and the health of cameras and processes.

Started by the web process after ``create_app(cfg)``, stopped by it at shut-down. Of events the bus only says that there
is something new: the rows say what, read once for all open pages, in order. A broker that is away makes pages some
seconds late; a message that cannot be read or a database that is locked is logged and never ends the web process.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from vigilar.base.clock import Clock, SystemClock
from vigilar.base.errors import StoreError
from vigilar.base.ids import new_id
from vigilar.base.stop import Stop
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import (
    ArmChanged,
    BadMessage,
    CameraHealth,
    CameraRetry,
    EventPublished,
    JobChanged,
    ObjectSeen,
    PhoneHeard,
    SystemHealth,
)
from vigilar.bus.topics import Topics
from vigilar.config.jobs import WebJob
from vigilar.store.arming import read_state
from vigilar.store.change_reader import ChangeReader, PassingPlace
from vigilar.store.consumers import Change
from vigilar.store.engine import Store
from vigilar.store.events import newest_change
from vigilar.web.arm_words import broadcast_arm
from vigilar.web.blueprints.events import broadcast_sse_event
from vigilar.web.event_words import published_from_row
from vigilar.web.health import BOARD, HealthBoard
from vigilar.web.hub import HUB, OBJECTS, job_notice, make_notice

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
        self._place = PassingPlace(store, 0)
        self._reader = ChangeReader(self._place, self._tell, "pages")
        self._stop = Stop()
        self._thread = threading.Thread(target=self._reader.run, args=(self._stop,), name="page-events", daemon=True)

    def start(self) -> None:
        """Subscribe and connect in the background. Events stored before this moment are not sent: pages load them.
        Raises StoreError."""
        self._place.go_to(newest_change(self._store))
        self._bus.subscribe(Topics.EVENTS_PUBLISHED, self.on_event)
        self._bus.subscribe(Topics.CAMERA_ANY_HEALTH, self.on_camera_health)
        self._bus.subscribe(Topics.CAMERA_ANY_OBJECT, self.on_objects)
        self._bus.subscribe(Topics.SYSTEM_HEALTH, self.on_system_health)
        self._bus.subscribe(Topics.SYSTEM_JOB, self.on_job)
        self._bus.subscribe(Topics.ARM_STATE, self.on_arm_state)
        self._bus.on_connected(self.on_connected)
        self._bus.start()
        self._thread.start()

    def stop(self) -> None:
        self._bus.stop(STOP_TIMEOUT_S)
        self._stop.set()
        self._reader.wake()
        if self._thread.is_alive():
            self._thread.join()
        self._board.set_bus(False)
        self._store.close()

    def is_connected(self) -> bool:
        return self._bus.is_connected

    def ask_retry(self, camera_id: str) -> bool:
        """Ask a camera's process for a try now; False when the bus is away."""
        if not self._bus.is_connected:
            return False
        message = CameraRetry(new_id(), self._clock.utc_ns() // 1_000_000, camera_id)
        self._bus.publish(Topics.camera_retry(camera_id), message.dump(), qos=0)
        return True

    def tell_arm(self) -> None:
        """Tell the events process that the arm state changed. Without a bus it looks by itself, 0.25 s later."""
        if self._bus.is_connected:
            message = ArmChanged(new_id(), self._clock.utc_ns() // 1_000_000)
            self._bus.publish(Topics.ARM_CHANGED, message.dump(), qos=0)

    def tell_phone(self, user_id: int, device: str, address: str) -> None:
        """Tell the sensors process where a paired phone is. Without a bus it goes by what answers on the network."""
        if self._bus.is_connected:
            message = PhoneHeard(new_id(), self._clock.utc_ns() // 1_000_000, user_id, device, address)
            self._bus.publish(Topics.PHONE_HEARD, message.dump(), qos=0)

    def on_arm_state(self, _topic: str, _payload: bytes) -> None:
        """The arm state may have changed. Its row says what it is now; what this process changed itself, pages know."""
        try:
            broadcast_arm(read_state(self._store))
        except StoreError as error:
            logger.warning("the arm state could not be read: %s", error)

    def on_connected(self) -> None:
        """Send what was stored while the broker was away."""
        try:
            self._reader.turn()
        except StoreError as error:
            logger.warning("events stored while the bus was away could not be read: %s", error)

    def on_event(self, _topic: str, payload: bytes) -> None:
        """There is something new. Its row is sent, and what came before it; the message itself only while rows cannot
        be read: pages that miss what came before come back for it."""
        try:
            self._reader.turn()
        except StoreError as error:
            logger.warning("stored events could not be read, the message is sent as it came: %s", error)
            forward_event(payload)

    def _tell(self, change: Change) -> None:
        broadcast_sse_event(published_from_row(change.event), after=self._place.number)

    def on_camera_health(self, _topic: str, payload: bytes) -> None:
        try:
            health = CameraHealth.parse(payload)
        except BadMessage as error:
            logger.warning("health of a camera cannot be read: %s", error)
            return
        now_ms = self._clock.utc_ns() // 1_000_000
        self._board.set_camera(health, now_ms)
        known = self._board.camera(health.camera_id, now_ms)
        HUB.broadcast(make_notice("health", {"now": now_ms, "cameras": [known]}, source_id=health.camera_id))

    def on_objects(self, _topic: str, payload: bytes) -> None:
        """Boxes of one picture, for pages that show it."""
        try:
            seen = ObjectSeen.parse(payload)
        except BadMessage as error:
            logger.warning("what a camera sees cannot be read: %s", error)
            return
        content = {"camera_id": seen.camera_id, "ts": seen.ts, "motion_id": seen.motion_id, "objects": seen.objects}
        HUB.broadcast(make_notice(OBJECTS, content, source_id=seen.camera_id))

    def on_system_health(self, _topic: str, payload: bytes) -> None:
        try:
            health = SystemHealth.parse(payload)
        except BadMessage as error:
            logger.warning("health of the processes cannot be read: %s", error)
            return
        show_processes(self._board, health.processes, health.ts, self._clock.utc_ns() // 1_000_000)

    def on_job(self, _topic: str, payload: bytes) -> None:
        """Pages that show the job look at its row; the rest only need to know that one moves."""
        try:
            job = JobChanged.parse(payload)
        except BadMessage as error:
            logger.warning("news of a job cannot be read: %s", error)
            return
        sources = [one for one in (job.source_id, *job.more_sources) if one]
        HUB.broadcast(job_notice(job.job_id, job.kind, job.state, job.step, job.percent, job.seconds_left, sources))


class NoBridge:
    """What stands in when the bridge could not be started: pages work, nothing arrives by itself."""

    def stop(self) -> None:
        """Nothing runs."""

    def is_connected(self) -> bool:
        return False

    def ask_retry(self, camera_id: str) -> bool:  # noqa: ARG002 -- stands in for SseBridge
        return False

    def tell_arm(self) -> None:
        """Nobody can be told."""

    def tell_phone(self, user_id: int, device: str, address: str) -> None:
        """Nor of this."""


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
