"""A whole house is shown to Home Assistant by its own way in, as a bare MQTT client sees it; and what that may not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.conftest import PATIENCE_S
from tests.flow.command_line import vigilar
from tests.ports import free_port
from tests.system.house import RunningHouse, run_house, wait_for
from tests.system.test_arming import PIN, arm, ask, state, street
from tests.unit.test_homeassistant import FIELDS
from vigilar.base.ids import new_id
from vigilar.bus.messages import ArmRequest
from vigilar.bus.topics import Topics

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

JPEG = b"\xff\xd8\xff"


class HomeAssistant:
    """Enters with what the house gave it, says that it is there, and keeps what it hears."""

    def __init__(self, port: int, password: str, user: str = "homeassistant") -> None:
        self.now: dict[str, bytes] = {}
        self.heard: list[tuple[str, bytes, bool]] = []
        self.answers: list[Any] = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self.client.username_pw_set(user, password)
        self.client.reconnect_delay_set(0.1, 0.5)  # type: ignore[arg-type]  # floats work, paho says int
        self.client.will_set("homeassistant/status", b"offline")
        self.client.on_connect = self._enter
        self.client.on_message = self._hear
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        wait_for(lambda: self.answers, 60, "the broker answers")

    def _enter(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.now.clear()
        if not reason.is_failure:
            client.subscribe([("homeassistant/#", 1), ("vigilar-ha/#", 1), ("#", 1), ("vigilar/#", 1)])
            client.publish("homeassistant/status", b"online")
        self.answers.append(reason)

    def _hear(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload), bool(message.retain)))
        self.now[message.topic] = bytes(message.payload)

    def says(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.client.publish(topic, payload, 1, retain).wait_for_publish(PATIENCE_S)

    def devices(self) -> dict[str, dict[str, Any]]:
        """By the name that people read."""
        found = [json.loads(said) for topic, said in dict(self.now).items() if topic.endswith("/config") and said]
        return {one["device"]["name"]: one for one in found}

    def kept_for_it(self) -> dict[str, bytes]:
        """All but what it says itself."""
        return {topic: said for topic, said in dict(self.now).items() if topic != "homeassistant/status"}

    def topic(self, device: str, key: str, field: str = "state_topic") -> str:
        found: str = self.devices()[device]["components"][key][field]
        return found

    def shows(self, device: str, key: str, field: str = "state_topic") -> bytes:
        """What a component shows now; empty while it or its state is not there."""
        try:
            return self.now.get(self.topic(device, key, field), b"")
        except KeyError:
            return b""

    def is_up(self) -> bool:
        devices = self.devices().values()
        return bool(devices) and all(self.now.get(one["availability_topic"]) == b"online" for one in devices)

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def run_shown_house(folder: Path, more: str = "") -> Iterator[RunningHouse]:
    settings = f'[home_assistant]\nenabled = true\nlisten = "127.0.0.1:{free_port()}"\n{more}'
    cameras: dict[str, str | dict[str, str]] = {"Street": street(), "Yard": street()}
    with run_house(folder, cameras, settings, '[arm]\nleave_delay = "1s"') as house:
        assert ask(house, "PUT", "/api/v1/members/me/pin", {"pin": PIN})[0] == 204
        wait_for(lambda: state(house)["ready"], 60, "the cameras are live")
        yield house


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHouse]:
    with run_shown_house(tmp_path_factory.mktemp("shown") / "house", "pictures = true") as house:
        yield house


@pytest.fixture(scope="module")
def home(house: RunningHouse) -> Iterator[HomeAssistant]:
    made = enter(house)
    yield made
    made.leave()


def enter(house: RunningHouse) -> HomeAssistant:
    password = vigilar(house.folder, "home-assistant", "password").out.strip()
    port = json.loads(vigilar(house.folder, "home-assistant", "show", "--json").out)["port"]

    def entered() -> HomeAssistant | None:
        found = HomeAssistant(port, password)
        if not found.answers[0].is_failure:
            return found
        found.leave()
        return None

    made: HomeAssistant = wait_for(entered, 60, "the house lets it in")
    wait_for(made.is_up, 60, "the devices are there")
    return made


def is_replaced(house: RunningHouse, name: str, pid: int) -> bool:
    return house.program(name).pid != pid


def test_devices_and_states_appear(home: HomeAssistant) -> None:
    wait_for(lambda: len(home.devices()) == 3, 60, "the house and two cameras")
    for device in home.devices().values():
        for one in device["components"].values():
            assert FIELDS[one["platform"]][0] <= one.keys()
    wait_for(lambda: home.shows("Street", "connected") == b"ON", 60, "the camera is live")
    wait_for(lambda: home.shows("Home", "alarm") == b"disarmed", 60, "the panel")
    assert home.shows("Street", "problem") == b"OFF"


def test_motion_turns_on_and_off_with_pictures(home: HomeAssistant) -> None:
    topic = home.topic("Street", "motion")
    wait_for(lambda: {b"ON", b"OFF"} <= {said for one, said, _ in home.heard if one == topic}, 60, "it comes and goes")
    wait_for(lambda: home.shows("Street", "picture", "topic").startswith(JPEG), 60, "a picture of now")
    wait_for(lambda: home.shows("Street", "last_picture", "image_topic").startswith(JPEG), 60, "that of the event")
    wait_for(lambda: b"Motion" in home.shows("Home", "last_event"), 60, "the last event is a sentence")


def test_arms_and_does_not_disarm(house: RunningHouse, home: HomeAssistant) -> None:
    command = home.topic("Home", "alarm", "command_topic")
    home.says(command, b"ARM_NIGHT")
    wait_for(lambda: home.shows("Home", "alarm") == b"armed_night", 60, "the house is armed")
    assert json.loads(home.shows("Home", "alarm", "json_attributes_topic"))["by"] == "Home Assistant"
    home.says(command, b"DISARM")
    refused = wait_for(lambda: house.events("arm_refused"), 60, "people are told")[0]
    assert "Home Assistant" in json.dumps(refused["payload"])
    assert state(house)["mode"] == "night"
    assert arm(house, "disarmed", pin=PIN)[0] == 200
    wait_for(lambda: home.shows("Home", "alarm") == b"disarmed", 60, "a page disarmed it")


def test_broker_and_process_killed_and_all_is_back(house: RunningHouse, home: HomeAssistant) -> None:
    known, events = set(home.devices()), house.events("arm_refused")
    for name in ("mosquitto", "v:homeassistant"):
        before = house.program(name)
        before.kill()
        wait_for(partial(is_replaced, house, name, before.pid), 60, f"{name} is back")
        wait_for(lambda: len(home.answers) > 1 and home.is_up() and set(home.devices()) == known, 60, "all is back")
        wait_for(lambda: home.shows("Home", "alarm") == b"disarmed", 60, "the panel")
        wait_for(lambda: home.shows("Street", "connected") == b"ON", 60, "the camera")
    assert house.events("arm_refused") == events


def test_account_can_do_nothing_else(house: RunningHouse, home: HomeAssistant) -> None:
    wish = ArmRequest(new_id(), time.time_ns() // 1_000_000, "home", "a thief").dump()
    motion = home.topic("Street", "motion")
    config = "homeassistant/device/thief/config"
    with_word = [(Topics.ARM_REQUEST, wish), (Topics.ARM_CHANGED, wish), (Topics.SIREN, b"on"), (config, b"{}")]
    for topic, payload in [*with_word, (motion, b"forged"), ("homeassistant/thief", b"x")]:
        home.says(topic, payload)
    command = home.topic("Home", "alarm", "command_topic")
    home.says(command, b"ARM_VACATION")
    time.sleep(1.0)
    assert state(house)["mode"] == "disarmed"
    heard = {topic for topic, _, _ in home.heard}
    assert {topic for topic in heard if not topic.startswith(("homeassistant/", "vigilar-ha/"))} == set()
    assert not heard & {config, "homeassistant/thief"}
    assert b"forged" not in {said for _, said, _ in home.heard}
    secrets = json.loads((house.folder / "secrets" / "bus-users").read_text(encoding="utf-8"))
    for user in ("owner", "homeassistant"):
        client = HomeAssistant(home.client._port, secrets[user], user)
        assert client.answers[0].is_failure
        client.leave()


def test_nothing_kept_is_secret_or_a_picture(house: RunningHouse, home: HomeAssistant) -> None:
    kept = {topic: said for topic, said, is_kept in home.heard if is_kept}
    kept |= {topic: said for topic, said in home.now.items() if topic not in kept}
    said = b"\n".join(said for said in kept.values() if not said.startswith(JPEG))
    words = [*json.loads((house.folder / "secrets" / "bus-users").read_text(encoding="utf-8")).values(), PIN]
    assert [word for word in words if word.encode() in said] == []
    assert b"file:" not in said
    assert JPEG not in (house.folder / "broker" / "mosquitto.db").read_bytes()


@pytest.mark.long(30)
def test_what_is_no_more_is_taken_away(tmp_path: Path) -> None:
    """A renamed camera, a removed one, the password before, and at the end everything."""
    with run_shown_house(tmp_path / "house") as house:
        home = enter(house)
        motion = home.topic("Yard", "motion")
        house.prove()
        assert ask(house, "PATCH", "/api/v1/cameras/street", {"name": "Road"})[0] == 200
        wait_for(lambda: "Road" in home.devices() and "Street" not in home.devices(), 60, "it has its new name")
        assert ask(house, "DELETE", "/api/v1/cameras/yard", {})[0] in (200, 204)
        wait_for(lambda: "Yard" not in home.devices() and home.now.get(motion) == b"", 60, "it is gone")
        count = len(home.answers)
        newer = enter(house)
        wait_for(lambda: any(one.is_failure for one in home.answers[count:]), 60, "the old password is refused")
        home.leave()
        vigilar(house.folder, "config", "set", "home_assistant.enabled", "false")
        wait_for(lambda: not newer.devices() and not any(newer.kept_for_it().values()), 60, "nothing is kept")
        wait_for(lambda: house.programs("v:homeassistant") == [], 60, "the process is gone")
        assert not (house.folder / "home-assistant.json").exists()
        newer.leave()
