"""After a crash: files get their end, and nothing true is ever cut. Rewrapping survives a crash too."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from tests.vectors import sample
from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.vge.format import CloseReason
from vigilar.vge.keys import EpochKey, KeyRing
from vigilar.vge.reader import VgeReader
from vigilar.vge.recover import Recovered, recover_file
from vigilar.vge.report import Verdict
from vigilar.vge.rewrap import rewrap_file
from vigilar.vge.verify import verify_file
from vigilar.vge.writer import Checkpoint

NOW = {"utc_ns": sample.UTC_NS + 3600 * 10**9, "mono_ns": 7}
BOTH = KeyRing([sample.KEY_1, sample.KEY_2])
NEW_ONLY = KeyRing([sample.KEY_2])


def recover(path: Path, anchor: Checkpoint | None = None) -> Recovered:
    return recover_file(path, sample.RING, utc_ns=NOW["utc_ns"], mono_ns=NOW["mono_ns"], anchor=anchor)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1.vge"


def test_open_file_gets_its_end(path: Path) -> None:
    sample.write_open(path)
    found = recover(path)
    assert (found.verdict, found.cut_bytes) == (Verdict.UNCLEAN, 0)
    assert found.last_utc_ns == sample.UTC_NS + 5 * 10**9
    report = verify_file(path, sample.RING)
    assert (report.verdict, report.close_reason) == (Verdict.CLOSED, CloseReason.RECOVERED)
    assert report.sentence == "Whole up to a power cut or crash at 00:00:05; 00:00:00-00:00:05 can be played"
    assert found.closed is not None
    assert (found.closed.link, found.closed.record_count) == (report.link, 9)
    assert (found.closed.size_bytes, found.closed.plaintext_bytes) == (path.stat().st_size, len(sample.PLAINTEXT))


def test_closed_file_is_left_alone(path: Path) -> None:
    closed = sample.write_closed(path)
    before = path.read_bytes()
    assert recover(path).closed == closed
    assert path.read_bytes() == before


def test_every_prefix_recovers_and_stays_recovered(path: Path) -> None:
    sample.write_closed(path)
    data = path.read_bytes()
    for size in range(512, len(data), 9):
        path.write_bytes(data[:size])
        first = recover(path)
        recovered = path.read_bytes()
        assert first.closed is not None
        assert recovered[: size - first.cut_bytes] == data[: size - first.cut_bytes]
        assert verify_file(path, sample.RING).verdict is Verdict.CLOSED
        assert recover(path).closed == first.closed
        assert path.read_bytes() == recovered


def test_dying_in_recovery_is_recovered(path: Path) -> None:
    sample.write_open(path)
    whole = path.stat().st_size
    recover(path)
    recovered = path.read_bytes()
    for size in range(whole, len(recovered), 5):
        path.write_bytes(recovered[:size])
        assert recover(path).cut_bytes == size - whole
        assert path.read_bytes() == recovered


@pytest.mark.parametrize("tail", [bytes(5000), b"\xa5" * 77, b"VREC" * 50])
def test_torn_tail_is_noted_then_cut(path: Path, tail: bytes) -> None:
    sample.write_open(path)
    whole = path.stat().st_size
    with path.open("ab") as out:
        out.write(tail)
    noted = []

    def note(offset: int, cut_bytes: int) -> None:
        noted.append((offset, cut_bytes, path.stat().st_size))

    recover_file(path, sample.RING, utc_ns=1, mono_ns=2, note_cut=note)
    assert noted == [(whole, len(tail), whole + len(tail))]
    assert verify_file(path, sample.RING).records_verified == 9


def test_file_that_died_before_its_first_record_closes_empty(path: Path) -> None:
    sample.new_writer(path).abandon()
    found = recover(path)
    assert found.closed is not None
    assert (found.closed.record_count, found.last_utc_ns) == (1, None)


def test_damaged_file_is_not_touched(path: Path) -> None:
    sample.write_open(path)
    data = bytearray(path.read_bytes())
    data[600] ^= 1
    path.write_bytes(data)
    found = recover(path)
    assert (found.verdict, found.cut_bytes, found.closed) == (Verdict.DAMAGED, 0, None)
    assert path.read_bytes() == data


def test_file_without_its_anchor_is_not_touched(path: Path) -> None:
    writer = sample.new_writer(path)
    sample.write_records(writer)
    anchor = writer.sync()
    writer.abandon()
    short = path.read_bytes()[:-1]
    path.write_bytes(short)
    assert recover(path, anchor).verdict is Verdict.SHORTER_THAN_ANCHOR
    assert path.read_bytes() == short


@pytest.mark.parametrize("size", [0, 8, 511])
def test_torn_header_is_rejected(path: Path, size: int) -> None:
    sample.write_open(path)
    path.write_bytes(path.read_bytes()[:size])
    assert recover(path).verdict is Verdict.REJECTED
    assert path.stat().st_size == size


def test_file_still_being_written_is_busy(path: Path) -> None:
    writer = sample.new_writer(path)
    for call in (lambda: recover(path), lambda: rewrap_file(path, BOTH)):
        with pytest.raises(RecordingError) as caught:
            call()
        assert caught.value.kind is ErrorKind.TRANSIENT
    writer.abandon()
    assert recover(path).closed is not None


def test_no_room_for_close_is_recovered_later(path: Path) -> None:
    sample.write_open(path)
    whole = path.stat().st_size
    with path.open("ab") as out:
        out.write(bytes(40))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (whole + 100, hard))
    try:
        with pytest.raises(RecordingError) as caught:
            recover(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (caught.value.kind, path.stat().st_size) == (ErrorKind.FULL, whole)
    assert recover(path).closed is not None


def test_rewrapped_file_opens_with_new_key_alone(path: Path) -> None:
    sample.write_closed(path)
    records = path.read_bytes()[512:]
    assert rewrap_file(path, BOTH)
    assert path.read_bytes()[512:] == records
    assert verify_file(path, NEW_ONLY).verdict is Verdict.CLOSED
    assert verify_file(path, sample.RING).code == "key-missing"
    assert not rewrap_file(path, BOTH)


def test_crash_between_rewrap_steps_opens_and_finishes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample.write_closed(path)
    with monkeypatch.context() as dying:
        dying.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            rewrap_file(path, BOTH)
    for ring in (sample.RING, NEW_ONLY):
        assert verify_file(path, ring).verdict is Verdict.CLOSED
    assert rewrap_file(path, BOTH)
    assert verify_file(path, sample.RING).code == "key-missing"


def test_recovery_slot_outlives_rewrapping(path: Path) -> None:
    recovery = EpochKey.of(0, b"r" * 32)
    sample.write_closed(path, KeyRing([sample.KEY_1], recovery))
    rewrap_file(path, BOTH)
    with VgeReader.open(path, KeyRing([], recovery)) as reader:
        assert b"".join(reader.read_range(0, 10_000)) == sample.PLAINTEXT
