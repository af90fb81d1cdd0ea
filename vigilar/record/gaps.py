"""What was to be recorded and was not: from when, why, and telling it once it is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vigilar.base import folder_look
from vigilar.base.errors import ErrorKind, RecordingError, StoreError
from vigilar.base.not_recording import NotRecording
from vigilar.vge.bodies import Mark

Report = Callable[[str, int, dict[str, Any]], None]
"""Takes a fact: its kind (a type of ``vigilar/events/subjects.py``), UTC ns, details. Must return at once."""

DISK_FULL = "the disk was full"
DISK_FAILED = "the disk reported an error"
DISK_SLOW = "the disk was too slow"
DRIVE_AWAY = "the drive for recordings was not there"
DATABASE = "the database could not be written"
NOT_RUNNING = "the camera's process was not running"
MACHINE_OFF = "the computer was off or restarting"
BAD_PICTURE = "the camera's stream could not be stored"
BUG = "an unexpected error"

_DISK_EVENTS = {NotRecording.DISK_READ_ONLY: "disk_read_only", NotRecording.DISK_FAILED: "disk_failed"}
"""What of the disk's trouble is an event of its own; a full disk has more to it (``disk_is_full``)."""

LONG_GAP_NS = 10_000_000_000
"""A gap that lasts longer is reported while it lasts, and again with its length when it is over."""


def reason_of(error: RecordingError | StoreError) -> str:
    """Why footage is lost when a file cannot be made or written."""
    if isinstance(error, StoreError):
        return DATABASE
    if error.code == folder_look.CODE:
        return DRIVE_AWAY
    return DISK_FULL if error.kind is ErrorKind.FULL else DISK_FAILED


@dataclass(slots=True)
class Gap:
    """A span without footage that is still growing: where it began, why, and since when we know of it."""

    from_utc_ns: int
    why: str
    known_utc_ns: int
    is_told: bool = False


class GapLog:
    """Remembers that footage is being lost and that the disk is full; reports each once. One thread."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._gap: Gap | None = None
        self._disk_trouble: NotRecording | None = None
        self.is_full = False
        self.gaps = 0

    @property
    def is_open(self) -> bool:
        return self._gap is not None

    def begin(self, from_utc_ns: int, why: str, known_utc_ns: int | None = None) -> None:
        """Footage is lost from here on. The first reason of a gap stays. ``known_utc_ns``: when it was learned of, if
        that is much later: what then ends soon is told once."""
        if self._gap is None:
            self._gap = Gap(from_utc_ns, why, from_utc_ns if known_utc_ns is None else known_utc_ns)
        else:
            self._gap.from_utc_ns = min(self._gap.from_utc_ns, from_utc_ns)

    def look(self, utc_ns: int) -> None:
        """Called regularly: report a gap that lasts. A full disk was reported as such."""
        gap = self._gap
        if gap and not gap.is_told and not self.is_full and utc_ns - gap.known_utc_ns > LONG_GAP_NS:
            gap.is_told = True
            self._report("footage_lost", utc_ns, {"from_ms": gap.from_utc_ns // 1_000_000, "reason": gap.why})

    def disk_is_full(self, utc_ns: int, detail: dict[str, Any]) -> None:
        if not self.is_full:
            self.is_full = True
            self._report("disk_full", utc_ns, detail)

    def disk_refuses(self, why: NotRecording, utc_ns: int, detail: dict[str, Any]) -> None:
        """The disk is read-only or fails: told once for each, until something was written again."""
        if why in _DISK_EVENTS and why is not self._disk_trouble:
            self._disk_trouble = why
            self._report(_DISK_EVENTS[why], utc_ns, detail)

    def mark(self, to_utc_ns: int) -> Mark | None:
        """What goes into the file that begins at ``to_utc_ns``, if something is missing before it."""
        return Mark("gap", self._span(self._gap, to_utc_ns)) if self._gap else None

    def end(self, to_utc_ns: int) -> None:
        """What begins at ``to_utc_ns`` was written: report what was lost before it."""
        gap, self._gap = self._gap, None
        if gap:
            self.gaps += 1
            self._report("footage_lost", to_utc_ns, self._span(gap, to_utc_ns))

    def _span(self, gap: Gap, to_utc_ns: int) -> dict[str, Any]:
        return {
            "from_ms": gap.from_utc_ns // 1_000_000,
            "to_ms": to_utc_ns // 1_000_000,
            "lost_ms": max(0, to_utc_ns - gap.from_utc_ns) // 1_000_000,
            "reason": gap.why,
        }

    def recording_works(self, utc_ns: int) -> None:
        """Something was written: if the disk had been full, read-only or failing, it is no longer."""
        if self.is_full or self._disk_trouble:
            self.is_full = False
            self._disk_trouble = None
            self._report("recording_resumed", utc_ns, {})
