"""The client against a camera whose every byte the test decides: handshake, waiting, garbage, keep-alive."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import PATIENCE_S
from tests.fair_watch import FairWatch
from tests.fakes.rtp import IDR, SDP, SLICE, fragments, interleaved, rtp
from tests.fakes.scripted_camera import Asked, ScriptedCamera, answer
from tests.pace import slowness
from vigilar.base.errors import CameraError, ErrorKind
from vigilar.base.stop import Stop
from vigilar.capture.rtsp import client, wire
from vigilar.capture.rtsp import source as rtsp_source
from vigilar.capture.rtsp.intake import Intake, StreamMemory
from vigilar.capture.rtsp.source import MORE_S, RtspSource
from vigilar.capture.rtsp.wire import LOW_WATER, MAX_GARBAGE_BYTES, WAKE_S, Wire
from vigilar.media.packets import Kind, RawPacket, SoundRefused


def no_sound(*_: object) -> object:
    raise SoundRefused("not here")


def heard(packets: Iterator[RawPacket | None]) -> RawPacket:
    """The next packet, whatever pauses lie before it."""
    return next(raw for raw in packets if raw is not None)


def opened(
    camera: ScriptedCamera,
    login: str = "",
    wait: Callable[[float], bool] | None = None,
    intake: Intake | None = None,
) -> RtspSource:
    return RtspSource(camera.url(login), wait or Stop().wait, no_sound, intake)  # type: ignore[arg-type]  # no return


@pytest.fixture
def camera() -> Iterator[ScriptedCamera]:
    with ScriptedCamera() as scripted:
        yield scripted


def picture(number: int, nal: bytes = SLICE) -> bytes:
    return interleaved(rtp(nal, number, number * 3600, marker=True))


def refusal(camera: ScriptedCamera, login: str = "") -> CameraError:
    with pytest.raises(CameraError) as caught:
        opened(camera, login)
    assert "127.0.0.1" not in str(caught.value) + caught.value.next_step
    return caught.value


def test_handshake_is_three_requests_and_a_goodbye(camera: ScriptedCamera) -> None:
    source = opened(camera)
    source.close()
    camera.wait_asked("TEARDOWN")
    assert camera.methods == ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]
    base = camera.url()
    assert [asked.uri for asked in camera.asked] == [base, base + "/trackID=0", base, base]
    assert camera.asked[2].headers["session"] == "77"


def test_frames_before_the_answer_to_play_are_not_lost(camera: ScriptedCamera) -> None:
    camera.special["PLAY"] = lambda asked: picture(0, IDR) + answer(asked) + picture(1)
    source = opened(camera)
    packets = iter(source)
    assert [heard(packets).is_keyframe, heard(packets).is_keyframe] == [True, False]
    source.close()


def test_picture_is_handed_out_before_the_next_is_sent_in_a_hurry(camera: ScriptedCamera) -> None:
    source = opened(camera)
    source.hurry(True)
    packets = iter(source)
    for number in range(5):
        camera.send(picture(number))
        assert heard(packets).kind is Kind.VIDEO
    source.close()


def low_water(source: RtspSource) -> int:
    """So many bytes wake the reader."""
    return source._session.wire._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)


def test_first_half_second_is_taken_as_it_comes_then_batches(
    camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording that begins waits for no batch."""
    monkeypatch.setattr(rtsp_source, "FIRST_S", 3600.0)  # no machine is so slow
    source = opened(camera)
    packets = iter(source)
    camera.send(picture(0, IDR))
    heard(packets)
    assert low_water(source) == 1
    monkeypatch.setattr(rtsp_source, "FIRST_S", 0.0)
    camera.send(picture(1))
    heard(packets)
    assert low_water(source) == LOW_WATER
    source.close()


def test_rest_of_a_picture_is_waited_for_a_moment(camera: ScriptedCamera) -> None:
    """While it is watched: not each of its packets wakes the reader."""
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return False

    source = opened(camera, wait=wait)
    source.hurry(True)
    packets = iter(source)
    first, second = fragments(IDR, 30)
    camera.send(interleaved(rtp(first, 0, 0)))
    while MORE_S not in waits:
        assert next(packets) is None
    camera.send(interleaved(rtp(second, 1, 0, marker=True)))
    assert heard(packets).is_keyframe
    waits.clear()
    assert [next(packets), next(packets)] == [None, None]
    assert waits == [0.0]
    source.close()


def test_stream_without_marks_is_known_to_the_next_process(camera: ScriptedCamera, tmp_path: Path) -> None:
    note = tmp_path / "unmarked-streams" / "drive-main"
    learned = Intake(unmarked_note=note, memory=StreamMemory(has_no_marks=True))
    for intake, nal, is_noted in (
        (learned, SLICE, True),
        (Intake(unmarked_note=note), SLICE, True),
        (Intake(unmarked_note=note), IDR, False),
        (Intake(unmarked_note=note), SLICE, False),
    ):
        source = opened(camera, intake=intake)
        camera.send(picture(0, nal))
        heard(iter(source))
        source.close()
        assert (intake.memory.has_no_marks, note.exists()) == (is_noted, is_noted)


def test_note_that_cannot_be_kept_costs_no_picture(
    camera: ScriptedCamera, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "unmarked-streams").write_text("a file where a folder should be")
    note = tmp_path / "unmarked-streams" / "drive-main"
    source = opened(camera, intake=Intake(unmarked_note=note, memory=StreamMemory(has_no_marks=True)))
    camera.send(picture(0))
    heard(iter(source))
    source.close()
    assert "whether the camera marks its pictures cannot be noted" in caplog.text


def test_unwatched_reader_wakes_five_times_a_second(camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    """A packet each 4 ms; a reader without the mark would wake for each."""
    monkeypatch.setattr(rtsp_source, "FIRST_S", 0.0)  # the begin is over
    source = opened(camera)
    camera.send(picture(0))
    packets = iter(source)
    heard(packets)
    fills, plain = [], Wire.fill

    def fill(self: Wire) -> int:
        fills.append(plain(self))
        return fills[-1]

    monkeypatch.setattr(Wire, "fill", fill)
    over = threading.Event()

    def send() -> None:
        number = 1
        while not over.wait(0.004):
            camera.send(picture(number))
            number += 1

    sender = threading.Thread(target=send)
    sender.start()
    began = time.monotonic()
    while time.monotonic() - began < 1.0:
        next(packets)
    lasted = time.monotonic() - began
    over.set()
    sender.join()
    source.close()
    assert len(fills) <= lasted / WAKE_S + 3
    assert sum(fills) > 5 * len(fills) * len(picture(0))


def test_burst_is_read_in_pieces_and_whole() -> None:
    """A long buffer would stay in memory for the one keyframe that filled it."""
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    with ours, theirs:
        line, sizes, filled = Wire(ours), [], 0
        line.channels[0] = lambda _, begin, end: sizes.append(end - begin)
        sent = b"".join(b"$\0" + (1000 + n).to_bytes(2, "big") + bytes(1000 + n) for n in range(400))
        sender = threading.Thread(target=theirs.sendall, args=(sent,))
        sender.start()
        while filled < len(sent):
            count = line.fill()
            assert 0 < count <= LOW_WATER
            filled += count
            line.take()
        sender.join()
    assert sizes == [1000 + n for n in range(400)]


def test_silence_gives_none_at_each_wake_up(camera: ScriptedCamera) -> None:
    source = opened(camera)
    packets = iter(source)
    assert next(packets) is None  # before the first wait
    began, watch = time.monotonic(), FairWatch()
    assert next(packets) is None
    assert time.monotonic() - began > 0.9 * WAKE_S
    assert watch.elapsed_s() < 5 * WAKE_S
    source.close()


def test_pictures_are_followed_by_none(camera: ScriptedCamera) -> None:
    camera.special["PLAY"] = lambda asked: answer(asked) + picture(0, IDR) + picture(1)
    source = opened(camera)
    packets = iter(source)
    heard(packets)
    heard(packets)
    assert next(packets) is None
    source.close()


def test_stop_ends_a_silent_stream(camera: ScriptedCamera) -> None:
    stop = Stop()
    source = opened(camera, wait=stop.wait)
    stop.set()
    watch = FairWatch()
    assert [raw for raw in source if raw is not None] == []
    assert watch.elapsed_s() < 0.4 * slowness()
    source.close()


@pytest.mark.parametrize("reply", [b"", b"RTSP/1.0 200 OK\r\nCSe"])
def test_stop_is_seen_while_opening(camera: ScriptedCamera, reply: bytes) -> None:
    camera.special["DESCRIBE"] = reply
    stop = Stop()
    threading.Timer(0.3, stop.set).start()
    watch = FairWatch()
    with pytest.raises(CameraError):
        opened(camera, wait=stop.wait)
    assert watch.elapsed_s() < 0.9 * slowness()


def test_trickled_answer_does_not_hold_us(camera: ScriptedCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "OPEN_TIMEOUT_S", 0.8)
    over = threading.Event()

    def trickle() -> None:
        camera.wait_asked("DESCRIBE")
        for byte in b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nX: " + b"x" * 1000:
            if over.wait(0.02):
                return
            camera.send_in_vain(bytes([byte]))

    camera.special["DESCRIBE"] = b""
    trickler = threading.Thread(target=trickle)
    trickler.start()
    watch = FairWatch()
    error = refusal(camera)
    over.set()
    trickler.join()
    assert (error.code, error.kind) == ("V-CAM-01", ErrorKind.TRANSIENT)
    assert watch.elapsed_s() < 1.5


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307])
def test_redirect_is_refused_and_not_followed(camera: ScriptedCamera, status: int) -> None:
    camera.special["DESCRIBE"] = lambda asked: answer(asked, status, f"Location: {camera.url()}")
    error = refusal(camera)
    assert (error.code, camera.methods) == ("V-CAM-02", ["DESCRIBE"])
    assert "another address" in str(error)


@pytest.mark.parametrize(
    ("method", "status", "code"),
    [
        ("DESCRIBE", 404, "V-CAM-05"),
        ("DESCRIBE", 403, "V-CAM-03"),
        ("DESCRIBE", 400, "V-CAM-05"),
        ("DESCRIBE", 405, "V-CAM-02"),
        ("SETUP", 453, "V-CAM-10"),
        ("SETUP", 461, "V-CAM-02"),
        ("PLAY", 454, "V-CAM-10"),
        ("PLAY", 503, "V-CAM-02"),
        ("PLAY", 302, "V-CAM-02"),
    ],
)
def test_refusal_at_each_step_has_its_code(camera: ScriptedCamera, method: str, status: int, code: str) -> None:
    camera.special[method] = lambda asked: answer(asked, status)
    assert refusal(camera).code == code


@pytest.mark.parametrize(
    "sdp",
    ["", "<html>", "v=0\n", SDP.replace("H264/90000", "JPEG/90000"), SDP.replace("m=video", "m=audio")],
)
def test_description_without_a_picture_is_named(camera: ScriptedCamera, sdp: str) -> None:
    camera.sdp = sdp
    assert refusal(camera).code == ("V-CAM-14" if "v=0" in sdp else "V-CAM-02")


@pytest.mark.parametrize(
    ("sdp", "sentence"),
    [
        ("v=0\n", "The camera has no picture at that address."),
        (SDP.replace("m=video", "m=audio"), "The camera sends sound but no picture."),
        (SDP.replace("H264", ""), "The camera does not say what kind of picture it sends."),
        ("v=0\nm=video 0 RTP/AVP 33\n", "The camera sends an MPEG transport stream, which this box cannot record."),
    ],
)
def test_what_is_missing_is_said(camera: ScriptedCamera, sdp: str, sentence: str) -> None:
    camera.sdp = sdp
    assert str(refusal(camera)) == sentence


def test_codec_that_cannot_be_recorded_is_named(camera: ScriptedCamera) -> None:
    camera.sdp = SDP.replace("H264", "jpeg")
    assert str(refusal(camera)) == "The camera sends MJPEG, which this box cannot record."


@pytest.mark.parametrize(
    "reply",
    [
        b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 5000,
        b"RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"RTSP/1.0 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"$\x00\xff\xff" + bytes(70_000) + b"$\x00\xff\xff" + bytes(70_000),
    ],
)
def test_answer_that_is_none_is_refused(camera: ScriptedCamera, reply: bytes) -> None:
    camera.special["DESCRIBE"] = reply
    watch = FairWatch()
    assert refusal(camera).code in {"V-CAM-02", "V-CAM-16"}
    assert watch.elapsed_s() < 3.0


DIGEST = 'WWW-Authenticate: Digest realm="r", nonce="n{}"{}'


def challenging(replies: list[tuple[str, bool]]) -> Callable[[Asked], bytes]:
    """Each request is refused with the next nonce and whether only that was stale; then all are good."""

    def reply(asked: Asked) -> bytes:
        if not replies:
            return answer(asked, body=SDP)
        nonce, is_stale = replies.pop(0)
        return answer(asked, 401, DIGEST.format(nonce, ", stale=true" if is_stale else ""))

    return reply


@pytest.mark.parametrize(
    ("replies", "is_let_in", "asked"),
    [
        ([("1", False)], True, 2),
        ([("1", False), ("2", True)], True, 3),
        ([("1", False), ("2", True), ("3", True)], False, 3),
        ([("1", False), ("2", False)], False, 2),
        ([("1", True), ("2", True)], True, 3),
    ],
)
def test_password_is_tried_once(
    camera: ScriptedCamera, replies: list[tuple[str, bool]], is_let_in: bool, asked: int
) -> None:
    camera.special["DESCRIBE"] = challenging(list(replies))
    if is_let_in:
        opened(camera, "u:hunter2").close()
    else:
        error = refusal(camera, "u:hunter2")
        assert (error.code, error.kind) == ("V-CAM-03", ErrorKind.DENIED)
    assert camera.methods.count("DESCRIBE") == asked
    assert all("hunter2" not in str(a.headers) + a.uri for a in camera.asked)


def test_without_a_login_a_challenge_is_final(camera: ScriptedCamera) -> None:
    camera.special["DESCRIBE"] = challenging([("1", False)])
    assert refusal(camera).code == "V-CAM-03"
    assert len(camera.asked) == 1


def test_new_nonce_after_a_good_login_is_taken(camera: ScriptedCamera) -> None:
    camera.special["DESCRIBE"] = challenging([("1", False)])
    nonces: list[str] = []

    def set_up(asked: Asked) -> bytes:
        nonces.append(asked.headers["authorization"])
        if len(nonces) == 1:
            return answer(asked, 401, DIGEST.format("2", ""))
        return answer(asked, 200, f"Transport: {asked.headers['transport']}", "Session: 5")

    camera.special["SETUP"] = set_up
    opened(camera, "u:p").close()
    assert ['nonce="n1"' in nonces[0], 'nonce="n2"' in nonces[1]] == [True, True]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MIN_KEEP_ALIVE_S", 0.1)


@pytest.mark.usefixtures("impatient")
def test_keep_alive_is_sent_at_half_of_the_timeout(camera: ScriptedCamera) -> None:
    camera.session = "77;timeout=1"
    camera.special["OPTIONS"] = lambda asked: answer(asked, 200, "Public: OPTIONS, GET_PARAMETER, PLAY")
    stop = Stop()
    source = opened(camera, wait=stop.wait)
    reader = threading.Thread(target=lambda: list(source))
    reader.start()
    camera.wait_asked("OPTIONS")
    camera.wait_asked("GET_PARAMETER", 2)
    stop.set()
    reader.join(PATIENCE_S)
    source.close()
    assert [a.headers["session"] for a in camera.asked if a.method == "GET_PARAMETER"] == ["77", "77"]


@pytest.mark.usefixtures("impatient")
def test_keep_alive_goes_back_to_options(camera: ScriptedCamera) -> None:
    camera.session = "77;timeout=1"
    replies = {"OPTIONS": "Public: GET_PARAMETER"}
    camera.special["OPTIONS"] = lambda asked: answer(asked, 200, replies["OPTIONS"])
    camera.special["GET_PARAMETER"] = lambda asked: answer(asked, 501)
    stop = Stop()
    source = opened(camera, wait=stop.wait)
    reader = threading.Thread(target=lambda: list(source))
    reader.start()
    camera.wait_asked("OPTIONS", 2)
    stop.set()
    reader.join(PATIENCE_S)
    source.close()
    assert camera.methods[3:6] == ["OPTIONS", "GET_PARAMETER", "OPTIONS"]


def test_camera_that_hangs_up_ends_the_stream(camera: ScriptedCamera) -> None:
    source = opened(camera)
    camera.client.close()
    with pytest.raises(CameraError) as caught:
        list(source)
    assert (caught.value.code, caught.value.kind) == ("V-CAM-16", ErrorKind.TRANSIENT)
    source.close()


def test_some_garbage_is_passed_over(camera: ScriptedCamera) -> None:
    source = opened(camera)
    packets = iter(source)
    for number in range(4):
        camera.send(b"junk $ \x24\x09\xff" * 3 + picture(number))
        assert heard(packets).pts == number * 3600
    source.close()


@pytest.mark.parametrize("garbage", [b"\x00", b"$", b"RTSP/", b"$\x07\x10\x00", b"RTSP/1.0 x\r\n\r\n", b"abc$\x00"])
def test_endless_garbage_ends_the_connection(camera: ScriptedCamera, garbage: bytes) -> None:
    source = opened(camera)
    sender = threading.Thread(target=camera.send_in_vain, args=(garbage * (3 * MAX_GARBAGE_BYTES // len(garbage)),))
    sender.start()
    began = time.process_time()
    with pytest.raises(CameraError) as caught:
        list(source)
    assert caught.value.kind is ErrorKind.TRANSIENT
    assert caught.value.code == "V-CAM-16"
    assert time.process_time() - began < 2.0
    source.close()
    sender.join(PATIENCE_S)


def test_flood_of_answers_ends_the_connection(camera: ScriptedCamera) -> None:
    source = opened(camera)
    camera.send(b"RTSP/1.0 200 OK\r\n\r\n" * 2000)
    with pytest.raises(CameraError):
        list(source)
    source.close()


def test_absolute_control_and_base_keep_our_host(camera: ScriptedCamera) -> None:
    camera.sdp = SDP.replace("a=control:trackID=0", "a=control:rtsp://10.9.9.9:1/x/trackID=0")
    camera.special["DESCRIBE"] = lambda asked: answer(asked, 200, "Content-Base: rtsp://10.9.9.9/x/", body=camera.sdp)
    opened(camera).close()
    root = camera.url().removesuffix("/main")
    assert [asked.uri for asked in camera.asked[:3]] == [camera.url(), root + "/x/trackID=0", root + "/x/"]


def test_channels_the_camera_chooses_are_used(camera: ScriptedCamera) -> None:
    camera.special["SETUP"] = lambda asked: answer(asked, 200, "Transport: RTP/AVP/TCP;interleaved=8-9", "Session: 1")
    source = opened(camera)
    camera.send(interleaved(rtp(IDR, 1, 0, marker=True), channel=8))
    heard(iter(source))
    source.close()


def test_sound_that_is_refused_leaves_the_picture(camera: ScriptedCamera) -> None:
    camera.sdp = SDP + "m=audio 0 RTP/AVP 8\r\na=control:trackID=1\r\n"
    source = opened(camera)
    assert len(source.streams) == 1
    assert camera.methods == ["DESCRIBE", "SETUP", "PLAY"]
    source.close()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=6))
def test_noise_in_the_stream_raises_only_our_error(pieces: list[bytes]) -> None:
    with ScriptedCamera() as camera, contextlib.suppress(CameraError):
        camera.special["PLAY"] = lambda asked: answer(asked) + b"".join(pieces)
        with contextlib.closing(opened(camera)) as source:
            camera.client.close()
            assert all(raw is None or raw.data for raw in source)


def test_unreadable_address_is_named() -> None:
    for url in ("rtsp://", "rtsps://cam/x", "rtsp://cam:99999/", "rtsp://a b/"):
        with pytest.raises(CameraError) as caught:
            RtspSource(url, Stop().wait, no_sound)  # type: ignore[arg-type]
        assert caught.value.code == "V-CAM-01"


def test_stop_is_seen_while_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    """To a socket whose queue is full: nobody answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
            fillers.append(filler)
        stop = Stop()
        threading.Timer(0.3, stop.set).start()
        watch, deadline_s = FairWatch(), time.monotonic() + 5.0
        with pytest.raises(CameraError):
            wire.connect("127.0.0.1", server.getsockname()[1], deadline_s, lambda: stop.wait(0.0))
        assert watch.elapsed_s() < 0.9 * slowness()
        for filler in fillers:
            filler.close()


def test_recording_a_camera_loads_no_libav() -> None:
    code = (
        "import sys, vigilar.capture.worker, vigilar.capture.probe, vigilar.capture.rtsp.source\n"
        "sys.exit(len({'av', 'numpy', 'cv2'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
