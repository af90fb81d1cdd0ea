"""Why there is no recording of a span of time, in a code for programs and in words for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vigilar.store.deletions import Deletion, Why
from vigilar.store.events import StoredEvent
from vigilar.store.files import FileRow
from vigilar.store.inventory import TAKEN_IN

WORDS = {
    "no-motion": "Nothing moved, and this camera records only when something does.",
    "stopped": "Vigilar was stopped.",
    "battery": "Mains had failed, and the battery of the UPS was nearly empty.",
    "disconnected": "The camera was not connected.",
    "silent": "The camera sent no pictures.",
    "disk-full": "The disk was full.",
    "lost": "Pictures came and could not be stored.",
    "crash": "Vigilar or its power failed.",
    "clock": "The clock was set forward: this time never was.",
    "damaged": "The recording could not be finished.",
    "deleted": "The recording is no longer there.",
    "deleted-age": "The recording was deleted because it was too old.",
    "deleted-quota": "The recording was deleted to keep the quota.",
    "deleted-reserve": "The recording was deleted to keep space free on the disk.",
    "deleted-owner": "The recording was deleted because somebody said so.",
    "removed": "A recording of this time was removed by hand, with its row: no rule deleted it.",
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
    ("battery", "battery"),
    ("new connection", "disconnected"),
    ("the camera sends nothing", "silent"),
    ("disk full", "disk-full"),
    ("footage lost", "lost"),
    ("ended by a crash", "crash"),
    ("closed before a crash", "crash"),
    ("the clock was moved", "clock"),
    ("rollover", "unknown"),
    ("new format", "unknown"),
    (TAKEN_IN, "unknown"),
)
"""How a row says why its file ended (``record.recorder``, ``record.recovery``) -> code of what came after it."""

_DISK_FULL = "the disk was full"

_DELETED: dict[Why, str] = {
    "age": "deleted-age",
    "quota": "deleted-quota",
    "camera-quota": "deleted-quota",
    "reserve": "deleted-reserve",
    "owner": "deleted-owner",
}
"""Why retention deleted a file -> code of the gap that it left."""

GAP_MS = 1000
"""Shorter ones are none: where a file ends and the next begins, rounding and one late picture leave some ms."""


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


def gaps_between(
    from_ms: int,
    to_ms: int,
    before: FileRow | None,
    losses: Sequence[StoredEvent],
    gone: Sequence[Gap],
) -> list[Gap]:
    """The gaps in [from_ms, to_ms), which no file covers: where recordings were that are ``gone``, in time order, why
    they are; elsewhere as ``explain_gap``."""
    found: list[Gap] = []
    at_ms, is_first = from_ms, True
    for one in gone:
        start_ms, end_ms = max(at_ms, one.from_ms), min(to_ms, one.to_ms)
        if end_ms <= start_ms:
            continue
        if start_ms - at_ms >= GAP_MS:
            found.append(_explain(at_ms, start_ms, before, losses, follows_file=is_first))
        if found and found[-1].words == one.words and start_ms - found[-1].to_ms < GAP_MS:
            start_ms = found.pop().from_ms
        found.append(Gap(start_ms, end_ms, one.reason, one.words))
        at_ms, is_first = end_ms, False
    if to_ms - at_ms >= GAP_MS or is_first:
        found.append(_explain(at_ms, to_ms, before, losses, follows_file=is_first))
    return found


def gone_gaps(gone: Iterable[Deletion], names: Mapping[str, str], removed: Iterable[StoredEvent]) -> list[Gap]:
    """Where recordings were that are gone, in the order of their begin: by a rule or by a person, whose ``names`` are
    known by the path; or ``removed`` by hand, as was told. A gap of the latter reaches from one known recording to the
    next, as nobody knows more."""
    found = []
    for one in gone:
        code = _DELETED[one.why]
        words = f"The recording was deleted by {names[one.path]}." if one.path in names else WORDS[code]
        found.append(Gap(one.start_ms, one.end_ms, code, words))
    for event in removed:
        start, end = event.payload.get("from_ms"), event.payload.get("to_ms")
        if isinstance(start, int) and isinstance(end, int):
            found.append(Gap(start, end, "removed", WORDS["removed"]))
    return sorted(found, key=lambda gap: gap.from_ms)


def _explain(
    from_ms: int, to_ms: int, before: FileRow | None, losses: Sequence[StoredEvent], *, follows_file: bool
) -> Gap:
    """``before`` says why only of the gap right behind it; of one behind a deleted file nobody knows any more."""
    gap = explain_gap(from_ms, to_ms, before, losses)
    if follows_file or gap.reason in ("disk-full", "lost"):
        return gap
    return Gap(from_ms, to_ms, "unknown", WORDS["unknown"])


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
    reason = before.reason.removeprefix(f"{TAKEN_IN}: ")
    return next((code for start, code in _BY_END if reason.startswith(start)), "damaged")


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
