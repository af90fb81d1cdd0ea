"""The process for Home Assistant: shows the house by MQTT discovery, and passes on its wish to arm.

All that is published are states, made of rows and of what the bus says now, so it is the same after any restart, and
nothing that was is told as new. Once it is switched off, the process takes away what it has published, and ends.
"""

from __future__ import annotations

import logging
import queue
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Any, TypeVar

from vigilar.base.bell import Bell
from vigilar.base.clock import Clock, SystemClock
from vigilar.base.control import ControlChild
from vigilar.base.errors import VigilarError
from vigilar.base.home_note import HomeNote, find_note, forget_note, save_note
from vigilar.base.ids import new_id
from vigilar.base.reserve import Reserve
from vigilar.base.tally import Tally
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import ArmRequest, ArmStateTold, BadMessage, CameraHealth, Message
from vigilar.bus.topics import HomeTopics, Topics
from vigilar.config.jobs import HomeAssistantJob
from vigilar.homeassistant import states
from vigilar.homeassistant.board import Board
from vigilar.homeassistant.devices import ARM_COMMANDS, Shown, all_devices
from vigilar.homeassistant.pictures import PictureFetcher
from vigilar.processes.settings import settings_handler
from vigilar.store.cameras import list_cameras
from vigilar.store.going_on import GoingOn, read_going_on
from vigilar.store.sql import Database
from vigilar.store.sqlite_store import open_database
from vigilar.upkeep.overview import read_overview

logger = logging.getLogger(__name__)

BY = "Home Assistant"
"""Who asks, in the history of arming."""

LOOK_EVERY_NS = 2 * 10**9
"""How late a state may be when nobody rings, and how long after its time a held kind goes: a look takes 1 ms."""

TURN_S = 0.5
"""How late a stop is seen, and of the two seconds that it may take a part."""

MAX_WAITING = 2000
"""What is heard and waits for the main thread; beyond it the newest is dropped, counted: the next one says it all."""

TAKEN_WITHIN_S = 5.0

KEPT_WITHIN_NS = 300_000_000
"""What a broker keeps comes right behind the word that we may hear it; so long it is waited for before all is put."""

HELD_MS = 10_000
"""How long a kind counts after its visit ended: its word may come as late."""

STALE_AFTER_NS = 15 * 10**9
"""Cameras report every 5 s."""

AGAIN_AFTER_NS = 2 * 10**9
"""Home Assistant listens to a device a while after it was told of it: pictures, which nobody keeps, are sent again."""

PICTURE_EVERY_NS = 10 * 10**9
"""A picture of now while something moves, and each REST_NS while nothing does."""

REST_NS = 300 * 10**9

FORECAST_FIRST_NS = 20 * 10**9
FORECAST_EVERY_NS, FORECAST_RETRY_NS = 3600 * 10**9, 300 * 10**9

MOST_COMMANDS, COMMANDS_NS = 10, 60 * 10**9
"""So many wishes a minute are passed on, and one to disarm: each may become an event that people are told of."""

STOP_S = 0.4


Told = TypeVar("Told", bound=Message)


def run_home_assistant(job: HomeAssistantJob, control: ControlChild) -> None:
    """Work until ``control.stop_requested``. Main thread. Raises StoreError when the database cannot be opened."""
    if not job.is_enabled:
        TakingAway(job, control).run()
        return
    with closing(Reserve(job.data_dir).help(lambda: open_database(job.database_url))) as store:
        HomeAssistantProcess(job, control, store, SystemClock()).run()


def shown_of(job: HomeAssistantJob) -> Shown:
    return Shown(
        house=job.node_id[:8],
        house_name=job.house_name,
        cameras={camera.id: camera.name for camera in job.cameras},
        shows_all=job.shows_all,
        pictures=job.pictures,
        may_arm=job.may_arm,
        recognises=job.recognises,
        has_ups=job.has_ups,
        has_backup=job.has_backup,
    )


def _target(job: HomeAssistantJob, house_bus: MessageBus) -> MessageBus:
    """The connection to the broker to which Home Assistant speaks."""
    if not job.host:
        return house_bus
    link = BusLink(job.host, job.port, job.user, job.password)
    return MessageBus(link, f"vigilar-home-{new_id()[:6]}", _will(job))


def _house_bus(job: HomeAssistantJob) -> MessageBus:
    link = BusLink(job.bus_host, job.bus_port, job.bus_user, job.bus_password)
    return MessageBus(link, f"vigilar-homeassistant-{new_id()[:6]}", None if job.host else _will(job))


def _will(job: HomeAssistantJob) -> tuple[str, bytes] | None:
    """None for who takes all away: it must leave nothing."""
    return (HomeTopics.availability(job.node_id[:8]), b"offline") if job.is_enabled else None


class HomeAssistantProcess:
    """``run`` and all but the handlers belong to the main thread; what handlers hear is handed over to it."""

    def __init__(self, job: HomeAssistantJob, control: ControlChild, store: Database, clock: Clock) -> None:
        self._job = job
        self._control = control
        self._store = store
        self._clock = clock
        self._shown = shown_of(job)
        self._bell = Bell()
        self._heard: queue.Queue[Callable[[], None]] = queue.Queue(MAX_WAITING)
        self._bus = _house_bus(job)
        self._target = _target(job, self._bus)
        self._board = Board(self._target)
        self._fetcher = PictureFetcher(store, job.data_dir, job.secrets_dir, job.run_dir, self._take_picture)
        self._unread = Tally(logger, "what is said for Home Assistant cannot be read", every_s=600.0)
        self._trouble = Tally(logger, "Home Assistant waits for the database", every_s=60.0)
        self._refused = Tally(logger, "Home Assistant asks too often", every_s=60.0)
        self._dropped = Tally(logger, "more is heard for Home Assistant than can be taken", every_s=60.0)
        self._note = find_note(job.data_dir) or HomeNote()
        self._connected_ns = 0  # 0: not connected, or all was put since
        self._is_ready = False
        self._again_ns = 0
        self._look_ns = 0
        self._forecast_ns = clock.mono_ns() + FORECAST_FIRST_NS
        self._began_ns = clock.mono_ns()
        self._cameras: dict[str, tuple[CameraHealth, int]] = {}
        self._pictured: dict[str, tuple[int, bool]] = {}
        self._stills: dict[str, int] = {}
        self._processes: Mapping[str, Any] = {}
        self._arm: ArmStateTold | None = None
        self._days: float | None = None
        self._commands: deque[int] = deque(maxlen=MOST_COMMANDS)
        self._disarm_ns = 0

    def run(self) -> None:
        """Show, until the stop."""
        if find_note(self._job.data_dir) is None:
            Reserve(self._job.data_dir).help(lambda: save_note(self._job.data_dir, self._note))
        self._control.listen(on_settings=settings_handler(self._job, self._use), on_status=self._hear_status)
        self._bus.subscribe(Topics.EVENTS_PUBLISHED, lambda _topic, _payload: self._hand_over(self._look_now))
        self._bus.subscribe("vigilar/sensor/#", lambda _topic, _payload: self._hand_over(self._look_now))
        self._bus.subscribe(Topics.CAMERA_ANY_HEALTH, self._hear_camera)
        self._bus.subscribe(Topics.ARM_STATE, self._hear_arm)
        self._target.subscribe(HomeTopics.STATUS, self._hear_home)
        self._target.subscribe(HomeTopics.ANY_CONFIG, self._hear_config)
        command = HomeTopics.of_house(self._shown.house, "arm/set")
        self._target.subscribe(command, self._hear_command, takes_kept=False)
        self._target.on_connected(self._hear_connection)
        for bus in {self._bus, self._target}:
            bus.start()
        self._fetcher.start()
        try:
            while not self._control.stop_requested.is_set():
                self._turn()
                self._bell.wait(KEPT_WITHIN_NS / 1e9 if self._connected_ns else TURN_S)
        finally:
            self._leave()

    def _leave(self) -> None:
        """Nobody is there any more. Of a connection that ends in order the broker tells no will."""
        if self._target.is_connected:
            self._target.publish(HomeTopics.availability(self._shown.house), b"offline", retain=True)
        self._fetcher.stop(STOP_S)
        for bus in {self._target, self._bus}:
            bus.stop(STOP_S)

    def _turn(self) -> None:
        with suppress(queue.Empty):
            while True:
                self._heard.get_nowait()()
        now_ns = self._clock.mono_ns()
        if self._connected_ns and now_ns - self._connected_ns >= KEPT_WITHIN_NS:
            self._connected_ns, self._is_ready = 0, True
            self._say_again()
        if self._again_ns and now_ns >= self._again_ns:
            self._again_ns = 0
            self._board.show_again()
        try:
            self._forecast(now_ns)
            if now_ns >= self._look_ns:
                self._look_ns = now_ns + LOOK_EVERY_NS
                self._look(now_ns)
        except VigilarError as error:
            self._trouble.add(error)
        self._put_heard(now_ns)
        self._control.heartbeat(self._status())

    def _say_again(self) -> None:
        """To a broker that is new or was away, and to a Home Assistant that has just begun."""
        self._board.forget_sent()
        self._board.put(HomeTopics.availability(self._shown.house), b"online")
        self._again_ns = self._clock.mono_ns() + AGAIN_AFTER_NS
        self._look_ns = 0

    # What is read

    def _look(self, now_ns: int) -> None:
        if not self._is_ready:
            return
        shown, now_ms = self._shown, self._clock.utc_ns() // 1_000_000
        found = read_going_on(self._store, now_ms, HELD_MS, shown.cameras, wants_stills=shown.pictures)
        sensors = [one for one in found.sensors if self._job.sensors == "all" or states.is_own(one)]
        sensors = [] if self._job.sensors == "none" else sensors
        if self._board.put_devices(shown, all_devices(shown, sensors)):
            self._again_ns = now_ns + AGAIN_AFTER_NS
        self._board.put_all(states.visits(shown, found.visits))
        self._board.put_all(states.sensors(shown, sensors))
        names = {} if shown.shows_all else {one.id: one.name for one in list_cameras(self._store, with_removed=True)}
        self._board.put_all(states.last_event(shown, found.newest, names))
        if shown.pictures:
            self._wish_pictures(found, now_ns)

    def _wish_pictures(self, found: GoingOn, now_ns: int) -> None:
        moving = {one.camera_id for one in found.visits if one.is_open}
        for camera_id in self._shown.cameras:
            taken_ns, was_moving = self._pictured.get(camera_id, (0, False))
            is_moving = camera_id in moving
            is_due = now_ns - taken_ns >= (PICTURE_EVERY_NS if is_moving else REST_NS)
            if is_due or is_moving is not was_moving or not taken_ns:
                self._pictured[camera_id] = (now_ns, is_moving)
                self._fetcher.wish_now(camera_id)
        for camera_id, still_id in found.stills.items():
            if self._stills.get(camera_id) != still_id:
                self._stills[camera_id] = still_id
                self._fetcher.wish_still(camera_id, still_id)

    def _forecast(self, now_ns: int) -> None:
        if now_ns < self._forecast_ns:
            return
        self._forecast_ns = now_ns + FORECAST_RETRY_NS
        job, now_ms = self._job, self._clock.utc_ns() // 1_000_000
        self._days = read_overview(self._store, job.data_dir, job.node_id, job.rules, now_ms).forecast.days
        self._forecast_ns = now_ns + FORECAST_EVERY_NS

    # What is told

    def _put_heard(self, now_ns: int) -> None:
        if not self._is_ready:
            return
        shown, board = self._shown, self._board
        for camera_id in shown.cameras:
            health, heard_ns = self._cameras.get(camera_id, (None, self._began_ns))
            is_stale = now_ns - heard_ns > STALE_AFTER_NS
            if health is not None or is_stale:
                board.put_all(states.camera(shown, camera_id, None if is_stale else health))
        if self._arm is not None:
            board.put_all(states.alarm(shown, self._arm))
        board.put_all(states.storage_days(shown, self._days))
        if shown.has_ups and (status := self._status_of("ups")):
            board.put_all(states.supply(shown, status))
        if shown.has_backup and isinstance(part := self._status_of("backup").get("part"), dict):
            board.put_all(states.backup(shown, part))

    def _status_of(self, process: str) -> Mapping[str, Any]:
        found = self._processes.get(process)
        status = found.get("status") if isinstance(found, dict) and found.get("state") == "running" else None
        return status if isinstance(status, dict) else {}

    def _status(self) -> dict[str, Any]:
        return {
            "connected": self._target.is_connected,
            "said": self._note.said,
            "said_ms": self._note.said_ms or None,
            "devices": len(self._board.device_ids(self._shown)),
        }

    # What is heard, on other threads

    def _hand_over(self, task: Callable[[], None]) -> None:
        try:
            self._heard.put_nowait(task)
        except queue.Full:
            self._dropped.add("one was dropped")
        self._bell.ring()

    def _use(self, job: HomeAssistantJob) -> None:
        self._hand_over(lambda: self._take_settings(job))

    def _hear_status(self, status: dict[str, Any]) -> None:
        processes = status.get("processes")
        if isinstance(processes, dict):
            self._processes = processes

    def _hear_connection(self) -> None:
        self._hand_over(self._note_connection)

    def _hear_camera(self, topic: str, payload: bytes) -> None:
        health = self._parse(CameraHealth, payload)
        if health is not None and topic == Topics.camera_health(health.camera_id):
            self._hand_over(lambda: self._take_camera(health))

    def _hear_arm(self, _topic: str, payload: bytes) -> None:
        told = self._parse(ArmStateTold, payload)
        if told is not None:
            self._hand_over(lambda: setattr(self, "_arm", told))

    def _hear_home(self, _topic: str, payload: bytes) -> None:
        said = payload.decode("utf-8", "replace").strip().lower()
        if said in ("online", "offline"):
            self._hand_over(lambda: self._take_word(said))

    def _hear_config(self, topic: str, payload: bytes) -> None:
        self._hand_over(lambda: self._board.hear_config(topic, payload))

    def _hear_command(self, _topic: str, payload: bytes) -> None:
        mode = ARM_COMMANDS.get(payload.decode("utf-8", "replace").strip())
        if mode is None:
            self._unread.add("a command that the panel does not have")
            return
        self._hand_over(lambda: self._ask(mode))

    def _take_picture(self, camera_id: str, what: str, jpeg: bytes) -> None:
        topic = HomeTopics.of_camera(self._shown.house, camera_id, what)

        def show() -> None:
            if self._shown.pictures and camera_id in self._shown.cameras:
                self._board.show(topic, jpeg)

        self._hand_over(show)

    def _parse(self, form: type[Told], payload: bytes) -> Told | None:
        try:
            return form.parse(payload)
        except BadMessage as error:
            self._unread.add(error)
            return None

    # What is made of it, on the main thread

    def _look_now(self) -> None:
        self._look_ns = 0

    def _note_connection(self) -> None:
        self._connected_ns = self._clock.mono_ns()

    def _take_settings(self, job: HomeAssistantJob) -> None:
        self._job, self._shown = job, shown_of(job)
        shown = self._shown
        pictured = shown.cameras if shown.pictures else ()
        kinds = ("picture", "last_picture")
        self._board.forget_pictures(
            {HomeTopics.of_camera(shown.house, one, kind) for one in pictured for kind in kinds}
        )
        self._pictured.clear()
        self._stills.clear()
        self._look_ns = 0

    def _take_camera(self, health: CameraHealth) -> None:
        before, _ = self._cameras.get(health.camera_id, (None, 0))
        self._cameras[health.camera_id] = (health, self._clock.mono_ns())
        if health.state == "live" and (before is None or before.state != "live"):
            self._pictured.pop(health.camera_id, None)
            self._look_ns = 0

    def _take_word(self, said: str) -> None:
        self._note = HomeNote(said, self._clock.utc_ns() // 1_000_000)
        try:
            save_note(self._job.data_dir, self._note)
        except OSError as error:
            logger.warning("what Home Assistant said cannot be written down: %s", error.strerror)
        if said == "online" and self._is_ready:
            self._say_again()

    def _ask(self, mode: str) -> None:
        """Pass a wish on. The events process judges it: it arms, and of disarming people are told that it was refused,
        whatever messages of the owner's own programs may do."""
        now_ns = self._clock.mono_ns()
        if not self._job.may_arm:
            return
        is_flood = len(self._commands) == MOST_COMMANDS and now_ns - self._commands[0] < COMMANDS_NS
        if is_flood or (mode == "disarmed" and now_ns < self._disarm_ns):
            self._refused.add(mode)
            return
        self._commands.append(now_ns)
        if mode == "disarmed":
            self._disarm_ns = now_ns + COMMANDS_NS
        wish = ArmRequest(new_id(), self._clock.utc_ns() // 1_000_000, mode, BY, arms_only=True)
        self._bus.publish(Topics.ARM_REQUEST, wish.dump())


class TakingAway:
    """The end of the integration: everything that is kept at the broker goes, then the note, then this process."""

    def __init__(self, job: HomeAssistantJob, control: ControlChild) -> None:
        self._job = job
        self._control = control
        self._shown = shown_of(job)
        self._bus = _target(job, _house_bus(job))
        self._board = Board(self._bus)
        self._kept: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()

    def run(self) -> None:
        def hear(topic: str, payload: bytes) -> None:
            self._kept.put((topic, payload))

        house = self._shown.house
        self._bus.subscribe(HomeTopics.ANY_CONFIG, hear)
        self._bus.subscribe(f"vigilar-ha/{house}/#", hear)
        is_here = Bell()
        self._bus.on_connected(is_here.ring)
        self._bus.start()
        try:
            while not self._control.stop_requested.is_set():
                self._control.heartbeat({"connected": self._bus.is_connected})
                is_back = is_here.wait(TURN_S) and not self._control.stop_requested.wait(2 * KEPT_WITHIN_NS / 1e9)
                if is_back and self._empty():
                    break
            while not self._control.stop_requested.wait(TURN_S):
                self._control.heartbeat({"connected": self._bus.is_connected})
        finally:
            self._bus.stop(STOP_S)

    def _empty(self) -> bool:
        """Devices first, so that Home Assistant shows nothing that has no state. The note goes when the broker has
        taken all of it; False when it went away before, and is met again when it is back."""
        states_kept = []
        with suppress(queue.Empty):
            while True:
                topic, payload = self._kept.get_nowait()
                if payload and topic.startswith("homeassistant/"):
                    self._board.hear_config(topic, payload)
                elif payload:
                    states_kept.append(topic)
        self._board.take_away(self._shown, self._board.device_ids(self._shown))
        last = self._bus.publish(HomeTopics.availability(self._shown.house), b"", retain=True)
        for topic in states_kept:
            last = self._bus.publish(topic, b"", retain=True)
        if not last.wait(TAKEN_WITHIN_S):
            return False
        forget_note(self._job.data_dir)
        logger.info("nothing is published for Home Assistant any more")
        self._control.ask_reload()
        return True
