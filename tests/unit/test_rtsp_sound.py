"""Sound out of RTP: AAC in all its packings, raw codecs through an encoder, and what is left out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.rtp import rtp
from vigilar.capture.rtsp.sdp import Media, parse_sdp
from vigilar.capture.rtsp.sound import AacTrack, SoundTrack, make_sound_track
from vigilar.capture.rtsp.timeline import Timeline
from vigilar.media.audio import SoundEncoder
from vigilar.media.packets import EncodedSound, Kind, RawPacket, SoundRefused, StreamInfo

AAC = "mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408"


class Coder:
    """Takes notes."""

    def __init__(self, codec: str, sample_rate: int, channels: int, setup: bytes) -> None:
        if channels > 2:
            raise SoundRefused("too many")
        self.info = StreamInfo(Kind.AUDIO, "aac", Fraction(1, sample_rate), b"", sample_rate=sample_rate)
        self.codec, self.is_closed = codec, False

    def encode(self, data: bytes, pts: int) -> Iterator[EncodedSound]:
        yield EncodedSound(self.codec.encode() + data, pts)

    def close(self) -> None:
        self.is_closed = True


def media(rtpmap: str, fmtp: str = "") -> Media:
    text = f"v=0\nm=audio 0 RTP/AVP 97\na=rtpmap:97 {rtpmap}\n" + (f"a=fmtp:97 {fmtp}\n" if fmtp else "")
    return parse_sdp(text.encode()).media[0]


def opened(what: Media) -> tuple[SoundTrack | None, list[RawPacket]]:
    line = Timeline(90_000, what.clock, lambda: 5.0)
    line.video_ticks(0)
    out: list[RawPacket] = []
    return make_sound_track(what, line, out, Coder), out


def give(track: SoundTrack, payload: bytes, stamp: int, *, marker: bool = True, payload_type: int = 97) -> None:
    packet = rtp(payload, 1, stamp, marker=marker, payload_type=payload_type)
    track.add(bytearray(packet), 0, len(packet))


def aac_payload(*units: bytes, size: int | None = None) -> bytes:
    headers = b"".join(((size or len(unit)) << 3).to_bytes(2, "big") for unit in units)
    return (len(headers) * 8).to_bytes(2, "big") + headers + b"".join(units)


def aac() -> tuple[AacTrack, list[RawPacket]]:
    track, out = opened(media("MPEG4-GENERIC/16000/1", AAC))
    assert isinstance(track, AacTrack)
    return track, out


def test_aac_is_described() -> None:
    track, _ = aac()
    info = track.info
    assert (info.codec, info.setup, info.sample_rate, info.channels) == ("aac", b"\x14\x08", 16_000, 1)


@pytest.mark.parametrize(
    ("rtpmap", "fmtp", "setup"),
    [
        ("MPEG4-GENERIC/8000", "mode=AAC-hbr", "1588"),  # AAC-LC, 8 kHz, one channel
        ("mpeg4-generic/44100/2", "", "1210"),
        ("MPEG4-GENERIC/16000", "config=0x1408", "1408"),
        ("MPEG4-GENERIC/16000", 'config="1408"', "1408"),
    ],
)
def test_aac_without_a_set_up_is_the_usual_one(rtpmap: str, fmtp: str, setup: str) -> None:
    track, out = opened(media(rtpmap, fmtp))
    assert track is not None
    assert track.info.setup.hex() == setup
    give(track, aac_payload(b"sound"), 1024)
    assert [raw.data for raw in out] == [b"sound"]


@pytest.mark.parametrize(
    ("fmtp", "head"),
    [
        ("mode=AAC-lbr", "0008 14"),  # 6 bits of size, 2 of index (RFC 3640 3.3.5)
        ("mode=AAC-lbr;sizelength=6;indexlength=2;indexdeltalength=2", "0008 14"),
        ("mode=AAC-hbr;sizelength=16;indexlength=0;indexdeltalength=0", "0010 0005"),
        ("mode=AAC-hbr;sizelength=11;indexlength=5", "0010 00a0"),
        ("mode=AAC-hbr", "0002 0028"),  # how many bytes the headers have, in the place of bits
        ("mode=AAC-lbr", "0001 14"),
    ],
)
def test_aac_sizes_of_any_width_are_read(fmtp: str, head: str) -> None:
    track, out = opened(media("MPEG4-GENERIC/16000/1", f"{fmtp};config=1408"))
    assert track is not None
    give(track, bytes.fromhex(head) + b"sound", 50)
    assert [raw.data for raw in out] == [b"sound"]


def test_aac_units_of_a_packet_are_1024_samples_apart() -> None:
    track, out = aac()
    give(track, aac_payload(b"one", b"three", b"x"), 50)
    assert [(raw.data, raw.pts, raw.duration) for raw in out] == [
        (b"one", 0, 1024),
        (b"three", 1024, 1024),
        (b"x", 2048, 1024),
    ]


def test_aac_unit_over_several_packets_is_joined() -> None:
    track, out = aac()
    give(track, aac_payload(b"abc", size=8), 50, marker=False)
    give(track, aac_payload(b"def", size=8), 50, marker=False)
    give(track, aac_payload(b"gh", size=8), 50)
    give(track, aac_payload(b"next"), 1074)
    assert [(raw.data, raw.pts) for raw in out] == [(b"abcdefgh", 0), (b"next", 1024)]


def test_aac_unit_with_a_lost_part_is_left_out() -> None:
    track, out = aac()
    give(track, aac_payload(b"abc", size=8), 50, marker=False)
    give(track, aac_payload(b"next", size=9), 1074, marker=False)
    give(track, aac_payload(b"third"), 2098)
    assert [raw.data for raw in out] == [b"third"]


@pytest.mark.parametrize("payload", [b"", b"\0", b"\0\x10", b"\xff\xff\0\0", b"\0\x10\0\0", b"\0\0abc"])
def test_odd_aac_payload_gives_nothing(payload: bytes) -> None:
    track, out = aac()
    give(track, payload, 0)
    assert out == []


@pytest.mark.parametrize(
    ("rtpmap", "fmtp"),
    [
        ("MPEG4-GENERIC/17000", ""),
        ("MPEG4-GENERIC/16000", "config=14"),
        ("MPEG4-GENERIC/16000", "config=xyz0"),
        ("MPEG4-GENERIC/16000", AAC + ";sizelength=0"),
        ("MPEG4-GENERIC/16000", AAC + ";sizelength=99"),
        ("MPEG4-GENERIC/x", AAC),
        ("MP4A-LATM/16001", ""),
        ("L16/0", ""),
        ("L16/8000/8", ""),
        ("", ""),
    ],
)
def test_sound_that_cannot_be_had_is_left_out_with_one_warning(
    rtpmap: str, fmtp: str, caplog: pytest.LogCaptureFixture
) -> None:
    track, _ = opened(media(rtpmap, fmtp))
    assert track is None
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("rtpmap", "codec", "rate", "step"),
    [
        ("PCMA/8000", "pcm_alaw", 8000, 160),
        ("pcmu/8000/1", "pcm_mulaw", 8000, 160),
        ("G722/8000", "adpcm_g722", 16_000, 320),
        ("opus/48000/2", "opus", 48_000, 160),
        ("L16/44100/2", "pcm_s16be", 44_100, 160),
        ("L24/48000/2", "pcm_s24be", 48_000, 160),
        ("G722/16000", "adpcm_g722", 16_000, 160),
        ("PCMU", "pcm_mulaw", 8000, 160),
        ("PCMA/0", "pcm_alaw", 8000, 160),
        ("OPUS", "opus", 48_000, 160),
        ("G711A/8000", "pcm_alaw", 8000, 160),
        ("G.711U/8000", "pcm_mulaw", 8000, 160),
        ("G.726-32/8000", "g726le", 8000, 160),
        ("G726/8000", "g726le", 8000, 160),
    ],
)
def test_raw_sound_goes_through_the_encoder(rtpmap: str, codec: str, rate: int, step: int) -> None:
    track, out = opened(media(rtpmap))
    assert track is not None
    give(track, b"a", 4_294_967_290)
    give(track, b"b", 154)
    give(track, b"c", 314, payload_type=96)
    track.close()
    assert track.info.sample_rate == rate
    assert [(raw.data, raw.pts) for raw in out] == [(codec.encode() + b"a", 0), (codec.encode() + b"b", step)]


@given(st.binary(max_size=60), st.integers(0, 32), st.integers(0, 32))
def test_noise_raises_nothing(noise: bytes, size: int, index: int) -> None:
    what = media("MPEG4-GENERIC/16000/1", f"{AAC};sizelength={size or 1};indexlength={index}")
    track, _ = opened(what)
    assert track is not None
    give(track, noise, 0)
    track.add(bytearray(noise), 0, len(noise))


@pytest.mark.parametrize(
    ("codec", "rate", "channels"), [("none", 8000, 1), ("adpcm_g726", 8000, 1), ("pcm_alaw", -1, 1)]
)
def test_encoder_refuses_with_an_error_of_ours(codec: str, rate: int, channels: int) -> None:
    with pytest.raises(SoundRefused):
        SoundEncoder(codec, rate, channels)


def test_encoder_counts_what_it_cannot_decode() -> None:
    encoder = SoundEncoder("opus", 48_000, 2)
    assert [unit for n in range(5) for unit in encoder.encode(b"\xff\xff\xff\xff", n * 960)] == []
    assert encoder.errors == 5
    encoder.close()


# ADTS, LATM, G.726


def adts(unit: bytes, *, rate_index: int = 8, channels: int = 1, has_checksum: bool = False) -> bytes:
    size = 7 + 2 * has_checksum + len(unit)
    head = bytes(
        (0xFF, 0xF0 | (not has_checksum), 1 << 6 | rate_index << 2 | channels >> 2, (channels & 3) << 6 | size >> 11)
    )
    return head + bytes((size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC)) + b"cc" * has_checksum + unit


@pytest.mark.parametrize("has_checksum", [False, True])
def test_adts_inside_of_access_units_is_cut_off(has_checksum: bool) -> None:
    track, out = aac()
    give(track, aac_payload(adts(b"one", has_checksum=has_checksum), adts(b"two")), 50)
    assert [(raw.data, raw.pts) for raw in out] == [(b"one", 0), (b"two", 1024)]


def test_adts_straight_in_rtp_is_taken_apart() -> None:
    track, out = aac()
    give(track, adts(b"one") + adts(b"two"), 50)
    long = adts(b"three" * 20)
    give(track, long[:40], 2098, marker=False)
    give(track, long[40:], 2098)
    assert [(raw.data, raw.pts) for raw in out] == [(b"one", 0), (b"two", 1024), (b"three" * 20, 2048)]


def test_adts_of_another_format_is_left_out_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    track, out = aac()
    for number in range(3):
        give(track, aac_payload(adts(b"one", rate_index=4)), 50 + 1024 * number)
    assert out == []
    assert len(caplog.records) == 1


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_noise_as_aac_raises_nothing(payloads: list[bytes]) -> None:
    track, _ = aac()
    for number, payload in enumerate(payloads):
        give(track, payload, number * 1024)
        give(track, b"\xff\xf1" + payload, number * 1024)


def test_clock_that_is_not_the_rate_of_the_set_up() -> None:
    """A unit of 16 kHz lasts 512 ticks of a clock that says 8000."""
    track, out = opened(media("MPEG4-GENERIC/8000/1", AAC))
    assert track is not None
    give(track, aac_payload(b"one", b"two"), 50)
    assert [(raw.pts, raw.duration) for raw in out] == [(0, 512), (512, 512)]
    assert track.info.sample_rate == 16_000


LATM = "cpresent=0;object=2;config=400028103fc0"
"""One programme of AAC-LC, 16 kHz, one channel."""


def test_latm_is_taken_apart() -> None:
    track, out = opened(media("MP4A-LATM/16000", LATM))
    assert track is not None
    assert (track.info.codec, track.info.setup, track.info.channels) == ("aac", b"\x14\x08", 1)
    long = b"x" * 300
    give(track, b"\x03one", 50)
    whole = b"\xff\x2d" + long
    give(track, whole[:100], 1074, marker=False)
    give(track, whole[100:], 1074)
    assert [(raw.data, raw.pts) for raw in out] == [(b"one", 0), (long, 1024)]


@pytest.mark.parametrize("fmtp", ["cpresent=0", "cpresent=0;config=ff", "cpresent=0;config=40"])
def test_latm_that_cannot_be_had_is_left_out(fmtp: str) -> None:
    assert opened(media("MP4A-LATM/16000", fmtp))[0] is None


def in_band(units: list[bytes], setup: bytes, rate: int) -> list[bytes]:
    """Elements with their set-up, as libav's LATM muxer makes them: without the sync word, which RTP does not have."""
    sink = io.BytesIO()
    out: Any
    with av.open(sink, "w", format="latm") as out:
        stream = out.add_stream("aac", rate=rate, layout="mono")
        stream.codec_context.extradata = setup
        for number, unit in enumerate(units):
            packet = av.Packet(unit)
            packet.stream, packet.time_base = stream, Fraction(1, rate)
            packet.pts = packet.dts = number * 1024
            out.mux(packet)
    data, elements = sink.getvalue(), []
    while data:
        size = int.from_bytes(data[1:3], "big") & 0x1FFF
        elements.append(data[3 : 3 + size])
        data = data[3 + size :]
    return elements


UNITS = [bytes((0x01, 0x40)) + bytes((number,)) * (180 + 40 * number) for number in range(5)]


@pytest.mark.parametrize("fmtp", ["cpresent=1", "", "cpresent=1;config=400028103fc0"])
def test_latm_with_its_set_up_in_band_is_taken_apart(fmtp: str) -> None:
    track, out = opened(media("MP4A-LATM/16000", fmtp))
    assert track is not None
    assert track.is_guessed == ("config" not in fmtp)
    for number, element in enumerate(in_band(UNITS, b"\x14\x08", 16_000)):
        give(track, element[:50], 50 + 1024 * number, marker=False)
        give(track, element[50:], 50 + 1024 * number)
    assert [raw.data for raw in out] == UNITS
    assert [raw.pts for raw in out] == [1024 * number for number in range(5)]
    assert not track.is_guessed


def test_set_up_in_band_counts_more_than_the_description() -> None:
    """The clock may be another than the rate."""
    track, out = opened(media("MP4A-LATM/48000/2"))
    assert track is not None
    for number, element in enumerate(in_band(UNITS, b"\x14\x08", 16_000)):
        give(track, element, 50 + 3072 * number)
    assert (track.info.sample_rate, track.info.channels, track.info.setup) == (16_000, 1, b"\x14\x08")
    assert [raw.duration for raw in out] == [3072] * 5


def test_set_up_in_band_that_changes_leaves_the_sound_out(caplog: pytest.LogCaptureFixture) -> None:
    track, out = opened(media("MP4A-LATM/16000", "cpresent=1"))
    assert track is not None
    give(track, in_band(UNITS[:1], b"\x14\x08", 16_000)[0], 50)
    for number, element in enumerate(in_band(UNITS, b"\x11\x88", 48_000)):
        give(track, element, 1074 + 1024 * number)
    give(track, in_band(UNITS[1:2], b"\x14\x08", 16_000)[0], 9000)
    assert [raw.data for raw in out] == UNITS[:2]
    assert len(caplog.records) == 1


@given(st.binary(max_size=12), st.binary(max_size=60))
def test_noise_as_latm_in_band_raises_nothing(config: bytes, payload: bytes) -> None:
    for fmtp in ("cpresent=1", f"cpresent=1;config={config.hex()}"):
        track, _ = opened(media("MP4A-LATM/16000", fmtp))
        if track is not None:
            give(track, payload, 0)
            give(track, config, 1024)


@given(st.binary(max_size=12), st.binary(max_size=60))
def test_noise_as_latm_raises_nothing(config: bytes, payload: bytes) -> None:
    track, _ = opened(media("MP4A-LATM/16000", f"cpresent=0;config={config.hex()}"))
    if track is not None:
        give(track, payload, 0)


@pytest.mark.parametrize("encoding", ["G726-16", "G726-24", "G726-32", "G726-40", "AAL2-G726-32", "PCM", "L16", "L8"])
def test_raw_sound_becomes_aac_of_its_length(encoding: str) -> None:
    what = media(f"{encoding}/8000")
    line = Timeline(90_000, what.clock, lambda: 5.0)
    line.video_ticks(0)
    out: list[RawPacket] = []
    track = make_sound_track(what, line, out, SoundEncoder)
    assert track is not None
    bits = {"PCM": 16, "L16": 16, "L8": 8}.get(encoding) or int(encoding[-2:]) // 8
    for number in range(100):
        give(track, bytes(20 * bits), number * 160)
    track.close()
    assert 12 <= len(out) <= 16  # two seconds of 128 ms each, less what waits
