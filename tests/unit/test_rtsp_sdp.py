"""Session descriptions: what cameras send, what hostile ones might, and the URLs that come of it."""

from __future__ import annotations

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigilar.capture.rtsp.messages import MAX_BODY_BYTES, BadMessage
from vigilar.capture.rtsp.sdp import MAX_MEDIA, control_url, decode_sets, parse_sdp

CAMERA = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=Media
a=control:rtsp://10.0.0.7/live/
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1; profile-level-id=64001F; sprop-parameter-sets=Z2QAH6w=,aO48gA==
a=fmtp:97 other=1
a=framerate:12.5
a=control:trackID=1
m=audio 0 RTP/AVP 8
a=control:trackID=2
m=audio 0 RTP/AVP 0
a=sendonly
a=control:trackID=3
m=application 0 RTP/AVP 107
a=rtpmap:107 vnd.onvif.metadata/90000
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_description_is_parsed(ending: str) -> None:
    found = parse_sdp(CAMERA.replace("\n", ending).encode())
    assert found.control == "rtsp://10.0.0.7/live/"
    video, sound, speaker, facts = found.media
    assert (video.kind, video.payload_type, video.encoding, video.clock) == ("video", 96, "H264", 90_000)
    assert (video.rate, video.control) == (Fraction(25, 2), "trackID=1")
    assert video.fmtp["sprop-parameter-sets"] == "Z2QAH6w=,aO48gA=="
    assert "other" not in video.fmtp
    assert (sound.encoding, sound.clock, sound.channels, sound.is_sent) == ("PCMA", 8000, 1, True)
    assert not speaker.is_sent
    assert facts.kind == "application"


def described(*attributes: str) -> str:
    return "v=0\nm=video 0 RTP/AVP 96\n" + "\n".join(f"a={attribute}" for attribute in attributes)


@pytest.mark.parametrize("text", ["0", "-1", "1e9", "1/0", "nan", "inf", "241", "x", "", "1" * 500, "１２٣x"])
def test_unbelievable_frame_rate_is_none(text: str) -> None:
    assert parse_sdp(described(f"framerate:{text}").encode()).media[0].rate is None


@pytest.mark.parametrize("text", ["96 H264", "96 H264/x", "96 H264/99999999", "97 H264/90000", "96", "", "96 /90000"])
def test_odd_rtpmap_gives_no_clock(text: str) -> None:
    assert parse_sdp(described(f"rtpmap:{text}").encode()).media[0].clock == 0


def test_encoding_cannot_hold_a_line_or_a_novel() -> None:
    media = parse_sdp(described("rtpmap:96 A<b>\x1b\u2028" + "x" * 500 + "/90000").encode()).media[0]
    assert media.encoding == "AB" + "X" * 14


@pytest.mark.parametrize("control", ["a b", "a\tb", "é", "x" * 2000, "a\x7f"])
def test_control_that_could_be_a_header_is_dropped(control: str) -> None:
    assert parse_sdp(described(f"control:{control}").encode()).media[0].control == ""


@pytest.mark.parametrize("line", ["m=", "m=video", "m=video 0 RTP/AVP", "m=video 0 RTP/AVP x", "m=video 0 RTP/AVP 128"])
def test_stream_without_payload_type_has_none(line: str) -> None:
    assert parse_sdp(f"v=0\n{line}".encode()).media[0].payload_type == -1


def test_streams_are_counted() -> None:
    assert len(parse_sdp(b"v=0\n" + b"m=video 0 RTP/AVP 96\n" * 500).media) == MAX_MEDIA


@pytest.mark.parametrize("body", [b"", b"<html>", b"m=video 0 RTP/AVP 96", b"v=0\n" * MAX_BODY_BYTES])
def test_what_is_no_description_is_refused(body: bytes) -> None:
    with pytest.raises(BadMessage):
        parse_sdp(body)


@pytest.mark.parametrize(
    ("base", "control", "expected"),
    [
        ("rtsp://h/a/", "track1", "rtsp://h/a/track1"),
        ("rtsp://h/a", "track1", "rtsp://h/a/track1"),
        ("rtsp://h/a?x=1", "track1", "rtsp://h/a?x=1/track1"),
        ("rtsp://h/a", "*", "rtsp://h/a"),
        ("rtsp://h/a", "", "rtsp://h/a"),
        ("rtsp://h/a", "rtsp://evil:1/b/track1?x=y", "rtsp://me:8554/b/track1?x=y"),
        ("rtsp://h/a", "RTSP://192.168.1.9", "rtsp://me:8554"),
        ("rtsp://h/a", "rtsp://user:pw@evil/b", "rtsp://me:8554/b"),
        ("rtsp://h/a", "rtsp://[::1/b", "rtsp://h/a"),
    ],
)
def test_control_url_stays_on_our_host(base: str, control: str, expected: str) -> None:
    assert control_url(base, control, "me:8554") == expected


def test_parameter_sets_are_decoded() -> None:
    assert decode_sets("Z2QAH6w=, aO48gA , !!, ,=") == [b"gd\x00\x1f\xac", b"h\xee<\x80"]


@given(st.binary(max_size=300))
def test_noise_as_description_raises_only_its_error(noise: bytes) -> None:
    with contextlib.suppress(BadMessage):
        parse_sdp(noise)
    parse_sdp(CAMERA.encode() + noise)


@given(st.lists(st.tuples(st.sampled_from(["rtpmap", "fmtp", "control", "framerate", "x"]), st.text(max_size=30))))
def test_noise_as_attributes_is_left_out(pairs: list[tuple[str, str]]) -> None:
    parse_sdp(described(*(f"{name}:{text}" for name, text in pairs)).encode("utf-8", "replace"))


@given(st.text(max_size=60), st.text(max_size=60))
def test_noise_as_control_is_some_url(base: str, control: str) -> None:
    assert isinstance(control_url(base, control, "h"), str)
    decode_sets(control)
