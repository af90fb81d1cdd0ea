"""The page of Home Assistant in a real browser: switched on, a password shown once, readable, and clean for axe."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import find_violations, sign_in
from tests.browser.house import House, open_house, serve

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "desk": (1440, 900)}
SHOTS = os.environ.get("VIGILAR_SHOTS")
PATH = "/settings/home-assistant"
CAMERA = '[[camera]]\nname = "Garden"\naddress = "rtsp://127.0.0.1/garden"\n'


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[House, str]]:
    with open_house(tmp_path) as house, serve(house) as url:
        house.client()
        house.parts.cfg.config_file.write_text(CAMERA, encoding="utf-8")
        yield house, url


def say(house: House, **status: object) -> None:
    process = {"title": "The program for Home Assistant", "state": "running", "pid": 7, "restarts": 0}
    house.parts.board.set_processes({"homeassistant": {**process, "status": status}}, house.now_ms())


@pytest.mark.parametrize("size", SIZES)
def test_page_switches_it_on_and_shows_the_password_once(chromium: Browser, site: tuple[House, str], size: str) -> None:
    house, url = site
    width, height = SIZES[size]
    with chromium.new_context(viewport={"width": width, "height": height}) as context:
        page = context.new_page()
        sign_in(page, url)
        page.goto(f"{url}/settings")
        page.locator("main a", has_text="Home Assistant").click()
        expect(page.locator(".sentence.big")).to_have_text("Home Assistant sees nothing of this house.")
        page.get_by_label("Show this house to Home Assistant").check()
        page.get_by_label("Cameras", exact=True).select_option("chosen")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#shown-cameras_ids-wrong")).to_contain_text("Choose at least one camera")
        page.get_by_label("Garden").check()
        page.get_by_label("Pictures too").check()
        page.get_by_role("button", name="Save").click()
        expect(page.locator("main .notice[role=status]")).to_contain_text("Saved")
        written = tomllib.loads(house.parts.cfg.config_file.read_text(encoding="utf-8"))["home_assistant"]
        assert written == {"enabled": True, "cameras": ["garden"], "pictures": True}
        page.get_by_role("button", name="Make the password").click()
        password = page.locator("#password").inner_text()
        assert len(password) == 24
        file = house.parts.cfg.secrets_dir / "bus-home-assistant"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert password not in file.read_text(encoding="utf-8")
        look(page, width, f"new-{size}")
        say(house, connected=True, said="online", said_ms=house.now_ms())
        page.goto(f"{url}{PATH}")
        expect(page.locator(".sentence.big")).to_contain_text("It is there: it said so at")
        expect(page.get_by_role("button", name="Make another password")).to_be_visible()
        assert password not in page.content()
        look(page, width, f"there-{size}")
        page.goto(f"{url}/system")
        expect(page.locator("main")).to_contain_text("It is there: it said so at")
        page.goto(f"{url}{PATH}")
        page.locator("form.undo button").click()
        expect(page.locator("main .notice[role=status]")).to_contain_text("Taken back")
        assert "home_assistant" not in house.parts.cfg.config_file.read_text(encoding="utf-8")


def look(page: Page, width: int, name: str) -> None:
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"home-assistant-{name}.png", full_page=True)


def test_page_works_without_script_and_asks_who_it_is(site: tuple[House, str]) -> None:
    house, _ = site
    adult = house.member("adult")
    assert adult.get(PATH).status_code == 403
    owner = house.client()
    assert owner.post(PATH, data={"enabled": "1", "arm": "1"}).status_code == 303
    answer = owner.post(f"{PATH}/password")
    assert (answer.status_code, 'id="password"' in answer.text) == (201, True)
    house.parts.cfg.config_file.write_text('[home_assistant]\nhost = "10.0.0.3"\n', encoding="utf-8")
    refused = owner.post(f"{PATH}/password", headers={"Accept": "text/html"})
    assert refused.status_code == 409
    assert "has its own passwords" in refused.text
