"""The stream of events to a page: what it is sent at first, after a break, and when it is too slow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import CAMERAS, House, open_house
from vigilar.base.errors import StoreError
from vigilar.events.grouping import grouping_of
from vigilar.events.subjects import EVENT_TYPES
from vigilar.store.deliveries import NewDelivery
from vigilar.store.owing import owe
from vigilar.store.users import Role, list_users, remove_user, set_cameras, set_role
from vigilar.web.blueprints import events as events_pages
from vigilar.web.blueprints.events import CARDS_BEHIND
from vigilar.web.card_texts import MAX_TEXTS, CardTexts
from vigilar.web.event_words import published_from_row
from vigilar.web.hub import QUEUE_SIZE, EventHub, HubClosed, Notice, job_notice
from vigilar.web.rights import Member

GROUPING = grouping_of(EVENT_TYPES)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


class Reader:
    """Reads a stream notice by notice, as a browser does."""

    def __init__(self, client: FlaskClient, last_id: str | None = None, query: str = "") -> None:
        headers = {"Last-Event-ID": last_id} if last_id is not None else {}
        self.response = client.get(f"/events/stream{query}", headers=headers, buffered=False)
        assert self.response.mimetype == "text/event-stream"
        self._pieces: Iterator[bytes] = iter(self.response.response)  # type: ignore[arg-type]  # bytes, as encoded

    def next(self) -> tuple[str, Any, str | None]:
        """Name, data and id of the next notice."""
        text = next(self._pieces).decode()
        rows = [row for row in text.split("\n") if row and not row.startswith("retry")]
        fields = dict(row.split(": ", 1) for row in rows)
        return fields["event"], json.loads(fields["data"]), fields.get("id")

    def events(self, count: int) -> list[str | None]:
        """The ids of the next ``count`` events; health is passed over."""
        found: list[str | None] = []
        while len(found) < count:
            name, _, number = self.next()
            if name in ("event", "refresh"):
                found.append(number)
        return found

    def close(self) -> None:
        self.response.close()


def test_first_word_is_connected_then_health(owner: FlaskClient) -> None:
    reader = Reader(owner)
    name, data, number = reader.next()
    assert (name, data["change"], number) == ("connected", 0, None)
    name, data, _ = reader.next()
    assert (name, len(data["cameras"])) == ("health", 4)
    reader.close()


def test_new_event_follows_with_change_as_id(house: House, owner: FlaskClient) -> None:
    reader = Reader(owner)
    reader.next()
    reader.next()
    house.tell(house.event())
    name, data, number = reader.next()
    assert (name, data["id"], number) == ("event", "1", "1")
    reader.close()


def test_page_of_the_list_is_sent_the_card_before_its_event(house: House, owner: FlaskClient) -> None:
    readers = [Reader(owner, query="?cards=1"), Reader(owner, query="?cards=1"), Reader(owner)]
    for reader in readers:
        reader.next()
        reader.next()
    house.tell(house.event(title="Person, Garden", what="person", camera_id="garden"))
    for reader in readers[:2]:
        name, data, number = reader.next()
        assert (name, number) == ("card", None)
        assert data["html"] == owner.get("/events/1/card", headers={"Accept": "text/html"}).text
        assert reader.next()[0] == "event"
    assert readers[2].next()[0] == "event"
    for reader in readers:
        reader.close()


def test_card_that_cannot_be_made_leaves_the_event(
    house: House, owner: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> str:
        raise StoreError("the database is locked")

    reader = Reader(owner, query="?cards=1")
    reader.next()
    reader.next()
    monkeypatch.setattr(events_pages, "fresh_text", fail)
    house.tell(house.event())
    assert reader.next()[0] == "event"
    reader.close()


def test_page_far_behind_is_sent_the_newest_cards_only(house: House, owner: FlaskClient) -> None:
    """In a storm each change would be made a card of, and the next one would take its place."""
    reader = Reader(owner, query="?cards=1")
    reader.next()
    reader.next()
    for number in range(40):
        house.tell(house.event(title=f"Motion {number}"))
    told: list[str] = []
    while told.count("event") < 40:
        told += [name for name, *_ in [reader.next()] if name != "incident"]
    assert told.count("card") == CARDS_BEHIND + 1
    assert told.index("card") == 40 - CARDS_BEHIND - 1
    reader.close()


def test_guest_is_sent_the_card_that_their_cameras_make(house: House) -> None:
    guest = house.member("guest", ["garden"])
    reader = Reader(guest, query="?cards=1")
    reader.next()
    reader.next()
    start, cards = house.now_ms() - 60_000, []
    for camera_id, after_ms in (("garden", 0), ("front-door", 5_000), ("garden", 9_000)):
        title = f"Person, {dict(CAMERAS)[camera_id]}"
        ts_ms = start + after_ms
        house.tell(house.event(camera_id=camera_id, ts_ms=ts_ms, what="person", title=title, grouping=GROUPING))
        name = "" if camera_id == "garden" else "incident"  # what is not seen has none
        while name != "incident":
            name, data, _ = reader.next()
            assert "Front door" not in json.dumps(data)
            cards += [data["html"]] if name == "card" else []
    assert len(cards) == 2
    assert 'data-events="1"' in cards[0]
    assert 'data-events="1 3"' in cards[1]
    reader.close()


def test_danger_elsewhere_is_told_without_a_card(house: House) -> None:
    reader = Reader(house.member("guest", ["garden"]), query="?cards=1")
    reader.next()
    reader.next()
    house.tell(house.event("alarm", "front-door", severity="CRITICAL", title="Alarm: Front door"))
    assert reader.next()[0] == "event"
    reader.close()


def test_text_of_a_card_is_made_once_a_member_and_change() -> None:
    texts, made = CardTexts(), list[str]()

    def make(text: str) -> Callable[[], str]:
        def made_now() -> str:
            made.append(text)
            return text

        return made_now

    sam, kim = Member(1, "Sam", "owner"), Member(2, "Kim", "owner")
    assert [texts.get(sam, 7, make("sam")), texts.get(sam, 7, make("again")), texts.get(kim, 7, make("kim"))] == [
        "sam", "sam", "kim",
    ]  # fmt: skip
    assert texts.get(sam, 8, make("newer")) == "newer"
    assert made == ["sam", "kim", "newer"]
    for change in range(100, 100 + MAX_TEXTS):
        texts.get(kim, change, make("more"))
    assert texts.get(sam, 7, make("anew")) == "anew"


def test_last_event_id_replays_the_rest_in_order(house: House, owner: FlaskClient) -> None:
    for _ in range(4):
        house.event()
    reader = Reader(owner, last_id="1")
    assert reader.events(3) == ["2", "3", "4"]
    reader.close()


def test_page_may_say_where_it_stands(house: House, owner: FlaskClient) -> None:
    house.event()
    house.event()
    reader = Reader(owner, query="?after=1")
    assert reader.events(1) == ["2"]
    reader.close()


def test_event_during_replay_comes_once(house: House, owner: FlaskClient) -> None:
    house.event()
    reader = Reader(owner, last_id="0")
    reader.next()
    house.tell(second := house.event())
    house.tell(second)
    assert reader.events(2) == ["1", "2"]
    house.tell(house.event())
    assert reader.events(1) == ["3"]
    reader.close()


def test_late_message_is_filled_in_from_the_rows(house: House, owner: FlaskClient) -> None:
    reader = Reader(owner)
    reader.next()
    late, quick = house.event(), house.event()
    house.tell(quick)
    house.tell(late)
    assert reader.events(2) == ["1", "2"]
    reader.close()


def test_gap_of_numbers_that_hides_nothing_is_not_read(
    house: House, owner: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change between was followed by a newer one of the same event: no page need look for it."""
    reader = Reader(owner)
    reader.next()
    reader.next()
    monkeypatch.setattr(events_pages, "_missed", lambda *_: 1 // 0)
    event = house.event(length_ms=None)
    events_pages.broadcast_sse_event(published_from_row(house.end(event, event.ts_ms + 5000)), after=0)
    assert reader.events(1) == ["2"]
    reader.close()


def test_changed_event_is_replayed_once_as_it_is_now(house: House, owner: FlaskClient) -> None:
    event = house.event(length_ms=None)
    house.event()
    house.end(event, event.ts_ms + 5000)
    reader = Reader(owner, last_id="0")
    assert reader.events(2) == ["2", "3"]
    reader.close()


@pytest.mark.parametrize("last_id", ["abc", "99", "-1", "1e3", "9" * 30, "٣"])
def test_strange_id_asks_for_one_refresh(house: House, owner: FlaskClient, last_id: str) -> None:
    house.event()
    reader = Reader(owner, query=f"?after={last_id}")
    reader.next()
    assert reader.next()[0::2] == ("refresh", "1")
    assert reader.next()[0] == "health"
    reader.close()


def test_too_much_missed_asks_for_refresh(house: House, owner: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_pages, "REPLAY_AT_MOST", 3)
    for _ in range(5):
        house.event()
    reader = Reader(owner, last_id="0")
    reader.next()
    assert reader.next()[0] == "refresh"
    reader.close()


def test_silence_is_kept_alive(owner: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_pages, "KEEP_ALIVE_S", 0.01)
    reader = Reader(owner)
    reader.next()
    reader.next()
    assert reader.next()[:2] == ("alive", {})
    reader.close()


def test_signed_out_stream_ends(owner: FlaskClient) -> None:
    reader = Reader(owner)
    reader.next()
    reader.next()
    owner.post("/api/v1/logout")
    with pytest.raises(StopIteration):
        reader.next()


def test_limited_member_is_told_of_seen_cameras_only(house: House) -> None:
    guest = house.member("guest", ["garden"])
    missed = house.event(camera_id="shed"), house.event(camera_id="garden"), house.event("system_started", "system")
    reader = Reader(guest, last_id="0")
    reader.next()
    assert reader.next()[1]["source_id"] == "garden"
    assert reader.next()[1]["events"] == [missed[1].id]
    assert [one["camera_id"] for one in reader.next()[1]["cameras"]] == ["garden"]
    for event in (*missed, house.event(camera_id="shed")):
        house.tell(event)
    house.health("shed")
    house.health("garden")
    assert [one["camera_id"] for one in reader.next()[1]["cameras"]] == ["garden"]
    late, quick = house.event(camera_id="shed"), house.event(camera_id="garden")
    house.tell(quick)
    house.tell(late)
    house.tell(house.event("system_stopped", "system"))
    house.tell(house.event(camera_id="garden"))
    assert reader.events(2) == ["6", "8"]
    reader.close()


@pytest.mark.parametrize("role", ["adult", "child"])
def test_events_of_no_camera_are_told_to_who_sees_the_system(house: House, role: Role) -> None:
    reader = Reader(house.member(role))
    reader.next()
    reader.next()
    house.tell(house.event("system_started", "system"))
    house.tell(house.event(camera_id="shed"))
    assert reader.events(1) == (["1"] if role == "adult" else ["2"])
    reader.close()


def test_danger_is_told_to_everybody_without_what_they_may_not_see(house: House) -> None:
    client = house.member("child", ["garden"])
    reader = Reader(client)
    reader.next()
    reader.next()
    house.tell(house.event("sensor_smoke", "sensor/cellar", severity="CRITICAL", title="Smoke, cellar"))
    name, data, number = reader.next()
    assert (name, data["title"], data["severity"], number) == ("event", "Smoke, cellar", "CRITICAL", "1")
    assert (data["source_id"], data["payload"], data["still"]) == ("", {}, None)
    reader.close()
    again = Reader(client, last_id="0")
    again.next()
    assert again.next()[1] == data
    again.close()


def test_who_heard_of_a_danger_hears_that_somebody_has_seen_it(house: House) -> None:
    owner, child = house.client(), house.member("child", ["garden"])
    smoke = house.event("sensor_smoke", "sensor/cellar", severity="CRITICAL", title="Smoke, cellar")
    hidden = house.event(camera_id="shed", severity="ALERT")
    (sam,) = (one for one in list_users(house.store) if one.name == "sam")
    now_ms = house.now_ms()
    owe(
        house.store,
        house.node_id,
        [
            NewDelivery(
                story=f"incident-{event.incident_id}", lane="l", way="push", target="phone-1", device="phone",
                content={}, is_loud=True, is_critical=True, next_try_ms=now_ms, expires_ms=now_ms + 1, topic="",
                token="t", user_id=sam.id, incident_id=event.incident_id,
            )
            for event in (hidden, smoke)
        ],
        now_ms,
    )  # fmt: skip
    reader = Reader(child)
    reader.next()
    reader.next()
    for event in (hidden, smoke):
        assert owner.post(f"/api/v1/alerts/{event.incident_id}/ack").status_code == 204
    heard = {"incident_id": str(smoke.incident_id), "severity": "CRITICAL", "by": "sam"}
    assert reader.next()[:2] == ("alert", heard)
    reader.close()


@pytest.mark.parametrize("change", ["role", "fewer cameras", "more cameras", "removed"])
def test_stream_ends_when_its_member_changes(house: House, change: str) -> None:
    reader = Reader(house.member("adult", ["garden", "shed"]))
    reader.next()
    reader.next()
    me = next(one for one in list_users(house.store) if one.role == "adult")
    changes: dict[str, Callable[[], object]] = {
        "role": lambda: set_role(house.store, me.id, "guest"),
        "fewer cameras": lambda: set_cameras(house.store, me.id, ["garden"]),
        "more cameras": lambda: set_cameras(house.store, me.id, None),
        "removed": lambda: remove_user(house.store, me.id),
    }
    changes[change]()
    with pytest.raises(StopIteration):
        reader.next()


def test_stop_ends_streams(house: House, owner: FlaskClient) -> None:
    reader = Reader(owner)
    reader.next()
    reader.next()
    house.parts.stop()
    with pytest.raises(StopIteration):
        reader.next()


def test_left_page_is_forgotten(house: House, owner: FlaskClient) -> None:
    reader = Reader(owner)
    reader.next()
    assert house.parts.hub.count() == 1
    reader.close()
    assert house.parts.hub.count() == 0


def test_slow_page_is_closed_and_resumes(house: House, owner: FlaskClient) -> None:
    reader = Reader(owner)
    reader.next()
    reader.next()
    for _ in range(QUEUE_SIZE + 1):
        house.tell(house.event())
    with pytest.raises(StopIteration):
        reader.events(QUEUE_SIZE + 1)
    again = Reader(owner, last_id="0")
    assert again.events(QUEUE_SIZE + 1)[-1] == str(QUEUE_SIZE + 1)
    again.close()


def test_two_hundred_dead_pages_stay_bounded() -> None:
    hub = EventHub()
    for _ in range(200):
        hub.subscribe()
    for number in range(QUEUE_SIZE + 10):
        hub.broadcast(Notice("event", "{}", number))
    assert (hub.count(), hub.dropped) == (0, 200)


def test_health_is_dropped_before_events() -> None:
    hub = EventHub()
    page = hub.subscribe()
    for _ in range(1000):
        hub.broadcast(Notice("health", "{}"))
    hub.broadcast(Notice("event", "{}", 1))
    assert not page.is_closed
    assert hub.count() == 1


def test_closed_hub_takes_nobody() -> None:
    hub = EventHub()
    hub.close()
    with pytest.raises(HubClosed):
        hub.subscribe().get(1.0)


def test_page_that_reads_slowly_is_told_the_last_word_of_a_job() -> None:
    """It comes once: how far a job is may be left out, since more comes."""
    hub = EventHub()
    page = hub.subscribe()
    for percent in range(QUEUE_SIZE):
        hub.broadcast(job_notice(1, "export", "running", "copying", percent % 100, 3, ()))
    hub.broadcast(job_notice(1, "export", "done", "", 100, None, ()))
    told = []
    while (notice := page.get(0.0)) is not None:
        told.append(json.loads(notice.data)["state"])
    assert told[-1] == "done"
    assert len(told) < QUEUE_SIZE
