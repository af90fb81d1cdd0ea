"""Findings become messages to the events process of the box, so that people see them: each once."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vigilar.base.clock import Clock
from vigilar.base.errors import StoreError, VigilarError
from vigilar.base.folder_id import find_folder_id
from vigilar.base.ids import new_id
from vigilar.bus.messages import CameraFact, ProofFact
from vigilar.bus.topics import Topics
from vigilar.proof.history import Contradiction, Place
from vigilar.proof.verdict import Outcome
from vigilar.store import inbound, inventory
from vigilar.store.files import FileRow
from vigilar.store.inventory import Told
from vigilar.store.sql import Database

logger = logging.getLogger(__name__)

MARKED_AT_ONCE = 200
"""Rows in one transaction: recorders wait for it no longer than some ms."""

PATHS_TOLD = 5

MET_FOR_NS = 600 * 1_000_000_000
MET_AT_MOST = 1000
"""What playback met is not told to the database again for ten minutes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One file that is not what it was. ``span_ms``: UTC ms of what cannot be shown. ``previous_link``: not this file
    is gone but the one before it, row and all, that was closed with this link."""

    row: FileRow
    outcome: Outcome
    sentence: str
    span_ms: tuple[int, int]
    previous_link: bytes | None = None

    @property
    def is_of_before(self) -> bool:
        return self.previous_link is not None


class Teller:
    """Marks rows and tells of them. Any thread. ``node_id`` is the box, whose folder ``data_dir`` is."""

    def __init__(self, store: Database, node_id: str, data_dir: Path, clock: Clock) -> None:
        self._store = store
        self._node_id = node_id
        self._data_dir = data_dir
        self._clock = clock
        self._met: OrderedDict[tuple[int, str], int] = OrderedDict()
        self._met_lock = threading.Lock()

    def is_folder_there(self) -> bool:
        """Whether the data folder is the house's own: with its drive away all files are, and none was touched."""
        try:
            return find_folder_id(self._data_dir) == self._node_id
        except (OSError, VigilarError):
            return False

    def tell_file(self, row: FileRow, verdict: str, sentence: str, span_ms: tuple[int, int]) -> None:
        """What playback meets, perhaps at each record. Never raises: who watches is not to wait for the database."""
        if not self._is_new(row.id, verdict):
            return
        try:
            self.tell([Finding(row, Outcome(verdict), sentence, span_ms)])
        except StoreError as error:
            logger.warning("%s is %s, which could not be stored: %s", row.path, verdict, error)

    def _is_new(self, file_id: int, verdict: str) -> bool:
        """Whether this was not met a moment ago: each telling is a transaction."""
        now_ns, key = self._clock.mono_ns(), (file_id, verdict)
        with self._met_lock:
            met_ns = self._met.get(key)
            if met_ns is not None and now_ns - met_ns < MET_FOR_NS:
                return False
            self._met[key] = now_ns
            self._met.move_to_end(key)
            while len(self._met) > MET_AT_MOST:
                self._met.popitem(last=False)
        return True

    def tell(self, findings: Sequence[Finding]) -> int:
        """Mark the rows; one event for each camera and verdict that has new ones. How many files are new. Raises
        StoreError."""
        if not findings or not self.is_folder_there():
            return 0
        groups: dict[tuple[str, Outcome], list[Finding]] = {}
        for one in findings:
            if one.previous_link is not None:
                place = Place(one.row.camera_id, one.row.content, one.span_ms)
                self.tell_house(Contradiction("rows-removed", one.sentence, one.previous_link.hex(), place=place))
                continue
            groups.setdefault((one.row.camera_id, one.outcome), []).append(one)
        return sum(
            self._tell_group(camera_id, outcome, group[at : at + MARKED_AT_ONCE])
            for (camera_id, outcome), group in groups.items()
            for at in range(0, len(group), MARKED_AT_ONCE)
        )

    def _tell_group(self, camera_id: str, outcome: Outcome, group: Sequence[Finding]) -> int:
        state: Literal["missing", "damaged"] = "missing" if outcome is Outcome.MISSING else "damaged"
        by_id = {one.row.id: one for one in group}
        now_ms = self._clock.utc_ns() // 1_000_000

        def message(ids: list[int]) -> Told:
            fact = _fact(camera_id, outcome, [by_id[file_id] for file_id in ids], now_ms)
            return Told(fact.id, Topics.camera_fact(camera_id), fact.dump())

        new = inventory.mark_found(self._store, self._node_id, list(by_id), state, outcome.value, message, now_ms)
        for file_id in new:
            logger.error("%s: %s", by_id[file_id].row.path, by_id[file_id].sentence)
        return len(new)

    def tell_house(self, found: Contradiction) -> None:
        """Tell of a contradiction, once however often it is met. Raises StoreError."""
        uid = hashlib.sha256(f"{self._node_id}|{found.code}|{found.mark}".encode()).hexdigest()[:32]
        now_ms = self._clock.utc_ns() // 1_000_000
        detail: dict[str, Any] = {"reason": found.sentence, "code": found.code, "well_until_ms": found.since_ms}
        if (place := found.place) is not None:
            detail |= {"camera_id": place.camera_id, "content": place.content}
            detail |= {"from_ms": place.span_ms[0], "to_ms": place.span_ms[1]}
        fact = ProofFact(uid, now_ms, "history_changed", detail)
        if inbound.put(self._store, self._node_id, uid, Topics.PROOF_FACT, fact.dump(), now_ms):
            logger.error("%s", found.sentence)


def _fact(camera_id: str, outcome: Outcome, group: Sequence[Finding], now_ms: int) -> CameraFact:
    kind = "recording_tampered" if outcome.is_of_hand else "recording_damaged"
    more = len(group) - 1
    detail = {
        "verdict": outcome.value,
        "file_id": group[0].row.id,
        "files": len(group),
        "paths": [one.row.path for one in group[:PATHS_TOLD]],
        "from_ms": min(one.span_ms[0] for one in group),
        "to_ms": max(one.span_ms[1] for one in group),
        "reason": group[0].sentence + (f" So are {more} more." if more else ""),
    }
    return CameraFact(new_id(), now_ms, camera_id, kind, detail)
