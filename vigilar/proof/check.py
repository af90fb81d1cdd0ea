"""All files of the box against their rows, at three costs, and what can be put right again. Nothing is ever deleted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from vigilar.base.errors import RecordingError
from vigilar.proof.adopt import Adopted, list_sealed
from vigilar.proof.telling import Finding, Teller
from vigilar.proof.verdict import Judged, Outcome, judge_bytes, judge_chain, judge_ends, judge_names
from vigilar.store import adoption, inventory
from vigilar.store.inventory import FOUND, Listed
from vigilar.store.sql import Database
from vigilar.vge.claim import read_closing
from vigilar.vge.format import CloseReason, FileCore
from vigilar.vge.keys import KeyRing

FOLDERS = ("footage", "stills", "storyboards")
"""Where sealed files lie, in the data folder."""


class Depth(Enum):
    """What a check costs: the names and lengths (16 us a file); also headers, closing records and the chain (0.15 ms);
    also every byte (0.3 s for 150 MB)."""

    QUICK = "quick"
    ENDS = "ends"
    DEEP = "deep"


@dataclass(slots=True)
class Checked:
    """What a check found. ``repaired`` counts rows that say the truth now; ``strangers`` are files without a row;
    ``adopted`` says which of them were taken in, None when that was not asked for."""

    files: int = 0
    size_bytes: int = 0
    locked: int = 0
    repaired: int = 0
    adopted: Adopted | None = None
    findings: list[Finding] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)


class FileCheck:
    """Checks the files of the box ``node_id`` in ``data_dir``. One thread. Without ``ring`` only QUICK."""

    def __init__(self, store: Database, node_id: str, data_dir: Path, ring: KeyRing | None) -> None:
        self._store = store
        self._node_id = node_id
        self._data_dir = data_dir
        self._ring = ring

    def run(self, depth: Depth, note: Callable[[Checked], bool] = lambda _: True) -> Checked:
        """Look at all. ``note`` is called behind each file with what was found so far; False ends the check. Raises
        StoreError."""
        checked = Checked()
        for listed in self.listed():
            self.take(checked, listed, depth)
            if not note(checked):
                break
        return checked

    def listed(self, after_id: int = 0) -> Iterator[Listed]:
        """The files of the box behind a row, those too that are made meanwhile."""
        while page := inventory.list_files_after(self._store, self._node_id, after_id):
            yield from page
            after_id = page[-1].row.id

    def take(self, checked: Checked, listed: Listed, depth: Depth) -> None:
        """Look at one file."""
        row = listed.row
        checked.files += 1
        checked.size_bytes += row.size_bytes
        judged = self.judge(listed, depth)
        checked.locked += judged.outcome is Outcome.LOCKED
        bad = [] if judged.outcome.is_well or judged.outcome is Outcome.LOCKED else [judged]
        if (
            row.state == "damaged"
            and not (row.reason or "").startswith(FOUND)
            and judged.outcome is not Outcome.MISSING
        ):
            bad = []  # its recorder said so when it happened
        if judged.core is not None:
            removed = self.find_removed(listed, judged.core)
            checked.findings += [removed] if removed is not None and not self.is_without_row(removed) else []
        span = (row.start_ms, row.start_ms if row.end_ms is None else row.end_ms)
        checked.findings += [Finding(row, one.outcome, one.sentence, one.span_ms or span) for one in bad]

    def judge(self, listed: Listed, depth: Depth) -> Judged:
        """What a file is worth. A length that is wrong is looked into, whatever the depth."""
        path = self._data_dir / listed.row.path
        if self._ring is None:
            return judge_names(path, listed.row)
        if depth is Depth.DEEP:
            return judge_bytes(path, listed, self._ring)
        if depth is Depth.ENDS:
            return judge_ends(path, listed, self._ring)
        found = judge_names(path, listed.row)
        if found.outcome in (Outcome.SHORTER, Outcome.DAMAGED):
            found = judge_ends(path, listed, self._ring)
        return found

    def find_removed(self, listed: Listed, core: FileCore) -> Finding | None:
        """The file that ``core``, the proved header, names as the one before, when nothing is known of it. Raises
        StoreError."""
        row, before = listed.row, judge_chain(self._store, listed, core)
        if before is None:
            return None
        span_ms = before.span_ms or (row.start_ms, row.start_ms)
        return Finding(row, before.outcome, before.sentence, span_ms, core.previous_link)

    def is_without_row(self, removed: Finding) -> bool:
        """Whether the file that was not known is on the disk all the same: its row is on the way, or was lost alone.
        Raises StoreError, OSError."""
        row, ring = removed.row, self._ring
        known = adoption.paths_with_row(self._store, self._node_id, row.camera_id, row.content)
        for path in list_sealed(self._data_dir, row.camera_id, row.content, lambda _path, _error: None):
            if ring is not None and str(path.relative_to(self._data_dir)) not in known:
                with suppress(RecordingError):
                    if read_closing(path, ring).link == removed.previous_link:
                        return True
        return False

    def find_strangers(self) -> list[str]:
        """Files on the disk that no row knows, relative to the data folder. Raises StoreError, OSError."""
        known = {one.row.path for one in self.listed()}
        found = []
        for top in FOLDERS:
            for folder, _, names in os.walk(self._data_dir / top):
                paths = (os.path.relpath(Path(folder, name), self._data_dir) for name in names if name.endswith(".vge"))
                found += [path for path in paths if path not in known]
        # A file that was made since the rows were read has one now.
        return sorted(path for path in found if inventory.find_by_path(self._store, self._node_id, path) is None)

    def repair(self, checked: Checked, teller: Teller) -> None:
        """Make the rows say what was found, and bring rows back to well whose files are. Raises StoreError."""
        checked.repaired += teller.tell([one for one in checked.findings if one.outcome is not Outcome.UNREADABLE])
        bad = {one.row.id for one in checked.findings if not one.is_of_before}
        for listed in self.listed():
            row = listed.row
            is_marked = row.state in ("missing", "damaged") and (row.reason or "").startswith(FOUND)
            if is_marked and row.id not in bad and self._bring_back(listed):
                checked.repaired += 1

    def _bring_back(self, listed: Listed) -> bool:
        row = listed.row
        if self._ring is None or row.link is None or not self.judge(listed, Depth.DEEP).outcome.is_well:
            return False
        is_recovered = read_closing(self._data_dir / row.path, self._ring).reason is CloseReason.RECOVERED
        # Behind the verdict that no longer holds stands why it ended once.
        reason = (row.reason or "").partition("; ")[2] or "back in its place"
        inventory.mark_well(self._store, row.id, is_recovered=is_recovered, reason=reason)
        return True
