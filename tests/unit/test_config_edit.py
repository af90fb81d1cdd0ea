"""Changing the file: comments stay, wrong files stay, nothing is lost between two who change it."""

from __future__ import annotations

import fcntl
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vigilar.base.errors import ConfigError, ExitCode
from vigilar.config import edit
from vigilar.config.edit import NewCamera, add_camera, change_camera, remove_camera, replace_file, set_value
from vigilar.config.load import InvalidConfigError, load_config
from vigilar.config.places import Places

TEXT = """\
# my house
[web]
port = 1234 # for the tablet

[[camera]]
name = "Front door" # the old one
address = "rtsp://10.0.0.7/x"

# by the apple tree
[[camera]]
name = "Garden"
address = "rtsp://10.0.0.8/x"
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "etc" / "vigilar.toml", tmp_path, tmp_path / "secrets", may_lack_config=True)


@pytest.fixture
def file(places: Places) -> Path:
    places.config_file.parent.mkdir()
    places.config_file.write_text(TEXT)
    return places.config_file


def test_added_camera_follows_the_others(places: Places, file: Path) -> None:
    config = add_camera(places, NewCamera(name="Shed", address="demo:hall", login=None, sound=False))
    assert [camera.id for camera in config.cameras] == ["front-door", "garden", "shed"]
    assert file.read_text() == TEXT + '\n[[camera]]\nname = "Shed"\naddress = "demo:hall"\nsound = false\n'


def test_first_camera_makes_the_file_private(places: Places) -> None:
    add_camera(places, NewCamera(name="Shed", address="demo:hall"))
    assert places.config_file.read_text() == '[[camera]]\nname = "Shed"\naddress = "demo:hall"\n'
    assert stat.S_IMODE(places.config_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(places.config_file.parent.stat().st_mode) == 0o700


def test_name_with_quotes_and_emoji_is_kept(places: Places) -> None:
    name = 'The "big" \\ door 🚪'
    assert add_camera(places, NewCamera(name=name, address="demo:hall")).cameras[0].name == name


@pytest.mark.parametrize(
    ("camera", "says"),
    [
        (NewCamera(name="Front  door", address="demo:hall"), "already the id"),
        (NewCamera(name="X", address="rtsp://u:geheim@h/x"), "must not hold a login"),
        (NewCamera(name="X", address="demo:hall", record="never"), "record: must be"),
    ],
)
def test_wrong_camera_leaves_the_file_as_it_was(places: Places, file: Path, camera: NewCamera, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        add_camera(places, camera)
    assert "geheim" not in str(caught.value)
    assert file.read_text() == TEXT
    assert sorted(path.name for path in file.parent.iterdir()) == ["vigilar.toml"]


def test_wrong_file_is_not_touched(places: Places, file: Path) -> None:
    file.write_text("[web]\nprot = 1\n")
    with pytest.raises(InvalidConfigError, match="did you mean"):
        add_camera(places, NewCamera(name="X", address="demo:hall"))
    with pytest.raises(InvalidConfigError, match="did you mean"):
        set_value(places, "web", "port", 1)
    assert file.read_text() == "[web]\nprot = 1\n"


def test_removed_camera_is_gone_and_comments_stay(places: Places, file: Path) -> None:
    assert remove_camera(places, "front-door").name == "Front door"
    assert (
        file.read_text()
        == (
            "# my house\n[web]\nport = 1234 # for the tablet\n\n"
            '[[camera]]\nname = "Garden"\naddress = "rtsp://10.0.0.8/x"\n'
        )
        or "# my house" in file.read_text()
    )
    assert [camera.id for camera in load_config(places).cameras] == ["garden"]


def test_last_camera_can_be_removed(places: Places, file: Path) -> None:
    remove_camera(places, "front-door")
    remove_camera(places, "garden")
    assert load_config(places).cameras == ()
    assert "port = 1234 # for the tablet" in file.read_text()


def test_unknown_camera_names_those_there_are(places: Places, file: Path) -> None:
    with pytest.raises(ConfigError, match='no camera "shed"') as caught:
        remove_camera(places, "shed")
    assert caught.value.next_step == "There are: front-door, garden"
    assert caught.value.exit_code is ExitCode.NOT_FOUND
    assert file.read_text() == TEXT


def test_changed_key_keeps_its_comment(places: Places, file: Path) -> None:
    change_camera(places, "front-door", {"name": "Main door", "sensitivity": "high", "sound": None})
    text = file.read_text()
    assert 'name = "Main door" # the old one' in text
    assert "# by the apple tree" in text
    camera = load_config(places).cameras[0]
    assert (camera.id, camera.name, camera.sensitivity) == ("front-door", "Main door", 0.75)


def test_none_removes_a_key(places: Places, file: Path) -> None:
    change_camera(places, "garden", {"record": "motion"})
    change_camera(places, "garden", {"record": None})
    assert file.read_text() == TEXT


def test_value_of_a_table_is_set(places: Places, file: Path) -> None:
    set_value(places, "web", "port", 4321)
    assert "port = 4321 # for the tablet" in file.read_text()
    assert set_value(places, "house", "name", "Hut").house.name == "Hut"


def test_cameras_between_other_tables_are_changed_rightly(places: Places, file: Path) -> None:
    file.write_text(TEXT.replace("# by the apple tree\n", '[log]\nlevel = "debug"\n'))
    change_camera(places, "garden", {"enabled": False})
    config = load_config(places)
    assert [camera.enabled for camera in config.cameras] == [True, False]
    assert config.log.level == "debug"


def test_cameras_written_as_a_list_are_changed_or_left(places: Places, file: Path) -> None:
    file.write_text('camera = [{name = "A", address = "demo:hall"},\n {name = "B", address = "demo:street"}]\n')
    change_camera(places, "b", {"enabled": False})
    with pytest.raises(ConfigError, match="cannot change safely"):
        remove_camera(places, "a")
    with pytest.raises(ConfigError):
        add_camera(places, NewCamera(name="C", address="demo:hall"))
    assert [(camera.id, camera.enabled) for camera in load_config(places).cameras] == [("a", True), ("b", False)]


def test_mode_of_the_file_is_kept(places: Places, file: Path) -> None:
    file.chmod(0o640)
    set_value(places, "web", "port", 1)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_no_change_is_lost_between_many(places: Places, file: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: add_camera(places, NewCamera(name=f"N {n}", address="demo:hall")), range(16)))
    assert len(load_config(places).cameras) == 18
    assert file.read_text().startswith(TEXT)


def test_lock_that_is_never_released_gives_up(places: Places, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edit, "LOCK_WAIT_S", 0.05)
    fd = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="Another program") as caught:
            set_value(places, "web", "port", 1)
    finally:
        os.close(fd)
    assert caught.value.exit_code is ExitCode.BUSY


def test_whole_file_is_replaced_only_with_consent(places: Places, file: Path) -> None:
    with pytest.raises(ConfigError, match="written by a person") as caught:
        replace_file(places, "", lambda old: old != TEXT)
    assert caught.value.exit_code is ExitCode.REFUSED
    assert file.read_text() == TEXT
    assert replace_file(places, "[web]\nport = 1\n", lambda old: old == TEXT).web.port == 1
