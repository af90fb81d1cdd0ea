"""One look at a data folder, and what it means to the house that remembers it."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Self

from vigilar.base.errors import ErrorKind, ExitCode, VigilarError
from vigilar.base.file_system import FileSystem, find_file_system
from vigilar.base.folder_id import find_folder_id
from vigilar.base.house_file import HouseMemory

CODE = "V-DRIVE"
AWAY = "The drive for recordings is not there."
HANGING = "The drive for recordings does not answer."

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENXIO, errno.ENODEV, errno.ENOTCONN, errno.ESTALE})
"""What a folder answers whose drive was taken away, beside simply not being there. EIO is none of them: a drive that
fails is still there, and its footage may still be read."""


class FolderState(Enum):
    """How the data folder is: in its place, gone, or silent (asking for it does not return)."""

    HERE = "here"
    AWAY = "away"
    HANGING = "hanging"


class Claim(Enum):
    """What a house may do with the folder it found."""

    NEW = "new"
    SAME = "same"
    NOT_OURS = "not ours"


@dataclass(frozen=True, slots=True)
class FolderLook:
    """What was found. ``problem`` is an errno, 0 for none; ``is_empty`` is true also when there is no folder.

    ``file_system`` is that of the folder, or of the nearest one above it; None when it could not be asked.
    """

    folder_id: str | None
    file_system: FileSystem | None
    is_there: bool
    is_empty: bool
    is_damaged: bool = False
    problem: int = 0

    def dump(self) -> dict[str, Any]:
        return {
            "folder_id": self.folder_id,
            "file_system": self.file_system.dump() if self.file_system else None,
            "is_there": self.is_there,
            "is_empty": self.is_empty,
            "is_damaged": self.is_damaged,
            "problem": self.problem,
        }

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> Self:
        found = raw.pop("file_system")
        return cls(file_system=FileSystem.parse(found) if found else None, **raw)


def look_at_folder(data_dir: Path) -> FolderLook:
    """Look once, by path. Blocks for as long as the drive hangs: not for the supervisor's own thread."""
    folder_id, is_damaged, problem = None, False, 0
    is_there = is_empty = False
    file_system = None
    try:
        file_system = find_file_system(data_dir)
        is_there = data_dir.is_dir()
        is_empty = not is_there or not _has_content(data_dir)
        folder_id = find_folder_id(data_dir)
        if is_there:
            os.statvfs(data_dir)  # what a drive that hangs does not return from
    except VigilarError:
        is_damaged = True
    except OSError as error:
        problem = error.errno or errno.EIO
    return FolderLook(folder_id, file_system, is_there, is_empty, is_damaged, problem)


def claim(memory: HouseMemory, look: FolderLook, *, is_trial: bool = False) -> tuple[Claim, str]:
    """What the house may do with the folder, and the clause that says why not ("... is empty").

    A house that remembers none takes what there is. A trial (``vigilar demo``) may be deleted by hand at any time, so
    it begins anew where its folder is empty on the very same file system.
    """
    if not memory.folder_id:
        return (Claim.SAME if look.folder_id else Claim.NEW), ""
    if look.folder_id == memory.folder_id:
        if look.file_system and memory.file_system and look.file_system.is_other(memory.file_system):
            return Claim.NOT_OURS, "lies on another file system now"
        return Claim.SAME, ""
    if is_trial and look.is_empty and not look.problem and _is_same_place(memory, look):
        return Claim.NEW, ""
    return Claim.NOT_OURS, _why(look)


def is_gone(memory: HouseMemory, look: FolderLook) -> bool:
    """Whether the folder of a running house was taken away. A look that failed otherwise (EIO, EACCES) says nothing
    about that: the parts that read and write meet the error themselves."""
    if look.problem and look.problem not in _GONE:
        return False
    return not look.is_damaged and claim(memory, look)[0] is not Claim.SAME


def explain_away(memory: HouseMemory, data_dir: Path, why: str) -> VigilarError:
    """The sentence and what to do, for page, log and ``vigilar status``."""
    expected = f" It is expected on {memory.file_system.words}." if memory.file_system else ""
    return VigilarError(
        AWAY,
        kind=ErrorKind.TRANSIENT,
        code=CODE,
        next_step=f"{data_dir} {why}.{expected} Plug the drive in or mount it: Vigilar goes on by itself, and until "
        "then it records nothing and writes nothing there. If you put in a new drive or emptied the folder on purpose, "
        "run: vigilar new-drive",
        exit_code=ExitCode.NOT_FOUND,
    )


def explain_denied(data_dir: Path) -> VigilarError:
    return VigilarError(
        f"{data_dir} cannot be used: Permission denied",
        kind=ErrorKind.DENIED,
        next_step="Choose a folder you may write to with --data-dir, or start Vigilar as its service does.",
        exit_code=ExitCode.DENIED,
    )


def explain_hanging(data_dir: Path) -> VigilarError:
    return VigilarError(
        HANGING,
        kind=ErrorKind.TRANSIENT,
        code=CODE,
        next_step=f"Reading or writing in {data_dir} does not return. Look at its cable, its power or the network "
        "storage; recording goes on by itself as soon as it answers.",
    )


def _has_content(folder: Path) -> bool:
    """``lost+found`` is made with the file system."""
    with os.scandir(folder) as entries:
        return any(entry.name != "lost+found" for entry in entries)


def _is_same_place(memory: HouseMemory, look: FolderLook) -> bool:
    return bool(look.file_system and memory.file_system and look.file_system.is_same(memory.file_system))


def _why(look: FolderLook) -> str:
    if look.problem:
        return f"cannot be read: {os.strerror(look.problem)}"
    if look.is_damaged:
        return "has a damaged mark of this house"
    if not look.is_there:
        return "does not exist"
    if look.is_empty:
        return "is empty"
    return "belongs to another house" if look.folder_id else "does not hold this house's data"
