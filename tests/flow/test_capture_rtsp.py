"""Capture against a camera on the wire that misbehaves: each fault of ``Fault`` and each bad address."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from tests.conftest import PATIENCE_S, wait_until
from tests.fair_watch import FairWatch
from tests.fakes.clips import make_b_frame_clip, make_clip, make_g711_clip, needs_h265, raw_packets
from tests.fakes.odd_camera import odd_camera
from tests.fakes.rtsp_camera import FakeCamera, Fault
from tests.pace import slowness
from tests.rtsp.server import missing_reason, serve
from vigilar.base.clock import SystemClock
from vigilar.base.errors import CameraError, ErrorKind
from vigilar.base.stop import Stop
from vigilar.capture.opener import open_source
from vigilar.capture.probe import Target, probe
from vigilar.capture.worker import CaptureWorker, Connection
from vigilar.media.bitstream import codec_string
from vigilar.media.decode import Decoder
from vigilar.media.packets import Kind, Packet, RunStart, StreamRole


@dataclass
class Capture:
    """A worker on its thread, and what it handed over."""

    url: str
    items: list[RunStart | Packet] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    stop: Stop = field(default_factory=Stop)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        clock = SystemClock()
        self.worker = CaptureWorker(StreamRole.MAIN, self.url, self._take, self._note, self.stop, clock)
        self.thread = threading.Thread(target=self.worker.run, name="capture test", daemon=True)

    def _take(self, item: RunStart | Packet) -> None:
        with self._changed:
            self.items.append(item)
            self._changed.notify_all()

    def _note(self, connection: Connection) -> None:
        with self._changed:
            self.connections.append(connection)
            self._changed.notify_all()

    def wait(self, is_done: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        with self._changed:
            assert self._changed.wait_for(is_done, timeout_s), "the camera did not get there"

    @property
    def runs(self) -> list[RunStart]:
        return [item for item in self.items if isinstance(item, RunStart)]

    def packets(self, kind: Kind = Kind.VIDEO) -> list[Packet]:
        return [item for item in self.items if isinstance(item, Packet) and item.kind is kind]

    @property
    def error(self) -> CameraError | None:
        return next((c.error for c in self.connections if c.error), None)


@contextlib.contextmanager
def capturing(url: str) -> Iterator[Capture]:
    capture = Capture(url)
    capture.thread.start()
    try:
        yield capture
    finally:
        capture.stop.set()
        capture.thread.join(PATIENCE_S)
        assert not capture.thread.is_alive()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", pictures=30, sound=True)


@contextlib.contextmanager
def serving(clip: Path, fault: Fault | None = None) -> Iterator[FakeCamera]:
    with FakeCamera({"main": (clip, fault or Fault())}) as camera:
        yield camera


def test_first_packet_is_the_keyframe_with_sound_behind(clip: Path) -> None:
    with serving(clip) as camera, capturing(camera.url("main")) as capture:
        capture.wait(lambda: len(capture.packets()) >= 35 and len(capture.packets(Kind.AUDIO)) >= 10)
    assert isinstance(capture.items[0], RunStart)
    video = capture.packets()
    assert video[0].is_keyframe
    assert all(one.dts + one.duration == two.dts for one, two in pairwise(video))
    assert all(one.dts < two.dts for one, two in pairwise(capture.packets(Kind.AUDIO)))
    assert len(capture.runs) == 1
    assert capture.worker.odd_stamps == 0


def test_every_picture_decodes(clip: Path) -> None:
    with serving(clip) as camera, capturing(camera.url("main")) as capture:
        capture.wait(lambda: len(capture.packets()) >= 25)
    decoder = Decoder(capture.runs[0].video)
    video = capture.packets()
    pictures = [picture for packet in video for picture in decoder.decode(packet)]
    assert decoder.errors == 0
    assert [p.utc_ns for p in pictures] == [p.utc_ns for p in video[: len(pictures)]]
    assert len(pictures) >= len(video) - 1


def test_parameter_sets_in_band_are_enough(clip: Path) -> None:
    with serving(clip, Fault(bare=True)) as camera, capturing(camera.url("main")) as capture:
        capture.wait(lambda: len(capture.packets()) >= 5)
    video = capture.runs[0].video
    assert (video.width, video.height) == (320, 180)
    assert Decoder(video).decode(capture.packets()[0])


def test_stream_joined_between_keyframes_begins_with_one(clip: Path) -> None:
    with serving(clip, Fault(mid_gop=True)) as camera:
        time.sleep(0.35)
        with capturing(camera.url("main")) as capture:
            capture.wait(lambda: len(capture.packets()) >= 5)
    assert capture.packets()[0].is_keyframe


@needs_h265()
def test_h265_is_captured(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", h265=True)
    with serving(clip) as camera, capturing(camera.url("main")) as capture:
        capture.wait(lambda: len(capture.packets()) >= 15)
    assert (capture.runs[0].video.codec, capture.runs[0].video.width) == ("hevc", 320)


def test_g711_becomes_aac(tmp_path: Path) -> None:
    clip = make_g711_clip(tmp_path / "clip.mov")
    with serving(clip) as camera, capturing(camera.url("main")) as capture:
        capture.wait(lambda: len(capture.packets(Kind.AUDIO)) >= 15)
    sound = capture.runs[0].audio
    assert sound is not None
    assert (sound.codec, sound.sample_rate, codec_string(sound)) == ("aac", 8000, "mp4a.40.2")
    units = capture.packets(Kind.AUDIO)
    assert {two.dts - one.dts for one, two in pairwise(units)} == {1024}
    # The tone must come out as one: decoded, it crosses zero 880 times a second.
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = sound.setup
    heard = np.concatenate([f.to_ndarray()[0] for u in units for f in decoder.decode(av.Packet(u.data))])[4096:]
    crossings = np.count_nonzero(np.diff(np.signbit(heard)))
    assert crossings / (len(heard) / 8000) == pytest.approx(880, rel=0.02)


def test_g711_file_loops(tmp_path: Path) -> None:
    clip = make_g711_clip(tmp_path / "clip.mov", pictures=10)
    with capturing(f"file:{clip}") as capture:
        capture.wait(lambda: len(capture.packets()) >= 25)
    assert len(capture.runs) == 1
    units = capture.packets(Kind.AUDIO)
    assert len(units) > 12
    assert all(one.dts < two.dts for one, two in pairwise(units))


def test_dropped_connection_comes_back_as_new_run(clip: Path) -> None:
    with serving(clip, Fault(drop_s=0.8)) as camera, capturing(camera.url("main")) as capture:
        capture.wait(lambda: len(capture.runs) >= 2)
    assert capture.error is not None
    assert capture.error.code == "V-CAM-16"
    assert capture.runs[0].run < capture.runs[1].run


def test_clock_that_leaps_goes_on_in_the_same_run(clip: Path) -> None:
    with serving(clip, Fault(jump_s=0.8)) as camera, capturing(camera.url("main")) as capture:
        capture.wait(lambda: len(capture.packets()) >= 30 and len(capture.packets(Kind.AUDIO)) >= 30)
        assert camera.requests.count("PLAY") == 1
    video = capture.packets()
    assert len(capture.runs) == 1
    assert all(one.dts + one.duration == two.dts for one, two in pairwise(video))
    assert max(p.duration_s for p in video) < 1.0
    assert capture.worker.odd_stamps == 2  # one of each stream


def test_lost_packets_do_not_end_the_run(clip: Path) -> None:
    with serving(clip, Fault(lose=5)) as camera, capturing(camera.url("main")) as capture:
        capture.wait(lambda: len(capture.packets()) >= 30)
    assert len(capture.runs) == 1


def test_camera_that_turns_to_garbage_begins_new_run(clip: Path) -> None:
    with serving(clip, Fault(garbage_s=0.5)) as camera, capturing(camera.url("main")) as capture:
        capture.wait(lambda: len(capture.runs) >= 2)
    assert capture.error is not None
    assert (capture.error.code, capture.error.kind) == ("V-CAM-16", ErrorKind.TRANSIENT)


def test_pictures_without_marker_are_whole(clip: Path) -> None:
    with serving(clip, Fault(no_marker=True)) as camera, capturing(camera.url("main")) as capture:
        capture.wait(lambda: len(capture.packets()) >= 15)
    decoder = Decoder(capture.runs[0].video)
    assert sum(len(decoder.decode(packet)) for packet in capture.packets()) >= 14
    assert decoder.errors == 0


@pytest.mark.skipif(bool(missing_reason()), reason=missing_reason())
def test_b_frames_come_with_decode_stamps(tmp_path: Path) -> None:
    clip = make_b_frame_clip(tmp_path / "clip.mp4")
    with serve({"main": str(clip)}) as server, capturing(server.url("main")) as capture:
        capture.wait(lambda: len(capture.packets()) >= 45)
    video = capture.packets()
    assert len(capture.runs) == 1
    assert all(one.dts < two.dts for one, two in pairwise(video))
    assert all(packet.dts <= packet.pts for packet in video)
    assert any(one.pts > two.pts for one, two in pairwise(video))
    decoder = Decoder(capture.runs[0].video)
    shown = [picture.utc_ns for packet in video for picture in decoder.decode(packet)]
    assert decoder.errors == 0
    assert len(shown) >= len(video) - 4


@pytest.mark.parametrize("late_s", [0.0, 0.5])
def test_sound_stays_in_step_with_the_picture(clip: Path, late_s: float) -> None:
    """Each packet captured is looked up in the file: both kinds must be off by the same, late in coming or not.

    Sound that comes late is moved by the second pair of the camera's reports, which come each five seconds.
    """
    source, raws = raw_packets(clip)
    source.close()
    at_s = {raw.data[-24:]: float((raw.pts or 0) * raw.time_base) for raw in raws}
    length_s = 3.0

    def off_s(kind: Kind) -> list[float]:
        return [p.pts * float(p.time_base) - at_s[p.data[-24:]] for p in capture.packets(kind) if p.data[-24:] in at_s]

    def apart_s() -> float:
        apart = (off_s(Kind.AUDIO)[-1] - off_s(Kind.VIDEO)[-1]) % length_s
        return min(apart, length_s - apart)

    with serving(clip, Fault(sound_late_s=late_s)) as camera, capturing(camera.url("main")) as capture:
        capture.wait(lambda: min(len(capture.packets()), len(capture.packets(Kind.AUDIO))) >= 25)
        if late_s:
            capture.wait(lambda: apart_s() < 0.09)
    assert apart_s() < 0.09
    assert len(off_s(Kind.VIDEO)) > 10


def test_stalled_camera_lets_the_thread_stop(clip: Path) -> None:
    with serving(clip, Fault(stall_s=0.5)) as camera, capturing(camera.url("main")) as capture:
        capture.wait(lambda: len(capture.packets()) >= 2)
        time.sleep(1.0)
        watch = FairWatch()
        capture.stop.set()
        capture.thread.join(PATIENCE_S)
        assert watch.elapsed_s() < 0.5 * slowness()


@pytest.mark.long
def test_sound_alone_is_given_up_after_ten_seconds(clip: Path) -> None:
    with serving(clip, Fault(video_stall_s=1.0)) as camera, capturing(camera.url("main")) as capture:
        capture.wait(lambda: capture.error is not None)
    assert capture.error is not None
    assert capture.error.code == "V-CAM-16"
    assert "no usable picture" in str(capture.error)


def opened(url: str) -> CameraError:
    with pytest.raises(CameraError) as caught:
        open_source(url, Stop().wait)
    text = str(caught.value) + caught.value.next_step
    assert "rtsp://" not in text
    assert "hunter2" not in text
    assert "\n" not in text
    return caught.value


@pytest.mark.parametrize("basic", [False, True])
def test_wrong_password_is_tried_once(clip: Path, basic: bool) -> None:
    with serving(clip, Fault(user="admin", password="right", basic=basic)) as camera:
        error = opened(camera.url("main", "admin:hunter2"))
        assert camera.refused_logins == 1
    assert (error.code, error.kind) == ("V-CAM-03", ErrorKind.DENIED)


@pytest.mark.parametrize("basic", [False, True])
def test_odd_password_is_accepted(clip: Path, basic: bool) -> None:
    with serving(clip, Fault(user="admin", password="p@ss:w/rd", basic=basic)) as camera:
        open_source(camera.url("main", "admin:p%40ss%3Aw%2Frd"), Stop().wait).close()


@pytest.mark.parametrize(("status", "code"), [(404, "V-CAM-05"), (453, "V-CAM-10"), (503, "V-CAM-02")])
def test_refusal_has_its_own_sentence(clip: Path, status: int, code: str) -> None:
    with serving(clip, Fault(status=status)) as camera:
        assert opened(camera.url("main")).code == code


def test_endless_redirect_is_not_followed(clip: Path) -> None:
    with serving(clip, Fault(redirect=True)) as camera:
        error = opened(camera.url("main"))
        assert camera.requests == ["DESCRIBE"]
    assert error.code == "V-CAM-02"
    assert "another address" in str(error)


def test_stop_while_opening_is_said_to_nobody(clip: Path) -> None:
    with serving(clip, Fault(describe_delay_s=3600.0)) as camera, capturing(camera.url("main")) as capture:
        wait_until(lambda: camera.requests, 5.0)
        watch = FairWatch()
        capture.stop.set()
        capture.thread.join(PATIENCE_S)  # the camera never answers
        assert not capture.thread.is_alive()
        assert watch.elapsed_s() < 0.4 * slowness()
    assert capture.connections == []


def test_wrong_path_is_named(clip: Path) -> None:
    with serving(clip) as camera:
        assert opened(camera.url("elsewhere")).code == "V-CAM-05"


def test_sound_without_picture_is_named(clip: Path) -> None:
    with serving(clip, Fault(only="audio")) as camera:
        error = opened(camera.url("main"))
    assert (error.code, str(error)) == ("V-CAM-14", "The camera sends sound but no picture.")


def test_refused_connection_is_named(free_tcp_port: int) -> None:
    error = opened(f"rtsp://admin:hunter2@127.0.0.1:{free_tcp_port}/main")
    assert (error.code, error.kind) == ("V-CAM-01", ErrorKind.TRANSIENT)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b"SSH-2.0-x\r\n", b""])
def test_something_else_answers(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.recv(1000)
                client.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        error = opened(f"rtsp://127.0.0.1:{server.getsockname()[1]}/main")
    assert error.code in {"V-CAM-01", "V-CAM-02", "V-CAM-05"}


def test_probe_names_each_step(clip: Path) -> None:
    with serving(clip) as camera:
        report = probe(Target(camera.url("main")))
    assert report.ok
    assert [stage.name for stage in report.stages] == ["reached", "stream", "first picture"]


def test_probe_tells_sound_that_does_not_come(clip: Path) -> None:
    with odd_camera(clip, sound=lambda _piece, _loop_s, _number: None) as camera:
        report = probe(Target(camera.url("main")))
    assert (report.ok, report.sentence) == (True, "The camera works: 320x180 H.264, sound offered, but none came.")
    assert "microphone" in report.next_step


def test_probe_names_the_step_that_failed(clip: Path) -> None:
    with serving(clip, Fault(user="admin", password="right")) as camera:
        report = probe(Target(camera.url("main", "admin:hunter2")))
        assert camera.refused_logins == 1
    assert (report.ok, report.code, report.stages[-1].ok) == (False, "V-CAM-03", False)


@pytest.mark.parametrize("content", [None, b"", b"not a video", b"\0\0\0\x18ftypisom"])
def test_file_that_is_no_video_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    assert opened(f"file:{path}").code == "V-CAM-15"


def test_truncated_file_does_not_crash(clip: Path, tmp_path: Path) -> None:
    whole = clip.read_bytes()
    for part in (3, 2):
        (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // part])
        assert opened(f"file:{tmp_path / 'cut.mp4'}").code == "V-CAM-15"


def test_file_loops_without_a_seam(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pictures=5, keyframe_every=5)
    with capturing(f"file:{clip}") as capture:
        capture.wait(lambda: len(capture.packets()) >= 14)
    video = capture.packets()
    assert len(capture.runs) == 1
    assert {round(p.duration_s, 3) for p in video} == {0.1}
    assert [p.is_keyframe for p in video[:11]] == [n % 5 == 0 for n in range(11)]
