"""What the folder itself says about a camera's newest recording, whatever the database knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vigilar.base.errors import RecordingError
from vigilar.record.folders import newest_days, number_of
from vigilar.vge.format import CloseReason, RecordType
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import LOCKED_CODES
from vigilar.vge.reader import VgeReader
from vigilar.vge.unproved import read_unproved_end

_TRIES = 5
"""Files without a picture, or that are damaged, are passed by, so many at most."""


@dataclass(frozen=True, slots=True)
class LastRecording:
    """Where it ends (its last picture's end), in which boot it was made, and whether a crash ended it."""

    end_utc_ns: int
    boot_id: bytes
    is_cut: bool


def find_last_recording(home: Path, ring: KeyRing, now_ns: int) -> LastRecording | None:
    """The newest file below ``home`` with a picture in it; None without any. ``now_ns`` (UTC) tells which folders may
    be the newest. Reads headers: a few milliseconds. Raises OSError."""
    found_files = [path for day in newest_days(home, now_ns) for path in day.glob("*.vge")]
    for path in sorted(found_files, key=lambda path: number_of(path.name), reverse=True)[:_TRIES]:
        try:
            with VgeReader.open(path, ring) as reader:
                found = _describe(reader)
        except RecordingError as error:
            found = _describe_locked(path) if error.code in LOCKED_CODES else None
        if found is not None:
            return found
    return None


def _describe(reader: VgeReader) -> LastRecording | None:
    ends = [one.utc_ns + one.duration_ms * 1_000_000 for one in reader.entries if one.type is RecordType.MEDIA]
    if not ends:
        return None
    is_cut = reader.close_reason in (None, CloseReason.RECOVERED)
    return LastRecording(max(ends), reader.header.boot_id, is_cut)


def _describe_locked(path: Path) -> LastRecording | None:
    """Of a file under an older key, which a camera's process does not hold, or of one from before a house was
    locked. What it says of its time is believed: to pass it by would tell footage lost that is there."""
    try:
        end = read_unproved_end(path)
    except RecordingError:
        return None
    return None if end.end_utc_ns is None else LastRecording(end.end_utc_ns, end.core.boot_id, not end.has_close)
