"""A small file system of the test's own, to be filled to the last byte."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MIB = 1024 * 1024


@contextmanager
def mounted_small_disk(folder: Path, size_mib: int) -> Iterator[Path]:
    """Mounted at ``folder``, which is made; skips where this user may not mount one."""
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=0700", "vigilar-test", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def take_room(path: Path, leave_bytes: int) -> None:
    """Fill the disk with one file until so much is left. A house on it goes on writing: what it took between the look
    and the taking is counted anew."""
    with path.open("ab") as file:
        while True:
            status = os.statvfs(path.parent)
            try:
                os.posix_fallocate(file.fileno(), file.tell(), status.f_bavail * status.f_frsize - leave_bytes)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            else:
                return


def fill(folder: Path, name: str) -> Path:
    """To the last byte, as a program does that writes until it cannot."""
    path = folder / name
    with path.open("ab", buffering=0) as file:
        for block in (b"x" * MIB, b"x" * 4096, b"x"):
            try:
                while True:
                    file.write(block)
            except OSError as error:
                # The disk itself is not asked: a house that runs on it makes room at once.
                if error.errno != errno.ENOSPC:
                    raise
    return path
