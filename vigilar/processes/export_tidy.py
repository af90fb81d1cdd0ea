"""What is left of exports whose life is over. Loads nothing that the process waiting for jobs does not have already."""

from __future__ import annotations

import logging

from vigilar.config.jobs import WorkJob
from vigilar.playback.export.plan_place import list_plans, remove_plan
from vigilar.store.exports import EXPORT, LIFE_MS
from vigilar.store.job_watch import find_useful, forget_jobs
from vigilar.store.sql import Database

logger = logging.getLogger(__name__)


def tidy(job: WorkJob, store: Database, now_ms: int) -> None:
    """Forget the exports of this box whose life is over, and take away plans without a job. Raises StoreError."""
    for job_id in forget_jobs(store, job.node_id, EXPORT, made_until_ms=now_ms - LIFE_MS):
        logger.info("export %d has ended", job_id)
    plans = list_plans(job.data_dir)  # before the rows: a plan that comes meanwhile has one
    useful = find_useful(store, plans)
    for job_id in plans:
        if job_id not in useful:
            remove_plan(job.data_dir, job_id)
