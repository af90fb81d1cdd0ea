"""The settings of a trial, and what ``vigilar demo`` refuses before it starts anything."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.base.lock import FileLock
from vigilar.cli.demo import default_folder, with_password
from vigilar.cli.demo_house import MARK, prepare, read_camera
from vigilar.cli.program import run
from vigilar.config.addresses import DEMO_SCENES
from vigilar.config.places import Places, find_places
from vigilar.config.secrets import SecretStore
from vigilar.demo.scenes import SCENES


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return find_places(data_dir=tmp_path / "trial", environ={})


def test_scenes_known_to_the_settings_are_those_that_are_drawn() -> None:
    assert tuple(scene.name for scene in SCENES) == DEMO_SCENES


def test_first_start_makes_the_four_scenes(places: Places) -> None:
    config = prepare(places, [], None)
    assert [(camera.name, camera.address) for camera in config.cameras] == [
        ("Street", "demo:street"),
        ("Garden", "demo:garden"),
        ("Hall", "demo:hall"),
        ("Feeder", "demo:feeder"),
    ]
    assert (config.bus.port, config.web.port) == (0, 49735)


def test_second_start_leaves_the_file_but_for_the_port(places: Places) -> None:
    prepare(places, [], None)
    text = places.config_file.read_text().replace("Street", "Road") + "# mine\n"
    places.config_file.write_text(text)
    assert prepare(places, [], None).cameras[0].name == "Road"
    assert places.config_file.read_text() == text
    assert prepare(places, [], 5000).web.port == 5000
    assert places.config_file.read_text().endswith("# mine\n")
    assert prepare(places, [], None).web.port == 5000


def test_login_goes_into_the_secrets_only(places: Places) -> None:
    config = prepare(
        places, ["rtsp://admin:ge%40heim@10.0.0.7/x,rtsp://admin:ge%40heim@10.0.0.7/y", "rtsp://h/z"], 5000
    )
    first, second = config.cameras
    assert (first.address, first.small, first.login) == ("rtsp://10.0.0.7/x", "rtsp://10.0.0.7/y", "secret:camera-1")
    assert (second.name, second.login) == ("Camera 2", None)
    assert "heim" not in places.config_file.read_text()
    assert SecretStore(places.secrets_dir).get_login("camera-1").password == "ge@heim"


def test_other_cameras_replace_the_file_and_forget_old_logins(places: Places) -> None:
    prepare(places, ["rtsp://a:b@h/x", "rtsp://a:b@h/y"], 5000)
    config = prepare(places, ["rtsp://a:c@h/z"], None)
    assert [camera.address for camera in config.cameras] == ["rtsp://h/z"]
    assert config.web.port == 5000
    assert SecretStore(places.secrets_dir).names() == ["camera-1"]


def test_login_of_somebody_else_is_not_overwritten(places: Places) -> None:
    store = SecretStore(places.secrets_dir)
    store.put_login("camera-1", "house", "of another")
    for password in ("b", "c"):  # the second time it finds its own
        config = prepare(places, [f"rtsp://a:{password}@h/x"], 5000)
        assert config.cameras[0].login == "secret:camera-1-2"
        assert store.get_login("camera-1").password == "of another"
        assert store.get_login("camera-1-2").password == password
    assert store.names() == ["camera-1", "camera-1-2"]


def test_file_of_a_person_is_not_replaced(places: Places) -> None:
    places.config_file.parent.mkdir()
    places.config_file.write_text("[web]\nport = 1\n")
    with pytest.raises(VigilarError, match="written by a person") as caught:
        prepare(places, ["demo:hall"], None)
    assert caught.value.exit_code is ExitCode.REFUSED
    assert places.config_file.read_text() == "[web]\nport = 1\n"


def test_refused_cameras_leave_no_login_of_others_changed(places: Places) -> None:
    store = SecretStore(places.secrets_dir)
    store.put_login("camera-1", "a", "real")
    places.config_file.write_text("[web]\nport = 1\n")
    with pytest.raises(VigilarError):
        prepare(places, ["rtsp://a:demo@h/x"], None)
    assert store.get_login("camera-1").password == "real"


def test_file_cut_off_while_written_can_be_made_anew(places: Places) -> None:
    prepare(places, [], None)
    places.config_file.write_text(MARK + "\n[web")
    assert len(prepare(places, ["demo:hall"], None).cameras) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10.0.0.7", "Camera 3: the address must begin with"),
        ("rtsp://h/x,rtsp://u:geheim@/y", "small stream names no host"),
        ("rtsp://a:geheim@h/x,rtsp://a:other@h/y", "both streams must have the same login"),
    ],
)
def test_bad_camera_is_explained(text: str, says: str) -> None:
    with pytest.raises(VigilarError, match=says) as caught:
        read_camera(text, 3)
    assert "geheim" not in str(caught.value) + caught.value.next_step
    assert caught.value.exit_code is ExitCode.USAGE


def test_comma_inside_of_an_address_stays() -> None:
    camera = read_camera("rtsp://h/a,b?c=1,2,rtsp://h/s", 1)
    assert (camera.address, camera.small) == ("rtsp://h/a,b?c=1,2", "rtsp://h/s")


def test_login_of_the_small_stream_serves_both() -> None:
    camera = read_camera("rtsp://h/x,rtsp://u:p@h/y", 1)
    assert (camera.user, camera.password) == ("u", "p")


def test_program_tells_where_the_page_will_be(places: Places) -> None:
    task = {
        "config_file": str(places.config_file),
        "data_dir": str(places.data_dir),
        "secrets_dir": str(places.secrets_dir),
        "given": [],
        "port": 5001,
    }
    command = [sys.executable, "-m", "vigilar.cli.demo_house"]
    done = subprocess.run(command, input=json.dumps(task), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"listen": "0.0.0.0", "port": 5001}


def test_second_demo_in_one_folder_is_busy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FileLock(tmp_path / "supervisor.lock") as lock:
        assert lock.acquire()
        assert run(["demo", "--data-dir", str(tmp_path)]) == ExitCode.BUSY
    assert "already runs" in capsys.readouterr().err
    assert not (tmp_path / "vigilar.toml").exists()


def test_bad_address_starts_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGILAR_CAMERA_PASSWORD", "geheim")
    assert run(["demo", "--data-dir", str(tmp_path / "t"), "rtsp://u@/x"]) == ExitCode.USAGE
    err = capfd.readouterr().err
    assert "Camera 1: the address names no host" in err
    assert "geheim" not in err


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://u:geheim@h/x",
        "rtsp://h/x,rtsp://u:geheim@h/y",
        "rtsp://u:12/geheim@10.0.0.7/x",
        "rtsp://h/user=u_password=geheim_channel=1",
        "rtsps://h/s?token=geheim",
    ],
)
def test_password_as_an_argument_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str], address: str) -> None:
    assert run(["demo", "--data-dir", str(tmp_path / "t"), address]) == ExitCode.USAGE
    err = capfd.readouterr().err
    assert "VIGILAR_CAMERA_PASSWORD" in err
    assert "geheim" not in err
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("given", "user"),
    [
        ("rtsp://admin@10.0.0.7/x,rtsp://admin@10.0.0.7/y", "admin"),
        ("rtsp://10.0.0.7/user=admin_password={password}_channel=1", ""),
        ("rtsp://10.0.0.7/s?token={password}", ""),
    ],
)
def test_password_of_the_environment_becomes_the_secret(
    places: Places, monkeypatch: pytest.MonkeyPatch, given: str, user: str
) -> None:
    monkeypatch.setenv("VIGILAR_CAMERA_PASSWORD", "ge@h&im")
    prepare(places, [with_password(given)], 5000)
    login = SecretStore(places.secrets_dir).get_login("camera-1")
    assert (login.user, login.password) == (user, "ge@h&im")
    assert "h&im" not in places.config_file.read_text()


def test_camera_without_a_login_needs_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIGILAR_CAMERA_PASSWORD", raising=False)
    assert with_password("rtsp://h/x,rtsp://h/y") == "rtsp://h/x,rtsp://h/y"
    monkeypatch.setattr("sys.stdin", io.StringIO())  # no terminal: nobody can be asked
    with pytest.raises(VigilarError, match="password of a camera is missing"):
        with_password("rtsp://u@h/x")


def test_trial_lives_with_the_data_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_folder() == Path("/data/vigilar-demo")
