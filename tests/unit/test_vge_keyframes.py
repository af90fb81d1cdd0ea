"""Keyframes by INDEX and by looking through the records: both say the same, and what cannot be told is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.vectors import sample
from vigilar.base.errors import ErrorKind, ExitCode, RecordingError
from vigilar.vge.format import CloseReason, RecordType
from vigilar.vge.keyframes import KeyframeIndex, KeyframeScan
from vigilar.vge.reader import VgeReader
from vigilar.vge.sealed import SealedFile

SECOND_NS = sample.SECOND_NS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1.vge"


@pytest.fixture
def closed(path: Path) -> Path:
    sample.write_closed(path)
    return path


def scanned(path: Path) -> KeyframeIndex:
    """The index as a file without INDEX would give it."""
    with SealedFile.open(path, sample.RING)._opened() as records:
        return KeyframeScan().look(records)


def lengths(index: KeyframeIndex) -> list[int]:
    line = index.time_line()
    return [line.before_ms(one) for one in range(len(index))]


def opened_now(path: Path) -> Iterator[str]:
    """Descriptors of this process that hold ``path``."""
    for fd in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(fd)
        except FileNotFoundError:
            continue
        if target.startswith(str(path)):
            yield target


def test_index_and_records_tell_the_same(closed: Path) -> None:
    by_index, by_records = SealedFile.open(closed, sample.RING).index(), scanned(closed)
    assert by_index.lengths_ms is None
    assert list(by_index.table) == list(by_records.table)
    assert lengths(by_index) == lengths(by_records) == [0, 2000, 4000]
    assert (by_index.end_ms, by_records.end_ms) == (5000, 5000)
    assert replace(by_index.end, offset=0, number=0) == replace(by_records.end, offset=0, number=0)
    assert by_index.is_closed
    assert by_records.is_closed


def test_growing_file_only_adds(path: Path) -> None:
    writer = sample.new_writer(path)
    writer.append_init(sample.INIT, utc_ns=sample.UTC_NS, mono_ns=sample.MONO_NS)
    sample.put_media(writer, b"one", 0, key=True)
    file = SealedFile.open(path, sample.RING)
    index = file.index()
    assert (list(index.numbers()), index.end_ms, index.is_closed) == ([1], 1000, False)
    sample.put_media(writer, b"two", 1)
    sample.put_media(writer, b"three", 2, key=True)
    assert list(file.index().numbers()) == [1, 3]
    sample.close_writer(writer)
    assert (file.index().is_closed, file.index().end_ms) == (True, 3000)


def test_clock_that_was_set_is_not_taken_for_time(path: Path) -> None:
    """An hour back after two seconds: INDEX alone would say that the pictures last minus an hour."""
    writer = sample.new_writer(path)
    writer.append_init(sample.INIT, utc_ns=sample.UTC_NS, mono_ns=sample.MONO_NS)
    for second in range(6):
        step_ns = -3600 * SECOND_NS if second >= 2 else 0
        writer.append_media(
            b"x", utc_ns=sample.UTC_NS + second * SECOND_NS + step_ns, mono_ns=sample.MONO_NS + second * SECOND_NS,
            duration_ms=1000, starts_with_keyframe=True,
        )  # fmt: skip
    end_ns = 6 * SECOND_NS
    utc_ns, mono_ns = sample.UTC_NS + end_ns - 3600 * SECOND_NS, sample.MONO_NS + end_ns
    writer.close(CloseReason.ROLLOVER, utc_ns=utc_ns, mono_ns=mono_ns)
    index = SealedFile.open(path, sample.RING).index()
    assert lengths(index) == [0, 1000, 2000, 3000, 4000, 5000]
    assert (index.end_ms, index.end.utc_ns) == (6000, utc_ns)


def test_file_cut_by_a_crash_is_looked_through(path: Path) -> None:
    sample.write_open(path)
    os.truncate(path, path.stat().st_size - 10)
    index = SealedFile.open(path, sample.RING).index()
    assert (list(index.numbers()), index.end_ms, index.is_closed) == ([3, 5], 4000, False)


@pytest.mark.parametrize("record", [-1, -2])
def test_changed_index_is_not_believed(closed: Path, record: int) -> None:
    """INDEX or CLOSE with another bit: the records themselves are asked."""
    with VgeReader.open(closed, sample.RING) as reader:
        victim = reader.entries[record]
    data = bytearray(closed.read_bytes())
    data[victim.offset + 70] ^= 1
    closed.write_bytes(data)
    assert lengths(SealedFile.open(closed, sample.RING).index()) == [0, 2000, 4000]


def test_records_of_a_group(closed: Path) -> None:
    file = SealedFile.open(closed, sample.RING)
    index = file.index()
    entries = file.media(index.at(1), index.at(2).number)
    assert [(one.number, bytes(file.read(one))) for one in entries] == [
        (5, sample.FRAGMENTS[2]),
        (6, sample.FRAGMENTS[3]),
    ]
    assert file.media(index.at(2), index.at(2).number) == []
    first = file.first_record()
    assert first is not None
    assert (first.type, bytes(file.read(first))) == (RecordType.INIT, sample.INIT)


def test_damaged_header_costs_that_record_only(closed: Path) -> None:
    file = SealedFile.open(closed, sample.RING)
    index = file.index()
    victim = file.media(index.at(0), index.at(1).number)[1]
    data = bytearray(closed.read_bytes())
    data[victim.offset + 20] ^= 1
    closed.write_bytes(data)
    assert [one.number for one in file.media(index.at(0), index.at(2).number)] == [3, 5, 6]


def test_changed_record_is_refused(closed: Path) -> None:
    file = SealedFile.open(closed, sample.RING)
    entry = file.media(file.index().at(0), file.index().end.number)[0]
    data = bytearray(closed.read_bytes())
    data[entry.offset + 64] ^= 1
    closed.write_bytes(data)
    with pytest.raises(RecordingError) as caught:
        file.read(entry)
    assert caught.value.kind is ErrorKind.CORRUPT


def test_nothing_is_held_open(closed: Path) -> None:
    file = SealedFile.open(closed, sample.RING)
    entries = file.media(file.index().at(0), file.index().end.number)
    kept = file.read(entries[0])
    assert list(opened_now(closed)) == []
    closed.unlink()
    assert bytes(kept) == sample.FRAGMENTS[0]
    with pytest.raises(RecordingError) as caught:
        file.read(entries[0])
    assert caught.value.exit_code is ExitCode.NOT_FOUND


@pytest.mark.parametrize("at", [20, 100, 200, 230, 447, 460])
def test_changed_header_is_refused_by_its_mac(closed: Path, at: int) -> None:
    data = bytearray(closed.read_bytes())
    data[at] ^= 1
    closed.write_bytes(data)
    with pytest.raises(RecordingError):
        SealedFile.open(closed, sample.RING)
