"""That somebody took note of an alert: who may say so, what still stands, and what a page hears that was away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from vigilar.store.deliveries import NewDelivery, list_deliveries_of
from vigilar.store.events import StoredEvent
from vigilar.store.incidents import ALONE, Grouping
from vigilar.store.owing import owe
from vigilar.store.users import list_users


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


def notices(client: FlaskClient, count: int) -> list[tuple[str, Any]]:
    """The first notices of a stream, which is closed then."""
    answer = client.get("/events/stream", buffered=False)
    pieces: Iterator[bytes] = iter(answer.response)  # type: ignore[arg-type]  # bytes, as encoded
    found = []
    for _ in range(count):
        rows = [row for row in next(pieces).decode().split("\n") if row and not row.startswith("retry")]
        fields = dict(row.split(": ", 1) for row in rows)
        found.append((fields["event"], json.loads(fields["data"])))
    answer.close()
    return found


def noted(client: FlaskClient) -> list[dict[str, str]]:
    found: list[dict[str, str]] = notices(client, 1)[0][1]["noted"]
    return found


def joining(event: StoredEvent) -> Grouping:
    return replace(ALONE, choose=lambda *_: event.incident_id)


def owe_push(house: House, event: StoredEvent, severity: str, story: str) -> None:
    (sam, *_) = list_users(house.store)
    now_ms = house.now_ms()
    new = NewDelivery(
        story=story, lane="test", way="push", target="phone-1", device="phone", content={"severity": severity},
        is_loud=True, is_critical=severity == "CRITICAL", next_try_ms=now_ms + 5_000, expires_ms=now_ms + 60_000,
        topic="t", token="s" * 32, user_id=sam.id, incident_id=event.incident_id,
    )  # fmt: skip
    owe(house.store, house.node_id, [new], now_ms)


def test_who_was_away_hears_first_what_was_seen_meanwhile(house: House) -> None:
    client = house.client()
    event = house.event(severity="ALERT")
    assert noted(client) == []
    assert client.post(f"/api/v1/alerts/{event.incident_id}/ack").status_code == 204
    assert noted(client) == [{"incident_id": str(event.incident_id), "severity": "ALERT"}]


def test_member_hears_nothing_of_what_is_not_to_be_seen(house: House) -> None:
    client, other = house.client(), house.member("adult", ["garden"])
    hidden, shown = house.event(severity="ALERT"), house.event(camera_id="garden", severity="ALERT")
    for event in (hidden, shown):
        assert client.post(f"/api/v1/alerts/{event.incident_id}/ack").status_code == 204
    assert [one["incident_id"] for one in noted(other)] == [str(shown.incident_id)]


def test_alert_of_which_no_phone_was_told_can_be_acknowledged(house: House) -> None:
    """In a house without phones the siren went on in every other browser."""
    client, guest = house.client(), house.member("guest")
    event = house.event(severity="CRITICAL")
    assert (
        guest.post(f"/api/v1/alerts/{event.incident_id}/ack").status_code == 404
    )  # who may not disarm may not silence
    assert client.post(f"/api/v1/alerts/{event.incident_id}/ack").status_code == 204
    assert client.post(f"/api/v1/alerts/{(event.incident_id or 0) + 1}/ack").status_code == 404


def test_alarm_that_an_alert_became_still_stands(house: House) -> None:
    client = house.client()
    event = house.event(severity="ALERT")
    house.event(severity="CRITICAL", camera_id="drive", grouping=joining(event))
    owe_push(house, event, "ALERT", "as it was")
    owe_push(house, event, "CRITICAL", "as it is")
    path = f"/api/v1/alerts/{event.incident_id}/ack"
    assert client.post(path, json={"severity": "ALERT"}).status_code == 204
    assert noted(client) == [{"incident_id": str(event.incident_id), "severity": "ALERT"}]
    told = list_deliveries_of(house.store, 0, event.incident_id)
    assert [(one.story, one.state) for one in told] == [("as it was", "acknowledged"), ("as it is", "owed")]
    for body, severity in (({"severity": "CRITICAL"}, "CRITICAL"), ({"severity": "ALERT"}, "CRITICAL")):
        assert client.post(path, json=body).status_code == 204
        assert noted(client) == [{"incident_id": str(event.incident_id), "severity": severity}]


def test_severity_that_there_is_not_is_refused(house: House) -> None:
    client = house.client()
    event = house.event(severity="ALERT")
    answer = client.post(f"/api/v1/alerts/{event.incident_id}/ack", json={"severity": "loud"})
    assert (answer.status_code, json.loads(answer.text)["type"]) == (422, "alert.severity")
    assert noted(client) == []
