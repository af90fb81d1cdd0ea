"""MJPEG cameras over RTSP and HTTP from the wire to a file that browsers play."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import PATIENCE_S, wait_until
from tests.fair_watch import FairWatch
from tests.fakes.clips import make_mjpeg_clip
from tests.fakes.http_camera import HttpCamera, Manner, http_camera
from tests.fakes.jpeg_pictures import make_picture, to_jpeg
from tests.fakes.rtsp_camera import FakeCamera, Fault
from tests.recording_kit import Bench, bench, probe_times
from tests.rtsp.server import missing_reason, serve
from vigilar.base.clock import SimulatedClock, SystemClock
from vigilar.base.errors import CameraError, ErrorKind
from vigilar.base.stop import Stop
from vigilar.capture.http import source as http_source
from vigilar.capture.opener import open_source
from vigilar.capture.probe import Target, probe
from vigilar.capture.rtsp import sentences
from vigilar.capture.rtsp.intake import Intake, LoginMemory, StreamMemory
from vigilar.capture.worker import CaptureWorker, Connection
from vigilar.media.convert import CLOCK, MAX_FPS, JpegConverter
from vigilar.media.decode import Decoder, Picture
from vigilar.media.packets import Kind, Packet, RawPacket, RunStart, StreamRole


@dataclass
class Watch:
    """A worker that records, what it handed on, and why connections ended."""

    bench: Bench
    items: list[RunStart | Packet] = field(default_factory=list)
    errors: list[CameraError] = field(default_factory=list)

    @property
    def pictures(self) -> list[Packet]:
        return [item for item in self.items if isinstance(item, Packet) and item.kind is Kind.VIDEO]

    @property
    def runs(self) -> list[RunStart]:
        return [item for item in self.items if isinstance(item, RunStart)]

    def decoded(self) -> list[Picture]:
        decoder = Decoder(self.runs[0].video)
        return [picture for packet in self.pictures for picture in decoder.decode(packet)]


@contextlib.contextmanager
def watching(url: str, folder: Path, intake: Intake | None = None) -> Iterator[Watch]:
    """Record the camera at ``url`` until the block ends; then all is in files."""
    capture_stop, record_stop = Stop(), Stop()
    with bench(folder, is_real_time=True) as made:
        watch = Watch(made)

        def take(item: RunStart | Packet) -> None:
            watch.items.append(item)
            made.ring.add(item)

        def note(connection: Connection) -> None:
            if connection.error:
                watch.errors.append(connection.error)

        opener = partial(open_source, intake=intake or Intake())
        worker = CaptureWorker(StreamRole.MAIN, url, take, note, capture_stop, SystemClock(), opener=opener)
        threads = [
            threading.Thread(target=work, daemon=True) for work in (worker.run, partial(made.recorder.run, record_stop))
        ]
        for thread in threads:
            thread.start()
        try:
            yield watch
        finally:
            capture_stop.set()
            threads[0].join(PATIENCE_S)
            record_stop.set()
            made.recorder.wake()
            threads[1].join(PATIENCE_S)
            assert not any(thread.is_alive() for thread in threads)


def wait_pictures(watch: Watch, count: int, timeout_s: float = PATIENCE_S) -> None:
    wait_until(lambda: len(watch.pictures) >= count, timeout_s)


def check_file(watch: Watch, folder: Path) -> None:
    """One file, H.264 of real time, with a keyframe each two seconds."""
    (row,) = watch.bench.rows()
    times = probe_times(watch.bench.plaintext(row), folder)
    assert len(watch.pictures) - 1 <= len(times) <= len(watch.pictures)
    assert all(one[0] < two[0] for one, two in pairwise(times))
    real_s = (watch.pictures[-1].utc_ns - watch.pictures[0].utc_ns) / 1e9
    assert times[-1][0] - times[0][0] == pytest.approx(real_s, rel=0.1)
    keys = [at for at, _, is_key in times if is_key]
    assert keys[0] == times[0][0]
    assert all(two - one >= 1.8 for one, two in pairwise(keys))
    # On a busy machine pictures come late, and a keyframe is the first to come when it is due.
    due = [(one, [at for at, _, _ in times if at >= one + 2.3 and at > one]) for one in keys]
    assert all(not late or any(key <= late[0] for key in keys if key > one) for one, late in due)
    assert watch.runs[0].video.codec == "h264"
    assert watch.runs[0].video.source_codec == "mjpeg"


def check_pictures(watch: Watch, camera: HttpCamera) -> None:
    """What was decoded again are the camera's pictures: the box at the place where it was."""
    width, height = camera.manner.size
    still = make_picture(width, height)[..., 1].mean()
    pictures = watch.decoded()
    assert pictures
    for picture in pictures:
        assert picture.luma.shape == (height, width)
        assert picture.luma.mean() > still - 25
        assert picture.luma.max() > 180  # the box


MANNERS = {
    "as it should be": Manner(),
    "no length": Manner(part="--b\r\nContent-Type: image/jpeg\r\n\r\n"),
    "wrong boundary": Manner(part="--somethingelse\r\nContent-Type: image/jpeg\r\nContent-Length: {size}\r\n\r\n"),
    "boundary in quotes, with dashes": Manner(
        head='HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary="--b"\r\n\r\n'
    ),
    "no boundary at all": Manner(head="HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n", part=""),
    "no type": Manner(head="HTTP/1.0 200 OK\r\n\r\n"),
    "one picture's type": Manner(head="HTTP/1.0 200 OK\r\nContent-Type: image/jpeg\r\n\r\n", part="", tail=b""),
    "LF only": Manner(
        head="HTTP/1.0 200 OK\nContent-type: multipart/x-mixed-replace;boundary=b\n\n", part="--b\n\n", tail=b"\n"
    ),
    "wrong lengths": Manner(part="--b\r\nContent-Length: 5\r\n\r\n"),
    "stray bytes": Manner(tail=b"\0\0\xff\xff\r\n\r\n\r\n"),
    "ICY": Manner(head="ICY 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=b\r\n\r\n"),
    "chunked": Manner(
        head="HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=b\r\n"
        "Transfer-Encoding: chunked\r\n\r\n",
        is_chunked=True,
    ),
}


@pytest.mark.parametrize("name", MANNERS)
def test_camera_over_http_is_recorded(name: str, tmp_path: Path) -> None:
    with http_camera(MANNERS[name]) as camera, watching(camera.url(), tmp_path) as watch:
        wait_pictures(watch, 25)
    assert watch.errors == []
    check_file(watch, tmp_path)
    check_pictures(watch, camera)


def test_times_of_pictures_are_those_of_their_arrival(tmp_path: Path) -> None:
    with http_camera(Manner(rate=5.0)) as camera, watching(camera.url(), tmp_path) as watch:
        wait_pictures(watch, 15)
        now_ns = time.time_ns()
    assert watch.pictures[14].utc_ns <= now_ns
    late = [one.utc_ns - sent_ns for one, sent_ns in zip(watch.pictures, camera.sent_ns, strict=False)]
    assert statistics.median(late) == pytest.approx(0, abs=1e8)
    assert min(late) > -1e8, "none is dated before it came"


def test_damaged_pictures_are_left_out_and_the_stream_goes_on(tmp_path: Path) -> None:
    with http_camera(Manner(damage_every=3)) as camera, watching(camera.url(), tmp_path) as watch:
        wait_pictures(watch, 25)
    assert watch.errors == []
    assert len(camera.requests) == 1
    assert len(watch.pictures) < camera.pictures, "of some damaged ones nothing can be made"


def test_size_that_changes_begins_a_run_on_the_same_connection() -> None:
    converter = JpegConverter()
    packets = [
        packet
        for number, size in enumerate(((320, 176), (320, 176), (640, 352), (640, 352)))
        for packet in converter.encode(to_jpeg(make_picture(*size, 20)), number * CLOCK // 10)
    ]
    assert [packet.is_keyframe for packet in packets] == [True, False, True, False]


def test_pictures_beyond_the_rate_are_left_out_evenly() -> None:
    converter, made = JpegConverter(), []
    jpeg = to_jpeg(make_picture(160, 96, 20))
    for number in range(100):
        made += converter.encode(jpeg, number * CLOCK // 50)
    stamps = [packet.pts or 0 for packet in made][10:]  # without those that may be early
    gaps = {two - one for one, two in pairwise(stamps)}
    assert gaps == {CLOCK // MAX_FPS}


def test_pictures_with_uneven_stamps_are_kept() -> None:
    converter, made = JpegConverter(), []
    jpeg = to_jpeg(make_picture(160, 96, 20))
    for number in range(40):
        made += converter.encode(jpeg, number * CLOCK // 10 + (8000 if number % 2 else 0))
    assert len(made) == 40


def test_converting_takes_no_more_than_its_share_of_time() -> None:
    clock = SimulatedClock(mono_ns=0)

    class Slow(JpegConverter):
        """On a box that needs a tenth of a second for each picture."""

        def _convert(self, jpeg: bytes, pts: int) -> list[RawPacket]:
            clock.advance(0.1)
            return super()._convert(jpeg, pts)

    converter = Slow(lambda: clock.mono_ns() / 1e9, lambda: clock.mono_ns() / 1e9)
    jpeg = to_jpeg(make_picture(160, 96, 20))
    made: list[int] = []
    for number in range(300):
        clock.advance(max(0.0, number / 10 - clock.mono_ns() / 1e9))
        made += [packet.pts or 0 for packet in converter.encode(jpeg, number * CLOCK // 10)]
    assert 145 <= len(made) <= 160
    assert max(two - one for one, two in pairwise(made)) <= 3 * CLOCK // 10


LOGINS = {
    "basic": (Manner(login="basic"), 2),
    "digest": (Manner(login="digest"), 2),
    "odd password": (Manner(login="digest", password="p%ss:w@rd/ü"), 2),
}


@pytest.mark.parametrize("name", LOGINS)
def test_login_lets_in(name: str, tmp_path: Path) -> None:
    manner, tries = LOGINS[name]
    password = manner.password.replace("%", "%25").replace("@", "%40").replace("/", "%2F")
    with http_camera(manner) as camera, watching(camera.url(f"admin:{password}"), tmp_path) as watch:
        wait_pictures(watch, 5)
    assert len(camera.requests) == tries
    assert camera.refused_logins == 0
    assert not any(manner.password in request for request in camera.requests)


@pytest.mark.parametrize("scheme", ["basic", "digest"])
def test_wrong_password_is_tried_once(scheme: str) -> None:
    with http_camera(Manner(login=scheme)) as camera:
        report = probe(Target(camera.url("admin:wrong")))
    assert (report.ok, report.code) == (False, "V-CAM-03")
    assert camera.refused_logins == 1
    assert "wrong" not in report.sentence


def test_camera_that_took_digest_gets_no_password_by_basic() -> None:
    memory = LoginMemory()
    intake = Intake(memory=StreamMemory(login=memory))
    with http_camera(Manner(login="digest then basic")) as camera:
        open_source(camera.url("admin:secret"), Stop().wait, intake).close()
        with pytest.raises(CameraError) as caught:
            open_source(camera.url("admin:secret"), Stop().wait, intake)
    assert caught.value.kind is ErrorKind.DENIED
    assert not any("Basic" in request for request in camera.requests)


REFUSALS = {
    "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\n": "V-CAM-02",
    "HTTP/1.1 404 Not Found\r\n\r\n": "V-CAM-05",
    "HTTP/1.1 403 Forbidden\r\n\r\n": "V-CAM-03",
    "HTTP/1.1 503 Busy\r\n\r\n": "V-CAM-10",
    "HTTP/1.1 500 Oh\r\n\r\n": "V-CAM-02",
    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n": "V-CAM-05",
    "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 5000\r\n\r\n": "V-CAM-05",
    "RTSP/1.0 200 OK\r\n\r\n": "V-CAM-02",
    "SSH-2.0-OpenSSH\r\n": "V-CAM-02",
    "HTTP/1.1 200 OK\r\nX: " + "x" * 20_000 + "\r\n\r\n": "V-CAM-02",
}


@pytest.mark.parametrize("answer", REFUSALS)
def test_what_is_no_stream_is_named(answer: str) -> None:
    with http_camera(Manner(head=answer)) as camera:
        report = probe(Target(camera.url()))
    assert (report.ok, report.code) == (False, REFUSALS[answer])
    assert len(camera.requests) == 1
    assert report.next_step


def test_head_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_source, "OPEN_TIMEOUT_S", 1.0)
    watch = FairWatch()
    with http_camera(Manner(head_bytes_each_s=0.1)) as camera, pytest.raises(CameraError) as caught:
        open_source(camera.url(), Stop().wait)
    assert caught.value.code == "V-CAM-01"
    assert watch.elapsed_s() < 4.0


@pytest.mark.long
def test_silent_camera_is_given_up_and_opened_again(tmp_path: Path) -> None:
    with http_camera(Manner(stall_s=2.0)) as camera, watching(camera.url(), tmp_path) as watch:
        wait_until(lambda: bool(watch.errors), 20.0)
        assert watch.errors[0].code == "V-CAM-16"
        wait_until(lambda: len(camera.requests) == 2, 10.0)


@pytest.mark.parametrize("manner", [Manner(drop_s=1.0), Manner(garbage_s=1.0)])
def test_connection_that_ends_is_opened_again(manner: Manner, tmp_path: Path) -> None:
    with http_camera(manner) as camera, watching(camera.url(), tmp_path) as watch:
        wait_until(lambda: len(watch.runs) >= 2, 20.0)
    assert watch.errors[0].code == "V-CAM-16"
    assert len(camera.requests) >= 2


def test_flood_is_left_alone() -> None:
    """Valid pictures, far more than the owner lets it send."""
    with http_camera(Manner(rate=400.0, size=(640, 352))) as camera:
        source = open_source(camera.url(), Stop().wait, Intake(limit_bps=1_000_000))
        with pytest.raises(CameraError) as caught:
            for _ in source:
                pass
        source.close()
    assert caught.value.code == sentences.TOO_MUCH


def test_stop_ends_a_silent_connection_at_once() -> None:
    stop = Stop()
    with http_camera(Manner(stall_s=0.0)) as camera:
        source = open_source(camera.url(), stop.wait)
        threading.Timer(0.3, stop.set).start()
        watch = FairWatch()
        assert all(item is None for item in source)
        assert watch.elapsed_s() < 2.0
        source.close()


def test_probe_says_that_it_is_converted() -> None:
    with http_camera() as camera:
        report = probe(Target(camera.url()))
    assert report.ok
    assert report.sentence == "The camera works: 320x176 MJPEG, converted to H.264 here."
    assert "H.264 or H.265" in report.next_step
    assert [stage.name for stage in report.stages] == ["reached", "stream", "first picture"]


@pytest.fixture(scope="module")
def mjpeg_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_mjpeg_clip(tmp_path_factory.mktemp("clip") / "clip.mov", pictures=30)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_camera_over_rtsp_is_recorded(transport: str, mjpeg_clip: Path, tmp_path: Path) -> None:
    intake = Intake(transport="udp" if transport == "udp" else "tcp")
    mounts = {"main": (mjpeg_clip, Fault(swap=10.0 if transport == "udp" else 0.0))}
    with FakeCamera(mounts) as camera, watching(camera.url("main"), tmp_path, intake) as watch:
        wait_pictures(watch, 30)
    assert watch.errors == []
    check_file(watch, tmp_path)
    assert all(picture.luma.shape == (176, 320) for picture in watch.decoded())


def test_sound_comes_beside_the_converted_picture(tmp_path: Path) -> None:
    clip = make_mjpeg_clip(tmp_path / "clip.mov", pictures=30, has_sound=True)
    with FakeCamera({"main": (clip, Fault())}) as camera, watching(camera.url("main"), tmp_path) as watch:
        wait_pictures(watch, 30)
    (row,) = watch.bench.rows()
    assert row.has_audio
    sounds = probe_times(watch.bench.plaintext(row), tmp_path, "a:0")
    pictures = probe_times(watch.bench.plaintext(row), tmp_path)
    assert sounds[0][0] == pytest.approx(pictures[0][0], abs=0.35)
    assert sounds[-1][0] == pytest.approx(pictures[-1][0], abs=1.0)


def test_lost_fragments_cost_only_their_pictures(mjpeg_clip: Path, tmp_path: Path) -> None:
    with FakeCamera({"main": (mjpeg_clip, Fault(lose=5.0))}) as camera, watching(camera.url("main"), tmp_path) as watch:
        wait_pictures(watch, 25)
    assert watch.errors == []
    assert camera.requests.count("PLAY") == 1
    # All rows of the clip's pictures are alike; a part that came from elsewhere would not be.
    assert all(np.median(picture.luma.std(axis=0)) < 4 for picture in watch.decoded())


@pytest.mark.skipif(missing_reason() != "", reason=missing_reason() or "it is there")
def test_server_of_others_is_recorded(mjpeg_clip: Path, tmp_path: Path) -> None:
    with serve({"main": str(mjpeg_clip)}) as server, watching(server.url("main"), tmp_path) as watch:
        wait_pictures(watch, 30)
    assert watch.errors == []
    check_file(watch, tmp_path)


def test_ordinary_camera_loads_nothing_of_this(tmp_path: Path) -> None:
    """In a process of its own, as this one has loaded all."""
    code = (
        "import sys, vigilar.processes.camera;"
        "print([m for m in sys.modules if m in ('av', 'vigilar.media.convert', 'vigilar.media.jpeg')"
        " or m.startswith(('vigilar.capture.http', 'vigilar.capture.rtsp.jpeg'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
