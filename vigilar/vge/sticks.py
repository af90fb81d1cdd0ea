"""Key sticks: a file with a secret on a medium that is not in the box when the box is carried away.

File ``vigilar-<id>.key``: the lines ``vigilar key stick 1``, ``id <8 hex digits>``, ``key <64 hex digits>``. It opens
nothing without the box's ``key-lock``.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from vigilar.base.atomic import fsync_folder, write_atomic
from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.base.file_system import mounted_folders
from vigilar.vge.gate import file_errors
from vigilar.vge.key_lock import KeyLock

_MOUNTED_BELOW = ("/media/", "/run/media/", "/mnt/")
"""Where people and desktops mount sticks (hier(7), udisks). Elsewhere a stick is looked for where it was made."""

_KINDS = frozenset({"vfat", "exfat", "ext2", "ext3", "ext4", "ntfs", "ntfs3", "fuseblk", "f2fs", "btrfs", "xfs"})
"""File systems of a stick. A network drive that does not answer must not hold up a start."""

_HEAD = "vigilar key stick 1"
_TEXT = re.compile(rf"{_HEAD}\nid ([0-9a-f]{{8}})\nkey ([0-9a-f]{{64}})\n?")
_MAX_BYTES = 1000


def name_of(stick_id: str) -> str:
    return f"vigilar-{stick_id}.key"


def make_stick(folder: Path) -> tuple[str, bytes]:
    """Write a new secret into ``folder``; on the stick when this returns. Gives its id and the secret (32 bytes)."""
    stick_id, secret = secrets.token_hex(4), secrets.token_bytes(32)
    with file_errors("write the key into", folder):
        if not folder.is_dir():
            raise RecordingError(
                f"There is no folder {folder}",
                code="vge.stick",
                next_step="Put the stick in, mount it, and give the folder where it is.",
                exit_code=ExitCode.NOT_FOUND,
            )
        write_atomic(folder / name_of(stick_id), f"{_HEAD}\nid {stick_id}\nkey {secret.hex()}\n".encode())
    return stick_id, secret


def read_stick(folder: Path, stick_id: str) -> bytes | None:
    """The secret in ``folder``; None when it is not there or is none. Raises RecordingError when it cannot be read."""
    path = folder / name_of(stick_id)
    with file_errors("read the key in", folder):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return None
            text = os.read(fd, _MAX_BYTES).decode("ascii", errors="replace").replace("\r", "")
        finally:
            os.close(fd)
    found = _TEXT.fullmatch(text)
    return bytes.fromhex(found[2]) if found and found[1] == stick_id else None


def remove_stick(folder: Path, stick_id: str) -> bool:
    """Take the secret off the stick; False when it is not there."""
    with file_errors("remove the key in", folder):
        try:
            (folder / name_of(stick_id)).unlink()
        except FileNotFoundError:
            return False
        fsync_folder(folder)
    return True


def find_on(folder: Path, lock: KeyLock) -> str | None:
    """The id of a stick of this house whose key lies in ``folder``."""
    return next((one.id for one in lock.sticks if read_stick(folder, one.id) is not None), None)


def open_by_stick(lock: KeyLock) -> bytes | None:
    """The private half by the first stick of this house that is there; None when none is. What cannot be read, or
    is wrong, counts as not there."""
    for opener in lock.sticks:
        for folder in (Path(opener.folder), *_mounted()):
            try:
                secret = read_stick(folder, opener.id)
                if secret is not None:
                    return lock.open_with_stick(opener.id, secret)
            except RecordingError as error:
                if error.kind is ErrorKind.BUG:
                    raise
    return None


def _mounted() -> Iterator[Path]:
    for place, kind in mounted_folders():
        if kind in _KINDS and str(place).startswith(_MOUNTED_BELOW):
            yield place
