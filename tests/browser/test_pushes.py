"""What a phone shows of a push, and where a tap on it leads: the real worker in Chromium, to which the debugger hands
pushes as its push service would."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.browser.chromium import sign_in, whole_browser
from tests.browser.house import House, open_house, serve
from tests.conftest import wait_until
from tests.worker_kit import ONE_AT_A_TIME, worker_of
from vigilar.store.cameras import ensure_camera
from vigilar.store.deliveries import NewDelivery, claim, take_up
from vigilar.store.notify_tables import deliveries
from vigilar.store.owing import owe
from vigilar.store.users import list_users

pytestmark = pytest.mark.browser

SHOWN = """async () => (await self.registration.getNotifications()).map((one) => ({
    title: one.title, body: one.body, tag: one.tag, silent: one.silent, renotify: one.renotify ?? null,
    image: (one.image ?? "").slice(0, 22), icon: (one.icon ?? "").slice(0, 21),
    actions: one.actions.map((a) => a.action),
    stays: one.requireInteraction, path: one.data.path }))"""

CLICK = """async (action) => {
    const [notification] = await self.registration.getNotifications();
    const click = new NotificationEvent("notificationclick", { notification, action });
    const works = [];
    click.waitUntil = (work) => works.push(work);
    self.dispatchEvent(click);
    await Promise.allSettled(works); }"""
"""A tap: Chromium's debugger cannot make one. It lacks the touch that lets a worker open a window or bring one to the
front, so tests look at pages that are open."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        house.client()
        house.well("front-door")
        yield house


class Phone:
    """A signed-in browser that may show notifications, and the line by which pushes come to it."""

    def __init__(self, chromium: Browser, url: str) -> None:
        self.url = url
        self.context = chromium.new_context(viewport={"width": 390, "height": 844})
        self.context.grant_permissions(["notifications"], origin=url)
        self.page: Page = self.context.new_page()
        sign_in(self.page, url)
        self.page.goto(f"{url}/settings/account")
        self.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        wait_until(lambda: self.page.evaluate("navigator.serviceWorker.controller !== null"), 30)
        self.worker = worker_of(self.page)
        self.worker.evaluate(ONE_AT_A_TIME)
        self._line: CDPSession = self.context.new_cdp_session(self.page)
        self._registrations: list[dict[str, Any]] = []
        self._line.on(
            "ServiceWorker.workerRegistrationUpdated", lambda said: self._registrations.extend(said["registrations"])
        )
        self._line.send("ServiceWorker.enable")
        wait_until(self._hears, 30)

    def _hears(self) -> bool:
        self.page.wait_for_timeout(20)
        return bool(self._own())

    def _own(self) -> list[str]:
        """Ids of this house's registration; the browser tells of those of other tests too, as they go."""
        return [
            one["registrationId"]
            for one in self._registrations
            if one["scopeURL"] == f"{self.url}/" and not one["isDeleted"]
        ]

    def push(self, data: str) -> None:
        message = {"origin": self.url, "registrationId": self._own()[-1], "data": data}
        self._line.send("ServiceWorker.deliverPushMessage", message)

    def shown(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.worker.evaluate(SHOWN)
        return found

    def wait_shown(self, **wanted: object) -> dict[str, Any]:
        """The one notification, once it is so."""

        def is_so() -> bool:
            found[:] = self.shown()
            return len(found) == 1 and all(found[0][name] == value for name, value in wanted.items())

        found: list[dict[str, Any]] = []
        try:
            wait_until(is_so, 30)
        except AssertionError as error:
            raise AssertionError(f"{error}: {wanted} wanted, shown are {found}") from None
        return found[0]

    def click(self, action: str = "") -> None:
        self.worker.evaluate(CLICK, action)


@pytest.fixture
def phone(chromium: Browser, house: House) -> Iterator[Phone]:
    """In a browser of its own: notifications belong to it, not to a window, and go some time after a window did."""
    with whole_browser(chromium) as own, serve(house) as url:
        yield Phone(own, url)


def message(event_id: int, title: str = "Person, front door", **more: object) -> str:
    """The decrypted push, in the form of the HTTP reference. Its address is another name of the house's."""
    facts = {"id": 7, "token": "t" * 32, "incident_id": 3, "event_id": event_id, "kind": "person", "severity": "ALERT"}
    facts |= {"camera": "front-door", "ts": 1_700_000_000_000, "still": f"/events/{event_id}/still.jpg"}
    facts |= {"is_loud": True, "is_critical": False}
    notification = {
        "title": title,
        "body": "02:15. Not armed.",
        "navigate": f"https://vigilar.local:49735/events/{event_id}",
        "tag": "incident-3",
        "lang": "en",
    }
    return json.dumps({"web_push": 8030, "notification": notification, "vigilar": facts | more})


def test_push_is_shown_with_picture_and_buttons(phone: Phone, house: House) -> None:
    event = house.event("motion", still_id=house.still("front-door", jpeg()))
    phone.push(message(event.id))
    shown = phone.wait_shown(image="data:image/jpeg;base64")
    assert (shown["title"], shown["body"], shown["tag"]) == ("Person, front door", "02:15. Not armed.", "incident-3")
    assert shown["actions"] == ["watch", "snooze"]
    assert shown["icon"] == "data:image/png;base64"
    assert shown["path"] == f"/events/{event.id}"


def test_incident_takes_its_own_place_without_a_second_sound(phone: Phone, house: House) -> None:
    event = house.event()
    phone.push(message(event.id, still=""))
    assert phone.wait_shown(title="Person, front door")["silent"] is False
    phone.push(message(event.id, "Anna, front door", still=""))
    assert phone.wait_shown(title="Anna, front door")["silent"] is True


def test_story_that_took_in_another_closes_its_push(phone: Phone, house: House) -> None:
    """Two stories were told that turned out to be one: what stays leads to it, and nothing sounds again."""
    drive, door = house.event("motion", "drive"), house.event()
    other = json.loads(message(drive.id, "Person, drive", still="", id=8, incident_id=4))
    other["notification"]["tag"] = "incident-4"
    phone.push(json.dumps(other))
    phone.wait_shown(title="Person, drive")
    phone.push(message(door.id, still="", revision=1))
    wait_until(lambda: len(phone.shown()) == 2, 30)
    phone.push(message(door.id, "Person on the drive, then the door", still="", revision=2, closes=["incident-4"]))
    shown = phone.wait_shown(title="Person on the drive, then the door")
    assert (shown["silent"], shown["tag"]) == (True, "incident-3")


def test_incident_that_was_swiped_away_stays_quiet(phone: Phone, house: House) -> None:
    event = house.event()
    phone.push(message(event.id, still=""))
    phone.wait_shown(silent=False)
    phone.worker.evaluate("async () => (await self.registration.getNotifications()).forEach((one) => one.close())")
    phone.push(message(event.id, "Person left, front door", still=""))
    assert phone.wait_shown(title="Person left, front door")["silent"] is True


WATCH_SHOWN = """() => {
    self.calls = [];
    const show = self.registration.showNotification.bind(self.registration);
    self.registration.showNotification = (title, shown) => {
        self.calls.push([title, shown.silent]);
        return show(title, shown); }; }"""


def test_push_that_comes_twice_tells_once(phone: Phone, house: House) -> None:
    """The house was killed before it knew that the first had arrived. Wire and worker are the real ones."""
    event = house.event()
    phone.worker.evaluate(WATCH_SHOWN)
    first = message(event.id, still="", revision=1, id=0)
    phone.push(first)
    phone.wait_shown(title="Person, front door", silent=False)
    phone.push(message(event.id, "Anna, front door", still="", revision=2, id=0))
    phone.wait_shown(title="Anna, front door", silent=True)
    for data in (first, message(event.id, "Anna, front door", still="", revision=2, id=0)):
        phone.push(data)
    phone.push(message(event.id, "Anna left", still="", revision=3, id=0))
    phone.wait_shown(title="Anna left")
    calls = phone.worker.evaluate("self.calls")
    assert calls == [["Person, front door", False], ["Anna, front door", True], ["Anna left", True]]


HOLD_HOME = """() => {
    const ask = self.fetch;
    self.held = [];
    self.fetch = (...asked) => new Promise((answer) => self.held.push(() => answer(ask(...asked)))); }"""


def test_push_does_not_wait_for_the_picture_of_the_one_before(phone: Phone, house: House) -> None:
    """Of a phone that is out home does not answer, and the alarm came only when the alert had given up its picture."""
    event = house.event(still_id=house.still("front-door", jpeg()))
    phone.worker.evaluate(HOLD_HOME)
    phone.push(message(event.id, revision=1))
    phone.wait_shown(title="Person, front door")
    wait_until(lambda: phone.worker.evaluate("held.length") == 2, 30)
    alarm = {"still": "", "severity": "CRITICAL", "is_critical": True}
    phone.push(message(event.id, "Alarm, front door", revision=2, **alarm))
    phone.wait_shown(title="Alarm, front door")
    phone.worker.evaluate("() => held.splice(0).forEach((answer) => answer())")
    wait_until(lambda: phone.worker.evaluate("held.length") == 1, 30)  # that the second was shown
    phone.page.wait_for_timeout(1_000)  # the picture of the first has come
    assert phone.wait_shown(title="Alarm, front door")["image"] == ""


def test_push_that_comes_again_after_a_swipe_goes_by_itself_without_a_sound(phone: Phone, house: House) -> None:
    event = house.event()
    phone.push(message(event.id, still="", revision=1))
    phone.wait_shown(silent=False)
    phone.worker.evaluate("async () => (await self.registration.getNotifications()).forEach((one) => one.close())")
    wait_until(lambda: phone.shown() == [], 30)
    phone.worker.evaluate(WATCH_SHOWN)
    phone.push(message(event.id, still="", revision=1))
    wait_until(lambda: phone.worker.evaluate("self.calls") == [["Person, front door", True]], 30)
    wait_until(lambda: phone.shown() == [], 30)


def test_alert_that_becomes_an_alarm_sounds_again(phone: Phone, house: House) -> None:
    event = house.event()
    phone.push(message(event.id, still=""))
    phone.wait_shown(silent=False)
    alarm = {"still": "", "severity": "CRITICAL", "is_critical": True}
    phone.push(message(event.id, "Alarm, front door", **alarm))
    shown = phone.wait_shown(title="Alarm, front door")
    assert (shown["silent"], shown["stays"]) == (False, True)
    phone.push(message(event.id, "Alarm goes on", **alarm))
    assert phone.wait_shown(title="Alarm goes on")["silent"] is True


def test_louder_one_of_the_incident_sounds_whatever_its_severity(phone: Phone, house: House) -> None:
    event = house.event()
    phone.push(message(event.id, still="", severity="INFO", is_loud=False))
    phone.wait_shown(silent=False)
    phone.push(message(event.id, "Somebody came in", still=""))
    assert phone.wait_shown(title="Somebody came in")["silent"] is False
    phone.push(message(event.id, "Broken glass", still="", is_critical=True))
    assert phone.wait_shown(title="Broken glass")["silent"] is False


def test_push_that_cannot_be_read_shows_something(phone: Phone) -> None:
    """A browser takes the permission away from who shows nothing."""
    for data in ("", "no JSON", "{}", '{"notification": {"title": 5}}'):
        phone.push(data)
        assert phone.wait_shown(title="Lindenweg 4")["path"] == "/events", data
        phone.worker.evaluate("async () => (await self.registration.getNotifications()).forEach((one) => one.close())")
        wait_until(lambda: phone.shown() == [], 30)


BROKEN_STORAGE = """() => {
    const store = { transaction: {}, get: () => ({}), put: () => ({}) };
    IDBDatabase.prototype.transaction = () => ({ objectStore: () => store });
    CacheStorage.prototype.match = async () => { throw new DOMException("broken", "UnknownError"); }; }"""


def test_phone_whose_storage_hangs_or_is_broken_tells_all_the_same(phone: Phone, house: House) -> None:
    phone.worker.evaluate(BROKEN_STORAGE)
    phone.push(message(house.event().id, still=""))
    assert phone.wait_shown(title="Person, front door")["silent"] is False


def test_tap_takes_the_open_page_to_the_clip(phone: Phone, house: House) -> None:
    event = house.event(title="Somebody at the door")
    phone.push(message(event.id, still=""))
    phone.wait_shown(title="Person, front door")
    phone.click()
    expect(phone.page).to_have_url(f"{phone.url}/events/{event.id}")
    expect(phone.page.locator("h1")).to_contain_text("Somebody at the door")
    wait_until(lambda: phone.shown() == [], 30)


def test_watch_live_opens_the_camera(phone: Phone, house: House) -> None:
    event = house.event()
    phone.push(message(event.id, still=""))
    phone.wait_shown(title="Person, front door")
    phone.click("watch")
    expect(phone.page).to_have_url(f"{phone.url}/watch/front-door")


def test_box_learns_when_a_push_was_shown(phone: Phone, house: House) -> None:
    event = house.event()
    (sam,) = list_users(house.store)
    now_ms = house.now_ms()
    new = NewDelivery(
        story="incident-3", lane="test", way="push", target="phone-1", device="phone", content={"event_id": event.id},
        is_loud=True, is_critical=False, next_try_ms=now_ms, expires_ms=now_ms + 60_000, topic="t", token="s" * 32,
        user_id=sam.id,
    )  # fmt: skip
    owe(house.store, house.node_id, [new], now_ms)

    def row() -> Any:
        with house.store.read("look at a delivery") as connection:
            return connection.execute(deliveries.select()).one()

    one = claim(house.store, house.node_id, "test", now_ms)
    assert one is not None, "it is on its way, and nobody knows whether it arrived"
    phone.push(message(event.id, still="", id=row().id, token="s" * 32, revision=1))
    wait_until(lambda: row().shown_ms is not None, 30)
    assert row().shown_ms >= now_ms
    assert (take_up(house.store, house.node_id), row().state) == (0, "shown"), "it is not sent again"
    wait_until(lambda: phone.worker.evaluate("notes.get('shown', null)") == [], 30)


def test_receipt_waits_until_home_is_there(phone: Phone, house: House) -> None:
    phone.page.context.set_offline(True)
    phone.push(message(1, still="", id=1, token="s" * 32))
    phone.wait_shown(title="Person, front door")
    wait_until(lambda: len(phone.worker.evaluate("notes.get('shown', [])")) == 1, 30)


def test_what_no_camera_saw_can_be_snoozed(phone: Phone, house: House) -> None:
    event = house.event()
    phone.push(message(event.id, still="", camera=""))
    phone.wait_shown(title="Person, front door")
    phone.click("snooze")
    phone.wait_shown(title="Snoozed for 1 h")


def test_snooze_by_push_stands_in_the_settings_and_is_ended_there(phone: Phone, house: House) -> None:
    """Acceptance 88 and 90; the time is the house's, wherever the phone is (49)."""
    ensure_camera(house.store, "front-door", "Front door", 1, house.node_id)
    event = house.event()
    phone.push(message(event.id, still=""))
    phone.wait_shown(title="Person, front door")
    phone.click("snooze")
    shown = phone.wait_shown(title="Snoozed for 1 h", path="/settings/notifications")
    phone.page.goto(f"{phone.url}/settings/notifications")
    said = re.search(r"is snoozed by sam until (\d\d:\d\d)", phone.page.locator("#snooze").inner_text())
    assert said is not None
    assert shown["body"].startswith(f"Until {said[1]}.")
    phone.page.locator("#snooze").get_by_role("button", name="End it").click()
    expect(phone.page.locator("#snooze")).to_contain_text("Nothing is snoozed.")


def test_snooze_that_cannot_reach_home_says_so(phone: Phone, house: House) -> None:
    event = house.event()
    phone.push(message(event.id, still=""))
    phone.wait_shown(title="Person, front door")
    phone.context.set_offline(True)
    phone.click("snooze")
    phone.wait_shown(title="Not snoozed", silent=True, path="/settings/notifications")


def jpeg() -> bytes:
    done, data = cv2.imencode(".jpg", np.full((90, 160, 3), 90, np.uint8))
    assert done
    return data.tobytes()
