"""Reading closed, growing and torn files."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vectors import sample
from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.vge.bodies import Mark
from vigilar.vge.format import CloseReason, RecordType
from vigilar.vge.keys import KeyRing
from vigilar.vge.reader import VgeReader


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    path = tmp_path / "closed.vge"
    sample.write_closed(path)
    return path


@pytest.fixture(scope="module")
def shared_reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VgeReader]:
    """A reader of one closed file, for tests that only read."""
    path = tmp_path_factory.mktemp("reader") / "closed.vge"
    sample.write_closed(path)
    with VgeReader.open(path, sample.RING) as reader:
        yield reader


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_closed_file_reads_as_written(shared_reader: VgeReader) -> None:
    kinds = [entry.type for entry in shared_reader.entries]
    media = [RecordType.MEDIA] * len(sample.FRAGMENTS)
    assert kinds == [RecordType.INIT, RecordType.MARK, RecordType.MARK, *media, RecordType.INDEX, RecordType.CLOSE]
    assert shared_reader.read(shared_reader.entries[0]) == sample.INIT
    assert Mark.parse(shared_reader.read(shared_reader.entries[1])) == Mark("gap", {"lost_ms": 400})
    assert tuple(shared_reader.read(entry) for entry in shared_reader.entries[3:8]) == sample.FRAGMENTS
    assert (shared_reader.is_closed, shared_reader.close_reason) == (True, CloseReason.ROLLOVER)
    assert shared_reader.plaintext_bytes == len(sample.PLAINTEXT)


def test_entries_tell_times_and_keyframes(shared_reader: VgeReader) -> None:
    entry = shared_reader.entries[5]
    assert (entry.utc_ns, entry.mono_ns) == (sample.UTC_NS + 2 * 10**9, sample.MONO_NS + 2 * 10**9)
    assert (entry.duration_ms, entry.is_keyframe, entry.number) == (1000, True, 5)


@given(start=st.integers(-5, 400), stop=st.integers(-5, 400))
@settings(deadline=None)
def test_any_range_equals_slice_of_whole(shared_reader: VgeReader, start: int, stop: int) -> None:
    wanted = sample.PLAINTEXT[max(start, 0) : max(stop, 0)]
    assert b"".join(shared_reader.read_range(start, stop)) == wanted


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Not a Vigilar recording"),
        (b"ftypisom" * 100, "Not a Vigilar recording"),
        (b"\x89VGE\r\n\x1a\n", "Not a whole Vigilar recording"),
        (b"\x89VGE\r\n\x1a\n\x02" + bytes(600), "Written by a newer version of Vigilar"),
    ],
)
def test_foreign_file_is_refused_with_a_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "x.vge"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=sentence):
        VgeReader.open(path, sample.RING)


def test_missing_key_is_named(closed: Path) -> None:
    with pytest.raises(RecordingError, match=f"key id {sample.KEY_1.key_id.hex()[:8]}") as caught:
        VgeReader.open(closed, KeyRing([sample.KEY_2]))
    assert caught.value.kind is ErrorKind.DENIED


def test_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(RecordingError) as caught:
        VgeReader.open(tmp_path / "none.vge", sample.RING)
    assert caught.value.exit_code is ExitCode.NOT_FOUND


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError):
        VgeReader.open(tmp_path, sample.RING)


def test_refused_file_leaks_no_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "x.vge"
    path.write_bytes(b"junk")
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(RecordingError):
        VgeReader.open(path, sample.RING)
    assert set(os.listdir("/proc/self/fd")) <= before  # those of other tests may be closed meanwhile


def test_damaged_payload_is_not_released(closed: Path) -> None:
    with VgeReader.open(closed, sample.RING) as reader:
        entry = reader.entries[3]
    flip(closed, entry.offset + 64)
    with VgeReader.open(closed, sample.RING) as reader:
        with pytest.raises(RecordingError) as caught:
            reader.read(reader.entries[3])
        assert caught.value.kind is ErrorKind.CORRUPT
        assert reader.read(reader.entries[4]) == sample.FRAGMENTS[1]
        pieces = reader.read_range(0, reader.plaintext_bytes)
        assert next(pieces) == sample.INIT
        with pytest.raises(RecordingError):
            next(pieces)


def test_damaged_header_is_stepped_over(closed: Path) -> None:
    with VgeReader.open(closed, sample.RING) as reader:
        entry = reader.entries[3]
    flip(closed, entry.offset + 20)
    with VgeReader.open(closed, sample.RING) as reader:
        assert [one.number for one in reader.entries] == [0, 1, 2, 4, 5, 6, 7, 8, 9]
        assert (reader.has_damage, reader.is_closed) == (True, True)
        lost_to = len(sample.INIT) + len(sample.FRAGMENTS[0])
        assert b"".join(reader.read_range(lost_to, 10_000)) == sample.PLAINTEXT[lost_to:]
        with pytest.raises(RecordingError):
            list(reader.read_range(lost_to - 1, lost_to))


def test_every_prefix_shows_whole_records_only(closed: Path) -> None:
    data = closed.read_bytes()
    with VgeReader.open(closed, sample.RING) as reader:
        ends = [entry.offset + 96 + entry.payload_len for entry in reader.entries]
    for size in range(512, len(data) + 1):
        with sample.in_memory(data[:size]) as path, VgeReader.open(path, sample.RING) as reader:
            assert len(reader.entries) == sum(end <= size for end in ends)
            assert reader.is_closed == (size == len(data))
            released = b"".join(reader.read_range(0, 10_000))
        assert released == sample.PLAINTEXT[: len(released)]


@pytest.mark.parametrize("step", [1, 7, 100])
def test_growing_file_is_followed(closed: Path, tmp_path: Path, step: int) -> None:
    data = closed.read_bytes()
    path = tmp_path / "growing.vge"
    path.write_bytes(data[:512])
    seen = 0
    with VgeReader.open(path, sample.RING) as reader, path.open("ab", buffering=0) as out:
        for at in range(512, len(data), step):
            out.write(data[at : at + step])
            reader.refresh()
            assert len(reader.entries) >= seen
            seen = len(reader.entries)
        assert b"".join(reader.read_range(0, 10_000)) == sample.PLAINTEXT
        assert (seen, reader.is_closed, reader.has_damage) == (10, True, False)


@pytest.mark.parametrize("tail", [bytes(300), b"\xff" * 300, b"VREC" * 80])
def test_torn_tail_is_invisible(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "torn.vge"
    sample.write_open(path)
    with path.open("ab") as out:
        out.write(tail)
    with VgeReader.open(path, sample.RING) as reader:
        assert len(reader.entries) == 8
        assert b"".join(reader.read_range(0, 10_000)) == sample.PLAINTEXT
        reader.refresh()
        assert (reader.is_closed, reader.has_damage) == (False, False)


def test_last_record_with_holes_is_invisible_until_filled(tmp_path: Path) -> None:
    path = tmp_path / "gaps.vge"
    sample.write_open(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-50] + bytes(50))
    with VgeReader.open(path, sample.RING) as reader:
        assert len(reader.entries) == 7
        path.write_bytes(whole)
        reader.refresh()
        assert reader.read(reader.entries[7]) == sample.FRAGMENTS[-1]


def test_reader_follows_a_writing_thread(tmp_path: Path) -> None:
    path = tmp_path / "live.vge"
    writer = sample.new_writer(path)

    def write() -> None:
        for second in range(200):
            sample.put_media(writer, bytes([second]) * 5000, second)
        sample.close_writer(writer)

    thread = threading.Thread(target=write, name="writer of test")
    released = bytearray()
    with VgeReader.open(path, sample.RING) as reader:
        thread.start()
        while not reader.is_closed:
            reader.refresh()
            for piece in reader.read_range(len(released), reader.plaintext_bytes):
                released += piece
    thread.join()
    assert released == b"".join(bytes([second]) * 5000 for second in range(200))


def test_forged_headers_cannot_hold_up_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "forged.vge"
    sample.write_open(path)
    with VgeReader.open(path, sample.RING) as reader:
        last = reader.entries[-1].header
    forged = type(last)(RecordType.MEDIA, 0, 1 << 20, 0, 99, 0, 0, 0).dump()
    with path.open("ab") as out:
        out.write(forged * (3 << 14))  # three mebibytes of headers, each claiming one: 25 GiB to hash
    with VgeReader.open(path, sample.RING) as reader:
        assert len(reader.entries) == 8
