"""What Home Assistant is told: devices as its documentation wants them, states, and nothing that it must not know."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vigilar.bus.client import PublishTicket
from vigilar.bus.messages import ArmStateTold, CameraHealth
from vigilar.bus.topics import HomeTopics
from vigilar.homeassistant import states
from vigilar.homeassistant.board import Board
from vigilar.homeassistant.devices import Shown, all_devices, dump, states_below, with_removed
from vigilar.store.going_on import Newest, SensorNow, Visit

HOUSE = "0a1b2c3d"
ALL = Shown(
    HOUSE,
    "Home",
    {"hall": "Hall", "yard": "Yard"},
    pictures=True,
    recognises=True,
    has_ups=True,
    has_backup=True,
)
SENSORS = [SensorNow("door", "gpio/chip0/4", "Door", {"contact": 1.0, "temperature": 20.5}, 88)]

SHARED = {"platform", "unique_id", "name", "icon", "entity_category", "json_attributes_topic"}
FIELDS: dict[str, tuple[set[str], set[str]]] = {
    "binary_sensor": ({"state_topic"}, {"device_class"}),
    "sensor": (
        {"state_topic"},
        {"device_class", "unit_of_measurement", "state_class", "options", "suggested_display_precision"},
    ),
    "camera": ({"topic"}, set()),
    "image": ({"image_topic"}, {"content_type"}),
    "alarm_control_panel": (
        {"state_topic", "command_topic"},
        {"supported_features", "code_arm_required", "code_disarm_required", "code_trigger_required"},
    ),
}
"""Platform -> what its page of Home Assistant's documentation requires, and what else of it is used here."""

CLASSES = {
    "binary_sensor": {
        *("motion", "occupancy", "connectivity", "problem", "power", "opening", "moisture", "smoke", "gas"),
        *("tamper", "safety", "vibration"),
    },
    "sensor": {
        *("duration", "battery", "temperature", "humidity", "atmospheric_pressure", "illuminance", "enum"),
    },
}
UNITS = {"duration": "d", "battery": "%", "temperature": "°C", "humidity": "%"}


def check_device(device_id: str, payload: dict[str, Any]) -> None:
    """As the documentation of device discovery says: ``device``, ``origin`` with a name and ``components``, each with a
    platform and a unique id; names of topics without wildcards."""
    assert payload["device"]["identifiers"] == [device_id]
    assert payload["origin"]["name"]
    assert payload["components"]
    for key, one in payload["components"].items():
        required, more = FIELDS[one["platform"]]
        assert required <= one.keys() <= required | more | SHARED, key
        assert one["unique_id"] == f"{device_id}_{key}"
        if "device_class" in one:
            assert one["device_class"] in CLASSES[one["platform"]]
            assert one.get("unit_of_measurement") == UNITS.get(one["device_class"], one.get("unit_of_measurement"))
        for name, value in one.items():
            if name.endswith("topic"):
                assert value.startswith(f"vigilar-ha/{HOUSE}/")
                assert not set(value) & set("+# ")


def test_devices_are_as_documented() -> None:
    found = all_devices(ALL, SENSORS)
    assert list(found) == [
        *(f"vigilar_{HOUSE}", f"vigilar_{HOUSE}_camera_hall", f"vigilar_{HOUSE}_camera_yard"),
        f"vigilar_{HOUSE}_sensor_door",
    ]
    ids = []
    for device_id, payload in found.items():
        check_device(device_id, payload)
        ids += [one["unique_id"] for one in payload["components"].values()]
    assert len(ids) == len(set(ids))


def test_panel_asks_for_no_code_and_offers_three_modes() -> None:
    panel = all_devices(ALL, [])[ALL.house_id]["components"]["alarm"]
    assert panel["supported_features"] == ["arm_home", "arm_away", "arm_night"]
    assert "code" not in panel
    assert panel["code_disarm_required"] is False


def test_house_that_may_not_be_armed_has_no_command() -> None:
    payload = all_devices(Shown(HOUSE, may_arm=False), [])[ALL.house_id]
    check_device(ALL.house_id, payload)
    assert "command_topic" not in dump(payload).decode()


def test_what_a_device_has_no_more_is_taken_away() -> None:
    before = all_devices(ALL, [])[ALL.camera_device("hall")]
    fewer = Shown(HOUSE, "Home", {"hall": "Hall"})
    after = with_removed(all_devices(fewer, [])[fewer.camera_device("hall")], dump(before))
    assert after["components"]["person"] == {"platform": "binary_sensor"}
    assert after["components"]["picture"] == {"platform": "camera"}
    assert "device_class" in after["components"]["motion"]
    assert with_removed(before, b"nonsense") == before


def test_every_kept_state_goes_with_its_device() -> None:
    for device, payload in all_devices(ALL, SENSORS).items():
        kept = {
            value
            for one in payload["components"].values()
            for name, value in one.items()
            if name in ("state_topic", "json_attributes_topic")
        }
        assert kept <= set(states_below(ALL, device))
    told = set(states.sensors(ALL, SENSORS))
    assert told <= set(states_below(ALL, ALL.sensor_device("door")))


def of(camera_id: str, what: str) -> str:
    return HomeTopics.of_camera(HOUSE, camera_id, what)


def test_kind_holds_longer_than_motion() -> None:
    found = states.visits(ALL, [Visit("hall", "person", False), Visit("yard", "cat", True)])
    assert {of("hall", "motion"): b"OFF", of("hall", "person"): b"ON", of("hall", "animal"): b"OFF"}.items() <= (
        found.items()
    )
    assert (found[of("yard", "motion")], found[of("yard", "animal")]) == (b"ON", b"ON")


@pytest.mark.parametrize(
    ("health", "connected", "problem", "reason"),
    [
        (CameraHealth("1", 0, "hall", "live"), b"ON", b"OFF", ""),
        (CameraHealth("1", 0, "hall", "live", not_recording="disk-full"), b"ON", b"ON", "."),
        (
            CameraHealth("1", 0, "hall", "failed", "rtsp://me:secret@10.0.0.7/ is silent."),
            b"OFF",
            b"ON",
            "rtsp://***@10.0.0.7/ is silent.",
        ),
        (None, b"OFF", b"ON", states.STALE),
    ],
)
def test_camera_says_what_is_wrong(health: CameraHealth | None, connected: bytes, problem: bytes, reason: str) -> None:
    found = states.camera(ALL, "hall", health)
    assert (found[of("hall", "connected")], found[of("hall", "problem")]) == (connected, problem)
    assert json.loads(found[of("hall", "problem_more")])["reason"].endswith(reason)


def told(mode: str, **more: Any) -> ArmStateTold:
    return ArmStateTold("1", 0, mode, 1_000, "Sam", 1, **more)


SIGN = {"until_ts": 61_000, "what": "Person", "where": "Yard"}


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (told("disarmed"), b"disarmed"),
        (told("night"), b"armed_night"),
        (told("disarmed", pending={"mode": "away", "until_ts": 61_000}), b"arming"),
        (told("away", entry=SIGN), b"pending"),
        (told("away", entry=SIGN, alarm=SIGN), b"triggered"),
    ],
)
def test_panel_shows_the_state(said: ArmStateTold, state: bytes) -> None:
    assert states.alarm(ALL, said)[HomeTopics.of_house(HOUSE, "alarm")] == state


def test_hidden_camera_is_in_no_state() -> None:
    some = Shown(HOUSE, "Home", {"hall": "Hall"}, shows_all=False)
    payload = {"title": "Alarm: Person, Yard", "where": "Yard", "named_cameras": {"yard": "Yard"}}
    event = Newest(1, "alarm", "CRITICAL", "house", 1_000, "", payload)
    found = states.last_event(some, event, {"hall": "Hall", "yard": "Yard"})
    found |= states.alarm(some, told("away", alarm=SIGN))
    assert found[HomeTopics.of_house(HOUSE, "last_event")] == b"Alarm: Person, a camera"
    assert b"Yard" not in b"".join(found.values())


def test_unknown_supply_is_not_told_as_mains() -> None:
    found = states.supply(ALL, {"level": "unknown"})
    assert set(found.values()) == {b"None"}
    found = states.supply(ALL, {"level": "low", "charge": 40})
    assert list(found.values()) == [b"OFF", b"40"]


class Broker:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.is_connected = True
        self.sent: list[tuple[str, bytes, bool]] = []

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> PublishTicket:
        self.sent.append((topic, payload, retain))
        return PublishTicket(qos)

    def take(self) -> list[tuple[str, bytes, bool]]:
        found, self.sent = self.sent, []
        return found


def test_board_sends_changes_only_and_all_to_a_new_broker() -> None:
    bus = Broker()
    board = Board(bus)
    board.put("a", b"1")
    board.put("a", b"1")
    assert bus.take() == [("a", b"1", True)]
    board.forget_sent()
    bus.is_connected = False
    assert not board.put("a", b"1")
    bus.is_connected = True
    board.put("a", b"1")
    assert bus.take() == [("a", b"1", True)]


def test_removed_camera_is_emptied_and_no_other_house_touched() -> None:
    bus = Broker()
    board = Board(bus)
    other = HomeTopics.config("vigilar_ffffffff_camera_yard")
    board.hear_config(other, b"{}")
    board.hear_config(HomeTopics.config(ALL.camera_device("gone")), b"{}")
    board.put_devices(ALL, all_devices(ALL, []))
    emptied = [topic for topic, payload, _ in bus.take() if not payload]
    assert emptied[0] == HomeTopics.config(ALL.camera_device("gone"))
    assert of("gone", "motion") in emptied
    assert other not in emptied


def test_no_picture_is_kept_by_the_broker() -> None:
    bus = Broker()
    board = Board(bus)
    board.show(of("hall", "picture"), b"jpeg")
    board.show_again()
    assert [kept for _, _, kept in bus.take()] == [False, False]
    board.forget_pictures()
    board.show_again()
    assert bus.take() == []
