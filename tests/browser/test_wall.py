"""A screen on the wall: put up by a form, left by a PIN; what is serious takes it and gives it back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import find_violations
from tests.browser.house import NAME, first_jpeg
from tests.browser.live_kit import Place, opened
from tests.recording_kit import Clip, make_clip
from tests.unit.test_web_wall import PIN, give_pin
from vigilar.store.cameras import ensure_camera
from vigilar.store.events import StoredEvent
from vigilar.web.hub import make_notice

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), has_sound=False, gop=10, size=(320, 180))


@pytest.fixture
def place(tmp_path: Path, chromium: Browser, clip: Clip) -> Iterator[Place]:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "garden.jpg").write_bytes(first_jpeg(clip))
    with opened(tmp_path, chromium, clip, 3) as place:
        for camera in place.house.parts.cfg.cameras:  # whoever may not see the system is told of cameras alone
            ensure_camera(place.house.store, camera.id, camera.name, 1, place.house.node_id)
        place.house.parts.use_settings(replace(place.house.parts.cfg, wall_pictures=str(folder)))
        yield place


def put_up(place: Place, shows: str, width: int = 1440, height: int = 900) -> Page:
    page = place.page("/wall", width, height)
    page.get_by_label("Name of this screen").fill("Hall")
    page.get_by_label(shows).check()
    page.get_by_role("button", name="Put it on the wall").click()
    expect(page.locator("#wall-clock")).to_be_visible()
    expect(page.get_by_role("button", name="Full screen")).to_be_visible()  # the script hears a tap
    return page


def alert(place: Place, camera_id: str) -> StoredEvent:
    event = place.house.event("motion", camera_id, title="Person, Camera 2", severity="ALERT")
    place.house.tell(event)
    return event


def shown(page: Page) -> list[str]:
    found: list[str] = page.locator(".tile:not([hidden])").evaluate_all("tiles => tiles.map(one => one.dataset.camera)")
    return found


def test_grid_fills_the_screen_and_an_alert_takes_it(place: Place) -> None:
    page = put_up(place, "All cameras side by side")
    expect(page.locator(".tile video:visible")).to_have_count(3)
    assert shown(page) == ["cam-1", "cam-2", "cam-3"]
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert not find_violations(page)
    event = alert(place, "cam-2")
    expect(page.locator(".tile.is-alarm:visible")).to_have_attribute("data-camera", "cam-2")
    assert shown(page) == ["cam-2"]
    expect(page.locator("#alert-bar")).to_contain_text("Person, Camera 2")
    expect(page.locator("#alert-ack")).to_be_hidden()
    assert not find_violations(page)
    page.locator("#alert-bar a").click()  # leads nowhere
    place.house.parts.hub.broadcast(
        replace(
            make_notice("alert", {"incident_id": str(event.incident_id), "severity": "ALERT", "by": "Kim"}),
            incident_id=event.incident_id,
        )
    )
    expect(page.locator(".tile:visible")).to_have_count(3)
    assert page.url.endswith("/wall?shows=grid")


def test_tap_shows_one_camera_and_keys_too(place: Place) -> None:
    page = put_up(place, "All cameras side by side", 390, 844)
    page.locator(".tile").nth(1).click()
    expect(page.locator(".tile:visible")).to_have_count(1)
    assert shown(page) == ["cam-2"]
    page.locator(".tile:visible").click()
    expect(page.locator(".tile:visible")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    page.keyboard.press("3")
    expect(page.locator(".tile:visible")).to_have_count(1)
    assert shown(page) == ["cam-3"]
    assert not find_violations(page)


def test_one_after_the_other(place: Place) -> None:
    page = put_up(place, "One camera after the other, large")
    expect(page.locator(".tile:visible")).to_have_count(1)
    first = shown(page)
    # Its turn is over in 15 s; the page is not asked to wait for them.
    page.evaluate("const now = Date.now; Date.now = () => now() + 16_000")
    expect(page.locator(f".tile:visible:not([data-camera={first[0]}])")).to_have_count(1)


def test_own_pictures_give_way(place: Place) -> None:
    page = put_up(place, "Our own pictures, with the time")
    expect(page.locator("#frame img.is-shown")).to_have_attribute("src", "/wall/pictures/garden.jpg")
    expect(page.locator("#room")).to_be_hidden()
    expect(page.locator(".frame-clock")).to_have_text(re.compile(r"\d\d:\d\d"))
    assert not find_violations(page)
    alert(place, "cam-3")
    expect(page.locator("#frame")).to_be_hidden()
    assert shown(page) == ["cam-3"]
    expect(page.locator(".tile video:visible")).to_have_count(1)


def test_left_by_a_pin_with_the_keyboard(place: Place) -> None:
    give_pin(place.house, NAME, PIN)
    page = put_up(place, "One camera after the other, large")
    page.goto(place.url + "/events")
    expect(page).to_have_url(re.compile("/wall.shows=turns$"))
    page.get_by_role("link", name="Leave").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("PIN of anybody in the house")).to_be_focused()
    assert not find_violations(page)
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/login$"))
