"""From page to page: six tabs under the thumb, a rail on a wide screen, and keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FloatRect, Page, expect

from tests.browser.chromium import find_violations, press_after_g, sign_in
from tests.browser.house import NAME, PASSWORD, House, open_house, serve

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "desk": (1440, 900)}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        house.client()
        house.well("front-door")
        yield house


def opened(chromium: Browser, url: str, size: str) -> Page:
    width, height = SIZES[size]
    page = chromium.new_context(viewport={"width": width, "height": height}).new_page()
    sign_in(page, url)
    return page


def box_of(page: Page, selector: str) -> FloatRect:
    found = page.locator(selector).bounding_box()
    assert found is not None
    return found


def test_phone_has_six_tabs_under_the_thumb(chromium: Browser, house: House) -> None:
    with serve(house) as url:
        page = opened(chromium, url, "phone")
        page.goto(f"{url}/events")
        tabs = page.locator(".tabs a:visible")
        expect(tabs).to_have_text(["Live", "Events", "Reels", "Exports", "System", "Settings"])
        widths = [one.bounding_box() for one in tabs.all()]
        assert all(box is not None and box["width"] == 65 and box["height"] >= 44 for box in widths)
        bar = box_of(page, ".tabs")
        assert bar["y"] + bar["height"] == 844
        expect(page.locator(".tabs a[aria-current=page]")).to_have_text("Events")


def test_wide_screen_has_a_rail_with_what_stands_below(chromium: Browser, house: House) -> None:
    with serve(house) as url:
        page = opened(chromium, url, "desk")
        page.goto(f"{url}/kept")
        rail = page.get_by_role("navigation", name="Pages")
        expect(rail.get_by_role("link", name="Kept")).to_have_attribute("aria-current", "page")
        expect(rail.get_by_role("link", name="Storage")).to_be_visible()
        bar, main = box_of(page, ".tabs"), box_of(page, "main")
        assert bar["x"] == 0
        assert main["x"] >= bar["width"]
        assert find_violations(page) == []


def test_rail_offers_what_a_member_may_open(chromium: Browser, house: House) -> None:
    house.member("guest")
    with serve(house) as url:
        page = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.goto(f"{url}/login")
        page.fill("#name", "the guest")
        page.fill("#password", PASSWORD)
        page.click("main button[type=submit]")
        page.wait_for_url(f"{url}/live")
        paths = page.locator(".tabs a").evaluate_all("(all) => all.map((one) => new URL(one.href).pathname)")
        assert NAME not in paths
        assert {"/live", "/events", "/kept", "/settings"} <= set(paths)
        assert not {"/system", "/reels", "/exports", "/system/keys", "/settings/arming"} & set(paths)
        for path in paths:
            answer = page.request.get(url + path)
            assert answer.ok, path


def test_keys_lead_everywhere_and_can_be_switched_off(chromium: Browser, house: House) -> None:
    with serve(house) as url:
        page = opened(chromium, url, "desk")
        page.goto(f"{url}/live")
        for key, path in (
            ("e", "events"),
            ("r", "reels"),
            ("s", "system"),
            ("x", "exports"),
            (",", "settings"),
            ("l", "live"),
        ):
            press_after_g(page, key)
            expect(page).to_have_url(f"{url}/{path}")
            page.wait_for_load_state("load")
        page.goto(f"{url}/settings/account")
        page.wait_for_load_state("load")
        page.keyboard.press("Escape")
        expect(page).to_have_url(f"{url}/settings")
        page.wait_for_load_state("load")
        page.keyboard.press("?")
        dialog = page.get_by_role("dialog", name="Keys of this page")
        expect(dialog).to_contain_text("g then x")
        assert find_violations(page) == []
        dialog.get_by_label("Single keys work").uncheck()
        dialog.get_by_role("button", name="Close").click()
        page.keyboard.press("?")
        press_after_g(page, "e")
        expect(dialog).to_be_hidden()
        expect(page).to_have_url(f"{url}/settings")
        page.get_by_role("button", name="Keyboard").click()  # the way back
        dialog.get_by_label("Single keys work").check()
        dialog.get_by_role("button", name="Close").click()
        press_after_g(page, "e")
        expect(page).to_have_url(f"{url}/events")


def test_back_key_leaves_no_half_typed_form(chromium: Browser, house: House) -> None:
    with serve(house) as url:
        page = opened(chromium, url, "desk")
        page.goto(f"{url}/settings/account")
        page.fill("#new", "half typed")
        page.locator("h1").click()
        page.keyboard.press("Escape")
        page.wait_for_timeout(300)
        expect(page).to_have_url(f"{url}/settings/account")
