"""Gathers what is known of the house right now, for the pages that show it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vigilar import __version__
from vigilar.base.disk import DEVICE_ERRORS, device_fault, is_read_only
from vigilar.base.errors import StoreError, VigilarError
from vigilar.base.tally import Tally
from vigilar.health.detector_words import DetectorLine, detector_line
from vigilar.health.house import HouseHealth, look_at_house
from vigilar.health.known import Certificate, DayGap, Footage, Known
from vigilar.health.lines import CameraLine, DiskState, ProcessLine, camera_line, process_lines
from vigilar.health.rows import Rows, jobs_done, read_rows
from vigilar.playback.coverage import Coverage, read_day
from vigilar.upkeep.overview import read_overview
from vigilar.vge.places import key_notes, lock_problem
from vigilar.web.parts import Parts
from vigilar.web.patience import DoesNotAnswerError
from vigilar.web.visible import VisibleCameras

logger = logging.getLogger(__name__)

DATABASE_NAME = "vigilar.db"
"""The file by which the device of the data folder is asked whether it answers."""

ROWS = "rows"
HEADER_AGE_S = 5.0
GAP_AGE_S = 60.0
FOOTAGE_AGE_S = 300.0
"""How old what is shown of the database may be: all of it in the header, gaps of today, the forecast."""

WORTH_A_WORD_MS = 10_000
"""A shorter gap is a reconnect or a restart: it is on the page of coverage, and no news."""

_unread = Tally(logger, "what the database knows of the house could not be read", every_s=60.0)


@dataclass(frozen=True, slots=True)
class HouseState:
    """All of ``/system``, as one member sees it. ``processes`` is None when the supervisor has not been heard."""

    now_ms: int
    cameras: list[CameraLine]
    processes: list[ProcessLine] | None
    disk: DiskState | None
    has_bus: bool
    detector: DetectorLine
    health: HouseHealth

    @property
    def sentence(self) -> str:
        return self.health.sentence

    @property
    def mark(self) -> tuple[str, str, str]:
        """What the header of each page says: state, symbol and words."""
        return self.health.mark


def read_cameras(here: Parts, visible: VisibleCameras) -> list[CameraLine]:
    now_ms = here.now_ms()
    return [camera_line(one, here.board.camera(one.id, now_ms), now_ms, here.zone) for one in visible.all()]


def read_mark(here: Parts, visible: VisibleCameras) -> tuple[str, str, str]:
    """State, symbol and words of the header, which stands on every page: nothing is read for it that only a line of
    the page of the system shows."""
    return look_at_house(read_known(here, visible, is_for_header=True)).mark


def read_house(here: Parts, visible: VisibleCameras) -> HouseState:
    """As one member sees it: cameras that are hidden from this member are left out of all of it."""
    known = read_known(here, visible)
    processes = None if known.processes is None else dict(known.processes)
    return HouseState(
        now_ms=known.now_ms,
        cameras=list(known.cameras),
        processes=None if known.lines is None else list(known.lines),
        disk=known.disk,
        has_bus=known.has_bus,
        detector=detector_line(processes, is_wanted=known.wants_objects),
        health=look_at_house(known),
    )


def read_known(here: Parts, visible: VisibleCameras, *, is_for_header: bool = False) -> Known:
    """All that this process knows, for ``visible`` cameras. Waits for no disk and no database longer than a moment.
    ``is_for_header``: what is a few seconds old will do, and what the header does not show is left out."""
    age_s = HEADER_AGE_S if is_for_header else 0.0
    now_ms = here.now_ms()
    cameras = read_cameras(here, visible)
    found = here.board.processes(now_ms)
    folder = here.board.folder(now_ms)
    config_error, plan_problems = here.board.settings()
    clock, watched_ms = here.clock_watch.look()
    certificate = here.certificate()
    rows = _rows(here, now_ms, age_s)
    return Known(
        now_ms=now_ms,
        version=__version__,
        cameras=cameras,
        processes=None if found is None else _visible_processes(found, visible),
        lines=None if found is None else process_lines(_visible_processes(found, visible)),
        has_bus=here.board.is_bus_connected,
        disk=read_disk(here, cameras),
        drive=str(folder["sentence"]),
        drive_step=str(folder["next_step"]),
        told=_told_problems(found),
        locked=_locked(here),
        key_notes=_key_notes(here, age_s),
        config_error=config_error,
        plan_problems=plan_problems if visible.member.cameras is None else (),
        wants_objects=here.cfg.wants_objects,
        certificate=Certificate(certificate.state, certificate.sentence, certificate.ends_ms),
        clock=clock,
        clock_watched_ms=watched_ms,
        footage=_footage(here),
        sensors=None if rows is None else rows.sensors,
        damaged=0 if rows is None else rows.damaged,
        history="" if rows is None else rows.history,
        worst_gap=None if is_for_header else _worst_gap(here, cameras),
        low_coverage={} if rows is None else rows.low_coverage,
        jobs=None if rows is None else jobs_done(rows.jobs, now_ms, visible.has_job),
        snoozed={} if rows is None else rows.snoozed,
        zone=here.zone,
    )


def _rows(here: Parts, now_ms: int, age_s: float) -> Rows | None:
    def ask() -> Rows | None:
        try:
            return here.rows.ask(lambda: read_rows(here.store, here.cfg.node_id, now_ms))
        except (StoreError, DoesNotAnswerError) as error:
            _unread.add(error)
            return None

    return here.slow_facts.get(ROWS, age_s, ask)


def _locked(here: Parts) -> str:
    """What to do about the keys. Nobody may wait for it: whoever syncs a folder keeps who looks for a name in it."""
    with suppress(DoesNotAnswerError):
        return here.disk.ask(lambda: lock_problem(here.cfg.secrets_dir))
    return ""


def _key_notes(here: Parts, age_s: float) -> list[str]:
    def ask() -> list[str]:
        with suppress(OSError, DoesNotAnswerError):
            return here.disk.ask(lambda: key_notes(here.cfg.secrets_dir, here.cfg.data_dir))
        return []

    return here.slow_facts.get("key notes", age_s, ask)


def _footage(here: Parts) -> Footage | None:
    """How long recordings last. A sum over all of them, so it may be minutes old."""

    def ask() -> Footage | None:
        cfg, now_ms = here.cfg, here.now_ms()
        try:
            found = here.long_reads.ask(
                lambda: read_overview(here.store, cfg.data_dir, cfg.node_id, cfg.rules, now_ms, 0)
            )
        except (VigilarError, DoesNotAnswerError) as error:
            _unread.add(error)
            return None
        oldest = min((one.oldest_ms for one in found.cameras if one.oldest_ms is not None), default=None)
        return Footage(oldest, found.forecast.days, found.forecast.sentence)

    if here.rows_on_drive and here.drive_hangs():
        return None
    known = here.slow_facts.get("footage", FOOTAGE_AGE_S, ask, waits=False)
    if known is None:
        here.slow_facts.forget("footage")  # the next may have more luck
    return known


def _worst_gap(here: Parts, cameras: Sequence[CameraLine]) -> DayGap | None:
    """The longest gap of today of the cameras that are seen, if it is worth a word."""
    found = [
        DayGap(one.name, gap.to_ms - gap.from_ms, gap.words)
        for one in cameras
        if (day := find_today(here, one.id)) is not None and (gap := day.worst) is not None
    ]
    worst = max(found, key=lambda one: one.length_ms, default=None)
    return worst if worst is not None and worst.length_ms >= WORTH_A_WORD_MS else None


def find_today(here: Parts, camera_id: str) -> Coverage | None:
    """What was recorded of a camera today, up to a minute old; None when nobody knows."""

    def ask() -> Coverage | None:
        now_ms, midnight_ms = here.now_ms(), here.house_midnight_ms()
        try:
            return here.long_reads.ask(lambda: read_day(here.footage, camera_id, midnight_ms, now_ms, now_ms))
        except (StoreError, DoesNotAnswerError) as error:
            _unread.add(error)
            return None

    if here.rows_on_drive and here.drive_hangs():
        return None
    return here.slow_facts.get(("today", camera_id), GAP_AGE_S, ask, waits=False)


def _told_problems(processes: dict[str, Any] | None) -> list[str]:
    """What processes say that a person must know."""
    statuses = [(processes or {}).get(name, {}).get("status") or {} for name in ("upkeep", "events", "notify")]
    return [str(status[what]) for status in statuses for what in ("database", "problem") if status.get(what)]


def read_disk(here: Parts, cameras: Sequence[CameraLine] = ()) -> DiskState | None:
    """The disk that holds the recordings; None when it does not answer in a moment. Its device is asked for a fault
    only when a camera is not well: that is a real read, which a page need not wait for every time."""
    folder, asks_device = here.cfg.data_dir, not all(one.is_well for one in cameras)
    try:
        return here.disk.ask(lambda: _look_at_disk(folder, asks_device=asks_device))
    except DoesNotAnswerError:
        return None


def _look_at_disk(folder: Path, *, asks_device: bool) -> DiskState | None:
    try:
        usage = shutil.disk_usage(folder)
        read_only = is_read_only(folder)
    except OSError as error:
        return DiskState(0, 0, fault=error.strerror or "") if error.errno in DEVICE_ERRORS else None
    fault = device_fault(folder / DATABASE_NAME) if asks_device else ""
    return DiskState(usage.total, usage.free, read_only, fault)


def _visible_processes(processes: dict[str, Any], visible: VisibleCameras) -> dict[str, Any]:
    """Without the processes of cameras that are hidden."""
    return {name: known for name, known in processes.items() if not _is_hidden(name, visible)}


def _is_hidden(process: str, visible: VisibleCameras) -> bool:
    kind, _, camera_id = process.partition("/")
    return kind == "camera" and camera_id not in visible
