"""Case 8: the second 02:15 of the night when summer time ends, on the pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import find_violations
from tests.browser.house import open_house, serve
from tests.browser.look_back_kit import HOUR_MS, Site, wait_playing
from tests.browser.recorded_day import RecordedDay, clock_ms, record_from
from tests.recording_kit import make_clip

pytestmark = pytest.mark.browser

NIGHT = date(2025, 10, 26)
FIRST, SECOND = 1_761_437_700_000, 1_761_441_300_000  # 00:15Z and 01:15Z


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("night")
    with open_house(folder) as house, serve(house) as url:
        house.client()
        clip = make_clip(folder, fps=5, gop=5, size=(320, 180))
        record_from(house, clip, FIRST - 60_000, 120)
        record_from(house, clip, SECOND - 60_000, 120)
        first = house.event(ts_ms=FIRST, title="First motion")
        house.event(ts_ms=SECOND, title="Second motion")
        yield Site(house, url, RecordedDay(NIGHT, first, first), chromium)


def test_typed_time_that_comes_twice_is_asked_back(night: Site) -> None:
    page = night.page()
    night.watch_day(page)
    page.fill("#jump-time", "2:15")
    page.keyboard.press("Enter")
    expect(page.locator("#jump-says")).to_contain_text("This time comes twice that night: 02:15:00 CEST 02:15:00 CET")
    page.get_by_role("link", name="02:15:00 CET").click()
    wait_playing(page, SECOND)
    expect(page.locator("#past-now")).to_contain_text("Sunday 26 October, 02:15:")
    expect(page.locator("#past-now")).to_contain_text("CET")
    page.fill("#jump-time", "2:15 CEST")
    page.keyboard.press("Enter")
    wait_playing(page, FIRST)


def test_strip_of_the_day_has_25_hours(night: Site) -> None:
    page = night.page()
    night.watch_day(page)
    low, high = (int(page.locator("#strip").get_attribute(f"aria-value{end}") or 0) for end in ("min", "max"))
    assert min(high, clock_ms(date(2025, 10, 27), 0)) - low == 25 * HOUR_MS


def test_events_are_told_apart(night: Site) -> None:
    page = night.page()
    page.goto(f"{night.url}/events")
    expect(page.locator("#events article time")).to_have_text(["02:15:00 CET", "02:15:00 CEST"])
    page.goto(f"{night.url}/events/1")
    expect(page.locator(".sentence time")).to_contain_text("02:15:00 CEST")
    expect(page.locator("#newer")).to_contain_text("02:15:00 CET")
    clock = page.evaluate("`${document.documentElement.dataset.assets}js/clock.js`")
    told = page.evaluate(
        """([path, ...times]) => import(path).then(
            ({ clockText }) => times.map((at) => clockText(at, { seconds: false })))""",
        [clock, FIRST, SECOND, SECOND + HOUR_MS],
    )
    assert told == ["02:15 CEST", "02:15 CET", "03:15"]  # in the bar of an alert, beside the pictures, under a clip
    client = night.house.client()
    names = [client.get(f"/events/{one}/clip.mp4").headers["Content-Disposition"] for one in (1, 2)]
    assert names[0] != names[1]
    assert "02.14.59 CEST" in names[0]
    assert "02.14.59 CET" in names[1]


def test_each_of_two_times_can_be_exported(night: Site) -> None:
    """The button of the list says which, and so does the form."""
    page = night.page()
    page.goto(f"{night.url}/events")
    page.locator('[data-events~="2"] .pick-one input').check()
    page.click("#bulk-export")
    expect(page.locator("#from")).to_have_value("2025-10-26T02:14:59")
    expect(page.locator("#to")).to_have_value("2025-10-26T02:15:10")
    for field in ("from", "to"):
        expect(page.locator(f"#{field}-zone")).to_have_value("CET")
    assert find_violations(page) == []
    page.get_by_role("button", name="Make export").click()
    expect(page.locator("main .sentence")).to_contain_text("02:14:59 CET to 02:15:10 CET, house time")
    page.goto(f"{night.url}/exports?camera=front-door&from=2025-10-26T02:14:30&to=2025-10-26T02:15:30")
    page.locator("#from-zone").select_option("CEST")
    page.get_by_role("button", name="Make export").click()
    expect(page.get_by_role("alert")).to_have_text("This night the clock shows 02:15 twice. Say CEST or CET.")
    page.locator("#to-zone").select_option("CEST")
    page.get_by_role("button", name="Make export").click()
    expect(page.locator("main .sentence")).to_contain_text("02:14:30 CEST to 02:15:30 CEST, house time")
