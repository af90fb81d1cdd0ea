"""``vigilar camera``: what is written where, and what never is."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from vigilar.base.errors import ExitCode
from vigilar.cli.program import run
from vigilar.config.load import load_config
from vigilar.config.places import find_places
from vigilar.config.secrets import SecretStore


def camera(folder: Path, *args: str) -> int:
    return run(["camera", *args, "--data-dir", str(folder)])


def ids(folder: Path) -> list[str]:
    return [one.id for one in load_config(find_places(data_dir=folder, environ={})).cameras]


def password(folder: Path, name: str = "door") -> Path:
    file = folder / name
    file.write_text("geheim\nsecond line\n")
    return file


def add_door(folder: Path) -> None:
    file = password(folder)
    args = ("rtsp://10.0.0.7/x", "--name", "Door", "--user", "admin", "--password-file", str(file), "--no-test")
    assert camera(folder, "add", *args) == 0
    file.unlink()


def test_login_of_an_added_camera_is_a_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_door(tmp_path)
    out, err = capsys.readouterr()
    assert '"Door" is added as door.' in out
    assert "counts from its next start on" in err
    assert (tmp_path / "vigilar.toml").read_text() == (
        '[[camera]]\nname = "Door"\naddress = "rtsp://10.0.0.7/x"\nlogin = "secret:door"\n'
    )
    assert SecretStore(tmp_path / "secrets").get("door") == {"user": "admin", "password": "geheim"}
    assert "geheim" not in out + err


def test_password_comes_through_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("geheim\n"))
    args = ("rtsp://admin@10.0.0.7/x", "--name", "Door", "--password-file", "-", "--no-test")
    assert camera(tmp_path, "add", *args) == 0
    assert SecretStore(tmp_path / "secrets").get("door") == {"user": "admin", "password": "geheim"}


def test_camera_without_name_gets_a_free_one(tmp_path: Path) -> None:
    for _ in range(2):
        assert camera(tmp_path, "add", "demo:hall", "--no-test") == 0
    assert ids(tmp_path) == ["camera-1", "camera-2"]


def test_password_in_the_address_is_refused_unrepeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("add", "test"):
        assert camera(tmp_path, command, "rtsp://admin:geheim@10.0.0.7/x") == ExitCode.USAGE
        assert "geheim" not in capsys.readouterr().err
    assert not (tmp_path / "vigilar.toml").exists()


@pytest.mark.parametrize(
    "args",
    [
        ("add", "10.0.0.7", "--no-test"),
        ("add", "rtsp://10.0.0.7/x", "--user", "admin"),
        ("add", "rtsp://10.0.0.7/x", "--record", "sometimes"),
        ("add",),
        ("test",),
        ("test", "a", "--address", "demo:hall"),
        ("test", "rtsp://"),
        ("test", "--address", "demo:hall", "--login-stdin"),
    ],
)
def test_wrong_use_changes_nothing(tmp_path: Path, args: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("[]"))
    assert camera(tmp_path, *args) == ExitCode.USAGE
    assert not (tmp_path / "vigilar.toml").exists()


def test_second_camera_of_a_name_leaves_the_first_login(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_door(tmp_path)
    args = ("rtsp://10.0.0.8/x", "--name", "door", "--no-test", "--user", "x", "--password-file")
    assert camera(tmp_path, "add", *args, str(password(tmp_path, "other"))) == ExitCode.USAGE
    assert 'already a camera "Door"' in capsys.readouterr().err
    assert SecretStore(tmp_path / "secrets").get("door")["user"] == "admin"


def test_list_and_show_have_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_door(tmp_path)
    capsys.readouterr()
    assert camera(tmp_path, "list") == 0
    assert camera(tmp_path, "list", "--json") == 0
    assert camera(tmp_path, "show", "door") == 0
    assert camera(tmp_path, "show", "door", "--json") == 0
    out = capsys.readouterr().out
    assert out.startswith("door  Door  rtsp://10.0.0.7/x  login  always\n")
    assert "secret:door" in out
    assert "geheim" not in out


def test_empty_list_is_empty_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert camera(tmp_path, "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"schema": 1, "cameras": []}


@pytest.mark.parametrize("command", ["show", "remove", "login", "test"])
def test_unknown_camera_names_those_there_are(tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    add_door(tmp_path)
    assert camera(tmp_path, command, "shed") == ExitCode.NOT_FOUND
    assert "There are: door" in capsys.readouterr().err


def test_removed_camera_takes_its_login_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    add_door(tmp_path)
    assert camera(tmp_path, "remove", "door") == 0
    assert ids(tmp_path) == []
    assert SecretStore(tmp_path / "secrets").names() == []


def test_login_that_another_camera_uses_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    add_door(tmp_path)
    with (tmp_path / "vigilar.toml").open("a") as file:
        file.write('[[camera]]\nname = "Two"\naddress = "rtsp://10.0.0.7/y"\nlogin = "secret:door"\n')
    assert camera(tmp_path, "remove", "door") == 0
    assert SecretStore(tmp_path / "secrets").names() == ["door"]


@pytest.mark.parametrize("more", ["", '[bus]\nbroker = "external"\nhost = "h"\nlogin = "secret:door"\n'])
def test_camera_named_like_a_secret_gets_another_name_for_its_login(tmp_path: Path, more: str) -> None:
    secrets = SecretStore(tmp_path / "secrets")
    if more:  # the login of the broker, which nobody has stored yet
        (tmp_path / "vigilar.toml").write_text(more)
    else:
        secrets.put_login("door", "house", "of another")
    add_door(tmp_path)
    assert 'login = "secret:door-2"' in (tmp_path / "vigilar.toml").read_text()
    assert secrets.get("door-2") == {"user": "admin", "password": "geheim"}
    assert secrets.names() == (["door-2"] if more else ["door", "door-2"])
    if not more:
        assert secrets.get("door") == {"user": "house", "password": "of another"}


def test_first_login_of_a_camera_leaves_other_secrets_alone(tmp_path: Path) -> None:
    secrets = SecretStore(tmp_path / "secrets")
    secrets.put_login("door", "house", "of another")
    assert camera(tmp_path, "add", "rtsp://10.0.0.7/x", "--name", "Door", "--no-test") == 0
    assert camera(tmp_path, "login", "door", "--user", "u", "--password-file", str(password(tmp_path, "p"))) == 0
    assert secrets.get("door") == {"user": "house", "password": "of another"}
    assert secrets.get("door-2") == {"user": "u", "password": "geheim"}


def test_camera_that_is_refused_leaves_no_login(tmp_path: Path) -> None:
    add_door(tmp_path)
    args = ("rtsp://10.0.0.8/x", "--name", "x" * 99, "--user", "a", "--password-file", str(password(tmp_path, "p")))
    assert camera(tmp_path, "add", *args, "--no-test") == ExitCode.CONFIG
    assert SecretStore(tmp_path / "secrets").names() == ["door"]


def test_login_of_the_broker_outlives_a_camera_that_shares_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    add_door(tmp_path)
    with (tmp_path / "vigilar.toml").open("a") as file:
        file.write('[bus]\nbroker = "external"\nhost = "h"\nlogin = "secret:door"\n')
    assert camera(tmp_path, "remove", "door") == 0
    assert SecretStore(tmp_path / "secrets").names() == ["door"]


def test_login_is_stored_again(tmp_path: Path) -> None:
    assert camera(tmp_path, "add", "rtsp://10.0.0.7/x", "--name", "Door", "--no-test") == 0
    assert camera(tmp_path, "login", "door", "--user", "u", "--password-file", str(password(tmp_path, "p"))) == 0
    assert SecretStore(tmp_path / "secrets").get("door") == {"user": "u", "password": "geheim"}
    assert 'login = "secret:door"' in (tmp_path / "vigilar.toml").read_text()


def test_refused_connection_keeps_the_camera_out(
    tmp_path: Path, free_tcp_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"rtsp://127.0.0.1:{free_tcp_port}/x"
    assert camera(tmp_path, "add", address, "--name", "Door") == ExitCode.CAMERA
    assert "[V-CAM-01]" in capsys.readouterr().err
    assert not (tmp_path / "vigilar.toml").exists()


def test_failed_test_is_json_with_its_code(
    tmp_path: Path, free_tcp_port: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"user": "admin", "password": "geheim"}'))
    address = f"rtsp://127.0.0.1:{free_tcp_port}/x"
    assert camera(tmp_path, "test", "--json", "--address", address, "--login-stdin") == ExitCode.CAMERA
    shown = json.loads(capsys.readouterr().out)
    assert (shown["ok"], shown["code"], shown["schema"]) == (False, "V-CAM-01", 1)
    assert "geheim" not in json.dumps(shown)


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
def test_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(content)
    assert camera(tmp_path, "test", f"file:{clip}") == ExitCode.CAMERA
    assert "V-CAM-15" in capsys.readouterr().err


def test_demo_scene_needs_no_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert camera(tmp_path, "add", "demo:hall", "--name", "Hall") == 0
    capsys.readouterr()
    assert camera(tmp_path, "test", "hall", "--json") == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://192.0.2.8:554/user=admin_password=geheim_channel=1_stream=0.sdp?real_stream",
        "rtsp://192.0.2.8/live=1,1&username=admin&password=geheim",
        "rtsp://192.0.2.8/s?token=geheim",
        "rtsp://admin:12/geheim@192.0.2.8/x",
    ],
)
def test_password_in_any_part_is_refused_unrepeated(
    tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("add", "test"):
        assert camera(tmp_path, command, address) == ExitCode.USAGE
    said = capsys.readouterr()
    assert "geheim" not in said.err + said.out
    assert not (tmp_path / "vigilar.toml").exists()


def test_certificate_is_forgotten_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert camera(tmp_path, "add", "rtsps://10.0.0.7/x", "--name", "Door", "--no-test") == 0
    pin = tmp_path / "secrets" / "certificates" / "10.0.0.7_322"
    pin.parent.mkdir(parents=True)
    pin.write_text("ab" * 32)
    assert camera(tmp_path, "trust", "door") == 0
    assert "is forgotten" in capsys.readouterr().out
    assert not pin.exists()
    assert camera(tmp_path, "trust", "door") == 0
    assert "Nothing of" in capsys.readouterr().out


def test_how_a_camera_took_its_login_is_forgotten_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_door(tmp_path)
    note = tmp_path / "secrets" / "protected-logins" / "10.0.0.7_554"
    note.parent.mkdir(parents=True)
    note.touch()
    assert camera(tmp_path, "trust", "door") == 0
    assert "takes its login protected is forgotten" in capsys.readouterr().out
    assert not note.exists()


def test_camera_that_is_none_in_the_network_has_nothing_noted(tmp_path: Path) -> None:
    assert camera(tmp_path, "add", "demo:hall", "--name", "Hall", "--no-test") == 0
    assert camera(tmp_path, "trust", "hall") == ExitCode.USAGE
    assert camera(tmp_path, "trust", "nobody") == ExitCode.NOT_FOUND


def test_list_says_which_camera_is_converted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_door(tmp_path)
    file = password(tmp_path, "yard")
    args = ("http://admin@10.0.0.8/video.mjpg", "--name", "Yard", "--password-file", str(file), "--no-test")
    assert camera(tmp_path, "add", *args) == 0
    capsys.readouterr()
    assert camera(tmp_path, "list") == 0
    door, yard = capsys.readouterr().out.splitlines()
    assert "MJPEG" not in door
    assert yard.endswith("MJPEG, converted to H.264 here")
    assert "http://10.0.0.8/video.mjpg" in yard
    assert SecretStore(tmp_path / "secrets").get("yard") == {"user": "admin", "password": "geheim"}
