"""What is left of reels whose life is over. Loads nothing that the process waiting for jobs does not have already."""

from __future__ import annotations

import logging

from vigilar.config.jobs import WorkJob
from vigilar.playback.reel.place import list_films, remove_film
from vigilar.store.reels import LIFE_MS, find_wanted, forget_old
from vigilar.store.sql import Database

logger = logging.getLogger(__name__)


def tidy(job: WorkJob, store: Database, now_ms: int) -> None:
    """Forget those of this box whose life is over, and take away files without a job. Raises StoreError."""
    for job_id in forget_old(store, job.node_id, now_ms - LIFE_MS):
        logger.info("reel %d has ended", job_id)
    films = list_films(job.data_dir)  # before the rows: one that comes meanwhile has one
    wanted = find_wanted(store, films)
    for job_id in films:
        if job_id not in wanted:
            remove_film(job.data_dir, job_id)
