"""NAL units, parameter sets and codec strings: real ones, cut ones, hostile ones."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import pytest

from tests.fakes.clips import make_clip, needs_h265, raw_packets
from vigilar.media.bitstream import (
    annex_b,
    codec_string,
    first_sps,
    has_whole_setup,
    nal_spans,
    parameter_sets,
    sample_pieces,
    setup_of_extradata,
)
from vigilar.media.packets import Kind, StreamInfo
from vigilar.media.sps import BadBitstream, parse_sps

# Of a GStreamer camera, 640x480 at 30 frames, and of one that crops 1088 lines to 1080.
SPS_480 = bytes.fromhex("6764001eacb30140 7b420000 0300020000 0300781e2c5cd0".replace(" ", ""))
PPS = bytes.fromhex("68e9705cb22c")
SETUP = annex_b([SPS_480, PPS])
KNOWN = frozenset(parameter_sets("h264", SETUP))


def info(codec: str, setup: bytes) -> StreamInfo:
    return StreamInfo(Kind.VIDEO, codec, Fraction(1, 90_000), setup)


def test_spans_skip_start_codes_and_padding() -> None:
    data = b"\0\0\0\1\x67abc\0\0\0\0\1\x68d\0\0\1\x65slice\0"
    assert [data[a:b] for a, b in nal_spans(data)] == [b"\x67abc", b"\x68d", b"\x65slice"]


@pytest.mark.parametrize("data", [b"", b"\0\0\1", b"\0\0\0\1", b"no start code", b"\0\0\1\0\0\1"])
def test_nothing_comes_of_nothing(data: bytes) -> None:
    assert list(nal_spans(data)) == []
    assert parameter_sets("h264", data) == []
    assert sample_pieces("h264", data, ()) == ([], 0)


def test_parameter_sets_end_at_first_slice() -> None:
    data = SETUP + b"\0\0\1\x65slice\0\0\1\x67behind"
    assert parameter_sets("h264", data) == [SPS_480, PPS]


def test_endless_parameter_sets_are_refused() -> None:
    with pytest.raises(BadBitstream):
        parameter_sets("h264", annex_b(b"\x67" + bytes([1, n]) for n in range(1, 200)))


def test_sample_has_lengths_and_no_parameter_sets() -> None:
    pieces, size = sample_pieces("h264", b"\0\0\0\1\x09\xf0" + SETUP + b"\0\0\1\x65slice\0\0\1\x65more", KNOWN)
    joined = b"".join(pieces)
    assert joined == b"\0\0\0\x06\x65slice\0\0\0\x05\x65more"
    assert size == len(joined)


def test_sample_holds_what_lies_between_the_start_codes() -> None:
    chosen = random.Random(7)
    for _ in range(2000):
        data = bytes(chosen.choices((0, 1, 3, 0x41, 0x65), (6, 3, 1, 1, 1), k=chosen.randrange(60)))
        nals = [data[begin:end] for begin, end in nal_spans(data)]
        pieces, _ = sample_pieces("h264", data, ())
        assert b"".join(pieces) == b"".join(len(nal).to_bytes(4, "big") + nal for nal in nals)


def test_size_and_codec_of_h264() -> None:
    sps = first_sps("h264", SETUP)
    assert (sps.width, sps.height) == (640, 480)
    assert codec_string(info("h264", SETUP)) == "avc1.64001e"


@needs_h265()
def test_size_and_codec_of_h265(tmp_path: Path) -> None:
    source, _ = raw_packets(make_clip(tmp_path / "clip.mp4", h265=True))
    source.close()
    sps = first_sps("hevc", source.streams[0].setup)
    assert (sps.width, sps.height) == (320, 180)
    assert codec_string(source.streams[0]).startswith("hvc1.1.6.L")


def test_every_cut_of_a_set_is_refused() -> None:
    """Not one prefix may be read past its end; only those that still hold the whole picture size may pass."""
    for length in range(1, 10):
        with pytest.raises(BadBitstream):
            parse_sps("h264", SPS_480[:length])


@pytest.mark.parametrize(
    ("sps", "has_fields"),
    [
        ("674d4015f40a19a1000003000100000300329f142aa0", True),  # of x264, 320x192, interlaced
        ("6742c00cda05066840000003004000000ca3c50aa8", False),
    ],
)
def test_fields_are_told_by_the_parameter_set(sps: str, has_fields: bool) -> None:
    facts = parse_sps("h264", bytes.fromhex(sps))
    assert (facts.width, facts.height, facts.has_fields) == (320, 192, has_fields)


def test_impossible_size_is_refused() -> None:
    with pytest.raises(BadBitstream):
        parse_sps("h264", b"\x67\x42\x00\x1e" + bytes([0b11010000]) + bytes(40))


def test_extradata_with_lying_length_is_refused() -> None:
    avcc = b"\1\x64\0\x1e\xff\xe1" + b"\xff\xff" + SPS_480
    with pytest.raises(BadBitstream):
        setup_of_extradata("h264", avcc)
    with pytest.raises(BadBitstream):
        setup_of_extradata("hevc", b"\1" * 10)


def test_extradata_of_any_form_gives_annex_b() -> None:
    avcc = b"\1\x64\0\x1e\xff\xe1" + len(SPS_480).to_bytes(2, "big") + SPS_480 + b"\1\0\x06" + PPS
    assert setup_of_extradata("h264", avcc) == SETUP
    assert setup_of_extradata("h264", SETUP) == SETUP
    assert setup_of_extradata("h264", b"") == b""


def test_setup_is_whole_with_all_sets() -> None:
    assert has_whole_setup("h264", SETUP)
    assert not has_whole_setup("h264", annex_b([SPS_480]))
    assert not has_whole_setup("hevc", b"")


def test_codec_of_aac() -> None:
    assert codec_string(StreamInfo(Kind.AUDIO, "aac", Fraction(1, 16_000), b"\x14\x08")) == "mp4a.40.2"
