"""What a house remembers of its data folder, in a small file outside of it.

A mount point without its drive is an ordinary, empty folder of the system disk, and looks like a house before its
first start. Only what is written elsewhere tells the two apart.
"""

from __future__ import annotations

import binascii
import contextlib
import json
import logging
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vigilar.base.atomic import make_private_folder, write_atomic
from vigilar.base.control import ProcessFact
from vigilar.base.file_system import FileSystem

logger = logging.getLogger(__name__)

READABLE_CHARACTERS = 150
"""Of the path; a name may have 255 bytes (source: path_resolution(7), NAME_MAX)."""

MAX_FACTS = 100
"""Of a drive that comes and goes all day, the oldest is forgotten first."""


def house_file_name(data_dir: Path) -> str:
    """One file for each absolute data folder, readable for a person. hashlib would cost the supervisor 3 MB.

    >>> house_file_name(Path("/mnt/usb"))
    'house-mnt-usb-4464e5ec.json'
    """
    path = str(data_dir).strip("/")
    readable = re.sub(r"[^A-Za-z0-9._-]", "-", path)[-READABLE_CHARACTERS:]
    return f"house-{readable}-{binascii.crc32(os.fsencode(path)):08x}.json"


@dataclass(frozen=True, slots=True)
class HouseMemory:
    """``folder_id`` is empty when no folder is remembered (a new house, or one that was told to take another drive).

    ``listen`` and ``port`` are where the page was served last: with ``--data-dir`` the settings are on the drive
    itself. ``preload`` is what the fork server loaded last. ``facts`` are those about the drive that no events process
    has stored yet. ``sentence`` and ``next_step`` are what the supervisor says while the drive is away or hangs, empty
    otherwise; true only while it runs.
    """

    folder_id: str = ""
    file_system: FileSystem | None = None
    data_dir: str = ""
    listen: str = ""
    port: int = 0
    facts: tuple[ProcessFact, ...] = field(default=())
    sentence: str = ""
    next_step: str = ""
    preload: str = ""


class HouseFile:
    """The file, kept in memory; one process writes it. A file that cannot be written costs the memory, not the house:
    it is said once in the log, and Vigilar starts all the same."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.memory = HouseMemory()
        self._has_complained = False

    @property
    def lock_file(self) -> Path:
        """Locked by the supervisor of that data folder, also while the folder is not there."""
        return self.path.with_suffix(".lock")

    def load(self) -> HouseMemory:
        """What the file says now; nothing when there is none. One that cannot be read leaves what was known before."""
        try:
            self.memory = _parse(json.loads(self.path.read_bytes()))
        except FileNotFoundError:
            self.memory = HouseMemory()
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._complain("read", error)
        return self.memory

    def make_folder(self) -> bool:
        """False when the folder of the file cannot be made or written to."""
        try:
            make_private_folder(self.path.parent)
        except OSError as error:
            self._complain("made", error)
            return False
        return True

    def change(self, **changes: Any) -> None:
        """Replace fields of the memory, on the disk when this returns."""
        changed = replace(self.memory, **changes)
        if changed == self.memory:
            return
        self.memory = changed
        try:
            write_atomic(self.path, json.dumps(_dump(changed)).encode())
        except OSError as error:
            self._complain("written", error)

    def add_fact(self, fact: ProcessFact) -> None:
        self.change(facts=(*self.memory.facts, fact)[-MAX_FACTS:])

    def drop_fact(self, fact_id: str) -> None:
        """The fact has been stored."""
        left = tuple(fact for fact in self.memory.facts if fact.id != fact_id)
        if left != self.memory.facts:
            self.change(facts=left)

    def _complain(self, what: str, error: Exception) -> None:
        if not self._has_complained:
            self._has_complained = True
            reason = error.strerror if isinstance(error, OSError) else error
            logger.warning(
                "%s cannot be %s: %s. Whether the drive for recordings is there is not checked", self.path, what, reason
            )


def _dump(memory: HouseMemory) -> dict[str, Any]:
    return {
        "v": 1,
        "folder_id": memory.folder_id,
        "file_system": memory.file_system.dump() if memory.file_system else None,
        "data_dir": memory.data_dir,
        "listen": memory.listen,
        "port": memory.port,
        "facts": [fact.dump() for fact in memory.facts],
        "sentence": memory.sentence,
        "next_step": memory.next_step,
        "preload": memory.preload,
    }


def _parse(raw: dict[str, Any]) -> HouseMemory:
    facts = []
    for one in raw["facts"]:
        with contextlib.suppress(KeyError, ValueError, TypeError):
            facts.append(ProcessFact.parse(one))
    return HouseMemory(
        folder_id=str(raw["folder_id"]),
        file_system=FileSystem.parse(raw["file_system"]) if raw["file_system"] else None,
        data_dir=str(raw["data_dir"]),
        listen=str(raw["listen"]),
        port=int(raw["port"]),
        facts=tuple(facts),
        sentence=str(raw["sentence"]),
        next_step=str(raw["next_step"]),
        preload=str(raw.get("preload", "")),
    )
