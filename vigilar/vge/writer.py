"""Writing one `.vge` file: create, append records, sync, close. Guarantees of ``docs/format-vge.md`` 8.

Invariant: what lies on disk is a header and whole records, with at most one torn record at the end. A record number
is used for encryption once, ever: after a write that failed nothing more is encrypted, because part of the failed
record may have reached the disk. INDEX and CLOSE are not encrypted, so a full disk still allows a proper end.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from vigilar.base.atomic import fsync_folder
from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.vge.bodies import META_SALT_BYTES, CloseBody, IndexEntry, Mark, dump_index
from vigilar.vge.crypto import FileKeys, link_of
from vigilar.vge.format import (
    HEADER_BYTES,
    MAX_PAYLOAD_LOG2,
    RECORD_HEADER_BYTES,
    TAG_BYTES,
    CloseReason,
    Content,
    CoreFlag,
    FileCore,
    RecordFlag,
    RecordHeader,
    RecordType,
)
from vigilar.vge.gate import NO_SPACE, file_errors, system_error
from vigilar.vge.keys import KeyRing
from vigilar.vge.merkle import MerkleTree, leaf_of
from vigilar.vge.opening import make_header
from vigilar.vge.output import hold_alone, write_at

MAX_PAYLOAD_BYTES = 1 << MAX_PAYLOAD_LOG2
_MAX_INDEX_ENTRIES = MAX_PAYLOAD_BYTES // 32  # one record of INDEX; beyond that every second entry is dropped
_BLOCK_BYTES = 64 * 1024
"""Of a record, sealed and written at once."""

Piece = bytes | memoryview
"""Of a payload."""


@dataclass(frozen=True, slots=True)
class FileSpec:
    """What a new file is: the fields of its core that the writer does not make itself. Times in nanoseconds."""

    camera_uuid: bytes
    file_number: int
    content: Content
    start_utc_ns: int
    start_mono_ns: int
    boot_id: bytes
    previous_link: bytes
    timescale: int
    has_audio: bool = False
    clock_unsynchronised: bool = False
    writer_build: int = 0

    def core(self, file_id: bytes, salt: bytes, *, is_test_file: bool) -> FileCore:
        """The core of a new file. Raises ValueError if an id or link has the wrong length."""
        if (len(self.camera_uuid), len(self.boot_id), len(self.previous_link)) != (16, 16, 32):
            raise ValueError("camera_uuid and boot_id are 16 bytes long, previous_link 32")
        flags = CoreFlag(0)
        flags |= CoreFlag.AUDIO if self.has_audio else 0
        flags |= CoreFlag.CLOCK_UNSYNCHRONISED if self.clock_unsynchronised else 0
        flags |= CoreFlag.TEST_FILE if is_test_file else 0
        return FileCore(
            flags=flags,
            max_payload_log2=MAX_PAYLOAD_LOG2,
            content=self.content,
            file_id=file_id,
            salt=salt,
            camera_uuid=self.camera_uuid,
            file_number=self.file_number,
            start_utc_ns=self.start_utc_ns,
            start_mono_ns=self.start_mono_ns,
            boot_id=self.boot_id,
            writer_build=self.writer_build,
            previous_link=self.previous_link,
            timescale=self.timescale,
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a file is known to be durable. ``record_number`` is -1 before the first record.

    ``offset`` is where the next record will stand, ``tag`` the last one written; a file that later lacks this tag
    at this number has lost something.
    """

    record_number: int
    tag: bytes
    offset: int
    plaintext_bytes: int


@dataclass(frozen=True, slots=True)
class Closed:
    """A file that got its CLOSE. ``record_count`` includes CLOSE; ``link`` goes into the next file's core."""

    link: bytes
    record_count: int
    plaintext_bytes: int
    size_bytes: int
    merkle_root: bytes


class _State(Enum):
    OPEN = auto()
    FULL = auto()
    BROKEN = auto()
    CLOSED = auto()


class VgeWriter:
    """Writer of one file. One thread. Only this object writes the file, from create to close or abandon."""

    def __init__(self, path: Path, fd: int, core: FileCore, keys: FileKeys) -> None:
        self.path = path
        self._fd = fd
        self._core = core
        self._core_bytes = core.dump()
        self._keys = keys
        self._state = _State.OPEN
        self._tag = keys.first_tag
        self._number = 0
        self._offset = HEADER_BYTES
        self._previous_len = 0
        self._plaintext_bytes = 0
        self._tree = MerkleTree()
        self._index: list[IndexEntry] = []
        self._index_stride = 1
        self._keyframe_count = 0
        self._oldest_unsynced_mono_ns: int | None = None

    @classmethod
    def create(
        cls, path: Path, spec: FileSpec, ring: KeyRing, *, test_random: Callable[[int], bytes] | None = None
    ) -> VgeWriter:
        """Make a new file (0600) with a durable header in a durable folder entry; the folder exists.

        Raises RecordingError: full, denied, permanent (name taken, no folder), corrupt (device error); then nothing
        is left behind. ``test_random`` makes the same file each time and marks it as a test file, which readers refuse
        outside tests.
        """
        random = test_random or secrets.token_bytes
        core = spec.core(random(16), random(32), is_test_file=test_random is not None)
        file_key = random(32)
        header = make_header(core, ring.wrap(file_key))
        keys = FileKeys(file_key, header.core_bytes)
        with file_errors("create", path):
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                hold_alone(fd, path)
                write_at(fd, header.dump(keys), 0)
                os.fsync(fd)
                fsync_folder(path.parent)
            except BaseException:
                os.close(fd)
                with suppress(OSError):  # the first error is the one worth telling
                    path.unlink()
                raise
        return cls(path, fd, core, keys)

    @property
    def size_bytes(self) -> int:
        """Length of the file up to its last whole record."""
        return self._offset

    @property
    def plaintext_bytes(self) -> int:
        """Bytes of INIT and MEDIA so far."""
        return self._plaintext_bytes

    @property
    def oldest_unsynced_mono_ns(self) -> int | None:
        """``mono_ns`` of the first record since the last sync, None if all is durable. Sync within 1 s of it."""
        return self._oldest_unsynced_mono_ns

    def append_init(self, data: bytes, *, utc_ns: int, mono_ns: int) -> None:
        """Append codec set-up bytes (ftyp and moov). Errors of all appends: see ``append_media``."""
        self._append(RecordType.INIT, 0, data, utc_ns, mono_ns)

    def append_media(
        self,
        data: bytes | Sequence[Piece],
        *,
        utc_ns: int,
        mono_ns: int,
        duration_ms: int,
        starts_with_keyframe: bool = False,
        discontinuity: bool = False,
    ) -> None:
        """Append one fragment or picture of at most 4 MiB, whole or in pieces.

        Raises RecordingError. Full: the file was cut back to its last whole record and takes nothing but ``close``.
        Corrupt: the device failed; only ``abandon`` is left.
        """
        flags = RecordFlag.KEYFRAME if starts_with_keyframe else 0
        flags |= RecordFlag.DISCONTINUITY if discontinuity else 0
        entry = IndexEntry(self._number, self._offset, utc_ns, self._plaintext_bytes)
        self._append(RecordType.MEDIA, flags, data, utc_ns, mono_ns, duration_ms)
        if starts_with_keyframe:
            self._index_keyframe(entry)

    def append_mark(self, mark: Mark, *, utc_ns: int, mono_ns: int) -> None:
        """Append a note about the recording itself."""
        self._append(RecordType.MARK, 0, mark.dump(), utc_ns, mono_ns)

    def append_meta(self, data: bytes, *, utc_ns: int, mono_ns: int) -> None:
        """Append META: data about what is seen. Errors as ``append_init``."""
        self._append(RecordType.META, 0, secrets.token_bytes(META_SALT_BYTES) + data, utc_ns, mono_ns)

    def sync(self) -> Checkpoint:
        """Make all records durable (fdatasync) and say how far that is.

        Raises RecordingError (corrupt) if the device fails. It is never retried: after a failed sync the kernel
        may have dropped the pages and a second call would lie. The writer is then good for ``abandon`` only.
        """
        self._check_state(_State.OPEN, _State.FULL)
        if self._oldest_unsynced_mono_ns is not None:
            try:
                os.fdatasync(self._fd)
            except OSError as error:
                self._state = _State.BROKEN
                broken = system_error(error, "make durable", self.path)
                broken.kind = ErrorKind.CORRUPT
                raise broken from error
            self._oldest_unsynced_mono_ns = None
        return Checkpoint(self._number - 1, self._tag, self._offset, self._plaintext_bytes)

    def close(self, reason: CloseReason, *, utc_ns: int, mono_ns: int) -> Closed:
        """End the file with INDEX and CLOSE, durable, and let go of it; times are those of the end.

        Raises RecordingError (full, corrupt); the file is let go all the same and stays without CLOSE, which
        recovery adds later. INDEX is left out if only CLOSE still fits.
        """
        try:
            self._check_state(_State.OPEN, _State.FULL)
            if self._index:
                self._append_index(utc_ns, mono_ns)
            root = self._tree.root()
            body = CloseBody(self._number + 1, self._plaintext_bytes, utc_ns, mono_ns, root, reason)
            self._append(RecordType.CLOSE, RecordFlag.FINAL, body.dump(), utc_ns, mono_ns)
            self.sync()
        finally:
            self.abandon()
        link = link_of(self._core_bytes, self._tag)
        return Closed(link, self._number, self._plaintext_bytes, self._offset, root)

    def abandon(self) -> None:
        """Let go of the file as it is, without an end. Harmless after ``close`` and when called twice."""
        if self._state is not _State.CLOSED:
            self._state = _State.CLOSED
            os.close(self._fd)

    def _index_keyframe(self, entry: IndexEntry) -> None:
        """Remember every keyframe, and only each second, fourth ... once there are too many for one record."""
        if self._keyframe_count % self._index_stride == 0:
            self._index.append(entry)
        self._keyframe_count += 1
        if len(self._index) > _MAX_INDEX_ENTRIES:
            del self._index[1::2]
            self._index_stride *= 2

    def _append_index(self, utc_ns: int, mono_ns: int) -> None:
        try:
            self._append(RecordType.INDEX, 0, dump_index(self._index), utc_ns, mono_ns)
        except RecordingError as error:
            if error.kind is not ErrorKind.FULL:
                raise

    def _check_state(self, *usable: _State) -> None:
        if self._state in usable:
            return
        if self._state is _State.FULL:
            raise RecordingError(
                f"{self.path} takes no more records: the disk was full", kind=ErrorKind.FULL, code="vge.full"
            )
        if self._state is _State.BROKEN:
            raise RecordingError(
                f"{self.path} cannot be written any more: the device failed",
                kind=ErrorKind.CORRUPT,
                code="vge.broken",
            )
        raise RecordingError(f"{self.path} is closed", kind=ErrorKind.BUG, code="vge.closed")

    def _append(
        self,
        kind: RecordType,
        flags: int,
        plaintext: bytes | Sequence[Piece],
        utc_ns: int,
        mono_ns: int,
        duration_ms: int = 0,
    ) -> None:
        usable = (_State.OPEN,) if kind.is_encrypted else (_State.OPEN, _State.FULL)
        self._check_state(*usable)
        pieces = (plaintext,) if isinstance(plaintext, bytes) else plaintext
        payload_len = sum(map(len, pieces))
        if payload_len > MAX_PAYLOAD_BYTES:
            raise RecordingError(
                f"A record of {payload_len} bytes is too long", kind=ErrorKind.BUG, code="vge.too-long"
            )
        if CoreFlag.CLOCK_UNSYNCHRONISED in self._core.flags:
            flags |= RecordFlag.CLOCK_UNSYNCHRONISED
        header = RecordHeader(
            type=kind,
            flags=flags,
            payload_len=payload_len,
            previous_len=self._previous_len,
            number=self._number,
            plaintext_offset=self._plaintext_bytes,
            utc_ns=utc_ns,
            mono_ns=mono_ns,
            duration_ms=duration_ms,
        )
        header_bytes = header.dump()
        tag, plaintext_sha256 = self._put(header, header_bytes, pieces)
        if kind is not RecordType.CLOSE:
            self._tree.add(leaf_of(header_bytes, plaintext_sha256))
        if self._oldest_unsynced_mono_ns is None:
            self._oldest_unsynced_mono_ns = mono_ns
        self._tag = tag
        self._number += 1
        self._offset += header.record_len
        self._previous_len = header.record_len
        self._plaintext_bytes += header.plaintext_len

    def _put(self, header: RecordHeader, header_bytes: bytes, pieces: Sequence[Piece]) -> tuple[bytes, bytes]:
        """Write a record at the end; its tag, and the hash of its plaintext. On a full disk, cut the file back to where
        it was."""
        try:
            return self._write_sealed(header, header_bytes, pieces)
        except OSError as error:
            self._state = _State.FULL if error.errno in NO_SPACE else _State.BROKEN
            if self._state is _State.FULL:
                self._cut_back()
            raise system_error(error, "write", self.path) from error

    def _write_sealed(self, header: RecordHeader, header_bytes: bytes, pieces: Sequence[Piece]) -> tuple[bytes, bytes]:
        """Seal and write a record block by block. Raises OSError.

        Never whole in memory: a fragment put together, and sealed beside that, was half a megabyte anew twice a second,
        and what the kernel does to give and take it back a tenth of what recording costs. The block is new each time.
        """
        seal = self._keys.begin_record(self._tag, header.number, is_encrypted=header.type.is_encrypted)
        block = memoryview(bytearray(min(header.record_len, _BLOCK_BYTES)))
        block[:RECORD_HEADER_BYTES] = header_bytes
        begin = used = RECORD_HEADER_BYTES
        at = self._offset
        for piece in pieces:
            left = memoryview(piece)
            while len(left) > len(block) - used:
                room = len(block) - used
                block[used:] = left[:room]
                seal.seal(block, begin)
                write_at(self._fd, block, at)
                left, at, begin, used = left[room:], at + len(block), 0, 0
            block[used : used + len(left)] = left
            used += len(left)
        seal.seal(block[:used], begin)
        tag = seal.tag()
        if used + TAG_BYTES > len(block):
            write_at(self._fd, block[:used], at)
            at, used = at + used, 0
        block[used : used + TAG_BYTES] = tag
        write_at(self._fd, block[: used + TAG_BYTES], at)
        return tag, seal.plaintext_sha256()

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._fd, self._offset)
        except OSError as error:
            self._state = _State.BROKEN
            raise system_error(error, "cut back", self.path) from error
