"""Why there is no recording of a span of time, in a code for programs and in words for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vigilar.store.events import StoredEvent
from vigilar.store.files import FileRow

WORDS = {
    "no-motion": "Nothing moved, and this camera records only when something does.",
    "stopped": "Vigilar was stopped.",
    "disconnected": "The camera was not connected.",
    "silent": "The camera sent no pictures.",
    "disk-full": "The disk was full.",
    "lost": "Pictures came and could not be stored.",
    "crash": "Vigilar or its power failed.",
    "damaged": "The recording could not be finished.",
    "deleted": "The recording is no longer there.",
    "replaced": "Another recording lies in its place, so it is not shown.",
    "broken": "This part of the recording is damaged and is left out.",
    "before": "Nothing was recorded yet.",
    "waiting": "Nothing has come from the camera since.",
    "unknown": "Nothing was recorded.",
}
"""Code of a gap's reason -> a sentence."""

_BY_END = (
    ("found ", "unknown"),
    ("no motion", "no-motion"),
    ("stop", "stopped"),
    ("new connection", "disconnected"),
    ("the camera sends nothing", "silent"),
    ("disk full", "disk-full"),
    ("footage lost", "lost"),
    ("ended by a crash", "crash"),
    ("closed before a crash", "crash"),
    ("rollover", "unknown"),
)
"""How a row says why its file ended (``record.recorder``, ``record.recovery``) -> code of what came after it."""

_DISK_FULL = "the disk was full"


@dataclass(frozen=True, slots=True)
class Gap:
    """No recording in [from_ms, to_ms), UTC ms. ``reason`` is a key of ``WORDS``, ``words`` a sentence."""

    from_ms: int
    to_ms: int
    reason: str
    words: str


def explain_gap(from_ms: int, to_ms: int, before: FileRow | None, losses: Sequence[StoredEvent]) -> Gap:
    """The gap behind the file ``before`` (None: there was none before). What the recorder told of a loss counts first,
    because it knew the reason; else it is why that file ended."""
    told = _told(from_ms, to_ms, losses)
    if told is not None:
        code = "disk-full" if told == _DISK_FULL else "lost"
        return Gap(from_ms, to_ms, code, WORDS[code] if code == "disk-full" else f"Footage was lost: {told}.")
    code = _code_of(before)
    return Gap(from_ms, to_ms, code, WORDS[code])


FOUND_REPLACED = "found replaced"
"""How the reason of a row begins in whose file's place another lies (``store.inventory.mark_found``)."""


def lost_gap(row: FileRow, from_ms: int, to_ms: int) -> Gap | None:
    """The gap of a file of which nothing can be shown; None when something can."""
    if row.state == "missing":
        return deleted_gap(from_ms, to_ms)
    if row.state == "damaged" and (row.reason or "").startswith(FOUND_REPLACED):
        return Gap(from_ms, to_ms, "replaced", WORDS["replaced"])
    return None


def broken_gaps(from_ms: int, to_ms: int, told: Iterable[StoredEvent]) -> list[Gap]:
    """The parts of [from_ms, to_ms) that were found to be damaged, in time order, none inside of another."""
    found: list[Gap] = []
    for event in sorted(told, key=lambda one: int(one.payload.get("from_ms") or 0)):
        start, end = event.payload.get("from_ms"), event.payload.get("to_ms")
        if not isinstance(start, int) or not isinstance(end, int):
            continue
        start = max(start, found[-1].to_ms if found else from_ms)
        if start < min(end, to_ms):
            found.append(Gap(start, min(end, to_ms), "broken", WORDS["broken"]))
    return found


def deleted_gap(from_ms: int, to_ms: int) -> Gap:
    """The gap of a file that was found to be missing."""
    return Gap(from_ms, to_ms, "deleted", WORDS["deleted"])


def _code_of(before: FileRow | None) -> str:
    if before is None:
        return "before"
    if before.state == "open":
        return "waiting"
    if before.state == "missing":
        return "unknown"
    if not before.reason:
        return "unknown"
    return next((code for start, code in _BY_END if before.reason.startswith(start)), "damaged")


def _told(from_ms: int, to_ms: int, losses: Iterable[StoredEvent]) -> str | None:
    """The reason of a told loss that lies in the gap."""
    for event in losses:
        began, ended = event.payload.get("from_ms"), event.payload.get("to_ms")
        reason = event.payload.get("reason")
        if not isinstance(began, int) or not isinstance(reason, str) or not reason:
            continue
        if began < to_ms and (ended if isinstance(ended, int) else event.ts_ms + 1) > from_ms:
            return reason
    return None
