"""A member who sees only some cameras reads the name of no other one, in no answer of the house: an alarm by it is on,
somebody came in by it, and others had to do with it all day."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from tests.conftest import ROOT
from tests.recording_kit import Clip, make_clip
from tests.unit.test_guard import KeepingBus
from tests.unit.test_web_rights import walk
from tests.unit.test_web_stream import Reader
from vigilar.base.arm_rules import ArmRules, ModeRules
from vigilar.base.clock import SimulatedClock, SystemClock
from vigilar.base.ids import new_id
from vigilar.base.notify_rules import NotifyRules, Rule
from vigilar.base.veil import NAMED, Veil
from vigilar.bus.messages import ArmRequest, MotionStart
from vigilar.bus.topics import Topics
from vigilar.events.guard import Guard
from vigilar.events.processor import EventProcessor
from vigilar.events.subjects import SUBJECTS
from vigilar.processes.notify_desk import DeskSettings, NotifyDesk
from vigilar.store.cameras import ensure_camera
from vigilar.store.change_reader import ChangeReader, StoredPlace
from vigilar.store.consumers import Consumer, register
from vigilar.store.deliveries import list_owed_to
from vigilar.store.events import EventFilter, NewEvent, StoredEvent, insert_event, list_events, newest_change
from vigilar.store.phones import put_phone
from vigilar.store.users import Role, list_users, set_cameras
from vigilar.web.blueprints.events import broadcast_sse_event
from vigilar.web.event_words import published_from_row

PAGE = {"Accept": "text/html"}
CAMERAS = (("front-door", "Front door"), ("garden", "Garden"), ("vault-7", "Strongroom"), ("shed", "Shed"))
SEEN = ("garden", "front-door")
SECRETS = re.compile(r"strongroom|vault.?7", re.IGNORECASE)
"""What the hidden camera is called, and its id."""

RULES = ArmRules(
    modes=(
        ModeRules(mode="home", cameras=("vault-7",), enter_s=30),
        ModeRules(mode="night", cameras=("garden",), trigger="person", enter_s=0),
        ModeRules(mode="away", cameras=("garden", "vault-7"), trigger="motion", enter_s=30, leave_s=0),
    ),
    alarm_s=180,
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, CAMERAS) as house:
        for camera_id, name in CAMERAS:
            ensure_camera(house.store, camera_id, name, 1, house.node_id)
        house.parts.cfg = replace(house.parts.cfg, arm=RULES)
        yield house


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"))


@dataclass
class Guarded:
    """The house's events process, turned by hand."""

    house: House

    def __post_init__(self) -> None:
        self.clock = SimulatedClock(utc_ns=self.house.now_ms() * 1_000_000)
        names = dict(CAMERAS)
        self.guard = Guard(self.house.store, KeepingBus(), self.clock, self.house.node_id, RULES, names)
        self.processor = EventProcessor(
            self.house.store,
            KeepingBus(),
            self.clock,
            self.house.node_id,
            names,
            (*SUBJECTS, self.guard.subject()),
            self.guard.notice_event,
        )
        self.turn()

    def turn(self, s: float = 0.0) -> None:
        self.clock.advance(s)
        self.processor.turn(0.0)
        self.processor.turn(0.0)

    def take(self, topic: str, message: Any) -> None:
        self.processor.take(topic, message.dump())
        self.turn(0.5)

    @property
    def now_ms(self) -> int:
        return self.clock.utc_ns() // 1_000_000

    def arm(self, mode: str) -> None:
        self.take(Topics.ARM_REQUEST, ArmRequest(new_id(), self.now_ms, mode, "the gate"))

    def moves(self, camera_id: str) -> None:
        self.take(Topics.motion_start(camera_id), MotionStart(new_id(), self.now_ms, camera_id, 1, 0.2))

    def events(self, kind: str) -> list[StoredEvent]:
        return list_events(self.house.store, EventFilter(type=kind))[0]


def fill(house: House, clip: Clip, role: Role) -> tuple[FlaskClient, Guarded]:
    """Kim, who saw it until the evening, and a day of the hidden camera: recordings that she and the owner looked at,
    kept and exported, snoozes; then alarms by it and one that it joins, of which all phones are told. One is on."""
    owner, kim = house.client(), house.member(role, None, "Kim")
    phones(house)
    for camera_id in ("vault-7", "garden"):
        house.record(camera_id, clip.video, clip.run())
    still, at_ms = house.still("vault-7", b"jpeg"), clip.run().utc_ns // 1_000_000
    seen = house.event(camera_id="vault-7", title="Person, Strongroom", what="person", ts_ms=at_ms, still_id=still)
    house.well("front-door", "garden", "vault-7", "shed")
    during = f"from={at_ms}&to={at_ms + 5_000}"
    for client in (owner, kim):
        assert client.get(f"/footage/vault-7/clip.mp4?{during}").status_code == 200
        assert client.get(f"/events/{seen.id}/clip.mp4").status_code == 200
        snooze = {"camera": "vault-7", "minutes": 60, "for_all": client is owner}
        assert client.post("/api/v1/snoozes", json=snooze).status_code == 201
        if client is owner or role != "child":
            wanted = {"camera": "vault-7", "from": at_ms, "to": at_ms + 5_000}
            assert client.post("/api/v1/exports", json=wanted).status_code == 202
            assert client.patch(f"/api/v1/events/{seen.id}", json={"kept": True}).status_code == 200
    tell(house)
    set_cameras(house.store, member_id(house, "Kim"), SEEN)
    for camera_id, name in CAMERAS:
        ensure_camera(house.store, camera_id, name, 1, house.node_id)
    guarded = Guarded(house)
    outage = {"title": "Strongroom has no picture", "camera_name": "Strongroom", "is_open": True}
    new = NewEvent(
        uid="outage",
        type="camera_offline",
        severity="WARNING",
        source_id="vault-7",
        ts_ms=guarded.now_ms,
        payload=outage,
    )
    insert_event(house.store, new, now_ms=guarded.now_ms)
    guarded.arm("away")
    for first, then in (("garden", "vault-7"), ("vault-7", "vault-7"), ("vault-7", "garden")):
        guarded.turn(3_600)
        guarded.moves(first)
        guarded.turn(31)
        guarded.moves(then)
        guarded.turn(0 if then == "garden" else 181)
    tell(house)
    return kim, guarded


def phones(house: House) -> None:
    """One of each member, registered with a service that nobody asks in this test."""
    register(house.store, Consumer(house.node_id, "notify"), from_now=True, now_ms=house.now_ms())
    for one in list_users(house.store):
        put_phone(
            house.store,
            one.id,
            name=f"{one.name}'s phone",
            endpoint=f"https://push.example.net/{one.id}",
            origin="https://vigilar.local:49735",
            p256dh=b"p" * 65,
            auth=b"a" * 16,
            user_agent="tests",
            session_hash=None,
            now_ms=house.now_ms(),
        )


def tell(house: House) -> None:
    """Decide of all that is new, as the notify process does."""
    consumer, clock = Consumer(house.node_id, "notify"), SystemClock()
    rules = NotifyRules(rules=(Rule(name="All", tell=("everyone",), level="critical"),), per_day=1_000)
    settings = DeskSettings(rules=rules, push_hosts=("push.example.net",))
    desk = NotifyDesk(house.store, consumer, clock, settings, lambda: None)
    reader = ChangeReader(StoredPlace(house.store, consumer, clock), desk.handle, "telling", takes_place=True)
    while not reader.turn():
        pass


def member_id(house: House, name: str) -> int:
    return next(one.id for one in list_users(house.store) if one.name == name)


def addresses(route: str, numbers: Iterable[int]) -> list[str]:
    """A route with each of these numbers, and with the camera that is seen."""
    path = route.replace("<camera_id>", "garden")
    return list(dict.fromkeys(re.sub(r"<[^>]+>", str(number), path) for number in numbers))


@pytest.mark.parametrize("role", ["adult", "child"])
def test_no_answer_names_it(house: House, clip: Clip, role: Role) -> None:
    """Every route, with the number of every event and incident that has to do with it."""
    kim, guarded = fill(house, clip, role)
    events = [event for kind in ("alarm", "entry", "armed") for event in guarded.events(kind)]
    assert [(one.source_id, one.end_ms is None) for one in events[:3]] == [
        ("vault-7", True),
        ("vault-7", False),
        ("garden", False),
    ]
    assert sum("Strongroom" in json.dumps(one.payload) for one in events) == 6, "all but the entry in the garden"
    numbers = sorted({number for event in events for number in (event.id, event.incident_id) if number})
    tried, found = 0, []
    for rule, method, _ in sorted(walk(house.app), key=lambda one: one[1] != "GET"):
        if rule.rule == "/events/stream" or rule.endpoint.endswith("logout") or "mjpeg" in rule.rule:
            continue
        for path in addresses(rule.rule, numbers if method == "GET" else numbers[:1]):
            answer = kim.open(path, method=method, headers={} if path.startswith("/api/") else PAGE)
            told = f"{answer.headers}{answer.get_data().decode('utf-8', 'replace')}"
            found += [(method, path, told[max(0, one.start() - 80) : one.end()]) for one in SECRETS.finditer(told)]
            answer.close()
            tried += 1
    assert found == []
    assert tried > 250


def test_who_sees_all_reads_it_and_who_does_not_reads_that_it_was_a_camera(house: House, clip: Clip) -> None:
    kim, guarded = fill(house, clip, "adult")
    entry, alarm, armed = (guarded.events(kind)[0] for kind in ("entry", "alarm", "armed"))
    joined = next(one for one in guarded.events("alarm") if one.source_id == "garden")
    for client, name in ((house.client(), "Strongroom"), (kim, "a camera")):
        told = client.get(f"/api/v1/events/{entry.id}").get_json()
        assert told["title"] == told["payload"]["title"] == f"Somebody came in: {name}"
        assert client.get(f"/api/v1/events/{joined.id}").get_json()["payload"]["also"] == [f"Motion, {name}"]
        reason = client.get(f"/api/v1/events/{armed.id}").get_json()["payload"]["reason"]
        assert reason.endswith(f". {name[:1].upper()}{name[1:]} has no picture")
        page = client.get(f"/events/{alarm.id}", headers=PAGE).text
        assert f"Alarm: Motion, {name}" in page
        why = client.get(f"/api/v1/events/{entry.id}/why").get_json()
        assert f"Somebody came in: {name}, " in why["steps"][0]["sentence"]
        assert f"Alarm: Motion, {name}" in client.get("/arm", headers=PAGE).text


def test_word_finds_no_event_by_a_name_that_is_hidden(house: House, clip: Clip) -> None:
    kim, guarded = fill(house, clip, "adult")
    count = len(guarded.events("entry"))
    for client, is_found in ((house.client(), True), (kim, False)):
        for word in ("strongroom", "strong", "vault"):
            found = client.get(f"/api/v1/events?q={word}").get_json()["events"]
            assert bool(found) is is_found, word
            page = client.get(f"/events?q={word}", headers=PAGE).text
            assert ("Strongroom" in page) is is_found, word
        for word in ("somebody", "came", "entry"):
            found = client.get(f"/api/v1/events?q={word}&type=entry").get_json()["events"]
            assert len(found) == count, word
        # Nor is it learnt by leaving out what has the name.
        without = [
            client.get(f"/events?q=came+not+{word}", headers=PAGE).text.count("<article")
            for word in ("strongroom", "attic")
        ]
        assert (without[0] < without[1]) is is_found
        assert without[1] > 0


@pytest.mark.parametrize("role", ["adult", "child"])
def test_stream_names_it_neither_at_once_nor_after_a_break(house: House, clip: Clip, role: Role) -> None:
    kim, guarded = fill(house, clip, role)
    live = Reader(kim, query="?cards=1")
    live.next()
    live.next()
    guarded.turn(3_600)
    guarded.moves("vault-7")
    guarded.turn(31)
    newest = newest_change(house.store)
    for event in sorted(list_events(house.store, EventFilter())[0], key=lambda event: event.change):
        broadcast_sse_event(published_from_row(event))
    heard: list[tuple[str, Any, str | None]] = []
    missed = Reader(kim, last_id="0")
    while not heard or heard[-1][0] != "health":
        heard.append(missed.next())
    alarms = [notice for notice in heard if notice[0] == "event" and notice[1]["type"] == "alarm"]
    assert [notice[1]["title"] for notice in alarms] == [
        "Alarm: Motion, Garden",
        *["Alarm: Motion, a camera"] * 3,
    ]
    at_once = [live.next()]
    while at_once[-1][2] != str(newest):
        at_once.append(live.next())
    assert not SECRETS.search(json.dumps([heard, at_once]))
    for reader in (live, missed):
        reader.close()


def test_push_tells_of_the_alarm_and_not_where(house: House, clip: Clip) -> None:
    _, guarded = fill(house, clip, "adult")
    owed = {name: list_owed_to(house.store, member_id(house, name), 0) for name in ("sam", "Kim")}
    titles = {name: [one.content["title"] for one in rows] for name, rows in owed.items()}
    assert "Alarm: motion at Strongroom, 2 times" in titles["sam"]
    assert "Alarm: Motion, a camera" in titles["Kim"]
    since = [one.content for one in owed["Kim"] if (one.event_id or 0) >= guarded.events("armed")[0].id]
    assert len(since) > 3
    assert not SECRETS.search(json.dumps(since))


def test_event_from_before_names_were_kept_says_no_place(house: House) -> None:
    """What cannot be told apart is not told; to who sees all cameras it says all it ever did."""
    kim = house.member("adult", SEEN, "Kim")
    payload = {"title": "Alarm: Motion, Garden", "what": "Motion", "where": "Garden", "also": ["Motion, Strongroom"]}
    old: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("alarm", "garden", payload),
        ("entry", "house", {"title": "Somebody came in: Strongroom", "reason": ""}),
        ("armed", "house", {"title": "Armed: Away", "reason": "By Sam. Strongroom has no picture"}),
        (
            "history_changed",
            "proof",
            {"title": "Changed", "removed": [{"camera": "vault-7", "n": 1}], "vault-7": 1},
        ),
    )
    for number, (kind, source_id, said) in enumerate(old):
        new = NewEvent(uid=f"old-{number}", type=kind, severity="ALERT", source_id=source_id, ts_ms=1, payload=said)
        insert_event(house.store, new, now_ms=1)
    for client, titles in (
        (house.client(), ["Changed", "Armed: Away", "Somebody came in: Strongroom", "Alarm: Motion, Garden"]),
        (kim, ["Changed", "Armed: Away", "Somebody came in", "Alarm"]),
    ):
        answer = client.get("/api/v1/events")
        assert [one["title"] for one in answer.get_json()["events"]] == titles
        pages = answer.text + client.get("/events", headers=PAGE).text + client.get("/api/v1/incidents").text
        assert bool(SECRETS.search(pages)) is (client is not kim)


def test_mode_by_hidden_cameras_alone_is_said_so_that_it_is_true(house: House) -> None:
    """Home is guarded by the hidden one, Night by no other than the garden, Away by both."""
    said = house.member("adult", SEEN, "Kim").get("/arm", headers=PAGE).text
    assert "No camera that you see makes an alarm." in said
    assert "No camera makes an alarm." not in said
    assert said.count("Any motion at Garden is an alarm.") == 1
    assert "A person at Strongroom is an alarm." in house.client().get("/arm", headers=PAGE).text


def test_pages_ask_for_an_event_in_one_place_only() -> None:
    """Whoever asks the store by an id gets the event as it is, with all names."""
    asks = {path.name for path in (ROOT / "vigilar/web").rglob("*.py") if "get_event(" in path.read_text("utf-8")}
    assert asks == {"visible.py", "events.py"}
    own = (ROOT / "vigilar/web/blueprints/events.py").read_text("utf-8")
    assert own.count("get_event(") == own.count("_get_event("), "its own, which asks visible.py"


class TestVeil:
    """Without a house: cameras one and two, of which the first is seen."""

    VEIL = Veil(frozenset({"one"}), {"one": "Front Door", "two": "door", "three": "Größe (Süd)"})

    def said(self, text: str, names: dict[str, str]) -> str:
        payload = {"title": text, NAMED: names}
        return str(self.VEIL.payload("entry", "house", payload)["title"])

    def test_longest_name_counts_and_only_whole_words(self) -> None:
        names = {"one": "Front Door", "two": "door"}
        assert self.said("Front Door, door and doormat", names) == "Front Door, a camera and doormat"

    def test_sentence_that_begins_with_it_begins_large(self) -> None:
        assert self.said("Armed. Door has no picture", {"two": "door"}) == "Armed. A camera has no picture"

    def test_name_with_signs_is_found_as_it_stands(self) -> None:
        assert self.said("Größe (Süd) and more", {"three": "Größe (Süd)"}) == "A camera and more"

    def test_name_that_a_seen_camera_has_too_is_shown(self) -> None:
        assert self.said("At Gate", {"one": "Gate", "two": "Gate"}) == "At Gate"

    def test_old_name_is_found_whatever_the_camera_is_called_now(self) -> None:
        assert self.said("Somebody came in: Cellar", {"two": "Cellar"}) == "Somebody came in: a camera"

    def test_sensor_that_is_called_like_a_camera_keeps_its_name(self) -> None:
        payload = {"title": "door was opened", "sensor_name": "door"}
        assert self.VEIL.payload("sensor_opened", "sensor/0x1", payload) == payload
