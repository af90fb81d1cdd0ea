"""Deleting recordings by hand in a browser: by key and by button, told first, done by the upkeep process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import find_violations, sign_in
from tests.browser.house import House, open_house, serve
from tests.conftest import wait_until
from tests.flow.upkeep_process import upkeep_beside
from tests.recording_kit import Clip, make_clip
from vigilar.base.amounts import size_text
from vigilar.store.erasures import find_erased
from vigilar.store.events import StoredEvent, set_kept
from vigilar.store.files import FileRow, get_file

pytestmark = pytest.mark.browser

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
HOUR_MS = 3_600_000
BY_SAM = re.compile(r"was deleted by sam (today|yesterday)\.")  # midnight may come between
WHOLE = re.compile("Its recording " + BY_SAM.pattern)


class Site:
    """Five recordings of the front door, an hour apart, with an event each; the second is kept, and the third holds one
    event more."""

    def __init__(self, house: House, url: str, clip: Clip) -> None:
        self.house, self.url = house, url
        house.client()
        house.well("front-door", "garden", "drive", "shed")
        self.rows: list[FileRow] = []
        self.events: list[StoredEvent] = []
        for hours_ago in range(1, 6):
            shift_ns = (house.now_ms() - hours_ago * HOUR_MS) * 1_000_000 - clip.run().utc_ns
            packets = [replace(one, utc_ns=one.utc_ns + shift_ns) for one in islice(clip.endless(), 40)]
            row = get_file(house.store, house.record("front-door", packets, clip.run()))
            assert row is not None
            self.rows.append(row)
            self.events.append(house.event(ts_ms=row.start_ms + 500, length_ms=1000))
        set_kept(house.store, self.events[1].id, kept=True, by="sam", now_ms=house.now_ms())
        self.cat = house.event(
            "motion", ts_ms=self.rows[2].start_ms + 2000, length_ms=500, title="Cat, Front door", what="cat"
        )

    def is_there(self, index: int) -> bool:
        return (self.house.folder / self.rows[index].path).exists()

    def gone(self) -> set[int]:
        """When the recordings began that are noted as deleted, which their files are a little earlier."""
        found = find_erased(self.house.store, {"front-door"}, 0, self.house.now_ms())
        return {one.start_ms for one in found if one.gone_ms is not None}

    def card(self, page: Page, index: int) -> str:
        return f'[data-events~="{self.events[index].id}"]'


@pytest.fixture
def site(tmp_path: Path, clip: Clip) -> Iterator[Site]:
    with open_house(tmp_path) as house, serve(house) as url:
        site = Site(house, url, clip)
        with upkeep_beside(tmp_path):
            yield site


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), size=(320, 180))


def test_deletion_is_told_confirmed_and_shown(chromium: Browser, site: Site) -> None:
    page = chromium.new_context(viewport=DESK).new_page()  # type: ignore[arg-type]
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    sign_in(page, site.url)
    page.goto(f"{site.url}/events")
    for index in (0, 1, 2):
        page.locator(site.card(page, index)).focus()
        page.keyboard.press("x")
    expect(page.locator("#bulk-count")).to_have_text("3 selected")
    page.keyboard.press("Shift+D")
    size = size_text(site.rows[0].size_bytes + site.rows[2].size_bytes)
    expect(page.locator(".sentence")).to_have_text(f"2 recordings, {size}, would go.")
    expect(page.get_by_text("1 is kept and will stay.")).to_be_visible()
    expect(page.get_by_text("1 other event lies in the same recordings: its recording goes too.")).to_be_visible()
    expect(page.get_by_text("This cannot be taken back.")).to_be_visible()
    for viewport in (PHONE, DESK):
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        assert find_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert [site.is_there(index) for index in range(5)] == [True] * 5
    page.get_by_role("button", name=f"Delete {size}").press("Enter")
    expect(page.locator(".notice.done")).to_contain_text(f"2 recordings, {size}, are being deleted.")
    expect(page.locator(".notice.done button")).to_have_count(0)
    wait_until(lambda: site.gone() == {site.rows[0].start_ms, site.rows[2].start_ms}, 30.0)
    page.goto(f"{site.url}/events")
    for index in (0, 2):
        expect(page.locator(site.card(page, index))).to_contain_text(WHOLE)
    expect(page.locator(site.card(page, 1))).not_to_contain_text("deleted")
    expect(page.locator(f'[data-events~="{site.cat.id}"]')).to_contain_text(BY_SAM)
    assert find_violations(page) == []
    assert [site.is_there(index) for index in range(5)] == [False, True, False, True, True]
    page.goto(f"{site.url}/events/{site.events[0].id}")
    expect(page.locator("#missing")).to_contain_text(WHOLE)
    expect(page.locator("#erase")).to_have_count(0)
    assert complaints == []


def test_it_works_without_script_and_from_the_page_of_one(chromium: Browser, site: Site) -> None:
    page = chromium.new_context(viewport=PHONE, java_script_enabled=False).new_page()  # type: ignore[arg-type]
    sign_in(page, site.url)
    page.goto(f"{site.url}/events/{site.events[3].id}")
    page.locator("#erase").press("Enter")
    expect(page.locator(".sentence")).to_have_text(f"1 recording, {size_text(site.rows[3].size_bytes)}, would go.")
    page.get_by_role("link", name="Delete nothing").click()
    page.locator(site.card(page, 1)).locator(".pick-one").click()
    page.locator("#bulk-more summary").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".sentence")).to_have_text("Nothing would go.")
    expect(page.locator("main button")).to_have_count(0)
    page.get_by_role("link", name="Back to the events").click()
    page.locator(site.card(page, 4)).locator(".pick-one").click()
    page.locator("#bulk-more summary").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    other = site.house.event(ts_ms=site.rows[4].start_ms + 2000, length_ms=500, title="Dog, Front door", what="dog")
    page.get_by_role("button", name="Delete ").click()
    expect(page.get_by_role("alert")).to_contain_text("This has changed since you looked, so nothing was deleted.")
    expect(page.get_by_text("1 other event lies in the same recordings")).to_be_visible()
    assert other.incident_id
    page.get_by_role("button", name="Delete ").click()
    expect(page.locator(".notice.done")).to_contain_text("1 recording")
    expect(page.locator(site.card(page, 4))).to_contain_text(re.compile("as sam said|by sam"))
