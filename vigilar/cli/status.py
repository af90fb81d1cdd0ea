"""``vigilar status``."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click

from vigilar import __version__
from vigilar.base.disk import device_fault, is_read_only
from vigilar.base.errors import ConfigError, ExitCode, StoreError
from vigilar.base.not_recording import DISK_STEPS, NotRecording, find_reason
from vigilar.base.status_socket import ask_status
from vigilar.cli.arm import arm_sentence
from vigilar.cli.options import with_json, with_places
from vigilar.cli.output import house_time, one_line, print_json, print_table
from vigilar.cli.proof_status import proof_warnings
from vigilar.cli.reload import not_running
from vigilar.cli.service import find_drive_trouble, find_supervisor, is_serving, local_host, page_address
from vigilar.cli.times import house_zone
from vigilar.config.cut import database_url
from vigilar.config.load import load_config
from vigilar.config.models import Camera, Config
from vigilar.config.places import Places
from vigilar.door.haproxy import find_haproxy
from vigilar.record.free_space import free_space_of
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, list_events
from vigilar.store.files import storage_totals
from vigilar.vge.places import key_notes, lock_problem

STALE_MS = 15_000
"""A status older than this is none; the supervisor makes it when it is asked."""

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
    state: str = ""
    """``recording``, ``not recording``, ``quiet`` (nothing moves), ``restarting``, ``off``; empty: not known."""


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
    found: dict[str, Any] = {"version": __version__, "address": None, "cameras": [], "warnings": [], "notes": []}
    if drive := find_drive_trouble(places):
        found["warnings"].append(f"{drive.sentence} {drive.next_step}")
        found["address"] = page_address(local_host(drive.listen), drive.port) if drive.port else None
        return found
    found["notes"] = key_notes(places.secrets_dir, places.data_dir) + door_notes()
    if locked := lock_problem(places.secrets_dir):
        found["warnings"].append(locked)
    now_ms = time.time_ns() // 1_000_000
    told = fresh_processes(places, now_ms)
    if told is None:
        found["warnings"].append("The main program does not say how its programs are")
    found["warnings"] += _disk_warnings(places, told or {}) + _told_warnings(told or {})
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
        found["cameras"] = read_cameras(config, places, now_ms)
        found["warnings"] += proof_warnings(config, places, now_ms)
        found["notes"].append(arm_sentence(config, places))
    except StoreError as error:
        found["warnings"].append(f"The database cannot be read: {error}. {error.next_step}")
        found["cameras"] = [CameraStatus(one.id, one.name, one.enabled, None, 0, False) for one in config.cameras]
    found["cameras"] = [_with_state(one, (told or {}).get(f"camera/{one.id}")) for one in found["cameras"]]
    found["warnings"] += [words for one in found["cameras"] if (words := _warning(one))]
    return found


def door_notes() -> list[str]:
    """What the pages lack without the program that stands before them."""
    if find_haproxy():
        return []
    lacks = "HAProxy is not installed: there is no HTTPS, and from other machines nothing can be changed."
    return [f"{lacks} Install it (sudo apt-get install haproxy), then start Vigilar again."]


def fresh_processes(places: Places, now_ms: int) -> dict[str, Any] | None:
    """What the supervisor says now of its processes, by name; None when it does not answer."""
    status = ask_status(places.run_dir)
    is_fresh = status is not None and abs(now_ms - int(status["ts"])) <= STALE_MS
    return status["processes"] if status is not None and is_fresh else None


def _told_warnings(processes: dict[str, Any]) -> list[str]:
    """What retention and the event log cannot do without a person, and what became of a database that was damaged."""
    upkeep = processes.get("upkeep", {}).get("status", {})
    problem, database = upkeep.get("problem"), upkeep.get("database")
    told = processes.get("events", {}).get("status", {}).get("problem")
    return [
        *([str(database)] if database else []),
        *([f"{problem} Look at: vigilar storage show"] if problem else []),
        *([str(told)] if told else []),
    ]


def _disk_warnings(places: Places, processes: dict[str, Any]) -> list[str]:
    """What is wrong with the disk of the recordings, in one sentence; the recorders know best, as they try to write."""
    statuses = [one["status"] for name, one in processes.items() if name.startswith("camera/")]
    reasons = [reason for one in statuses if (reason := find_reason(one.get("not_recording")))]
    reason = next((one for one in reasons if one.is_of_disk), None) or _look_at_disk(places.data_dir)
    return [] if reason is None else [f"{reason.sentence} {DISK_STEPS.get(reason, '')}".strip()]


def _look_at_disk(folder: Path) -> NotRecording | None:
    """What can be seen of the disk from outside."""
    try:
        if is_read_only(folder):
            return NotRecording.DISK_READ_ONLY
        if free_space_of(folder).is_full:
            return NotRecording.DISK_FULL
    except OSError:
        return NotRecording.DISK_FAILED
    return NotRecording.DISK_FAILED if device_fault(folder / "vigilar.db") else None


def _with_state(one: CameraStatus, process: dict[str, Any] | None) -> CameraStatus:
    """The camera with what its process says at this moment."""
    if not one.enabled:
        return replace(one, state="off")
    if process is None:
        return one
    if process["state"] != "running":
        words = f"Its process {process['last_exit']} and is started again." if process["last_exit"] else ""
        return replace(one, state="restarting", problem=one.problem or words or "Its process starts.")
    told = process["status"]
    if reason := find_reason(told.get("not_recording")):
        return replace(one, state="not recording", problem=one.problem or f"Not recorded. {reason.sentence}")
    if told.get("is_offline"):
        return replace(one, state="not recording", problem=one.problem or "It sends no picture.")
    return replace(one, state="recording" if told.get("is_recording") else "quiet")


def _warning(one: CameraStatus) -> str:
    """Empty when all is well with the camera."""
    if not one.problem:
        return f"{one.name} has no new footage" if one.is_late else ""
    if not one.code:
        return f"{one.name}: {one.problem}"
    return f"{one.name}: {one.problem} [{one.code}] Try: vigilar camera test {one.id}"


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
    if found is None or found.end_ms is not None:
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
    for note in found["notes"]:
        print(one_line(note))


def _row(one: CameraStatus, zone: Any) -> tuple[str, ...]:
    if not one.enabled:
        last = "set aside"
    elif one.last_footage_ts is None:
        last = "no footage yet"
    else:
        last = f"last footage {house_time(one.last_footage_ts, zone)}"
    return (
        f"  {one.name}",
        one.state or "not known",
        last,
        f"{one.footage_bytes / 1e9:.1f} GB",
        "!" if one.is_late or one.problem else "",
    )
