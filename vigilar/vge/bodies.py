"""The payloads that the format itself defines: INDEX, CLOSE, META's salt and MARK. No I/O, no keys."""

from __future__ import annotations

import json
import struct
import sys
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast, get_args

from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.vge.format import CloseReason

META_SALT_BYTES = 16  # keeps a published Merkle leaf from telling what a short META says

_INDEX_ENTRY = struct.Struct(">QQQQ")
INDEX_ENTRY_BYTES = _INDEX_ENTRY.size
_CLOSE = struct.Struct(">QQQQ32sB7s")

MarkKind = Literal["gap", "clock-step", "reconnect"]


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """Where a record that begins with a keyframe stands. A hint: who follows it checks the record there."""

    number: int
    offset: int
    utc_ns: int
    plaintext_offset: int


def dump_index(entries: Iterable[IndexEntry]) -> bytes:
    """The payload of INDEX: 32 bytes an entry, in file order."""
    return b"".join(_INDEX_ENTRY.pack(one.number, one.offset, one.utc_ns, one.plaintext_offset) for one in entries)


def parse_index(data: bytes | memoryview) -> array[int]:
    """The payload of INDEX as plain numbers, four an entry in the order of ``IndexEntry``: a day has 86,400 of them,
    which as objects would take ten times the memory. Raises RecordingError if it is no whole number of entries."""
    if len(data) % INDEX_ENTRY_BYTES:
        raise RecordingError("The index is not whole", kind=ErrorKind.CORRUPT, code="vge.index")
    numbers = array("Q", bytes(data))
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


@dataclass(frozen=True, slots=True)
class CloseBody:
    """The payload of CLOSE. ``record_count`` includes CLOSE itself; the root covers all records before it."""

    record_count: int
    plaintext_bytes: int
    end_utc_ns: int
    end_mono_ns: int
    merkle_root: bytes
    reason: CloseReason
    SIZE: ClassVar[int] = _CLOSE.size

    def dump(self) -> bytes:
        """The 72 bytes."""
        return _CLOSE.pack(
            *(self.record_count, self.plaintext_bytes, self.end_utc_ns, self.end_mono_ns),
            *(self.merkle_root, self.reason, bytes(7)),
        )

    @classmethod
    def find(cls, data: bytes) -> CloseBody | None:
        """Read the 72 bytes; None if they are no closing body (length, unknown reason, zeros)."""
        if len(data) != _CLOSE.size:
            return None
        count, length, end_utc_ns, end_mono_ns, root, reason, zero = _CLOSE.unpack(data)
        if any(zero) or reason not in tuple(CloseReason):
            return None
        return cls(count, length, end_utc_ns, end_mono_ns, root, CloseReason(reason))


@dataclass(frozen=True, slots=True)
class Mark:
    """A note about the recording itself at this point of it; ``detail`` holds JSON values."""

    kind: MarkKind
    detail: Mapping[str, Any] = field(default_factory=dict)

    def dump(self) -> bytes:
        """JSON in UTF-8 with sorted keys."""
        text = json.dumps({"detail": dict(self.detail), "kind": self.kind}, sort_keys=True, separators=(",", ":"))
        return text.encode()

    @classmethod
    def parse(cls, data: bytes) -> Mark:
        """Read the payload of MARK. Raises RecordingError if it is not one."""
        try:
            value = json.loads(data)
            kind, detail = value["kind"], value["detail"]
        except (ValueError, KeyError, TypeError) as error:
            raise RecordingError("A mark cannot be read", kind=ErrorKind.CORRUPT, code="vge.mark") from error
        if kind not in get_args(MarkKind) or not isinstance(detail, dict):
            raise RecordingError("A mark is of no known kind", kind=ErrorKind.CORRUPT, code="vge.mark")
        return cls(cast(MarkKind, kind), detail)
