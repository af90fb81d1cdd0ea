"""Does the jobs of a test's house in this process, by the worker that the jobs process runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from tests.browser.house import House
from vigilar.base.clock import SystemClock
from vigilar.base.control import ControlChild, control_pair
from vigilar.bus.messages import JobChanged
from vigilar.config.jobs import CameraInfo, WorkJob
from vigilar.processes.job_worker import JobWorker, Tell


def work_job(house: House) -> WorkJob:
    cfg = house.parts.cfg
    return WorkJob(
        data_dir=cfg.data_dir,
        node_id=cfg.node_id,
        secrets_dir=cfg.secrets_dir,
        run_dir=cfg.run_dir,
        database_url=cfg.database_url,
        bus_host="127.0.0.1",
        bus_port=1,
        bus_user="jobs",
        bus_password="none",
        house_name=cfg.house_name,
        time_zone=cfg.time_zone,
        cameras=tuple(CameraInfo(one.id, one.name, one.has_sub, one.enabled) for one in cfg.cameras),
    )


@contextmanager
def control_line() -> Iterator[ControlChild]:
    """A process's end of a line to a supervisor that says nothing."""
    ours, theirs = control_pair()
    control = ControlChild(theirs)
    try:
        yield control
    finally:
        ours.close()
        theirs.close()


def do_jobs(house: House, tell: Tell | None = None, areas: tuple[tuple[str, str], ...] = ()) -> list[JobChanged]:
    """Do all jobs that wait; what was told of them. ``areas`` as those of a WorkJob."""
    told: list[JobChanged] = []
    with control_line() as control:
        worker = JobWorker(house.store, control, tell or told.append, SystemClock())
        while worker.do_next(replace(work_job(house), areas=areas)):
            pass
    return told
