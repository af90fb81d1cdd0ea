"""Forms of arming, sensors, phones and cameras that were refused stand with what was typed, the sentence at its field:
what a browser without script shows, reads out and would send again. Nothing was stored, and no secret comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from tests.conftest import PATIENCE_S, wait_until
from tests.forms_kit import HTML, ReadPage, check_stands, form_with, press, read
from tests.probe_kit import said, saying
from vigilar.base.clock import SimulatedClock
from vigilar.config.load import parse_config
from vigilar.store import sensors as sensor_rows
from vigilar.store.presence import list_devices, note_devices, set_owner

ARMING, SENSORS, PHONES = "/settings/arming", "/settings/sensors", "/presence"
BATH, CAMERA, ADD = "/sensors/bath", "/cameras/drive/settings", "/cameras/add"
MAC, OTHER_MAC = "aa:bb:cc:dd:ee:01", "10:bb:cc:dd:ee:02"
FILE = """\
[[camera]]
name = "Garden"
address = "demo:garden"
[[camera]]
name = "Drive"
address = "rtsp://192.168.1.21/s1"
[[arm.schedule]]
mode = "night"
from = "23:00"
to = "06:00"
[[arm.schedule]]
mode = "away"
from = "08:00"
to = "17:00"
days = "weekdays"
only_if = "nobody-home"
"""
Typed = dict[str, str | list[str]]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        house.parts.cfg.config_file.write_text(FILE, encoding="utf-8")
        for name in ("Bath", "Hall"):
            sensor_rows.ensure_sensor(house.store, house.node_id, f"zigbee/{name}", name, house.now_ms())
        note_devices(house.store, {MAC: "192.0.2.7", OTHER_MAC: "192.0.2.8"}, house.now_ms())
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


def stored(house: House) -> tuple[Any, ...]:
    """What forms of this file could change."""
    secrets = sorted(path.name for path in house.parts.cfg.secrets_dir.iterdir())
    return (
        house.parts.cfg.config_file.read_text(encoding="utf-8"),
        [(one.id, one.name, one.room) for one in sensor_rows.list_sensors(house.store)],
        [(one.mac, one.user_id, one.name) for one in list_devices(house.store)],
        secrets,
    )


def refuse(house: House, owner: FlaskClient, path: str, which: dict[str, str], typed: Typed, said: str) -> ReadPage:
    """Send a form with that in it; the page after its refusal, on which it stands as typed."""
    form, before = form_with(read(owner, path), **which), stored(house)
    status, page, sent = press(owner, form, **typed)
    assert status == 422
    check_stands(page, sent, said)
    assert stored(house) == before
    return page


HOUSE, FIRST, NEW = {"section": "house"}, {"section": "schedule", "index": "0"}, {"section": "schedule-add"}
ON_SENSORS = {"section": "sensors"}
REFUSED: list[tuple[str, dict[str, str], Typed, str]] = [
    (ARMING, HOUSE, {"leave_delay": "soon", "enter_delay": "45", "bus": "no", "suggest": []}, "takes a whole number"),
    (
        ARMING,
        HOUSE,
        {"alarm_lasts": "2", "leave_delay": "75", "bus": "arm-and-disarm"},
        "between 5 seconds and 1 hour",
    ),
    (ARMING, HOUSE, {"enter_delay": '"><b>', "leave_delay": "75"}, "takes a whole number"),
    (
        ARMING,
        {"section": "away"},
        {"cameras": "chosen", "cameras_ids": ["garden", "drive"], "trigger": "person", "enter_delay": "9999"},
        "must be between 0 seconds and 10 minutes",
    ),
    (
        ARMING,
        {"section": "home"},
        {"sensors": "chosen", "sensors_ids": "bath", "motion_sensors": "0", "leave_delay": "-5"},
        "takes a whole number",
    ),
    (ARMING, FIRST, {"days": [], "mode": "away", "from": "21:15"}, "at least one day"),
    (ARMING, FIRST, {"from": "21:15", "to": "21:15", "days": ["sat", "sun"], "enabled": []}, "must not be the time"),
    (ARMING, NEW, {"from": "25:00", "mode": "home", "only_if": "somebody-home", "days": ["tue"]}, "a time of day"),
    (SENSORS, ON_SENSORS, {"listen": "everywhere", "tls": "1", "silent_after": "48"}, "an address of this machine"),
    (SENSORS, ON_SENSORS, {"zigbee2mqtt": "vigilar/x", "low_battery": "33"}, "must be a topic"),
    (SENSORS, ON_SENSORS, {"host": "broker.home", "port": "99999", "zigbee2mqtt": "z2m"}, "must be a port, 1 to 65535"),
    (SENSORS, ON_SENSORS, {"low_battery": "100", "listen": "0.0.0.0:1884"}, "1 to 99 per cent"),
    (SENSORS, {"section": "presence"}, {"enabled": "1", "away_after": "500"}, "must be between 1 minute and 2 hours"),
    (BATH, {"name": "Bath"}, {"name": " ", "room": "Upstairs"}, "The name has 1 to 60 characters"),
    (BATH, {"name": "Bath"}, {"name": "Bath upstairs", "room": "x" * 61}, "The room has 1 to 60 characters"),
    (PHONES, {"mac": OTHER_MAC}, {"member": "1", "name": "Sam\u200b"}, "The name has 1 to 60 characters"),
    (
        CAMERA,
        {"name": "Drive"},
        {"name": "x" * 65, "record": "motion", "sound": "no", "max_rate": "25 Mbit/s", "allow_public": "on"},
        "Choose a name of 1 to 64 characters",
    ),
    (
        CAMERA,
        {"name": "Drive"},
        {"name": "Yard", "address": "rtsp://8.8.8.8/s1", "transport": "udp", "enabled": []},
        "this is a public address",
    ),
    (CAMERA, {"name": "Drive"}, {"name": "Yard", "small": "192.168.1.22"}, "needs its path"),
    (CAMERA, {"user": ""}, {"user": "x" * 257, "password": "hunter2"}, "cannot be part of one"),
    (ADD, {"address": ""}, {"address": "rtsp://192.168.1.2:22/x", "user": "admin"}, "another kind of service"),
    (
        ADD,
        {"address": ""},
        {"address": "rtsp://192.168.1.30/s1", "user": "admin", "small": "file:/etc/passwd", "password": "hunter2"},
        "Only rtsp://",
    ),
    (ADD, {"address": ""}, {"address": "192.168.1.30", "user": "x" * 257}, "cannot be part of one"),
]


@pytest.mark.parametrize(("path", "which", "typed", "said"), REFUSED)
def test_refused_form_stands_as_typed(
    house: House, owner: FlaskClient, path: str, which: dict[str, str], typed: Typed, said: str
) -> None:
    page = refuse(house, owner, path, which, typed, said)
    assert not [one for one in page.forms if one.fields.get("password", [""]) != [""]]


def test_other_forms_of_the_page_stay_as_the_house_has_them(house: House, owner: FlaskClient) -> None:
    page = refuse(house, owner, ARMING, {"section": "home"}, {"leave_delay": "soon"}, "takes a whole number")
    assert form_with(page, section="night").fields["leave_delay"] == [""]
    assert form_with(page, **FIRST).fields["from"] == ["23:00"]
    set_owner(house.store, MAC, 1, "Sam's phone")
    page = refuse(house, owner, PHONES, {"mac": OTHER_MAC}, {"name": "x" * 61}, "The name has 1 to 60")
    assert form_with(page, mac=MAC).fields == {"mac": [MAC], "member": ["1"], "name": ["Sam's phone"]}
    page = refuse(house, owner, CAMERA, {"user": ""}, {"user": "x" * 257}, "cannot be part of one")
    assert form_with(page, name="Drive").fields["address"] == ["rtsp://192.168.1.21/s1"]


def test_name_of_a_camera_that_works_stands_as_typed(house: House, owner: FlaskClient) -> None:
    house.parts.probe = saying(said("The camera works.", address="rtsp://192.168.1.30/s1"))
    where = owner.post(ADD, data={"address": "192.168.1.30", "password": "hunter2"}).headers["Location"]
    wait_until(lambda: "The camera works." in owner.get(where).text, PATIENCE_S)
    page = refuse(house, owner, where, {"name": ""}, {"name": "Sh\u200bed", "record": "motion"}, "cannot be seen")
    assert form_with(page, address="192.168.1.30").has_focus is False
    assert press(owner, form_with(page, record="motion"), name="Shed")[0] == 303


def test_login_in_an_address_is_taken_out_before_it_is_shown(house: House, owner: FlaskClient) -> None:
    for typed, shown in (
        ("rtsp://admin:hunter2@192.168.1.30/s1", "rtsp://192.168.1.30/s1"),
        ("rtsp://admin:hun/ter2@192.168.1.30/s1", "rtsp://192.168.1.30/s1"),
        (
            "rtsp://192.168.1.30/s1?user=admin&password=hunter2",
            "rtsp://192.168.1.30/s1?user={user}&password={password}",
        ),
        ("rtsp://192.168.1.30/s1?p%61ssword=hunter2", ""),
        ("rtsp://admin:hunter2%40192.168.1.30/s1", ""),
        ("admin:hunter2@192.168.1.30 /s1", ""),
        ("https://admin:hunter2@192.168.1.30/s1", ""),
    ):
        for path, which, field in (
            (CAMERA, {"name": "Drive"}, "address"),
            (CAMERA, {"name": "Drive"}, "small"),
            (ADD, {"address": ""}, "address"),
            (ADD, {"address": ""}, "small"),
        ):
            form, before = form_with(read(owner, path), **which), stored(house)
            other: Typed = (
                {"address": "rtsp://192.168.1.2:22/x"} if field == "small" else {"small": "rtsp://192.168.1.2:22/x"}
            )
            sent = {name: value for name, [value] in form.fields.items()} | other | {field: typed}
            answer = owner.post(form.action, data=sent, headers=HTML)
            assert answer.status_code == 422
            assert "ter2" not in answer.text, (path, field, typed)
            [again] = [one for one in ReadPage(answer.text).forms if field in one.fields]
            assert again.fields[field] == [shown], (path, field, typed)
            assert stored(house) == before


def test_camera_of_a_demo_scene_is_renamed_by_its_form(house: House, owner: FlaskClient) -> None:
    """The form has no rate to choose for it, and was always refused for want of one."""
    form = form_with(read(owner, "/cameras/garden/settings"), name="Garden")
    assert press(owner, form, name="Orchard", record="motion")[0] == 303
    [garden, _] = parse_config(house.parts.cfg.config_file.read_bytes(), "x").cameras
    assert (garden.name, garden.record, garden.address) == ("Orchard", "motion", "demo:garden")


def test_user_of_a_pasted_login_need_not_be_typed_again(owner: FlaskClient) -> None:
    _, page, _ = press(owner, form_with(read(owner, ADD), address=""), address="rtsp://admin:hunter2@8.8.8.8/x")
    [form] = [one for one in page.forms if one.action == ADD]
    assert (form.fields["user"], form.fields["password"]) == (["admin"], [""])


def test_what_no_field_has_said_is_said_beside_the_buttons(house: House, owner: FlaskClient) -> None:
    """The asker has not shown for long who it is; and, of arming, the house was armed while somebody typed."""
    sent: list[tuple[str, dict[str, str], Typed]] = [
        (ARMING, HOUSE, {"leave_delay": "75"}),
        (ARMING, FIRST, {"from": "21:15", "remove": "1"}),
        (SENSORS, ON_SENSORS, {"listen": "0.0.0.0:1884"}),
        (PHONES, {"mac": MAC}, {"name": "Sam's", "member": "1"}),
        (BATH, {"name": "Bath"}, {"room": "Upstairs", "remove": "1"}),
        (CAMERA, {"name": "Drive"}, {"record": "motion"}),
        (CAMERA, {"user": ""}, {"user": "admin"}),
        ("/cameras/drive/settings", {}, {"sure": "on"}),
    ]
    forms = [form_with(read(owner, path), **which) if which else read(owner, path).forms[-1] for path, which, _ in sent]
    before, house.parts.clock = stored(house), SimulatedClock(utc_ns=time.time_ns() + 3_600_000_000_000)
    for form, (path, _, typed) in zip(forms, sent, strict=True):
        status, page, _ = press(owner, form, **typed)
        assert status == 403, path
        [at] = page.focus
        assert (at["name"], at["aria-describedby"]) == ("own_password", "own-wrong"), path
        assert page.words["own-wrong"].startswith("Show first that it is you"), path
        [again] = [one for one in page.forms if one.has_focus]
        assert {name: [value] for name, value in typed.items() if name != "remove"}.items() <= again.fields.items()
        assert stored(house) == before


def test_row_of_the_schedule_that_moved_keeps_what_was_typed(house: House, owner: FlaskClient) -> None:
    """Two owners: one adds a row above, the other's form is about the row it was made from, not about its place."""
    before = form_with(read(owner, ARMING), **FIRST)
    file = house.parts.cfg.config_file
    above = '[[arm.schedule]]\nmode = "home"\nfrom = "12:00"\nto = "13:00"\n'
    file.write_text(FILE.replace("[[arm.schedule]]", f"{above}[[arm.schedule]]", 1), encoding="utf-8")
    status, page, _ = press(owner, before, **{"from": "21:15"})
    assert status == 409
    [at] = page.focus
    assert at["role"] == "alert"
    assert form_with(page, **FIRST).fields["from"] == ["12:00"]
    form = form_with(page, section="schedule", index="1")
    assert (form.has_focus, form.fields["from"]) == (True, ["21:15"])
    assert press(owner, form)[0] == 303
    rows = parse_config(file.read_bytes(), "x").arm.schedule
    assert [one.from_min for one in rows] == [12 * 60, 21 * 60 + 15, 8 * 60]


def test_row_of_the_schedule_that_is_gone_leaves_what_was_typed_for_a_new_one(house: House, owner: FlaskClient) -> None:
    before = form_with(read(owner, ARMING), **FIRST)
    house.parts.cfg.config_file.write_text(FILE.partition("[[arm.schedule]]")[0], encoding="utf-8")
    answer = owner.post(ARMING, data={**before.fields, "from": "21:15"}, headers=HTML)
    assert answer.status_code == 409
    assert "What you typed still stands here" in answer.text
    form = form_with(ReadPage(answer.text), **NEW)
    assert (form.is_open, form.fields["from"]) == (True, ["21:15"])


def test_page_that_nobody_sent_anything_to_says_nothing(owner: FlaskClient) -> None:
    for path in (ARMING, SENSORS, PHONES, BATH, CAMERA):
        page = read(owner, path)
        assert page.focus == [], path
        assert not any(words for name, words in page.words.items() if name.endswith("-wrong")), path
