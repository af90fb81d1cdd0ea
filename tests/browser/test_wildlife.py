"""The journal of wild animals by hand and by keys, on phone and desk: a fox is named in one tap, and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import find_violations, sign_in
from tests.browser.house import House, first_jpeg, open_house, serve
from tests.recording_kit import Clip, make_clip
from vigilar.base.wildlife_rules import WildlifeRules
from vigilar.store import wildlife as rows
from vigilar.store.events import EventFilter, StoredEvent
from vigilar.store.wildlife import Word
from vigilar.web.times import house_time

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "desk": (1440, 900)}
HOUR_MS = 3_600_000


class Garden:
    """Two foxes, and an animal that nobody named, in the last nights; the camera watched from eight to six."""

    def __init__(self, house: House, url: str, clip: Clip) -> None:
        self.house, self.url = house, url
        house.client()
        house.well("garden")
        zone = house.parts.zone
        place = WildlifeRules(place=(52.52, 13.405), time_zone="Europe/Berlin")
        house.parts.cfg = replace(house.parts.cfg, wildlife=place)
        self.still = house.still("garden", first_jpeg(clip))
        self.midnight = house_time(house.now_ms(), zone).replace(hour=0, minute=0, second=0, microsecond=0)
        self.visit(3, 22, "fox")
        self.visit(2, 23, "fox")
        self.unnamed = self.visit(2, 22.5)
        self.later = self.visit(2, 23.5)
        hours = {}
        for ago in range(1, 20):
            for hour in range(20, 30):
                at = self.midnight - timedelta(days=ago) + timedelta(hours=hour)
                hours[int(at.timestamp() * 1000)] = HOUR_MS
        rows.add_hours(house.store, "garden", hours)

    def visit(self, days_ago: int, hour: float, key: str = "") -> StoredEvent:
        at = self.midnight - timedelta(days=days_ago) + timedelta(hours=hour)
        event = self.house.event(
            camera_id="garden",
            ts_ms=int(at.timestamp() * 1000),
            what="animal",
            title="Animal, Garden",
            still_id=self.still,
        )
        if key:
            word = Word(key, key.capitalize(), "animal", "predator")
            rows.say(self.house.store, [event.id], word, act=f"act-{event.id}", by_name="sam", now_ms=event.ts_ms)
        return event


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), size=(320, 180))


@pytest.fixture
def garden(tmp_path: Path, clip: Clip) -> Iterator[Garden]:
    with open_house(tmp_path) as house, serve(house) as url:
        yield Garden(house, url, clip)


@pytest.mark.parametrize("size", SIZES)
def test_fox_is_named_in_one_tap_and_taken_back(chromium: Browser, garden: Garden, size: str) -> None:
    width, height = SIZES[size]
    page = chromium.new_context(viewport={"width": width, "height": height}).new_page()
    sign_in(page, garden.url)
    page.goto(f"{garden.url}/events/{garden.unnamed.id}")
    assert find_violations(page) == []
    page.get_by_role("button", name="Fox", exact=True).click()
    expect(page.get_by_text("said by sam")).to_be_visible()
    expect(page.get_by_text("1 more like this was seen here that night")).to_be_visible()
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Fox too").click()
    expect(page.get_by_text("Fox.", exact=True)).to_be_visible()
    assert {one.said for one in _sightings(garden)} == {"fox"}
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("1 more like this")).to_be_visible()
    assert sorted(one.said for one in _sightings(garden)) == ["", "fox", "fox", "fox"]


@pytest.mark.parametrize("size", SIZES)
def test_plot_is_walked_by_keys_and_opens_its_list(chromium: Browser, garden: Garden, size: str) -> None:
    width, height = SIZES[size]
    page = chromium.new_context(viewport={"width": width, "height": height}).new_page()
    sign_in(page, garden.url)
    page.goto(f"{garden.url}/live")
    page.keyboard.press("g")
    page.keyboard.press("w")
    expect(page).to_have_url(f"{garden.url}/wildlife")
    expect(page.locator("h1")).to_have_text("Wildlife")
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("svg.map .c[tabindex='0']").focus()
    page.keyboard.press("End")
    says = page.locator("[data-map-says]")
    expect(says).to_have_text("Fox, 23:00 to 00:00: 1 visit, 19 h watched")
    page.keyboard.press("ArrowDown")
    expect(says).to_have_text("Animal, 23:00 to 00:00: 1 visit, 19 h watched")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    expect(says).to_have_text("Animal, 10:00 to 11:00: none, not watched")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text("1 visit.")
    expect(page.locator(".visit-picture")).to_have_count(1)
    assert find_violations(page) == []
    page.goto(f"{garden.url}/wildlife?view=nights")
    page.locator("svg.raster .c[tabindex='0']").focus()
    begun = house_time(garden.house.now_ms(), garden.house.parts.zone).hour >= 12  # the newest night
    for _ in range(2 if begun else 1):
        page.keyboard.press("ArrowDown")
    expect(says).to_contain_text(": 3 visits, 10 h watched")
    assert find_violations(page) == []


def test_journal_works_without_script(chromium: Browser, garden: Garden) -> None:
    page = chromium.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False).new_page()
    sign_in(page, garden.url)
    page.goto(f"{garden.url}/wildlife")
    page.get_by_text("As a table").click()
    page.get_by_role("row", name="Animal").get_by_role("link", name="1").first.click()
    page.get_by_role("button", name="Hedgehog").click()
    expect(page.get_by_text("Hedgehog.", exact=True)).to_be_visible()
    expect(page.locator("#count")).to_have_text("0 visits.")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#count")).to_have_text("1 visit.")


def _sightings(garden: Garden) -> list[rows.Sighting]:
    return rows.list_sightings(garden.house.store, EventFilter(), None, garden.house.now_ms())
