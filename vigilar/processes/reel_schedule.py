"""Asks for the films of each day that is over: once a house day, though the box was off at that minute.

The day of a film is the one before the newest minute at which one was due. Which day was asked for last is in the
database, so that nothing is made twice, neither after a restart nor when somebody deleted it. Loads nothing heavy: the
process that waits for jobs calls it all the time.
"""

from __future__ import annotations

import logging
from datetime import date, timedelta, tzinfo

from vigilar.base.day_spans import day_start_ms, house_day, moment_ms
from vigilar.base.zone import load_zone
from vigilar.config.jobs import DailyFilm, WorkJob
from vigilar.store.reels import REEL, Params, ReelParams, TimelapseParams, add_daily
from vigilar.store.sql import Database

logger = logging.getLogger(__name__)


def ask_daily(job: WorkJob, store: Database, now_ms: int, asked: dict[str, str]) -> None:
    """Ask for those that are due. ``asked`` remembers the days between calls. Raises StoreError."""
    zone = load_zone(job.time_zone)
    today = house_day(now_ms, zone)
    for film in job.films:
        day = due_day(film.at_min, now_ms, zone)
        if asked.get(film.kind) == day.isoformat():
            continue
        cameras = _recorded(job, store, film, day, zone)
        if not cameras:  # a new house: that of its first day is made when the day is over
            continue
        made = add_daily(
            store, job.node_id, _wanted(film, cameras, day, zone), day.isoformat(), now_ms, today.isoformat()
        )
        asked[film.kind] = day.isoformat()
        if made:
            logger.info("%d daily %s of %s are asked for", len(made), film.kind, day)


def due_day(at_min: int, now_ms: int, zone: tzinfo) -> date:
    """The house day whose film was due last."""
    today = house_day(now_ms, zone)
    return today - timedelta(days=1 if now_ms >= moment_ms(today, at_min, zone) else 2)


def _wanted(film: DailyFilm, cameras: tuple[str, ...], day: date, zone: tzinfo) -> list[Params]:
    from_ms, to_ms = _range(day, zone)
    if film.kind == REEL:
        return [ReelParams(cameras=cameras, from_ms=from_ms, to_ms=to_ms, length_s=film.length_s)]
    return [
        TimelapseParams(camera_id=one, from_ms=from_ms, to_ms=to_ms, length_s=film.length_s, smart=film.smart)
        for one in cameras
    ]


def _recorded(job: WorkJob, store: Database, film: DailyFilm, day: date, zone: tzinfo) -> tuple[str, ...]:
    """The cameras of which anything was recorded that day."""
    from_ms, to_ms = _range(day, zone)
    ids = sorted(one.id for one in job.cameras if not film.cameras or one.id in film.cameras)
    with store.sql_read("look for recordings of a day") as run:
        return tuple(
            one
            for one in ids
            if run(
                "SELECT id FROM files WHERE camera_id = :camera_id AND content = 'video' AND start_ms < :to_ms "
                "AND coalesce(end_ms, start_ms) > :from_ms LIMIT 1",
                camera_id=one,
                from_ms=from_ms,
                to_ms=to_ms,
            )
        )


def _range(day: date, zone: tzinfo) -> tuple[int, int]:
    """UTC ms at which the day begins and ends: 23, 24 or 25 hours."""
    return day_start_ms(day, zone), day_start_ms(day + timedelta(days=1), zone)
