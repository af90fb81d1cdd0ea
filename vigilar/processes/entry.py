"""The first function of every process of ours: name, log, line, lock, and then the work its row names.

Imports little: the work itself is imported when its name is looked up, and the fork server, whose children share what
it has, holds nothing of the supervisor. All of ours come from it: half of what another needs, a camera needs too.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from vigilar.base import damage
from vigilar.base.control import ControlChild
from vigilar.base.disk import disk_errors
from vigilar.base.errors import ExitCode, VigilarError
from vigilar.base.lock import FileLock
from vigilar.base.logs import start_logging
from vigilar.config.jobs import ProcessJob
from vigilar.processes.kinds import ProcessKind, load_function

logger = logging.getLogger(__name__)

OLD_PROCESS_WAIT_S = 10.0
"""How long a process waits for its predecessor, left over by a killed supervisor, to end (at most 8 s:
``base.control.LAST_RESORT_S``)."""


@dataclass(frozen=True, slots=True)
class ProcessStart:
    """What travels to a new process: its name (``camera/front-door``), its row, its job."""

    name: str
    kind: ProcessKind
    job: ProcessJob


def enter(start: ProcessStart, sock: socket) -> None:
    """The top of a process; ``sock`` is its end of the control line. Ends it with the exit code of its error.

    The lock keeps a process from working beside its predecessor: two must never write one camera's recordings.
    """
    name, job = start.name, start.job
    start_logging(name, job.log_level)
    _name_process(name)
    control = ControlChild(sock)
    damage.tell_to(control.ask_mend)
    if not start.kind.is_per_camera:  # what the fork server was started with is for cameras
        load_function("vigilar.base.heap:give_back_large_blocks")()
    if start.kind.starts_line:
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
            load_function(start.kind.entry)(job, control)
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
