"""What sensors say becomes rows, messages and events, each change once; who is silent or nearly empty is told of."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.ready_store import open_ready_store
from vigilar.base.clock import SimulatedClock
from vigilar.base.control import ControlChild
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.bus.client import Handler, PublishTicket
from vigilar.bus.messages import PhoneHeard
from vigilar.bus.topics import Topics
from vigilar.config.jobs import SensorsJob
from vigilar.events.processor import EventProcessor
from vigilar.events.sensors import SENSORS
from vigilar.processes.sensors import SensorsProcess
from vigilar.sensors.gpio import GpioReader, Pin
from vigilar.sensors.hub import EVENT_KINDS, Limits, SensorHub
from vigilar.sensors.neighbours import Neighbour, nudge, parse_dump, read_neighbours, read_routers
from vigilar.sensors.phones import PhoneWatch
from vigilar.sensors.zigbee import read, readable
from vigilar.store import outbox
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, list_events
from vigilar.store.presence import list_devices, list_presence, set_owner
from vigilar.store.sensors import Word, find_sensor, list_readings, list_sensors, name_sensor, remove_sensor
from vigilar.store.users import create_owner

NODE = "box"
NOW = 1_770_000_000_000
HOUR = 3600.0
DEVICES = [
    {"ieee_address": "0x00124b0014d9cbe1", "friendly_name": "Coordinator", "type": "Coordinator"},
    {"ieee_address": "0x00158d0001a2b3c4", "friendly_name": "hall/Front door", "type": "EndDevice"},
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_ready_store(tmp_path)) as store:
        yield store


@dataclass
class Lab:
    """The hub and the events process, with a bus that hands on at once."""

    store: Store
    clock: SimulatedClock = field(default_factory=lambda: SimulatedClock(utc_ns=NOW * 1_000_000))
    published: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    is_connected: bool = True
    is_deaf: bool = False

    def __post_init__(self) -> None:
        self.processor = EventProcessor(self.store, self, self.clock, NODE, {})
        self.start()

    def start(self) -> None:
        self.hub = SensorHub(self.store, self, self.clock, NODE, Limits(25 * 3_600_000, 15))

    def publish(self, topic: str, payload: bytes, qos: int = 1) -> PublishTicket:
        self.published.append((topic, json.loads(payload)))
        if topic.startswith("vigilar/sensor/") and qos and not self.is_deaf:
            self.processor.take(topic, payload)
        ticket = PublishTicket(qos)
        ticket._settle()
        return ticket

    def subscribe(self, topic: str, handler: Handler) -> None:
        raise AssertionError("nobody subscribes here")

    def says(self, name: str, **values: Any) -> None:
        self.hub.take_zigbee("zigbee2mqtt", f"zigbee2mqtt/{name}", json.dumps(values).encode())
        self.processor.turn(0.0)

    def bridge(self, name: str, content: Any) -> None:
        self.hub.take_zigbee("zigbee2mqtt", f"zigbee2mqtt/bridge/{name}", json.dumps(content).encode())

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.hub.look()
        self.processor.turn(0.0)

    def events(self, kind: str) -> list[StoredEvent]:
        return list_events(self.store, EventFilter(type=kind))[0]


@pytest.fixture
def lab(store: Store) -> Lab:
    return Lab(store)


def test_door_that_opens_and_closes_is_one_event(lab: Lab) -> None:
    lab.bridge("devices", DEVICES)
    lab.says("hall/Front door", contact=True, battery=97, linkquality=120)
    lab.wait(5)
    lab.says("hall/Front door", contact=False, battery=97)
    lab.says("hall/Front door", contact=False, battery=97)
    event = lab.events("sensor_opened")
    assert [(one.source_id, one.payload["title"]) for one in event] == [
        ("sensor/hall-front-door", "hall/Front door was opened")
    ]
    assert event[0].end_ms is None
    lab.clock.advance(7)
    lab.says("hall/Front door", contact=True)
    ended = lab.events("sensor_opened")
    assert [one.payload["duration_ms"] for one in ended] == [7000]
    sensor = list_sensors(lab.store)[0]
    assert (sensor.address, sensor.battery, sensor.link_quality) == ("zigbee/0x00158d0001a2b3c4", 97, 120)
    assert [one.value for one in list_readings(lab.store, sensor.id, 0)] == [0.0, 1.0]
    assert outbox.counts(lab.store, NODE) == (0, 0)


def test_first_word_of_a_closed_door_is_no_event(lab: Lab) -> None:
    lab.says("door", contact=True)
    assert lab.events("sensor_opened") == []
    assert lab.published == []


def test_renamed_device_stays_the_same_sensor(lab: Lab) -> None:
    lab.bridge("devices", DEVICES)
    lab.says("hall/Front door", contact=True)
    lab.bridge("devices", [{**DEVICES[1], "friendly_name": "porch"}])
    lab.says("porch", contact=False)
    assert [one.id for one in list_sensors(lab.store)] == ["hall-front-door"]


def test_name_given_by_a_person_is_in_events(lab: Lab) -> None:
    lab.says("0x01", contact=True)
    name_sensor(lab.store, "0x01", "Cellar", "Below")
    lab.wait(61)
    lab.says("0x01", contact=False)
    assert lab.events("sensor_opened")[0].payload["title"] == "Cellar was opened"


def test_message_that_was_lost_is_swept(lab: Lab) -> None:
    lab.says("door", contact=True)
    lab.is_deaf = True
    lab.says("door", contact=False)
    assert lab.events("sensor_opened") == []
    lab.wait(2)
    assert len(lab.events("sensor_opened")) == 1


@pytest.mark.parametrize(
    ("values", "kind", "severity"),
    [
        ({"water_leak": True}, "sensor_leak", "CRITICAL"),
        ({"smoke": True}, "sensor_smoke", "CRITICAL"),
        ({"occupancy": True}, "sensor_motion", "INFO"),
        ({"tamper": True}, "sensor_tamper", "ALERT"),
        ({"glass_break": True}, "sensor_glass", "ALERT"),
    ],
)
def test_trouble_is_told_by_its_kind(lab: Lab, values: dict[str, bool], kind: str, severity: str) -> None:
    lab.says("it", **values)
    assert [one.severity for one in lab.events(kind)] == [severity]


def test_climate_is_told_and_kept_now_and_then(lab: Lab) -> None:
    for _ in range(40):
        lab.says("bath", temperature=21.4, humidity=48)
        lab.wait(10)
    readings = list_readings(lab.store, "bath", 0)
    assert [one.kind for one in readings] == ["humidity", "temperature"] * 2
    assert [topic for topic, _ in lab.published[:2]] == [
        "vigilar/sensor/bath/temperature",
        "vigilar/sensor/bath/humidity",
    ]
    assert list_sensors(lab.store)[0].state == {"temperature": 21.4, "humidity": 48}


def test_door_that_opens_after_the_clock_was_set_back_is_closed_again(lab: Lab) -> None:
    lab.says("door", contact=True)
    lab.says("door", contact=False)
    lab.wait(60)
    lab.says("door", contact=True)
    lab.clock.step_utc(-3600)
    lab.says("door", contact=False)
    lab.wait(5)
    lab.says("door", contact=True)
    newest, first = sorted(lab.events("sensor_opened"), key=lambda one: one.id, reverse=True)
    assert (first.payload["duration_ms"], newest.payload["duration_ms"]) == (60_000, 5_000)


def test_silent_sensor_is_told_of_once_and_again_when_it_speaks(lab: Lab) -> None:
    lab.says("door", contact=True)
    lab.wait(24 * HOUR)
    assert lab.events("sensor_silent") == []
    for _ in range(5):
        lab.wait(HOUR)
    assert [one.end_ms for one in lab.events("sensor_silent")] == [None]
    assert list_sensors(lab.store)[0].is_silent
    lab.says("door", contact=True)
    assert lab.events("sensor_silent")[0].end_ms is not None
    assert not list_sensors(lab.store)[0].is_silent


def test_clock_that_is_set_forward_makes_no_sensor_silent(lab: Lab) -> None:
    lab.says("door", contact=True)
    lab.clock.step_utc(100 * HOUR)  # a box without a clock of its own hears the time
    lab.wait(24 * HOUR)
    assert lab.events("sensor_silent") == []
    lab.wait(2 * HOUR)
    assert len(lab.events("sensor_silent")) == 1


def test_box_that_was_off_does_not_blame_the_sensors(lab: Lab) -> None:
    lab.says("door", contact=True)
    lab.clock.advance(100 * HOUR)
    lab.start()
    lab.wait(HOUR)
    assert lab.events("sensor_silent") == []


def test_zigbee2mqtts_own_word_on_silence_counts(lab: Lab) -> None:
    lab.says("door", contact=True)
    lab.hub.take_zigbee("zigbee2mqtt", "zigbee2mqtt/door/availability", b'{"state":"offline"}')
    lab.processor.turn(0.0)
    assert len(lab.events("sensor_silent")) == 1
    lab.hub.take_zigbee("zigbee2mqtt", "zigbee2mqtt/door/availability", b"online")
    lab.processor.turn(0.0)
    assert lab.events("sensor_silent")[0].end_ms is not None


def test_low_battery_is_told_of_once(lab: Lab) -> None:
    for per_cent in (40, 16, 15, 17, 14, 20, 21):
        lab.says("door", contact=True, battery=per_cent)
    told = lab.events("sensor_battery")
    assert len(told) == 1
    assert told[0].end_ms is not None
    lab.says("lamp", occupancy=False, battery_low=True)
    assert len(lab.events("sensor_battery")) == 2


def test_removed_sensor_comes_back_when_it_speaks(lab: Lab) -> None:
    lab.says("door", contact=True)
    remove_sensor(lab.store, "door", lab.clock.utc_ns() // 1_000_000)
    lab.wait(61)
    assert list_sensors(lab.store) == []
    lab.says("door", contact=True)
    assert find_sensor(lab.store, "door") is not None


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("door", b""),
        ("door", b"\xff\xfe"),
        ("door", b"[" * 100_000),
        ("door", b'{"contact": "false"}'),
        ("door", b'{"contact": 1, "battery": true, "linkquality": "x"}'),
        ("door", b'{"temperature": NaN, "humidity": 1e400, "pressure": -5}'),
        ("door", b"7"),
        ("door/set", b'{"contact": false}'),
        ("bridge/logging", b'{"contact": false}'),
        ("bridge/devices", b'{"not": "a list"}'),
        ("bridge/devices", b'[1, {"ieee_address": 5}, {"ieee_address": "a", "friendly_name": ""}]'),
    ],
)
def test_what_is_no_word_changes_nothing(lab: Lab, topic: str, payload: bytes) -> None:
    lab.hub.take_zigbee("zigbee2mqtt", f"zigbee2mqtt/{topic}", payload)
    assert list_sensors(lab.store) == []


@pytest.mark.parametrize(
    "payload", [b"", b"null", b"[]", b'["online"]', b'{"state": null}', b'{"state": ["offline"]}', b"\xff", b"7", b"{"]
)
@pytest.mark.parametrize("topic", ["door/availability", "bridge/state"])
def test_what_says_neither_online_nor_offline_makes_nobody_silent(lab: Lab, topic: str, payload: bytes) -> None:
    """Nothing at all is what is said when a kept message is taken away."""
    lab.says("door", contact=True)
    found = []
    for said in (payload, b"offline", payload, b'{"state":"online"}', payload):
        lab.hub.take_zigbee("zigbee2mqtt", f"zigbee2mqtt/{topic}", said)
        (door,) = list_sensors(lab.store)
        found.append(not lab.hub.is_bridge_up if topic == "bridge/state" else door.is_silent)
    assert found == [False, True, True, False, False]


def test_device_with_an_address_that_is_no_text_is_left_out(lab: Lab) -> None:
    """It could not be stored, and the process would end by it each time."""
    devices = (
        b'[{"ieee_address": "\\ud800", "friendly_name": "door"}, {"ieee_address": "0x1", "friendly_name": "shed"}]'
    )
    lab.hub.take_zigbee("zigbee2mqtt", "zigbee2mqtt/bridge/devices", devices)
    for name in ("door", "shed"):
        lab.hub.take_zigbee("zigbee2mqtt", f"zigbee2mqtt/{name}", b'{"contact": true}')
    assert sorted(one.address for one in list_sensors(lab.store)) == ["zigbee/0x1", "zigbee/door"]


def test_odd_names_are_only_names(lab: Lab) -> None:
    lab.says("<script>$(id)'; DROP TABLE sensors\u202e", contact=False)
    sensor = list_sensors(lab.store)[0]
    assert sensor.name == "<script>$(id)'; DROP TABLE sensors"
    assert readable("\x00\x1b") == "Sensor"


def test_each_kind_that_is_told_has_an_event() -> None:
    assert set(SENSORS.handlers) - {Topics.presence("+")} == {Topics.sensor("+", kind) for kind in EVENT_KINDS}


def test_other_topics_are_none_of_ours() -> None:
    assert read("zigbee2mqtt", "zigbee2mqttx/door", b'{"contact": true}') is None


class FakeLines:
    """Pins without a machine."""

    def __init__(self) -> None:
        self.now = {4: False, 17: True}

    def wait(self, timeout_s: float) -> bool:
        return timeout_s > 0

    def levels(self) -> dict[int, bool]:
        return dict(self.now)

    def close(self) -> None:
        """Nothing is open."""


def test_reed_and_motion_sensor_on_pins() -> None:
    heard: list[tuple[str, dict[str, float]]] = []
    pins = [
        Pin("Back door", "/dev/gpiochip0", 4, "contact", True, "up"),
        Pin("Landing", "/dev/gpiochip0", 17, "motion", True, "down"),
    ]
    lines = FakeLines()
    reader = GpioReader(lines, pins, lambda address, _name, word: heard.append((address, dict(word.values))))
    reader.turn(0.1)
    assert heard == [("gpio/gpiochip0/4", {"contact": 0.0}), ("gpio/gpiochip0/17", {"motion": 1.0})]
    reader.turn(0.1)
    lines.now[4] = True
    reader.turn(0.1)
    assert heard[2:] == [("gpio/gpiochip0/4", {"contact": 1.0})]


def test_pin_is_never_silent(lab: Lab) -> None:
    lab.hub.take("gpio/gpiochip0/4", "Back door", Word({"contact": 1.0}))
    lab.wait(100 * HOUR)
    assert lab.events("sensor_silent") == []
    assert lab.events("sensor_opened")[0].payload["title"] == "Back door was opened"


PHONE, TV, ROUTER = "aa:bb:cc:00:00:01", "aa:bb:cc:00:00:02", "aa:bb:cc:00:00:0f"
ROUTER_ADDRESS = "192.0.2.254"


class TestProcess:
    @pytest.mark.parametrize(("kind", "tried"), [(ErrorKind.TRANSIENT, "111 2"), (ErrorKind.BUG, "1 2")])
    def test_word_that_the_database_did_not_take_comes_again(
        self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: ErrorKind, tried: str
    ) -> None:
        monkeypatch.setattr("vigilar.processes.sensors.TURN_S", 0.001)
        job = SensorsJob(
            data_dir=tmp_path,
            secrets_dir=tmp_path,
            run_dir=tmp_path,
            database_url="",
            bus_host="127.0.0.1",
            bus_port=1,
            bus_user="",
            bus_password="",
        )
        calls: list[str] = []

        def opened() -> None:
            calls.append("1")
            if len(calls) < 3:
                raise StoreError("the database is locked", kind=kind)

        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            process = SensorsProcess(job, ControlChild(theirs), store)
            process.hand_over(opened)
            process.hand_over(lambda: calls.append(" 2"))
            for _ in range(4):
                process._turn()
        assert "".join(calls) == tried


@dataclass
class Network:
    """A neighbour table, and a watch over it."""

    store: Store
    clock: SimulatedClock = field(default_factory=lambda: SimulatedClock(utc_ns=NOW * 1_000_000))
    answering: set[str] = field(default_factory=lambda: {PHONE, TV})
    nudged: list[str] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    lent: list[str] = field(default_factory=list)
    """Addresses for which the router answers."""

    def __post_init__(self) -> None:
        self.sam = create_owner(self.store, "Sam", "x", NOW)
        self.start()

    def start(self) -> None:
        self.watch = PhoneWatch(self.store, self, self.clock, 600.0, self.read, self.nudge, lambda: {ROUTER_ADDRESS})

    def read(self) -> Sequence[Neighbour]:
        found = [Neighbour(mac, f"192.0.2.{mac[-1]}", mac in self.answering) for mac in (PHONE, TV)]
        return found + [Neighbour(ROUTER, one, True) for one in self.lent]

    def nudge(self, addresses: Any) -> None:
        self.nudged += addresses

    def publish(self, topic: str, payload: bytes, qos: int = 1, *, retain: bool = False) -> None:
        assert (qos, retain) == (1, True)
        self.told.append((topic, json.loads(payload)["state"]))

    def run(self, seconds: int) -> None:
        for _ in range(seconds // 5):
            self.clock.advance(5)
            self.watch.look()

    def state(self) -> str:
        return list_presence(self.store)[0].state


class TestPhones:
    @pytest.fixture
    def network(self, store: Store) -> Network:
        network = Network(store)
        network.run(20)
        assert [one.mac for one in list_devices(store)] == [PHONE, TV]
        assert set_owner(store, PHONE, network.sam.id, "Sam's phone")
        network.run(20)
        assert network.state() == "home"
        return network

    def test_phone_leaves_only_after_the_delay(self, network: Network) -> None:
        network.answering.remove(PHONE)
        network.run(580)
        assert network.state() == "home"
        network.run(60)
        assert network.state() == "away"
        network.answering.add(PHONE)
        network.run(20)
        assert network.state() == "home"
        assert network.told == [("vigilar/presence/sam", state) for state in ("home", "away", "home")]
        assert set(network.nudged) == {"192.0.2.1"}

    def test_network_that_is_down_is_not_everybody_leaving(self, network: Network) -> None:
        network.answering.clear()
        network.run(700)
        assert network.state() == "unknown"

    def test_restart_knows_no_more_than_before(self, network: Network) -> None:
        network.answering.remove(PHONE)
        network.start()
        network.run(300)
        assert network.state() == "home"
        network.run(400)
        assert network.state() == "away"

    def hear(self, network: Network, address: str) -> None:
        network.watch.hear(PhoneHeard("a" * 32, NOW, network.sam.id, "Sam's new phone", address))
        network.run(5)

    def test_paired_phone_says_itself_whose_it_is(self, network: Network) -> None:
        """It made up another hardware address, as phones do: nobody has to choose it from a list again."""
        network.answering = {TV}
        network.run(700)
        assert network.state() == "away"
        self.hear(network, "192.0.2.2")
        assert network.state() == "home"
        assert [(one.mac, one.name) for one in list_devices(network.store) if one.user_id] == [
            (TV, "Sam's new phone"),
            (PHONE, "Sam's phone"),
        ]

    def test_phone_that_speaks_through_a_tunnel_is_not_at_home(self, network: Network) -> None:
        network.answering = {TV}
        network.run(700)
        for address in ("10.8.0.2", "198.51.100.7", "nonsense", ""):
            self.hear(network, address)
            assert network.state() == "away", address

    def test_router_that_lends_a_tunnel_an_address_is_nobodys_phone(self, network: Network) -> None:
        """It always answers: its member would be at home for ever, and nothing would arm when the last one leaves."""
        network.answering = {TV}
        network.lent = [ROUTER_ADDRESS, "192.0.2.201"]
        network.run(700)
        for address in network.lent:
            self.hear(network, address)
            assert network.state() == "away", address
        assert [one.mac for one in list_devices(network.store) if one.user_id] == [PHONE]

    def test_what_a_person_said_of_a_device_stays(self, network: Network) -> None:
        """A tablet on the wall was paired too, and is not where Sam is."""
        set_owner(network.store, TV, None, "Tablet on the wall")
        self.hear(network, "192.0.2.2")
        assert [one.mac for one in list_devices(network.store) if one.user_id] == [PHONE]

    def test_member_who_is_gone_gets_no_device(self, network: Network) -> None:
        network.watch.hear(PhoneHeard("a" * 32, NOW, 99, "Old phone", "192.0.2.2"))
        network.run(20)
        assert [one.user_id for one in list_devices(network.store)] == [network.sam.id, None]

    def test_phone_that_is_nobodys_any_more_says_nothing(self, network: Network) -> None:
        set_owner(network.store, PHONE, None, "")
        network.run(30)
        assert list_presence(network.store) == []


def test_real_table_of_this_machine_can_be_read() -> None:
    assert all(len(one.mac) == 17 for one in read_neighbours())
    nudge(["127.0.0.1", "::1", "not an address"])


def test_routers_are_read_as_the_kernel_writes_them(tmp_path: Path) -> None:
    number = int.from_bytes(socket.inet_aton(ROUTER_ADDRESS), sys.byteorder)
    table = tmp_path / "route"
    table.write_text(
        f"Iface\tDestination\tGateway\tFlags\neth0\t00000000\t{number:08X}\t0003\neth0\t000200C0\t00000000\t0001\n",
        encoding="ascii",
    )
    assert read_routers(table) == {ROUTER_ADDRESS}
    assert read_routers(tmp_path / "none") == frozenset()


def test_answer_of_the_kernel_is_taken_apart() -> None:
    row = bytes.fromhex(
        "02000000020000000200000008000100c0a8010b0a000200aabbcc00000100000c000700" + "00" * 8  # with one we skip
    )
    head = (len(row) + 16).to_bytes(4, "little") + (28).to_bytes(2, "little") + bytes(10)
    done = (20).to_bytes(4, "little") + (3).to_bytes(2, "little") + bytes(14)
    found, is_done = parse_dump(head + row + done)
    assert (found, is_done) == ([Neighbour("aa:bb:cc:00:00:01", "192.168.1.11", True)], True)
    assert parse_dump((head + row)[:-30]) == ([], False)
