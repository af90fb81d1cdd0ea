"""What a target of backups is, whatever it is made of, and whose it is.

A target is a tree of files with names relative to its root, slashes between. A mark in its root says which house it
belongs to: without it nothing is written, so that a folder whose network drive is not mounted is never filled, and no
house writes over another's copies.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from vigilar.base.errors import ErrorKind, ExitCode, VigilarError

MARK = "vigilar-backup.json"
"""In the root of each target."""

MOST_MARK_BYTES = 4096

INCOMING = "incoming"
"""Folder of a target for what is not whole yet."""

OUR_FOLDERS = ("footage", "stills", "storyboards", "house", INCOMING)
"""What a target holds beside its mark."""

BLOCK_BYTES = 1 << 20


class TargetError(VigilarError):
    """The target cannot be used. ``code`` is ``backup.<what>``: see ``target_error``."""


_KINDS = {
    "full": (ErrorKind.FULL, ExitCode.NO_SPACE),
    "read_only": (ErrorKind.DENIED, ExitCode.DENIED),
    "denied": (ErrorKind.DENIED, ExitCode.DENIED),
    "other_house": (ErrorKind.PERMANENT, ExitCode.REFUSED),
    "same_disk": (ErrorKind.PERMANENT, ExitCode.REFUSED),
    "inside": (ErrorKind.PERMANENT, ExitCode.REFUSED),
    "not_confirmed": (ErrorKind.DENIED, ExitCode.REFUSED),
    "other_key": (ErrorKind.DENIED, ExitCode.REFUSED),
    "login": (ErrorKind.DENIED, ExitCode.DENIED),
    "damaged": (ErrorKind.CORRUPT, ExitCode.NOT_EXACT),
    "not_proved": (ErrorKind.CORRUPT, ExitCode.NOT_EXACT),
}


def target_error(what: str, sentence: str, next_step: str) -> TargetError:
    """``what`` is one of unreachable, not_mounted, missing, same_disk, inside, other_house, full, read_only, denied,
    login, not_confirmed, other_key, damaged, not_proved, stuck, died, unreadable. Those that are not in ``_KINDS``
    may go away by themselves."""
    kind, exit_code = _KINDS.get(what, (ErrorKind.TRANSIENT, ExitCode.FAILED))
    return TargetError(sentence, kind=kind, next_step=next_step, code=f"backup.{what}", exit_code=exit_code)


def full_target(words: str) -> TargetError:
    return target_error(
        "full",
        f"{words} is full",
        "Free space there, or keep copies for a shorter time: keep in [backup]. What is owed is made good by itself.",
    )


class PartFile(Protocol):
    """A file of the target that is being written. One thread."""

    def write(self, data: bytes | memoryview) -> None: ...
    def sync(self) -> None:
        """On the disk of the target, as far as the target can tell."""

    def close(self) -> None: ...


class Target(Protocol):
    """All raise TargetError. One thread. ``words`` names it in sentences."""

    @property
    def words(self) -> str: ...
    def open(self) -> None:
        """Reach it. Calling it again is no harm."""

    def close(self) -> None: ...
    def free_bytes(self) -> int | None:
        """None when it does not say."""

    def find_size(self, name: str) -> int | None:
        """Bytes of a file; None without it."""

    def read_blocks(self, name: str, most: int) -> Iterator[bytes]:
        """All of a file, from its device where that can be had and not from memory. Of one that is longer than ``most``
        bytes it gives one byte more and ends: what a drive says of itself must not fill this box."""

    def open_part(self, name: str, at: int) -> PartFile:
        """Go on writing at ``at``, which is not beyond its end; what stands behind is cut off. Makes its folder."""

    def move(self, name: str, to: str) -> None:
        """Rename, in place of any file there; durable. Makes the folder of ``to``."""

    def remove(self, name: str) -> None:
        """A file that is not there is no error."""

    def walk(self, folder: str) -> Iterator[tuple[str, int]]:
        """Name and bytes of each file below a folder; none without it. In no order."""


@dataclass(frozen=True, slots=True)
class Mark:
    """``house`` is the id of the box whose copies these are, ``id`` that of this target."""

    house: str
    id: str

    def dump(self) -> bytes:
        return json.dumps({"v": 1, "house": self.house, "id": self.id}).encode() + b"\n"


def parse_mark(data: bytes, words: str) -> Mark:
    """Raises TargetError for what is no mark."""
    try:
        raw = json.loads(data)
        found = Mark(str(raw["house"]), str(raw["id"]))
        if not (found.house and found.id):
            raise ValueError(data)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise target_error(
            "damaged", f"{MARK} in {words} is damaged", "Put it back from another copy, or empty that folder."
        ) from error
    return found


def find_mark(target: Target) -> Mark | None:
    """Whose target it is; None for one without a mark."""
    if target.find_size(MARK) is None:
        return None
    return parse_mark(b"".join(target.read_blocks(MARK, MOST_MARK_BYTES)), target.words)


def enter(target: Target, house: str, known_id: str) -> Mark:
    """The mark of a target that is this house's; a new one is marked. ``known_id`` is the mark that was found there
    before, empty for a target that is new. Raises TargetError."""
    target.open()
    found = find_mark(target)
    if found is None:
        _make_mark(target, house, known_id)
        found = find_mark(target)  # of two houses that mark it at once the later one has it
    if found is None:
        raise target_error("damaged", f"{target.words} did not keep what was written there", "Look at that drive.")
    if found.house != house:
        raise target_error(
            "other_house",
            f"{target.words} holds the backup of another house, so nothing was written there",
            "Give each house a folder of its own: target in [backup].",
        )
    return found


def _make_mark(target: Target, house: str, known_id: str) -> None:
    if known_id:
        raise target_error(
            "not_mounted",
            f"{target.words} does not hold the backup that was there before: its drive is not mounted, or was emptied",
            "Mount it again. If it was emptied on purpose: vigilar backup now --new-target",
        )
    if any(True for folder in OUR_FOLDERS[:-1] for _ in target.walk(folder)):
        raise target_error(
            "other_house",
            f"{target.words} holds recordings, and not the mark of this house, so nothing was written there",
            "Choose an empty folder: target in [backup].",
        )
    write_small(target, MARK, Mark(house, os.urandom(16).hex()).dump())


def write_small(target: Target, name: str, data: bytes) -> None:
    """Replace a small file of the target, whole or not at all."""
    part = f"{INCOMING}/{name.replace('/', '-')}.new"
    writing = target.open_part(part, 0)
    try:
        writing.write(data)
        writing.sync()
    finally:
        writing.close()
    target.move(part, name)
