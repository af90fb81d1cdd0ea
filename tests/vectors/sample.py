"""Small recordings made by the real writer, for tests that do not care how a file came to be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vigilar.vge.bodies import Mark
from vigilar.vge.format import CloseReason, Content
from vigilar.vge.keys import EpochKey, KeyRing
from vigilar.vge.writer import Closed, FileSpec, VgeWriter

UTC_NS = 1_770_000_000_000_000_000
MONO_NS = 42_000_000_000
SECOND_NS = 1_000_000_000
KEY_1 = EpochKey.of(1, bytes(range(32)))
KEY_2 = EpochKey.of(2, bytes(range(32, 64)))
RING = KeyRing([KEY_1])
SPEC = FileSpec(
    camera_uuid=b"c" * 16,
    file_number=3,
    content=Content.FMP4,
    start_utc_ns=UTC_NS,
    start_mono_ns=MONO_NS,
    boot_id=b"b" * 16,
    previous_link=bytes(32),
    timescale=90_000,
)
INIT = b"ftyp and moov"
FRAGMENTS = (b"first fragment" * 3, b"", b"x", b"a sixteen byte b", b"last fragment" * 7)
PLAINTEXT = INIT + b"".join(FRAGMENTS)


def new_writer(path: Path, ring: KeyRing = RING) -> VgeWriter:
    """A writer of an empty file."""
    return VgeWriter.create(path, SPEC, ring)


def put_media(writer: VgeWriter, data: bytes, second: int, *, key: bool = False) -> None:
    """Append a fragment of one second that begins ``second`` seconds after the file."""
    passed_ns = second * SECOND_NS
    writer.append_media(
        data, utc_ns=UTC_NS + passed_ns, mono_ns=MONO_NS + passed_ns, duration_ms=1000, starts_with_keyframe=key
    )


def write_records(writer: VgeWriter) -> None:
    """INIT, two MARKs and the fragments: eight records, numbers 0 to 7."""
    writer.append_init(INIT, utc_ns=UTC_NS, mono_ns=MONO_NS)
    writer.append_mark(Mark("gap", {"lost_ms": 400}), utc_ns=UTC_NS, mono_ns=MONO_NS)
    writer.append_mark(Mark("reconnect", {"run": 2}), utc_ns=UTC_NS, mono_ns=MONO_NS)
    for second, data in enumerate(FRAGMENTS):
        put_media(writer, data, second, key=second % 2 == 0)


def close_writer(writer: VgeWriter, reason: CloseReason = CloseReason.ROLLOVER) -> Closed:
    """End the file five seconds after its start."""
    return writer.close(reason, utc_ns=UTC_NS + 5 * SECOND_NS, mono_ns=MONO_NS + 5 * SECOND_NS)


def write_closed(path: Path, ring: KeyRing = RING) -> Closed:
    """A whole file: ten records with INDEX and CLOSE."""
    writer = new_writer(path, ring)
    write_records(writer)
    return close_writer(writer)


def write_open(path: Path, ring: KeyRing = RING) -> None:
    """A file whose writer vanished after the eighth record."""
    writer = new_writer(path, ring)
    write_records(writer)
    writer.abandon()


@contextmanager
def in_memory(data: bytes) -> Iterator[Path]:
    """A file of ``data`` that never meets a disk, for tests that need thousands (source: memfd_create(2))."""
    fd = os.memfd_create("vge")
    try:
        os.pwrite(fd, data, 0)
        yield Path(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)
