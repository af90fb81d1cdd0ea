"""Zigbee2MQTT speaks to a whole running house, by its own way in, encrypted, and can do nothing else there."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.conftest import PATIENCE_S
from tests.flow.command_line import vigilar
from tests.ports import free_port
from tests.system.house import RunningHouse, run_house, wait_for
from tests.system.test_arming import PIN, arm, ask, state, street
from vigilar.base.ids import new_id
from vigilar.bus.messages import ArmRequest
from vigilar.bus.topics import Topics

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

IEEE = "0x00158d0001a2b3c4"
DEVICES = [{"ieee_address": IEEE, "friendly_name": "front_door", "type": "EndDevice", "definition": {"exposes": []}}]


class Zigbee2Mqtt:
    """Publishes what Zigbee2MQTT publishes, with the login that the house gives it."""

    def __init__(self, house: RunningHouse) -> None:
        printed = vigilar(house.folder, "sensors", "login").out
        said = dict(line.strip().split(": ", 1) for line in printed.splitlines() if ": " in line)
        self.port = int(said["server"].rpartition(":")[2])
        self.user, self.password = said["user"], said["password"]
        self.root = printed[printed.index("-----BEGIN") :]
        assert said["server"].startswith("mqtts://")
        self.client = self.connect(self.user, self.password)
        self.heard: list[tuple[str, bytes]] = []
        self.client.on_message = lambda _c, _d, message: self.heard.append((message.topic, bytes(message.payload)))
        self.client.subscribe([("#", 1), ("vigilar/#", 1), (Topics.SIREN, 1)])

    def connect(self, user: str, password: str) -> mqtt.Client:
        self.answers: list[Any] = []
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(user, password)
        client.tls_set_context(ssl.create_default_context(cadata=self.root))
        client.on_connect = lambda _c, _d, _f, reason, _p: self.answers.append(reason)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        wait_for(lambda: self.answers, 60, "the broker answers")
        return client

    def says(self, topic: str, content: Any, *, retain: bool = False) -> None:
        self.client.publish(f"zigbee2mqtt/{topic}", json.dumps(content), 1, retain).wait_for_publish(PATIENCE_S)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHouse]:
    settings = f'[sensors]\nlisten = "127.0.0.1:{free_port()}"\ntls = true\n[arm]\nenter_delay = "2s"'
    with run_house(tmp_path_factory.mktemp("sensed") / "house", {"Hall": street()}, settings) as house:
        assert ask(house, "PUT", "/api/v1/members/me/pin", {"pin": PIN})[0] == 204
        wait_for(lambda: state(house)["ready"], 60, "the camera is live")
        yield house


@pytest.fixture(scope="module")
def zigbee(house: RunningHouse) -> Iterator[Zigbee2Mqtt]:
    made = Zigbee2Mqtt(house)
    made.says("bridge/devices", DEVICES, retain=True)
    made.says("front_door", {"contact": True, "battery": 88, "linkquality": 110})
    wait_for(lambda: sensors(house), 60, "the sensor is there")
    yield made
    made.client.disconnect()
    made.client.loop_stop()


def sensors(house: RunningHouse) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(house.get("/api/v1/sensors"))["sensors"]
    return found


def test_contact_is_shown_named_and_has_a_history(house: RunningHouse, zigbee: Zigbee2Mqtt) -> None:
    zigbee.says("front_door", {"contact": True, "battery": 81})
    wait_for(lambda: sensors(house)[0]["battery"] == 81, 60, "all that was said before is heard")
    wait_for(lambda: all(one["end_ts"] for one in house.events("sensor_opened")), 60, "the door is closed")
    known = len(json.loads(house.get("/api/v1/sensors/front-door"))["readings"])
    zigbee.says("front_door", {"contact": False, "battery": 88, "linkquality": 110})
    event = wait_for(lambda: [one for one in house.events("sensor_opened") if not one["end_ts"]], 60, "it is open")[0]
    assert event["source_id"] == "sensor/front-door"
    assert ask(house, "PATCH", "/api/v1/sensors/front-door", {"name": "Front door", "room": "Hall"})[0] == 200
    zigbee.says("front_door", {"contact": True, "battery": 88, "linkquality": 110})
    wait_for(lambda: house.events("sensor_opened")[0]["end_ts"], 60, "closing is its end")
    sensor = sensors(house)[0]
    assert (sensor["name"], sensor["room"], sensor["words"], sensor["battery"]) == ("Front door", "Hall", "Closed", 88)
    readings = json.loads(house.get("/api/v1/sensors/front-door"))["readings"]
    assert [one["value"] for one in readings][: len(readings) - known] == [0.0, 1.0]


def test_contact_that_opens_in_an_armed_house_is_an_alarm(house: RunningHouse, zigbee: Zigbee2Mqtt) -> None:
    zigbee.says("front_door", {"contact": True})
    wait_for(lambda: state(house)["ready"], 60, "the door is closed")
    assert arm(house, "home")[0] == 200
    zigbee.says("front_door", {"contact": False})
    wait_for(lambda: (now := state(house))["entry"] or now["alarm"], 60, "somebody comes in")
    alarm = wait_for(lambda: state(house)["alarm"], 60, "nobody disarms")
    assert alarm["what"] == "Opened"
    event = wait_for(lambda: house.events("alarm"), 60, "the alarm is an event")[0]
    assert (event["source_id"], event["kept"]) == ("sensor/front-door", True)
    wait_for(
        lambda: any(topic == Topics.SIREN and b'"on"' in said for topic, said in zigbee.heard), 60, "a siren hears"
    )
    assert arm(house, "disarmed", pin=PIN)[0] == 200
    code, facts = arm(house, "home")
    assert (code, facts["type"]) == (409, "arm.not_ready")
    assert facts["problems"][0]["source_id"] == "sensor/front-door"
    zigbee.says("front_door", {"contact": True})
    wait_for(lambda: state(house)["ready"], 60, "the door is closed")


def test_sensors_listener_lets_nobody_speak_for_the_house(house: RunningHouse, zigbee: Zigbee2Mqtt) -> None:
    wish = ArmRequest(new_id(), time.time_ns() // 1_000_000, "home", "a burglar")
    for topic in (Topics.ARM_REQUEST, Topics.ARM_CHANGED, "vigilar/sensor/front-door/contact", Topics.SIREN):
        zigbee.client.publish(topic, wish.dump(), 1).wait_for_publish(PATIENCE_S)
    zigbee.says("front_door", {"contact": True})
    time.sleep(1.0)
    assert state(house)["mode"] == "disarmed"
    heard = {topic for topic, _ in zigbee.heard}
    assert heard <= {Topics.SIREN} | {topic for topic in heard if topic.startswith("zigbee2mqtt/")}


def test_accounts_of_the_processes_cannot_enter_there(house: RunningHouse, zigbee: Zigbee2Mqtt) -> None:
    passwords = json.loads((house.folder / "secrets" / "bus-users").read_text(encoding="utf-8"))
    for user in ("events", "owner", "sensors"):
        client = zigbee.connect(user, passwords[user])
        assert zigbee.answers[0].is_failure, user
        client.loop_stop()


@pytest.mark.long
def test_killed_process_goes_on_where_it_was(house: RunningHouse, zigbee: Zigbee2Mqtt) -> None:
    before = house.program("v:sensors")
    before.kill()
    wait_for(lambda: house.program("v:sensors").pid != before.pid, 60, "it is back")
    known = len(house.events("sensor_opened"))

    def opened() -> bool:
        for is_closed in (True, False):
            zigbee.says("front_door", {"contact": is_closed})
        time.sleep(0.5)  # not more than it can hear
        return len(house.events("sensor_opened")) > known

    wait_for(opened, 60, "it hears again")
    assert [one["id"] for one in sensors(house)] == ["front-door"]
