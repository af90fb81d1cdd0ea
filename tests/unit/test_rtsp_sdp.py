"""Session descriptions: what cameras send, what hostile ones might, and the URLs that come of it."""

from __future__ import annotations

import base64
import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigilar.capture.rtsp.messages import MAX_BODY_BYTES, BadMessage
from vigilar.capture.rtsp.sdp import MAX_MEDIA, control_urls, decode_sets, microphones, parse_sdp, url_on

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
    assert (sound.encoding, sound.clock, sound.channels, sound.is_send_only) == ("PCMA", 8000, 1, False)
    assert speaker.is_send_only
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


@pytest.mark.parametrize("body", [b"", b"<html>", b"a=control:*\n", b"v=0\n" * MAX_BODY_BYTES])
def test_what_is_no_description_is_refused(body: bytes) -> None:
    with pytest.raises(BadMessage):
        parse_sdp(body)


@pytest.mark.parametrize(
    "head",
    ["", "v=1\n", "\ufeffv=0\n", "o=- \ns=\ns=twice\nc=IN\n", " v=0\n", "\0\nv=0\n", "t=0 0\nv=0\n", "v=0\ns=\n\n"],
)
def test_wrong_first_lines_do_not_matter(head: str) -> None:
    text = head + "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000 \na=control:trackID=0"
    media = parse_sdp(text.encode()).media[0]
    assert (media.encoding, media.clock, media.control) == ("H264", 90_000, "trackID=0")


ROOT = "rtsp://me:8554"


@pytest.mark.parametrize(
    ("base", "control", "expected"),
    [
        (f"{ROOT}/a/", "track1", f"{ROOT}/a/track1"),
        (f"{ROOT}/a", "track1", f"{ROOT}/a/track1"),
        (f"{ROOT}/a?x=1", "track1", f"{ROOT}/a?x=1/track1"),
        (f"{ROOT}/a", "*", f"{ROOT}/a"),
        (f"{ROOT}/a", "", f"{ROOT}/a"),
        (ROOT, "/media/1/video/1", f"{ROOT}/media/1/video/1"),
        (f"{ROOT}/", "/media/1/video/1", f"{ROOT}/media/1/video/1"),
        (f"{ROOT}/media/1", "/media/1/video/1", f"{ROOT}/media/1/video/1"),
        (f"{ROOT}/live/", "/track1", f"{ROOT}/live/track1"),
        (f"{ROOT}/mpeg4", "?ctype=video", f"{ROOT}/mpeg4?ctype=video"),
        (f"{ROOT}/a", "rtsp://evil:1/b/track1?x=y", f"{ROOT}/b/track1?x=y"),
        (f"{ROOT}/a", "RTSP://192.168.1.9", ROOT),
        (f"{ROOT}/a", "rtsp://user:pw@evil/b", f"{ROOT}/b"),
        (f"{ROOT}/a", "rtsp://[::1/b", f"{ROOT}/b"),
        (f"{ROOT}/a", "rtsp://", f"{ROOT}/a"),
    ],
)
def test_first_url_is_what_cameras_expect_and_on_our_host(base: str, control: str, expected: str) -> None:
    urls = control_urls([base], control, ROOT)
    assert urls[0] == expected
    assert all(url == ROOT or url.startswith((f"{ROOT}/", f"{ROOT}?")) for url in urls)


def test_other_readings_of_a_control_follow() -> None:
    assert control_urls([f"{ROOT}/a/b"], "/t", ROOT) == [f"{ROOT}/a/b/t", f"{ROOT}/t"]
    assert control_urls([f"{ROOT}/a?x=1"], "t", ROOT)[1] == f"{ROOT}/a/t?x=1"
    assert control_urls([f"{ROOT}/a/", f"{ROOT}/b"], "t", ROOT) == [f"{ROOT}/a/t", f"{ROOT}/b/t"]


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("rtsp://10.0.0.9/live/", f"{ROOT}/live/"),
        ("rtsp://rtsp://cam:554/stream1/", f"{ROOT}/stream1/"),
        ("rtsp://RTSP://rtsps://cam/x?y=1", f"{ROOT}/x?y=1"),
        ("cam:554/stream1/", f"{ROOT}/stream1/"),
        ("/stream1/", f"{ROOT}/stream1/"),
        ("rtsp://::ffff:192.0.2.7/onvif/profile.0/", f"{ROOT}/onvif/profile.0/"),
        ("rtsp://192.0.2.9", ROOT),
        ("rtsp://192.0.2.9?a=b/c", f"{ROOT}?a=b/c"),
        ("rtsp://", ""),
        ("rtsp://rtsp://", ""),
        ("", ""),
        ("rtsp://cam/a b", ""),
        ("rtsp://cam/" + "x" * 2000, ""),
    ],
)
def test_base_is_mended_or_ignored(base: str, expected: str) -> None:
    assert url_on(ROOT, base) == expected


def sounds(*sections: str) -> list[str]:
    text = "v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=sendonly\n" + "".join(sections)
    return [media.control for media in microphones(parse_sdp(text.encode()))]


def sound(control: str, mark: str = "") -> str:
    return f"m=audio 0 RTP/AVP 8\na=control:{control}\n" + (f"a={mark}\n" if mark else "")


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ([sound("mic", "sendonly")], ["mic"]),
        ([sound("mic", "recvonly")], ["mic"]),
        ([sound("mic", "recvonly"), sound("speaker", "sendonly")], ["mic"]),
        ([sound("speaker", "sendonly"), sound("mic")], ["mic"]),
        ([sound("a", "sendonly"), sound("b", "sendonly")], ["a", "b"]),
        ([sound("mic", "SendOnly".lower()), "m=application 0 RTP/AVP 107\n"], ["mic"]),
        ([], []),
    ],
)
def test_microphone_is_found_whoever_counts(sections: list[str], expected: list[str]) -> None:
    assert sounds(*sections) == expected


def test_format_under_the_wrong_payload_type_is_taken() -> None:
    text = "v=0\nm=audio 0 RTP/AVP 104\na=rtpmap:104 mpeg4-generic/16000/1\na=fmtp:97 mode=AAC-hbr;config=1408\n"
    assert parse_sdp(text.encode()).media[0].fmtp["config"] == "1408"


def test_format_in_the_section_of_another_stream_is_found() -> None:
    text = (
        "v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\nm=audio 0 RTP/AVP 8\n"
        "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z2QAH6w=,aO48gA==\n"
    )
    video, audio = parse_sdp(text.encode()).media
    assert video.fmtp["sprop-parameter-sets"] == "Z2QAH6w=,aO48gA=="
    assert audio.fmtp == {}


def test_two_streams_of_one_payload_type_keep_their_own_formats() -> None:
    text = "v=0\n" + "".join(f"m=video 0 RTP/AVP 96\na=fmtp:96 x={n}\n" for n in (1, 2))
    assert [media.fmtp["x"] for media in parse_sdp(text.encode()).media] == ["1", "2"]


@pytest.mark.parametrize(
    ("line", "encoding", "clock", "channels"),
    [
        ("11 PCM/48000", "PCM", 48_000, 1),
        ("11  L16 / 16000 / 2", "L16", 16_000, 2),
        ("11\tOPUS/48000/2 ", "OPUS", 48_000, 2),
    ],
)
def test_rtpmap_of_any_spacing_is_read(line: str, encoding: str, clock: int, channels: int) -> None:
    media = parse_sdp(f"v=0\nm=audio 0 RTP/AVP 11\na=rtpmap:{line}\n".encode()).media[0]
    assert (media.encoding, media.clock, media.channels) == (encoding, clock, channels)


@pytest.mark.parametrize(
    ("types", "rtpmaps", "found"),
    [
        ("96 97", ["97 H265/90000"], (97, "H265", 90_000)),
        ("35 98 96", ["98 H264/90000", "96 H265/90000"], (98, "H264", 90_000)),
        ("96 97", ["96 H264/90000", "97 H265/90000"], (96, "H264", 90_000)),
        ("", ["99 H264/90000"], (99, "H264", 90_000)),
        ("200", ["200 H264/90000", "100 h.264/90000"], (100, "H264", 90_000)),
        ("26 96", ["96 H264/90000"], (26, "JPEG", 90_000)),
        ("96", ["97 H264/90000"], (96, "", 0)),
    ],
)
def test_payload_type_is_the_first_that_says_what_it_is(
    types: str, rtpmaps: list[str], found: tuple[int, str, int]
) -> None:
    lines = "".join(f"a=rtpmap:{rtpmap}\n" for rtpmap in rtpmaps)
    media = parse_sdp(f"v=0\nm=video 0 RTP/AVP {types}\n{lines}".encode()).media[0]
    assert (media.payload_type, media.encoding, media.clock) == found


@pytest.mark.parametrize(("name", "encoding"), [("sprop-parameter-sets", "H264"), ("sprop-sps", "H265"), ("x", "")])
def test_picture_without_rtpmap_is_known_by_its_sets(name: str, encoding: str) -> None:
    text = f"v=0\nm=video 0 RTP/AVP 96\na=fmtp:96 {name}=Z2QAH6w=\n"
    assert parse_sdp(text.encode()).media[0].encoding == encoding


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("x-dimensions:704,480", (704, 480)),
        ("framesize:96 704-480", (704, 480)),
        ("cliprect:0,0,480,704", (704, 480)),
        ("x-dimensions:704", (0, 0)),
        ("x-dimensions:0,99999", (0, 0)),
        ("x-dimensions:" + "9" * 500, (0, 0)),
    ],
)
def test_size_beside_the_sets_is_read(line: str, size: tuple[int, int]) -> None:
    assert parse_sdp(described(line).encode()).media[0].size == size


START = b"\0\0\0\1"


@pytest.mark.parametrize("data", [START + b"gd\x1f", START[1:] + b"gd\x1f", START + b"gd\x1f\0\0", b"gd\x1f\0"])
def test_start_codes_in_a_description_are_taken_off(data: bytes) -> None:
    assert decode_sets(base64.b64encode(data).decode()) == [b"gd\x1f"]


def test_several_sets_in_one_word_are_parted() -> None:
    assert decode_sets(base64.b64encode(START + b"gd\x1f" + START + b"h\xee").decode()) == [b"gd\x1f", b"h\xee"]


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
def test_noise_as_control_is_some_url_of_ours(base: str, control: str) -> None:
    known = url_on(ROOT, base)
    assert not known or known.startswith(ROOT)
    assert all(url.startswith(ROOT) for url in control_urls([known or ROOT], control, ROOT))
    decode_sets(control)
