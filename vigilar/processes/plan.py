"""Reads the configuration and makes the plan of the house, with the broker's accounts, rows of cameras and demo clips.

Runs in a short-lived process of the supervisor, at the start (after ``upgrade``) and at each reload, while the
supervisor holds the data folder's lock: so nothing here can race with a second one. Whoever made a change waits for
it, so what only a start needs is not imported here: SQLAlchemy alone would be half of it.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Collection, Sequence
from contextlib import closing, suppress
from dataclasses import replace

from vigilar.base.disk import disk_errors
from vigilar.base.errors import StoreError
from vigilar.base.ports import LOOPBACK, free_port, is_port_free
from vigilar.base.reserve import Reserve
from vigilar.bus.accounts import (
    HOME_ASSISTANT_USER,
    OWNER,
    ZIGBEE_USER,
    Account,
    access_list,
    find_home_assistant_hash,
    home_assistant_account,
    load_or_create_passwords,
    password_file,
    zigbee_account,
)
from vigilar.bus.broker import ACCOUNTS, SENSOR_ACCOUNTS, LanListener, is_told_to_listen, write_configuration
from vigilar.config.cut import CutSource, DemoClips, database_url, make_broker_plan, shared_logins
from vigilar.config.home_cut import home_assistant_listener, is_in_force
from vigilar.config.jobs import BrokerPlan, BusLogin, BusLogins, DoorPlan, HouseJobs, LanWay
from vigilar.config.last_good import keep_good, load_in_force
from vigilar.config.load import load_config
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.door.haproxy import DoorSettings, find_haproxy, write_door
from vigilar.door.places import serving_file
from vigilar.processes.cutting import cut_house, list_accounts
from vigilar.processes.folder_check import require_folder_id
from vigilar.processes.planner import PlanTask
from vigilar.store.cameras import CAMERA_ELSEWHERE, ensure_camera, list_cameras, remove_camera
from vigilar.store.sqlite_store import open_database

logger = logging.getLogger(__name__)


def make_jobs(task: PlanTask) -> HouseJobs:
    """The jobs of the house, with all that they rely on in place; the database is there and new enough.

    On a full disk the reserve is spent on it, so that a house that was started once starts always. Raises
    VigilarError; a wrong configuration is found before anything is changed.
    """
    with disk_errors("start", task.places.data_dir):
        return Reserve(task.places.data_dir).help(lambda: _make_jobs(task))


def _make_jobs(task: PlanTask) -> HouseJobs:
    places = task.places
    node_id = require_folder_id(places.data_dir)
    # A change that is wrong is refused, and what runs goes on; a start must not fail for it after a power cut.
    config, wrong = load_in_force(places) if task.is_start else (load_config(places), "")
    broker = make_broker_plan(config, places)
    troubles: list[str] = []
    if broker.is_own:
        broker = replace(broker, port=broker.port or task.bus_port or free_port())
        broker, troubles = _with_lan(broker, config, places, is_start=task.is_start)
        cameras = [camera.id for camera in config.cameras if camera.enabled]
        accounts = list_accounts(task.kinds, cameras, config.sensors.zigbee2mqtt)
        logins = make_broker_ready(places, broker, accounts, is_start=task.is_start)
    else:
        logins = shared_logins(broker)
    door = make_door_ready(config, places)
    uuids, refused = _make_cameras_ready(config, places, node_id)
    source = CutSource(
        config=config,
        places=places,
        bus=logins,
        demo_clips=_make_demo_ready(config, places),
        camera_uuids=uuids,
        node_id=node_id,
        refused=refused,
        has_door=door is not None,
    )
    jobs = replace(cut_house(task.kinds, source, broker), door=door, config_error=wrong)
    if not wrong:
        keep_good(places)
    return replace(jobs, problems=(*jobs.problems, *troubles))


def make_door_ready(config: Config, places: Places) -> DoorPlan | None:
    """Lay down what HAProxy reads at its start. None where it is not installed: the web server then listens itself, on
    plain HTTP, and says so."""
    if find_haproxy() is None:
        return None
    web = config.web
    certificate = serving_file(places.secrets_dir)
    door = DoorPlan(
        listen=web.listen, port=web.port, proxies=web.proxies, has_tls=certificate.exists(), https_only=web.https_only
    )
    settings = DoorSettings(
        listen=door.listen,
        port=door.port,
        proxies=door.proxies,
        certificate=certificate if door.has_tls else None,
        https_only=door.https_only,
    )
    write_door(places.door_dir, settings)
    return door


def _with_lan(broker: BrokerPlan, config: Config, places: Places, *, is_start: bool) -> tuple[BrokerPlan, list[str]]:
    """The broker with its ways in from the network, and why one of them cannot be, as sentences. It must not end for
    that: the whole house speaks by it."""
    troubles: list[str] = []
    taken = {broker.port, config.web.port}

    def checked(way: LanWay | None, who: str, key: str) -> LanWay | None:
        if way is None:
            return None
        way = _with_certificate(way, places)
        trouble = _lan_trouble(way, who, key, taken, places, is_start=is_start)
        taken.add(way.port)
        troubles.extend([trouble] if trouble else [])
        return None if trouble else way

    sensors = checked(broker.sensors, "sensors", "[sensors] listen")
    home = checked(_home_assistant_way(config, places), "Home Assistant", "[home_assistant] listen")
    return replace(broker, sensors=sensors, home_assistant=home), troubles


def _home_assistant_way(config: Config, places: Places) -> LanWay | None:
    """None also while there is no password: nobody could enter."""
    hashed = find_home_assistant_hash(places.secrets_dir)
    way = home_assistant_listener(config) if hashed and is_in_force(config, places) else None
    return None if way is None else replace(way, password_id=hashlib.sha256(hashed.encode()).hexdigest()[:16])


def _lan_trouble(way: LanWay, who: str, key: str, taken: Collection[int], places: Places, *, is_start: bool) -> str:
    """Why our broker cannot listen there, as a sentence; empty when it can."""
    if way.is_encrypted and not way.certificate_id:
        lack = "cannot be heard encrypted, as there is no certificate. Start Vigilar again, or see its log."
        return f"{who[0].upper()}{who[1:]} {lack}"
    sentence = f"Port {way.port}, wanted for {who}, is taken: choose another one in {key}."
    if way.port in taken:
        return sentence
    if not is_start and is_told_to_listen(places.broker_dir, way.host, way.port):
        return ""  # our own broker has it
    try:
        return "" if is_port_free(way.host, way.port) else sentence
    except OSError as error:
        return f"{who[0].upper()}{who[1:]} cannot be listened to on {way.host} port {way.port}: {error.strerror}."


def _with_certificate(way: LanWay, places: Places) -> LanWay:
    """Name the certificate that a way in shows, if it is to show one and it is there."""
    if way.is_encrypted:
        with suppress(FileNotFoundError):
            found = hashlib.sha256(serving_file(places.secrets_dir).read_bytes()).hexdigest()
            return replace(way, certificate_id=found[:16])
    return way


def make_broker_ready(
    places: Places, broker: BrokerPlan, accounts: Sequence[Account], *, is_start: bool = False
) -> BusLogins:
    """Lay down what our Mosquitto reads; it reads it at its start and at SIGHUP.

    At the start of the house, while nobody is there yet, the processes get new passwords. One that is started again
    alone has that of its job. What the owner wrote into programs of others, and into Zigbee2MQTT, stays.
    """
    users = [*(account.user for account in accounts), ZIGBEE_USER]
    renewed = [user for user in users if user not in (OWNER.user, ZIGBEE_USER)] if is_start else []
    passwords = load_or_create_passwords(places.secrets_dir, users, renewed=renewed)
    zigbee = {ZIGBEE_USER: passwords.pop(ZIGBEE_USER)}
    lan = []
    if way := broker.sensors:
        hashes = _hashes(places, SENSOR_ACCOUNTS, zigbee)
        lan.append(_listener("sensor", way, hashes, zigbee_account(way.topic), places))
    if way := broker.home_assistant:
        hashes = f"{HOME_ASSISTANT_USER}:{find_home_assistant_hash(places.secrets_dir)}\n"
        lan.append(_listener("home-assistant", way, hashes, home_assistant_account(), places))
    hashes = _hashes(places, ACCOUNTS, passwords)
    write_configuration(places.broker_dir, broker.port, hashes, access_list(accounts), lan)
    logins = {user: BusLogin(user, password) for user, password in passwords.items()}
    return BusLogins(host=LOOPBACK, port=broker.port, accounts=logins)


def _listener(name: str, way: LanWay, hashes: str, account: Account, places: Places) -> LanListener:
    certificate = serving_file(places.secrets_dir) if way.is_encrypted else None
    return LanListener(name, way.host, way.port, hashes, access_list([account]), certificate, way.certificate_id)


def _hashes(places: Places, name: str, passwords: dict[str, str]) -> str:
    known = places.broker_dir / name
    return password_file(passwords, known.read_text(encoding="utf-8") if known.exists() else "")


def _make_cameras_ready(config: Config, places: Places, node_id: str) -> tuple[dict[str, bytes], dict[str, str]]:
    """The uuid of each configured camera, and why each other one cannot run: its id is another box's."""
    now_ms = time.time_ns() // 1_000_000
    uuids, refused = {}, {}
    with closing(open_database(database_url(config, places))) as store:
        for camera in config.cameras:
            try:
                uuids[camera.id] = ensure_camera(store, camera.id, camera.name, now_ms, node_id).uuid
            except StoreError as error:
                if error.code != CAMERA_ELSEWHERE:
                    raise
                refused[camera.id] = f"{error}. {error.next_step}"
        for row in list_cameras(store):
            if row.node_id == node_id and row.id not in uuids:
                remove_camera(store, row.id, now_ms)
    return uuids, refused


def _make_demo_ready(config: Config, places: Places) -> DemoClips:
    """The clips of the demo scenes that cameras show."""
    addresses = [camera.address for camera in config.cameras if camera.enabled]
    wanted = {address.removeprefix("demo:") for address in addresses if address.startswith("demo:")}
    if not wanted:
        return {}
    # Imported here and nowhere else: a house without demo scenes need not load OpenCV and PyAV to read its settings.
    from vigilar.demo.scenes import ensure_clips

    began = time.monotonic()
    clips = ensure_clips(places.demo_dir, wanted)
    if time.monotonic() - began > 1.0:
        logger.info("made the clips of the demo scenes in %.0f s", time.monotonic() - began)
    return {name: (clip.main, clip.sub) for name, clip in clips.items()}
