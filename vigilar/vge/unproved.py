"""What the records of a file whose key is not here say of its time: headers are in clear, and proved by nothing here.

Enough to tell how long a camera was without a recording; whoever could write these could as well have removed the file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from vigilar.vge.format import RECORD_HEADER_BYTES, FileCore, RecordHeader, RecordType
from vigilar.vge.gate import file_errors
from vigilar.vge.opening import read_unproved_core
from vigilar.vge.scan import FIRST_PLACE, place_after


@dataclass(frozen=True, slots=True)
class UnprovedEnd:
    """``end_utc_ns`` is that of the last picture, None without any; ``has_close``: somebody closed the file."""

    core: FileCore
    end_utc_ns: int | None
    has_close: bool


def read_unproved_end(path: Path) -> UnprovedEnd:
    """Walk the headers, two of them for each second recorded. Raises RecordingError."""
    with file_errors("open", path):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            core = read_unproved_core(fd)
            place, size, end_utc_ns = FIRST_PLACE, os.fstat(fd).st_size, None
            while (header := RecordHeader.parse(os.pread(fd, RECORD_HEADER_BYTES, place.offset))) is not None:
                if not place.fits(header) or place.offset + header.record_len > size:
                    break
                if header.type is RecordType.MEDIA:
                    end_utc_ns = max(end_utc_ns or 0, header.utc_ns + header.duration_ms * 1_000_000)
                if header.type is RecordType.CLOSE:
                    return UnprovedEnd(core, end_utc_ns, has_close=True)
                place = place_after(place.offset, header)
        finally:
            os.close(fd)
    return UnprovedEnd(core, end_utc_ns, has_close=False)
