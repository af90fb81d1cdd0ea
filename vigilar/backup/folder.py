"""A target that is a folder: of a mounted network drive, or of another disk of the box."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vigilar.backup.target import BLOCK_BYTES, OUR_FOLDERS, TargetError, full_target, target_error
from vigilar.base.disk import DEVICE_ERRORS, FULL_ERRORS, READ_ONLY_STEP

_NO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})
"""What file systems answer that cannot sync a folder, as some network ones. Source: fsync(2)."""


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW


class FolderTarget:
    """The folder ``root``, which is never made: nothing must be written where a drive is not mounted.

    ``apart_from`` are folders of this box: on the disk of one of them no backup is made, as it would die with what it
    is a copy of. Nor is one made within ``outside_of``, where Vigilar makes and deletes what is its own.
    """

    def __init__(self, root: Path, apart_from: Sequence[Path] = (), outside_of: Path | None = None) -> None:
        self._root = root
        self._apart_from = apart_from
        self._outside_of = outside_of

    @property
    def words(self) -> str:
        return str(self._root)

    def open(self) -> None:
        with self._errors("reached"):
            try:
                device = self._root.stat().st_dev
            except FileNotFoundError:
                raise target_error(
                    "missing",
                    f"The folder {self._root} for the backup is not there",
                    "Mount the drive it is on, or make the folder, or name another: target in [backup].",
                ) from None
            if not self._root.is_dir():
                raise target_error("missing", f"{self._root} is no folder", "Name another: target in [backup].")
            if self._outside_of is not None and self._root.resolve().is_relative_to(self._outside_of.resolve()):
                raise target_error(
                    "inside",
                    f"{self._root} lies within {self._outside_of}, the folder of the recordings themselves",
                    "Mount the drive elsewhere, as at /mnt/backup, and name that: target in [backup].",
                )
            if any(device == folder.stat().st_dev for folder in self._apart_from):
                raise target_error(
                    "same_disk",
                    f"{self._root} lies on a disk of this box itself: its drive is not mounted, or it never was on "
                    "another one",
                    "Mount the network drive there. A copy on the same disk is lost with what it is a copy of.",
                )

    def close(self) -> None:
        """Nothing is held."""

    def free_bytes(self) -> int | None:
        with self._errors("reached"):
            status = os.statvfs(self._root)
            if status.f_flag & os.ST_RDONLY:
                raise _read_only(self._root)
            return status.f_bavail * status.f_frsize

    def find_size(self, name: str) -> int | None:
        with self._errors("read"):
            try:
                with self._within(name) as (folder, last):
                    found = os.stat(last, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                return None
            return found.st_size if stat.S_ISREG(found.st_mode) else None

    def read_blocks(self, name: str, most: int) -> Iterator[bytes]:
        with self._errors("read"):
            with self._within(name) as (folder, last):
                # Opening a pipe that somebody put there would wait for who writes into it.
                fd = os.open(last, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            with open(fd, "rb", buffering=0) as file:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    raise OSError(errno.EINVAL, f"{name} is no file")
                # What was just written is in this machine's memory: only without that copy is the device asked.
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
                left = most + 1
                while block := file.read(min(BLOCK_BYTES, left)):
                    left -= len(block)
                    yield block

    def open_part(self, name: str, at: int) -> _Part:
        with self._errors("written"):
            with self._within(name, make=True) as (folder, last):
                fd = os.open(last, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=folder)
            try:
                os.ftruncate(fd, at)
                os.lseek(fd, at, os.SEEK_SET)
            except BaseException:
                os.close(fd)
                raise
        return _Part(fd, self)

    def move(self, name: str, to: str) -> None:
        with self._errors("written"), self._within(name) as (from_fd, old), self._within(to, make=True) as (to_fd, new):
            os.replace(old, new, src_dir_fd=from_fd, dst_dir_fd=to_fd)
            _sync_folder(to_fd)

    def remove(self, name: str) -> None:
        with self._errors("written"), suppress(FileNotFoundError), self._within(name) as (folder, last):
            os.unlink(last, dir_fd=folder)

    def walk(self, folder: str) -> Iterator[tuple[str, int]]:
        def refuse(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError):
                raise error

        with self._errors("read"), suppress(FileNotFoundError), self._within(folder) as (root, last):
            for place, _folders, names, fd in os.fwalk(last, onerror=refuse, dir_fd=root):
                for name in names:
                    with suppress(FileNotFoundError):
                        found = os.stat(name, dir_fd=fd, follow_symlinks=False)
                        if stat.S_ISREG(found.st_mode):  # a link may lead anywhere
                            yield f"{place}/{name}", found.st_size

    @contextmanager
    def _within(self, name: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """The folder of ``name`` below the root, open, and its last part. Its folders are made, durable, if ``make``.

        No link is followed on the way: on a drive that others write to it may lead back into this box, where what was
        taken for a copy would be the recording itself, and what is cleared away there would be it too.
        """
        *folders, last = name.split("/")
        fd = os.open(self._root, _FOLDER & ~os.O_NOFOLLOW)  # the owner may name a link
        try:
            for one in folders:
                fd = _step_into(fd, one, make=make)
            yield fd, last
        finally:
            os.close(fd)

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self.error(error, doing) from error

    def error(self, error: OSError, doing: str) -> TargetError:
        """``error`` as a sentence; ``doing`` completes "cannot be ..."."""
        if error.errno in FULL_ERRORS:
            return full_target(self.words)
        if error.errno == errno.EROFS:
            return _read_only(self._root)
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            return target_error(
                "damaged",
                f"{self.words} holds a link, or a file, where a folder or a file of the backup is to be",
                f"Take away there what is none of Vigilar's own: {', '.join(OUR_FOLDERS)} are folders, with no links.",
            )
        if error.errno in (errno.EACCES, errno.EPERM):
            return target_error(
                "denied",
                f"{self.words} cannot be {doing}: the user of Vigilar may not",
                "Give that folder to the user of the service, on the drive or where it is mounted.",
            )
        what = "does not answer" if error.errno in DEVICE_ERRORS else f"cannot be {doing}"
        return target_error(
            "unreachable",
            f"{self.words} {what}: {error.strerror}",
            "Look whether the NAS or the drive is on and connected. What is owed is made good by itself.",
        )


class _Part:
    def __init__(self, fd: int, target: FolderTarget) -> None:
        self._fd = fd
        self._target = target

    def write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            raise self._target.error(error, "written") from error

    def sync(self) -> None:
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise self._target.error(error, "written") from error

    def close(self) -> None:
        """A network drive may tell only here that it is full: the last word is the reading back."""
        with suppress(OSError):
            os.close(self._fd)


def _step_into(fd: int, name: str, *, make: bool) -> int:
    """The folder ``name`` of an open one, which is closed if that works."""
    try:
        inner = os.open(name, _FOLDER, dir_fd=fd)
    except FileNotFoundError:
        if not make:
            raise
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=fd)
        _sync_folder(fd)
        inner = os.open(name, _FOLDER, dir_fd=fd)
    os.close(fd)
    return inner


def _sync_folder(fd: int) -> None:
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def _read_only(root: Path) -> TargetError:
    return target_error("read_only", f"{root} is read-only", READ_ONLY_STEP)
