"""Writing bytes at a place of a file: all of them or an error."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from vigilar.base.errors import ErrorKind, ExitCode, RecordingError


def write_at(fd: int, data: bytes | memoryview, offset: int) -> None:
    """Write all of ``data`` at ``offset``; the system may take it in pieces. Raises OSError."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        if written == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))  # a regular file never answers 0; do not spin on it
        offset += written
        view = view[written:]


def hold_alone(fd: int, path: Path) -> None:
    """Take the file's writer lock until ``fd`` is closed, by whomever.

    Raises RecordingError (transient) if another process writes, repairs or rewraps the file. Readers never lock.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RecordingError(
            f"{path} is being written by another process",
            kind=ErrorKind.TRANSIENT,
            code="vge.busy",
            exit_code=ExitCode.BUSY,
        ) from error
