"""Everything that must be ready before a process may start: settings, keys, accounts, database, demo clips.

Runs in a short-lived process of the supervisor, at the start and at each reload, while the supervisor holds the data
folder's lock: so nothing here can race with a second one.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from itertools import chain
from pathlib import Path

from vigilar.base.errors import RecordingError
from vigilar.base.folder_id import find_folder_id
from vigilar.base.folder_look import explain_away
from vigilar.base.house_file import HouseMemory
from vigilar.base.ports import LOOPBACK, free_port
from vigilar.bus.accounts import access_list, load_or_create_accounts, password_file
from vigilar.bus.broker import write_configuration
from vigilar.config.cut import DemoClips, cut_jobs, database_url, make_broker_plan, shared_logins
from vigilar.config.jobs import BrokerPlan, BusLogin, BusLogins, HouseJobs
from vigilar.config.load import load_config
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.processes.planner import PlanTask
from vigilar.store.cameras import ensure_camera, list_cameras, remove_camera
from vigilar.store.engine import Store
from vigilar.store.files import find_files, storage_totals
from vigilar.vge.gate import file_errors
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import LOCKED_CODES, open_header

logger = logging.getLogger(__name__)


def make_jobs(task: PlanTask) -> HouseJobs:
    """The jobs of the house, with all that they rely on in place.

    Raises VigilarError; a wrong configuration is found before anything is changed.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of each of its plug-ins
    places = task.places
    node_id = find_folder_id(places.data_dir)
    if node_id is None:  # the supervisor made it; so the drive went away this moment, and nothing may be made here
        raise explain_away(HouseMemory(), places.data_dir, "does not hold this house's data")
    config = load_config(places)
    broker = make_broker_plan(config, places)
    ring = KeyRing.load_or_create(places.secrets_dir)
    if broker.is_own:
        broker = replace(broker, port=broker.port or task.bus_port or free_port())
        logins = _make_broker_ready(places, broker)
    else:
        logins = shared_logins(broker)
    uuids = _make_database_ready(config, places, migrate=task.is_start)
    if task.is_start:
        _tell_locked_recordings(config, places, ring)
    jobs = cut_jobs(config, places, logins, _make_demo_ready(config, places), uuids, node_id)
    return replace(jobs, broker=broker)


def _make_broker_ready(places: Places, broker: BrokerPlan) -> BusLogins:
    passwords = load_or_create_accounts(places.secrets_dir)
    write_configuration(places.broker_dir, broker.port, password_file(passwords), access_list())
    camera, events, web = (BusLogin(user, passwords[user]) for user in ("camera", "events", "web"))
    return BusLogins(host=LOOPBACK, port=broker.port, camera=camera, events=events, web=web)


def _make_database_ready(config: Config, places: Places, *, migrate: bool) -> dict[str, bytes]:
    """The uuid of each configured camera. Migrates only at the start: later, processes use the database."""
    now_ms = time.time_ns() // 1_000_000
    store = Store.open(database_url(config, places), migrate=migrate)
    try:
        uuids = {camera.id: ensure_camera(store, camera.id, camera.name, now_ms).uuid for camera in config.cameras}
        for row in list_cameras(store):
            if row.id not in uuids:
                remove_camera(store, row.id, now_ms)
        return uuids
    finally:
        store.close()


def _tell_locked_recordings(config: Config, places: Places, ring: KeyRing) -> None:
    """Say once when the newest recordings are under a key that is not here. A house without its old key must still
    be recorded, so this refuses nothing."""
    store = Store.open(database_url(config, places))
    try:
        newest = [
            find_files(store, total.camera_id, "video", total.last_ms - 1, total.last_ms + 1)[-1:]
            for total in storage_totals(store)
            if total.content == "video"
        ]
    finally:
        store.close()
    for row in chain.from_iterable(newest):
        if locked := _find_lock(places.data_dir / row.path, ring):
            logger.error(
                "%s: %s; new recordings are made under the key that is here. "
                "Put the key file back from your backup into %s, beside it, to open the old ones.",
                row.path,
                locked,
                places.secrets_dir,
            )
            return


def _find_lock(path: Path, ring: KeyRing) -> RecordingError | None:
    """Why no key of ``ring`` opens the file. None when one does, or when the file has another fault."""
    try:
        with file_errors("open", path), path.open("rb") as file:
            open_header(file.fileno(), ring)
    except RecordingError as error:
        return error if error.code in LOCKED_CODES else None
    return None


def _make_demo_ready(config: Config, places: Places) -> DemoClips:
    """The clips of the demo scenes, if a camera shows one."""
    if not any(camera.enabled and camera.address.startswith("demo:") for camera in config.cameras):
        return {}
    # Imported here and nowhere else: a house without demo scenes need not load OpenCV and PyAV to read its settings.
    from vigilar.demo.scenes import ensure_clips

    began = time.monotonic()
    clips = ensure_clips(places.demo_dir)
    if time.monotonic() - began > 1.0:
        logger.info("made the clips of the demo scenes in %.0f s", time.monotonic() - began)
    return {name: (clip.main, clip.sub) for name, clip in clips.items()}
