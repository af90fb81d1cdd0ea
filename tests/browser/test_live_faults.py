"""Faults that were found by trying the live pages, by their kinds: each test fails when one is back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import find_violations, sign_in, wait_listening
from tests.browser.house import open_house, serve
from tests.browser.live_kit import opened
from tests.recording_kit import Clip, make_clip
from vigilar.bus.messages import CameraHealth
from vigilar.web.camera_book import CameraBook
from vigilar.web.health import STALE_AFTER_MS

pytestmark = pytest.mark.browser

VIEWS = {"desktop": (1440, 900), "phone": (390, 844), "phone sideways": (844, 390), "tablet": (1024, 768)}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), has_sound=True, gop=10, size=(320, 180))


@pytest.mark.long
def test_every_number_of_cameras_fills_the_screen(tmp_path: Path, chromium: Browser) -> None:
    """Nothing to scroll, no half of the screen left empty, no tile smaller than a thumb."""
    used = """() => { const grid = document.getElementById("grid").getBoundingClientRect();
        const tiles = [...document.querySelectorAll(".tile")].map(t => t.getBoundingClientRect());
        const wide = Math.max(...tiles.map(t => t.right)) - Math.min(...tiles.map(t => t.left));
        const high = Math.max(...tiles.map(t => t.bottom)) - Math.min(...tiles.map(t => t.top));
        return { fills: Math.max(wide / grid.width, high / (innerHeight - grid.top - 12)),
            scrolls: document.documentElement.scrollHeight > innerHeight + 1,
            narrowest: Math.min(...tiles.map(t => t.width)), count: tiles.length }; }"""
    cameras = tuple((f"cam-{number}", f"Camera {number}") for number in range(1, 17))
    with open_house(tmp_path, cameras) as house, serve(house) as url:
        house.client()
        page = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page()
        sign_in(page, url)
        all_cameras = house.parts.cfg.cameras
        for count in range(1, 17):
            house.parts.cameras = CameraBook(replace(house.parts.cfg, cameras=all_cameras[:count]))
            house.well(*(one.id for one in all_cameras[:count]))
            page.goto(f"{url}/live")
            expect(page.locator("#pause")).to_be_visible()  # its script is there
            found = page.evaluate(used)
            assert found["count"] == count
            assert not found["scrolls"], count
            assert found["fills"] > 0.9, count
            assert found["narrowest"] > 200, count


def test_new_camera_is_starting_and_no_alarm(tmp_path: Path, chromium: Browser) -> None:
    with open_house(tmp_path, (("porch", "Porch"),)) as house, serve(house) as url:
        house.client()
        page = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page()
        sign_in(page, url)
        page.goto(f"{url}/live")
        tile = page.locator("[data-camera=porch]")
        expect(tile).to_contain_text("Starting")
        expect(page.locator("body")).not_to_contain_text("State not known")
        expect(page.locator(".notice-bad")).to_have_count(0)
        page.goto(f"{url}/system")
        expect(page.locator("main")).to_contain_text("Starting")
        expect(page.locator("body")).not_to_contain_text("State not known")
        house.well("porch")
        page.goto(f"{url}/live")
        expect(tile).not_to_contain_text("Starting")
        page.context.close()


@pytest.mark.parametrize("view", VIEWS)
def test_single_view_has_sound_and_full_screen_in_sight(
    tmp_path: Path, chromium: Browser, clip: Clip, view: str
) -> None:
    width, height = VIEWS[view]
    with opened(tmp_path, chromium, clip, 1) as place:
        place.house.health("cam-1", audio_codec="aac", width=320, height=180, codec="h264")
        page = place.page("/watch/cam-1", width, height)
        expect(page.locator("#latency")).to_contain_text("behind")
        sound, full = page.locator("#sound"), page.locator("#full")
        expect(sound).to_be_visible()
        expect(full).to_be_visible()
        check_picture_is_whole(page, height)
        if view != "phone sideways":  # there the picture has all of the screen
            for button in (sound, full):
                box = button.bounding_box()
                assert box is not None
                assert box["y"] + box["height"] <= height, "no scrolling to it"
        sound.click()
        expect(sound).to_have_attribute("aria-pressed", "true")
        page.wait_for_function("() => !document.querySelector('video').muted")
        full.click()
        page.wait_for_function("() => document.fullscreenElement !== null")
        expect(page.locator("#stage video")).to_be_visible()
        shown = page.locator("#stage video").bounding_box()
        assert shown is not None
        assert shown["width"] <= width + 1
        assert shown["height"] <= height + 1
        page.keyboard.press("f")
        page.wait_for_function("() => !document.fullscreenElement")
        assert find_violations(page) == []


def test_picture_of_a_camera_nobody_reports_of_keeps_its_buttons(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    """The bus is away and the pictures come."""
    with opened(tmp_path, chromium, clip, 1, heard_ms=STALE_AFTER_MS) as place:
        late = place.house.now_ms() - 60_000
        place.house.parts.board.set_camera(CameraHealth("h", late, "cam-1", "live", audio_codec="aac"), late)
        page = place.page("/watch/cam-1")
        expect(page.locator("#latency")).to_contain_text("behind")
        expect(page.locator("#stage")).to_have_attribute("data-state", "unknown")
        for name in ("#full", "#pause", "#sound"):
            expect(page.locator(name)).to_be_visible()
        page.goto(place.url + "/live")
        expect(page.locator("#sentence")).to_have_text("1 camera live.")
        place.cables["cam-1"].set()
        expect(page.locator("#sentence")).to_have_text("0 of 1 camera live. Not known: Camera 1.")


def test_still_that_comes_late_is_not_shown_with_the_time_of_a_newer_one(
    tmp_path: Path, chromium: Browser, clip: Clip
) -> None:
    with opened(tmp_path, chromium, clip, 1) as place:
        page = place.page("/live")
        expect(page.locator("[data-camera=cam-1] .tile-age")).to_contain_text("live")
        load = """async (known) => {
            const { loadStill } = await import(`${document.documentElement.dataset.assets}js/tile.js`);
            const canvas = document.createElement("canvas");
            const ts = await loadStill(canvas, "cam-1", 640, false, () => known);
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return [ts, data.some((level) => level > 0)];
        }"""
        taken, is_painted = page.evaluate(load, None)
        assert is_painted
        assert page.evaluate(load, taken + 60_000) == [None, False]


def test_page_says_why_there_is_no_picture_and_asks_less_and_less(tmp_path: Path, chromium: Browser) -> None:
    """The camera is said to be well, and its program does not answer."""
    with open_house(tmp_path, (("porch", "Porch"),)) as house, serve(house) as url:
        house.client()
        house.well("porch")
        page = chromium.new_context(viewport={"width": 390, "height": 844}).new_page()
        sign_in(page, url)
        page.add_init_script(  # by the page's own clock: here it may be heard of late
            """window.asked = []; window.WebSocket = class extends WebSocket {
                constructor(url) { super(url); asked.push(performance.now()); } };"""
        )
        page.goto(f"{url}/watch/porch")
        how = page.locator("#how")
        expect(how).to_contain_text("This camera's program does not answer; it may be starting.")
        expect(how).to_contain_text("Next try in")
        page.wait_for_function("() => asked.length >= 4", timeout=60_000)
        asked_ms = page.evaluate("asked")
        assert asked_ms[3] - asked_ms[2] > 5000  # the third pause is of 6 s
        assert find_violations(page) == []
        page.context.close()


def check_picture_is_whole(page: Page, height: int) -> None:
    box = page.locator("#stage").bounding_box()
    assert box is not None
    assert box["y"] >= -1
    assert box["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")


def test_focus_and_motion_are_told_apart(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    """By colour, and by words for who sees none."""
    with opened(tmp_path, chromium, clip, 2) as place:
        page = place.page("/live")
        expect(page.locator("#pause")).to_be_visible()
        wait_listening(page, place.house)
        place.house.health("cam-2", is_moving=True, last_frame_ts=place.house.now_ms())
        moving = page.locator("[data-camera=cam-2]")
        expect(moving.locator(".tile-moving")).to_be_visible()
        page.keyboard.press("ArrowRight")
        colours = page.evaluate(
            """() => [getComputedStyle(document.activeElement).outlineColor,
                getComputedStyle(document.querySelector(".is-moving .picture"), "::after").borderTopColor]"""
        )
        assert colours[0] != colours[1]
        assert moving.locator(".tile-moving").inner_text().strip()


def test_at_400_per_cent_nothing_covers_the_page(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    """1280 x 720 at 400 % are 320 x 180: what is fixed would cover half of it."""
    with opened(tmp_path, chromium, clip, 1) as place:
        page = place.browser(320, 180).pages[0]
        for path in ("/live", "/watch/cam-1", "/events", "/system"):
            page.goto(place.url + path)
            page.evaluate("scrollTo({ top: 150, behavior: 'instant' })")
            covered = page.evaluate(
                """() => [...document.querySelectorAll("body *")].filter(one => {
                    const style = getComputedStyle(one), box = one.getBoundingClientRect();
                    return ["fixed", "sticky"].includes(style.position) && style.visibility !== "hidden"
                        && box.width * box.height > 0.25 * innerWidth * innerHeight
                        && box.bottom > 0 && box.top < innerHeight; }).map(one => one.className)"""
            )
            assert covered == [], path
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, path


def test_forced_colours_mark_the_tab_of_each_page(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    with opened(tmp_path, chromium, clip, 1) as place:
        page = place.browser().pages[0]
        page.emulate_media(forced_colors="active")
        for path in ("/live", "/events", "/system"):
            page.goto(place.url + path)
            marks = page.evaluate(
                """() => [...document.querySelectorAll(".tabs a")].map(one =>
                    [one.getAttribute("aria-current") === "page", getComputedStyle(one).borderBottomColor])"""
            )
            current = {colour for is_current, colour in marks if is_current}
            others = {colour for is_current, colour in marks if not is_current}
            assert len(current) == 1, path
            assert not current & others, path


def test_numbers_lead_to_their_cameras(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    with opened(tmp_path, chromium, clip, 9) as place:
        page = place.page("/live")
        for number in (1, 5, 9):
            expect(page.locator("#pause")).to_be_visible()
            page.keyboard.press(str(number))
            expect(page).to_have_url(f"{place.url}/watch/cam-{number}")
            expect(page.locator("#pause")).to_be_visible()
            page.keyboard.press("Escape")
            expect(page).to_have_url(f"{place.url}/live")
