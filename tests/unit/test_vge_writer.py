"""Writing a file, and what happens when the disk does not take it."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.vectors import sample
from tests.vectors.draft import known_bytes
from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.vge.bodies import IndexEntry, Mark, parse_index
from vigilar.vge.crypto import link_of
from vigilar.vge.format import CloseReason, RecordFlag, RecordType
from vigilar.vge.reader import VgeReader
from vigilar.vge.verify import verify_file
from vigilar.vge.writer import MAX_PAYLOAD_BYTES, FileSpec, Piece, VgeWriter


@contextmanager
def room_up_to(size: int) -> Iterator[None]:
    """Files of this process cannot grow beyond ``size``: the kernel takes what fits, then answers EFBIG."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def failing(code: int) -> Callable[..., int]:
    """A system call that fails."""

    def call(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    return call


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1.vge"


@pytest.fixture
def writer(path: Path) -> Iterator[VgeWriter]:
    made = sample.new_writer(path)
    yield made
    made.abandon()


def test_new_file_is_private_and_opens_empty(path: Path, writer: VgeWriter) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert (path.stat().st_size, writer.size_bytes) == (512, 512)
    with VgeReader.open(path, sample.RING) as reader:
        assert (list(reader.entries), reader.plaintext_bytes, reader.is_closed) == ([], 0, False)


def test_closed_file_tells_true_facts(path: Path) -> None:
    closed = sample.write_closed(path)
    report = verify_file(path, sample.RING)
    assert (closed.record_count, closed.plaintext_bytes) == (10, len(sample.PLAINTEXT))
    assert closed.size_bytes == path.stat().st_size
    data = path.read_bytes()
    assert closed.link == report.link == link_of(data[:192], data[-32:])


def test_next_file_carries_the_link(path: Path, tmp_path: Path) -> None:
    closed = sample.write_closed(path)
    spec = FileSpec(b"c" * 16, 4, sample.SPEC.content, 1, 2, b"b" * 16, closed.link, 90_000, has_audio=True)
    VgeWriter.create(tmp_path / "2.vge", spec, sample.RING).abandon()
    with VgeReader.open(tmp_path / "2.vge", sample.RING) as reader:
        assert reader.header.previous_link == closed.link


def test_existing_name_is_not_overwritten(path: Path, writer: VgeWriter) -> None:
    with pytest.raises(RecordingError, match="exists") as caught:
        sample.new_writer(path)
    assert caught.value.kind is ErrorKind.PERMANENT
    writer.append_init(b"i", utc_ns=1, mono_ns=1)


def test_missing_folder_is_permanent(tmp_path: Path) -> None:
    with pytest.raises(RecordingError) as caught:
        sample.new_writer(tmp_path / "no" / "1.vge")
    assert caught.value.kind is ErrorKind.PERMANENT


def test_wrong_id_lengths_are_refused(path: Path) -> None:
    spec = FileSpec(b"short", 4, sample.SPEC.content, 1, 2, b"b" * 16, bytes(32), 90_000)
    with pytest.raises(ValueError, match="16 bytes"):
        VgeWriter.create(path, spec, sample.RING)
    assert not path.exists()


def index_of(reader: VgeReader) -> list[IndexEntry]:
    """What INDEX, the last record but one, says."""
    numbers = parse_index(reader.read(reader.entries[-2]))
    return [IndexEntry(*numbers[at : at + 4]) for at in range(0, len(numbers), 4)]


@pytest.mark.parametrize("size", [0, 100, 511])
def test_no_room_for_header_leaves_nothing(path: Path, size: int) -> None:
    with room_up_to(size), pytest.raises(RecordingError) as caught:
        sample.new_writer(path)
    assert caught.value.kind is ErrorKind.FULL
    assert not path.exists()


def test_index_names_records_with_keyframes(path: Path) -> None:
    sample.write_closed(path)
    with VgeReader.open(path, sample.RING) as reader:
        found = index_of(reader)
        keyframes = [one for one in reader.entries if one.is_keyframe]
    assert [(one.number, one.offset, one.utc_ns, one.plaintext_offset) for one in found] == [
        (one.number, one.offset, one.utc_ns, one.plaintext_offset) for one in keyframes
    ]
    assert [one.number for one in found] == [3, 5, 7]


def test_payload_of_four_mebibytes_fits_and_no_more(path: Path, writer: VgeWriter) -> None:
    largest = known_bytes("a mebibyte", 1 << 20) * 4
    sample.put_media(writer, largest, 0)
    with pytest.raises(RecordingError) as caught:
        sample.put_media(writer, largest + b"1", 1)
    assert (len(largest), caught.value.kind) == (MAX_PAYLOAD_BYTES, ErrorKind.BUG)
    with VgeReader.open(path, sample.RING) as reader:
        assert reader.read(reader.entries[0]) == largest


BLOCK_BYTES = 64 * 1024
"""What the writer seals and writes at once: the first block begins with the header (64), the last ends with the tag."""


@pytest.mark.parametrize(
    "size",
    [
        *range(BLOCK_BYTES - 97, BLOCK_BYTES - 94),
        *range(BLOCK_BYTES - 65, BLOCK_BYTES - 62),
        *range(2 * BLOCK_BYTES - 97, 2 * BLOCK_BYTES - 62, 16),
        250_000,
    ],
)
def test_record_of_several_blocks_is_one_whatever_its_pieces(path: Path, writer: VgeWriter, size: int) -> None:
    payload = known_bytes("a fragment", size)
    many = memoryview(payload)
    pieces: list[Piece] = [b"", many[:4], many[4:70_000], many[70_000:70_004], many[70_004:]]
    sample.put_media(writer, payload, 0)
    ways: list[list[Piece]] = [[payload], pieces, [many[at : at + 9973] for at in range(0, size, 9973)]]
    for second, one in enumerate(ways, 1):
        moment = second * sample.SECOND_NS
        writer.append_media(one, utc_ns=sample.UTC_NS + moment, mono_ns=sample.MONO_NS + moment, duration_ms=1000)
    sample.close_writer(writer)
    assert (verify_file(path, sample.RING).code, writer.size_bytes) == ("closed", path.stat().st_size)
    with VgeReader.open(path, sample.RING) as reader:
        assert [reader.read(entry) for entry in reader.entries[:4]] == [payload] * 4


def test_full_disk_cuts_back_a_record_of_several_blocks(path: Path, writer: VgeWriter) -> None:
    sample.put_media(writer, b"kept", 0, key=True)
    size = writer.size_bytes
    with room_up_to(size + 2 * BLOCK_BYTES + 100), pytest.raises(RecordingError) as caught:
        sample.put_media(writer, bytes(4 * BLOCK_BYTES), 1)
    assert (caught.value.kind, path.stat().st_size) == (ErrorKind.FULL, size)
    sample.close_writer(writer, CloseReason.DISK_FULL)
    report = verify_file(path, sample.RING)
    assert (report.code, report.records_verified) == ("closed", 3)


def test_nothing_of_the_plaintext_is_in_the_file(path: Path, writer: VgeWriter) -> None:
    sample.put_media(writer, b"moof mdat avc1 and so on", 0)
    writer.append_mark(Mark("gap", {"reason": "a person at the door"}), utc_ns=1, mono_ns=1)
    sample.close_writer(writer)
    data = path.read_bytes()
    assert not any(word in data for word in (b"moof", b"avc1", b"person"))


def test_unsynchronised_clock_marks_every_record(path: Path) -> None:
    spec = FileSpec(b"c" * 16, 4, sample.SPEC.content, 1, 2, b"b" * 16, bytes(32), 90_000, clock_unsynchronised=True)
    writer = VgeWriter.create(path, spec, sample.RING)
    sample.write_records(writer)
    sample.close_writer(writer)
    with VgeReader.open(path, sample.RING) as reader:
        assert all(RecordFlag.CLOCK_UNSYNCHRONISED in one.flags for one in reader.entries)


def test_sync_answers_a_checkpoint_that_holds(path: Path, writer: VgeWriter) -> None:
    empty = writer.sync()
    assert (empty.record_number, empty.offset) == (-1, 512)
    sample.put_media(writer, b"abc", 1)
    sample.put_media(writer, b"def", 2)
    assert writer.oldest_unsynced_mono_ns == sample.MONO_NS + sample.SECOND_NS
    checkpoint = writer.sync()
    assert (checkpoint.record_number, checkpoint.offset, checkpoint.plaintext_bytes) == (1, path.stat().st_size, 6)
    assert checkpoint.tag == path.read_bytes()[-32:]
    assert writer.oldest_unsynced_mono_ns is None


def test_short_writes_are_finished(path: Path, writer: VgeWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: whole(fd, data[:10], offset))
    sample.write_records(writer)
    sample.close_writer(writer)
    assert verify_file(path, sample.RING).records_verified == 10


def test_full_disk_cuts_back_and_closes(path: Path, writer: VgeWriter) -> None:
    sample.put_media(writer, b"kept" * 100, 0, key=True)
    size = writer.size_bytes
    with room_up_to(size + 250), pytest.raises(RecordingError) as caught:
        sample.put_media(writer, bytes(1000), 1)
    assert caught.value.kind is ErrorKind.FULL
    assert path.stat().st_size == size
    closed = sample.close_writer(writer, CloseReason.DISK_FULL)
    report = verify_file(path, sample.RING)
    assert (report.code, report.close_reason) == ("closed", CloseReason.DISK_FULL)
    assert (report.records_verified, closed.record_count) == (3, 3)


def test_nothing_is_encrypted_after_a_failed_write(writer: VgeWriter) -> None:
    with room_up_to(600), pytest.raises(RecordingError):
        sample.put_media(writer, bytes(1000), 0)
    with pytest.raises(RecordingError) as caught:
        sample.put_media(writer, bytes(10), 0)
    assert caught.value.kind is ErrorKind.FULL


def test_close_leaves_out_index_when_only_close_fits(path: Path, writer: VgeWriter) -> None:
    for second in range(3):
        sample.put_media(writer, b"kept", second, key=True)
    with room_up_to(writer.size_bytes + 96 + 72):
        sample.close_writer(writer, CloseReason.DISK_FULL)
    with VgeReader.open(path, sample.RING) as reader:
        assert [one.type for one in reader.entries] == [RecordType.MEDIA] * 3 + [RecordType.CLOSE]
    assert verify_file(path, sample.RING).code == "closed"


def test_close_without_room_leaves_whole_records(path: Path, writer: VgeWriter) -> None:
    sample.put_media(writer, b"kept", 0)
    size = writer.size_bytes
    with room_up_to(size + 100), pytest.raises(RecordingError) as caught:
        sample.close_writer(writer)
    assert (caught.value.kind, path.stat().st_size) == (ErrorKind.FULL, size)
    with pytest.raises(RecordingError, match="closed"):
        sample.put_media(writer, b"late", 1)


@pytest.mark.parametrize("code", [errno.EIO, errno.EROFS])
def test_write_error_breaks_the_writer(writer: VgeWriter, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(os, "pwrite", failing(code))
    for _ in range(2):
        with pytest.raises(RecordingError) as caught:
            sample.put_media(writer, b"lost", 0)
        assert caught.value.kind is ErrorKind.CORRUPT


def test_sync_error_is_never_retried(writer: VgeWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    sample.put_media(writer, b"perhaps lost", 0)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", failing(errno.EIO))
        with pytest.raises(RecordingError) as caught:
            writer.sync()
    assert caught.value.kind is ErrorKind.CORRUPT
    for again in (writer.sync, lambda: sample.put_media(writer, b"more", 1), lambda: sample.close_writer(writer)):
        with pytest.raises(RecordingError):
            again()


def test_long_index_is_thinned_evenly(path: Path, writer: VgeWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vigilar.vge.writer._MAX_INDEX_ENTRIES", 4)
    for second in range(9):
        sample.put_media(writer, b"k", second, key=True)
    sample.close_writer(writer)
    with VgeReader.open(path, sample.RING) as reader:
        assert [one.number for one in index_of(reader)] == [0, 4, 8]


def test_same_randomness_makes_the_same_test_file(tmp_path: Path) -> None:
    files = [tmp_path / "a.vge", tmp_path / "b.vge"]
    for path in files:
        writer = VgeWriter.create(path, sample.SPEC, sample.RING, test_random=lambda size: known_bytes("r", size))
        sample.write_records(writer)
        sample.close_writer(writer)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert verify_file(files[0], sample.RING).code == "test-file"
    assert verify_file(files[0], sample.RING, allow_test_files=True).code == "closed"
