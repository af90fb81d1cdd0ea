"""What the page of the keys shows and does: how the recordings are locked up, sheets on their way to paper, unlocking.

A sheet's words exist on the page that shows them and, until two of them were typed back, in the memory of this process.
Only then it counts: a sheet that nobody has on paper would be worse than none.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from pathlib import Path

from vigilar.base.clock import Clock
from vigilar.base.errors import RecordingError
from vigilar.store.jobs import JobRow, add_job, list_jobs
from vigilar.vge import key_store
from vigilar.vge.keys import KeyRing, is_house_locked, load_sheet_id, save_sheet
from vigilar.vge.places import is_beside
from vigilar.vge.recovery import Sheet, make_recovery_key, sheet_id_of
from vigilar.web.auth import asker
from vigilar.web.exports import tell_pages
from vigilar.web.parts import Parts

REWRAP = "rewrap"
"""The kind of the job that moves recordings to the newest key."""

SHEET_WAITS_MS = 30 * 60 * 1000
"""For a printer that is in another room."""

MAX_WAITING = 8
"""Sheets that wait for their two words; more are somebody playing."""

ASKED_WORDS = 2

_unlocking = threading.Lock()
"""One at a time, as each passphrase that is tried takes 64 MiB."""


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """How the recordings are locked up. ``sheet``: the first letters of the id of the sheet that counts."""

    is_locked: bool
    has_passphrase: bool
    sticks: tuple[str, ...]
    is_beside: bool
    sheet: str
    epoch: int
    trouble: str = ""

    @property
    def is_locked_up(self) -> bool:
        return self.has_passphrase or bool(self.sticks)

    @property
    def sentence(self) -> str:
        """How it is, for a tired person."""
        if self.trouble:
            return self.trouble
        if self.is_locked:
            return "Recording goes on. What was recorded before this start is locked."
        if self.is_locked_up:
            return "Locked up: a box that is carried away shows no recording."
        if self.is_beside:
            return "Not locked up: who takes this box, or its disk, can look at the recordings."
        return "Not locked up: the keys lie on another disk than the recordings."


def read_keys(secrets_dir: Path, data_dir: Path) -> KeyFacts:
    """Never raises RecordingError: what cannot be read is said."""
    try:
        lock = key_store.load_lock(secrets_dir)
        ring = KeyRing.load(secrets_dir)
        sheet = load_sheet_id(secrets_dir)
        return KeyFacts(
            is_locked=is_house_locked(secrets_dir),
            has_passphrase=lock is not None and lock.has_passphrase,
            sticks=() if lock is None else tuple(one.id for one in lock.sticks),
            is_beside=is_beside(secrets_dir, data_dir),
            sheet=sheet.hex()[:8] if sheet else "",
            epoch=ring.newest().epoch,
        )
    except RecordingError as error:
        words = f"The keys cannot be read: {error}. {error.next_step}"
        return KeyFacts(False, False, (), False, "", 0, words)


@dataclass(frozen=True, slots=True)
class WaitingSheet:
    """A sheet that was shown. ``asked``: the places, from 0, of the words that must be typed back."""

    sheet: Sheet
    asked: tuple[int, ...]
    shown_ms: int

    @property
    def id(self) -> str:
        return sheet_id_of(self.sheet.public).hex()[:8]


class WaitingSheets:
    """Sheets between paper and counting, one a member. Any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[int, WaitingSheet] = {}

    def make(self, member_id: int) -> WaitingSheet:
        """A new sheet in place of the one that may wait for this member."""
        asked = tuple(sorted(secrets.SystemRandom().sample(range(16), ASKED_WORDS)))
        made = WaitingSheet(Sheet.make(), asked, self._now_ms())
        with self._lock:
            self._drop_old()
            if member_id not in self._waiting and len(self._waiting) >= MAX_WAITING:
                self._waiting.pop(next(iter(self._waiting)))
            self._waiting[member_id] = made
        return made

    def find(self, member_id: int) -> WaitingSheet | None:
        with self._lock:
            self._drop_old()
            return self._waiting.get(member_id)

    def take(self, member_id: int) -> None:
        """It counts now, or is not wanted any more."""
        with self._lock:
            self._waiting.pop(member_id, None)

    def _drop_old(self) -> None:
        oldest_ms = self._now_ms() - SHEET_WAITS_MS
        self._waiting = {one: sheet for one, sheet in self._waiting.items() if sheet.shown_ms > oldest_ms}

    def _now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000


def use_sheet(here: Parts, sheet: Sheet) -> JobRow:
    """From now on this sheet counts; a job gives each recording its slot. Raises RecordingError."""
    secrets_dir = here.cfg.secrets_dir
    # The key first: a sheet that counts and has no key would leave new files without a slot.
    key_store.add_recovery_key(secrets_dir, lambda number: make_recovery_key(sheet.public, number))
    save_sheet(secrets_dir, sheet.public, sheet_id_of(sheet.public))
    return move_recordings(here)


def rotate(here: Parts) -> JobRow:
    """Begin a new key, and a job that moves the recordings to it. While one does, it is that one: a double click makes
    no second key. Raises RecordingError."""
    running = find_move(here)
    if running is not None and not running.is_over:
        return running
    key_store.add_keys(here.cfg.secrets_dir)
    return move_recordings(here)


def move_recordings(here: Parts) -> JobRow:
    row = add_job(
        here.store,
        node_id=here.cfg.node_id,
        kind=REWRAP,
        params={},
        made_by=asker().id,
        now_ms=here.now_ms(),
    )
    tell_pages(here, row)
    return row


def find_move(here: Parts) -> JobRow | None:
    """The newest job that moves recordings."""
    return next(iter(list_jobs(here.store, here.cfg.node_id, kinds=(REWRAP,))), None)


def unlock_house(here: Parts, passphrase: str) -> JobRow | None:
    """Unlock by ``passphrase``; empty: by a stick that is in. The job moves what was recorded under start keys. None
    when the house was not locked. Raises RecordingError (denied) when it does not open."""
    secrets_dir = here.cfg.secrets_dir
    with _unlocking:
        lock = key_store.load_lock(secrets_dir)
        if lock is None or not is_house_locked(secrets_dir):
            return None
        if passphrase or not key_store.unlock_by_stick(secrets_dir):
            key_store.unlock(secrets_dir, lock.open_with_passphrase(passphrase))
        return move_recordings(here)
