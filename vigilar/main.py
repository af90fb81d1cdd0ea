"""The supervisor: starts, watches, restarts and stops every process of Vigilar, and is one itself.

It stays small (under 30 MB resident) so that it is the last thing a machine short of memory ends. Therefore nothing
imported here may lead to pydantic, SQLAlchemy, PyAV, OpenCV or Flask: configuration and database are read by a
short-lived process that hands back plain jobs, and the table of kinds names the work of each as text.
"""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from vigilar.base.atomic import make_private_folder
from vigilar.base.disk import disk_errors
from vigilar.base.errors import ErrorKind, ExitCode, VigilarError
from vigilar.base.lock import FileLock, holder_pid
from vigilar.base.logs import start_logging
from vigilar.config.places import Places
from vigilar.processes.kinds import KINDS, ProcessKind
from vigilar.processes.planner import AnswerPlan, PlanTask, Refusal
from vigilar.processes.supervisor import Supervisor

CHILD_ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "2",  # one heap per thread would cost each camera process tens of megabytes
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
}
"""For the libraries in our processes, read when they are loaded; what the owner has set wins."""

SUPERVISOR_WAIT_S = 0.5
"""A command that asks who holds the lock holds it itself for an instant."""


def run_supervisor(
    places: Places, kinds: tuple[ProcessKind, ...] = KINDS, answer_plan: AnswerPlan | None = None
) -> int:
    """Run Vigilar until SIGTERM or Ctrl-C; the exit code of an ordered stop is 0. Main thread only.

    Raises VigilarError, one sentence with its next step and exit code, when it cannot start: the configuration is
    wrong (CONFIG), another Vigilar runs on this data folder or a port is taken (BUSY), Mosquitto is not installed.
    ``kinds`` are the processes of the house; ``answer_plan`` makes the plan, if not ours does.
    """
    start_logging("supervisor")
    _prepare_environment()
    _make_folders(places)
    lock = FileLock(places.lock_file)
    with disk_errors("start", places.data_dir):
        is_ours = lock.acquire(SUPERVISOR_WAIT_S)
    if not is_ours:
        raise VigilarError(
            f"another Vigilar, process {holder_pid(places.lock_file)}, already runs with {places.data_dir}",
            next_step="Stop it first, or give this one another folder with --data-dir.",
            kind=ErrorKind.PERMANENT,
            exit_code=ExitCode.BUSY,
        )
    with lock:
        return Supervisor(places, kinds, answer_plan or _run_plan).run()


def _run_plan(task: PlanTask, answer: Connection) -> None:
    """Bring keys and database up to date if it is a start, read the configuration, and answer as AnswerPlan says."""
    from vigilar.processes.plan import make_jobs

    start_logging("supervisor")
    try:
        if task.is_start:
            from vigilar.processes.upgrade import prepare_start

            prepare_start(task.places)
        answer.send(make_jobs(task))
    except VigilarError as error:
        answer.send(Refusal(str(error), error.next_step, int(error.exit_code)))


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
        with disk_errors("start", folder):
            make_private_folder(folder)
