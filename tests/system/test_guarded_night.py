"""A whole house at night, as its owner set it up: somebody comes, the schedule arms, phones leave, a door opens that
speaks to a broker of the owner's own."""

from __future__ import annotations

import json
import subprocess
import time
import tomllib
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.conftest import PATIENCE_S
from tests.ports import free_port
from tests.system.house import RunningHouse, run_house, wait_for, zone_in_which_it_is
from tests.system.test_arming import PIN, Ear, arm, ask, disarm, state
from tests.system.test_objects import HALL, models
from vigilar.base.ids import new_id
from vigilar.bus.accounts import password_file
from vigilar.bus.broker import broker_command, is_accepted
from vigilar.bus.topics import Topics
from vigilar.config.secrets import SecretStore
from vigilar.store.engine import Store
from vigilar.store.presence import note_devices, set_owner, set_presence

pytestmark = [pytest.mark.system, pytest.mark.long(170), pytest.mark.timeout(600)]

USER, PASSWORD = "zigbee", "a word of the owner's"
IEEE = "0x00158d0001a2b3c4"
DEVICES = [{"ieee_address": IEEE, "friendly_name": "cellar_door", "type": "EndDevice", "definition": {"exposes": []}}]
PHONE = "aa:bb:cc:dd:ee:01"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NO_RULES = 'cameras = "none"\nsensors = "none"'


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a broker of the owner's own, with a login."""
    folder, port = tmp_path_factory.mktemp("broker"), free_port()
    (folder / "users").write_text(password_file({USER: PASSWORD}), encoding="ascii")
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous false", f"password_file {folder / 'users'}", "user root"]
    (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    process = subprocess.Popen(broker_command(folder))
    try:
        wait_for(lambda: is_accepted(port, USER, PASSWORD, 0.2), 60, "the owner's broker answers")
        yield port
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, broker: int) -> Iterator[RunningHouse]:
    """In its clock it is between midnight and one."""
    folder = tmp_path_factory.mktemp("night") / "house"
    folder.mkdir()
    models(folder, "install", "drawn-scenes")
    SecretStore(folder / "secrets").put_login("zigbee", USER, PASSWORD)
    settings = (
        f'[house]\ntime_zone = "{zone_in_which_it_is(0)}"',
        '[arm]\nleave_delay = "1s"\nenter_delay = "2s"\nalarm_lasts = "2m"\nsuggest = false',
        '[arm.away]\ntrigger = "person"',
        f"[arm.night]\n{NO_RULES}",
        '[arm.home]\ncameras = "none"',
        f'[sensors]\nhost = "127.0.0.1"\nport = {broker}\nlogin = "secret:zigbee"',
    )
    with run_house(folder, HALL, *settings) as house:
        assert ask(house, "PUT", "/api/v1/members/me/pin", {"pin": PIN})[0] == 204
        wait_for(lambda: state(house)["ready"], 60, "the camera is live")
        yield house


@pytest.fixture
def ear(house: RunningHouse) -> Iterator[Ear]:
    ear = Ear(house)
    yield ear
    ear.bus.stop(1.0)


def schedule(house: RunningHouse, **form: str) -> None:
    """Change the schedule as on its page."""
    pairs = [("days", day) for day in DAYS] + list(form.items())
    request = urllib.request.Request(house.base + "/settings/arming", urllib.parse.urlencode(pairs).encode())
    with house.opener.open(request, timeout=PATIENCE_S) as answer:  # it leads back to the page
        assert answer.status == 200


def history(house: RunningHouse) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(house.get("/api/v1/arm/history"))["history"]
    return found


def test_person_at_night_is_an_alarm_with_its_footage_kept_until_somebody_disarms(
    house: RunningHouse, ear: Ear
) -> None:
    before = {one["id"] for one in house.events("alarm")}
    assert arm(house, "away", override=True)[0] == 200
    entry = wait_for(ear.entry, 120, "somebody comes in")
    assert (entry["what"], entry["where"]) == ("Person", "Hall")
    wait_for(lambda: state(house)["alarm"], 60, "nobody disarms")
    alarm = wait_for(lambda: [one for one in house.events("alarm") if one["id"] not in before], 60, "it is an event")[0]
    assert (alarm["title"], alarm["severity"], alarm["end_ts"]) == ("Alarm: Person, Hall", "CRITICAL", None)
    assert (alarm["kept"], alarm["source_id"]) == (True, "hall")
    assert str(alarm["id"]) in {one["id"] for one in json.loads(house.get("/api/v1/kept"))["kept"]}
    siren = wait_for(lambda: (told := ear.newest(Topics.SIREN)).get("state") == "on" and told, 60, "the siren is told")
    assert (siren["what"], siren["where"]) == ("Person", "Hall")
    disarm(house)
    wait_for(lambda: ear.newest(Topics.SIREN).get("state") == "off", 60, "the siren ends")
    over = wait_for(lambda: (it := house.events("alarm")[0])["end_ts"] and it, 60, "the alarm is over")
    assert (over["id"], over["payload"]["ended_by"]) == (alarm["id"], "sam")
    clip = house.get(f"/events/{alarm['id']}/clip.mp4")
    assert clip[4:8] == b"ftyp", "its footage is there"
    assert state(house)["mode"] == "disarmed"


def test_span_over_midnight_arms_at_once_and_ends_at_its_minute(house: RunningHouse) -> None:
    """It began at ten in the evening, when nobody had written it down yet."""
    house.prove()
    zone = tomllib.loads((house.folder / "vigilar.toml").read_text(encoding="utf-8"))["house"]["time_zone"]
    # A minute at the least: a busy house takes some seconds until it uses its settings.
    end = (datetime.now(ZoneInfo(zone)) + timedelta(seconds=120)).replace(second=0, microsecond=0)
    schedule(
        house,
        section="schedule-add",
        mode="night",
        to=f"{end:%H:%M}",
        only_if="always",
        enabled="1",
        **{"from": "22:00"},
    )
    wait_for(lambda: state(house)["mode"] == "night", 60, "the house is armed by its schedule")
    wait_for(lambda: state(house)["mode"] == "disarmed", 180, "and disarmed at its end")
    over, begun = history(house)[:2]
    assert [(one["action"], one["how"], one["mode"]) for one in (begun, over)] == [
        ("armed", "schedule", "night"),
        ("disarmed", "schedule", "night"),
    ]
    assert 0 <= over["ts"] - end.timestamp() * 1000 < 60_000
    house.prove()
    schedule(house, section="schedule", index="0", remove="1")


def test_span_waits_until_nobody_is_at_home(house: RunningHouse) -> None:
    with closing(Store.open(f"sqlite:///{house.folder / 'vigilar.db'}")) as store:
        now_ms = time.time_ns() // 1_000_000
        note_devices(store, {PHONE: "192.0.2.7"}, now_ms)
        assert set_owner(store, PHONE, 1, "Sam's phone")
        set_presence(store, 1, "home", now_ms)
        house.prove()
        row = {"mode": "night", "from": "23:00", "to": "12:00", "only_if": "nobody-home", "enabled": "1"}
        schedule(house, section="schedule-add", **row)
        wait_for(lambda: b"nobody" in house.get("/settings/arming"), 60, "the row is there")
        # The guard looks once a second, and a look that changes nothing leaves no trace to wait for.
        time.sleep(3.0)
        assert state(house)["mode"] == "disarmed"
        set_presence(store, 1, "unknown", now_ms)
        time.sleep(2.0)  # as above
        assert state(house)["mode"] == "disarmed", "not known is not away"
        set_presence(store, 1, "away", now_ms)
        wait_for(lambda: state(house)["mode"] == "night", 60, "everybody has left")
        schedule_ends(house)


def schedule_ends(house: RunningHouse) -> None:
    """Its row is taken away; the settings say what guards, so the house is disarmed first."""
    disarm(house)
    house.prove()
    schedule(house, section="schedule", index="0", remove="1")


class Zigbee:
    """Zigbee2MQTT at the broker of the owner's own."""

    def __init__(self, port: int) -> None:
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, f"zigbee-{new_id()[:6]}")
        self.client.username_pw_set(USER, PASSWORD)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def says(self, topic: str, content: Any, *, retain: bool = False) -> None:
        self.client.publish(f"zigbee2mqtt/{topic}", json.dumps(content), 1, retain).wait_for_publish(PATIENCE_S)


def test_door_at_the_owners_broker_counts_and_left_open_is_told(house: RunningHouse, broker: int) -> None:
    zigbee = Zigbee(broker)
    zigbee.says("bridge/devices", DEVICES, retain=True)
    zigbee.says("cellar_door", {"contact": True, "battery": 80})
    wait_for(lambda: json.loads(house.get("/api/v1/sensors"))["sensors"], 60, "the door is known")
    assert ask(house, "PATCH", "/api/v1/sensors/cellar-door", {"name": "Cellar door"})[0] == 200
    assert arm(house, "home", delay_s=20)[0] == 200  # longer than a busy machine takes to hear of the door
    zigbee.says("cellar_door", {"contact": False})
    wait_for(lambda: state(house)["mode"] == "home", 60, "the time to leave is over")
    told = wait_for(lambda: house.events("left_open"), 60, "the open door is told")[0]
    assert (told["title"], told["severity"]) == ("Armed, but left open: Cellar door", "ALERT")
    assert state(house)["bypassed"] == ["sensor/cellar-door"]
    assert state(house)["entry"] is None
    zigbee.says("cellar_door", {"contact": True})
    wait_for(lambda: all(one["end_ts"] for one in house.events("sensor_opened")), 60, "somebody closed it")
    zigbee.says("cellar_door", {"contact": False})
    entry = wait_for(lambda: (now := state(house))["entry"] or now["alarm"], 60, "from then on it counts")
    assert (entry["what"], entry["where"]) == ("Opened", "Cellar door")
    disarm(house)
    zigbee.says("cellar_door", {"contact": True})
    wait_for(lambda: state(house)["ready"], 60, "all is closed")
    zigbee.client.disconnect()
    zigbee.client.loop_stop()
