"""Free space put by on the disk of a folder, for the little that must be written when the disk is full.

A file that holds nothing: removing it frees its blocks. What the recorder keeps free is not enough, because another
program may fill the disk to the last byte.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

FILE_NAME = "reserve"
RESERVE_BYTES = 2 * 1024 * 1024
"""The database's shared memory (32 KiB at least), some of its log, and the broker's files: each some tens of KiB."""

LEAVE_BYTES = 40 * 1024 * 1024
"""It is made again only while so much stays free beside it: more than the 32 MiB with which recording begins again, so
that it never is what keeps a camera from being recorded."""

LEAVE_SHARE = 8
"""On a small disk an eighth of it."""


class Reserve:
    """The reserve in ``folder``. Any thread, any process: each step is one call to the system."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE_NAME

    def keep(self) -> None:
        """Make it if it is not there and the disk has free space. One that cannot be made is done without."""
        with contextlib.suppress(OSError):
            if self._file.exists() or not self._may_make():
                return
            fd = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(fd, 0, RESERVE_BYTES)
                os.fsync(fd)
            except OSError:
                self._file.unlink()
                raise
            finally:
                os.close(fd)

    def spend(self) -> bool:
        """Give the space free. False when there was no reserve: trying again is of no use then."""
        try:
            self._file.unlink()
        except OSError:
            return False
        return True

    def _may_make(self) -> bool:
        status = os.statvfs(self._file.parent)
        total_bytes = status.f_blocks * status.f_frsize
        return status.f_bavail * status.f_frsize - RESERVE_BYTES >= min(LEAVE_BYTES, total_bytes // LEAVE_SHARE)
