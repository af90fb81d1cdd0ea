"""What cameras get wrong while they are opened and kept, each against a camera that does just that."""

from __future__ import annotations

import base64
import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import PATIENCE_S
from tests.fair_watch import FairWatch
from tests.fakes.rtp import IDR, SDP, SLICE, interleaved, rtp
from tests.fakes.scripted_camera import Asked, ScriptedCamera, answer
from vigilar.base.errors import CameraError, ErrorKind
from vigilar.base.stop import Stop
from vigilar.capture.rtsp import client, ssrc, wire
from vigilar.capture.rtsp.address import parse_address
from vigilar.capture.rtsp.intake import Intake, StreamMemory
from vigilar.capture.rtsp.login_note import forget_login_note
from vigilar.capture.rtsp.sentences import NotThere
from vigilar.capture.rtsp.source import RtspSource
from vigilar.media.packets import RawPacket

SOUND = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\na=fmtp:97 config=1408\r\na=control:trackID=1\r\n"


def no_encoder(*_: object) -> Any:
    raise AssertionError("AAC needs none")


def opened(
    camera: ScriptedCamera, login: str = "", intake: Intake | None = None, wait: Callable[[float], bool] | None = None
) -> RtspSource:
    return RtspSource(camera.url(login), wait or Stop().wait, no_encoder, intake)


def failure(camera: ScriptedCamera, login: str = "", intake: Intake | None = None) -> CameraError:
    with pytest.raises(CameraError) as caught:
        opened(camera, login, intake)
    text = str(caught.value) + caught.value.next_step
    assert "127.0.0.1" not in text
    assert "hunter2" not in text
    return caught.value


def heard(source: RtspSource) -> RawPacket:
    return next(raw for raw in source if raw is not None)


def picture(number: int, nal: bytes = SLICE, ssrc: int = 7) -> bytes:
    return interleaved(rtp(nal, number, number * 3600, marker=True, ssrc=ssrc))


def plays(camera: ScriptedCamera, login: str = "", intake: Intake | None = None) -> RtspSource:
    """Open the camera and see that its picture comes."""
    source = opened(camera, login, intake)
    try:
        camera.send(picture(0, IDR))
        assert heard(source).is_keyframe
    finally:
        source.close()
    return source


@pytest.fixture
def camera() -> Iterator[ScriptedCamera]:
    with ScriptedCamera() as scripted:
        yield scripted


def asked_with(camera: ScriptedCamera, method: str) -> list[Asked]:
    return [asked for asked in camera.asked if asked.method == method]


def set_up_answer(asked: Asked, *lines: str) -> bytes:
    return answer(asked, 200, f"Transport: {asked.headers['transport']}", *lines)


# Sessions


def test_session_may_come_with_play_only(camera: ScriptedCamera) -> None:
    camera.special["SETUP"] = set_up_answer
    camera.special["PLAY"] = lambda asked: answer(asked, 200, "Session: 55")
    plays(camera)
    camera.wait_asked("TEARDOWN")
    assert "session" not in asked_with(camera, "PLAY")[0].headers
    assert asked_with(camera, "TEARDOWN")[0].headers["session"] == "55"


def test_camera_without_any_session_plays(camera: ScriptedCamera) -> None:
    camera.special["SETUP"] = set_up_answer
    plays(camera)
    camera.wait_asked("TEARDOWN")
    assert all("session" not in asked.headers for asked in camera.asked)


def test_session_on_the_first_set_up_only(camera: ScriptedCamera) -> None:
    camera.sdp = SDP + SOUND

    def set_up(asked: Asked) -> bytes:
        return set_up_answer(asked, *([] if "session" in asked.headers else ["Session: 77"]))

    camera.special["SETUP"] = set_up
    source = plays(camera)
    assert len(source.streams) == 2
    assert asked_with(camera, "PLAY")[0].headers["session"] == "77"


@pytest.mark.parametrize("good", ["11", "22"])
def test_second_session_id_is_used_only_when_the_first_is_refused(camera: ScriptedCamera, good: str) -> None:
    camera.sdp = SDP + SOUND
    ids = iter(["11;timeout=60", "22"])
    camera.special["SETUP"] = lambda asked: set_up_answer(asked, f"Session: {next(ids)}")
    camera.special["PLAY"] = lambda asked: answer(asked, 200 if asked.headers["session"] == good else 454)
    plays(camera)
    assert [asked.headers["session"] for asked in asked_with(camera, "PLAY")] == (
        ["11"] if good == "11" else ["11", "22"]
    )


def test_timeout_is_read_with_blanks_in_it(camera: ScriptedCamera) -> None:
    camera.session = "11; Timeout = 30 "
    source = opened(camera)
    assert source._session.session_timeout_s == 30.0
    source.close()


# Sound never harms the picture


@pytest.mark.parametrize("status", [400, 401, 404, 453, 454, 461, 500, 302])
def test_refused_sound_leaves_the_picture(
    camera: ScriptedCamera, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    camera.sdp = SDP + SOUND
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n"'
    camera.special["SETUP"] = lambda asked: (
        answer(asked, status, challenge) if asked.uri.endswith("1") else set_up_answer(asked, "Session: 7")
    )
    memory = StreamMemory()
    source = plays(camera, "u:p", Intake(memory=memory))
    assert len(source.streams) == 1
    assert memory.sound_note == "refused by the camera"
    assert sum("sound" in record.message for record in caplog.records) == 1


def test_sound_that_is_not_answered_is_given_up_soon(camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SOUND_TIMEOUT_S", 0.5)
    camera.sdp = SDP + SOUND
    late: list[bytes] = []

    def set_up(asked: Asked) -> bytes:
        if asked.uri.endswith("0"):
            return set_up_answer(asked, "Session: 7")
        late.append(answer(asked, 500))
        return b""

    camera.special["SETUP"] = set_up
    camera.special["PLAY"] = lambda asked: late.pop() + answer(asked)  # the late answer is none to PLAY
    memory = StreamMemory()
    watch = FairWatch()
    source = plays(camera, intake=Intake(memory=memory))
    assert watch.elapsed_s() < 3.0
    assert len(source.streams) == 1
    assert memory.sound_note == "the camera does not answer when asked for it"
    assert not memory.may_ask_for_sound


@pytest.mark.parametrize("method", ["SETUP", "PLAY"])
def test_camera_that_hangs_up_over_its_sound_is_opened_without(camera: ScriptedCamera, method: str) -> None:
    camera.sdp = SDP + SOUND

    def hang_up(asked: Asked) -> bytes:
        if len(asked_with(camera, "SETUP")) == 2 and (method == "PLAY" or asked.uri.endswith("1")):
            camera.client.close()
            return b""
        return set_up_answer(asked, "Session: 7") if asked.method == "SETUP" else answer(asked)

    camera.special[method] = hang_up
    memory = StreamMemory()
    source = plays(camera, intake=Intake(memory=memory))
    assert len(source.streams) == 1
    assert memory.sound_note.startswith("the camera fails")
    assert not memory.may_ask_for_sound


def test_play_refused_with_sound_is_asked_without(camera: ScriptedCamera) -> None:
    camera.sdp = SDP + SOUND
    camera.special["PLAY"] = lambda asked: answer(asked, 500 if len(asked_with(camera, "SETUP")) == 2 else 200)
    assert len(plays(camera).streams) == 1


def test_sound_that_is_not_wanted_is_never_asked_for(camera: ScriptedCamera) -> None:
    camera.sdp = SDP + SOUND
    memory = StreamMemory()
    source = plays(camera, intake=Intake(wants_sound=False, memory=memory))
    assert [asked.uri[-1] for asked in asked_with(camera, "SETUP")] == ["0"]
    assert len(source.streams) == 1
    assert memory.sound_note == "switched off in the settings"


def test_sound_answered_with_the_channels_of_the_picture_leaves_it(camera: ScriptedCamera) -> None:
    camera.sdp = SDP + SOUND
    camera.special["SETUP"] = lambda asked: answer(
        asked, 200, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 7"
    )
    plays(camera)


def test_unknown_sound_is_named(camera: ScriptedCamera) -> None:
    camera.sdp = SDP + "m=audio 0 RTP/AVP 98\r\na=rtpmap:98 EVRC/8000\r\na=control:trackID=1\r\n"
    memory = StreamMemory()
    plays(camera, intake=Intake(memory=memory))
    assert memory.sound_note == "EVRC, which cannot be recorded"


def test_microphone_marked_sendonly_is_heard(camera: ScriptedCamera) -> None:
    camera.sdp = SDP + "a=sendonly\r\n" + SOUND + "a=sendonly\r\n"
    assert len(plays(camera).streams) == 2


# Leftovers of an earlier session, strays


def stale(number: int, size: int = 1200) -> bytes:
    return interleaved(rtp(b"\x41\x9a" + bytes(size), 5000 + number, 77 * number, marker=True, ssrc=1))


def test_leftovers_between_the_answers_do_not_matter(camera: ScriptedCamera) -> None:
    flood = b"".join(stale(number) for number in range(200))  # 240 KB: half a second of 4 Mb/s
    camera.greeting = flood
    camera.special["DESCRIBE"] = lambda asked: flood + answer(asked, body=SDP)
    camera.special["SETUP"] = lambda asked: flood + set_up_answer(asked, "Session: 7")
    camera.special["PLAY"] = lambda asked: flood + answer(asked)
    plays(camera)


@pytest.mark.parametrize("told", ["known before", "transport header"])
def test_leftovers_all_through_are_dropped_and_counted(camera: ScriptedCamera, told: str) -> None:
    if told == "known before":
        camera.greeting = stale(0)
    else:
        camera.special["SETUP"] = lambda asked: answer(
            asked, 200, f"Transport: {asked.headers['transport']};ssrc=2", "Session: 7"
        )
    source = opened(camera)
    for number in range(50):
        camera.send(stale(2 * number + 1) + picture(number, IDR if not number else SLICE, ssrc=2) + stale(2 * number))
    raws = iter(source)
    seen = [next(raw for raw in raws if raw is not None) for _ in range(50)]
    source.close()
    assert [raw.data[-4:] for raw in seen] == [IDR[-4:]] + [SLICE[-4:]] * 49
    assert source.leftovers >= 98
    assert source.damaged == 0


def test_streams_that_cannot_be_told_apart_are_given_up_once(
    camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssrc, "MIXED_S", 0.2)
    memory = StreamMemory()
    source = opened(camera, intake=Intake(memory=memory))
    over = threading.Event()

    def send() -> None:
        number = 0
        with contextlib.suppress(OSError):
            while not over.wait(0.01):
                camera.send(picture(number, ssrc=2) + stale(number))
                number += 1

    sender = threading.Thread(target=send)
    sender.start()
    with pytest.raises(CameraError) as caught:
        for _ in source:
            pass
    over.set()
    sender.join()
    source.close()
    camera.wait_asked("TEARDOWN")
    assert "earlier connection" in str(caught.value)
    assert caught.value.kind is ErrorKind.TRANSIENT
    assert str(failure(camera, intake=Intake(memory=memory))) == str(caught.value)  # left alone, not asked
    assert len(camera.methods) == 4
    memory.quiet_until_s = 0.0
    plays(camera, intake=Intake(memory=memory))


def test_wrong_announcement_costs_no_picture(camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssrc, "HOLD_S", 0.3)
    camera.special["SETUP"] = lambda asked: answer(
        asked, 200, f"Transport: {asked.headers['transport']};ssrc=99", "Session: 7"
    )
    source = opened(camera)
    raws = iter(source)
    for number in range(6):
        camera.send(picture(number, SLICE if number else IDR))
        time.sleep(0.1)
    assert [next(raw for raw in raws if raw is not None).pts for _ in range(6)] == [n * 3600 for n in range(6)]
    source.close()


def test_encoder_that_begins_anew_is_followed(camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssrc, "SWITCH_S", 0.1)
    source = opened(camera)
    camera.send(picture(0, IDR, ssrc=2))
    raws = iter(source)
    next(raw for raw in raws if raw is not None)
    over = threading.Event()

    def send() -> None:
        number = 100
        while not over.wait(0.01):
            camera.send(picture(number, IDR, ssrc=3))
            number += 1

    sender = threading.Thread(target=send)
    sender.start()
    assert next(raw for raw in raws if raw is not None).is_keyframe
    over.set()
    sender.join()
    source.close()


@pytest.mark.parametrize("stray", [b"\r\n", b"\n", b"\r\n\r\n", b"\0\0"])
@pytest.mark.parametrize("where", ["DESCRIBE", "SETUP", "PLAY", "frames"])
def test_strays_between_messages_are_skipped(camera: ScriptedCamera, stray: bytes, where: str) -> None:
    good: dict[str, Callable[[Asked], bytes]] = {
        "DESCRIBE": lambda asked: answer(asked, body=SDP) + stray,
        "SETUP": lambda asked: stray + set_up_answer(asked, "Session: 7"),
        "PLAY": lambda asked: answer(asked) + stray,
    }
    if where in good:
        camera.special[where] = good[where]
    source = opened(camera)
    for number in range(20):
        camera.send((stray if where == "frames" else b"") + picture(number))
    raws = iter(source)
    assert [next(raw for raw in raws if raw is not None).pts for _ in range(20)] == [n * 3600 for n in range(20)]
    source.close()


def test_rest_of_a_packet_before_the_first_answer_is_skipped(camera: ScriptedCamera) -> None:
    camera.greeting = bytes(range(128, 250)) * 10
    plays(camera)


def test_question_of_the_camera_is_passed_over(camera: ScriptedCamera) -> None:
    question = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
    camera.special["SETUP"] = lambda asked: question + set_up_answer(asked, "Session: 7")
    plays(camera)


def test_data_on_channels_never_set_up_is_no_garbage(camera: ScriptedCamera) -> None:
    source = opened(camera)
    facts = interleaved(rtp(bytes(1000), 1, 1, payload_type=107, ssrc=9), channel=4)
    sender = threading.Thread(
        target=camera.send_in_vain, args=(facts * (3 * wire.MAX_GARBAGE_BYTES // 1000) + picture(0, IDR),)
    )
    sender.start()
    assert heard(source).is_keyframe
    sender.join()
    source.close()


# Slow cameras


def test_slow_camera_is_waited_for_at_the_second_try(camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    """The times of a camera that needs 9 to 15 s, a tenth of them; the second try has what a busy machine needs."""
    monkeypatch.setattr(client, "OPEN_TIMEOUT_S", 0.8)
    monkeypatch.setattr(client, "PATIENT_TIMEOUT_S", PATIENCE_S)

    def describe(asked: Asked) -> bytes:
        time.sleep(1.5)
        return answer(asked, body=SDP)

    camera.special["DESCRIBE"] = describe
    memory = StreamMemory()
    error = failure(camera, intake=Intake(memory=memory))
    assert "does not answer within" in str(error)
    assert error.kind is ErrorKind.TRANSIENT
    plays(camera, intake=Intake(memory=memory))
    assert camera.methods[1:5] == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]


def test_dead_camera_is_not_waited_for(camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "OPEN_TIMEOUT_S", 0.5)
    camera.special = {"DESCRIBE": b"", "OPTIONS": b""}
    memory = StreamMemory(is_slow=True)
    watch = FairWatch()
    error = failure(camera, intake=Intake(memory=memory))
    assert watch.elapsed_s() < 3.0
    assert "Nothing answers" in str(error)


def test_camera_that_is_silent_about_encryption_is_not_gone(
    camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a connection for each try, so the next one is not made at once as where nothing is."""
    monkeypatch.setattr(client, "OPEN_TIMEOUT_S", 0.5)
    with pytest.raises(CameraError, match=r"takes the connection.*encryption") as caught:
        RtspSource(camera.url().replace("rtsp:", "rtsps:"), Stop().wait, no_encoder)
    assert not isinstance(caught.value, NotThere)
    assert (caught.value.code, caught.value.kind) == ("V-CAM-02", ErrorKind.TRANSIENT)


def test_camera_that_plays_without_answering_is_taken(camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SOUND_TIMEOUT_S", 0.4)
    camera.special["PLAY"] = picture(0, IDR)
    source = opened(camera)
    assert heard(source).is_keyframe
    source.close()


# URLs


@pytest.mark.parametrize(
    ("base", "control", "known"),
    [
        ("", "/main", r"/main(/main)?$"),
        ("rtsp://192.0.2.9", "/media/1/video/1", r"/media/1/video/1$"),
        ("rtsp://192.0.2.9/mpeg4", "?ctype=video", r"/mpeg4\?ctype=video$"),
        ("rtsp://rtsp://cam:554/stream1/", "trackID=0", r"/stream1/trackID=0$"),
        ("cam:554/stream1/", "trackID=0", r"/stream1/trackID=0$"),
        ("rtsp://::ffff:192.0.2.7/stream1/", "trackID=0", r"/stream1/trackID=0$"),
        ("rtsp://", "trackID=0", r"/main/trackID=0$"),
        ("rtsp://192.0.2.9/elsewhere/", "trackID=0", r"/main/trackID=0$"),
        ("rtsp://192.0.2.9/live?a=1", "trackID=0", r"/live/trackID=0\?a=1$"),
        ("rtsp://192.0.2.9/live/", "/track1", r"\d/track1$"),
    ],
)
@pytest.mark.parametrize("status", [404, 454, 400])
def test_stream_is_found_by_the_url_the_camera_means(
    camera: ScriptedCamera, base: str, control: str, known: str, status: int
) -> None:
    camera.sdp = SDP.replace("trackID=0", control)
    lines = [f"Content-Base: {base}"] if base else []
    camera.special["DESCRIBE"] = lambda asked: answer(asked, 200, *lines, body=camera.sdp)
    camera.special["SETUP"] = lambda asked: (
        set_up_answer(asked, "Session: 7")
        if re.search(known, asked.uri) and "//" not in asked.uri[7:]
        else answer(asked, status)
    )
    plays(camera)


def test_play_goes_to_the_url_that_the_camera_knows(camera: ScriptedCamera) -> None:
    camera.special["DESCRIBE"] = lambda asked: answer(asked, 200, "Content-Base: rtsp://x/wrong/", body=SDP)
    camera.special["PLAY"] = lambda asked: answer(asked, 200 if asked.uri == camera.url() else 404)
    plays(camera)
    camera.wait_asked("TEARDOWN")
    assert asked_with(camera, "TEARDOWN")[0].uri == camera.url()


def test_stream_that_is_nowhere_is_named_as_such(camera: ScriptedCamera) -> None:
    camera.special["SETUP"] = lambda asked: answer(asked, 404)
    error = failure(camera)
    assert (str(error), error.code) == ("The camera answers, but refuses to send its picture (status 404).", "V-CAM-05")


# Reports of other programs that were right by reading


def test_answer_without_a_transport_leaves_the_channels_asked_for(camera: ScriptedCamera) -> None:
    camera.special["SETUP"] = lambda asked: answer(asked, 200, "Session: 7")
    plays(camera)


def test_ssrc_before_all_else_and_in_odd_digits_is_no_error(camera: ScriptedCamera) -> None:
    camera.special["SETUP"] = lambda asked: answer(
        asked, 200, f"Transport: ssrc=  7;{asked.headers['transport']};mode=play", "Session: 7"
    )
    plays(camera)


def test_session_without_a_timeout_is_asked_for_every_half_minute(camera: ScriptedCamera) -> None:
    camera.session = "7"
    began_s = time.monotonic()
    source = opened(camera)
    ended_s = time.monotonic()
    assert source._session.session_timeout_s == 60.0
    assert began_s + 29.0 < source._session._next_ask_s < ended_s + 32.0
    source.close()


def test_packets_of_another_payload_type_change_nothing(camera: ScriptedCamera) -> None:
    """While a camera turns it sends payload type 50 with the sequence number of the packet before."""
    source = opened(camera)
    for number in range(10):
        odd = interleaved(rtp(b"ptz", max(0, number - 1), 1, payload_type=50, ssrc=9))
        camera.send(odd + picture(number, SLICE if number else IDR) + odd)
    raws = iter(source)
    assert [next(raw for raw in raws if raw is not None).pts for _ in range(10)] == [n * 3600 for n in range(10)]
    assert source.damaged == 0
    source.close()


def test_static_payload_type_and_control_in_the_query(camera: ScriptedCamera) -> None:
    camera.sdp = (
        "v=0\r\nm=video 0 RTP/AVP 35\r\na=rtpmap:35 H264/90000\r\na=control:rtsp://10.1.1.1/video?inst=1&trackID=1\r\n"
        "m=application/TP-LINK 0 RTP/AVP smart/1/90000\r\na=rtpmap:95 TP-LINK/90000\r\n"
        "m=audio 0 RTP/AVP 8\r\na=control:rtsp://10.1.1.1/video?inst=1&trackID=2\r\n"
    )
    source = opened(camera, intake=Intake(wants_sound=False))
    camera.send(interleaved(rtp(IDR, 0, 0, marker=True, payload_type=35)))
    assert heard(source).is_keyframe
    assert asked_with(camera, "SETUP")[0].uri.endswith("/video?inst=1&trackID=1")
    source.close()


@pytest.mark.parametrize("sets", ["", "!!!", "AAAA,AAAA", "Z2QAH6w", "=" * 5000, ",,,,"])
def test_garbage_as_parameter_sets_is_left_to_those_in_band(camera: ScriptedCamera, sets: str) -> None:
    camera.sdp = SDP.replace("a=control:trackID=0", f"a=fmtp:96 sprop-parameter-sets={sets}\r\na=control:trackID=0")
    plays(camera)


SPS_H265 = "42010101600000030090000003000003005aa00502016965959a4932bc05a02000000300200000030321"
"""640x360."""


@pytest.mark.parametrize("start", ["", "000001", "00000001"])
def test_size_is_known_from_sets_with_start_codes(camera: ScriptedCamera, start: str) -> None:
    sets = {
        "vps": "40010c01ffff016000000300900000030000030 05a959809".replace(" ", ""),
        "sps": SPS_H265,
        "pps": "4401c172b46240",
    }
    fmtp = ";".join(
        f"sprop-{name}={base64.b64encode(bytes.fromhex(start + data)).decode()}" for name, data in sets.items()
    )
    camera.sdp = SDP.replace("H264", "H265").replace("a=control:trackID=0", f"a=fmtp:96 {fmtp}\r\na=control:trackID=0")
    source = opened(camera)
    assert (source.streams[0].width, source.streams[0].height) == (640, 360)
    source.close()


def test_size_beside_the_sets_stands_in(camera: ScriptedCamera) -> None:
    camera.sdp = SDP + "a=x-dimensions:704,480\r\na=framerate:0S\r\n"
    source = opened(camera)
    assert (source.streams[0].width, source.streams[0].height, source.streams[0].frame_rate) == (704, 480, None)
    source.close()


# Answers and questions


@pytest.mark.parametrize("off", [-1, 5, None])
def test_answer_with_the_number_of_another_request_counts(camera: ScriptedCamera, off: int | None) -> None:
    def renumbered(asked: Asked, reply: bytes) -> bytes:
        own = f"CSeq: {asked.headers['cseq']}\r\n".encode()
        other = b"" if off is None else f"CSeq: {int(asked.headers['cseq']) + off}\r\n".encode()
        return reply.replace(own, other)

    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n"'
    camera.special["DESCRIBE"] = lambda asked: renumbered(
        asked, answer(asked, body=SDP) if "authorization" in asked.headers else answer(asked, 401, challenge)
    )
    camera.special["SETUP"] = lambda asked: renumbered(asked, set_up_answer(asked, "Session: 7"))
    plays(camera, "u:p")


def reading(camera: ScriptedCamera, until: Callable[[], None], intake: Intake | None = None) -> None:
    """Read the camera on a thread until ``until`` returns."""
    stop = Stop()
    source = opened(camera, intake=intake, wait=stop.wait)
    reader = threading.Thread(target=lambda: list(source))
    reader.start()
    try:
        until()
    finally:
        stop.set()
        reader.join(PATIENCE_S)
        source.close()


@pytest.mark.parametrize("silent", [False, True])
def test_keep_alive_falls_back_to_options_and_stays(
    camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    monkeypatch.setattr(client, "MIN_KEEP_ALIVE_S", 0.1)
    camera.session = "7;timeout=1"
    camera.special["OPTIONS"] = lambda asked: answer(asked, 200, "Public: OPTIONS, GET_PARAMETER, PLAY")
    camera.special["GET_PARAMETER"] = lambda asked: (
        b"" if silent else answer(asked, 400).replace(asked.headers["cseq"].encode(), b"1")
    )
    reading(camera, lambda: camera.wait_asked("OPTIONS", 4))
    assert camera.methods.count("GET_PARAMETER") == 1


def test_report_is_sent_on_each_stream(camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "EVERY_S", 0.3)
    camera.sdp = SDP + SOUND
    camera.special["PLAY"] = lambda asked: answer(asked) + picture(65_535, IDR, ssrc=2) + picture(1, SLICE, ssrc=2)
    reading(camera, lambda: camera.wait_frames(6))
    assert [channel for channel, _ in camera.frames[:6]] == [1, 3, 1, 3, 1, 3]
    report = camera.frames[0][1]
    assert (report[0], report[1], len(report)) == (0x81, 201, 32)
    assert report[8:12] == (2).to_bytes(4, "big")
    assert int.from_bytes(report[13:16], "big") == 1  # the packet with the number 0 never came
    assert int.from_bytes(report[16:20], "big") == 0x10001
    assert camera.frames[1][1][:2] == b"\x80\xc9"


# Logins


def refusing(camera: ScriptedCamera, challenges: list[str], is_good: Callable[[str], bool]) -> None:
    lines = [f"WWW-Authenticate: {one}" for one in challenges]

    def reply(asked: Asked) -> bytes:
        if is_good(asked.headers.get("authorization", "")):
            return answer(asked, body=SDP)
        return answer(asked, 401, *lines)

    camera.special["DESCRIBE"] = reply


BOTH = ['Digest realm="r", nonce="n", algorithm=SHA-256', 'Digest realm="r", nonce="n", algorithm=MD5']


def test_other_algorithm_is_tried_once_and_remembered(camera: ScriptedCamera) -> None:
    refusing(camera, BOTH, lambda header: "MD5" in header)
    memory = StreamMemory()
    plays(camera, "u:p", Intake(memory=memory))
    assert camera.methods.count("DESCRIBE") == 3
    plays(camera, "u:p", Intake(memory=memory))
    assert camera.methods.count("DESCRIBE") == 5


def test_wrong_password_with_two_algorithms_is_tried_twice_once(camera: ScriptedCamera) -> None:
    refusing(camera, BOTH, lambda _: False)
    memory = StreamMemory()
    error = failure(camera, "u:hunter2", Intake(memory=memory))
    assert (error.code, error.kind) == ("V-CAM-03", ErrorKind.DENIED)
    assert camera.methods.count("DESCRIBE") == 3
    failure(camera, "u:hunter2", Intake(memory=memory))
    assert camera.methods.count("DESCRIBE") == 5


@pytest.mark.parametrize("form", ["SHA-256", '"SHA-256"', '"MD5"'])
def test_algorithm_is_echoed_as_the_camera_wrote_it(camera: ScriptedCamera, form: str) -> None:
    refusing(
        camera,
        [f'Digest realm="r", nonce="n", algorithm={form}, stale="FALSE"'],
        lambda header: f"algorithm={form}" in header and "qop" not in header,
    )
    plays(camera, "u:p")
    assert camera.methods.count("DESCRIBE") == 2


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("pasted", "meant", "tries"),
    [
        ("p%edge1", "p%edge1", 1),
        ("50%off", "50%off", 1),
        ("a%40b", "a@b", 1),
        ("a%40b", "a%40b", 2),
        ("a%2540b", "a@b", 2),
        ("p#1/2?x", "p#1/2?x", 1),
        ("ü ß", "ü ß", 1),
        ("%C3%BC%20%C3%9F", "ü ß", 1),
    ],
)
def test_password_of_any_form_is_the_one_meant(camera: ScriptedCamera, pasted: str, meant: str, tries: int) -> None:
    refusing(camera, ['Basic realm="r"'], lambda header: header == basic("admin", meant))
    memory = StreamMemory()
    plays(camera, f"admin:{pasted}", Intake(memory=memory))
    assert camera.methods.count("DESCRIBE") == 1 + tries
    plays(camera, f"admin:{pasted}", Intake(memory=memory))
    assert camera.methods.count("DESCRIBE") == 1 + tries + 2


def test_camera_that_took_digest_never_gets_the_password_in_the_clear(camera: ScriptedCamera) -> None:
    memory = StreamMemory()
    refusing(camera, ['Digest realm="r", nonce="n"'], lambda header: header.startswith("Digest"))
    plays(camera, "u:hunter2", Intake(memory=memory))
    refusing(camera, ['Basic realm="r"'], lambda header: header.startswith("Basic"))
    for stream in (memory, StreamMemory(login=memory.login)):  # the small stream shares the login
        error = failure(camera, "u:hunter2", Intake(memory=stream))
        assert "unprotected" in str(error)
        assert error.kind is ErrorKind.DENIED
    assert not any("Basic" in asked.headers.get("authorization", "") for asked in camera.asked)


def test_downgrade_is_refused_by_the_next_process_too(camera: ScriptedCamera, tmp_path: Path) -> None:
    refusing(camera, ['Digest realm="r", nonce="n"'], lambda header: header.startswith("Digest"))
    plays(camera, "u:hunter2", Intake(pins_dir=tmp_path, memory=StreamMemory()))
    refusing(camera, ['Basic realm="r"'], lambda header: header.startswith("Basic"))
    intake = Intake(pins_dir=tmp_path, memory=StreamMemory())
    assert "unprotected" in str(failure(camera, "u:hunter2", intake))
    assert "unprotected" in str(failure(camera, "u:hunter2", Intake(pins_dir=tmp_path, may_pin=False)))
    assert not any("Basic" in asked.headers.get("authorization", "") for asked in camera.asked)
    port = int(camera.url().rsplit(":", 1)[1].split("/")[0])
    assert forget_login_note(tmp_path, parse_address(f"rtsp://127.0.0.1:{port}/main"))
    plays(camera, "u:hunter2", intake)  # its owner has said so, to a process that runs


def test_trying_a_camera_notes_nothing(camera: ScriptedCamera, tmp_path: Path) -> None:
    refusing(camera, ['Digest realm="r", nonce="n"'], lambda header: header.startswith("Digest"))
    plays(camera, "u:hunter2", Intake(pins_dir=tmp_path, may_pin=False))
    assert list(tmp_path.iterdir()) == []


def test_note_that_cannot_be_read_counts_as_one(camera: ScriptedCamera, tmp_path: Path) -> None:
    (tmp_path / "protected-logins").write_text("a file where a folder should be")
    refusing(camera, ['Basic realm="r"'], lambda header: header.startswith("Basic"))
    assert "unprotected" in str(failure(camera, "u:hunter2", Intake(pins_dir=tmp_path)))


def test_refused_digest_is_not_followed_by_basic(camera: ScriptedCamera) -> None:
    camera.special["DESCRIBE"] = lambda asked: answer(
        asked, 401, f"WWW-Authenticate: {'Basic' if 'authorization' in asked.headers else BOTH[1]}"
    )
    assert failure(camera, "u:hunter2").kind is ErrorKind.DENIED
    assert len(camera.asked) == 2


def test_downgrade_inside_of_a_session_is_refused_too(camera: ScriptedCamera) -> None:
    refusing(camera, ['Digest realm="r", nonce="n"'], lambda header: header.startswith("Digest"))
    camera.special["SETUP"] = lambda asked: answer(asked, 401, 'WWW-Authenticate: Basic realm="r"')
    assert "unprotected" in str(failure(camera, "u:hunter2"))


# Noise


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["DESCRIBE", "SETUP", "PLAY"]),
    st.lists(
        st.sampled_from([b"\r\n", b"$\0", b"RTSP/1.0 ", b"200", b"\xff", b"Session:", b"\0", b"x" * 50]), max_size=9
    ),
)
def test_noise_before_any_answer_raises_only_our_error(method: str, pieces: list[bytes]) -> None:
    with ScriptedCamera() as camera, pytest.MonkeyPatch.context() as patch, contextlib.suppress(CameraError):
        patch.setattr(client, "OPEN_TIMEOUT_S", 0.5)
        good: dict[str, Callable[[Asked], bytes]] = {
            "DESCRIBE": lambda asked: answer(asked, body=SDP),
            "SETUP": lambda asked: set_up_answer(asked, "Session: 7"),
            "PLAY": answer,
        }
        camera.special[method] = lambda asked: b"".join(pieces) + good[method](asked)
        opened(camera).close()
