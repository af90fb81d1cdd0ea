"""The first function of each process that is one camera, the events or the web.

Imports little: what the work itself needs is imported inside, on purpose, and the fork server, whose children share
what it has, holds nothing of the supervisor.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from socket import socket

from vigilar.base.control import ControlChild
from vigilar.base.disk import disk_errors
from vigilar.base.errors import ExitCode, VigilarError
from vigilar.base.lock import FileLock
from vigilar.base.logs import start_logging
from vigilar.config.jobs import CameraJob, EventsJob, WebJob

logger = logging.getLogger(__name__)

OLD_PROCESS_WAIT_S = 10.0
"""How long a process waits for its predecessor, left over by a killed supervisor, to end (at most 8 s:
``base.control.LAST_RESORT_S``)."""


def enter_camera(job: CameraJob, sock: socket) -> None:
    """One camera's process; ``sock`` is its end of the control line, as for the others. Ends as ``_run`` says."""

    def work(control: ControlChild) -> None:
        from vigilar.processes.camera import run_camera

        run_camera(job, control)

    _run(f"camera/{job.camera_id}", job, sock, work)


def enter_events(job: EventsJob, sock: socket) -> None:
    """The process that judges, stores and publishes events."""

    def work(control: ControlChild) -> None:
        from vigilar.processes.events import run_events

        run_events(job, control)

    _run("events", job, sock, work)


def enter_web(job: WebJob, sock: socket) -> None:
    """The process of the pages. Its server forks, which threads do not survive, so it starts its line itself."""

    def work(control: ControlChild) -> None:
        from vigilar.processes.web import run_web

        run_web(job, control)

    _run("web", job, sock, work, starts_line=False)


def _run(
    name: str,
    job: CameraJob | EventsJob | WebJob,
    sock: socket,
    work: Callable[[ControlChild], None],
    *,
    starts_line: bool = True,
) -> None:
    """The top of a process: name, log, line, lock, work. Ends the process with the exit code of its error.

    The lock keeps a process from working beside its predecessor: two must never write one camera's recordings.
    """
    start_logging(name, job.log_level)
    _name_process(name)
    control = ControlChild(sock)
    if starts_line:
        control.start()
    lock = FileLock(job.run_dir / f"{name.replace('/', '-')}.lock")
    try:
        with disk_errors("start", job.run_dir):
            is_ours = lock.acquire(OLD_PROCESS_WAIT_S, control.stop_requested)
        if not is_ours:
            if control.stop_requested.is_set():
                return
            raise VigilarError("an earlier process of the same name still works", exit_code=ExitCode.BUSY)
        with lock:
            work(control)
    except VigilarError as error:
        logger.error("%s. %s", error, error.next_step)
        sys.exit(int(error.exit_code))
    except Exception:
        logger.exception("unexpected error, the process ends")
        sys.exit(int(ExitCode.BROKEN))


def _name_process(name: str) -> None:
    """Show the name in ``ps`` and ``top``: 15 bytes, source proc(5), ``comm``."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(f"v:{name.replace('camera/', '')}"[:15], encoding="utf-8")
