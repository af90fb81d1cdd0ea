"""The page and the sheet of arming while something else happens: the stream comes up, answers cross, others act."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.arm_kit import PIN, WRONG, open_site, opened
from tests.browser.chromium import wait_listening
from tests.browser.held_back import HeldBack
from tests.browser.house import House

pytestmark = pytest.mark.browser

COMES_UP = """async () => {
  document.getElementById("arm-now").dataset.old = "";
  const src = document.querySelector('script[src*="js/arm.js"]').src;
  (await import(src.replace("arm.js", "stream.js"))).stream.dispatchEvent(new Event("up"));
}"""
NEW = "#arm-now:not([data-old])"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[House, str]]:
    with open_site(tmp_path) as opened_site:
        yield opened_site


def opened_up(chromium: Browser, url: str) -> Page:
    """The page of arming whose stream has come up, and which has asked anew for that."""
    page = opened(chromium, url, "phone")
    with page.expect_response(lambda answer: answer.url == f"{url}/arm" and answer.request.resource_type == "fetch"):
        page.goto(f"{url}/arm")
    return page


def test_stream_that_comes_up_touches_nothing_that_is_as_it_was(chromium: Browser, site: tuple[House, str]) -> None:
    """A digit that is under a finger then was lost, and with it the PIN."""
    house, url = site
    house.client().post("/api/v1/arm", json={"mode": "home"})
    page = opened_up(chromium, url)
    digit = page.locator("#pad [data-digit='4']")
    digit.hover()
    page.mouse.down()
    with page.expect_response(f"{url}/arm"):
        page.evaluate(COMES_UP)
    page.wait_for_timeout(200)  # nothing is to come of it
    page.mouse.up()
    expect(page.get_by_label("Your PIN")).to_have_value("4")
    expect(page.locator("#arm-now")).to_have_attribute("data-old", "")


def test_why_it_was_refused_stays_while_the_region_is_made_new(chromium: Browser, site: tuple[House, str]) -> None:
    """Nobody may lose the answer to what they did."""
    house, url = site
    house.client().post("/api/v1/arm", json={"mode": "home"})
    page = opened_up(chromium, url)
    page.get_by_label("Your PIN").fill(WRONG)
    page.keyboard.press("Enter")
    expect(page.locator("#arm-problem")).to_contain_text("Wrong PIN. 2 tries left")
    house.health("front-door", "no-picture")
    page.evaluate(COMES_UP)
    page.wait_for_selector(NEW)
    assert "Wrong PIN. 2 tries left" in page.locator("#arm-problem").inner_text()
    house.client().post("/api/v1/arm", json={"mode": "disarmed", "pin": PIN})
    expect(page.locator("#arm-problem")).to_be_hidden()


def test_wait_stays_when_the_answer_of_before_comes_late(chromium: Browser, site: tuple[House, str]) -> None:
    house, url = site
    house.client().post("/api/v1/arm", json={"mode": "home"})
    page = opened_up(chromium, url)
    before = HeldBack(page, f"{url}/arm")
    page.evaluate(COMES_UP)
    before.wait()
    for says in ("Wrong PIN. 2 tries left", "Wrong PIN. 1 try left", "Wrong PIN, for the third time."):
        page.get_by_label("Your PIN").fill(WRONG)
        page.keyboard.press("Enter")
        expect(page.locator("#arm-problem")).to_contain_text(says)
    expect(page.locator("#pin-wait")).to_be_visible()
    before.let_go()
    expect(page.locator("#pin-wait")).to_be_visible()


def test_choice_and_focus_stay_when_somebody_else_arms(chromium: Browser, site: tuple[House, str]) -> None:
    house, url = site
    house.health("front-door", "no-picture")
    page = opened_up(chromium, url)
    anyway, away = page.get_by_label("Arm anyway"), page.get_by_role("button", name="Away")
    anyway.check()
    assert house.client().delete("/api/v1/members/me/pin").status_code == 204
    page.evaluate(COMES_UP)
    expect(page.get_by_text("Nobody has a PIN yet")).to_be_visible()
    expect(anyway).not_to_be_checked()  # that was not on the list when it was ticked
    anyway.check()
    away.focus()
    house.client().post("/api/v1/arm", json={"mode": "home", "override": True})
    expect(page.locator("#arm-now .sentence")).to_contain_text("Home since")
    expect(anyway).to_be_checked()
    expect(away).to_be_focused()


def test_window_that_comes_later_hears_what_was_told_before(chromium: Browser, site: tuple[House, str]) -> None:
    """One window of a browser listens to the house. What it told the others before one of them was there, that one has
    neither from the page, which was written earlier, nor from the stream."""
    house, url = site
    first = opened(chromium, url, "desk")
    first.goto(f"{url}/settings")
    wait_listening(first, house)
    second = first.context.new_page()
    script = HeldBack(second, "**/js/base.js")
    second.goto(f"{url}/settings", wait_until="commit")
    script.wait()
    house.client().post("/api/v1/arm", json={"mode": "home"})
    expect(first.locator("#arm-chip")).to_have_text("Home")
    script.let_go()
    expect(second.locator("#arm-chip")).to_have_text("Home")


def test_answer_that_comes_late_does_not_put_back_what_was(chromium: Browser, site: tuple[House, str]) -> None:
    house, url = site
    page = opened(chromium, url, "desk")
    page.goto(f"{url}/arm")
    before = HeldBack(page, f"{url}/arm")
    house.client().post("/api/v1/arm", json={"mode": "home", "delay_s": 0})
    expect(page.locator("#arm-chip")).to_have_text("Home")
    before.wait()
    house.client().post("/api/v1/arm", json={"mode": "away", "delay_s": 0})
    expect(page.locator("#arm-now .sentence")).to_contain_text("Away since")
    before.let_go()
    expect(page.locator("#arm-now .sentence")).to_contain_text("Away since")


def test_sheet_that_is_closed_before_the_answer_says_nothing(chromium: Browser, site: tuple[House, str]) -> None:
    house, url = site
    house.health("front-door", "no-picture")
    page = opened(chromium, url, "desk")
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{url}/settings")
    page.locator("#arm-chip").click()
    sheet = page.get_by_role("dialog", name="Arm and disarm")
    refusal = HeldBack(page, f"{url}/api/v1/arm")
    sheet.get_by_role("button", name="Home").click()
    refusal.wait()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    assert refusal.let_go().status == 409
    assert faults == []


def test_refusal_that_comes_late_says_nothing_of_the_pin_that_was_right(
    chromium: Browser, site: tuple[House, str]
) -> None:
    """Beside "Disarmed" stood that the PIN was wrong."""
    house, url = site
    house.client().post("/api/v1/arm", json={"mode": "home"})
    page = opened_up(chromium, url)
    refusal = HeldBack(page, f"{url}/api/v1/arm")
    for pin in (WRONG, PIN):
        page.get_by_label("Your PIN").fill(pin)
        page.get_by_label("Your PIN").press("Enter")
        refusal.wait()
    expect(page.locator("#arm-now .sentence")).to_contain_text("Disarmed since")
    assert refusal.let_go().status == 403
    expect(page.locator("#arm-problem")).to_be_hidden()
