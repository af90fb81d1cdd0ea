"""What is expected of a file before a byte of it is shown: whose it is, which one, and how it was closed.

A header proves that a file is as it was written; it does not prove that it lies in its own place. Two files that are
exchanged are both whole. So whoever knows which file should be there says so, and header, place and row must agree.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.vge.bodies import CloseBody
from vigilar.vge.crypto import link_of
from vigilar.vge.format import CloseReason, Content, FileCore
from vigilar.vge.gate import file_errors
from vigilar.vge.keys import KeyRing
from vigilar.vge.opening import Header, open_header
from vigilar.vge.scan import ProvedRecord, RecordFile

REPLACED = "recording.replaced"
"""Code of the error for a file that is whole and not the one that belongs there."""

CONTENT_OF = {"video": Content.FMP4, "still": Content.JPEGS, "storyboard": Content.JPEGS}
"""What the database calls a file's content -> what its header says."""


class ReplacedError(RecordingError):
    """Another file lies where one is expected."""

    def __init__(self, sentence: str) -> None:
        super().__init__(
            sentence,
            kind=ErrorKind.CORRUPT,
            code=REPLACED,
            next_step="Run vigilar check: it says which recordings were changed, and since when.",
            exit_code=ExitCode.NOT_EXACT,
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """The file that should be there. ``link`` is what it got when it was closed, None when that is not known."""

    camera_uuid: bytes
    content: Content
    number: int
    link: bytes | None = None

    def check_core(self, core: FileCore) -> None:
        """Raises ReplacedError when ``core``, which is proved, is another file's."""
        if core.camera_uuid != self.camera_uuid:
            raise ReplacedError("Another camera's recording lies in the place of this one, so it is not shown")
        if core.content is not self.content:
            raise ReplacedError("Something else than this recording lies in its place, so it is not shown")
        if core.file_number != self.number:
            raise ReplacedError(
                f"Recording {core.file_number} of this camera lies in the place of recording {self.number}, "
                "so it is not shown"
            )

    def check_link(self, link: bytes | None) -> None:
        """Raises ReplacedError when the file was closed with another ``link``; None, no CLOSE, says nothing here."""
        if self.link is not None and link is not None and link != self.link:
            raise ReplacedError(
                f"Recording {self.number} is not the one that was closed under this number, so it is not shown"
            )

    def is_cut(self, link: bytes | None) -> bool:
        """Whether the file was closed once and has no CLOSE any more: its end is missing."""
        return self.link is not None and link is None


def link_in(close: ProvedRecord | None, header: Header) -> bytes | None:
    """The link of a file that ends with the CLOSE ``close``; None for one that does not."""
    return None if close is None else link_of(header.core_bytes, close.tag)


@dataclass(frozen=True, slots=True)
class Closing:
    """What the two ends of a file say, both proved. ``link``, ``close_tag`` and ``reason`` are None without a true
    CLOSE."""

    core: FileCore
    core_bytes: bytes
    link: bytes | None
    close_tag: bytes | None = None
    reason: CloseReason | None = None


def read_closing(path: Path, ring: KeyRing) -> Closing:
    """Header and CLOSE of ``path``; reads a kilobyte. Raises RecordingError as ``VgeReader.open``."""
    with file_errors("open", path):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            header, keys = open_header(fd, ring)
            proved = RecordFile(fd, keys, header.core.max_payload_log2).find_close()
        finally:
            os.close(fd)
    if proved is None:
        return Closing(header.core, header.core_bytes, None)
    body = CloseBody.find(bytes(proved.payload))
    link = link_of(header.core_bytes, proved.tag)
    return Closing(header.core, header.core_bytes, link, proved.tag, body.reason if body else None)
