"""The supervisor: starts, watches, restarts and stops every process of Vigilar, and is one itself.

It stays small (under 30 MB resident) so that it is the last thing a machine short of memory ends. Therefore nothing
imported here may lead to pydantic, SQLAlchemy, PyAV, OpenCV or Flask: configuration and database are read by a
short-lived process that hands back plain jobs, and the table of kinds names the work of each as text.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from vigilar.base.atomic import make_private_folder
from vigilar.base.disk import disk_errors
from vigilar.base.errors import ErrorKind, ExitCode, VigilarError
from vigilar.base.file_system import find_file_system
from vigilar.base.folder_id import find_folder_id, make_folder_id
from vigilar.base.folder_watch import FolderWatch
from vigilar.base.house_file import HouseFile
from vigilar.base.lock import FileLock, holder_pid
from vigilar.base.logs import start_logging
from vigilar.base.signals import SignalInbox
from vigilar.base.systemd import ServiceManager
from vigilar.config.places import Places
from vigilar.processes.folder_guard import FolderGuard
from vigilar.processes.kinds import KINDS, ProcessKind
from vigilar.processes.planner import AnswerPlan, NoPlan, PlanTask
from vigilar.processes.supervisor import Supervisor
from vigilar.processes.waiting import wait_for_folder

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

    While the data folder is not the one that this house remembers, nothing is read or written there and a page says
    so; the house starts as soon as it is back.

    Raises VigilarError, one sentence with its next step and exit code, when it cannot start: the configuration is
    wrong (CONFIG), another Vigilar runs on this data folder or a port is taken (BUSY), Mosquitto is not installed.
    ``kinds`` are the processes of the house; ``answer_plan`` makes the plan, if not ours does.
    """
    start_logging("supervisor")
    _prepare_environment()
    house = HouseFile(places.house_file)
    with ExitStack() as ending:
        if house.make_folder():
            ending.enter_context(_lock(house.lock_file, places))
        house.load()
        watch = FolderWatch(places.data_dir)
        watch.start()
        ending.callback(watch.stop)
        manager = ServiceManager(os.environ)
        guard = FolderGuard(places.data_dir, house, watch)
        signals = ending.enter_context(closing(SignalInbox()))
        while wait_for_folder(guard, manager, signals):
            supervisor = Supervisor(places, kinds, answer_plan or _run_plan, guard, manager, signals)
            code = _run_house(supervisor, places, guard)
            if supervisor.is_stopping or not guard.is_away:
                return code
        return int(ExitCode.OK)


def _run_house(supervisor: Supervisor, places: Places, guard: FolderGuard) -> int:
    """Run the house on the folder that is in its place; returns after a stop, or when the folder is gone."""
    _make_folders(places)
    with _lock(places.lock_file, places):
        with disk_errors("start", places.data_dir):
            folder_id = find_folder_id(places.data_dir) or make_folder_id(places.data_dir)
            file_system = find_file_system(places.data_dir)
        guard.watch.forget()
        guard.house.change(folder_id=folder_id, file_system=file_system, data_dir=str(places.data_dir))
        code = supervisor.run()
        if supervisor.has_left_behind and (supervisor.is_stopping or not guard.is_away):
            # Python's own end would wait for these children, and nobody could start Vigilar again meanwhile.
            guard.watch.stop()
            logging.shutdown()
            os._exit(code)
        return code


@contextmanager
def _lock(path: Path, places: Places) -> Iterator[None]:
    lock = FileLock(path)
    with disk_errors("start", path.parent):
        is_ours = lock.acquire(SUPERVISOR_WAIT_S)
    if not is_ours:
        raise VigilarError(
            f"another Vigilar, process {holder_pid(path)}, already runs with {places.data_dir}",
            next_step="Stop it first, or give this one another folder with --data-dir.",
            kind=ErrorKind.PERMANENT,
            exit_code=ExitCode.BUSY,
        )
    with lock:
        yield


def _run_plan(task: PlanTask, answer: Connection) -> None:
    """Bring keys and database up to date if it is a start, or see to a damaged database; then read the configuration,
    and answer as AnswerPlan says."""
    from vigilar.processes.plan import make_jobs

    start_logging("supervisor")
    try:
        if task.is_start:
            from vigilar.processes.upgrade import prepare_start

            prepare_start(task.places)
        elif task.mends:
            from vigilar.processes.upgrade import mend_database

            mend_database(task.places)
        answer.send(make_jobs(task))
    except VigilarError as error:
        answer.send(NoPlan(str(error), error.next_step, int(error.exit_code)))


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
