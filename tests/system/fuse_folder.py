"""A folder on a FUSE file system whose ``write``, ``fsync`` and ``statfs`` block while a switch is on.

usage: SYSTEM_PYTHON -m tests.system.fuse_folder BACKING MOUNT_POINT SWITCH

Everything goes through to BACKING; while the file SWITCH exists, those three calls do not return. Runs under the
system's Python, which has Debian's ``python3-fusepy``; needs nothing of Vigilar.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from typing import Any

from fusepy import FUSE, FuseOSError, Operations  # type: ignore[import-not-found, unused-ignore]

LOOK_EVERY_S = 0.05


class BlockingFolder(Operations):  # type: ignore[misc, unused-ignore]
    """Passes each call through. Requests come on many threads, so that a blocked one holds only its asker."""

    def __init__(self, backing: str, switch: str) -> None:
        self._backing = backing
        self._switch = switch

    def __call__(self, op: str, path: str, *args: Any) -> Any:
        return super().__call__(op, self._backing + path, *args)

    def _wait(self) -> None:
        while os.path.exists(self._switch):
            time.sleep(LOOK_EVERY_S)

    def getattr(self, path: str, fh: Any = None) -> dict[str, Any]:
        status = os.lstat(path)
        names = ("st_atime", "st_ctime", "st_gid", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid", "st_blocks")
        return {name: getattr(status, name) for name in names}

    def access(self, path: str, mode: int) -> None:
        if not os.access(path, mode):
            raise FuseOSError(errno.EACCES)

    def readdir(self, path: str, fh: Any) -> list[str]:
        return [".", "..", *os.listdir(path)]

    def statfs(self, path: str) -> dict[str, int]:
        self._wait()
        found = os.statvfs(path)
        names = ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_favail", "f_ffree", "f_files", "f_flag", "f_frsize",
                 "f_namemax")  # fmt: skip
        return {name: getattr(found, name) for name in names}

    def open(self, path: str, flags: int) -> int:
        return os.open(path, flags & ~os.O_APPEND)

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT, mode)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        self._wait()
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> None:
        os.truncate(path, length)

    def fsync(self, path: str, datasync: int, fh: int) -> None:
        self._wait()
        os.fdatasync(fh)

    def fsyncdir(self, path: str, datasync: int, fh: int) -> None:
        self._wait()

    def release(self, path: str, fh: int) -> None:
        os.close(fh)

    def rename(self, old: str, new: str) -> None:
        os.rename(old, self._backing + new)

    def mkdir(self, path: str, mode: int) -> None:
        os.mkdir(path, mode)

    def rmdir(self, path: str) -> None:
        os.rmdir(path)

    def unlink(self, path: str) -> None:
        os.unlink(path)

    def chmod(self, path: str, mode: int) -> None:
        os.chmod(path, mode)

    def chown(self, path: str, uid: int, gid: int) -> None:
        os.chown(path, uid, gid)

    def utimens(self, path: str, times: Any = None) -> None:
        os.utime(path, times)

    def mknod(self, path: str, mode: int, dev: int) -> None:
        os.mknod(path, mode, dev)


if __name__ == "__main__":
    FUSE(BlockingFolder(sys.argv[1], sys.argv[3]), sys.argv[2], foreground=True, nothreads=False, allow_other=True)
