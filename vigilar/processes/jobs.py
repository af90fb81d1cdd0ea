"""The process for long work: waits for jobs, small and at low priority, and loads what does them when there is one.

What was loaded stays for as long as the process does (an export makes 37 MB of 13), so some moments after the last job
it ends, and the supervisor starts it anew.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import closing

from vigilar.base.child import RENEWAL
from vigilar.base.clock import SystemClock
from vigilar.base.control import ControlChild
from vigilar.base.errors import StoreError
from vigilar.base.reserve import Reserve
from vigilar.base.tally import Tally
from vigilar.config.jobs import WorkJob
from vigilar.processes.job_kinds import KINDS
from vigilar.processes.kinds import load_function
from vigilar.processes.reel_watch import ReelWatch
from vigilar.processes.settings import settings_handler
from vigilar.store.job_watch import free_jobs, is_job_free
from vigilar.store.sql import Database
from vigilar.store.sqlite_store import open_database

logger = logging.getLogger(__name__)

NICENESS = 10
"""Recording and pages go first on a busy processor, and with the kernel's fair disk schedulers on a busy disk too."""

LOOK_EVERY_S = 0.5
"""A person who asked for something sees it begin within this; a look is one read of an index."""

TIDY_EVERY_S = 3600.0

RENEW_AFTER_S = 10.0
"""Without a job: who saves one clip often saves the next."""

_failed = Tally(logger, "jobs cannot be looked for", every_s=60.0)


def run_jobs(job: WorkJob, control: ControlChild) -> None:
    """Do what waits, one job after another, until ``control.stop_requested``. Ends the process with RENEWAL once there
    was work and all is done. Raises StoreError when the database cannot be opened."""
    os.nice(NICENESS)
    current = [job]

    def use(new: WorkJob) -> None:
        current[0] = new

    control.listen(on_settings=settings_handler(job, use))
    clock = SystemClock()
    tidy_s = clock.mono_ns() / 1e9
    watch = ReelWatch()
    is_freed, worked_s = False, float("inf")
    with closing(Reserve(job.data_dir).help(lambda: open_database(job.database_url))) as database:
        while not control.stop_requested.is_set():
            control.heartbeat({})
            try:
                if not is_freed:  # on a full disk this is tried again
                    _free_jobs(database, job.node_id)
                    is_freed = True
                watch.look(current[0], database, clock.utc_ns() // 1_000_000, clock.mono_ns() / 1e9)
                if is_job_free(database, job.node_id, KINDS, clock.utc_ns() // 1_000_000):
                    load_function("vigilar.processes.job_worker:work_off")(lambda: current[0], control)
                    worked_s = clock.mono_ns() / 1e9
                elif clock.mono_ns() / 1e9 - worked_s >= RENEW_AFTER_S:
                    break
                if clock.mono_ns() / 1e9 >= tidy_s:
                    tidy_s = clock.mono_ns() / 1e9 + TIDY_EVERY_S
                    _tidy(current[0], database, clock.utc_ns() // 1_000_000)
            except StoreError as error:
                _failed.add(error)
            except OSError as error:  # of what is tidied: a read-only disk must not end the process again and again
                _failed.add(error)
            control.stop_requested.wait(LOOK_EVERY_S)
    if not control.stop_requested.is_set():
        sys.exit(RENEWAL)


def _free_jobs(database: Database, node_id: str) -> None:
    """Let jobs that were left in the middle be taken up again: the lock of this process says that nobody has them."""
    freed = free_jobs(database, node_id)
    if freed:
        logger.info("%d jobs are taken up again that were left in the middle", freed)


def _tidy(job: WorkJob, database: Database, now_ms: int) -> None:
    """Let kinds of jobs that have left something on the disk see to it."""
    for name, kind in KINDS.items():
        if kind.tidy and (job.data_dir / kind.folder).is_dir():
            logger.debug("what is left of %s is looked through", name)
            load_function(kind.tidy)(job, database, now_ms)
