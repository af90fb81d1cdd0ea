"""Settings of arming and sensors on the page: the file is changed as a person would, and each change can be undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from vigilar.config.guard_cut import arm_rules
from vigilar.config.load import parse_config

PAGE = {"Accept": "text/html"}
FILE = """\
# our house
[arm]
leave_delay = "90s"   # the stairs

[arm.away]
# the cat sleeps in the hall
cameras = ["front-door"]

# at night
[[arm.schedule]]
mode = "night"
from = "23:00"
to = "06:00"   # early
# weekends are longer
[[arm.schedule]]
mode = "night"
from = "01:00"
to = "09:00"
days = "weekend"

# the doors
[[camera]]
name = "Front door"
address = "demo:street"
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        file(house).write_text(FILE, encoding="utf-8")
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


def file(house: House) -> Path:
    return house.parts.cfg.config_file


def text(house: House) -> str:
    return file(house).read_text(encoding="utf-8")


def send(client: FlaskClient, path: str, **form: object) -> int:
    return client.post(path, data=form, headers=PAGE).status_code


def test_times_are_saved_with_comments_kept_and_undone(house: House, owner: FlaskClient) -> None:
    asked: list[int] = []
    house.parts.ask_reload = lambda: asked.append(1)
    form = {
        "section": "house",
        "leave_delay": "45",
        "enter_delay": "",
        "alarm_lasts": "240",
        "bus": "arm",
        "suggest": "1",
    }
    assert send(owner, "/settings/arming", **form) == 303
    changed = text(house)
    assert 'leave_delay = "45s"   # the stairs' in changed
    assert 'alarm_lasts = "4m"' in changed
    assert changed.count("#") == FILE.count("#")
    assert asked == [1]
    assert "Undo: times of arming" in owner.get("/settings/arming", headers=PAGE).text
    assert send(owner, "/settings/undo", back="/settings/arming") == 303
    assert text(house) == FILE


def test_mode_is_chosen_and_given_back(house: House, owner: FlaskClient) -> None:
    form = {
        "section": "away", "cameras": "all", "trigger": "person", "sensors": "chosen", "sensors_ids": ["door", "hall"],
        "motion_sensors": "0", "leave_delay": "30", "enter_delay": "0",
    }  # fmt: skip
    assert send(owner, "/settings/arming", **form) == 303
    rules = arm_rules(parse_config(text(house).encode(), "x")).of("away")
    assert rules is not None
    assert (rules.trigger, rules.sensors, rules.motion_sensors, rules.leave_s, rules.enter_s) == (
        "person", ("door", "hall"), False, 30, 0,
    )  # fmt: skip
    assert "# the cat sleeps in the hall" in text(house)
    assert send(owner, "/settings/arming", section="away", cameras="", trigger="", sensors="", motion_sensors="") == 303
    usual = arm_rules(parse_config(text(house).encode(), "x")).of("away")
    assert usual is not None
    assert (usual.cameras, usual.trigger, usual.sensors, usual.leave_s) == (("front-door",), "motion", ("all",), 90)


def test_rows_of_the_schedule_are_added_changed_and_removed(house: House, owner: FlaskClient) -> None:
    row = {"mode": "away", "from": "08:00", "to": "17:00", "only_if": "nobody-home", "enabled": "1"}
    assert send(owner, "/settings/arming", section="schedule-add", days=["mon", "tue"], **row) == 303
    schedules = parse_config(text(house).encode(), "x").arm.schedule
    assert [(one.mode, one.from_min, one.days) for one in schedules][2] == ("away", 480, (0, 1))
    row = {"mode": "night", "from": "22:00", "to": "06:30", "only_if": "always", "enabled": "1"}
    every = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    assert send(owner, "/settings/arming", section="schedule", index="0", days=every, **row) == 303
    assert 'to = "06:30"   # early' in text(house)
    assert send(owner, "/settings/arming", section="schedule", index="1", remove="1") == 303
    assert [one.from_min for one in parse_config(text(house).encode(), "x").arm.schedule] == [22 * 60, 480]
    for comment in ("# our house", "# at night", "# weekends are longer", "# the doors", "# early"):
        assert comment in text(house), comment
    for _ in range(3):
        assert send(owner, "/settings/undo") == 303
    assert text(house) == FILE
    assert send(owner, "/settings/undo") == 409


@pytest.mark.parametrize(
    "form",
    [
        {"section": "house", "leave_delay": "9999"},
        {"section": "house", "leave_delay": "-5"},
        {"section": "house", "leave_delay": "soon"},
        {"section": "house", "bus": "everything"},
        {"section": "away", "cameras": "some"},
        {"section": "schedule-add", "mode": "night", "from": "22:00", "to": "22:00", "days": ["mon"]},
        {"section": "schedule-add", "mode": "night", "from": "25:00", "to": "06:00", "days": ["mon"]},
        {"section": "schedule-add", "mode": "night", "from": "22:00", "to": "06:00"},
        {"section": "schedule", "index": "9", "mode": "night", "from": "22:00", "to": "06:00", "days": ["mon"]},
        {"section": "nothing"},
    ],
)
def test_what_is_not_right_is_said_and_changes_nothing(
    house: House, owner: FlaskClient, form: dict[str, object]
) -> None:
    answer = owner.post("/settings/arming", data=form, headers=PAGE)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert text(house) == FILE


def test_open_page_of_an_armed_house_does_not_change_what_guards(house: House, owner: FlaskClient) -> None:
    armed = owner.post("/api/v1/arm", json={"mode": "home", "override": True})
    assert armed.status_code == 200
    before = text(house)
    change = {"set": {"arm.bus": "arm-and-disarm"}}
    for method, path, body in (
        ("PATCH", "/api/v1/settings/guard", change),
        ("POST", "/api/v1/settings/undo", {}),
    ):
        answer = owner.open(path, method=method, json=body)
        assert (answer.status_code, answer.get_json()["type"]) == (409, "arm.armed"), path
    assert send(owner, "/settings/arming", section="house", leave_delay="45") == 409
    assert text(house) == before


def test_second_of_two_who_edit_is_told(house: House, owner: FlaskClient) -> None:
    version = owner.get("/api/v1/settings/guard").get_json()["version"]
    change = {"set": {"arm.leave_delay": "30s"}, "version": version}
    assert owner.patch("/api/v1/settings/guard", json=change).get_json()["arm"]["leave_delay"] == "30s"
    answer = owner.patch("/api/v1/settings/guard", json=change)
    assert (answer.status_code, answer.get_json()["type"]) == (409, "settings.changed")
    assert send(owner, "/settings/arming", section="house", leave_delay="5", version=version) == 409


def test_hand_made_change_is_never_undone(house: House, owner: FlaskClient) -> None:
    owner.patch("/api/v1/settings/guard", json={"set": {"arm.leave_delay": "30s"}})
    by_hand = text(house) + "# by hand\n"
    file(house).write_text(by_hand, encoding="utf-8")
    assert owner.post("/api/v1/settings/undo").get_json()["type"] == "settings.no_undo"
    assert text(house) == by_hand


@pytest.mark.parametrize("key", ["web.port", "sensors.login", "arm", "arm.schedule", "arm.a.b.c", "storage.quota"])
def test_other_settings_are_not_changed_here(owner: FlaskClient, key: str) -> None:
    answer = owner.patch("/api/v1/settings/guard", json={"set": {key: "x"}})
    assert (answer.status_code, answer.get_json()["type"]) == (422, "settings.unknown")


def test_sensors_and_phones_are_set(house: House, owner: FlaskClient) -> None:
    form = {
        "section": "sensors",
        "listen": "0.0.0.0:1884",
        "zigbee2mqtt": "z2m",
        "silent_after": "48",
        "low_battery": "20",
    }
    assert send(owner, "/settings/sensors", **form) == 303
    assert send(owner, "/settings/sensors", section="presence", enabled="1", away_after="15") == 303
    config = parse_config(text(house).encode(), "x")
    assert (config.sensors.listen, config.sensors.zigbee2mqtt, config.sensors.low_battery) == (
        "0.0.0.0:1884",
        "z2m",
        20,
    )
    assert (config.presence.enabled, config.presence.away_after_s) == (True, 900)
    answer = owner.post("/settings/sensors", data={"section": "sensors", "listen": "everywhere"}, headers=PAGE)
    assert (answer.status_code, "such as" in answer.text) == (422, True)


@pytest.mark.parametrize("role", ["adult", "child", "guest"])
def test_only_an_owner_changes_settings(house: House, role: str) -> None:
    member = house.member(role)  # type: ignore[arg-type]  # one of the roles
    for path in ("/settings/arming", "/settings/sensors", "/api/v1/settings/guard"):
        assert member.get(path).status_code == 403
