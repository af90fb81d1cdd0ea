"""Phones over the API: who may be rung, by which services, and what a phone may say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from tests.fakes.push_service import FakePhone, b64, unb64
from vigilar.notify.push.endpoints import BadSubscription, parse_endpoint
from vigilar.notify.web_request import NotSentError, WebDoor, is_public
from vigilar.store.deliveries import NewDelivery, claim, list_deliveries_of, note_accepted
from vigilar.store.owing import owe
from vigilar.store.phones import list_phones
from vigilar.store.users import find_user, remove_user

FCM = "https://fcm.googleapis.com/fcm/send/abc:def"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


def told(answer: Any) -> Any:
    """The JSON of an answer."""
    return answer.json


def subscribe(client: FlaskClient, endpoint: str = FCM, name: str = "Sam's phone", **keys: Any) -> Any:
    body = FakePhone("", endpoint).subscription()
    return client.post("/api/v1/push/subscriptions", json={**body, "keys": {**body["keys"], **keys}, "name": name})


def test_phone_is_taken_renamed_tested_and_removed(house: House) -> None:
    client = house.client()
    assert len(unb64(told(client.get("/api/v1/push/key"))["key"])) == 65
    made = subscribe(client)
    assert made.status_code == 201
    phone_id = told(made)["id"]
    assert told(subscribe(client, name="Other"))["id"] == phone_id, "a browser subscribes again with every visit"
    renamed = client.patch(f"/api/v1/push/subscriptions/{phone_id}", json={"name": "Pocket"})
    assert told(renamed)["name"] == "Pocket"
    assert FCM not in client.get("/api/v1/push/subscriptions").text, "what rings it is in no answer"
    assert client.post("/api/v1/push/test").status_code == 202
    one = claim(house.store, house.node_id, "push:fcm.googleapis.com:443", house.now_ms())
    assert one is not None
    assert one.content["body"] == "Pushes reach this phone."
    note_accepted(house.store, one, house.now_ms())
    anybody = house.client(signed_in=False)
    wrong = anybody.post("/api/v1/push/shown", json={"id": one.id, "token": "guess"})
    assert (wrong.status_code, told(wrong)["type"]) == (404, "push.unknown")
    assert anybody.post("/api/v1/push/shown", json={"id": one.id, "token": one.token}).status_code == 204
    known = told(client.get("/api/v1/push/subscriptions"))["subscriptions"]
    assert [(each["state"], each["shown_ts"] is not None) for each in known] == [("ok", True)]
    assert client.delete(f"/api/v1/push/subscriptions/{phone_id}").status_code == 204
    gone = client.post("/api/v1/push/test")
    assert (gone.status_code, told(gone)["type"]) == (409, "push.none")


BAD_ENDPOINTS = [
    "http://fcm.googleapis.com/fcm/send/a",
    "https://fcm.googleapis.com:8443/a",
    "https://192.168.1.1/a",
    "https://[::1]/a",
    "https://localhost/a",
    "https://fcm.googleapis.com.evil.example/a",
    "https://evil.example/fcm.googleapis.com",
    "https://user:pw@fcm.googleapis.com/a",
    "https://fcm.googleapis.com@evil.example/a",
    "https://push.apple.com.evil.example/a",
    "https://evilpush.apple.com/a",
    "https://fcm.googleapis.com/a#b",
    "https://fcm.googleapis.com/a b",
    "https://fcm.googleapis.com/a\r\nX: y",
    "https://fcm.googleapis.com:99999/",
    "https:///a",
    "",
    "https://fcm.googleapis.com/" + "a" * 5000,
]


@pytest.mark.parametrize("endpoint", BAD_ENDPOINTS)
def test_endpoint_that_is_no_known_service_is_refused(endpoint: str) -> None:
    with pytest.raises(BadSubscription):
        parse_endpoint(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        FCM,
        "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
        "https://web.push.apple.com/QHK",
        "https://wns2-by3p.notify.windows.com/w/?token=BQ%3d",
    ],
)
def test_endpoints_of_all_browsers_are_taken(endpoint: str) -> None:
    assert not parse_endpoint(endpoint).is_owners


def test_host_of_the_owner_is_taken_with_its_port_only() -> None:
    assert parse_endpoint("https://push.home.example:8443/a", ("push.home.example:8443",)).is_owners
    with pytest.raises(BadSubscription):
        parse_endpoint("https://push.home.example/a", ("push.home.example:8443",))


def test_bad_subscriptions_are_told_in_one_sentence(house: House) -> None:
    client = house.client()
    for answer in (
        subscribe(client, "http://fcm.googleapis.com/a"),
        subscribe(client, p256dh=b64(b"\x04" + bytes(64))),
        subscribe(client, p256dh="!!"),
        subscribe(client, auth=b64(bytes(15))),
        subscribe(client, auth=7),
    ):
        assert (answer.status_code, told(answer)["type"]) == (422, "push.endpoint")
        assert told(answer)["detail"].endswith(".")
    assert list_phones(house.store) == []


@pytest.mark.parametrize("address", ["192.168.1.1", "127.0.0.1", "169.254.169.254", "::1", "fd00::1", "224.0.0.1"])
def test_known_name_that_leads_into_the_house_is_not_asked(address: str) -> None:
    """DNS rebinding: the name is good, what it means is not."""
    door = WebDoor(
        "fcm.googleapis.com", 443, is_tls=True, allows=is_public, resolve=lambda _host, port: [(2, (address, port))]
    )
    with pytest.raises(NotSentError, match="may not be asked"):
        door.ask("POST", "/", {}, b"")


def test_phone_of_another_member_does_not_exist(house: House) -> None:
    phone_id = told(subscribe(house.client()))["id"]
    kim = house.member("adult", name="kim")
    assert told(kim.get("/api/v1/push/subscriptions")) == {"subscriptions": []}
    assert kim.delete(f"/api/v1/push/subscriptions/{phone_id}").status_code == 404
    assert kim.post("/api/v1/push/test", json={"id": phone_id}).status_code == 404


MOVED = "https://fcm.googleapis.com/fcm/send/moved"


def move(client: FlaskClient, phone_id: int, endpoint: str = MOVED) -> Any:
    body = {**FakePhone("", endpoint).subscription(), "name": "As it was once called", "replaces": phone_id}
    return client.post("/api/v1/push/subscriptions", json=body)


def test_phone_with_another_address_stays_the_same(house: House) -> None:
    client = house.client()
    phone_id = told(subscribe(client, name="Pocket"))["id"]
    for _ in range(2):  # its worker tells it, and the next page
        assert told(move(client, phone_id))["id"] == phone_id
    assert [(one.id, one.name) for one in list_phones(house.store)] == [(phone_id, "Pocket")]
    other = told(subscribe(client, name="Shelf"))["id"]
    assert other != phone_id, "the old address is nobody's any more"
    assert told(move(client, other))["id"] == phone_id, "the address is that phone's already"
    assert [(one.id, one.name) for one in list_phones(house.store)] == [(phone_id, "Pocket")]


def test_phone_that_was_removed_does_not_come_back_by_itself(house: House) -> None:
    client = house.client()
    phone_id = told(subscribe(client))["id"]
    client.delete(f"/api/v1/push/subscriptions/{phone_id}")
    refused = move(client, phone_id)
    assert (refused.status_code, told(refused)["type"]) == (404, "push.gone")
    assert list_phones(house.store) == []


def test_phone_of_another_member_is_not_moved(house: House) -> None:
    phone_id = told(subscribe(house.client()))["id"]
    kim = house.member("adult", name="kim")
    assert told(move(kim, phone_id))["id"] != phone_id
    assert [one.user_name for one in list_phones(house.store)] == ["sam", "kim"]
    assert told(move(kim, phone_id, FCM))["id"] == phone_id, "whoever holds the phone is told"


def test_phone_goes_with_its_login_and_its_member(house: House) -> None:
    client = house.client()
    subscribe(client)
    client.post("/api/v1/logout")
    assert list_phones(house.store) == []
    kim = house.member("adult", name="kim")
    subscribe(kim, FCM + "kim")
    member = find_user(house.store, "kim")
    assert member is not None
    assert len(list_phones(house.store, member.id)) == 1
    remove_user(house.store, member.id)
    assert list_phones(house.store) == []


def test_new_password_keeps_this_phone_and_drops_the_others(house: House) -> None:
    here, there = house.client(), house.client()
    subscribe(here, FCM + "here")
    subscribe(there, FCM + "there")
    done = here.post("/api/v1/me/password", json={"old": "correct horse", "new": "another good password"})
    assert done.status_code == 204
    assert [one.endpoint for one in list_phones(house.store)] == [FCM + "here"]


def test_open_page_that_is_none_is_refused(house: House) -> None:
    client = house.client()
    assert client.post("/api/v1/alerts/pages", json={"page": "page-0001"}).status_code == 204
    assert client.post("/api/v1/alerts/pages", json={"page": "../x"}).status_code == 422
    unknown = client.post("/api/v1/alerts/7/ack")
    assert (unknown.status_code, told(unknown)["type"]) == (404, "alert.unknown")
    assert told(client.get("/api/v1/alerts")) == {"alerts": []}
    assert list_deliveries_of(house.store, 1, None) == []


def test_alerts_list_nothing_secret_and_no_camera_that_is_hidden_by_now(house: House) -> None:
    client = house.member("adult", ["garden"], name="kim")
    member = find_user(house.store, "kim")
    assert member is not None
    now_ms = house.now_ms()

    def list_told(number: int, event_type: str, camera: str, ts_ms: int = now_ms) -> list[int]:
        event = house.event(event_type, camera or "house", ts_ms=ts_ms)
        assert (event.id, event.incident_id) == (number, number)
        content = {"title": "T", "body": "B", "severity": "ALERT", "type": event_type, "camera": camera, "ts": ts_ms}
        new = NewDelivery(
            story=f"incident-{number}", lane="l", way="push", target="phone-1", device="phone", is_loud=True,
            content={**content, "event_id": number}, is_critical=False, next_try_ms=now_ms, expires_ms=now_ms + 1,
            topic="", token="t", user_id=member.id, incident_id=number,
        )  # fmt: skip
        owe(house.store, house.node_id, [new], now_ms)
        return [one["incident_id"] for one in told(client.get("/api/v1/alerts"))["alerts"]]

    assert list_told(1, "motion", "garden") == [1]
    assert list_told(2, "motion", "front-door") == [1]
    assert list_told(3, "duress", "") == [1]
    assert list_told(4, "sensor_glass", "front-door") == [4, 1]
    assert list_told(5, "duress", "", now_ms - 13 * 3_600_000) == [5, 4, 1]
