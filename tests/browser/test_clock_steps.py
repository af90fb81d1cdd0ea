"""Playing across steps of the house's clock, and a scrub through days of 23, 24 and 25 hours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import find_violations
from tests.browser.house import House, open_house, serve
from tests.browser.look_back_kit import HOUR_MS, Finger, Site, strip_box, value, wait_playing
from tests.browser.recorded_day import MONO_NS, RecordedDay, clock_ms, record_from
from tests.recording_kit import Clip, make_clip
from vigilar.media.packets import Packet

pytestmark = pytest.mark.browser

STEPPED = date(2025, 11, 12)
FORWARD, BACK = 9, 14  # o'clock
SHORT, LONG = date(2025, 3, 30), date(2025, 10, 26)
"""The nights in which the house's clock is set on and back by an hour."""


def record_with_step(house: House, clip: Clip, start_ms: int, length_s: int, step_s: int) -> None:
    """``length_s`` before and after a step of the clock, as by a time server that came late, while the camera's
    pictures go on: as the recorder makes it, a file for each clock (``test_moved_clock_begins_a_file``)."""
    shift_ns = start_ms * 1_000_000 - clip.run().utc_ns
    sides: tuple[list[Packet], list[Packet]] = ([], [])
    for packet in clip.endless():
        since_ns = packet.utc_ns - clip.run().utc_ns
        if since_ns >= 2 * length_s * 10**9:
            break
        is_behind = since_ns >= length_s * 10**9
        utc_ns = packet.utc_ns + shift_ns + is_behind * step_s * 10**9
        sides[is_behind].append(replace(packet, utc_ns=utc_ns, mono_ns=packet.mono_ns + shift_ns + MONO_NS))
    for packets in sides:
        house.record("front-door", packets, clip.run())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("stepped")
    with open_house(folder) as house, serve(house) as url:
        house.client()
        clip = make_clip(folder, fps=5, gop=5, size=(320, 180))
        record_with_step(house, clip, clock_ms(STEPPED, FORWARD), 60, 600)
        record_with_step(house, clip, clock_ms(STEPPED, BACK), 60, -30)
        for day in (SHORT, LONG):
            for hour in (1, 12, 22):
                record_from(house, clip, clock_ms(day, hour), 120)
        event = house.event(ts_ms=clock_ms(STEPPED, FORWARD, 0, 20))
        yield Site(house, url, RecordedDay(STEPPED, event, event), chromium)


WATCH_THE_CLOCK = """() => {
    const video = document.getElementById("past-video"), strip = document.getElementById("strip");
    let last = 0;
    new MutationObserver(() => {
        const now = Number(strip.getAttribute("aria-valuenow"));
        if (now < last - 10000 && !window.back) {
            window.back = [last, now];
            video.playbackRate = 1;
        }
        last = now;
    }).observe(strip, { attributes: true, attributeFilter: ["aria-valuenow"] });
    video.playbackRate = 2; }"""
"""Plays fast until the clock goes back, and keeps what it showed before and after: whoever asks from outside may come
late."""


def video_s(page: Page) -> float:
    return float(page.evaluate("document.getElementById('past-video').currentTime"))


def wait_played(page: Page, more_s: float) -> None:
    """The video itself goes on by ``more_s``, whatever the clock shows."""
    page.wait_for_function(
        "(until) => document.getElementById('past-video').currentTime >= until && "
        "!document.getElementById('past-video').paused",
        arg=video_s(page) + more_s,
        timeout=60_000,
    )


NOTE_MOMENTS = """addEventListener("DOMContentLoaded", () => {
    window.moments = [];
    const strip = document.getElementById("strip"), stage = document.getElementById("past-stage");
    if (!strip) return;
    new MutationObserver(() => {
        if (stage.dataset.state === "ready") moments.push(Number(strip.getAttribute("aria-valuenow")));
    }).observe(strip, { attributes: true, attributeFilter: ["aria-valuenow"] }); })"""
"""Keeps what was played: four seconds before a step are over before a busy test has asked."""


def test_clock_set_on_plays_on_at_the_later_time(site: Site) -> None:
    page = site.page()
    at = clock_ms(STEPPED, FORWARD, 0, 56)
    page.add_init_script(NOTE_MOMENTS)
    site.watch(page, f"?at={at}")
    wait_playing(page, clock_ms(STEPPED, FORWARD, 11), 30_000)
    assert page.evaluate("([from, to]) => moments.some((at) => from <= at && at < to)", [at - 1, at + 4_000])
    expect(page.locator("#past-now")).to_contain_text("09:11:")
    expect(page.locator("#past-note")).to_contain_text("No recording for 10 min.")
    wait_played(page, 2)
    assert find_violations(page) == []


def test_clock_set_back_plays_on_without_a_stop(site: Site) -> None:
    """The half minute that the clock showed twice is there twice, one behind the other."""
    page = site.page()
    at = clock_ms(STEPPED, BACK, 0, 28)
    site.watch(page, f"?at={at}")
    wait_playing(page, at)
    page.evaluate(WATCH_THE_CLOCK)
    page.wait_for_function("() => window.back", timeout=60_000)
    before, after = page.evaluate("window.back")
    assert clock_ms(STEPPED, BACK, 0, 50) < before <= clock_ms(STEPPED, BACK, 1)
    assert clock_ms(STEPPED, BACK, 0, 30) - 1 <= after < clock_ms(STEPPED, BACK, 0, 40), "the clock goes back"
    wait_played(page, 10)
    # The player tells its moment four times a second: what stands there is a little older than what it shows.
    assert after + 9_000 <= value(page) < clock_ms(STEPPED, BACK, 1, 30)
    expect(page.locator("#past-stage")).to_have_attribute("data-state", "ready")


@pytest.mark.parametrize(("day", "hours"), [(SHORT, 23), (LONG, 25)], ids=["23 hours", "25 hours"])
class TestDay:
    def opened(self, site: Site, day: date, size: str = "desk") -> Page:
        page = site.page(size)
        page.goto(f"{site.url}/watch/front-door?day={day.isoformat()}")
        page.wait_for_function("() => document.getElementById('strip').getAttribute('aria-valuetext') !== null")
        return page

    def ends(self, page: Page) -> tuple[int, int]:
        strip = page.locator("#strip")
        return tuple(int(strip.get_attribute(f"aria-value{end}") or 0) for end in ("min", "max"))  # type: ignore[return-value]

    def x_of(self, page: Page, day: date, hours: int, ms: int) -> tuple[float, float]:
        """Where ``ms`` is on the strip of the whole day."""
        left, middle, width = strip_box(page)
        return left + (ms - clock_ms(day, 0)) / (hours * HOUR_MS) * width, middle

    def test_strip_has_its_hours(self, site: Site, day: date, hours: int) -> None:
        low, high = self.ends(self.opened(site, day))
        behind = clock_ms(day + timedelta(days=1), 0)
        assert (low, min(high, behind) - low) == (clock_ms(day, 0), hours * HOUR_MS)

    def test_mouse_lands_where_the_clock_says(self, site: Site, day: date, hours: int) -> None:
        page = self.opened(site, day)
        noon = clock_ms(day, 12, 0, 30)
        x, y = self.x_of(page, day, hours, noon)
        page.mouse.move(x - 200, y)
        page.mouse.down()
        page.mouse.move(x, y, steps=8)
        page.mouse.up()
        wait_playing(page, noon - 60_000, 180_000)
        expect(page.locator("#past-now")).to_contain_text("12:0")

    def test_finger_lands_where_the_clock_says(self, site: Site, day: date, hours: int) -> None:
        page = self.opened(site, day, "phone")
        x, y = self.x_of(page, day, hours, clock_ms(day, 22, 1))
        finger = Finger(page)
        finger.down(x - 60, y)
        finger.move(x, y, steps=8)
        expect(page.locator("#preview")).to_be_visible()
        finger.up()
        wait_playing(page, clock_ms(day, 22) - 10 * 60_000, 20 * 60_000)
        expect(page.locator("#past-now")).to_contain_text("22:0")

    def test_keyboard_goes_from_end_to_end(self, site: Site, day: date, hours: int) -> None:
        page = self.opened(site, day)
        page.fill("#jump-time", "22:00:30")
        page.keyboard.press("Enter")
        wait_playing(page, clock_ms(day, 22, 0, 30))
        expect(page.locator("#past-now")).to_contain_text(re.compile("22:00:[345]"))
        assert clock_ms(day, 22) - clock_ms(day, 0) == (hours - 2) * HOUR_MS
        page.locator("#strip").focus()
        page.keyboard.press("Home")
        page.wait_for_function(
            "(at) => Math.abs(Number(document.getElementById('strip').getAttribute('aria-valuenow')) - at) < 1000",
            arg=clock_ms(day, 0),
        )
