"""The disk under a file or folder: whether it may be written, whether it answers, and what its refusals mean."""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vigilar.base.errors import ErrorKind, ExitCode, VigilarError

DEVICE_ERRORS = frozenset(
    {errno.EIO, errno.ENXIO, errno.ENODEV, errno.EREMOTEIO, errno.ESTALE, errno.ENOTCONN, errno.ESHUTDOWN}
)
"""What the kernel answers for a device that failed or is gone: a disk, a network share, a FUSE program that ended."""

FULL_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT})

DEVICE_STEP = (
    "Check the cable and the power of that disk, and what the kernel says of it (dmesg). "
    "Recording goes on as soon as it answers."
)
FULL_STEP = "Free space on that disk; recording goes on by itself."
READ_ONLY_STEP = (
    "A disk with faults is often made read-only: look at what the kernel says of it (dmesg), "
    "repair it, and mount it writable."
)

_BLOCK_BYTES = 4096
"""Direct reads must begin and end at a block of the device, which is never larger than this in practice."""


def device_fault(file: Path) -> str:
    """What the device under ``file`` reports when it is read, past all that the kernel remembers; empty when it
    answers. A file that is not there, or may not be read, says nothing of the device.

    Takes as long as the device takes to answer. Source: open(2), O_DIRECT; tmpfs refuses it with EINVAL and is memory.
    """
    try:
        fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECT)
    except OSError as error:
        return _fault(error)
    try:
        with mmap.mmap(-1, _BLOCK_BYTES) as block:
            os.preadv(fd, [block], 0)
    except OSError as error:
        return _fault(error)
    finally:
        os.close(fd)
    return ""


def is_read_only(folder: Path) -> bool:
    """Whether the file system of ``folder`` is mounted read-only. Source: statvfs(3), ST_RDONLY. Raises OSError."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def refuses_writing(file: Path) -> bool:
    """Whether the file system under ``file`` has become read-only, be it that only a write shows it: ext4 after an
    error says so nowhere else. Sets the time of ``file`` to now. False for any other refusal."""
    try:
        os.utime(file)
    except OSError as error:
        return error.errno == errno.EROFS
    return False


def disk_step(error: OSError) -> str:
    """What a person can do about an error of the disk; empty for any other."""
    if error.errno in FULL_ERRORS:
        return FULL_STEP
    if error.errno == errno.EROFS:
        return READ_ONLY_STEP
    return DEVICE_STEP if error.errno in DEVICE_ERRORS else ""


@contextmanager
def disk_errors(doing: str, path: Path) -> Iterator[None]:
    """Map OSError inside to a VigilarError that names the disk's trouble; ``doing`` completes "cannot ..."."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, doing, path) from error


def disk_error(error: OSError, doing: str, path: Path) -> VigilarError:
    """``error`` as a sentence: full, read-only, failing, or refused."""
    if error.errno in FULL_ERRORS:
        return _error(doing, f"the disk of {path} is full", FULL_STEP, ErrorKind.FULL, ExitCode.NO_SPACE)
    if error.errno == errno.EROFS:
        return _error(doing, f"the disk of {path} is read-only", READ_ONLY_STEP, ErrorKind.DENIED, ExitCode.DENIED)
    if error.errno in DEVICE_ERRORS:
        what = f"the disk of {path} reports an error ({error.strerror})"
        return _error(doing, what, DEVICE_STEP, ErrorKind.TRANSIENT, ExitCode.FAILED)
    step = "Choose a folder you may write to with --data-dir, or start Vigilar as its service does."
    return _error(doing, f"{path} cannot be used: {error.strerror}", step, ErrorKind.DENIED, ExitCode.DENIED)


def _error(doing: str, what: str, next_step: str, kind: ErrorKind, exit_code: ExitCode) -> VigilarError:
    return VigilarError(f"cannot {doing}: {what}", next_step=next_step, kind=kind, exit_code=exit_code)


def _fault(error: OSError) -> str:
    return (error.strerror or "it does not answer") if error.errno in DEVICE_ERRORS else ""
