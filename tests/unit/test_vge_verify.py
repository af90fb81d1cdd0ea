"""Verdicts and sentences, and that nothing changed goes unnoticed."""

from __future__ import annotations

import os
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vectors import sample
from tools.vge_reader import judge_bytes
from vigilar.base.errors import RecordingError
from vigilar.vge.bodies import Mark
from vigilar.vge.format import CloseReason, RecordHeader, RecordType
from vigilar.vge.opening import open_header
from vigilar.vge.reader import VgeReader
from vigilar.vge.report import DamagedSpan, Span, Verdict, clock_time
from vigilar.vge.scan import RecordFile
from vigilar.vge.verify import verify_file
from vigilar.vge.walk import walk_file

HELD = {sample.KEY_1.key_id: sample.KEY_1.key}
TRUE_PIECES = [sample.INIT, *sample.FRAGMENTS]


def closed_bytes() -> bytes:
    """A small closed file."""
    with TemporaryDirectory() as folder:
        sample.write_closed(Path(folder) / "1.vge")
        return (Path(folder) / "1.vge").read_bytes()


CLOSED = closed_bytes()


def released_pieces(path: Path) -> list[bytes]:
    """What a walk lets out, piece by piece; nothing if the header does not open."""
    pieces: list[bytes] = []
    fd = os.open(path, os.O_RDONLY)
    with suppress(RecordingError), closing(os.fdopen(fd)):
        header, keys = open_header(fd, sample.RING)
        walk_file(RecordFile(fd, keys, header.core.max_payload_log2), pieces.append)
    return pieces


def is_in_order(pieces: list[bytes]) -> bool:
    """Whether ``pieces`` are true ones in their order, some left out."""
    remaining = iter(TRUE_PIECES)
    return all(piece in remaining for piece in pieces)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1.vge"


def offset_of(number: int) -> int:
    """Where a record of the closed file begins."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "1.vge"
        path.write_bytes(CLOSED)
        with VgeReader.open(path, sample.RING) as reader:
            return reader.entries[number].offset


def test_whole_file_is_closed(path: Path) -> None:
    path.write_bytes(CLOSED)
    report = verify_file(path, sample.RING)
    assert (report.verdict, report.records_verified) == (Verdict.CLOSED, 10)
    assert report.sentence == "Whole and unchanged; 00:00:00-00:00:05 can be played"
    assert (report.first_utc_ns, report.last_utc_ns) == (sample.UTC_NS, sample.UTC_NS + 5 * 10**9)
    assert (report.playable_spans, report.damaged_spans) == ((Span(0, 5000),), ())
    assert (report.close_reason, report.size_bytes) == (CloseReason.ROLLOVER, len(CLOSED))


def test_open_file_is_unclean(path: Path) -> None:
    sample.write_open(path)
    report = verify_file(path, sample.RING)
    assert report.verdict is Verdict.UNCLEAN
    assert report.sentence.startswith("Ends without its closing record: 00:00:00-00:00:05 can be played; normal after")


def test_damage_is_told_by_time(path: Path) -> None:
    data = bytearray(CLOSED)
    start, stop = offset_of(5), offset_of(6)
    data[start] ^= 1
    path.write_bytes(data)
    report = verify_file(path, sample.RING)
    assert (report.verdict, report.records_verified) == (Verdict.DAMAGED, 9)
    wanted = "Damaged at 00:00:02; 00:00:00-00:00:02 and 00:00:03-00:00:05 can be played"
    assert report.sentence == wanted
    assert report.damaged_spans == (DamagedSpan(start, stop, 2000, 3000),)


def test_damage_before_all_media_is_at_the_start(path: Path) -> None:
    data = bytearray(CLOSED)
    data[512] ^= 1
    path.write_bytes(data)
    assert verify_file(path, sample.RING).sentence == "Damaged at 00:00:00; 00:00:00-00:00:05 can be played"


def test_addition_is_told(path: Path) -> None:
    path.write_bytes(CLOSED + CLOSED)
    sentence = "Something was added after the end of this recording at 00:00:05; 00:00:00-00:00:05 can be played"
    assert verify_file(path, sample.RING).sentence == sentence


def test_shortened_file_is_told_by_anchor(path: Path) -> None:
    writer = sample.new_writer(path)
    sample.write_records(writer)
    anchor = writer.sync()
    writer.abandon()
    assert verify_file(path, sample.RING, anchor=anchor).verdict is Verdict.UNCLEAN
    path.write_bytes(path.read_bytes()[:-1])
    report = verify_file(path, sample.RING, anchor=anchor)
    assert report.verdict is Verdict.SHORTER_THAN_ANCHOR
    sentence = "Ends earlier than recorded in the log: possibly shortened; 00:00:00-00:00:04 can be played"
    assert report.sentence == sentence


def test_anchor_before_the_first_record_is_met(path: Path) -> None:
    writer = sample.new_writer(path)
    anchor = writer.sync()
    writer.abandon()
    report = verify_file(path, sample.RING, anchor=anchor)
    assert (report.verdict, report.records_verified) == (Verdict.UNCLEAN, 0)
    assert "nothing can be played" in report.sentence


def test_missing_file_raises(path: Path) -> None:
    with pytest.raises(RecordingError):
        verify_file(path, sample.RING)


def test_pipe_is_refused_without_waiting(path: Path) -> None:
    os.mkfifo(path)
    report = verify_file(path, sample.RING)
    assert (report.verdict, report.code) == (Verdict.REJECTED, "not-a-recording")


def test_forged_headers_end_the_search_as_damaged(path: Path) -> None:
    sample.write_open(path)
    forged = RecordHeader(RecordType.MEDIA, 0, 1 << 20, 0, 99, 0, 0, 0).dump()
    with path.open("ab") as out:
        out.write(forged * (3 << 14))
    report = verify_file(path, sample.RING)
    assert (report.verdict, report.code, report.records_verified) == (Verdict.DAMAGED, "search-given-up", 8)


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "00:00:00"), (999, "00:00:00"), (192_000, "00:03:12"), (86_400_000, "24:00:00")]
)
def test_clock_time_counts_whole_seconds(ms: int, text: str) -> None:
    assert clock_time(ms) == text


def test_every_prefix_is_rejected_or_unclean() -> None:
    for size in range(len(CLOSED)):
        with sample.in_memory(CLOSED[:size]) as path:
            report = verify_file(path, sample.RING)
        assert report.verdict is (Verdict.REJECTED if size < 512 else Verdict.UNCLEAN)
        second = judge_bytes(CLOSED[:size], HELD) if size % 32 == 0 else None
        assert second is None or (second.code, second.records) == (report.code, report.records_verified)


def test_flipped_bit_in_any_byte_is_noticed() -> None:
    for at in range(len(CLOSED)):
        data = bytearray(CLOSED)
        data[at] ^= 1 << (at % 8)
        with sample.in_memory(bytes(data)) as path:
            verdict, pieces = verify_file(path, sample.RING).verdict, released_pieces(path)
        assert verdict in (Verdict.REJECTED, Verdict.UNCLEAN, Verdict.DAMAGED)
        assert is_in_order(pieces)
        assert at < 512 or len(pieces) >= len(TRUE_PIECES) - 2


places = st.integers(0, len(CLOSED))


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """The closed file with one thing done to it."""
    a, b = sorted((draw(places), draw(places)))
    to = draw(places)
    piece = CLOSED[a:b]
    return draw(
        st.sampled_from(
            (
                CLOSED[:a],
                CLOSED[:a] + CLOSED[b:],
                CLOSED[:a] + bytes(b - a) + CLOSED[b:],
                CLOSED[:to] + piece + CLOSED[to:],
                CLOSED[:to] + piece + CLOSED[to + len(piece) :],
                CLOSED[:a] + draw(st.binary(max_size=200)) + CLOSED[a:],
                CLOSED[:a] + piece[::-1] + CLOSED[b:],
                CLOSED[b:] + CLOSED[:b],
            )
        )
    )


@given(mutations())
@settings(deadline=None, max_examples=150)
def test_any_mutation_is_noticed_and_releases_truth_only(data: bytes) -> None:
    if data == CLOSED:
        return
    with sample.in_memory(data) as path:
        report, pieces = verify_file(path, sample.RING), released_pieces(path)
    assert report.verdict in (Verdict.REJECTED, Verdict.UNCLEAN, Verdict.DAMAGED)
    assert is_in_order(pieces)
    second = judge_bytes(data, HELD)
    assert (second.verdict, second.code, second.records) == (
        report.verdict.value,
        report.code,
        report.records_verified,
    )


@given(st.lists(st.tuples(st.sampled_from(("init", "media", "mark")), st.binary(max_size=3000)), max_size=12))
@settings(deadline=None, max_examples=30)
def test_what_is_sealed_is_what_opens(parts: list[tuple[str, bytes]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "1.vge"
        writer = sample.new_writer(path)
        for second, (kind, data) in enumerate(parts):
            if kind == "init":
                writer.append_init(data, utc_ns=second, mono_ns=second)
            elif kind == "mark":
                writer.append_mark(Mark("gap", {"bytes": data.hex()}), utc_ns=second, mono_ns=second)
            else:
                sample.put_media(writer, data, second, key=len(data) % 2 == 0)
        sample.close_writer(writer)
        with VgeReader.open(path, sample.RING) as reader:
            opened = [reader.read(entry) for entry in reader.entries if entry.type.is_encrypted]
            marks = [entry.type is RecordType.MARK for entry in reader.entries if entry.type.is_encrypted]
            whole = b"".join(reader.read_range(0, reader.plaintext_bytes))
        found = [
            bytes.fromhex(Mark.parse(one).detail["bytes"]) if m else one for m, one in zip(marks, opened, strict=True)
        ]
        assert found == [data for _, data in parts]
        assert whole == b"".join(data for kind, data in parts if kind != "mark")
        second_opinion = judge_bytes(path.read_bytes(), HELD)
        assert (second_opinion.verdict, second_opinion.plaintext) == ("closed", whole)
