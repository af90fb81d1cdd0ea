"""What the process for long work looks after between jobs: the films of each day, and films of what somebody
let go. Light: it is called all the time."""

from __future__ import annotations

import logging

from vigilar.config.jobs import WorkJob
from vigilar.playback.reel.place import remove_film
from vigilar.processes.reel_schedule import ask_daily
from vigilar.store.reels import films_stamp, find_erased, forget_reels
from vigilar.store.sql import Database

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 20.0


class ReelWatch:
    """Of one process. ``look`` belongs to one thread."""

    def __init__(self) -> None:
        self._asked: dict[str, str] = {}
        self._stamp: tuple[int, ...] = ()
        self._next_s = 0.0

    def look(self, job: WorkJob, store: Database, now_ms: int, mono_s: float) -> None:
        """Does nothing most of the time. Raises StoreError; OSError when a film cannot be taken away."""
        if mono_s < self._next_s:
            return
        self._next_s = mono_s + LOOK_EVERY_S
        if job.films:
            ask_daily(job, store, now_ms, self._asked)
        stamp = films_stamp(store, job.node_id)
        if stamp != self._stamp:
            take_erased(job, store)
            self._stamp = stamp


def take_erased(job: WorkJob, store: Database) -> None:
    """Take away the films that show footage which somebody let go."""
    erased = find_erased(store, job.node_id)
    for job_id in erased:
        remove_film(job.data_dir, job_id)  # before the row: without it nobody would look again
        logger.info("film %d is taken away: it shows recordings that somebody let go", job_id)
    if erased:
        forget_reels(store, erased)
