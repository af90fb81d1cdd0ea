"""Changing the file: comments stay, wrong files stay, nothing is lost between two who change it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vigilar.base.errors import ConfigError, ExitCode
from vigilar.config import edit
from vigilar.config.areas import plain_areas
from vigilar.config.edit import (
    NewCamera,
    add_camera,
    change_camera,
    remove_camera,
    replace_file,
    set_areas,
    set_value,
)
from vigilar.config.guard_edit import remove_schedule
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


def test_change_that_could_not_be_written_costs_no_undo(
    places: Places, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    set_value(places, "web", "port", 1)
    with monkeypatch.context() as full:
        full.setattr(edit, "write_atomic", fail)
        with pytest.raises(ConfigError, match="No space left"):
            set_value(places, "web", "port", 2)
    edit.undo(places)
    assert file.read_text() == TEXT


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


ZONE = {
    "id": "porch",
    "name": "Porch",
    "kind": "include",
    "kinds": ["person"],
    "points": [[0.1, 0.2], [0.6, 0.2], [0.6, 0.9]],
    "dwell_s": 3.0,
    "least_height": 0.0,
    "most_height": 1.0,
}
ZONE_TEXT = """
[[camera.zone]]
id = "porch"
name = "Porch"
kind = "include"
points = [[0.1, 0.2], [0.6, 0.2], [0.6, 0.9]]
kinds = ["person"]
dwell = "3s"
"""
LINE = {"id": "gate", "name": "Gate", "from": [0.1, 0.5], "to": [0.9, 0.5], "kinds": None, "direction": "in"}
LINE_TEXT = """
[[camera.line]]
id = "gate"
name = "Gate"
from = [0.1, 0.5]
to = [0.9, 0.5]
direction = "in"
"""
FIRST_CAMERA = 'address = "rtsp://10.0.0.7/x"\n'


def test_new_zones_follow_the_keys_of_their_camera(places: Places, file: Path) -> None:
    config = set_areas(places, "front-door", {"zones": [ZONE], "lines": [LINE]})
    assert file.read_text() == TEXT.replace(FIRST_CAMERA, FIRST_CAMERA + ZONE_TEXT + LINE_TEXT)
    assert plain_areas(config.cameras[0].zones, config.cameras[0].lines) == {"zones": [ZONE], "lines": [LINE]}


def test_zones_that_go_leave_the_file_as_it_was(places: Places, file: Path) -> None:
    set_areas(places, "garden", {"zones": [ZONE], "lines": [LINE]})
    set_areas(places, "front-door", {"zones": [ZONE], "lines": []})
    set_areas(places, "front-door", {"zones": [], "lines": []})
    set_areas(places, "garden", {"zones": [], "lines": []})
    assert file.read_text() == TEXT


def test_changed_zone_keeps_its_comments(places: Places, file: Path) -> None:
    mine = ZONE_TEXT.replace("\n[[camera.zone]]", "\n# where parcels lie\n[[camera.zone]] # since May")
    mine = mine.replace('"3s"', '"3s" # not the postman')
    text = TEXT.replace(FIRST_CAMERA, FIRST_CAMERA + mine + LINE_TEXT)
    file.write_text(text)
    set_areas(places, "front-door", {"zones": [{**ZONE, "name": "Steps"}], "lines": [LINE]})
    assert file.read_text() == text.replace('"Porch"', '"Steps"')


def test_camera_goes_with_its_zones(places: Places, file: Path) -> None:
    set_areas(places, "front-door", {"zones": [ZONE], "lines": [LINE]})
    remove_camera(places, "front-door")
    assert [(one.name, one.zones) for one in load_config(places).cameras] == [("Garden", ())]
    assert "by the apple tree" in file.read_text()


def test_setting_of_a_camera_with_zones_is_changed_in_its_place(places: Places, file: Path) -> None:
    set_areas(places, "front-door", {"zones": [ZONE], "lines": []})
    change_camera(places, "front-door", {"sound": False})
    assert file.read_text() == TEXT.replace(FIRST_CAMERA, FIRST_CAMERA + "sound = false\n" + ZONE_TEXT)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"points": [[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]]}, "must be the corners of an area"),
        ({"points": [[0.1, 0.1], [0.2, 0.2]]}, "3 to 64 corners"),
        ({"points": [[0.1, 0.1], [1.2, 0.2], [0.3, 0.9]]}, "two numbers from 0 to 1"),
        ({"kinds": []}, "at least one kind"),
        ({"kinds": ["ghost"]}, "must be"),
        ({"kind": "private", "dwell_s": 0, "kinds": ["person"]}, "not for a private area"),
        ({"kind": "ignore"}, 'is for a zone with kind = "include"'),
        ({"id": "gate"}, "already the id"),
        ({"least_height": 0.9, "most_height": 0.2}, 'must be below "largest"'),
    ],
)
def test_wrong_zone_leaves_the_file_as_it_was(places: Places, file: Path, change: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        set_areas(places, "front-door", {"zones": [{**ZONE, **change}], "lines": [LINE]})
    assert file.read_text() == TEXT


def test_cameras_in_one_list_are_left_to_their_writer(places: Places, file: Path) -> None:
    text = 'camera = [{name = "Shed", address = "demo:hall"}]\n'
    file.write_text(text)
    with pytest.raises(ConfigError, match="in a way this program cannot change safely"):
        set_areas(places, "shed", {"zones": [ZONE], "lines": []})
    assert file.read_text() == text


CORNERS = """
# beside the hedge
[[camera.zone]]
id = "path"
name = "Path"
points = [
  [0.1, 0.1],  # the gate
  [0.5, 0.1],
  [0.5, 0.5],
]
"""


def test_zone_with_a_corner_a_line_is_kept_and_removed(places: Places, file: Path) -> None:
    with_zone = TEXT.replace(FIRST_CAMERA, FIRST_CAMERA + CORNERS)
    file.write_text(with_zone)
    kept = plain_areas(load_config(places).cameras[0].zones, ())
    set_areas(places, "front-door", {"zones": kept["zones"], "lines": [LINE]})
    assert CORNERS in file.read_text()
    set_areas(places, "front-door", {"zones": [], "lines": []})
    assert file.read_text() == TEXT
    file.write_text(with_zone)
    remove_camera(places, "front-door")
    assert [camera.id for camera in load_config(places).cameras] == ["garden"]


def test_schedule_written_as_a_list_is_left(places: Places, file: Path) -> None:
    rows = '[arm]\nschedule = [\n  {mode = "night"},\n  {mode = "away", from = "09:00", to = "12:00"},\n]\n'
    file.write_text(rows)
    with pytest.raises(ConfigError, match="cannot change safely"):
        remove_schedule(places, 0, "a row")
    assert file.read_text() == rows


def test_undo_says_what_it_took_back(places: Places, file: Path) -> None:
    add_camera(places, NewCamera(name="Shed", address="demo:hall"))
    set_areas(places, "garden", {"zones": [ZONE], "lines": []})
    change_camera(places, "garden", {"sound": False})
    remove_camera(places, "front-door")
    assert [edit.undo(places) for _ in range(4)] == [
        "the camera front-door was removed",
        "settings of the camera garden",
        "zones and lines of the camera garden",
        "the new camera Shed",
    ]
    assert file.read_text() == TEXT
