"""Boxes of fragmented MP4: what is read, what is rewritten, what is refused."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.recording_kit import make_clip
from vigilar.base.errors import RecordingError
from vigilar.media import boxes
from vigilar.media.fmp4 import FragmentMuxer

box = boxes.box


def shifted(data: bytes, shift: dict[int, int]) -> bytes:
    """A moved copy."""
    moved = bytearray(data)
    boxes.shift_decode_times(moved, shift)
    return bytes(moved)


def traf(track: int, time: int, durations: list[int], version: int = 1, default: int | None = None) -> bytes:
    flags = 0x020000 | (0x8 if default is not None else 0)
    tfhd = struct.pack(">II", flags, track) + (struct.pack(">I", default) if default is not None else b"")
    tfdt = struct.pack(">IQ", 1 << 24, time) if version else struct.pack(">II", 0, time)
    trun_flags = 0x1 if default is not None else 0x301
    rows = b"" if default is not None else b"".join(struct.pack(">II", one, 10) for one in durations)
    trun = struct.pack(">IIi", trun_flags, len(durations), 0) + rows
    return box(b"traf", box(b"tfhd", tfhd), box(b"tfdt", tfdt), box(b"trun", trun))


def fragment(*trafs: bytes) -> bytes:
    return box(b"moof", box(b"mfhd", bytes(8)), *trafs) + box(b"mdat", b"pictures")


@pytest.fixture(scope="module")
def muxed(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[bytes]]:
    """Init segment and fragments of the product's own muxer, with sound."""
    clip = make_clip(tmp_path_factory.mktemp("clip"), has_sound=True)
    muxer = FragmentMuxer(clip.streams)
    fragments = [one.data for packet in clip.packets for one in muxer.mux(packet)]
    return muxer.init_segment, fragments


def test_decode_times_of_each_track() -> None:
    data = fragment(traf(1, 9000, [10, 20]), traf(2, 77, [5], version=0))
    assert boxes.read_decode_times(data) == {1: 9000, 2: 77}


def test_end_is_start_plus_durations() -> None:
    assert boxes.read_end_times(fragment(traf(1, 9000, [10, 20]))) == {1: 9030}


def test_end_with_default_durations() -> None:
    assert boxes.read_end_times(fragment(traf(1, 100, [0, 0, 0], default=7))) == {1: 121}


@pytest.mark.parametrize(("shift", "time"), [(-9000, 0), (-9001, 0), (5, 9005), (2**40, 9000 + 2**40)])
def test_shift_moves_time_and_keeps_length(shift: int, time: int) -> None:
    data = fragment(traf(1, 9000, [10]))
    moved = shifted(data, {1: shift})
    assert boxes.read_decode_times(moved) == {1: time}
    assert len(moved) == len(data)


def test_shift_of_short_times_stops_at_32_bits() -> None:
    moved = shifted(fragment(traf(1, 5, [10], version=0)), {1: 2**33})
    assert boxes.read_decode_times(moved) == {1: 0xFFFFFFFF}


def test_shift_leaves_other_tracks() -> None:
    data = fragment(traf(1, 100, [10]), traf(2, 200, [10]))
    assert boxes.read_decode_times(shifted(data, {2: -50})) == {1: 100, 2: 150}


def test_own_init_segment_is_read(muxed: tuple[bytes, list[bytes]]) -> None:
    tracks = boxes.read_tracks(muxed[0])
    assert [(track.id, track.is_video) for track in tracks] == [(1, True), (2, False)]
    assert len(boxes.sample_descriptions(muxed[0])) == 2


def test_duration_is_set_and_length_kept(muxed: tuple[bytes, list[bytes]]) -> None:
    changed = boxes.set_duration(muxed[0], 12_345)
    assert len(changed) == len(muxed[0])
    assert boxes.sample_descriptions(changed) == boxes.sample_descriptions(muxed[0])
    assert changed != muxed[0]


@pytest.mark.parametrize("cut", [1, 4, 7, 9, 20, 60])
def test_truncated_is_refused(muxed: tuple[bytes, list[bytes]], cut: int) -> None:
    with pytest.raises(RecordingError):
        boxes.read_decode_times(muxed[1][0][:cut])


@pytest.mark.parametrize(
    "data", [struct.pack(">I4s", 4, b"moof"), struct.pack(">I4s", 99, b"moof"), struct.pack(">I4sQ", 1, b"moof", 5)]
)
def test_box_that_does_not_fit_is_refused(data: bytes) -> None:
    with pytest.raises(RecordingError):
        list(boxes.walk(data))


def test_init_without_tracks_is_refused() -> None:
    with pytest.raises(RecordingError):
        boxes.read_tracks(box(b"moov"))


@given(st.binary(max_size=200))
def test_noise_is_refused_or_empty(data: bytes) -> None:
    for read in (boxes.read_decode_times, boxes.read_end_times, boxes.sample_descriptions):
        with contextlib.suppress(RecordingError):
            read(data)


def test_every_flipped_byte_is_no_crash(muxed: tuple[bytes, list[bytes]], tmp_path: Path) -> None:
    assert tmp_path
    head = muxed[1][0][:300]
    size = struct.unpack_from(">I", head)[0]
    moof = muxed[1][0][:size]
    for place in range(len(moof)):
        broken = moof[:place] + bytes([moof[place] ^ 0xFF]) + moof[place + 1 :]
        with contextlib.suppress(RecordingError):
            boxes.read_end_times(broken)
            shifted(broken, {1: 5})
