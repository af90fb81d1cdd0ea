"""Which file system a folder lies on: told so that it is the same after a reboot and after mounting it again.

``st_dev`` is not: it is a number that the kernel gives out anew. What stays is the UUID that was written when the file
system was made. For ext2/3/4 and btrfs the kernel folds it into ``f_fsid`` (source: statfs(2), ``uuid_to_fsid`` of
fs/ext4 and fs/btrfs), which needs no udev and no rights. Others (xfs, vfat, exfat, ntfs) put the device number there,
so their UUID is looked up in ``/dev/disk/by-uuid``. Network and virtual file systems have none: for them only kind and
source are known, and a source is a name, which an owner may change without changing the drive.
"""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

MOUNTS = Path("/proc/self/mountinfo")
BY_UUID = Path("/dev/disk/by-uuid")
_FSID_IS_UUID = frozenset({"ext2", "ext3", "ext4", "btrfs"})


@dataclass(frozen=True, slots=True)
class FileSystem:
    """``kind`` and ``source`` as in the table of mounts (``ext4``, ``/dev/sda1``); ``uuid`` is empty when not known."""

    kind: str
    source: str
    uuid: str

    def is_other(self, than: FileSystem) -> bool:
        """Whether both are known, and not the same: never true on a guess, as recording ends then."""
        return bool(self.uuid and than.uuid) and self.uuid != than.uuid

    def is_same(self, as_that: FileSystem) -> bool:
        """Whether this is proven to be the same one, or, where no UUID is known, has the same kind and source."""
        if self.uuid or as_that.uuid:
            return self.uuid == as_that.uuid
        return (self.kind, self.source) == (as_that.kind, as_that.source)

    @property
    def words(self) -> str:
        """For people: ``ext4 from /dev/sda1 (uuid ...)``."""
        uuid = f" ({self.uuid.replace(':', ' ')})" if self.uuid else ""
        return f"{self.kind} from {self.source}{uuid}"

    def dump(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> Self:
        return cls(str(raw["kind"]), str(raw["source"]), str(raw["uuid"]))


def find_file_system(path: Path) -> FileSystem:
    """The file system of ``path``, or of the nearest folder above it that exists. Raises OSError.

    Asks the file system itself (statfs), so it blocks for as long as that hangs.
    """
    folder = Path(os.path.realpath(path))
    while not folder.exists():
        folder = folder.parent
    kind, source = _mount_of(folder, MOUNTS.read_text(encoding="utf-8", errors="replace"))
    return FileSystem(kind, source, _uuid_of(folder, kind, source))


def _mount_of(folder: Path, mounts: str) -> tuple[str, str]:
    """Kind and source of the mount that holds ``folder``: the deepest, and of several there the newest.

    Source: proc(5), ``mountinfo``: field 5 is the place, kind and source follow the separator ``-``.
    """
    best, found = -1, ("unknown", "unknown")
    for line in mounts.splitlines():
        fields = line.split(" ")
        if "-" not in fields[6:]:
            continue
        place = Path(_unescape(fields[4]))
        after = fields.index("-", 6)
        if len(place.parts) >= best and folder.is_relative_to(place):
            best, found = len(place.parts), (fields[after + 1], _unescape(fields[after + 2]))
    return found


def mounted_folders() -> list[tuple[Path, str]]:
    """Where each file system is mounted, and its kind. Asks no file system. Raises OSError."""
    found = []
    for line in MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split(" ")
        if "-" in fields[6:]:
            found.append((Path(_unescape(fields[4])), fields[fields.index("-", 6) + 1]))
    return found


def _uuid_of(folder: Path, kind: str, source: str) -> str:
    if kind in _FSID_IS_UUID and (fsid := os.statvfs(folder).f_fsid):
        return f"fsid:{fsid & (1 << 64) - 1:016x}"
    if not source.startswith("/dev/"):
        return ""
    try:
        device = os.stat(source).st_rdev
        names = sorted(BY_UUID.iterdir())
    except OSError:
        return ""
    return next((f"uuid:{name.name}" for name in names if _is_device(name, device)), "")


def _is_device(link: Path, device: int) -> bool:
    try:
        return link.stat().st_rdev == device
    except OSError:
        return False


def _unescape(text: str) -> str:
    """Space, tab, newline and backslash are octal in the table (source: proc(5))."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
