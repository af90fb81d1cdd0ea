"""More of what cameras get wrong in the talk of RTSP: each plays where the usual clients play it."""

from __future__ import annotations

import contextlib
import re
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.fakes.rtp import IDR, SDP, interleaved, rtp
from tests.fakes.scripted_camera import Asked, ScriptedCamera, answer
from vigilar.base.errors import CameraError
from vigilar.base.stop import Stop
from vigilar.capture.rtsp import client
from vigilar.capture.rtsp.intake import Intake
from vigilar.capture.rtsp.source import STRAYS, RtspSource
from vigilar.capture.rtsp.ssrc import OTHER_TYPES
from vigilar.media.packets import Kind, RawPacket

SOUND = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\na=fmtp:97 config=1408\r\na=control:trackID=1\r\n"


@pytest.fixture
def camera() -> Iterator[ScriptedCamera]:
    with ScriptedCamera() as scripted:
        yield scripted


def no_encoder(*_: object) -> Any:
    raise AssertionError("AAC needs none")


def opened(camera: ScriptedCamera, login: str = "", intake: Intake | None = None) -> RtspSource:
    return RtspSource(camera.url(login), Stop().wait, no_encoder, intake)


def picture(number: int, nal: bytes, **odd: Any) -> bytes:
    return rtp(nal, number, number * 3600, marker=True, **odd)


def plays(
    camera: ScriptedCamera, login: str = "", channel: int = 0, first: int = 0, count: int = 1, **odd: Any
) -> None:
    """All of ``count`` pictures come, from the one numbered ``first`` on."""
    source = opened(camera, login)
    try:
        for number in range(count):
            camera.send(interleaved(picture(number, IDR + bytes((number,)), **odd), channel))
        packets = (raw for raw in source if raw is not None)
        assert [next(packets).data[-1] for _ in range(count - first)] == list(range(first, count))
    finally:
        source.close()


def set_up(transport: str) -> Callable[[Asked], bytes]:
    return lambda asked: answer(asked, 200, f"Transport: {transport}", "Session: 77")


@pytest.mark.parametrize(
    ("told", "channel"),
    [("1-0", 1), ("12-13", 12), ("254-255", 254), ("255-254", 255), ("4,5", 4), ("-", 0), ("0-1-2", 0)],
)
def test_channels_of_any_number_and_order_are_taken(camera: ScriptedCamera, told: str, channel: int) -> None:
    camera.special["SETUP"] = set_up(f"RTP/AVP/TCP;unicast;interleaved={told}")
    plays(camera, channel=channel, count=STRAYS)


@pytest.mark.parametrize("channel", [1, 2, 6, 255])
def test_picture_on_a_channel_that_was_not_agreed_on_comes_whole(camera: ScriptedCamera, channel: int) -> None:
    plays(camera, channel=channel, count=STRAYS + 3)


def sound(number: int) -> bytes:
    return rtp(bytes.fromhex("00100010") + bytes((1, number)), number, 1024 * number, payload_type=97, ssrc=8)


@pytest.mark.parametrize("more_sound", [1, 5])
def test_picture_and_sound_on_the_channels_of_each_other_come_both(camera: ScriptedCamera, more_sound: int) -> None:
    camera.sdp = SDP + SOUND
    source = opened(camera)
    for number in range(STRAYS + 5):
        for at in range(more_sound):
            camera.send(interleaved(sound(more_sound * number + at), 0))
        camera.send(interleaved(picture(number, IDR + bytes((number,))), 2))
    found: list[RawPacket] = []
    # What comes is kept until all is there: nobody knows how it is cut into readings.
    for raw in source:
        found += [raw] if raw is not None else []
        if sum(one.kind is Kind.VIDEO for one in found) == STRAYS + 5:
            break
    source.close()
    assert [one.data[-1] for one in found if one.kind is Kind.VIDEO] == list(range(STRAYS + 5))
    assert len([one for one in found if one.kind is Kind.AUDIO]) >= 4 * more_sound


def test_sound_that_comes_twice_is_taken_once(camera: ScriptedCamera) -> None:
    camera.sdp = SDP + SOUND
    source = opened(camera)
    camera.send(interleaved(picture(0, IDR)))
    for number in range(5):
        camera.send(2 * interleaved(sound(number), 2))
    camera.send(interleaved(picture(1, IDR)))
    packets = (raw for raw in source if raw is not None)
    assert [next(packets).kind for _ in range(7)] == [Kind.VIDEO, *(Kind.AUDIO,) * 5, Kind.VIDEO]
    source.close()


@pytest.mark.parametrize("end", ["hangs up", "sends garbage"])
def test_first_sound_is_whole_when_the_connection_ends_with_it(camera: ScriptedCamera, end: str) -> None:
    """It is held for a moment to see how much comes with it."""
    camera.sdp = SDP + SOUND
    source = opened(camera)
    camera.send(interleaved(picture(0, IDR)) + b"".join(interleaved(sound(number), 2) for number in range(5)))
    if end == "hangs up":
        camera.client.shutdown(socket.SHUT_RDWR)
    else:
        camera.send(b"\x00" * 100_000)
    found: list[RawPacket] = []
    with pytest.raises(CameraError):
        found.extend(raw for raw in iter(source) if raw is not None)
    source.close()
    assert [raw.kind for raw in found] == [Kind.VIDEO, *(Kind.AUDIO,) * 5]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "A web page answers"),
        (b"<html><body>Bad request</body></html>", "A web page answers"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "Something answers"),
    ],
)
def test_port_of_the_cameras_own_page_is_told_from_others(camera: ScriptedCamera, reply: bytes, says: str) -> None:
    camera.special["DESCRIBE"] = reply
    with pytest.raises(CameraError, match=says) as caught:
        opened(camera)
    assert caught.value.code == "V-CAM-02"
    assert ("Leave the port out" in caught.value.next_step) == (says == "A web page answers")


def test_other_data_on_other_channels_is_no_picture(camera: ScriptedCamera) -> None:
    source = opened(camera)
    for number in range(2 * STRAYS):
        camera.send(interleaved(picture(number, b"metadata", payload_type=107), 4))
        camera.send(interleaved(picture(number, IDR)))
    packets = (raw for raw in source if raw is not None)
    assert all(next(packets).data.endswith(IDR) for _ in range(2 * STRAYS))
    source.close()


@pytest.mark.parametrize(
    "first",
    ["RTSP/1.0  200 OK", "RTSP/1.0\t200 OK", "RTSP/1.0 200", "RTSP/2.0 200 OK", "rtsp/1.0 200 OK", "Rtsp/1.0 200 OK"],
)
def test_first_line_of_any_spacing_is_read(camera: ScriptedCamera, first: str) -> None:
    def reply(asked: Asked) -> bytes:
        body = SDP if asked.method == "DESCRIBE" else ""
        return answer(asked, 200, "Session: 77", body=body).replace(b"RTSP/1.0 200 So", first.encode())

    camera.special = {"DESCRIBE": reply, "SETUP": reply, "PLAY": reply}
    plays(camera)


@pytest.mark.parametrize("off", [2, 400])
def test_description_shorter_than_told_is_taken(camera: ScriptedCamera, off: int) -> None:
    size = len(SDP.encode())
    camera.special["DESCRIBE"] = lambda asked: answer(asked, body=SDP).replace(
        f"Content-Length: {size}".encode(), f"Content-Length: {size + off}".encode()
    )
    plays(camera)


def test_description_without_a_length_is_taken(camera: ScriptedCamera) -> None:
    camera.special["DESCRIBE"] = lambda asked: answer(asked, 200, "Content-Type: application/sdp") + SDP.encode()
    plays(camera)


@pytest.mark.parametrize(
    "base",
    ["/main/", "main/", "main", "rtsp:/main/", "./main/", "*", "rtsp://192.168.7.7:8554/main/", "http://x/main/"],
)
def test_relative_and_foreign_bases_lead_to_the_stream(camera: ScriptedCamera, base: str) -> None:
    def at(asked: Asked) -> bytes:
        is_good = asked.uri == camera.url() + "/trackID=0"
        return answer(asked, 200 if is_good else 404, f"Transport: {asked.headers['transport']}", "Session: 77")

    camera.special["DESCRIBE"] = lambda asked: answer(asked, 200, f"Content-Base: {base}", body=SDP)
    camera.special["SETUP"] = at
    plays(camera)


@pytest.mark.parametrize("told", [26, 97, 127])
def test_payload_type_other_than_told_is_taken_when_no_other_comes(camera: ScriptedCamera, told: int) -> None:
    camera.sdp = SDP.replace("AVP 96", f"AVP {told}").replace("rtpmap:96", f"rtpmap:{told}")
    plays(camera, count=OTHER_TYPES + 4, first=OTHER_TYPES + 1)


@pytest.mark.parametrize("every", [1, 5])
def test_ssrc_that_changes_all_the_time_costs_nothing(camera: ScriptedCamera, every: int) -> None:
    source = opened(camera)
    for number in range(20):
        camera.send(interleaved(picture(number, IDR, ssrc=100 + number // every)))
    packets = (raw for raw in source if raw is not None)
    assert [next(packets).pts for _ in range(20)] == [3600 * number for number in range(20)]
    source.close()


def test_camera_that_hangs_up_after_each_refusal_is_asked_again(camera: ScriptedCamera) -> None:
    def describe(asked: Asked) -> bytes:
        if "authorization" in asked.headers:
            return answer(asked, body=SDP)
        reply = answer(asked, 401, 'WWW-Authenticate: Digest realm="x", nonce="1"')
        with contextlib.suppress(OSError):
            camera.send(reply)
            camera.client.shutdown(socket.SHUT_RDWR)
        return b""

    camera.special["DESCRIBE"] = describe
    plays(camera, "sam:hunter2")
    assert camera.methods.count("DESCRIBE") == 2


@pytest.mark.parametrize("timeout", ["0", "-5", "60000", "86399", "99999999999", "1.5", "x"])
def test_unbelievable_session_timeout_keeps_the_usual_pace(
    camera: ScriptedCamera, timeout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_KEEP_ALIVE_S", 0.2)
    camera.session = f"77;timeout={timeout}"
    source = opened(camera)
    packets = iter(source)
    while "OPTIONS" not in camera.methods:
        assert next(packets) is None
    source.close()


def test_camera_that_refuses_tcp_is_taken_over_udp(camera: ScriptedCamera) -> None:
    """Only if it takes that; else it is said what it refuses, after one question."""
    camera.special["SETUP"] = lambda asked: answer(asked, 461)
    with pytest.raises(CameraError, match="status 461"):
        opened(camera)
    assert ["TCP" in one.headers["transport"] for one in camera.asked if one.method == "SETUP"] == [True, False, True]
    camera.special["SETUP"] = lambda asked: (
        answer(asked, 461)
        if "TCP" in asked.headers["transport"]
        else answer(asked, 200, f"Transport: {asked.headers['transport']};server_port=40000-40001", "Session: 7")
    )
    source = opened(camera)
    assert source.is_udp
    source.close()


def test_pictures_for_which_no_idr_ever_comes_begin_with_their_sets(camera: ScriptedCamera) -> None:
    source = opened(camera)
    sets, whole, other = (b"\x67\x42\x00\x1f\x96", b"\x68\xce"), b"\x41\x88\x80" + b"q" * 30, b"\x41\x9a" + b"p" * 30
    for number, nals in enumerate(((*sets, whole), (other,), (*sets, whole))):
        for at, nal in enumerate(nals):
            camera.send(
                interleaved(rtp(nal, 3 * number + at - (number == 2) * 2, number * 3600, marker=at == len(nals) - 1))
            )
    packets = (raw for raw in source if raw is not None)
    assert [next(packets).is_keyframe for _ in range(3)] == [True, False, True]
    source.close()


@pytest.mark.parametrize("status", [400, 455, 456, 457, 501, 551])
def test_camera_that_knows_no_range_is_asked_without(camera: ScriptedCamera, status: int) -> None:
    camera.special["PLAY"] = lambda asked: answer(asked, status if "range" in asked.headers else 200)
    plays(camera, count=3)
    assert "range" not in next(asked for asked in reversed(camera.asked) if asked.method == "PLAY").headers


@pytest.mark.parametrize("length", ["-1", "0 bytes", "none", "0;"])
def test_length_that_is_no_number_costs_nothing(camera: ScriptedCamera, length: str) -> None:
    camera.special["SETUP"] = lambda asked: answer(
        asked, 200, f"Transport: {asked.headers['transport']}", "Session: 77", f"Content-Length: {length}"
    )
    plays(camera, count=3)


@pytest.mark.parametrize("types", ["0 96", "8 0 96", "97 98 96", "26x 96", "32 96"])
def test_picture_that_is_not_the_first_type_of_its_line_is_found(types: str, camera: ScriptedCamera) -> None:
    others = "a=rtpmap:97 rtx/90000\r\na=rtpmap:98 ulpfec/90000\r\na=fmtp:97 apt=96\r\n"
    camera.sdp = SDP.replace("AVP 96", f"AVP {types}").replace("a=rtpmap:96", f"{others}a=rtpmap:96")
    plays(camera, count=3)


def lines_of(reply: bytes, ends: str) -> bytes:
    """An answer whose head has its lines ended in another way; the description keeps its own."""
    head, _, body = reply.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    if ends == "line feeds":
        return b"\n".join(lines) + b"\n\n" + body
    if ends == "line feeds, then a blank line of both":
        return b"\n".join(lines) + b"\n\r\n" + body
    return b"\r\n".join(lines) + b"\r\n\n" + body


@pytest.mark.parametrize(
    "ends", ["line feeds", "line feeds, then a blank line of both", "both, then a blank line of one"]
)
@pytest.mark.parametrize("tail", ["", "\r\n\r\n"])
def test_heads_with_any_ends_of_lines_are_read(camera: ScriptedCamera, ends: str, tail: str) -> None:
    """A blank line in the description behind them is not the end of the head."""
    camera.special["DESCRIBE"] = lambda asked: lines_of(answer(asked, body=SDP + tail), ends)
    camera.special["SETUP"] = lambda asked: lines_of(set_up("RTP/AVP/TCP;unicast;interleaved=4-5")(asked), ends)
    camera.special["PLAY"] = lambda asked: lines_of(answer(asked), ends)
    plays(camera, channel=4)


def test_headers_may_go_on_in_the_next_line(camera: ScriptedCamera) -> None:
    """Channels, session and the nonce stand there; each nonce counts for one request."""
    nonces = iter(range(100))
    valid: list[str] = []

    def guarded(inner: Callable[[Asked], bytes]) -> Callable[[Asked], bytes]:
        def reply(asked: Asked) -> bytes:
            login = asked.headers.get("authorization", "")
            if valid and f'nonce="{valid[-1]}"' in login and "algorithm=SHA-256" in login and "qop=auth-int" in login:
                valid.append("used")
                return inner(asked)
            valid.append(f"n{next(nonces)}")
            stale = "TRUE" if login else "false"
            return answer(
                asked,
                401,
                'WWW-Authenticate: Digest realm="a, b",',
                f'\tnonce="{valid[-1]}", stale={stale},',
                '  algorithm=SHA-256, qop="auth-int"',
            )

        return reply

    camera.special["DESCRIBE"] = guarded(
        lambda asked: answer(asked, 200, "Content-Type:", " application/sdp", body=SDP)
    )
    camera.special["SETUP"] = guarded(
        lambda asked: answer(
            asked, 200, "Transport: RTP/AVP/TCP;unicast;", "\tinterleaved=8-9", "Session: 5;", " timeout=9"
        )
    )
    camera.special["PLAY"] = guarded(answer)
    plays(camera, "admin:secret", channel=8)
    assert next(one for one in camera.asked if one.method == "PLAY").headers["session"] == "5"


def test_session_of_a_second_is_kept(camera: ScriptedCamera) -> None:
    """Signs of life come before it is over."""
    camera.session = "7;timeout=1"
    camera.special["OPTIONS"] = lambda asked: answer(asked, 501)
    source = opened(camera)
    packets = iter(source)
    asked_s: list[float] = []
    while len(asked_s) < 8:
        next(packets)
        asked_s += [time.monotonic()] * (camera.methods.count("OPTIONS") - len(asked_s))
    source.close()
    assert statistics.median(later - one for one, later in pairwise(asked_s)) < 1.0


def test_camera_that_answers_with_udp_is_heard_over_udp(camera: ScriptedCamera) -> None:
    """Whatever it is asked for. It would send to a port that nobody listens at."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        port = sender.getsockname()[1]
        ports: list[int] = []

        def reply(asked: Asked) -> bytes:
            wanted = re.search(r"client_port=([0-9]+)", asked.headers["transport"])
            ports.extend([int(wanted[1])] if wanted else [])
            return answer(asked, 200, f"Transport: RTP/AVP;unicast;server_port={port}-{port + 1}", "Session: 77")

        camera.special["SETUP"] = reply
        source = opened(camera)
        sender.sendto(picture(0, IDR), ("127.0.0.1", ports[0]))
        assert next(raw for raw in source if raw is not None).is_keyframe
        assert source.is_udp
        source.close()


def test_camera_of_multicast_alone_is_named(camera: ScriptedCamera) -> None:
    camera.special["SETUP"] = set_up("RTP/AVP;multicast;destination=239.1.2.3;port=5000-5001;ttl=5")
    with pytest.raises(CameraError, match="by multicast only") as caught:
        opened(camera)
    assert "Switch multicast off" in caught.value.next_step


def test_sound_of_multicast_alone_leaves_the_picture(camera: ScriptedCamera) -> None:
    camera.sdp = SDP + SOUND
    ways = iter(["RTP/AVP/TCP;unicast;interleaved=0-1", "RTP/AVP;multicast;destination=239.1.2.3;port=5000-5001"])
    camera.special["SETUP"] = lambda asked: set_up(next(ways))(asked)
    plays(camera)


@pytest.mark.parametrize(
    ("media", "says"),
    [
        ("m=video 0 RTP/AVP 32\r\n", "sends MPEG-2"),
        ("m=video 0 RTP/AVP 31\r\n", "sends H.261"),
        ("m=video 0 RTP/AVP 34\r\nm=audio 0 RTP/AVP 0\r\n", "sends H.263"),
    ],
)
def test_picture_that_its_number_alone_names_is_named(camera: ScriptedCamera, media: str, says: str) -> None:
    camera.sdp = SDP.partition("m=")[0] + media
    with pytest.raises(CameraError, match=says):
        opened(camera)


@pytest.mark.parametrize(("number", "name"), [(3, "GSM"), (4, "G723"), (14, "MPA"), (15, "G728"), (18, "G729")])
def test_sound_that_its_number_alone_names_is_named(camera: ScriptedCamera, number: int, name: str) -> None:
    camera.sdp = SDP + f"m=audio 0 RTP/AVP {number}\r\na=control:trackID=1\r\n"
    intake = Intake()
    opened(camera, intake=intake).close()
    assert intake.memory.sound_note == f"{name}, which cannot be recorded"
