"""The pages of arming and sensors in a real browser: by keyboard, without script, readable on a phone and on a desk."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.arm_kit import PIN, SETTINGS, SIZES, WRONG, open_site, opened
from tests.browser.chromium import find_violations
from tests.browser.held_back import HeldBack
from tests.browser.house import House
from tests.conftest import wait_until
from vigilar.base.clock import SimulatedClock
from vigilar.store import arming
from vigilar.store.arming import Alarm, Decision, Entry, Trigger, read_state
from vigilar.web.arm_words import broadcast_arm

pytestmark = pytest.mark.browser


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[House, str]]:
    with open_site(tmp_path) as opened_site:
        yield opened_site


def sound_alarm(house: House) -> None:
    now = house.now_ms()
    alarm = Alarm("u", "away", now + 60_000, Trigger(1, "garden", "Person", "Garden", now))
    step = arming.change_state(
        house.store, lambda state: Decision(replace(state, mode="away", since_ms=now, by="sam", alarm=alarm)), now
    )
    broadcast_arm(step)


def check_leaving(house: House, began_ms: int, seconds: int) -> None:
    """Whoever leaves has so many seconds from when the button was pressed, after ``began_ms``; what a page still counts
    depends on when a busy test looks."""
    pending = read_state(house.store).pending
    assert pending is not None
    assert began_ms <= pending.until_ms - seconds * 1000 <= house.now_ms()


HEAR = """() => { window.heard = []; const line = document.getElementById("announce");
    new MutationObserver(() => heard.push(line.textContent)).observe(line, { childList: true }); }"""
"""Keeps all that is said to who hears the page: the seconds that are left are said there, too."""

PATHS = (
    "/arm",
    "/arm/pin",
    "/settings/arming",
    "/settings/sensors",
    "/sensors",
    "/sensors/landing",
    "/presence",
    "/settings/certificate",
)


@pytest.mark.parametrize("size", SIZES)
def test_pages_are_accessible_and_fit(chromium: Browser, site: tuple[House, str], size: str) -> None:
    house, url = site
    page = opened(chromium, url, size)
    for path in PATHS:
        house.well("front-door", "garden", "drive", "shed")
        page.goto(f"{url}{path}")
        assert find_violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], path


@pytest.mark.parametrize("size", ["phone", "desk"])
def test_page_left_open_asks_who_it_is_before_it_lets_a_phone_in(
    chromium: Browser, site: tuple[House, str], size: str
) -> None:
    house, url = site
    page = opened(chromium, url, size)
    house.parts.clock = SimulatedClock(utc_ns=time.time_ns() + 3_600_000_000_000)
    page.goto(f"{url}/settings/arming")
    expect(page.get_by_role("link", name="show that it is you")).to_be_visible()
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    page.get_by_role("link", name="show that it is you").click()
    expect(page.get_by_role("heading", name="Is it you?")).to_be_visible()
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    page.goto(f"{url}/settings/account/phones")
    page.fill("#device", "A phone")
    page.keyboard.press("Enter")
    for typed, told in (("", "Show first that it is you"), (WRONG, "Wrong PIN. 2 tries left")):
        if typed:
            page.get_by_label("Or your PIN").fill(typed)
            page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text(told)
        expect(page.locator("#device")).to_have_value("A phone")
        assert find_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    page.get_by_label("Or your PIN").fill(PIN)
    page.keyboard.press("Enter")
    expect(page.locator("img.qr")).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
def test_time_to_leave_is_made_longer(chromium: Browser, site: tuple[House, str], *, script: bool) -> None:
    house, url = site
    page = opened(chromium, url, "phone", script=script)
    page.goto(f"{url}/arm")
    page.evaluate(HEAR)
    page.get_by_role("button", name="Away").click()
    more = page.get_by_role("button", name="A minute more to leave")
    expect(more).to_be_visible()
    before = read_state(house.store).pending
    assert before is not None
    if script:
        assert find_violations(page) == []
        box = more.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        more.focus()
        page.keyboard.press("Enter")
        page.wait_for_function("() => heard.includes('A minute more to leave.')")
        expect(page.locator(".countdown")).to_have_attribute("data-until", str(before.until_ms + 60_000))
        expect(more).to_be_focused()
    else:
        more.click()
        expect(page.locator("#arm-history li").first).to_contain_text("A minute more to leave, then Away")
    after = read_state(house.store).pending
    assert after is not None
    assert after.until_ms - before.until_ms == 60_000
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES["phone"][0]


def test_ring_around_the_countdown_empties_and_is_still_for_who_wants_no_motion(
    chromium: Browser, site: tuple[House, str]
) -> None:
    _, url = site
    page, still = opened(chromium, url, "phone"), opened(chromium, url, "phone", is_still=True)
    page.goto(f"{url}/arm")
    page.get_by_role("button", name="Away").click()
    gone = "() => Number(document.querySelector('.ring.is-counting .ring-left')?.getAttribute('stroke-dashoffset'))"
    wait_until(lambda: page.evaluate(gone) > 0.02, 30.0)
    before = page.evaluate(gone)
    wait_until(lambda: page.evaluate(gone) > before, 30.0)
    still.goto(f"{url}/arm")
    expect(still.locator(".countdown")).to_have_text(re.compile(r"^\d+ s$"))
    expect(still.locator(".ring-left")).to_be_visible()
    assert still.evaluate(gone) == 0
    for one in (page, still):
        assert find_violations(one) == []
        assert one.evaluate("document.documentElement.scrollWidth") <= SIZES["phone"][0]


@pytest.mark.parametrize("size", ["phone", "desk"])
def test_armed_and_alarmed_page_is_accessible_and_fits(chromium: Browser, site: tuple[House, str], size: str) -> None:
    house, url = site
    page = opened(chromium, url, size)
    page.goto(f"{url}/arm")
    sound_alarm(house)
    expect(page.get_by_role("heading", name=re.compile("Alarm: Person, Garden"))).to_be_visible()
    expect(page.locator("#arm-chip")).to_have_text("Alarm")
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    for button in page.locator("#pad button").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44


def test_alarm_is_on_every_page(chromium: Browser, site: tuple[House, str]) -> None:
    house, url = site
    page = opened(chromium, url, "phone")
    page.goto(f"{url}/events")
    expect(page.locator("#alarm-bar")).to_be_hidden()
    sound_alarm(house)
    expect(page.locator("#alarm-bar")).to_be_visible()
    page.get_by_role("link", name="Alarm").last.click()
    sheet = page.get_by_role("dialog", name="Arm and disarm")
    expect(sheet.get_by_role("heading", name=re.compile("Alarm: Person, Garden"))).to_be_visible()
    assert page.url == f"{url}/events"


def test_arms_and_disarms_by_keyboard_alone(chromium: Browser, site: tuple[House, str]) -> None:
    """In the sheet over whatever page it is, without a look at the screen's other things."""
    house, url = site
    page = opened(chromium, url, "desk")
    page.goto(f"{url}/events")
    sheet = page.get_by_role("dialog", name="Arm and disarm")
    page.keyboard.press("Shift+A")
    expect(sheet).to_be_visible()
    sheet.get_by_role("button", name="Home").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#arm-chip")).to_have_text("Home")
    expect(sheet).to_be_hidden()
    assert read_state(house.store).mode == "home"
    page.keyboard.press("Shift+A")
    expect(page.get_by_label("Your PIN")).to_be_focused()
    page.keyboard.type(WRONG)
    page.keyboard.press("Enter")
    expect(page.locator("#arm-problem")).to_contain_text("Wrong PIN. 2 tries left")
    expect(page.get_by_label("Your PIN")).to_have_value("")
    expect(page.get_by_label("Your PIN")).to_be_focused()
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    expect(page.locator("#arm-chip")).to_have_text("Disarmed")
    assert read_state(house.store).mode == "disarmed"
    expect(sheet).to_be_hidden()
    assert page.url == f"{url}/events"


@pytest.mark.parametrize("size", SIZES)
def test_sheet_opens_from_the_chip_of_a_page(chromium: Browser, site: tuple[House, str], size: str) -> None:
    house, url = site
    page = opened(chromium, url, size)
    page.goto(f"{url}/settings")
    page.locator("#arm-chip").click()
    sheet = page.get_by_role("dialog", name="Arm and disarm")
    expect(sheet.get_by_role("button", name="Away")).to_be_visible()
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    box = sheet.bounding_box()
    assert box is not None
    assert box["width"] == SIZES[size][0] if size != "desk" else box["width"] < 700
    began_ms = house.now_ms()
    sheet.get_by_role("button", name="Away").click()
    expect(page.locator(".countdown")).to_have_text(re.compile(r"^\d+ s$"))
    check_leaving(house, began_ms, 60)
    expect(page.locator("#arm-chip")).to_have_text("Leaving")
    assert find_violations(page) == []
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(page.locator("#arm-chip")).to_be_focused()
    assert read_state(house.store).pending is not None


def come_in(house: House) -> None:
    """Somebody does, while the house is armed; open pages are told."""
    now = house.now_ms()
    entry = Entry(now + 30_000, Trigger(1, "garden", "Person", "Garden", now))
    state = arming.change_state(
        house.store, lambda state: Decision(replace(state, mode="away", since_ms=now, by="sam", entry=entry)), now
    )
    broadcast_arm(state)


def test_who_comes_in_finds_the_pad_on_every_open_page(chromium: Browser, site: tuple[House, str]) -> None:
    house, url = site
    page, typing = (opened(chromium, url, "phone") for _ in range(2))
    page.goto(f"{url}/live")
    typing.goto(f"{url}/events")
    typing.locator("input[name=q]").first.focus()
    come_in(house)
    expect(page.get_by_role("heading", name=re.compile("Somebody came in: Garden"))).to_be_visible()
    expect(typing.locator("#alarm-bar")).to_be_visible()
    expect(typing.get_by_role("dialog")).to_have_count(0)
    for digit in PIN:
        page.locator(f"#pad [data-digit='{digit}']").click()
    page.get_by_role("button", name="OK").click()
    expect(page.get_by_role("dialog", name="Arm and disarm")).to_be_hidden()
    assert read_state(house.store).is_quiet


def test_pad_that_comes_late_leaves_alone_who_types_by_then(chromium: Browser, site: tuple[House, str]) -> None:
    """It took what they typed for a PIN; and where the box did not answer, the page with what was typed was left."""
    house, url = site
    page = opened(chromium, url, "phone")
    for comes in (True, False):
        page.goto(f"{url}/events")
        pad = HeldBack(page, f"{url}/arm")
        come_in(house)
        pad.wait()
        page.locator("#find").focus()
        page.keyboard.type("do")
        if comes:
            pad.let_go()
        else:
            pad.lose()
        page.keyboard.type("g")
        expect(page.locator("#find")).to_have_value("dog")
        expect(page.locator("#alarm-bar")).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)
        house.client().post("/api/v1/arm", json={"mode": "disarmed", "pin": PIN})


def test_wait_after_three_wrong_pins_counts_down(chromium: Browser, site: tuple[House, str]) -> None:
    house, url = site
    page = opened(chromium, url, "desk")
    house.client().post("/api/v1/arm", json={"mode": "home"})
    page.goto(f"{url}/events")
    page.keyboard.press("Shift+A")
    for says in ("Wrong PIN. 2 tries left", "Wrong PIN. 1 try left", "Wrong PIN, for the third time."):
        expect(page.get_by_label("Your PIN")).to_be_focused()
        expect(page.get_by_label("Your PIN")).to_have_value("")
        page.keyboard.type(WRONG)
        page.keyboard.press("Enter")
        expect(page.locator("#arm-problem")).to_contain_text(says)
    expect(page.locator("#pin-wait")).to_have_text(re.compile(r"^The next try is possible in \d+ s\.$"))
    assert read_state(house.store).mode == "home"


def test_pad_disarms_by_touch(chromium: Browser, site: tuple[House, str]) -> None:
    house, url = site
    page = opened(chromium, url, "phone")
    page.goto(f"{url}/arm")
    began_ms = house.now_ms()
    page.get_by_role("button", name="Away").click()
    expect(page.locator(".countdown")).to_have_text(re.compile(r"^\d+ s$"))
    check_leaving(house, began_ms, 60)
    for digit in "19":
        page.locator(f"#pad [data-digit='{digit}']").click()
    page.get_by_role("button", name="Clear").click()
    for digit in PIN:
        page.locator(f"#pad [data-digit='{digit}']").click()
    page.get_by_role("button", name="OK").click()
    expect(page.locator("#arm-chip")).to_have_text("Disarmed")
    assert read_state(house.store).is_quiet


def test_what_is_typed_survives_a_change_elsewhere(chromium: Browser, site: tuple[House, str]) -> None:
    house, url = site
    page = opened(chromium, url, "desk")
    page.goto(f"{url}/arm")
    page.get_by_role("button", name="Home").click()
    page.get_by_label("Your PIN").type("4829")
    house.client().post("/api/v1/arm", json={"mode": "away", "delay_s": 0})
    expect(page.locator("#arm-chip")).to_have_text("Away")
    expect(page.get_by_label("Your PIN")).to_have_value("4829")
    expect(page.get_by_label("Your PIN")).to_be_focused()


def test_time_to_leave_that_was_chosen_survives_a_change_elsewhere(chromium: Browser, site: tuple[House, str]) -> None:
    """It went back to the mode's own, which armed the house over the head of who was still inside."""
    house, url = site
    page = opened(chromium, url, "desk")
    page.goto(f"{url}/arm")
    page.get_by_label("Time to leave").select_option("180")
    house.client().post("/api/v1/arm", json={"mode": "home", "delay_s": 0})
    expect(page.locator("#arm-now .sentence")).to_contain_text("Home since")
    began_ms = house.now_ms()
    page.get_by_role("button", name="Away").click()
    expect(page.locator(".countdown")).to_have_text(re.compile(r"^\d+ s$"))
    check_leaving(house, began_ms, 180)
    expect(page.get_by_label("Time to leave")).to_have_value("")


def test_arms_and_disarms_without_script(chromium: Browser, site: tuple[House, str]) -> None:
    house, url = site
    page = opened(chromium, url, "phone", script=False)
    page.goto(f"{url}/live")
    page.locator("#arm-chip").click()
    page.wait_for_url(f"{url}/arm")
    page.get_by_role("button", name="Night").click()
    expect(page.locator("#arm-chip")).to_have_text("Night")
    page.fill("#pin", PIN)
    page.locator("#disarm-button").click()
    expect(page.locator("#arm-chip")).to_have_text("Disarmed")
    assert read_state(house.store).is_quiet


def test_not_ready_house_says_why_and_arms_anyway(chromium: Browser, site: tuple[House, str]) -> None:
    house, url = site
    house.health("front-door", "no-picture")
    page = opened(chromium, url, "desk")
    page.goto(f"{url}/arm")
    expect(page.get_by_text("Front door has no picture.")).to_be_visible()
    page.get_by_role("button", name="Home").click()
    expect(page.locator("#arm-problem")).to_contain_text("Not everything is ready: Front door has no picture.")
    anyway = page.get_by_role("button", name="Arm anyway")
    expect(anyway).to_be_focused()
    assert find_violations(page) == []
    page.keyboard.press("Enter")
    expect(page.locator("#arm-chip")).to_have_text("Home")
    expect(anyway).to_have_count(0)


def test_not_ready_house_is_armed_anyway_without_script(chromium: Browser, site: tuple[House, str]) -> None:
    house, url = site
    house.health("front-door", "no-picture")
    page = opened(chromium, url, "phone", script=False)
    page.goto(f"{url}/arm")
    page.get_by_role("button", name="Home").click()
    expect(page.locator("#arm-problem")).to_contain_text("Not everything is ready: Front door has no picture.")
    page.get_by_label("Arm anyway").check()
    page.get_by_role("button", name="Home").click()
    expect(page.locator("#arm-chip")).to_have_text("Home")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_settings_are_saved_and_undone(chromium: Browser, site: tuple[House, str], script: bool) -> None:
    house, url = site
    page = opened(chromium, url, "desk", script=script)
    page.goto(f"{url}/settings/arming")
    page.fill("#leave", "45")
    page.get_by_role("button", name="Save times").click()
    expect(page.get_by_text("Saved, and in use within two seconds.")).to_be_visible()
    assert 'leave_delay = "45s"' in house.parts.cfg.config_file.read_text(encoding="utf-8")
    page.get_by_role("button", name="Undo: times of arming").click()
    expect(page.get_by_text("Taken back.")).to_be_visible()
    assert house.parts.cfg.config_file.read_text(encoding="utf-8") == SETTINGS


def test_sensor_is_renamed(chromium: Browser, site: tuple[House, str]) -> None:
    _, url = site
    page = opened(chromium, url, "phone")
    page.goto(f"{url}/sensors")
    page.get_by_role("link", name="Bath").click()
    page.fill("#name", "Bath upstairs")
    page.fill("#room", "Upstairs")
    with page.expect_navigation():
        page.get_by_role("button", name="Save").click()
    page.goto(f"{url}/sensors")
    expect(page.get_by_role("heading", name="Upstairs", exact=True)).to_be_visible()
    expect(page.get_by_text("21.4 °C, 48 %")).to_be_visible()
