"""``vigilar config set``: one setting by its name, comments kept, nothing wrong ever written."""

from __future__ import annotations

from pathlib import Path

import pytest

from vigilar.cli.program import run
from vigilar.config.load import load_config
from vigilar.config.places import Places, find_places

TEXT = """\
# The house of Sam.
[house]
name = "Maple"  # as on the letter box

[recording]
# By day and night.
mode = "always"

[[camera]]
name = "Front door"
address = "demo:street"
record = "motion"  # the street is busy
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "vigilar.toml").write_text(TEXT)
    return find_places(data_dir=tmp_path, environ={})


def put(places: Places, *arguments: str) -> int:
    return run(["config", "set", *arguments, "--data-dir", str(places.data_dir)])


def test_changed_value_keeps_comments_and_order(places: Places) -> None:
    assert put(places, "recording.mode", "motion") == 0
    assert places.config_file.read_text() == TEXT.replace('mode = "always"', 'mode = "motion"')


def test_key_that_was_not_there_gets_its_table(places: Places) -> None:
    assert put(places, "web.port", "8443") == 0
    assert load_config(places).web.port == 8443
    assert places.config_file.read_text().startswith(TEXT.rstrip())


def test_camera_is_meant_by_its_id(places: Places) -> None:
    assert put(places, "camera.front-door.record", "always") == 0
    assert 'record = "always"  # the street is busy' in places.config_file.read_text()
    assert put(places, "camera.front-door.name", "Gate") == 0
    [camera] = load_config(places).cameras
    assert (camera.id, camera.name) == ("front-door", "Gate"), "its recordings keep their camera"


def test_lists_numbers_and_texts_are_read_as_in_the_file(places: Places) -> None:
    assert put(places, "web.names", '["box.example"]') == 0
    assert put(places, "detect.objects", "false") == 0
    assert put(places, "house.name", "Maple St 4") == 0
    config = load_config(places)
    assert (config.web.names, config.detect.objects, config.house.name) == (("box.example",), False, "Maple St 4")


def test_unset_brings_the_default_back(places: Places) -> None:
    assert put(places, "recording.mode", "--unset") == 0
    assert put(places, "web.port", "--unset") == 0, "what is not there is at its default"
    assert load_config(places).recording.mode == "always"
    assert "mode" not in places.config_file.read_text()


@pytest.mark.parametrize(
    ("key", "value", "code", "words"),
    [
        ("recording.mode", "sometimes", 6, "recording.mode"),
        ("web.port", "99999", 6, "web.port"),
        ("recording.mod", "always", 4, "Did you mean recording.mode?"),
        ("camera.attic.record", "always", 4, 'no camera "attic"'),
        ("camera.front-door.speed", "1", 4, "There is no setting camera.front-door.speed"),
        ("camera", "x", 4, "There is no setting camera"),
        ("recording", "x", 4, "There is no setting recording"),
        ("arm.home", "x", 4, "There is no setting arm.home"),
    ],
)
def test_what_is_wrong_changes_nothing(
    places: Places, capsys: pytest.CaptureFixture[str], key: str, value: str, code: int, words: str
) -> None:
    assert put(places, key, value) == code
    assert words in capsys.readouterr().err
    assert places.config_file.read_text() == TEXT


def test_change_is_taken_back_by_undo(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    assert put(places, "recording.mode", "motion") == 0
    assert run(["config", "undo", "--data-dir", str(places.data_dir)]) == 0
    assert "recording.mode was set" in capsys.readouterr().out
    assert places.config_file.read_text() == TEXT


def test_value_or_unset_but_not_both(places: Places) -> None:
    assert put(places, "web.port") == 2
    assert put(places, "web.port", "1", "--unset") == 2
