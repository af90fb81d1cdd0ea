"""Files that are either the old or the new one, never half of one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from vigilar.base.disk import FULL_ERRORS


def fsync_folder(folder: Path) -> None:
    """Make a created, renamed or removed name in ``folder`` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_atomic(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace ``path`` by ``data``: temporary name, flush, fsync, rename, fsync of the folder.

    After a crash between any two steps the old file is whole, or the new one is; a left-over ``.new`` file is
    overwritten by the next call.
    """
    temporary = path.with_name(path.name + ".new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    finally:
        os.close(fd)
    os.chmod(temporary, mode)
    os.replace(temporary, path)
    fsync_folder(path.parent)


def write_remade(path: Path, data: bytes, mode: int = 0o600) -> None:
    """As ``write_atomic``, for what is made anew at each start: what is there already is not written again, and on a
    full disk the old file's own blocks take the new content, since half of one is only a start that fails.

    Raises OSError when there is no old file, or it is too short for the new content on a disk without space.
    """
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == data and path.stat().st_mode & 0o777 == mode:
            return
    try:
        write_atomic(path, data, mode)
    except OSError as error:
        if error.errno not in FULL_ERRORS:
            raise
        with contextlib.suppress(OSError):
            path.with_name(path.name + ".new").unlink()
        _overwrite(path, data)


def _overwrite(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        written = 0
        while written < len(data):
            written += os.pwrite(fd, data[written:], written)
        os.ftruncate(fd, len(data))
        os.fsync(fd)
    finally:
        os.close(fd)


def make_private_folder(path: Path) -> None:
    """Create ``path`` and its parents for this user alone (0700)."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.stat()
    if status.st_mode & 0o077 and status.st_uid == os.getuid():
        path.chmod(0o700)
