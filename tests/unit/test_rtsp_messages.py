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
    Transport,
    body_bytes,
    dump_request,
    head_end,
    parse_head,
    parse_rtp_times,
    parse_session,
    parse_transport,
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
        ("rtsps://cam/live", ("cam", 322, "rtsps://cam/live", "", "")),
        ("rtsps://u:p@cam:8322/", ("cam", 8322, "rtsps://cam:8322/", "u", "p")),
        ("rtsp://admin:p%edge1@192.0.2.4/s", ("192.0.2.4", 554, "rtsp://192.0.2.4/s", "admin", "p%edge1")),
        ("rtsp://admin:50%off@192.0.2.4/s", ("192.0.2.4", 554, "rtsp://192.0.2.4/s", "admin", "50%off")),
        ("rtsp://admin:p#1/2?x@192.0.2.4/s", ("192.0.2.4", 554, "rtsp://192.0.2.4/s", "admin", "p#1/2?x")),
        ("rtsp://admin:12/34@192.0.2.4/s", ("192.0.2.4", 554, "rtsp://192.0.2.4/s", "admin", "12/34")),
        ("rtsp://admin:ü ß@192.0.2.4/s", ("192.0.2.4", 554, "rtsp://192.0.2.4/s", "admin", "ü ß")),
        ("rtsp://admin:%C3%BC%20%C3%9F@192.0.2.4/s", ("192.0.2.4", 554, "rtsp://192.0.2.4/s", "admin", "ü ß")),
        ("rtsp://cam/a#b%20c", ("cam", 554, "rtsp://cam/a#b%20c", "", "")),
    ],
)
def test_address_is_taken_apart(url: str, expected: tuple[str, int, str, str, str]) -> None:
    address = parse_address(url)
    assert (address.host, address.port, address.url, address.user, address.password) == expected
    assert "p@ss" not in repr(address)


@pytest.mark.parametrize(
    ("login", "password", "other"),
    [
        ("u:a%40b", "a@b", "a%40b"),
        ("u:a%2540b", "a%40b", "a@b"),
        ("u:plain", "plain", None),
        ("u:50%off", "50%off", None),
        ("u:p%edge1", "p%edge1", None),
        ("u", "", None),
    ],
)
def test_password_that_can_be_read_twice_has_another(login: str, password: str, other: str | None) -> None:
    address = parse_address(f"rtsp://{login}@192.0.2.4/s")
    assert (address.password, address.other_password) == (password, other)
    assert "@b" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "rtsp:",
        "rtsp://",
        "ftp://cam/",
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


def length_of(value: str) -> int:
    return body_bytes(parse_head(f"RTSP/1.0 200 OK\r\nContent-Length: {value}".encode()))


@pytest.mark.parametrize("value", [str(MAX_BODY_BYTES + 1), "9" * 400])
def test_unbelievable_length_is_refused(value: str) -> None:
    with pytest.raises(BadMessage):
        length_of(value)


@pytest.mark.parametrize(
    ("value", "length"), [("-1", 0), ("x", 0), ("٣", 0), ("", 0), ("7 bytes", 7), ("7;", 7), ("007", 7)]
)
def test_length_is_what_begins_as_a_number(value: str, length: int) -> None:
    assert length_of(value) == length


def test_request_is_dumped() -> None:
    expected = b"PLAY rtsp://c/ RTSP/1.0\r\nCSeq: 4\r\nUser-Agent: Vigilar\r\nSession: 7\r\n\r\n"
    assert dump_request("PLAY", "rtsp://c/", 4, [("Session", "7")]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12345678", ("12345678", None)),
        ("a; timeout=30", ("a", 30.0)),
        ("a;Timeout=5;x=y", ("a", 5.0)),
        ("11; Timeout = 30 ", ("11", 30.0)),
        ("a;timeout=0", ("a", None)),
        ("a;timeout=x", ("a", None)),
        ("a;timeout=99999999", ("a", None)),
        ("", ("", None)),
        (";timeout=3", ("", 3.0)),
        ("a\tb", ("", None)),
        ("x" * 600, ("", None)),
        ("é", ("", None)),
    ],
)
def test_session_header_is_parsed(text: str, expected: tuple[str, float | None]) -> None:
    assert parse_session(text) == expected


@pytest.mark.parametrize(
    ("text", "channels", "ports", "ssrc"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=4-5", (4, 5), None, None),
        ("RTP/AVP/TCP;interleaved=6;ssrc=1", (6, 7), None, b"\0\0\0\1"),
        ("ssrc=0xDEADBEEF;RTP/AVP/TCP; Interleaved = 8-11", (8, 11), None, b"\xde\xad\xbe\xef"),
        ("RTP/AVP/TCP;interleaved=300-301;ssrc=xyz", None, None, None),
        ("RTP/AVP/TCP;interleaved=x;ssrc= 12 ", None, None, b"\0\0\0\x12"),
        ("RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001", None, (6000, 6001), None),
        ("RTP/AVP;server_port=6000", None, (6000, 6001), None),
        ("RTP/AVP;server_port=0-1", None, None, None),
        ("RTP/AVP;server_port=65535-65536;ssrc=123456789", None, None, None),
        ("RTP/AVP/TCP;interleaved=2-3,RTP/AVP/TCP;interleaved=4-5", (2, 3), None, None),
        ("", None, None, None),
    ],
)
def test_transport_header_is_parsed(
    text: str, channels: tuple[int, int] | None, ports: tuple[int, int] | None, ssrc: bytes | None
) -> None:
    assert parse_transport(text) == Transport(channels, ports, ssrc)


@pytest.mark.parametrize("text", ["RTP/AVP;source=192.0.2.7", 'RTP/AVP; Source = "192.0.2.7" ;server_port=1-2'])
def test_source_in_a_transport_header_is_parsed(text: str) -> None:
    assert parse_transport(text).source == "192.0.2.7"


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
    parse_transport(text)
    name, timeout_s = parse_session(text)
    assert name.isprintable()
    assert timeout_s is None or timeout_s > 0
