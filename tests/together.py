"""What tests that run side by side share: things made once a run, and a turn alone for tests that need a quiet machine.

Both work by locks on files (flock(2)), which end with the process that holds them however it ends.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_RUN = "VIGILAR_TEST_RUN"


def is_beside_others() -> bool:
    """Whether this is one of several processes of pytest-xdist."""
    return "PYTEST_XDIST_WORKER" in os.environ


def open_run(config: pytest.Config) -> None:
    """Make the folder that all processes of the run share, unless ``scripts/test.sh`` made it for all its stages."""
    if _RUN not in os.environ:
        os.environ[_RUN] = tempfile.mkdtemp(prefix="vigilar-test-run-")
        config.add_cleanup(_close_run)


def _close_run() -> None:
    shutil.rmtree(os.environ.pop(_RUN))


def run_folder() -> Path:
    return Path(os.environ[_RUN])


def make_once(name: str, make: Callable[[Path], object]) -> Path:
    """The folder ``name`` of the run, filled by ``make(folder)`` of whoever comes first; the others wait for it.

    Nobody may change what is in it. A ``make`` that failed is tried again by the next who asks.
    """
    folder = run_folder() / name
    with (run_folder() / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = run_folder() / f"{name}.made"
        if not made.exists():
            folder.mkdir(exist_ok=True)
            make(folder)
            made.touch()
    return folder


@contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Hold a turn among the processes of the run: beside others, or alone.

    Everybody comes through the gate. Who wants to be alone keeps it shut until done, so that nobody new begins while it
    waits for those who are under way.
    """
    folder = run_folder()
    with (folder / "gate.lock").open("a") as gate, (folder / "turn.lock").open("a") as lock:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        if not alone:
            fcntl.flock(gate, fcntl.LOCK_UN)
        yield
