"""Records that are proved ahead: the same bytes as one by one, damage in its place, no thread left behind."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from vigilar.base.errors import RecordingError
from vigilar.vge.format import CloseReason, Content
from vigilar.vge.keys import EpochKey, KeyRing
from vigilar.vge.read_ahead import BATCH_BYTES, payload_of, read_ahead
from vigilar.vge.reader import RecordEntry
from vigilar.vge.sealed import SealedFile
from vigilar.vge.writer import FileSpec, VgeWriter

RING = KeyRing([EpochKey.of(1, bytes(range(32)))])
COUNT = 40


def content(number: int) -> bytes:
    return bytes([number]) * (1000 + 7919 * number)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of COUNT records of rising length, some MB in all, each beginning with a keyframe."""
    path = tmp_path / "1.vge"
    spec = FileSpec(bytes(16), 1, Content.FMP4, 10**18, 10**9, bytes(16), bytes(32), 90_000)
    writer = VgeWriter.create(path, spec, RING)
    for number in range(COUNT):
        writer.append_media(content(number), utc_ns=10**18, mono_ns=10**9, duration_ms=10, starts_with_keyframe=True)
    writer.close(CloseReason.ROLLOVER, utc_ns=10**18, mono_ns=10**9)
    return path


def entries_of(file: SealedFile) -> list[RecordEntry]:
    index = file.index()
    return file.media(index.at(0), index.end.number)


def test_batches_are_what_single_reads_are(path: Path) -> None:
    file = SealedFile.open(path, RING)
    entries = entries_of(file)
    assert sum(one.payload_len for one in entries) > 4 * BATCH_BYTES
    found = [bytes(payload_of(one)) for one in read_ahead(file, entries)]
    assert found == [content(number) for number in range(COUNT)]
    assert [bytes(payload_of(one)) for one in read_ahead(file, entries[3:6])] == [content(3), content(4), content(5)]
    apart = [entries[number] for number in (0, 2, 3, 9, 8, 30, 31, 12, 13, 14, 15)]
    assert [bytes(payload_of(one)) for one in read_ahead(file, apart)] == [content(one.number) for one in apart]


def test_only_what_is_wanted_is_in_clear(path: Path) -> None:
    file = SealedFile.open(path, RING)
    seen = []

    def wanted(first: memoryview) -> int:
        seen.append(bytes(first))
        return 100

    for number, one in enumerate(read_ahead(file, entries_of(file), wanted)):
        payload = bytes(payload_of(one))
        assert payload[:100] == content(number)[:100]
        assert payload[100:] != content(number)[100:]
    assert sorted(seen) == [bytes([number]) * 16 for number in range(COUNT)]


@pytest.mark.parametrize("number", [0, 1, 17, COUNT - 1])
@pytest.mark.parametrize("place", ["header", "payload", "tag"])
def test_damage_is_told_in_its_place(path: Path, number: int, place: str) -> None:
    file = SealedFile.open(path, RING)
    entries = entries_of(file)
    entry = entries[number]
    at = entry.offset + {"header": 41, "payload": 64 + 500, "tag": 64 + entry.payload_len + 5}[place]
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    with path.open("r+b") as out:
        out.write(data)
    bad = {index for index, one in enumerate(read_ahead(file, entries)) if isinstance(one, RecordingError)}
    single = {index for index, one in enumerate(entries) if not file.proves(one)}
    assert bad == single
    assert number in bad


def test_file_cut_short_gives_what_is_left(path: Path) -> None:
    file = SealedFile.open(path, RING)
    entries = entries_of(file)
    with path.open("r+b") as out:
        out.truncate(entries[20].offset + 100)
    found = list(read_ahead(file, entries))
    assert [isinstance(one, RecordingError) for one in found] == [False] * 20 + [True] * 20


def test_reader_that_goes_leaves_no_thread(path: Path) -> None:
    file = SealedFile.open(path, RING)
    records = read_ahead(file, entries_of(file))
    next(records)
    assert any(one.name.startswith("read-ahead") for one in threading.enumerate())
    records.close()  # type: ignore[attr-defined]  # a generator
    assert not any(one.name.startswith("read-ahead") for one in threading.enumerate())
