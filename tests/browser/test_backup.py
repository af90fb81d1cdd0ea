"""The page of the backup in a real browser: readable, reachable by keyboard, working without script."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import find_violations, sign_in
from tests.browser.house import House, open_house, serve
from vigilar.store.backups import begin_run, change_state, end_run, list_asked
from vigilar.web.health import BOARD

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "desk": (1440, 900), "small": (320, 640)}
DAY_MS = 86_400_000


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[House, str]]:
    """A house whose NAS is full, in the middle of a run, with a history."""
    with open_house(tmp_path) as house, serve(house) as url:
        house.client()
        lay_backup(house)
        yield house, url


def lay_backup(house: House) -> None:
    house.parts.use_settings(replace(house.parts.cfg, backup_to="/mnt/nas/vigilar"))
    now = house.now_ms()
    change_state(
        house.store, house.node_id, target="/mnt/nas/vigilar", target_id="x", tried_ms=now, up_to_ms=now - 7_200_000,
        house_ms=now - 7_200_000, owed_count=31, owed_bytes=2_400_000_000, drilled_ms=now - 20 * DAY_MS,
        problem="backup.full", sentence="/mnt/nas/vigilar is full", since_ms=now - 3_600_000,
        next_step="Free space there, or keep copies for a shorter time: keep in [backup].",
    )  # fmt: skip
    for state, sentence, ago_ms in (
        ("done", "12 files of 41 MB brought back and compared, bit by bit: all are the same.", 20 * DAY_MS),
        ("done", "132 files copied, 1.4 GB.", DAY_MS),
        ("failed", "/mnt/nas/vigilar is full.", 3_600_000),
    ):
        work = "drill" if "brought" in sentence else "copy"
        run_id = begin_run(house.store, house.node_id, "x", work, now - ago_ms)  # type: ignore[arg-type]
        end_run(house.store, run_id, state, now, file_count=1, size_bytes=1, sentence=sentence)  # type: ignore[arg-type]
    told = {"work": "copy", "done": 12, "all": 43, "done_bytes": 600_000_000, "all_bytes": 3_000_000_000}
    BOARD.set_processes({"backup": {"state": "running", "pid": 1, "status": {"progress": told}}}, now)


@pytest.mark.parametrize("size", SIZES)
def test_backup_page_is_accessible_and_fits(chromium: Browser, site: tuple[House, str], size: str) -> None:
    _house, url = site
    width, height = SIZES[size]
    page = chromium.new_context(viewport={"width": width, "height": height}).new_page()
    sign_in(page, url)
    page.goto(f"{url}/system/backup")
    assert page.locator("h1").inner_text() == "Backup"
    assert "31 files are still to be copied" in page.locator(".sentence").inner_text()
    assert page.locator("progress").get_attribute("value") == "20"
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("form[action='/system/backup/copy'] button").bounding_box()["height"] >= 44  # type: ignore[index]
    if shots := os.environ.get("VIGILAR_SHOTS"):
        page.screenshot(path=f"{shots}/backup-{size}.png", full_page=True)


def test_backup_begins_by_keyboard_without_script(chromium: Browser, site: tuple[House, str]) -> None:
    house, url = site
    page = chromium.new_context(java_script_enabled=False).new_page()
    sign_in(page, url)
    page.goto(f"{url}/system/backup")
    page.locator("form[action='/system/backup/copy'] button").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url == f"{url}/system/backup"
    assert list_asked(house.store, house.node_id) == ["copy"]
