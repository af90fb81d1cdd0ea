"""Incidents by the API and told to open pages: whole for who may see all, cut to what each other member may see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from tests.unit.test_web_stream import Reader
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.events.grouping import grouping_of
from vigilar.events.subjects import EVENT_TYPES
from vigilar.store.events import NewEvent, StoredEvent, insert_event, name_event
from vigilar.web import incident_view

S = 1000
NAMES = {"front-door": "Front door", "garden": "Garden"}
GROUPING = grouping_of(EVENT_TYPES)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def owner(house: House) -> FlaskClient:
    return house.client()


def tell(house: House, type_: str, source_id: str, ts_ms: int, **more: Any) -> StoredEvent:
    payload = {"title": more.pop("title", type_)}
    if source_id in NAMES:
        payload["camera_name"] = NAMES[source_id]
    new = NewEvent(
        uid=f"{type_}-{source_id}-{ts_ms}",
        type=type_,
        severity=EVENT_TYPES[type_].severity.value,
        source_id=source_id,
        ts_ms=ts_ms,
        payload=payload,
        **more,
    )
    stored = insert_event(house.store, new, now_ms=ts_ms, grouping=GROUPING)
    assert stored is not None
    return stored


def visit(house: House, camera: str, ts_ms: int, kind: str = "person", still_id: int | None = None) -> StoredEvent:
    """Somebody who came and went."""
    event = tell(house, "motion", camera, ts_ms, kind="motion")
    return rename(house, event, kind, still_id)


def rename(house: House, event: StoredEvent, kind: str, still_id: int | None = None) -> StoredEvent:
    named = name_event(
        house.store, event.id, kind=kind, label_score=0.9, still_id=still_id, payload=event.payload, grouping=GROUPING
    )
    assert named is not None
    return named


def incidents(client: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/v1/incidents{query}").get_json()["incidents"]
    return found


def test_visit_is_one_incident_in_the_agreed_form(house: House, owner: FlaskClient) -> None:
    now = house.now_ms()
    still_id = house.still("front-door", b"jpeg")
    first = visit(house, "front-door", now - 60 * S, still_id=still_id)
    second = visit(house, "garden", now - 30 * S)
    [incident] = incidents(owner)
    assert incident == {
        "id": first.incident_id,
        "ts": now - 60 * S,
        "end_ts": now - 30 * S,
        "title": "Person at the front door, then the garden",
        "severity": "INFO",
        "cameras": ["front-door", "garden"],
        "kinds": ["person"],
        "events": [first.id, second.id],
        "still": f"/events/{first.id}/still.jpg?v={still_id}",
        "is_open": False,
        "change": second.change,
        "is_gone": False,
    }
    assert owner.get(f"/api/v1/incidents/{first.incident_id}").get_json() == incident
    assert owner.get(f"/api/v1/events/{first.id}").get_json()["incident_id"] == first.incident_id


def test_list_is_filtered_by_events_and_paged(house: House, owner: FlaskClient) -> None:
    now = house.now_ms()
    for number in range(3):
        visit(house, "garden", now - number * 7_200 * S, "cat")
    visit(house, "front-door", now - 9_000 * S)
    answer = owner.get("/api/v1/incidents?limit=2").get_json()
    assert [one["kinds"] for one in answer["incidents"]] == [["cat"], ["cat"]]
    rest = owner.get(f"/api/v1/incidents?limit=2&cursor={answer['next']}").get_json()
    assert ([one["kinds"] for one in rest["incidents"]], rest["next"]) == ([["person"], ["cat"]], None)
    assert len(incidents(owner, "?kind=cat")) == 3
    assert len(incidents(owner, "?camera=front-door")) == 1
    assert owner.get("/api/v1/incidents?kind=ghost").get_json()["type"] == "query.kind"
    assert owner.get("/api/v1/incidents?cursor=x").status_code == 422


@pytest.mark.parametrize("name", ["99", "x", "9" * 30, "-1"])
def test_unknown_incident_is_not_found(owner: FlaskClient, name: str) -> None:
    answer = owner.get(f"/api/v1/incidents/{name}")
    assert (answer.status_code, answer.get_json()["type"]) == (404, "incident.unknown")


class TestLimitedMembers:
    """A guest who may see the garden learns of no other camera."""

    def test_incident_is_cut_to_seen_cameras(self, house: House) -> None:
        guest = house.member("guest", ["garden"])
        now = house.now_ms()
        hidden = visit(house, "front-door", now - 60 * S, still_id=house.still("front-door", b"jpeg"))
        seen = visit(house, "garden", now - 30 * S)
        [incident] = incidents(guest)
        assert incident["title"] == "Person in the garden"
        assert (incident["cameras"], incident["events"]) == (["garden"], [seen.id])
        assert (incident["ts"], incident["still"]) == (now - 30 * S, None)
        assert "front" not in str(incident).casefold()
        assert guest.get(f"/api/v1/incidents/{hidden.incident_id}").get_json() == incident

    def test_incident_of_other_cameras_is_not_there(self, house: House) -> None:
        guest = house.member("guest", ["garden"])
        hidden = visit(house, "front-door", house.now_ms())
        assert incidents(guest) == []
        assert guest.get(f"/api/v1/incidents/{hidden.incident_id}").status_code == 404

    def test_worst_of_what_is_hidden_stays_hidden(self, house: House) -> None:
        guest = house.member("guest", ["garden"])
        now = house.now_ms()
        seen = visit(house, "garden", now - 60 * S)
        hidden = visit(house, "front-door", now - 50 * S)
        tell(house, "alarm", "front-door", now - 50 * S, title="Alarm: Person, Front door", cause_id=hidden.id)
        [incident] = incidents(guest)
        assert (incident["title"], incident["severity"]) == ("Person in the garden", "INFO")
        assert incident["id"] == seen.incident_id

    def test_duress_is_on_no_page_for_half_a_day(self, house: House, owner: FlaskClient) -> None:
        now = house.now_ms()
        tell(house, "disarmed", "house", now, title="Disarmed")
        secret = tell(house, "duress", "house", now, title="Disarmed under duress")
        assert [one["title"] for one in incidents(owner)] == ["Disarmed"]
        assert owner.get(f"/api/v1/incidents/{secret.incident_id}").status_code == 404
        old = tell(house, "duress", "house", now - 13 * 3_600 * S, title="Disarmed under duress")
        assert [one["id"] for one in incidents(owner)][-1] == old.incident_id


class TestOpenPages:
    """The notice comes behind the event that changed the incident."""

    def read(self, reader: Reader, count: int) -> list[tuple[str, Any, str | None]]:
        found: list[tuple[str, Any, str | None]] = []
        while len(found) < count:
            notice = reader.next()
            if notice[0] in ("event", "incident", "refresh"):
                found.append(notice)
        return found

    def test_card_grows_behind_each_event(self, house: House, owner: FlaskClient) -> None:
        reader = Reader(owner)
        now = house.now_ms()
        titles = []
        for number, camera in enumerate(("front-door", "garden")):
            event = visit(house, camera, now + number * 20 * S)
            house.tell(event)
            (name, _, number_told), (_, incident, no_id) = self.read(reader, 2)
            assert (name, number_told, no_id) == ("event", str(event.change), None)
            assert incident["change"] == event.change
            titles.append((incident["id"], incident["title"]))
        assert titles == [
            (1, "Person at the front door"),
            (1, "Person at the front door, then the garden"),
        ]
        reader.close()

    def test_story_that_went_over_is_taken_away(self, house: House, owner: FlaskClient) -> None:
        now = house.now_ms()
        person = visit(house, "front-door", now)
        late = tell(house, "motion", "garden", now + 90 * S, kind="motion")
        reader = Reader(owner)
        house.tell(rename(house, late, "person"))
        told = [notice for _, notice, _ in self.read(reader, 3)][1:]
        assert [(one["id"], one["is_gone"]) for one in told] == [(person.incident_id, False), (late.incident_id, True)]
        assert told[1]["into"] == person.incident_id
        assert owner.get(f"/api/v1/incidents/{late.incident_id}").get_json()["id"] == person.incident_id
        reader.close()

    def test_page_cut_off_before_the_incident_gets_it(self, house: House, owner: FlaskClient) -> None:
        """The event was told with its number, then the line broke."""
        event = visit(house, "front-door", house.now_ms())
        reader = Reader(owner, last_id=str(event.change))
        [(name, incident, _)] = self.read(reader, 1)
        assert (name, incident["id"], incident["change"]) == ("incident", event.incident_id, event.change)
        reader.close()

    def test_what_was_missed_comes_once_as_it_is_now(self, house: House, owner: FlaskClient) -> None:
        now = house.now_ms()
        visit(house, "front-door", now)
        before = house.event().change
        visit(house, "garden", now + 20 * S)
        visit(house, "front-door", now + 40 * S)
        reader = Reader(owner, last_id=str(before))
        told = self.read(reader, 4)
        assert [name for name, _, _ in told] == ["event", "event", "incident", "incident"]
        by_id = {incident["id"]: incident for name, incident, _ in told if name == "incident"}
        assert len(by_id[1]["events"]) == 3
        reader.close()

    def test_change_between_two_notices_is_told_once_and_not_missed(self, house: House, owner: FlaskClient) -> None:
        reader = Reader(owner)
        now = house.now_ms()
        first = visit(house, "front-door", now)
        second = visit(house, "garden", now + 20 * S)
        house.tell(first)
        house.tell(second)
        told = self.read(reader, 3)
        assert [name for name, _, _ in told] == ["event", "event", "incident"]
        assert told[-1][1]["events"] == [first.id, second.id]
        reader.close()

    def test_limited_member_is_told_what_they_may_see(self, house: House) -> None:
        guest = house.member("guest", ["garden"])
        reader = Reader(guest)
        now = house.now_ms()
        house.tell(visit(house, "front-door", now))
        house.tell(seen := visit(house, "garden", now + 20 * S))
        (_, event, _), (_, incident, _) = self.read(reader, 2)
        assert (event["id"], incident["title"]) == (str(seen.id), "Person in the garden")
        reader.close()

    def test_database_that_fails_for_a_moment_costs_no_incident(
        self, house: House, owner: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_arguments: object) -> None:
            raise StoreError("the database is locked", kind=ErrorKind.TRANSIENT)

        reader = Reader(owner)
        first, second = visit(house, "front-door", house.now_ms()), house.event()
        with monkeypatch.context() as patch:
            patch.setattr(incident_view, "changed_incidents", fail)
            house.tell(first)
            house.tell(second)
            assert [name for name, _, _ in self.read(reader, 2)] == ["event", "event"]
        house.tell(house.event())
        told = [(name, content["id"]) for name, content, _ in self.read(reader, 4)]
        assert told == [("incident", 1), ("incident", 2), ("event", "3"), ("incident", 3)]
        reader.close()
