"""The page of power in a real browser, in each state: readable, and clean for axe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import find_violations, sign_in
from tests.browser.house import House, open_house, serve
from vigilar.base.ids import new_id
from vigilar.store.events import NewEvent, insert_event

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "desk": (1440, 900)}
SHOTS = os.environ.get("VIGILAR_SHOTS")
STATUS: dict[str, Any] = {
    "charge": 96,
    "runtime_s": 2460,
    "load": 23,
    "input_v": 231.0,
    "is_charging": False,
    "is_worn": False,
    "model": "Test Dummy 1000",
    "trouble": "",
}
STATES: dict[str, tuple[dict[str, Any] | None, str]] = {
    "mains": ({**STATUS, "level": "mains"}, "Mains. Battery 96 %, 41 min at this load."),
    "battery": ({**STATUS, "level": "battery"}, "Exports and backups wait; all cameras record."),
    "low": ({**STATUS, "level": "low", "charge": 31}, "On battery, and it gets low."),
    "unknown": ({**STATUS, "level": "unknown", "trouble": "NUT hears nothing."}, "Mains or battery, nobody knows."),
    "unheard": (None, "the watch over the UPS has not reported"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, str]]:
    with open_house(tmp_path_factory.mktemp("power")) as house, serve(house) as url:
        house.client()
        cut_ms = house.now_ms() - 3 * 86_400_000
        cut = NewEvent(
            uid=new_id(),
            type="power_loss",
            severity="ALERT",
            source_id="ups",
            ts_ms=cut_ms,
            end_ms=cut_ms + 430_000,
            payload={"title": "Mains power is lost", "cuts": 3},
        )
        insert_event(house.store, cut, now_ms=cut_ms)
        yield house, url


def say(house: House, status: dict[str, Any] | None) -> None:
    process = {"title": "The watch over the UPS", "state": "running", "pid": 7, "restarts": 0, "status": status or {}}
    house.parts.board.set_processes({"ups": process}, house.now_ms())


@pytest.mark.parametrize("state", STATES)
def test_page_says_how_the_house_is_supplied(site: tuple[House, str], chromium: Browser, state: str) -> None:
    house, url = site
    status, words = STATES[state]
    house.parts.use_settings(replace(house.parts.cfg, power=(50, 600, 10)))
    for size, (width, height) in SIZES.items():
        say(house, status)
        with chromium.new_context(viewport={"width": width, "height": height}) as context:
            page = context.new_page()
            sign_in(page, url)
            page.goto(f"{url}/system/power")
            expect(page.locator(".headline")).to_contain_text(words)
            expect(page.locator("#plan-head + dl")).to_contain_text("Recognition of people")
            expect(page.locator("#cuts-head + dl")).to_contain_text("7 min 10 s, mains went 3 times")
            assert find_violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            if SHOTS:
                page.screenshot(path=Path(SHOTS) / f"power-{state}-{size}.png", full_page=True)


def test_house_without_a_ups_says_what_a_cut_means(site: tuple[House, str], chromium: Browser) -> None:
    house, url = site
    house.parts.use_settings(replace(house.parts.cfg, power=None))
    with chromium.new_context(viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()
        sign_in(page, url)
        page.goto(f"{url}/system/power")
        expect(page.locator(".headline")).to_contain_text("No UPS is set up: when mains fail, this box stops at once.")
        expect(page.locator(".headline")).not_to_contain_text("Not known")
        assert find_violations(page) == []
