"""One holder at a time: advisory locks on files, released by the kernel when the holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from vigilar.base.stop import Stop

_TRY_EVERY_S = 0.05


class FileLock:
    """An exclusive ``flock`` on ``path``, whose text is the process id of the holder.

    The file stays when the lock is released: removing it would let two holders lock two files of one name. A process
    forked by the holder holds the lock too, until it ends.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1

    def acquire(self, wait_s: float = 0.0, stop: Stop | None = None) -> bool:
        """False when someone else still holds it after ``wait_s``, or when ``stop`` is set first. Raises OSError."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + wait_s
        while not _try_lock(fd):
            if time.monotonic() >= deadline or (stop.wait(_TRY_EVERY_S) if stop else _pause()):
                os.close(fd)
                return False
        # Over the old text, not after cutting it off: its block is there, and a full disk has no other. Without any
        # the lock holds all the same, only nobody can tell whose it is.
        text = f"{os.getpid()}\n".encode()
        with suppress(OSError):
            os.pwrite(fd, text, 0)
            os.ftruncate(fd, len(text))
        self._fd = fd
        return True

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder_pid(path: Path) -> int | None:
    """The process id of who holds the lock on ``path``; None when nobody does. 0 when the holder wrote none yet."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(fd, 20, 0).decode("ascii", "replace").strip()
        return int(text) if text.isdigit() else 0
    else:
        return None
    finally:
        os.close(fd)


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pause() -> bool:
    time.sleep(_TRY_EVERY_S)
    return False
