"""What a data folder remembers of its database, in a small file beside it: ``vigilar-database.json``.

That there was one, so that a house whose database is gone is not taken for a new one. Where its tables begin, so that
they are found when the first page, which says it, is lost. And what became of the last one that was damaged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from vigilar.base.atomic import write_atomic

FILE_NAME = "vigilar-database.json"


@dataclass(frozen=True, slots=True)
class TablePlace:
    """The first page of a table, its columns in their stored order, and which of them is the row id, empty for none."""

    root: int
    columns: tuple[str, ...]
    rowid_column: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescue:
    """What happened to a database, and what was done. Times are UTC ms.

    ``happened`` is one sentence; ``kept`` is where the damaged one lies now, empty when there was nothing to keep.
    ``lost`` are clauses about what could not be read; ``is_log_torn``: the log of deletions is among it, so what is
    missing there says nothing. ``has_no_owner``: no owner's login could be read, so only who
    is at the box may make one. ``next_step`` is a sentence about what a person has to do, empty for nothing.
    ``is_rebuilding``: rows are being made from the recordings; ``done_ms`` when that was over, ``recordings`` how many
    have one now, ``refused`` how many could get none.
    """

    at_ms: int
    happened: str
    kept: str = ""
    lost: tuple[str, ...] = ()
    is_log_torn: bool = False
    has_no_owner: bool = False
    next_step: str = ""
    is_rebuilding: bool = True
    recordings: int = 0
    refused: int = 0
    done_ms: int | None = None

    @property
    def sentence(self) -> str:
        """What people read."""
        words = [self.happened]
        if self.is_rebuilding:
            so_far = f": {self.recordings} so far" if self.recordings else ""
            words.append(f"A new one is in use and is being filled from the recordings{so_far}.")
        else:
            left_out = f"; {self.refused} could not be taken in" if self.refused else ""
            words.append(f"A new one is in use, with {self.recordings} recordings{left_out}.")
        words.append(f"Lost: {', '.join(self.lost)}." if self.lost else "Nothing that was stored is lost.")
        if self.next_step:
            words.append(self.next_step)
        if self.kept:
            words.append(f"The old one is kept in {self.kept}.")
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class DatabaseNote:
    """The file. ``revision`` is the step of the schema that ``tables`` have.

    ``stand_in`` is the name of a database in the data folder that is used in place of the house's own, which can
    neither be written nor put aside; empty when there is none. ``stamp`` tells whether the own one was changed since.
    """

    revision: str = ""
    tables: Mapping[str, TablePlace] = field(default_factory=dict)
    rescue: Rescue | None = None
    stand_in: str = ""
    stamp: str = ""

    def dump(self) -> bytes:
        rescue = asdict(self.rescue) if self.rescue else None
        tables = {name: asdict(place) for name, place in self.tables.items()}
        own = {"revision": self.revision, "stand_in": self.stand_in, "stamp": self.stamp}
        return json.dumps({"v": 1, **own, "tables": tables, "rescue": rescue}).encode()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Raises ValueError, KeyError or TypeError for what is none."""
        raw = json.loads(data)
        tables = {
            name: TablePlace(int(one["root"]), tuple(one["columns"]), one["rowid_column"])
            for name, one in raw["tables"].items()
        }
        return cls(raw["revision"], tables, _parse_rescue(raw["rescue"]), str(raw["stand_in"]), str(raw["stamp"]))


def _parse_rescue(raw: dict[str, Any] | None) -> Rescue | None:
    return None if raw is None else Rescue(**{**raw, "lost": tuple(raw["lost"])})


def find_note(data_dir: Path) -> DatabaseNote | None:
    """None when there is none: the house is new, or from before this. One that cannot be read says only that there was
    a database. Raises OSError."""
    try:
        return DatabaseNote.parse((data_dir / FILE_NAME).read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return DatabaseNote()


def find_stand_in(data_dir: Path) -> Path | None:
    """The database that is used in place of the house's own; None when that one is. Raises OSError."""
    note = find_note(data_dir)
    return data_dir / Path(note.stand_in).name if note is not None and note.stand_in else None


def save_note(data_dir: Path, note: DatabaseNote) -> None:
    """On the disk when this returns. Raises OSError."""
    if find_note(data_dir) != note:
        write_atomic(data_dir / FILE_NAME, note.dump())


def change_rescue(data_dir: Path, **changes: Any) -> Rescue | None:
    """Replace fields of the last rescue; what it says now, None when there was none. Raises OSError."""
    note = find_note(data_dir)
    if note is None or note.rescue is None:
        return None
    changed = replace(note.rescue, **changes)
    save_note(data_dir, replace(note, rescue=changed))
    return changed
