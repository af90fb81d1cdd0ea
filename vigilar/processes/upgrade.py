"""Everything that must be ready before a process may start: settings, keys, accounts, database, demo clips.

Runs in a short-lived process of the supervisor, at the start and at each reload, while the supervisor holds the data
folder's lock: so nothing here can race with a second one.
"""

from __future__ import annotations

import logging
import time
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path

from vigilar.base.disk import disk_errors
from vigilar.base.errors import RecordingError, StoreError
from vigilar.base.folder_id import find_folder_id, make_folder_id
from vigilar.base.ports import LOOPBACK, free_port
from vigilar.base.reserve import Reserve
from vigilar.bus.accounts import access_list, load_or_create_accounts, password_file
from vigilar.bus.broker import write_configuration
from vigilar.config.cut import DemoClips, cut_jobs, database_url, make_broker_plan, shared_logins
from vigilar.config.jobs import BrokerPlan, BusLogin, BusLogins, HouseJobs
from vigilar.config.load import load_config
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.processes.planner import PlanTask
from vigilar.store.cameras import CAMERA_ELSEWHERE, ensure_camera, list_cameras, remove_camera
from vigilar.store.engine import Store
from vigilar.store.files import find_files, storage_totals
from vigilar.store.nodes import claim_rows
from vigilar.vge.gate import file_errors
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import LOCKED_CODES, open_header

logger = logging.getLogger(__name__)


def make_jobs(task: PlanTask) -> HouseJobs:
    """The jobs of the house, with all that they rely on in place.

    On a full disk the reserve is spent on it, so that a house that was started once starts always. Raises
    VigilarError; a wrong configuration is found before anything is changed.
    """
    return Reserve(task.places.data_dir).help(lambda: _make_jobs(task))


def _make_jobs(task: PlanTask) -> HouseJobs:
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of each of its plug-ins
    config = load_config(task.places)
    with disk_errors("start", task.places.data_dir):
        return _make_ready(config, task)


def _make_ready(config: Config, task: PlanTask) -> HouseJobs:
    places = task.places
    broker = make_broker_plan(config, places)
    ring = KeyRing.load_or_create(places.secrets_dir)
    if broker.is_own:
        broker = replace(broker, port=broker.port or task.bus_port or free_port())
        logins = _make_broker_ready(places, broker)
    else:
        logins = shared_logins(broker)
    node_id = find_folder_id(places.data_dir) or make_folder_id(places.data_dir)
    uuids, refused = _make_database_ready(config, places, node_id, migrate=task.is_start)
    if task.is_start:
        _tell_locked_recordings(config, places, ring)
    jobs = cut_jobs(config, places, logins, _make_demo_ready(config, places), uuids, node_id, refused)
    return replace(jobs, broker=broker)


def _make_broker_ready(places: Places, broker: BrokerPlan) -> BusLogins:
    passwords = load_or_create_accounts(places.secrets_dir)
    known = places.broker_dir / "accounts"
    accounts = password_file(passwords, known.read_text(encoding="utf-8") if known.exists() else "")
    write_configuration(places.broker_dir, broker.port, accounts, access_list())
    camera, events, web = (BusLogin(user, passwords[user]) for user in ("camera", "events", "web"))
    return BusLogins(host=LOOPBACK, port=broker.port, camera=camera, events=events, web=web)


def _make_database_ready(
    config: Config, places: Places, node_id: str, *, migrate: bool
) -> tuple[dict[str, bytes], dict[str, str]]:
    """The uuid of each configured camera, and why each other one cannot run: its id is another box's.

    Migrates, and claims rows of no box, only at the start: later, processes use the database.
    """
    now_ms = time.time_ns() // 1_000_000
    uuids, refused = {}, {}
    with closing(Store.open(database_url(config, places), migrate=migrate)) as store:
        if migrate and (claimed := claim_rows(store, node_id)):
            logger.info("%d rows from before boxes had ids are this box's now", claimed)
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
