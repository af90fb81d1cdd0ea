"""Bringing a file that a crash left open to a proper end. ``docs/format-vge.md`` 9.

Steps, each safe to die after: prove the file; tell ``note_cut`` what will be cut; cut the torn tail; make that durable;
add CLOSE "recovered"; make that durable. Doing it again finishes what was begun. Nothing is encrypted here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.vge.bodies import CloseBody
from vigilar.vge.crypto import TAG_PREFIX, FileKeys, link_of
from vigilar.vge.format import CloseReason, RecordFlag, RecordHeader, RecordType
from vigilar.vge.gate import NO_SPACE, file_errors
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import Header, open_header
from vigilar.vge.output import hold_alone, write_at
from vigilar.vge.report import Verdict
from vigilar.vge.scan import Place, RecordFile
from vigilar.vge.verify import end_utc_ns, judge
from vigilar.vge.walk import Walk, walk_file
from vigilar.vge.writer import Checkpoint, Closed


@dataclass(frozen=True, slots=True)
class Recovered:
    """What recovery found and did. ``verdict`` is that before any change, so UNCLEAN means: now closed.

    ``cut_bytes`` were removed from the end; ``closed`` is None if the file was left as it is (rejected, damaged,
    shorter than the anchor); ``last_utc_ns`` is the end of the last record, None without any. ``reason`` is that of
    the CLOSE which is there now.
    """

    verdict: Verdict
    cut_bytes: int
    closed: Closed | None
    last_utc_ns: int | None
    reason: CloseReason | None = None


def recover_file(
    path: Path,
    ring: KeyRing,
    *,
    utc_ns: int,
    mono_ns: int,
    anchor: Checkpoint | None = None,
    note_cut: Callable[[int, int], None] | None = None,
    allow_test_files: bool = False,
) -> Recovered:
    """Close a file that nobody writes any more; times are now. Only for files known to have been open.

    ``note_cut(offset, cut_bytes)`` is called before bytes are cut. If something true follows what is not, or the file
    lacks ``anchor``, nothing is touched. Idempotent. Raises RecordingError: transient if the file is being written,
    denied if its key is not in ``ring``, full (the torn tail is gone, CLOSE is not there yet), or what the system says.
    """
    with file_errors("recover", path):
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            hold_alone(fd, path)
            try:
                header, keys = open_header(fd, ring, allow_test_files=allow_test_files)
            except RecordingError as error:
                if error.kind is ErrorKind.DENIED:  # locked says nothing about the file
                    raise
                return Recovered(Verdict.REJECTED, 0, None, None)
            walk = walk_file(RecordFile(fd, keys, header.core.max_payload_log2))
            verdict, _ = judge(walk, anchor)
            if verdict is Verdict.UNCLEAN:
                return _finish(fd, header, keys, walk, (utc_ns, mono_ns), note_cut)
            closed = _closed(header, walk, walk.tags[-1], walk.close) if verdict is Verdict.CLOSED else None
            reason = walk.close.reason if closed and walk.close else None
            return Recovered(verdict, 0, closed, end_utc_ns(walk.headers), reason)
        finally:
            os.close(fd)


def _finish(
    fd: int,
    header: Header,
    keys: FileKeys,
    walk: Walk,
    now: tuple[int, int],
    note_cut: Callable[[int, int], None] | None,
) -> Recovered:
    cut_bytes, end = walk.trailing_bytes, walk.end.offset
    if cut_bytes:
        if note_cut is not None:
            note_cut(end, cut_bytes)
        os.ftruncate(fd, end)
        os.fsync(fd)
    last_utc_ns = end_utc_ns(walk.headers)
    body = _close_body(header, walk)
    record, tag = _seal_close(keys, walk, body, now)
    try:
        write_at(fd, record, end)
    except OSError as error:
        if error.errno in NO_SPACE:
            os.ftruncate(fd, end)
        raise
    os.fsync(fd)
    walk.end = Place(end + len(record), walk.end.number + 1, len(record), walk.end.plaintext_offset)
    return Recovered(Verdict.UNCLEAN, cut_bytes, _closed(header, walk, tag, body), last_utc_ns, body.reason)


def _close_body(header: Header, walk: Walk) -> CloseBody:
    """The end times are those of the last record: the clocks of now belong to another boot."""
    last = walk.headers[-1] if walk.headers else None
    return CloseBody(
        record_count=walk.end.number + 1,
        plaintext_bytes=walk.end.plaintext_offset,
        end_utc_ns=last.utc_ns + last.duration_ms * 1_000_000 if last else header.core.start_utc_ns,
        end_mono_ns=last.mono_ns + last.duration_ms * 1_000_000 if last else header.core.start_mono_ns,
        merkle_root=walk.tree.root(),
        reason=CloseReason.RECOVERED,
    )


def _seal_close(keys: FileKeys, walk: Walk, body: CloseBody, now: tuple[int, int]) -> tuple[bytes, bytes]:
    payload = body.dump()
    header = RecordHeader(
        type=RecordType.CLOSE,
        flags=RecordFlag.FINAL,
        payload_len=len(payload),
        previous_len=walk.end.previous_len,
        number=walk.end.number,
        plaintext_offset=walk.end.plaintext_offset,
        utc_ns=now[0],
        mono_ns=now[1],
    )
    record = header.dump() + payload
    before = walk.tags[-1] if walk.tags else keys.first_tag
    tag = keys.record_tag(TAG_PREFIX + before + record)
    return record + tag, tag


def _closed(header: Header, walk: Walk, tag: bytes, body: CloseBody | None) -> Closed:
    return Closed(
        link=link_of(header.core_bytes, tag),
        record_count=walk.end.number,
        plaintext_bytes=walk.end.plaintext_offset,
        size_bytes=walk.end.offset,
        merkle_root=body.merkle_root if body else walk.tree.root(),
    )
