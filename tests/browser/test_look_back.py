"""Looking back in a real browser: a day is scrubbed by mouse, finger and keyboard, by typing, and without script."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.chromium import find_violations
from tests.browser.held_back import HeldBack
from tests.browser.house import open_house, serve
from tests.browser.look_back_kit import (
    HOUR_MS,
    SHOWS_A_PICTURE,
    SIZES,
    Finger,
    Site,
    shown_picture,
    step,
    strip_box,
    value,
    wait_playing,
    x_of,
)
from tests.browser.recorded_day import MINUTE_MS, ZONE, grey_of, make_day, record_refresh
from tests.browser.scrub_times import follow_times, play_time
from tests.conftest import wait_until
from tests.pace import slowness

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Site]:
    """One house for all: nothing here changes it."""
    folder = tmp_path_factory.mktemp("house")
    with open_house(folder) as house, serve(house) as url:
        house.client()
        day = make_day(house, folder)
        record_refresh(house, folder, day)
        house.health("front-door", "no-picture", reason="Nothing answers.", last_frame_ts=house.now_ms() - 42_000)
        yield Site(house, url, day, chromium)


class TestScrub:
    def test_mouse_drag_shows_pictures_and_plays_where_it_ends(self, site: Site) -> None:
        page = site.page()
        site.watch_day(page)
        _, y, _ = strip_box(page)
        page.mouse.move(x_of(site, page, site.day.at(2)), y)
        page.mouse.down()
        for hour in (3, 5, 7, 8):
            page.mouse.move(x_of(site, page, site.day.at(hour, 3)), y, steps=4)
            page.wait_for_function(
                "([at, far]) => { const box = document.getElementById('preview').dataset;"
                " return Math.abs(box.taken - at) <= far && box.ms - box.taken < 60000; }",
                arg=[site.day.at(hour, 3), 2 * MINUTE_MS],
            )
            taken, grey = shown_picture(page)
            assert abs(grey - grey_of(taken)) <= 3
        page.mouse.up()
        expect(page.locator("#preview")).to_be_hidden()
        wait_playing(page, site.day.at(8, 2), 2 * MINUTE_MS)
        assert page.evaluate("!document.getElementById('past-video').paused")

    def test_finger_drag_moves_time_and_a_tap_does_not(self, site: Site) -> None:
        page = site.page("phone")
        site.watch_day(page)
        _, y, _ = strip_box(page)
        finger = Finger(page)
        before = page.locator("#strip").get_attribute("aria-valuetext")
        finger.tap(x_of(site, page, site.day.at(3)), y)
        page.wait_for_timeout(200)
        assert page.locator("#past-stage").is_hidden(), "a tap where no event is does nothing"
        assert before is not None
        finger.down(x_of(site, page, site.day.at(3)), y)
        finger.move(x_of(site, page, site.day.at(8, 4)), y, steps=8)
        expect(page.locator("#preview")).to_be_visible()
        finger.up()
        wait_playing(page, site.day.at(8), 10 * MINUTE_MS)

    def test_tap_on_a_mark_follows_the_event(self, site: Site) -> None:
        page = site.page("phone")
        site.watch_day(page)
        _, y, _ = strip_box(page)
        Finger(page).tap(x_of(site, page, site.day.at(8, 22)), y)
        at = wait_playing(page, site.day.at(8, 4, 59), 16 * MINUTE_MS)
        starts = (site.day.motion.ts_ms, site.day.alert.ts_ms)
        assert any(start - 1100 <= at <= start + 20_000 for start in starts), "a second before the action"

    def test_pinch_zooms_about_the_fingers(self, site: Site) -> None:
        page = site.page("phone")
        site.watch_day(page)
        _, y, _ = strip_box(page)
        x = x_of(site, page, site.day.at(8))
        Finger(page).pinch(x, y, 40, 160)
        left, _, width = strip_box(page)
        low = int(page.locator("#strip").get_attribute("aria-valuemin") or 0)
        assert page.locator("#past-stage").is_hidden(), "a pinch goes nowhere"
        shown = page.evaluate("document.querySelector('[data-span=\"86400000\"]').getAttribute('aria-pressed')")
        assert shown == "false"
        about = low + (x - left) / width * (24 * HOUR_MS / 4)
        assert abs(about - site.day.at(8)) < 30 * MINUTE_MS

    def test_wheel_zooms_and_the_moment_stays_under_the_pointer(self, site: Site) -> None:
        page = site.page()
        site.watch_day(page)
        x, y = x_of(site, page, site.day.at(8, 5)), strip_box(page)[1]
        page.mouse.move(x, y)
        for _ in range(14):
            page.mouse.wheel(0, -240)
            page.wait_for_timeout(20)
            page.wait_for_function(
                "([at, far]) => Math.abs(document.getElementById('preview').dataset.ms - at) < far",
                arg=[site.day.at(8, 5), 2 * MINUTE_MS],
            )
        page.mouse.click(x, y)
        assert abs(wait_playing(page, site.day.at(8, 4), 3 * MINUTE_MS) - site.day.at(8, 5)) < 2 * MINUTE_MS

    def test_keyboard_alone_goes_through_it_once(self, site: Site) -> None:
        page = site.page()
        site.watch(page, f"?at={site.day.at(8, 1)}")
        wait_playing(page, site.day.at(8, 1))
        page.locator("#strip").focus()
        page.keyboard.press("k")
        page.wait_for_function("() => document.getElementById('past-video').paused")
        for key, away_s in (("ArrowRight", 5), ("Shift+ArrowRight", 60), ("l", 10), ("j", -10), ("ArrowLeft", -5)):
            before = value(page)
            page.keyboard.press(key)
            page.wait_for_function(
                "([at]) => Math.abs(document.getElementById('strip').getAttribute('aria-valuenow') - at) < 700",
                arg=[before + away_s * 1000],
            )
        paused = value(page)
        first, second = step(page, "."), step(page, ".")
        assert paused < first
        assert 180 <= second - first <= 220, "one picture of five a second"
        assert step(page, ",") < second
        page.keyboard.press("+")
        page.keyboard.press(">")
        assert page.locator("#past-speed").input_value() == "2"
        page.keyboard.press("Space")
        page.wait_for_function("() => !document.getElementById('past-video').paused")
        assert page.evaluate("document.getElementById('past-video').playbackRate") == 2
        page.keyboard.press("Home")
        page.wait_for_function(
            "(ms) => Math.abs(document.getElementById('strip').getAttribute('aria-valuenow') - ms) < 10 || "
            "document.getElementById('past-note').innerText.includes('No recording')", arg=site.day.at(0)
        )  # fmt: skip
        page.keyboard.press("End")
        expect(page.locator("#past-now")).to_have_text("Live")
        expect(page.locator("#past-stage")).to_be_hidden()
        assert "Live" in (page.locator("#strip").get_attribute("aria-valuetext") or "")

    def test_letters_are_no_keys_outside(self, site: Site) -> None:
        page = site.page()
        site.watch(page)
        page.locator(".brand").focus()
        page.keyboard.press("k")
        page.keyboard.press("j")
        page.locator("#jump-time").focus()
        page.keyboard.press("j")
        assert page.locator("#jump-time").input_value() == "j"
        assert page.locator("#past-stage").is_hidden()


class TestTypedTime:
    def test_typed_time_goes_there(self, site: Site) -> None:
        page = site.page()
        site.watch_day(page)
        page.fill("#jump-time", "8:20:10")
        page.keyboard.press("Enter")
        wait_playing(page, site.day.at(8, 20, 10))
        expect(page.locator("#others-time")).to_have_text("08:20:10")

    @pytest.mark.parametrize(
        ("typed", "words"),
        [
            ("25:00", "is no time of day"),
            ("soon", "is no time of day"),
            ("8", "is no time of day"),
            ("13:00 pm", "is no time of day"),
        ],
    )
    def test_nonsense_is_refused_with_a_sentence(self, site: Site, typed: str, words: str) -> None:
        page = site.page()
        site.watch_day(page)
        page.fill("#jump-time", typed)
        page.keyboard.press("Enter")
        expect(page.locator("#jump-says")).to_contain_text(words)
        expect(page.locator("#jump-time")).to_have_attribute("aria-invalid", "true")
        expect(page.locator("#past-stage")).to_be_hidden()
        assert find_violations(page) == []


class TestPlaying:
    def test_gap_is_jumped_and_said(self, site: Site) -> None:
        page = site.page()
        site.watch(page, f"?at={site.day.at(8, 9, 58)}")
        wait_playing(page, site.day.at(8, 15), 30_000)
        expect(page.locator("#past-note")).to_contain_text("No recording for 5 min.")

    def test_another_kind_of_picture_plays_on(self, site: Site) -> None:
        page = site.page()
        site.watch(page, f"?at={site.day.at(8, 19, 57)}")
        wait_playing(page, site.day.at(8, 20), 30_000)
        page.wait_for_function("() => document.getElementById('past-video').videoWidth === 640")

    def test_moment_without_recording_says_why(self, site: Site) -> None:
        page = site.page()
        site.watch(page, f"?at={site.day.at(3)}")
        expect(page.locator("#past-hatch")).to_contain_text("Not recorded")
        expect(page.locator("#past-hatch")).to_contain_text("Nothing was recorded yet.")
        page.get_by_role("button", name="Next recording").click()
        wait_playing(page, site.day.at(8))

    def test_other_cameras_show_the_same_moment(self, site: Site) -> None:
        page = site.page()
        site.watch(page, f"?at={site.day.at(8, 2, 30)}")
        wait_playing(page, site.day.at(8, 2, 30))
        page.click("#past-play")  # it stays there: the garden's recording ends half a minute later
        page.wait_for_function("() => document.getElementById('past-video').paused")
        garden = page.locator("#others a[data-camera=garden]")
        expect(garden.locator("img")).to_be_visible()
        garden.click()
        page.wait_for_url("**/watch/garden?at=*")
        wait_playing(page, site.day.at(8, 2, 30))

    def test_live_button_comes_back(self, site: Site) -> None:
        page = site.page()
        site.watch(page, f"?at={site.day.at(8, 1)}")
        wait_playing(page, site.day.at(8, 1))
        expect(page.locator("#stage")).to_be_hidden()
        page.click("#past-live")
        expect(page.locator("#stage")).to_be_visible()
        expect(page.locator("#past-stage")).to_be_hidden()
        assert page.evaluate("document.getElementById('past-video').src") == ""

    def test_other_zone_of_the_browser_is_said_and_the_house_clock_stays(self, site: Site) -> None:
        page = site.page(zone="America/New_York")
        site.watch(page, f"?at={site.day.at(8, 1)}")
        wait_playing(page, site.day.at(8, 1))
        expect(page.locator("#past-now")).to_contain_text(", 08:01:")
        there = datetime.fromtimestamp(site.day.at(8, 1) / 1000, ZoneInfo("America/New_York"))
        expect(page.locator("#zone-chip")).to_contain_text(
            f"House time (Europe/Berlin). This device shows {there:%H:%M}:"
        )
        home = site.page()
        site.watch(home, f"?at={site.day.at(8, 1)}")
        expect(home.locator("#zone-chip")).to_be_hidden()


@pytest.mark.parametrize("size", SIZES)
def test_states_are_accessible_and_fit(site: Site, size: str) -> None:
    page = site.page(size)
    for query in ("", f"?at={site.day.at(8, 5)}", f"?at={site.day.at(3)}", f"?day={site.day.day}", "?time=soon"):
        site.watch(page, query)
        page.wait_for_timeout(600)
        page.evaluate("document.querySelectorAll('#past details').forEach((one) => (one.open = true))")
        assert find_violations(page) == [], query
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], query


def test_timeline_that_cannot_be_asked_is_said_and_asked_again(site: Site) -> None:
    page = site.page()
    page.route("**/timeline?*", lambda route: route.fulfill(status=503, body="{}"))
    page.goto(f"{site.url}/watch/front-door?day={site.day.day}")
    expect(page.locator("#past-note")).to_contain_text("cannot be told at the moment")
    assert find_violations(page) == []
    page.unroute("**/timeline?*")
    expect(page.locator("#strip-box")).not_to_have_attribute("data-broken", "")
    page.click("#jump-time")
    page.fill("#jump-time", "8:03")
    page.keyboard.press("Enter")
    wait_playing(page, site.day.at(8, 3))


def test_change_that_is_told_while_the_timeline_comes_is_asked_for(site: Site) -> None:
    page = site.page()
    site.watch(page)
    tell = """async () => {
      const { assets } = document.documentElement.dataset;
      const { stream } = await import(`${assets}js/stream.js`);
      const detail = { source_id: "front-door", severity: "INFO", type: "motion" };
      stream.dispatchEvent(new CustomEvent("event", { detail }));
    }"""
    before = HeldBack(page, "**/timeline?*")
    page.evaluate(tell)
    before.wait()
    page.evaluate(tell)
    page.wait_for_timeout(1000)  # several changes come together
    with page.expect_request("**/timeline?*", timeout=60_000):
        before.let_go()


def test_player_that_the_box_did_not_send_is_said_and_asked_for_again(site: Site) -> None:
    page = site.page()
    page.route("**/hls.light.min.mjs", lambda route: route.abort())
    page.goto(f"{site.url}/watch/front-door?at={site.day.at(8, 1)}")
    expect(page.locator("#past-hatch")).to_contain_text("Could not be loaded")
    page.unroute("**/hls.light.min.mjs")
    page.click("#past-play")
    wait_playing(page, site.day.at(8, 1))


def test_what_a_busy_box_did_not_send_is_asked_for_again(site: Site) -> None:
    """The list stayed that of another day, and pictures and boxes were missing until the page was loaded anew."""
    page = site.page()
    site.watch_day(page)
    refused: list[str] = []
    answered: list[str] = []

    def refuse_first(route: Route) -> None:
        asked = route.request.url
        if asked in refused:
            answered.append(asked)
            route.continue_()
        else:
            refused.append(asked)
            route.fulfill(status=503)

    def is_answered(what: str) -> bool:
        page.wait_for_timeout(200)
        return any(what in one for one in answered)

    page.route(re.compile(r"/watch/front-door\?day=|/thumbs\.jpg|/tracks\?"), refuse_first)
    was = page.locator("#day-before").get_attribute("href") or ""
    page.locator("#day-before").click()
    expect(page.locator("#day-before")).not_to_have_attribute("href", was)

    def look_around() -> bool:
        page.locator("#later").click()
        page.locator("#earlier").click()
        return is_answered("/thumbs.jpg")

    wait_until(look_around, 20)
    page.goto(f"{site.url}/watch/front-door?at={site.day.at(8, 1)}")
    wait_until(lambda: is_answered("/tracks?"), 20)


def test_focus_stays_on_the_way_from_day_to_day(site: Site) -> None:
    page = site.page()
    site.watch_day(page)
    for _ in range(2):
        was = page.locator("#day-before").get_attribute("href") or ""
        page.locator("#day-before").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#day-before")).not_to_have_attribute("href", was)
        expect(page.locator("#day-before")).to_be_focused()


LATE_DAY = """(() => { const read = Response.prototype.text;
    Response.prototype.text = async function () {
        const text = await read.call(this);
        if (this.url.includes("/watch/") && !window.late) await new Promise((go) => (window.late = go));
        return text; }; })()"""
"""The first page of another day comes whole only when the test says so: its head is there already."""


def test_day_that_comes_late_does_not_take_the_place_of_the_next(site: Site) -> None:
    """The strip showed today, and the list below it, with its links, another day."""
    page = site.page()
    page.add_init_script(LATE_DAY)
    site.watch_day(page)
    page.locator("#day-before").click()
    page.wait_for_function("() => window.late")
    page.locator("#strip").focus()
    page.keyboard.press("End")
    # The recorded day is not always yesterday, and midnight may come between.
    today = datetime.fromtimestamp(site.house.now_ms() / 1000, ZONE).date()
    of_today = re.compile(f"day=({today - timedelta(days=1)}|{today})")
    expect(page.locator("#day-before")).to_have_attribute("href", of_today)
    page.evaluate("late()")
    page.wait_for_timeout(300)
    expect(page.locator("#day-before")).to_have_attribute("href", of_today)


def test_without_script_the_day_is_a_list_with_links(site: Site) -> None:
    page = site.page(java_script_enabled=False)
    page.goto(f"{site.url}/watch/front-door?day={site.day.day}")
    page.locator("#day-list summary").click()
    lines = page.locator("#day-list li")
    expect(lines.filter(has_text="Recorded, 10 min").first).to_be_visible()
    expect(lines.filter(has_text="Nothing was recorded yet. 8 h")).to_be_visible()
    expect(lines.filter(has_text="Motion while armed").get_by_role("link", name="Event")).to_be_visible()
    lines.filter(has_text="Recorded, 10 min").first.get_by_role("link").click()
    assert "clip.mp4" in (page.locator("#past-video").get_attribute("src") or "")
    page.fill("#jump-time", "99:99")
    page.get_by_role("button", name="Go").click()
    expect(page.locator("#jump-says")).to_contain_text("is no time of day")


def test_who_may_not_look_back_sees_live_alone(site: Site) -> None:
    client = site.house.member("guest")
    page = client.get("/watch/front-door", headers={"Accept": "text/html"}).get_data(as_text=True)
    assert 'id="stage"' in page
    assert 'id="past"' not in page


class TestWithoutWholePictures:
    """A camera that renews its picture by and by: what players of pieces never begin with."""

    def test_day_plays_and_goes_where_it_is_told(self, site: Site) -> None:
        page = site.page()
        page.goto(f"{site.url}/watch/shed?at={site.day.at(8, 2)}")
        wait_playing(page, site.day.at(8, 2))
        for key, minute in (("Shift+ArrowRight", 3), ("Shift+ArrowLeft", 2)):
            page.locator("#strip").focus()
            page.keyboard.press(key)
            wait_playing(page, site.day.at(8, minute), 40_000)
            page.wait_for_function(SHOWS_A_PICTURE, arg="#past-video")

    def test_it_plays_on_over_the_next_recording(self, site: Site) -> None:
        page = site.page()
        page.goto(f"{site.url}/watch/shed?at={site.day.at(8, 4, 55)}")
        wait_playing(page, site.day.at(8, 20), 60_000)
        page.wait_for_function(SHOWS_A_PICTURE, arg="#past-video")

    def test_clip_of_an_event_plays_and_goes_back(self, site: Site) -> None:
        event = site.house.event("recording_resumed", ts_ms=site.day.at(8, 3), length_ms=8_000, camera_id="shed")
        page = site.page()
        page.goto(f"{site.url}/events/{event.id}")
        page.wait_for_function("() => document.getElementById('player').currentTime > 1.5")
        page.wait_for_function(SHOWS_A_PICTURE, arg="#player")
        page.click("#five-before")
        page.wait_for_function("() => document.querySelector('#clip-span .now').getAttribute('x') < 6000")


NOTE_EARLIER = """() => { const look = () => {
        const at = Number(document.querySelector("#clip-span .now").getAttribute("x"));
        window.wasEarlier ||= document.getElementById("player").duration > 14 && at > 0 && at < 5000;
        requestAnimationFrame(look);
    };
    look(); }"""
"""Notes that the longer clip is shown, and a moment of its first five seconds: it plays on out of them, and a busy test
may ask too late."""


class TestEventClip:
    def test_clip_plays_from_a_second_before_the_action(self, site: Site) -> None:
        page = site.page()
        page.goto(f"{site.url}/events/{site.day.motion.id}")
        page.wait_for_function("() => document.getElementById('player').currentTime > 0.5")
        expect(page.locator("#clip-says")).to_contain_text("Shown from 08:04:59 to 08:05:10")
        length = page.evaluate("document.getElementById('player').duration")
        assert 10.9 < length < 12.1, "a second before, eight, two after, and the rest of a group of pictures"

    def test_five_seconds_before_are_one_key_away(self, site: Site) -> None:
        page = site.page()
        page.goto(f"{site.url}/events/{site.day.motion.id}")
        page.wait_for_function("() => document.getElementById('player').currentTime > 0.2")
        page.evaluate(NOTE_EARLIER)
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#clip-says")).to_contain_text(re.compile("Shown from 08:04:5[45]"))
        page.wait_for_function("() => window.wasEarlier")
        assert find_violations(page) == []

    def test_next_and_previous_keep_the_filter(self, site: Site) -> None:
        page = site.page()
        page.goto(f"{site.url}/events?type=motion")
        page.get_by_role("link", name="Motion while armed").click()
        page.click("#older")
        page.wait_for_url(f"**/events/{site.day.motion.id}?type=motion")
        expect(page.locator("#older")).to_have_count(0)
        page.click("#newer")
        page.wait_for_url(f"**/events/{site.day.alert.id}?type=motion")


@pytest.mark.quiet
def test_thumbnail_follows_within_100_ms_and_release_plays_within_a_second(site: Site) -> None:
    """B-09 and B-10, over the loopback."""
    page = site.page()
    site.watch_day(page)
    late = follow_times(page, site.day.at(0), site.day.at(0) + 24 * HOUR_MS)
    slow = slowness()
    # Half, as others may work on this machine; p95: benchmarks.look_back.
    assert statistics.median(late) < 100 * slow, late
    assert late[int(len(late) * 0.95)] < 500 * slow, late
    began = []
    for minute in (1, 4, 7, 16, 22):
        site.watch_day(page)
        began.append(play_time(page, site.day.at(8, minute)))
    assert statistics.median(began) < 1000 * slow, began
