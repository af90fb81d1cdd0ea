"""What the two ends of a file say of all of it: header, INIT and CLOSE, each proved. Reads some kilobytes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from vigilar.vge.bodies import CloseBody
from vigilar.vge.claim import link_in
from vigilar.vge.format import FileCore, RecordType
from vigilar.vge.gate import file_errors
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import open_header
from vigilar.vge.scan import FIRST_PLACE, RecordFile


@dataclass(frozen=True, slots=True)
class Ends:
    """``close`` and ``link`` are None for a file without a true CLOSE; ``init`` is the first record's content in clear,
    None when that is no INIT or is damaged. ``is_empty``: there is no whole record behind the header."""

    core: FileCore
    size_bytes: int
    init: bytes | None
    is_empty: bool
    close: CloseBody | None
    link: bytes | None


def read_ends(path: Path, ring: KeyRing) -> Ends:
    """Raises RecordingError as ``VgeReader.open``."""
    with file_errors("open", path):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            header, keys = open_header(fd, ring, is_crc_checked=False)
            records = RecordFile(fd, keys, header.core.max_payload_log2)
            size = records.size()
            proved = records.find_close()
            close = CloseBody.find(bytes(proved.payload)) if proved else None
            link = link_in(proved, header) if close else None
            first = records.header_at(FIRST_PLACE.offset, size)
            init = None
            if first is not None and first.type is RecordType.INIT:
                record = records.prove(FIRST_PLACE.offset, first)
                init = records.plaintext(record) if record else None
        finally:
            os.close(fd)
    is_empty = first is None or first.type is RecordType.CLOSE
    return Ends(header.core, size, init, is_empty, close, link)
