"""Header and record header of `.vge` v1 as bytes. No I/O, no keys. Offsets and rules: ``docs/format-vge.md`` 2-4."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.vge.crc32c import crc32c, record_crc32c

MAGIC = b"\x89VGE\r\n\x1a\n"
MAJOR = 1
MINOR = 0
SUITE = 1  # AES-256-CTR, HMAC-SHA-256, HKDF-SHA-256, AES-256 key wrap
HEADER_BYTES = 512  # one sector, so that rewrapping is one atomic write
CORE_BYTES = 192
SLOT_COUNT = 4
SLOT_BYTES = 64
SLOTS_END = CORE_BYTES + SLOT_COUNT * SLOT_BYTES
MAC_END = SLOTS_END + 32
MAX_PAYLOAD_LOG2 = 22  # 4 MiB: what a reader verifies whole before the first byte leaves it
LARGEST_PAYLOAD_LOG2 = 24  # 2^20 blocks of AES: the low half of the counter block never carries

RECORD_MAGIC = b"VREC"
RECORD_HEADER_BYTES = 64
TAG_BYTES = 32
RECORD_OVERHEAD = RECORD_HEADER_BYTES + TAG_BYTES

_CORE = struct.Struct(">8sBBHBBBB16s32s16sQQQ16sQ32sI28s")
_SLOT = struct.Struct(">BBHI16s40s")
_RECORD = struct.Struct(">4sBBHIIQQQQIH6sI")

PREVIOUS_LINK = slice(128, 160)
"""Where the core has the link of the camera's file before: for who has a core and need not trust it."""


class Content(IntEnum):
    """What the payloads of INIT and MEDIA are."""

    FMP4 = 1
    JPEGS = 2
    JSON_LINES = 3


class CoreFlag(IntFlag):
    """Flags of a file."""

    AUDIO = 1
    CLOCK_UNSYNCHRONISED = 2
    TEST_FILE = 4


class SlotType(IntEnum):
    """Who can open a key slot."""

    EMPTY = 0
    EPOCH = 1
    RECOVERY = 2
    EXPORT = 3
    SHEET = 4
    """Opens nothing: what the sheet needs to make the key of the RECOVERY slot."""


class RecordType(IntEnum):
    """Types of records. INDEX and CLOSE are authenticated but not encrypted."""

    INIT = 1
    MEDIA = 2
    META = 3
    MARK = 4
    INDEX = 5
    CLOSE = 6

    @property
    def is_encrypted(self) -> bool:
        return self < RecordType.INDEX

    @property
    def is_plaintext(self) -> bool:
        """Whether the payload counts in the plaintext, the byte range a player sees."""
        return self <= RecordType.MEDIA


class RecordFlag(IntFlag):
    """Flags of a record."""

    KEYFRAME = 0x01
    DISCONTINUITY = 0x02
    CLOCK_UNSYNCHRONISED = 0x04
    FINAL = 0x80


class CloseReason(IntEnum):
    """Why a file ends."""

    ROLLOVER = 1
    STOP = 2
    UPS_SHUTDOWN = 3
    DISK_FULL = 4
    IO_ERROR = 5
    RECOVERED = 6


# Plain numbers for the scan of headers: arithmetic with flags of an enum costs a microsecond each.
_FINAL = int(RecordFlag.FINAL)
_RECORD_ZERO = bytes(6)
_TYPES = {int(one): one for one in RecordType}


def rejection(code: str, sentence: str, kind: ErrorKind = ErrorKind.PERMANENT) -> RecordingError:
    """The error of a file that cannot be opened at all; ``code`` is a reason of ``docs/format-vge.md`` 7."""
    return RecordingError(sentence, kind=kind, code=f"vge.{code}")


def damaged_header() -> RecordingError:
    """The error of a header that is not as it was written."""
    return rejection("header-damaged", "The header of this recording is damaged or has been changed", ErrorKind.CORRUPT)


@dataclass(frozen=True, slots=True)
class FileCore:
    """Bytes 0-191: fixed for the life of the file, and part of every key of it. Times in nanoseconds."""

    flags: CoreFlag
    max_payload_log2: int
    content: Content
    file_id: bytes
    salt: bytes
    camera_uuid: bytes
    file_number: int
    start_utc_ns: int
    start_mono_ns: int
    boot_id: bytes
    writer_build: int
    previous_link: bytes
    timescale: int
    minor: int = MINOR

    def dump(self) -> bytes:
        """The 192 bytes."""
        return _CORE.pack(
            *(MAGIC, MAJOR, self.minor, HEADER_BYTES, SUITE, self.flags, self.max_payload_log2, self.content),
            *(self.file_id, self.salt, self.camera_uuid, self.file_number, self.start_utc_ns, self.start_mono_ns),
            *(self.boot_id, self.writer_build, self.previous_link, self.timescale, bytes(28)),
        )

    @classmethod
    def parse(cls, data: bytes) -> FileCore:
        """Read the 192 bytes. Raises RecordingError with the reason; trusts nothing, proves nothing."""
        (magic, major, minor, header_bytes, suite, flags, max_log2, content, *rest) = _CORE.unpack(data)
        if magic != MAGIC:
            raise rejection("not-a-recording", "Not a Vigilar recording")
        if major != MAJOR or suite != SUITE:
            raise rejection("newer-version", "Written by a newer version of Vigilar")
        file_id, salt, camera, number, utc_ns, mono_ns, boot_id, build, link, timescale, zero = rest
        if header_bytes != HEADER_BYTES or max_log2 > LARGEST_PAYLOAD_LOG2 or any(zero):
            raise damaged_header()
        if content not in tuple(Content):
            raise damaged_header()
        # Unknown flags of a later minor version are dropped here; the bytes they stood in still make the keys.
        known = CoreFlag(flags & 0x07)
        return cls(
            flags=known,
            max_payload_log2=max_log2,
            content=Content(content),
            file_id=file_id,
            salt=salt,
            camera_uuid=camera,
            file_number=number,
            start_utc_ns=utc_ns,
            start_mono_ns=mono_ns,
            boot_id=boot_id,
            writer_build=build,
            previous_link=link,
            timescale=timescale,
            minor=minor,
        )


@dataclass(frozen=True, slots=True)
class KeySlot:
    """One way to the file key: wrapped (RFC 3394) under the key named by ``key_id``."""

    type: int  # a SlotType, or a number of a later minor version, which is skipped
    epoch: int
    key_id: bytes
    wrapped: bytes
    flags: int = 0

    def dump(self) -> bytes:
        """The 64 bytes."""
        return _SLOT.pack(self.type, self.flags, 0, self.epoch, self.key_id, self.wrapped)

    @classmethod
    def parse(cls, data: bytes) -> KeySlot:
        """Read the 64 bytes; the header MAC proves them later. Raises RecordingError for a zero field that is not."""
        slot_type, flags, zero, epoch, key_id, wrapped = _SLOT.unpack(data)
        if zero:
            raise damaged_header()
        return cls(slot_type, epoch, key_id, wrapped, flags)


EMPTY_SLOT = KeySlot(SlotType.EMPTY, 0, bytes(16), bytes(40))


def dump_variable_part(core: bytes, slots: bytes, mac: bytes) -> bytes:
    """The whole 512-byte header out of its parts; adds the CRC."""
    proved = core + slots + mac
    return proved + crc32c(proved).to_bytes(4, "big") + bytes(HEADER_BYTES - MAC_END - 4)


def check_keyless(header: bytes) -> None:
    """What can be told of a 512-byte header without a key: CRC and zeros. Raises RecordingError if damaged."""
    if header[MAC_END:] != crc32c(header[:MAC_END]).to_bytes(4, "big") + bytes(HEADER_BYTES - MAC_END - 4):
        raise damaged_header()


@dataclass(frozen=True, slots=True)
class RecordHeader:
    """The 64 bytes before a payload. Times in nanoseconds, lengths and offsets in bytes."""

    type: RecordType
    flags: int
    payload_len: int
    previous_len: int
    number: int
    plaintext_offset: int
    utc_ns: int
    mono_ns: int
    duration_ms: int = 0
    track: int = 0
    _read: bytes = field(init=False, default=b"", repr=False, compare=False)  # what it was read from

    @property
    def record_len(self) -> int:
        """Header, payload and tag together."""
        return RECORD_OVERHEAD + self.payload_len

    @property
    def plaintext_len(self) -> int:
        """How far this record moves the plaintext offset."""
        return self.payload_len if self.type.is_plaintext else 0

    def dump(self) -> bytes:
        """The 64 bytes."""
        if self._read:  # each proof holds them against those on the disk
            return self._read
        front = _RECORD.pack(
            *(RECORD_MAGIC, self.type, self.flags, RECORD_HEADER_BYTES, self.payload_len, self.previous_len),
            *(self.number, self.plaintext_offset, self.utc_ns, self.mono_ns, self.duration_ms, self.track),
            *(bytes(6), 0),
        )[:60]
        return front + record_crc32c(front).to_bytes(4, "big")

    @classmethod
    def parse(cls, data: bytes) -> RecordHeader | None:
        """Read 64 bytes; None if they are no record header: too short, wrong marks, unknown type, wrong CRC.

        None and not an error, because a torn tail is ordinary at the end of a file that is still growing.
        """
        if len(data) != RECORD_HEADER_BYTES or not data.startswith(RECORD_MAGIC):
            return None
        _, kind, flags, length, payload_len, previous_len, number, offset, *rest = _RECORD.unpack(data)
        utc_ns, mono_ns, duration_ms, track, zero, crc = rest
        record_type = _TYPES.get(kind)
        if (
            record_type is None
            or length != RECORD_HEADER_BYTES
            or zero != _RECORD_ZERO
            or record_crc32c(data[:60]) != crc
        ):
            return None
        if (record_type is RecordType.CLOSE) != bool(flags & _FINAL):
            return None
        found = cls(record_type, flags, payload_len, previous_len, number, offset, utc_ns, mono_ns, duration_ms, track)
        object.__setattr__(found, "_read", data)
        return found
