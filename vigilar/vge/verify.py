"""Verifying one file from its first byte to its last."""

from __future__ import annotations

import os
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from vigilar.base.errors import RecordingError
from vigilar.vge.crypto import link_of
from vigilar.vge.format import CloseReason, FileCore, RecordHeader, RecordType
from vigilar.vge.gate import file_errors
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import Header, open_header
from vigilar.vge.report import DamagedSpan, Report, Span, Verdict, clock_time, playable
from vigilar.vge.scan import RecordFile
from vigilar.vge.walk import Walk, walk_file
from vigilar.vge.writer import Checkpoint


def verify_file(
    path: Path, ring: KeyRing, *, anchor: Checkpoint | None = None, allow_test_files: bool = False
) -> Report:
    """Prove all of ``path`` and say what it is worth. Never raises for what is in the file.

    ``anchor`` is the last checkpoint that is remembered elsewhere; a file without it has been shortened. Raises
    RecordingError if the file cannot be read at all (missing, denied, device error). Reads once, writes nothing.
    """
    with file_errors("read", path):
        # Not waiting, because anyone may name a pipe on the command line.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            header, keys = open_header(fd, ring, allow_test_files=allow_test_files)
            digest = sha256()
            walk = walk_file(RecordFile(fd, keys, header.core.max_payload_log2), digest.update)
        except RecordingError as rejected:
            code = rejected.code.removeprefix("vge.")
            return Report(Verdict.REJECTED, code, str(rejected), size_bytes=os.fstat(fd).st_size)
        finally:
            os.close(fd)
    return _report(header, walk, judge(walk, anchor), digest.digest())


def judge(walk: Walk, anchor: Checkpoint | None) -> tuple[Verdict, str]:
    """Verdict and reason code of a file whose header opened."""
    if anchor is not None and _lacks(walk, anchor):
        return Verdict.SHORTER_THAN_ANCHOR, "shorter-than-anchor"
    if walk.gaps or walk.gave_up:
        return Verdict.DAMAGED, "search-given-up" if walk.gave_up else "records-damaged"
    if walk.is_contradicted:
        return Verdict.DAMAGED, "close-contradicted"
    if walk.close is None:
        return Verdict.UNCLEAN, "no-close"
    if walk.trailing_bytes:
        return Verdict.DAMAGED, "bytes-after-close"
    return Verdict.CLOSED, "closed"


def _lacks(walk: Walk, anchor: Checkpoint) -> bool:
    """Whether the file ends before the anchor, or has another record in its place."""
    if anchor.record_number >= walk.end.number:
        return True
    there = [tag for header, tag in zip(walk.headers, walk.tags, strict=True) if header.number == anchor.record_number]
    return bool(there) and there[0] != anchor.tag


def _report(header: Header, walk: Walk, judged: tuple[Verdict, str], digest: bytes) -> Report:
    verdict, code = judged
    spans = _playable_spans(header.core, walk)
    is_closed = verdict is Verdict.CLOSED
    return Report(
        verdict=verdict,
        code=code,
        sentence=_sentence(verdict, code, spans, walk),
        records_verified=len(walk.headers),
        plaintext_bytes=sum(one.plaintext_len for one in walk.headers),
        plaintext_sha256=digest,
        size_bytes=walk.size,
        first_utc_ns=walk.headers[0].utc_ns if walk.headers else None,
        last_utc_ns=end_utc_ns(walk.headers),
        playable_spans=spans,
        damaged_spans=_damaged_spans(header.core, walk),
        close_reason=walk.close.reason if walk.close else None,
        link=link_of(header.core_bytes, walk.tags[-1]) if is_closed else None,
        core=header.core,
    )


def end_utc_ns(headers: list[RecordHeader]) -> int | None:
    """Where the last record of MEDIA, META or MARK ends; INDEX and CLOSE carry the time of their writing instead."""
    last = next((one for one in reversed(headers) if one.type.is_encrypted), None)
    return None if last is None else last.utc_ns + last.duration_ms * 1_000_000


def _time_ms(core: FileCore, header: RecordHeader) -> int:
    # The boot-time clock, because it never steps; a pre-roll may reach before the start of the file.
    return max(header.mono_ns - core.start_mono_ns, 0) // 1_000_000


def _playable_spans(core: FileCore, walk: Walk) -> tuple[Span, ...]:
    borders = [0, *(gap.before for gap in walk.gaps), len(walk.headers)]
    spans = []
    for first, stop in pairwise(borders):
        media = [one for one in walk.headers[first:stop] if one.type is RecordType.MEDIA]
        if media:
            # Clocks may go back inside a file; a span still goes forward.
            start_ms = min(_time_ms(core, one) for one in media)
            spans.append(Span(start_ms, max(_time_ms(core, one) + one.duration_ms for one in media)))
    return tuple(spans)


def _damaged_spans(core: FileCore, walk: Walk) -> tuple[DamagedSpan, ...]:
    damaged = []
    for gap in walk.gaps:
        before = walk.headers[gap.before - 1] if gap.before else None
        start_ms = _time_ms(core, before) + before.duration_ms if before else 0
        end_ms = max(_time_ms(core, walk.headers[gap.before]), start_ms)
        damaged.append(DamagedSpan(gap.start, gap.stop, start_ms, end_ms))
    return tuple(damaged)


def _sentence(verdict: Verdict, code: str, spans: tuple[Span, ...], walk: Walk) -> str:
    end = clock_time(spans[-1].end_ms if spans else 0)
    if verdict is Verdict.CLOSED:
        if walk.close is not None and walk.close.reason is CloseReason.RECOVERED:
            return f"Whole up to a power cut or crash at {end}; {playable(spans)}"
        return f"Whole and unchanged; {playable(spans)}"
    if verdict is Verdict.UNCLEAN:
        return f"Ends without its closing record: {playable(spans)}; normal after a power cut and while still recording"
    if verdict is Verdict.SHORTER_THAN_ANCHOR:
        return f"Ends earlier than recorded in the log: possibly shortened; {playable(spans)}"
    if code == "bytes-after-close":
        return f"Something was added after the end of this recording at {end}; {playable(spans)}"
    if code == "close-contradicted":
        return f"The closing record does not fit this recording; {playable(spans)}"
    damaged_at = spans[0].end_ms if spans and walk.gaps and _media_before_gap(walk) else 0
    return f"Damaged at {clock_time(damaged_at)}; {playable(spans)}"


def _media_before_gap(walk: Walk) -> bool:
    return any(one.type is RecordType.MEDIA for one in walk.headers[: walk.gaps[0].before])
