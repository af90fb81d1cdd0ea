"""One file, from this box to the target: resumable, read back, and under its name only when it is right.

Steps: bytes into ``incoming`` under a name made of its own, sync, read back and compare, rename. After a death before
the last: a part, with which the next try goes on; after it: the file, which the next try finds, reads back and keeps.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vigilar.backup.target import BLOCK_BYTES, INCOMING, Target, full_target, target_error
from vigilar.vge.gate import file_errors

SPARE_BYTES = 64 * 1000 * 1000
"""Stays free at the target: what other people keep there must not be stopped by us."""


class StoppedError(Exception):
    """The work was asked to end. What was begun goes on at the next run."""


OnBytes = Callable[[int], None]
"""Told behind each block how many bytes were written, or read back (0 of what is free of the limit). May take its time,
which is how a rate is kept; raises StoppedError to end the work."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What lies at the target. ``is_new`` is False when it was there already."""

    size_bytes: int
    sha256: bytes
    is_new: bool


def copy_file(source: Path, name: str, target: Target, on_bytes: OnBytes) -> Copied:
    """Have ``source``, which nobody writes any more, at the target as ``name``.

    Raises TargetError, RecordingError when the source cannot be read, StoppedError.
    """
    with file_errors("read", source):
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        if target.find_size(name) == size:
            digest = _digest_of(fd, source, size, on_bytes)
            if read_digest(target, name, size, on_bytes) == digest:
                return Copied(size, digest, is_new=False)
        part = part_of(name)
        for is_last in (False, True):
            digest = _write(fd, source, size, part, target, on_bytes, is_anew=is_last)
            if read_digest(target, part, size, on_bytes) == digest:
                target.move(part, name)
                return Copied(size, digest, is_new=True)
            target.remove(part)
    finally:
        os.close(fd)
    raise target_error(
        "damaged",
        f"{target.words} gives back other bytes than were written there",
        "Look at that drive: it, its cable or its memory is failing. Nothing on it can be relied on.",
    )


def part_of(name: str) -> str:
    """Where a file lies while it is not whole."""
    return f"{INCOMING}/{hashlib.sha256(name.encode()).hexdigest()[:32]}.part"


def read_digest(target: Target, name: str, size: int, on_bytes: OnBytes) -> bytes:
    """SHA-256 of a file that is to have so many bytes, read from the target; another one's if it has more."""
    digest = hashlib.sha256()
    for block in target.read_blocks(name, size):
        digest.update(block)
        on_bytes(0)
    return digest.digest()


def _write(fd: int, source: Path, size: int, part: str, target: Target, on_bytes: OnBytes, *, is_anew: bool) -> bytes:
    """SHA-256 of what was to be written: of the source, also of what was there already."""
    there = 0 if is_anew else min(target.find_size(part) or 0, size)
    at = there - there % BLOCK_BYTES
    _check_space(target, size - at)
    digest = hashlib.sha256()
    writing = target.open_part(part, at)
    try:
        done = 0
        while done < size:
            with file_errors("read", source):
                block = os.pread(fd, min(BLOCK_BYTES, size - done), done)
            if not block:
                break  # it was cut while it was copied: the hash is of what there is, and its row is looked at again
            digest.update(block)
            if done >= at:
                writing.write(block)
                on_bytes(len(block))
            else:
                on_bytes(0)
            done += len(block)
        writing.sync()
    finally:
        writing.close()
    return digest.digest()


def _digest_of(fd: int, source: Path, size: int, on_bytes: OnBytes) -> bytes:
    digest, done = hashlib.sha256(), 0
    while done < size:
        with file_errors("read", source):
            block = os.pread(fd, BLOCK_BYTES, done)
        if not block:
            break
        digest.update(block)
        done += len(block)
        on_bytes(0)
    return digest.digest()


def _check_space(target: Target, needed: int) -> None:
    free = target.free_bytes()
    if free is not None and free < needed + SPARE_BYTES:
        raise full_target(target.words)


def fetch_file(target: Target, name: str, most: int, to: Path, on_bytes: OnBytes) -> Copied:
    """Bring a file of the target to ``to``, whose folder is there, durable when this returns: ``most`` bytes of it, and
    one more if there are more. Raises as ``copy_file``, and RecordingError when it cannot be written here."""
    digest, size = hashlib.sha256(), 0
    with file_errors("write", to):
        fd = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        for block in target.read_blocks(name, most):
            digest.update(block)
            size += len(block)
            with file_errors("write", to):
                view = memoryview(block)
                while view:
                    view = view[os.write(fd, view) :]
            on_bytes(0)
        with file_errors("write", to):
            os.fsync(fd)
    finally:
        os.close(fd)
    return Copied(size, digest.digest(), is_new=True)
