"""The page of the system as a person meets it: well, with a camera down, and with nobody to tell; live, and put off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import find_violations, sign_in, wait_listening
from tests.browser.held_back import HeldBack
from tests.browser.house import House, open_house, serve
from tests.recording_kit import Clip, make_clip
from vigilar.web.health import BOARD

pytestmark = [pytest.mark.browser]

SIZES = {"phone": (390, 844), "desk": (1440, 900), "small": (320, 640)}
ALL = ("front-door", "garden", "drive", "shed")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def site(tmp_path: Path, clip: Clip) -> Iterator[tuple[House, str]]:
    with open_house(tmp_path) as house, serve(house) as url:
        house.client()
        house.well(*ALL)
        for ago_ms in (3 * 86_400_000, 7_200_000, 600_000):
            shift_ns = (house.now_ms() - ago_ms) * 1_000_000 - clip.run().utc_ns
            packets = [replace(one, utc_ns=one.utc_ns + shift_ns) for one in islice(clip.endless(), 40)]
            house.record("garden", packets, clip.run())
        yield house, url


def opened(chromium: Browser, url: str, size: str = "desk", *, script: bool = True) -> Page:
    width, height = SIZES[size]
    page = chromium.new_context(
        viewport={"width": width, "height": height}, java_script_enabled=script, service_workers="block"
    ).new_page()
    sign_in(page, url)
    return page


def down(house: House) -> None:
    house.well(*ALL)
    house.health("shed", "no-picture", reason="Nothing answers at 192.168.1.24.", code="V-CAM-01",
                 last_frame_ts=house.now_ms() - 180_000)  # fmt: skip


def check(page: Page, size: str) -> None:
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]


@pytest.mark.long
@pytest.mark.parametrize("size", SIZES)
def test_every_state_of_the_page_is_accessible_and_fits(chromium: Browser, site: tuple[House, str], size: str) -> None:
    house, url = site
    page = opened(chromium, url, size)
    page.goto(f"{url}/system")
    expect(page.locator(".sentence.big")).to_contain_text("4 cameras recording.")
    expect(page.locator("#health")).to_have_attribute("data-state", "ok")
    check(page, size)
    down(house)
    page.goto(f"{url}/system")
    expect(page.locator(".sentence.big")).to_contain_text("One thing to do: Shed: no picture.")
    expect(page.locator("#health")).to_contain_text("1 to do")
    expect(page.get_by_text("Nothing of it is recorded.")).to_be_visible()
    for button in page.locator(".todo button, .todo .form-select").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    check(page, size)
    BOARD.clear()
    page.goto(f"{url}/system")
    expect(page.locator("#part-programs .state")).to_have_text("To do")
    expect(page.locator("#health")).not_to_have_attribute("data-state", "ok")
    check(page, size)
    for path, heading in (
        ("/system/cameras", "How much was recorded"),
        ("/system/cameras/garden?days=30", "Garden: gaps"),
        ("/system/jobs", "Long work"),
        ("/system/log", "What the house did"),
        ("/system/support", "A file for support"),
    ):
        page.goto(url + path)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        check(page, size)


def test_camera_that_goes_down_changes_the_open_page_by_itself(chromium: Browser, site: tuple[House, str]) -> None:
    house, url = site
    page = opened(chromium, url)
    # It looks by itself every five seconds: not here, where it is to look because it is told.
    page.add_init_script("const all = setInterval; window.setInterval = (run, ms) => (ms === 5000 ? 0 : all(run, ms));")
    page.goto(f"{url}/system")
    expect(page.locator(".sentence.big")).to_contain_text("4 cameras recording.")
    wait_listening(page, house)
    house.health("shed", is_recording=True, last_frame_ts=house.now_ms())  # the page knows a state to compare with
    down(house)
    expect(page.locator(".sentence.big")).to_contain_text("Shed: no picture.")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_problem_is_put_off_and_taken_up_by_keyboard(chromium: Browser, site: tuple[House, str], script: bool) -> None:
    house, url = site
    down(house)
    page = opened(chromium, url, script=script)
    page.goto(f"{url}/system")
    page.locator(".snooze select").select_option("8")
    page.get_by_role("button", name="Put off").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Put off (1)")).to_be_visible()
    expect(page.locator(".sentence.big")).to_contain_text("Nothing new to do. Put off: Shed.")
    expect(page.locator("#health")).to_contain_text("1 put off")
    page.get_by_role("button", name="Take up again").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#health")).to_contain_text("1 to do")


def test_gap_leads_to_its_moment(chromium: Browser, site: tuple[House, str]) -> None:
    _, url = site
    page = opened(chromium, url)
    page.goto(f"{url}/system")
    page.get_by_role("link", name="How much was recorded, by day").click()
    page.get_by_role("link", name="Garden").click()
    page.locator(".entries a").first.click()
    page.wait_for_url(f"{url}/watch/garden?at=*")


def test_what_somebody_chooses_while_the_page_is_asked_for_stays(chromium: Browser, site: tuple[House, str]) -> None:
    house, url = site
    down(house)
    page = opened(chromium, url)
    page.goto(f"{url}/system")
    answer = HeldBack(page, f"{url}/system")
    answer.wait()  # it asks every few seconds
    hours = page.locator("select[name=hours]").first
    hours.select_option(index=1)
    page.mouse.click(5, 5)  # and goes to the button, by way of nothing
    answer.let_go()
    expect(hours).not_to_have_value(hours.locator("option").first.get_attribute("value") or "")
