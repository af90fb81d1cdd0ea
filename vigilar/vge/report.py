"""What verifying a file tells: verdict, numbers, and one sentence for a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from vigilar.vge.format import CloseReason, FileCore

_SPANS_TOLD = 3  # more would not fit a line; the rest is counted


class Verdict(Enum):
    """The state of a file. ``docs/format-vge.md`` 6."""

    CLOSED = "closed"
    UNCLEAN = "unclean"
    DAMAGED = "damaged"
    SHORTER_THAN_ANCHOR = "shorter-than-anchor"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Span:
    """Unbroken playable media, in milliseconds since the start of the file."""

    start_ms: int
    end_ms: int

    def __str__(self) -> str:
        return f"{clock_time(self.start_ms)}-{clock_time(self.end_ms)}"


@dataclass(frozen=True, slots=True)
class DamagedSpan:
    """Bytes of the file that could not be proved, and the media time around them in milliseconds."""

    start_offset: int
    stop_offset: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of ``verify_file``. ``code`` is short and stable; ``sentence`` is for a person.

    ``plaintext_sha256`` is over all proved INIT and MEDIA payloads in file order. Times are UTC nanoseconds of the
    first record and of the end of the last, None without records.
    """

    verdict: Verdict
    code: str
    sentence: str
    records_verified: int = 0
    plaintext_bytes: int = 0
    plaintext_sha256: bytes | None = None
    size_bytes: int = 0
    first_utc_ns: int | None = None
    last_utc_ns: int | None = None
    playable_spans: tuple[Span, ...] = ()
    damaged_spans: tuple[DamagedSpan, ...] = ()
    close_reason: CloseReason | None = None
    link: bytes | None = None
    core: FileCore | None = None


def clock_time(ms: int) -> str:
    """``ms`` as HH:MM:SS, cut to whole seconds."""
    seconds = ms // 1000
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def playable(spans: tuple[Span, ...]) -> str:
    """The end of a sentence: what can be played."""
    if not spans:
        return "nothing can be played"
    told = " and ".join(str(span) for span in spans[:_SPANS_TOLD])
    more = len(spans) - _SPANS_TOLD
    return f"{told}{f' and {more} more parts' if more > 0 else ''} can be played"
