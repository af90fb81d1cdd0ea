"""The supervisor: starts, watches, restarts and stops every process of Vigilar, and is one itself.

It stays small (under 30 MB resident) so that it is the last thing a machine short of memory ends. Therefore nothing
imported here may lead to pydantic, SQLAlchemy, PyAV, OpenCV or Flask: configuration and database are read by a
short-lived process that hands back plain jobs, and each ``_run_<process>`` imports its work inside, on purpose.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socket

from vigilar.base.atomic import make_private_folder
from vigilar.base.control import ControlChild
from vigilar.base.errors import ErrorKind, ExitCode, VigilarError
from vigilar.base.lock import FileLock, holder_pid
from vigilar.base.logs import start_logging
from vigilar.config.jobs import CameraJob, EventsJob, WebJob
from vigilar.config.places import Places
from vigilar.processes.planner import PlanTask, Refusal
from vigilar.processes.supervisor import Supervisor, Targets

logger = logging.getLogger(__name__)

CHILD_ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "2",  # one heap per thread would cost each camera process tens of megabytes
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
}
"""For the libraries in our processes, read when they are loaded; what the owner has set wins."""

OLD_PROCESS_WAIT_S = 10.0
"""How long a process waits for its predecessor, left over by a killed supervisor, to end (at most 8 s:
``base.control.LAST_RESORT_S``)."""

SUPERVISOR_WAIT_S = 0.5
"""A command that asks who holds the lock holds it itself for an instant."""


def run_supervisor(places: Places, targets: Targets | None = None) -> int:
    """Run Vigilar until SIGTERM or Ctrl-C; the exit code of an ordered stop is 0. Main thread only.

    Raises VigilarError, one sentence with its next step and exit code, when it cannot start: the configuration is
    wrong (CONFIG), another Vigilar runs on this data folder or a port is taken (BUSY), Mosquitto is not installed.
    ``targets`` are what runs in each process, if not ours.
    """
    start_logging("supervisor")
    _prepare_environment()
    _make_folders(places)
    lock = FileLock(places.lock_file)
    if not lock.acquire(SUPERVISOR_WAIT_S):
        raise VigilarError(
            f"another Vigilar, process {holder_pid(places.lock_file)}, already runs with {places.data_dir}",
            next_step="Stop it first, or give this one another folder with --data-dir.",
            kind=ErrorKind.PERMANENT,
            exit_code=ExitCode.BUSY,
        )
    with lock:
        return Supervisor(places, targets or Targets(_run_upgrade, _run_camera, _run_events, _run_web)).run()


def _run_upgrade(task: PlanTask, answer: Connection) -> None:
    """Read the configuration, bring the database up to date, and answer with a HouseJobs or a Refusal."""
    from vigilar.processes.upgrade import make_jobs

    start_logging("supervisor")
    try:
        answer.send(make_jobs(task))
    except VigilarError as error:
        answer.send(Refusal(str(error), error.next_step, int(error.exit_code)))


def _run_camera(job: CameraJob, sock: socket) -> None:
    def work(control: ControlChild) -> None:
        from vigilar.processes.camera import run_camera

        run_camera(job, control)

    _run(f"camera/{job.camera_id}", job, sock, work)


def _run_events(job: EventsJob, sock: socket) -> None:
    def work(control: ControlChild) -> None:
        from vigilar.processes.events import run_events

        run_events(job, control)

    _run("events", job, sock, work)


def _run_web(job: WebJob, sock: socket) -> None:
    """Unlike the others it starts its end of the line itself: the server forks, and threads do not survive that."""

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
        if not lock.acquire(OLD_PROCESS_WAIT_S, control.stop_requested):
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


def _prepare_environment() -> None:
    for name, value in CHILD_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # The fork server finds its preload by PYTHONPATH alone: CPython 3.11 does not hand it our sys.path.
    root = str(Path(__file__).resolve().parents[1])
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if root not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([root, *filter(None, paths)])
    # Otherwise every child runs the start script again as a module, which would load the command line in it.
    sys.modules["__main__"].__file__ = None


def _make_folders(places: Places) -> None:
    for folder in (places.data_dir, places.run_dir):
        try:
            make_private_folder(folder)
        except OSError as error:
            raise VigilarError(
                f"{folder} cannot be used: {error.strerror}",
                next_step="Choose a folder you may write to with --data-dir, or start Vigilar as its service does.",
                kind=ErrorKind.DENIED,
                exit_code=ExitCode.DENIED,
            ) from error


def _name_process(name: str) -> None:
    """Show the name in ``ps`` and ``top``: 15 bytes, source proc(5), ``comm``."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(f"v:{name.replace('camera/', '')}"[:15], encoding="utf-8")
