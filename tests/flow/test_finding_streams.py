"""A camera of which only the address is known: what is asked of it, in what order, and how often a login is tried."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.fakes.clips import make_clip
from tests.fakes.rtsp_camera import FakeCamera, Fault
from tests.fakes.scripted_camera import Asked, ScriptedCamera, answer
from tests.fakes.small_clip import make_small_clip
from tests.flow.command_line import vigilar
from vigilar.capture.makes import COMMON, MAKES, paths_for
from vigilar.capture.probe import ProbeReport, Stage, Target, probe
from vigilar.capture.stream_finder import Login


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("clips")
    return make_clip(folder / "main.mp4", pictures=30, sound=True), make_small_clip(folder / "sub.mp4")


class Heard:
    """What was told of a probe as it went on."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.stages: list[Stage] = []
        self.pictures: list[bytes] = []

    def doing(self, words: str) -> None:
        self.words.append(words)

    def stage(self, stage: Stage) -> None:
        self.stages.append(stage)

    def picture(self, jpeg: bytes) -> None:
        assert [one.name for one in self.stages][-1] == "first picture"
        self.pictures.append(jpeg)


def find(port: int, login: Login | None = None, heard: Heard | None = None) -> ProbeReport:
    login = login or Login()

    def add_login(address: str) -> str:
        return address.replace("rtsp://", f"rtsp://{login.user}:{login.password}@") if login.user else address

    target = Target(find_at=("127.0.0.1", port, False), login=login)
    return probe(target, listener=heard, add_login=add_login)


def test_both_streams_are_found_shown_and_measured(clips: tuple[Path, Path]) -> None:
    main, sub = clips
    lock = Fault(user="admin", password="right")
    heard = Heard()
    with FakeCamera({"stream1": (main, lock), "stream2": (sub, lock)}) as camera:
        report = find(camera.port, Login("admin", "right"), heard)
    assert report.ok, report
    assert report.address == f"rtsp://127.0.0.1:{camera.port}/stream1"
    assert report.small == f"rtsp://127.0.0.1:{camera.port}/stream2"
    assert report.card is not None
    assert report.card.small is not None
    assert report.card.small.picture == "160x90 H.264"
    assert report.card.make == "TP-Link"
    assert report.card.main.sound == "aac"
    assert 8 < report.card.main.fps < 12
    assert report.card.main.kbps > 0
    assert report.refused_logins == camera.refused_logins == 0
    assert [one.name for one in heard.stages[:4]] == ["reached", "found", "stream", "first picture"]
    assert heard.pictures[0][:2] == b"\xff\xd8"
    assert any("TP-Link" in words for words in heard.words)
    assert dict(report.card.rows())["Clock"] == "right"


def test_wrong_login_is_tried_once_whatever_paths_there_are(clips: tuple[Path, Path]) -> None:
    lock = Fault(user="admin", password="right")
    everywhere = dict.fromkeys({main.partition("/")[0] for _, main, _ in paths_for("")} - {""}, (clips[0], lock))
    with FakeCamera(everywhere) as camera:
        report = find(camera.port, Login("admin", "wrong"))
    assert (report.ok, report.code) == (False, "V-CAM-03")
    assert report.refused_logins == camera.refused_logins == 1
    assert "found" in [stage.name for stage in report.stages if not stage.ok]


def test_camera_that_wants_a_login_gets_no_guess(clips: tuple[Path, Path]) -> None:
    with FakeCamera({"Preview_01_main": (clips[0], Fault(user="admin", password="right"))}) as camera:
        report = find(camera.port)
    assert report.code == "V-CAM-03"
    assert camera.refused_logins == 0
    assert camera.requests.count("DESCRIBE") == 1


def test_camera_without_any_usual_path_is_left_in_peace() -> None:
    asked: list[tuple[float, str]] = []

    def describe(request: Asked) -> bytes:
        asked.append((time.monotonic(), request.uri.partition("/")[2].partition("/")[2].partition("/")[2]))
        return answer(request, 404)

    with ScriptedCamera() as camera:
        camera.special["DESCRIBE"] = describe
        report = find(int(camera.url().rsplit(":", 1)[1].split("/")[0]), Login("admin", "hunter2"))
    assert report.code == "V-CAM-05"
    paths = [path for _, path in asked]
    assert len(paths) <= sum(len(make.paths) for make in MAKES) + len(COMMON) + 1
    assert not any("hunter2" in path for path in paths), "a password in a path is for those who ask for it"
    assert min(two - one for (one, _), (two, _) in pairwise(asked[1:])) >= 0.15


def test_make_that_names_itself_is_asked_first(clips: tuple[Path, Path]) -> None:
    assert paths_for("Hipcam RealServer/V1.0")[0] == ("Hipcam", "11", "12")
    assert paths_for('Digest realm="Login to 8f2a", nonce="x"')[0][0] == "Dahua"
    assert any("{password}" in main for _, main, _ in paths_for("H264DVR 1.0"))
    assert not any("{password}" in main for _, main, _ in paths_for("anything"))


def test_camera_that_gives_one_stream_at_any_path_has_no_small_one(clips: tuple[Path, Path]) -> None:
    lock = Fault()
    with FakeCamera({"Preview_01_main": (clips[0], lock), "Preview_01_sub": (clips[0], lock)}) as camera:
        report = find(camera.port)
    assert (report.ok, report.small) == (True, "")


def test_bare_address_is_added_by_the_command_line(clips: tuple[Path, Path], tmp_path: Path) -> None:
    lock = Fault(user="admin", password="p@ss:w/rd")
    with FakeCamera({"stream1": (clips[0], lock)}) as camera:
        login = ("--user", "admin", "--password-file", "-", "--name", "Shed")
        done = vigilar(tmp_path, "camera", "add", f"127.0.0.1:{camera.port}", *login, stdin="p@ss:w/rd\n")
        assert done.code == 0, done
        again = vigilar(tmp_path, "camera", "test", "shed")
    assert "Whole picture" in done.out
    assert f'address = "rtsp://127.0.0.1:{camera.port}/stream1"' in (tmp_path / "vigilar.toml").read_text()
    assert "w/rd" not in (tmp_path / "vigilar.toml").read_text() + done.out + done.err
    assert again.code == 0
    assert camera.refused_logins == 0


@pytest.mark.parametrize("address", ["no-such-camera.invalid", "rtsp://no-such-camera.invalid/stream1"])
def test_name_that_means_nothing_says_so(tmp_path: Path, address: str) -> None:
    done = vigilar(tmp_path, "camera", "test", address)
    assert done.code == 8
    assert "Nothing answers at no-such-camera.invalid: its name is not known." in done.err
    assert "Check how the name is written" in done.err


def test_machine_without_video_is_told_from_none(tmp_path: Path) -> None:
    with ScriptedCamera(greeting=b"SSH-2.0-OpenSSH_9.2\r\n") as other:
        done = vigilar(tmp_path, "camera", "test", other.url().removeprefix("rtsp://").removesuffix("/main"))
    assert done.code == 8
    assert "[V-CAM-02]" in done.err
