"""What a command on the box knows of the house: told by the supervisor over its socket, and read from the database.

The same ``Known`` that pages are made of, so that both say the same.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from vigilar import __version__
from vigilar.base.clock_sync import ClockState, read_clock
from vigilar.base.disk import DEVICE_ERRORS, device_fault, is_read_only
from vigilar.base.errors import StoreError, VigilarError
from vigilar.base.folder_id import find_folder_id
from vigilar.base.status_socket import ask_status
from vigilar.cli.times import house_zone
from vigilar.config.cut import database_url, keep_rules
from vigilar.config.jobs import CameraInfo
from vigilar.config.models import Config
from vigilar.config.places import Places
from vigilar.door.certificates import read_state
from vigilar.door.haproxy import find_haproxy
from vigilar.health.known import Certificate, Footage, Known
from vigilar.health.lines import CameraLine, DiskState, camera_line, health_of_process, process_lines
from vigilar.health.rows import Rows, jobs_done, read_rows
from vigilar.record.free_space import free_space_of
from vigilar.store.engine import Store
from vigilar.store.files import StorageTotal, storage_totals
from vigilar.upkeep.overview import read_overview
from vigilar.vge.places import key_notes, lock_problem

STALE_MS = 15_000
"""A status older than this is none; the supervisor makes it when it is asked."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """``known``, and what the recordings of each camera take, None when the database could not be read:
    ``store_error`` says why."""

    known: Known
    totals: dict[str, StorageTotal] | None
    store_error: str = ""


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the database says."""

    rows: Rows
    footage: Footage
    totals: dict[str, StorageTotal]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def fresh_status(places: Places) -> dict[str, Any] | None:
    """What the supervisor says now; None when it does not answer."""
    status = ask_status(places.run_dir)
    is_fresh = status is not None and abs(now_ms() - int(status["ts"])) <= STALE_MS
    return status if is_fresh else None


def gather(config: Config | None, places: Places, config_error: str = "") -> Gathered:
    """All of it. ``config_error``: what is wrong with the file, while ``config`` is the last good one, or None: then
    the cameras are those that run, and nothing is read from the database. Waits for database and disk as long as they
    take."""
    at_ms, told = now_ms(), fresh_status(places)
    processes = told["processes"] if told is not None else None
    zone = UTC if config is None else house_zone(config)
    cameras = [CameraInfo(**one) for one in (told or {}).get("cameras") or ()] if config is None else config.cameras
    lines = [
        camera_line(one, health_of_process((processes or {}).get(f"camera/{one.id}")), at_ms, zone) for one in cameras
    ]
    stored, store_error = (None, "") if config is None else _read_store(config, places, at_ms)
    clock = read_clock()
    folder = (told or {}).get("folder") or {}
    known = Known(
        now_ms=at_ms,
        version=__version__,
        cameras=lines,
        processes=processes,
        lines=None if processes is None else process_lines(processes),
        has_bus=_has_bus(processes),
        disk=_look_at_disk(places, lines, is_doubted=config is None or bool(config_error)),
        drive=str(folder.get("sentence") or ""),
        drive_step=str(folder.get("next_step") or ""),
        told=told_sentences(processes),
        locked=lock_problem(places.secrets_dir),
        key_notes=key_notes(places.secrets_dir, places.data_dir),
        config_error="; ".join((config_error or str((told or {}).get("config_error") or "")).splitlines()),
        plan_problems=[str(one) for one in (told or {}).get("problems") or ()],
        wants_objects=config is None or (config.detect.enabled and config.detect.objects),
        certificate=_certificate(places),
        clock=clock,
        clock_watched_ms=_watched_ms(clock, processes, at_ms),
        footage=stored.footage if stored else None,
        sensors=stored.rows.sensors if stored else None,
        damaged=stored.rows.damaged if stored else 0,
        history=stored.rows.history if stored else "",
        low_coverage=stored.rows.low_coverage if stored else {},
        jobs=jobs_done(stored.rows.jobs, at_ms, lambda _row: True) if stored else None,
        snoozed=stored.rows.snoozed if stored else {},
        zone=zone,
    )
    return Gathered(known, stored.totals if stored else None, store_error)


def told_sentences(processes: dict[str, Any] | None) -> list[str]:
    """What retention and the event log cannot do without a person, and what became of a database that was damaged."""
    statuses = [((processes or {}).get(name) or {}).get("status") or {} for name in ("upkeep", "events")]
    return [str(status[what]) for status in statuses for what in ("database", "problem") if status.get(what)]


def _read_store(config: Config, places: Places, at_ms: int) -> tuple[_Stored | None, str]:
    try:
        node_id = find_folder_id(places.data_dir) or ""
        with closing(Store.open(database_url(config, places))) as store:
            found = read_overview(store, places.data_dir, node_id, keep_rules(config), at_ms)
            oldest = min((one.oldest_ms for one in found.cameras if one.oldest_ms is not None), default=None)
            footage = Footage(oldest, found.forecast.days, found.forecast.sentence)
            totals = {one.camera_id: one for one in storage_totals(store) if one.content == "video"}
            return _Stored(read_rows(store, node_id, at_ms), footage, totals), ""
    except StoreError as error:
        return None, f"The database cannot be read: {error}. {error.next_step}"
    except VigilarError as error:
        return None, f"{error}. {error.next_step}"
    except OSError as error:
        return None, f"The data folder cannot be read: {error.strerror}."


def _has_bus(processes: dict[str, Any] | None) -> bool:
    """A command hears no bus. Our own broker that runs carries it; of the owner's nobody says otherwise."""
    broker = (processes or {}).get("broker")
    return not isinstance(broker, dict) or broker.get("state") in ("running", "starting")


def _look_at_disk(places: Places, lines: list[CameraLine], *, is_doubted: bool) -> DiskState | None:
    """The disk of the recordings; asked for a fault where a camera is not well, nobody says how they are, or
    ``is_doubted``: the settings on it could not be read."""
    folder = places.data_dir
    try:
        space = free_space_of(folder)
        read_only = is_read_only(folder)
    except OSError as error:
        return DiskState(0, 0, fault=error.strerror or "") if error.errno in DEVICE_ERRORS else None
    fault = ""
    if is_doubted or not lines or not all(one.is_well for one in lines):
        asked = [folder / "vigilar.db", *([places.config_file] if places.config_file.parent == folder else [])]
        fault = next(filter(None, map(device_fault, asked)), "")
    return DiskState(space.total_bytes, space.free_bytes, read_only, fault)


def _certificate(places: Places) -> Certificate:
    state = read_state(places.secrets_dir)
    if state is None or not find_haproxy():
        return Certificate("warn", "There is no HTTPS.")
    return Certificate(state.state, state.sentence, state.ends_ms)


def _watched_ms(clock: ClockState | None, processes: dict[str, Any] | None, at_ms: int) -> int:
    """How long the clock may have been out of step: no longer than the house runs."""
    started = ((processes or {}).get("supervisor") or {}).get("started_ts")
    if clock is None or clock.is_in_step or not isinstance(started, int):
        return 0
    return max(0, at_ms - started)
