"""The bytes between a camera process and the web process."""

from __future__ import annotations

import struct

import pytest

from vigilar.live import wire
from vigilar.live.wire import Answer, FeedProblem, InitSegment, Jpeg, LiveFragment, Request, RunHeader, Skipped
from vigilar.media.packets import Fragment

FRAGMENT = Fragment((b"moof ", b"mdat"), True, 90_000, 40, 1_770_000_000_000_000_000, 5)


def parsed(message: bytes) -> Answer:
    size, kind = wire.HEAD.unpack_from(message)
    payload = message[wire.HEAD.size :]
    assert len(payload) == size
    return wire.parse_answer(kind, payload)


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (wire.dump_header(RunHeader("avc1.64001f", 640, 360, 3)), RunHeader("avc1.64001f", 640, 360, 3)),
        (
            wire.dump_header(RunHeader("avc1.42c01e", 640, 360, 3, "narrow", 12_800.0)),
            RunHeader("avc1.42c01e", 640, 360, 3, "narrow", 12_800.0),
        ),
        (wire.dump_skipped(Skipped(31)), Skipped(31)),
        (wire.dump_init(b"ftyp moov"), InitSegment(b"ftyp moov")),
        (
            wire.dump_fragment(FRAGMENT),
            LiveFragment(True, 90_000, 40, 1_770_000_000_000_000_000, b"moof mdat"),
        ),
        (wire.dump_jpeg(7, b"\xff\xd8"), Jpeg(7, b"\xff\xd8")),
        (wire.dump_problem(FeedProblem("No picture.", "V-CAM-16")), FeedProblem("No picture.", "V-CAM-16")),
    ],
)
def test_what_is_dumped_is_parsed(message: bytes, answer: Answer) -> None:
    assert parsed(message) == answer


def test_request_survives_the_wire() -> None:
    request = Request("live", "narrow", 640, 5, sound=True)
    assert Request.parse(request.dump()) == request


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET / HTTP/1.1\r\n",
        b"{}",
        b'{"want":"everything"}',
        b'{"want":"still","stream":"third"}',
        b'{"want":"still","max_width":1}',
        b'{"want":"mjpeg","max_fps":1000}',
        b"[1,2]",
        b"\xff\xfe",
    ],
)
def test_what_is_no_request_is_refused(line: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Request.parse(line)


def test_unknown_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown message type"):
        wire.parse_answer(9, b"{}")


@pytest.mark.parametrize(("kind", "payload"), [(3, b"\1\0"), (4, b""), (1, b"{"), (5, b"[]")])
def test_truncated_answer_is_refused(kind: int, payload: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, struct.error)):
        wire.parse_answer(kind, payload)
