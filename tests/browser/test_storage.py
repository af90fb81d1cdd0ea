"""The storage page and the keep button in a real browser: readable, reachable by keyboard, working without script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import find_violations, sign_in
from tests.browser.house import House, open_house, serve
from tests.conftest import wait_until
from tests.recording_kit import Clip, make_clip
from vigilar.base.keep_rules import CameraKeep, KeepRules
from vigilar.media.packets import Packet
from vigilar.store.deletions import KeptAround, begin
from vigilar.store.events import get_event
from vigilar.store.holdings import DAY_MS, find_word

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "desk": (1440, 900), "small": (320, 640)}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), size=(320, 180))


@pytest.fixture
def site(tmp_path: Path, clip: Clip) -> Iterator[tuple[House, str]]:
    """Two cameras with recordings, some deleted for three reasons, and a quota that is far too small."""
    with open_house(tmp_path) as house, serve(house) as url:
        house.client()
        house.well("front-door", "garden")
        lay_days(house, clip)
        yield house, url


def lay_days(house: House, clip: Clip) -> None:
    ids = [house.record("front-door", shifted(house, clip, days_ago), clip.run()) for days_ago in (9, 8, 7, 3, 2, 1)]
    ids += [house.record("garden", shifted(house, clip, days_ago), clip.run()) for days_ago in (2, 1)]
    now_ms, around = house.now_ms(), KeptAround(0, 0)
    begin(house.store, house.node_id, [(ids[0], "age")], around, now_ms - DAY_MS)
    begin(house.store, house.node_id, [(ids[1], "camera-quota"), (ids[2], "reserve")], around, now_ms)
    rules = KeepRules(quota_bytes=2000, keep_ms=30 * DAY_MS, cameras=(CameraKeep("garden", None, 7 * DAY_MS),))
    house.parts.use_settings(replace(house.parts.cfg, rules=rules))


def shifted(house: House, clip: Clip, days_ago: int) -> list[Packet]:
    shift_ns = (house.now_ms() - days_ago * DAY_MS) * 1_000_000 - clip.run().utc_ns
    return [replace(packet, utc_ns=packet.utc_ns + shift_ns) for packet in islice(clip.endless(), 40)]


def opened(chromium: Browser, url: str, size: str, *, script: bool = True) -> Page:
    width, height = SIZES[size]
    page = chromium.new_context(viewport={"width": width, "height": height}, java_script_enabled=script).new_page()
    sign_in(page, url)
    return page


@pytest.mark.parametrize("size", SIZES)
def test_storage_page_is_accessible_and_fits(chromium: Browser, site: tuple[House, str], size: str) -> None:
    _, url = site
    page = opened(chromium, url, size)
    page.goto(f"{url}/system/storage")
    expect(page.get_by_text("would have to go to keep the quota")).to_be_visible()
    expect(page.locator(".gone li")).to_have_count(3)
    expect(page.get_by_text("Deleted to keep the camera's quota.")).to_be_visible()
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert page.locator("form[action='/system/storage/word'] button").bounding_box()["height"] >= 44  # type: ignore[index]


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_word_is_given_by_keyboard(chromium: Browser, site: tuple[House, str], script: bool) -> None:
    house, url = site
    page = opened(chromium, url, "desk", script=script)
    page.goto(f"{url}/system/storage")
    button = page.get_by_role("button", name="Delete these recordings")
    button.focus()
    with page.expect_navigation(url=f"{url}/system/storage"):
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Storage")).to_be_visible()
    assert find_word(house.store, house.node_id) > 0


def told_of(page: Page, event_id: int) -> dict[str, Any]:
    told: dict[str, Any] = page.evaluate(f"fetch('/api/v1/events/{event_id}').then(a => a.json())")
    return told


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("size", ["phone", "desk"])
def test_event_is_kept_by_keyboard(chromium: Browser, site: tuple[House, str], size: str, script: bool) -> None:
    house, url = site
    event = house.event()
    page = opened(chromium, url, size, script=script)
    page.goto(f"{url}/events/{event.id}")
    page.get_by_role("button", name="Keep", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep no longer")).to_be_visible()
    wait_until(lambda: (found := get_event(house.store, event.id)) is not None and found.kept, 20)
    if script:
        assert find_violations(page) == []
        wait_until(lambda: (told := told_of(page, event.id))["kept"] and told["seen"], 20)


def test_system_page_leads_to_storage(chromium: Browser, site: tuple[House, str]) -> None:
    _, url = site
    page = opened(chromium, url, "desk")
    page.goto(f"{url}/system")
    page.get_by_role("link", name="How long recordings stay").click()
    page.wait_for_url(f"{url}/system/storage")
