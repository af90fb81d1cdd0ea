"""Addresses, requests, answers and their headers: tables, edges, prefixes, and noise."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigilar.capture.rtsp.address import BadAddress, parse_address
from vigilar.capture.rtsp.messages import (
    MAX_BODY_BYTES,
    BadMessage,
    body_bytes,
    dump_request,
    head_end,
    parse_channels,
    parse_head,
    parse_rtp_times,
    parse_session,
)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rtsp://cam/live", ("cam", 554, "rtsp://cam/live", "", "")),
        ("rtsp://cam", ("cam", 554, "rtsp://cam", "", "")),
        ("RTSP://Cam:8554/Live?a=1&b=2", ("cam", 8554, "rtsp://Cam:8554/Live?a=1&b=2", "", "")),
        ("rtsp://admin:p%40ss%3Aw%2Frd@10.0.0.7/a", ("10.0.0.7", 554, "rtsp://10.0.0.7/a", "admin", "p@ss:w/rd")),
        ("rtsp://a%3Ab:@10.0.0.7/", ("10.0.0.7", 554, "rtsp://10.0.0.7/", "a:b", "")),
        ("rtsp://user@10.0.0.7/", ("10.0.0.7", 554, "rtsp://10.0.0.7/", "user", "")),
        ("rtsp://u:p@[fe80::1]:555/x", ("fe80::1", 555, "rtsp://[fe80::1]:555/x", "u", "p")),
        ("rtsp://u:p@[::1]/x", ("::1", 554, "rtsp://[::1]/x", "u", "p")),
        ("rtsp://cam/a#b%20c", ("cam", 554, "rtsp://cam/a#b%20c", "", "")),
    ],
)
def test_address_is_taken_apart(url: str, expected: tuple[str, int, str, str, str]) -> None:
    address = parse_address(url)
    assert (address.host, address.port, address.url, address.user, address.password) == expected
    assert "p@ss" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "rtsp:",
        "rtsp://",
        "http://cam/",
        "rtsps://cam/",
        "rtsp://cam:0/",
        "rtsp://cam:70000/",
        "rtsp://cam:x/",
        "rtsp://[::1/",
        "rtsp://cam/a b",
        "rtsp://cam/\r\nX: y",
        "rtsp://cam/\x00",
        "rtsp://:8554/",
        "rtsp://u:p@/",
    ],
)
def test_bad_address_is_refused(url: str) -> None:
    with pytest.raises(BadAddress):
        parse_address(url)


@given(st.text(max_size=60))
def test_noise_as_address_raises_only_its_error(text: str) -> None:
    for url in (text, "rtsp://" + text):
        with contextlib.suppress(BadAddress):
            assert parse_address(url).host


ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nPublic: A\r\npublic :  B \r\nContent-Length: 4\r\n\r\nbody"


def test_answer_is_parsed() -> None:
    end = head_end(ANSWER, 0, len(ANSWER))
    response = parse_head(ANSWER[:end])
    assert (response.status, response.find("cseq"), response.find("none")) == (200, "3", None)
    assert response.fields["public"] == ["A", "B"]
    assert (ANSWER[end:], body_bytes(response)) == (b"body", 4)


def test_every_prefix_of_a_head_is_not_whole() -> None:
    end = ANSWER.index(b"\r\n\r\n") + 4
    assert [head_end(ANSWER, 0, cut) for cut in range(end)] == [-1] * end


def test_lines_that_end_with_lf_alone_are_taken() -> None:
    head = b"RTSP/1.0 404 No\nCSeq: 1\n\n"
    assert head_end(head, 0, len(head)) == len(head)
    assert parse_head(head).find("cseq") == "1"


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK", b"RTSP/1.0", b"RTSP/1.0 20", b"RTSP/1.0 2x0 OK", b"SSH-2.0-x"]
)
def test_what_is_no_rtsp_is_refused(head: bytes) -> None:
    with pytest.raises(BadMessage):
        parse_head(head)


@pytest.mark.parametrize("value", ["-1", "1e3", "x", "٣", str(MAX_BODY_BYTES + 1), "9" * 400])
def test_unbelievable_length_is_refused(value: str) -> None:
    with pytest.raises(BadMessage):
        body_bytes(
            parse_head(f"RTSP/1.0 200 OK\r\nContent-Length: {value}".encode().decode("latin-1").encode("latin-1"))
        )


def test_request_is_dumped() -> None:
    expected = b"PLAY rtsp://c/ RTSP/1.0\r\nCSeq: 4\r\nUser-Agent: Vigilar\r\nSession: 7\r\n\r\n"
    assert dump_request("PLAY", "rtsp://c/", 4, [("Session", "7")]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12345678", ("12345678", 60.0)),
        ("a; timeout=30", ("a", 30.0)),
        ("a;Timeout=5;x=y", ("a", 5.0)),
        ("a;timeout=0", ("a", 60.0)),
        ("a;timeout=x", ("a", 60.0)),
        ("a;timeout=99999999", ("a", 60.0)),
    ],
)
def test_session_header_is_parsed(text: str, expected: tuple[str, float]) -> None:
    assert parse_session(text) == expected


@pytest.mark.parametrize("text", ["", ";timeout=3", "a\tb", "x" * 600, "é"])
def test_session_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        parse_session(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=4-5", (4, 5)),
        ("RTP/AVP/TCP;interleaved=6;ssrc=1", (6, 7)),
        ("RTP/AVP/TCP; Interleaved=8-11", (8, 11)),
        ("RTP/AVP/TCP;interleaved=300-301", (2, 3)),
        ("RTP/AVP/TCP;interleaved=x", (2, 3)),
        ("", (2, 3)),
    ],
)
def test_channels_are_those_the_camera_gives(text: str, expected: tuple[int, int]) -> None:
    assert parse_channels(text, 2) == expected


def test_rtp_times_are_parsed() -> None:
    text = "url=rtsp://c/t1;seq=1;rtptime=4294967295, url=rtsp://c/t2;seq=2 ,url=t3;rtptime=x,url=t4;rtptime=0"
    assert parse_rtp_times(text) == [("rtsp://c/t1", 0xFFFFFFFF), ("t4", 0)]


@given(st.binary(max_size=200))
def test_noise_as_answer_raises_only_its_error(noise: bytes) -> None:
    with contextlib.suppress(BadMessage):
        body_bytes(parse_head(noise))
    with contextlib.suppress(BadMessage):
        response = parse_head(b"RTSP/1.0 200 OK\r\n" + noise)
        body_bytes(response)


@given(st.text(max_size=80))
def test_noise_in_headers_raises_only_its_error(text: str) -> None:
    parse_rtp_times(text)
    parse_channels(text, 0)
    with contextlib.suppress(BadMessage):
        parse_session(text)
