"""What all work of a backup shares: where things lie, how fast it may go, how far it is, and whom to tell."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vigilar.backup.copier import StoppedError
from vigilar.backup.house_copy import HouseFiles
from vigilar.base.clock import Clock
from vigilar.base.even_clock import EvenClock
from vigilar.base.stop import Stop
from vigilar.store.backups import Wanted
from vigilar.store.sql import Database

Report = Callable[[str, str, dict[str, Any]], None]
"""``report(kind, about, detail)``: something that must become an event, once a day for what it is ``about``."""

_STEP_S = 0.5
"""Waiting for the limit is done in steps of at most this, so that a stop is heard."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is copied and how fast. ``limit_bps`` is in bits a second, None for as fast as it goes."""

    wanted: Wanted
    limit_bps: int | None = None


@dataclass(slots=True)
class Progress:
    """How far the work is. Written by the thread that works, read by any. ``moved_s`` is monotonic: when something was
    last heard of the target. ``work`` is empty while nothing is done."""

    work: str = ""
    done_count: int = 0
    done_bytes: int = 0
    all_count: int = 0
    all_bytes: int = 0
    moved_s: float = field(default_factory=time.monotonic)

    def begin(self, work: str) -> None:
        self.work, self.done_count, self.done_bytes, self.all_count, self.all_bytes = work, 0, 0, 0, 0
        self.moved_s = time.monotonic()

    def end(self) -> None:
        self.work = ""

    def plain(self) -> dict[str, int | str]:
        """As it travels in a heartbeat."""
        return {
            "work": self.work,
            "done": self.done_count,
            "all": self.all_count,
            "done_bytes": self.done_bytes,
            "all_bytes": self.all_bytes,
        }


@dataclass(frozen=True, slots=True)
class Bench:
    """What work is done with. ``scratch`` is a folder of this box for what is made on the way, which is made anew."""

    files: HouseFiles
    node_id: str
    address: str
    store: Database
    clock: Clock
    even: EvenClock
    stop: Stop
    progress: Progress
    report: Report

    @property
    def scratch(self) -> Path:
        return self.files.data_dir / "backup"

    def now_ms(self) -> int:
        """UTC milliseconds."""
        return self.clock.utc_ns() // 1_000_000


class Pace:
    """Keeps a rate and hears a stop: called behind each block."""

    def __init__(self, bench: Bench, limit_bps: int | None = None) -> None:
        self._bench = bench
        self._limit_bps = limit_bps
        self._began_s = time.monotonic()
        self._sent_bytes = 0

    def __call__(self, written_bytes: int) -> None:
        """Raises StoppedError."""
        progress = self._bench.progress
        progress.moved_s = time.monotonic()
        progress.done_bytes += written_bytes
        self._sent_bytes += written_bytes
        if self._bench.stop.is_set():
            raise StoppedError
        if not self._limit_bps:
            return
        due_s = self._began_s + self._sent_bytes * 8 / self._limit_bps
        while (left_s := due_s - time.monotonic()) > 0:
            if self._bench.stop.wait(min(left_s, _STEP_S)):
                raise StoppedError
            progress.moved_s = time.monotonic()
