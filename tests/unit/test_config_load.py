"""What is right, what is wrong, and what is said about it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from vigilar.base.errors import ConfigError, ExitCode
from vigilar.config.last_good import NAME, keep_good, load_in_force
from vigilar.config.load import InvalidConfigError, load_config, parse_config
from vigilar.config.models import Config
from vigilar.config.places import Places, find_places

CAMERA = '[[camera]]\nname = "Front door"\naddress = "rtsp://10.0.0.7/x"\n'


def problems(text: str | bytes) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(InvalidConfigError) as caught:
        parse_config(data, "v.toml")
    assert str(caught.value) == "\n".join(map(str, caught.value.mistakes))
    return [str(problem) for problem in caught.value.mistakes]


def places(folder: Path, *, is_named: bool = False) -> Places:
    return Places(folder / "vigilar.toml", folder, folder / "secrets", may_lack_config=not is_named)


def test_empty_file_means_the_defaults() -> None:
    assert parse_config(b"", "v.toml") == Config()
    assert parse_config(b"\xef\xbb\xbf# only a comment", "v.toml") == Config()


def test_defaults_are_those_of_the_manual() -> None:
    config = Config()
    assert (config.web.port, config.bus.port, config.recording.mode) == (49735, 1883, "always")
    assert (config.recording.before_s, config.recording.after_s, config.recording.segment_s) == (5.0, 10.0, 300.0)
    assert (config.detect.enabled, config.detect.sensitivity, config.recording.sound) == (True, 0.5, True)
    assert config.cameras == ()


def test_camera_takes_over_the_settings_of_the_house() -> None:
    text = f'[recording]\nmode = "motion"\nsound = false\n[detect]\nsensitivity = "high"\n{CAMERA}'
    config = parse_config(text.encode(), "v.toml")
    camera = config.cameras[0]
    assert camera.id == "front-door"
    assert (config.mode_of(camera), config.sensitivity_of(camera), config.sound_of(camera)) == ("motion", 0.75, False)


def test_camera_may_differ_from_the_house() -> None:
    text = f'{CAMERA}id = "fd"\nrecord = "motion"\nsensitivity = 0\nsound = false'
    config = parse_config(text.encode(), "v.toml")
    camera = config.cameras[0]
    assert camera.id == "fd"
    assert (config.mode_of(camera), config.sensitivity_of(camera), config.sound_of(camera)) == ("motion", 0.0, False)


def test_windows_line_ends_are_read() -> None:
    assert parse_config(b"[web]\r\nport = 1234\r\n", "v.toml").web.port == 1234


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[web]\nprot = 3", 'v.toml:2:1: web.prot: is unknown; did you mean "port"?'),
        ("[camrea]", 'v.toml:1:2: camrea: is unknown; did you mean "camera"?'),
        ('[[cameras]]\nname = "x"', 'v.toml:1:3: cameras: is unknown; did you mean "camera"?'),
        ("port = 3", "v.toml:1:1: port: is unknown here; it belongs in [web] or [bus]"),
        (f'{CAMERA}url = "x"', 'camera "Front door": url: is unknown; did you mean "address"?'),
        (
            f'{CAMERA}password = "geheim"',
            'password: is unknown, and a login does not belong in this file; write login = "',
        ),
        ("[log]\nfarbe = 3", "v.toml:2:1: log.farbe: is unknown; there is level"),
    ],
)
def test_unknown_key_names_the_nearest_right_one(text: str, says: str) -> None:
    [problem] = problems(text)
    assert says in problem
    assert "geheim" not in problem


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("schema = 2", "v.toml:1:1: schema: must be 1"),
        ("[web]\nport = 0", "v.toml:2:1: web.port: must be a port, 1 to 65535"),
        ("[web]\nport = 65536", "web.port: must be a port"),
        ('[web]\nport = "80"', "web.port: must be a whole number without quotes"),
        ("[web]\nport = 80.5", "web.port: must be a whole number"),
        ("[web]\nport = true", "web.port: must be a whole number"),
        ('[web]\nlisten = "everywhere"', "web.listen: must be an address of this machine"),
        ('[web]\nnames = "box.lan"', "web.names: must be a list"),
        ('[web]\nnames = ["box.lan", 3]', "v.toml:2:21: web.names.1: must be text in quotes"),
        ("[house]\nname = 3", "house.name: must be text in quotes"),
        ('[house]\nname = " "', "house.name: must be a name that can be read"),
        ('[house]\nname = "a\\u0007"', "house.name: must be a name that can be read"),
        ('[house]\ntime_zone = "Mars"', "house.time_zone: is no time zone"),
        ("[recording]\nbefore = 5", "recording.before: must be a time with its unit"),
        ('[recording]\nbefore = "61s"', "recording.before: must be between 0s and 1m"),
        ('[recording]\nmode = "sometimes"', 'recording.mode: must be "always", "motion" or "keyframes-when-idle"'),
        ('[recording]\nsound = "yes"', "recording.sound: must be true or false, without quotes"),
        ('[detect]\nsensitivity = "extreme"', "detect.sensitivity: must be"),
        ('[bus]\nbroker = "mine"', 'bus.broker: must be "own" or "external"'),
        ('[bus]\nhost = "h"', "v.toml:2:1: bus.host: is for an external broker"),
        ('[bus]\nbroker = "external"\nport = 0', "v.toml:3:1: bus.port: must be given"),
        ('[storage]\ndatabase_url = "postgresql://u:geheim@h/x"', "storage.database_url: must not hold a login"),
        ('[storage]\ndatabase_url = "mysql://h/x"', "storage.database_url: must begin with"),
        ('[storage]\nlogin = "secret:db"', "storage.login: is for a database server"),
        ("web = 3", "v.toml:1:1: web: must be a table"),
        ('[camera]\nname = "x"', "v.toml:1:2: camera: must be written with two brackets, [[camera]]"),
        ('[[camera]]\nname = "x"', 'v.toml:1:3: camera "x": address: is missing'),
        ('[[camera]]\naddress = "demo:hall"', "v.toml:1:3: camera 1: name: is missing"),
        (f'{CAMERA}id = "Front"', 'camera "Front door": id: must be 1 to 40 small letters'),
        (f'{CAMERA}id = "../x"', "id: must be 1 to 40 small letters"),
        (f'{CAMERA}login = "geheim"', 'login: must be the name of a secret, "secret:NAME"'),
        (f'{CAMERA}login = "secret:../x"', "login: must be the name of a secret"),
        (f'{CAMERA}small = "demo:hall"', "small: cannot be a demo scene"),
        ('[[camera]]\nname = "x"\naddress = "demo:hall"\nsmall = "rtsp://h/x"', "small: is not for a demo scene"),
        (
            '[[camera]]\nname = "x"\naddress = "file:/x"\nlogin = "secret:x"',
            'login: is only for an "rtsp://", "rtsps://" or "http://" address',
        ),
        (
            '[[camera]]\nname = "x"\naddress = "rtsp://h/{password}"',
            "address: asks for {password}, but there is no login",
        ),
        (
            '[[camera]]\nname = "x"\naddress = "rtsp://a:geheim@h/"',
            'v.toml:3:1: camera "x": address: must not hold a login',
        ),
        (f"{CAMERA}enabled = 1", "enabled: must be true or false"),
        (f"{CAMERA}sensitivity = 2", "sensitivity: must be"),
    ],
)
def test_wrong_value_is_named_by_line_and_key(text: str, says: str) -> None:
    [problem] = problems(text)
    assert says in problem
    assert "geheim" not in problem


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a = 1\na = 2", "v.toml:2:1: a: is already given above"),
        (b"[web]\nport = 1\n[web]\n", "v.toml:3:5: this table is already given above; join the two"),
        (b'[house]\nname = "Ho', "v.toml:2:11: the file ends in the middle of something; was it cut off?"),
        (b"[web]\nnames = [", "the file ends in the middle of something"),
        (b"[we", "v.toml:1:4: the file ends in the middle of something"),
        (b"[house]\nname = Home\n", "v.toml:2:8: name: this is no value; a text needs quotes around it"),
        (b'[house]\nname = "Home\n', "the text has no closing quote"),
        (b'[house]\nname = "C:\\Users"\n', 'name: a "\\" in a text must be written twice'),
        (b"just words\n", "v.toml:1:6: a key must be followed by"),
        (b"x = True\n", "true and false are written small"),
        (b'a = "b\xff"', "v.toml:1:7: this is not UTF-8"),
        ("x = 1".encode("utf-16"), "v.toml:1:1: the file is UTF-16; save it as UTF-8"),
        (b"\0" * 100, "v.toml:1:1: the file holds nothing but zero bytes"),
        (b"x = " + b"[" * 100_000, "nested too deeply"),
        (b"x = " + b"9" * 5000, "no machine can hold"),
    ],
)
def test_broken_text_gives_one_sentence(data: bytes, says: str) -> None:
    [problem] = problems(data)
    assert says in problem


def test_every_truncation_of_a_file_is_read_or_explained() -> None:
    data = f'# house\n{CAMERA}login = "secret:front-door"\n[web]\nnames = ["a", "b"]\n'.encode()
    for length in range(len(data)):
        with contextlib.suppress(InvalidConfigError):  # any other error fails the test
            parse_config(data[:length], "v.toml")


def test_all_problems_come_at_once_in_order_of_the_file() -> None:
    found = problems(f'[[camera]]\nname = "x"\naddress = "y"\n[web]\nprot = 1\nport = "x"\n{CAMERA}foo = 1')
    assert [problem.split(":")[1] for problem in found] == ["3", "5", "6", "10"]


def test_second_camera_of_one_id_is_refused() -> None:
    [problem] = problems(CAMERA + CAMERA.replace("Front door", "front DOOR"))
    assert problem.startswith(
        'v.toml:5:1: camera "front DOOR": name: "front-door" is already the id of the camera "Front'
    )


@pytest.mark.parametrize("mode", ["motion", "keyframes-when-idle"])
def test_recording_on_motion_needs_detection(mode: str) -> None:
    text = f'[detect]\nenabled = false\n[recording]\nmode = "{mode}"\n{CAMERA}record = "{mode}"\n'
    assert [problem.split(":")[1] for problem in problems(text)] == ["4", "8"]


def test_missing_file_that_nobody_named_means_the_defaults(tmp_path: Path) -> None:
    assert load_config(places(tmp_path)) == Config()


def test_missing_file_that_was_named_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no configuration file") as caught:
        load_config(places(tmp_path, is_named=True))
    assert caught.value.exit_code is ExitCode.NOT_FOUND


def test_wrong_file_ends_with_the_config_code(tmp_path: Path) -> None:
    (tmp_path / "vigilar.toml").write_text("x = 1")
    with pytest.raises(ConfigError, match=r"vigilar\.toml:1:1: x: is unknown") as caught:
        load_config(places(tmp_path))
    assert caught.value.exit_code is ExitCode.CONFIG


def test_folder_in_place_of_the_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "vigilar.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(places(tmp_path))


def test_huge_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vigilar.toml").write_bytes(b"#" * (1 << 20) + b"#")
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        load_config(places(tmp_path))


class TestLastGood:
    """A mistake in the file keeps no house from starting that was started once."""

    def places(self, folder: Path, text: str) -> Places:
        (folder / "vigilar.toml").write_text(text)
        return find_places(data_dir=folder, environ={})

    def test_wrong_file_falls_back_and_names_its_line(self, tmp_path: Path) -> None:
        keep_good(self.places(tmp_path, "[web]\nport = 8443\n"))
        config, wrong = load_in_force(self.places(tmp_path, "[web]\nprot = 1\n"))
        assert config.web.port == 8443
        assert "vigilar.toml:2:1: web.prot" in wrong

    def test_right_file_counts_itself(self, tmp_path: Path) -> None:
        keep_good(self.places(tmp_path, "[web]\nport = 8443\n"))
        config, wrong = load_in_force(self.places(tmp_path, "[web]\nport = 8444\n"))
        assert (config.web.port, wrong) == (8444, "")

    def test_without_a_copy_it_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidConfigError):
            load_in_force(self.places(tmp_path, "nonsense"))

    def test_file_that_was_broken_meanwhile_is_not_remembered(self, tmp_path: Path) -> None:
        keep_good(self.places(tmp_path, "[web]\nport = 8443\n"))
        keep_good(self.places(tmp_path, "[web]\nport = \n"))
        assert load_in_force(self.places(tmp_path, "nonsense"))[0].web.port == 8443

    def test_copy_that_is_wrong_too_helps_nobody(self, tmp_path: Path) -> None:
        (tmp_path / NAME).write_text("nonsense")
        with pytest.raises(InvalidConfigError):
            load_in_force(self.places(tmp_path, "nonsense"))

    def test_copy_is_for_the_service_alone(self, tmp_path: Path) -> None:
        keep_good(self.places(tmp_path, "[web]\n"))
        assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
