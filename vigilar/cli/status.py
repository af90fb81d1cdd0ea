"""``vigilar status``."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import click

from vigilar import __version__
from vigilar.base.errors import ConfigError, ExitCode, StoreError
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import house_time, one_line, print_json, print_table
from vigilar.cli.reload import not_running
from vigilar.cli.service import find_drive_trouble, find_supervisor, is_serving, local_host, page_address
from vigilar.cli.times import house_zone
from vigilar.config.cut import database_url
from vigilar.config.load import load_config
from vigilar.config.models import Camera, Config
from vigilar.config.places import Places
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, list_events
from vigilar.store.files import storage_totals

LATE_MS = 60_000
"""Footage older than this, of a camera that always records, is late: checkpoints come every 10 s, and a reconnect
takes up to 30 s."""


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """What the database knows of one camera; times are UTC ms.

    ``problem`` says why there is no picture, ``code`` is its V-CAM code; both are empty while there is one.
    """

    id: str
    name: str
    enabled: bool
    last_footage_ts: int | None
    footage_bytes: int
    is_late: bool
    problem: str = ""
    code: str = ""


@click.command()
@with_places
@with_json
def status(places: Places, as_json: bool) -> int:
    """Is Vigilar running, does its page answer, and when did each camera last record?

    Ends with 0 if all is well, 7 if it does not run, 10 if something needs a look.
    """
    pid = find_supervisor(places)
    if pid is None:
        if as_json:
            print_json({"running": False})
            return ExitCode.NOT_RUNNING
        raise not_running(places)
    found = _gather(places)
    if as_json:
        print_json({"running": True, "pid": pid, **found, "cameras": [asdict(one) for one in found["cameras"]]})
    else:
        _print(pid, found, places)
    return ExitCode.WARNINGS if found["warnings"] else ExitCode.OK


def _gather(places: Places) -> dict[str, Any]:
    found: dict[str, Any] = {"version": __version__, "address": None, "cameras": [], "warnings": []}
    if drive := find_drive_trouble(places):
        found["warnings"].append(f"{drive.sentence} {drive.next_step}")
        found["address"] = page_address(local_host(drive.listen), drive.port) if drive.port else None
        return found
    try:
        config = load_config(places)
    except ConfigError as error:
        found["warnings"].append(
            f"The settings are not valid, the last good ones stay in use: {'; '.join(str(error).splitlines())}"
        )
        return found
    host = local_host(config.web.listen)
    found["address"] = page_address(host, config.web.port)
    if not is_serving(host, config.web.port):
        found["warnings"].append(f"The page does not answer at {found['address']}")
    try:
        found["cameras"] = read_cameras(config, places, time.time_ns() // 1_000_000)
    except StoreError as error:
        found["warnings"].append(f"The database cannot be read: {error}")
    found["warnings"] += [_warning(one) for one in found["cameras"] if one.is_late or one.problem]
    return found


def _warning(one: CameraStatus) -> str:
    if not one.problem:
        return f"{one.name} has no new footage"
    code = f" [{one.code}]" if one.code else ""
    return f"{one.name}: {one.problem}{code} Try: vigilar camera test {one.id}"


def read_cameras(config: Config, places: Places, now_ms: int) -> list[CameraStatus]:
    """The status of each configured camera. Raises StoreError."""
    store = Store.open(database_url(config, places))
    try:
        totals = {total.camera_id: total for total in storage_totals(store) if total.content == "video"}
        offline = {one.id: _offline_event(store, one.id) for one in config.cameras if one.enabled}
    finally:
        store.close()
    statuses = []
    for camera in config.cameras:
        total = totals.get(camera.id)
        last_ms = total.last_ms if total else None
        is_late = _must_record_now(camera, config) and (last_ms is None or now_ms - last_ms > LATE_MS)
        size = total.size_bytes if total else 0
        found = offline.get(camera.id)
        problem = (str(found.payload.get("reason", "")), str(found.payload.get("code", ""))) if found else ("", "")
        statuses.append(CameraStatus(camera.id, camera.name, camera.enabled, last_ms, size, is_late, *problem))
    return statuses


def _offline_event(store: Store, camera_id: str) -> StoredEvent | None:
    """The event of the camera that is offline now. A process that starts anew tells it again, so only those after
    the newest start of camera process or system count."""
    found = _newest(store, camera_id, "camera_offline")
    if found is None:
        return None
    later = (("system", "system_started"), (camera_id, "process_restarted"), (camera_id, "camera_online"))
    ended = [one for source_id, kind in later if (one := _newest(store, source_id, kind))]
    return None if any(one.ts_ms > found.ts_ms for one in ended) else found


def _newest(store: Store, source_id: str, kind: str) -> StoredEvent | None:
    return next(iter(list_events(store, EventFilter(camera=source_id, type=kind, limit=1))[0]), None)


def _must_record_now(camera: Camera, config: Config) -> bool:
    return camera.enabled and config.mode_of(camera) != "motion"


def _print(pid: int, found: dict[str, Any], places: Places) -> None:
    print(f"Vigilar {found['version']} runs, process {pid}, data in {places.data_dir}")
    if found["address"]:
        print(f"Page: {found['address']}")
    if found["cameras"]:
        zone = house_zone(load_config(places))
        print_table(_row(one, zone) for one in found["cameras"])
    for warning in found["warnings"]:
        print(f"! {one_line(warning)}")


def _row(one: CameraStatus, zone: Any) -> tuple[str, ...]:
    if not one.enabled:
        last = "set aside"
    elif one.last_footage_ts is None:
        last = "no footage yet"
    else:
        last = f"last footage {house_time(one.last_footage_ts, zone)}"
    return (f"  {one.name}", last, f"{one.footage_bytes / 1e9:.1f} GB", "!" if one.is_late or one.problem else "")
