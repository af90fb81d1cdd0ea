"""How much free space the disk of the recordings has, and how much of it is not for recordings."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

RESERVE_BYTES = 16 * 1024 * 1024
RESERVE_SHARE = 20
"""Recording stops with 16 MiB (on a small disk a twentieth of it) still free: for the end of the files of all
cameras, and for the database, which cannot even store "the disk is full" without space."""

RESUME_FACTOR = 2
"""It begins again with twice that, so that it does not stop and start every second."""


@dataclass(frozen=True, slots=True)
class FreeSpace:
    """Bytes free for this user, and bytes of the whole file system."""

    free_bytes: int
    total_bytes: int

    @property
    def reserve_bytes(self) -> int:
        return min(RESERVE_BYTES, self.total_bytes // RESERVE_SHARE)

    @property
    def is_full(self) -> bool:
        return self.free_bytes < self.reserve_bytes

    @property
    def may_resume(self) -> bool:
        return self.free_bytes >= RESUME_FACTOR * self.reserve_bytes


LookForSpace = Callable[[Path], FreeSpace]


def free_space_of(folder: Path) -> FreeSpace:
    """Source: statvfs(3). A file system that cannot be asked counts as having space: writing will tell."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return FreeSpace(1 << 62, 1 << 62)
    return FreeSpace(status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize)
