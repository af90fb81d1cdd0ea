"""The verdict on one file with all that is known of it: the file itself, its row, its place, its chain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from vigilar.base.errors import ExitCode, RecordingError
from vigilar.store import inventory
from vigilar.store.files import FileRow
from vigilar.store.inventory import UNLINKED, Listed
from vigilar.store.sql import Database
from vigilar.vge.claim import CONTENT_OF, Claim, ReplacedError, read_closing
from vigilar.vge.format import FileCore
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import LOCKED_CODES
from vigilar.vge.report import Report, Verdict, playable
from vigilar.vge.verify import verify_file
from vigilar.vge.writer import Checkpoint


class Outcome(Enum):
    """What is said of a file. The first three are as it should be."""

    CLOSED = "closed"
    OPEN = "open"
    DELETED = "deleted"
    UNCLEAN = "unclean"
    DAMAGED = "damaged"
    SHORTER = "shorter-than-anchored"
    MISSING = "missing"
    REPLACED = "replaced"
    LOCKED = "locked"
    UNREADABLE = "unreadable"

    @property
    def is_well(self) -> bool:
        return self in (Outcome.CLOSED, Outcome.OPEN, Outcome.DELETED)

    @property
    def is_of_hand(self) -> bool:
        """Whether somebody must have done it: no dying disk does."""
        return self in (Outcome.SHORTER, Outcome.MISSING, Outcome.REPLACED)


@dataclass(frozen=True, slots=True)
class Judged:
    """``sentence`` is for people. ``report`` is there when every byte was looked at; ``span_ms`` is, in UTC ms, what
    cannot be shown as it was, None when all can. ``core`` is the proved header, where it was looked at and is this
    file's."""

    outcome: Outcome
    sentence: str
    report: Report | None = None
    span_ms: tuple[int, int] | None = None
    core: FileCore | None = None


def claim_of(listed: Listed) -> Claim:
    """What the header and the end of the file must say."""
    row = listed.row
    return Claim(listed.camera_uuid, CONTENT_OF[row.content], row.number, row.link)


def anchor_of(row: FileRow) -> Checkpoint | None:
    """The last checkpoint the database has seen of a file that was never closed."""
    if row.link is not None or row.checkpoint_record is None or row.checkpoint_tag is None:
        return None
    return Checkpoint(row.checkpoint_record, row.checkpoint_tag, row.checkpoint_offset or 0, row.plaintext_bytes)


def judge_names(path: Path, row: FileRow) -> Judged:
    """The cheapest look: is it there, and as long as its row says? Opens nothing."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return _missing(row)
    except OSError as error:
        return Judged(Outcome.UNREADABLE, f"It cannot be looked at: {error.strerror}.")
    if row.state == "open":
        least = row.checkpoint_offset or 0
        return Judged(Outcome.OPEN, "It is being written.") if size >= least else _cut(row, size, least)
    if row.link is None or size == row.size_bytes:
        return Judged(Outcome.CLOSED, "It is there, as long as it was.")
    if size < row.size_bytes:
        return _cut(row, size, row.size_bytes)
    more = size - row.size_bytes
    return Judged(Outcome.DAMAGED, f"It is {more} bytes longer than it was when it was closed.", span_ms=_span(row))


def judge_ends(path: Path, listed: Listed, ring: KeyRing) -> Judged:
    """The middle look: length, header and CLOSE, both proved. Reads a kilobyte."""
    row = listed.row
    found = judge_names(path, row)
    if found.outcome in (Outcome.MISSING, Outcome.UNREADABLE):
        return found
    try:
        closing = read_closing(path, ring)
        claim_of(listed).check_core(closing.core)
        claim_of(listed).check_link(closing.link)
    except RecordingError as error:
        return _refused(row, error)
    if row.link is not None and closing.link is None and found.outcome is Outcome.CLOSED:
        return Judged(Outcome.DAMAGED, "Its closing record is damaged.", span_ms=_span(row), core=closing.core)
    return replace(found, core=closing.core)


def judge_bytes(path: Path, listed: Listed, ring: KeyRing) -> Judged:
    """The thorough look: every byte. Raises nothing."""
    row = listed.row
    found = judge_names(path, row)
    if found.outcome in (Outcome.MISSING, Outcome.UNREADABLE):
        return found
    try:
        report = verify_file(path, ring, anchor=anchor_of(row))
    except RecordingError as error:
        return _refused(row, error)
    judged = judge_report(report, listed)
    return judged if judged.outcome is Outcome.REPLACED else replace(judged, core=report.core)


def judge_report(report: Report, listed: Listed) -> Judged:
    """What a file that was proved from its first byte to its last is worth, given its row."""
    row = listed.row
    if report.core is None:
        return _of_rejected(report, row)
    try:
        claim_of(listed).check_core(report.core)
        claim_of(listed).check_link(report.link)
    except ReplacedError as error:
        return _refused(row, error, report)
    if report.verdict is Verdict.SHORTER_THAN_ANCHOR:
        return Judged(Outcome.SHORTER, f"{report.sentence}.", report, _span(row))
    if row.link is not None and report.close_reason is None and report.size_bytes < row.size_bytes:
        sentence = (
            f"Shorter than it was: closed with {row.record_count} records, of which {report.records_verified} are "
            f"left; {playable(report.playable_spans)}."
        )
        return Judged(Outcome.SHORTER, sentence, report, _span(row))
    if report.verdict is Verdict.UNCLEAN:
        if row.state == "open":
            return Judged(Outcome.OPEN, f"{report.sentence}.", report)
        if row.link is not None:
            words = f"Its closing record is damaged; {playable(report.playable_spans)}."
            return Judged(Outcome.DAMAGED, words, report, _span(row))
        return Judged(Outcome.UNCLEAN, f"{report.sentence}.", report)
    if report.verdict is Verdict.DAMAGED:
        return Judged(Outcome.DAMAGED, f"{report.sentence}.", report, _damaged_span(report, row))
    return Judged(Outcome.CLOSED, f"{report.sentence}.", report)


def judge_chain(store: Database, listed: Listed, core: FileCore) -> Judged | None:
    """What the file says of the one before it: None when that is there, or went by a rule, or there was none.

    A file that was closed and whose row never got its link, as on a failing disk, is accounted for by its number.
    ``span_ms`` is the time between the recordings that are known.
    """
    row = listed.row
    if not any(core.previous_link) or UNLINKED in (row.reason or ""):
        return None
    if inventory.find_link_number(store, row.camera_id, row.content, row.number, core.previous_link) is not None:
        return None
    before = inventory.find_before(store, row.camera_id, row.content, row.number)
    if not before.unaccounted:
        return None
    what = "recording" if row.content == "video" else row.content
    return Judged(
        Outcome.MISSING,
        f"The {what} before number {row.number} of {row.camera_id} is gone with its row, and no rule deleted it: it "
        "was removed by hand.",
        span_ms=(min(before.end_ms, row.start_ms), row.start_ms),
    )


def _refused(row: FileRow, error: RecordingError, report: Report | None = None) -> Judged:
    if isinstance(error, ReplacedError):
        return Judged(Outcome.REPLACED, f"{error}.", report, _span(row))
    if error.code in LOCKED_CODES:
        return Judged(Outcome.LOCKED, f"{error}.", report)
    if error.exit_code is ExitCode.NOT_FOUND:
        return _missing(row)
    if error.code == "vge.not-a-recording":
        return Judged(Outcome.REPLACED, "Something that is no recording lies in its place.", report, _span(row))
    if error.code in ("vge.header-damaged", "vge.header-short", "vge.no-slot", "vge.newer-version", "vge.test-file"):
        return Judged(Outcome.DAMAGED, f"{error}.", report, _span(row))
    return Judged(Outcome.UNREADABLE, f"{error}.", report)


def _of_rejected(report: Report, row: FileRow) -> Judged:
    return _refused(row, RecordingError(report.sentence, code=f"vge.{report.code}"), report)


def _missing(row: FileRow) -> Judged:
    return Judged(Outcome.MISSING, "It is not in its place, and no deletion of it was noted.", span_ms=_span(row))


def _cut(row: FileRow, size: int, was: int) -> Judged:
    return Judged(Outcome.SHORTER, f"It is {size} bytes long and was {was}: its end was cut off.", span_ms=_span(row))


def _span(row: FileRow) -> tuple[int, int]:
    return row.start_ms, row.start_ms if row.end_ms is None else row.end_ms


def _damaged_span(report: Report, row: FileRow) -> tuple[int, int]:
    if not report.damaged_spans:
        return _span(row)
    start, end = report.damaged_spans[0].start_ms, report.damaged_spans[-1].end_ms
    return row.start_ms + start, row.start_ms + end
