"""What one member does and another sees, and what many events ask of one: in real browsers."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import sign_in
from tests.browser.house import PASSWORD, House, open_house, serve
from tests.browser.look_back_kit import wait_playing
from tests.browser.recorded_day import clock_ms, make_day
from tests.pace import slowness
from vigilar.store.events import find_seen
from vigilar.store.users import list_users

pytestmark = pytest.mark.browser

HOUR_MS = 3_600_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        house.client()
        house.member("adult", name="Kim")
        house.well("front-door", "garden", "drive", "shed")
        yield house


def opened(chromium: Browser, url: str, name: str = "sam", path: str = "/events") -> Page:
    page = chromium.new_context(viewport={"width": 1440, "height": 900}, service_workers="block").new_page()
    sign_in(page, url)
    if name != "sam":
        answer = page.request.post(f"{url}/api/v1/login", data={"name": name, "password": PASSWORD})
        assert answer.ok, answer.text()
    page.goto(url + path)
    return page


def test_what_one_has_seen_is_new_to_the_other(house: House, chromium: Browser) -> None:
    """Acceptance 44."""
    for number in range(3):
        house.event(ts_ms=house.now_ms() - number * HOUR_MS, title=f"Motion {number}, Garden", camera_id="garden")
    with serve(house) as url:
        sam, kim = opened(chromium, url), opened(chromium, url, "Kim")
        expect(sam.locator("article.is-new")).to_have_count(3)
        sam.click("#all-seen")
        expect(sam.locator("article.is-new")).to_have_count(0)
        for reload in (False, True):
            if reload:
                kim.reload()
            expect(kim.locator("article.is-new")).to_have_count(3)
        kim.locator("article").nth(1).get_by_role("button", name=re.compile("^Seen ")).click()
        expect(kim.locator("article.is-new")).to_have_count(2)
        expect(kim.locator(".sentence")).to_contain_text("2 new")
        sam.locator(".undo-bar button").click()
        expect(sam.locator("article.is-new")).to_have_count(3)
        kim.reload()
        expect(kim.locator("article.is-new")).to_have_count(2)


def test_fifty_of_the_background_are_cleared_and_brought_back(house: House, chromium: Browser) -> None:
    """Acceptance 45, B-15: one press, within ten seconds, also of those that are not loaded yet; nothing else."""
    now_ms = house.now_ms()
    ids = [house.event(ts_ms=now_ms - (n + 1) * 600_000, camera_id="garden", what="cat").id for n in range(50)]
    alarm = house.event("alarm", severity="CRITICAL", ts_ms=now_ms - HOUR_MS, title="Alarm: Garden")
    sam = next(one.id for one in list_users(house.store) if one.name == "sam")
    with serve(house) as url:
        page = opened(chromium, url)
        page.locator(".chip", has_text="Background").click()
        page.wait_for_url("**/events?level=background")
        expect(page.locator("article")).to_have_count(30)
        began = time.monotonic()
        page.click("#all-seen")
        expect(page.locator("article.is-new")).to_have_count(0)
        expect(page.locator(".undo-bar")).to_contain_text("50 events marked as seen.")
        assert time.monotonic() - began < 10 * slowness()
        assert find_seen(house.store, sam, [*ids, alarm.id]) == set(ids)
        page.locator(".undo-bar button").click()
        expect(page.locator("article.is-new")).to_have_count(30)
        assert find_seen(house.store, sam, [*ids, alarm.id]) == set()


def test_calendar_marks_busy_unseen_and_unrecorded_days(house: House, chromium: Browser) -> None:
    """Acceptance 46, also of a day on which the house was off and of a loss that was told on the day after."""
    first = date(2025, 11, 10)
    days = [first + timedelta(days=number) for number in range(5)]
    for number in range(10):
        house.event(ts_ms=clock_ms(days[0], 8) + number * HOUR_MS)
    seen = house.event(ts_ms=clock_ms(days[1], 8))
    house.event("system_stopped", "system", ts_ms=clock_ms(days[2], 8), title="Vigilar stopped")
    house.event("system_started", "system", ts_ms=clock_ms(days[3], 8), title="Vigilar started")
    with serve(house) as url:
        page = opened(chromium, url, path="/events?month=2025-11")
        page.request.patch(f"{url}/api/v1/events/{seen.id}", data={"seen": True})
        page.reload()
        told = [page.locator(f'.month a[href*="day={day}"]').first for day in days]
        assert [one.get_attribute("title") for one in told] == [
            "Monday 10 November, 10 events, not all seen",
            "Tuesday 11 November, 1 event",
            "Wednesday 12 November, 1 event, not all seen, not all recorded",
            "Thursday 13 November, 1 event, not all seen, not all recorded",
            "Friday 14 November, no event",
        ]
        assert [one.locator("rect").get_attribute("height") for one in told] == ["10", "2", "2", "2", "0"]
        assert [(one.locator(".dot").count(), one.locator(".gap").count()) for one in told] == [
            (1, 0), (0, 0), (1, 1), (1, 1), (0, 0),
        ]  # fmt: skip
        told[2].click()
        page.wait_for_url(f"**/events?day={days[2]}*")
        expect(page.locator("#events article, #events .divider")).to_have_count(1)


def test_link_to_a_moment_opens_there_once_the_other_has_signed_in(
    house: House, chromium: Browser, tmp_path: Path
) -> None:
    """Acceptance 52: the address that the one's page shows, in the other's browser, which is signed out."""
    day = make_day(house, tmp_path)
    with serve(house) as url:
        sam = opened(chromium, url, path="/watch/front-door")
        sam.goto(f"{url}/watch/front-door?day={day.day}")
        sam.fill("#jump-time", "8:20:10")
        sam.keyboard.press("Enter")
        wait_playing(sam, day.at(8, 20, 10))
        sam.keyboard.press("k")
        kim = chromium.new_context(service_workers="block").new_page()
        kim.goto(sam.url)
        expect(kim).to_have_url(re.compile("/login"))
        kim.fill("#name", "Kim")
        kim.fill("#password", PASSWORD)
        kim.click("main button[type=submit]")
        kim.wait_for_url(sam.url)
        wait_playing(kim, day.at(8, 20, 10))
