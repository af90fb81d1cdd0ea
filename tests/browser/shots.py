"""Screenshots of every page in its states, for a person to look at: ``python -m tests.browser.shots FOLDER``."""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path
from unittest.mock import patch

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import FOREIGN_NAME, launch, sign_in
from tests.browser.house import House, fill, open_house, serve
from tests.recording_kit import Clip, read_clip
from vigilar.base.stop import Stop
from vigilar.demo.scenes import ensure_clips
from vigilar.health.lines import DiskState
from vigilar.web import house as house_module
from vigilar.web.health import BOARD

SIZES = {"phone": (390, 844), "desk": (1440, 900), "small": (320, 640)}


def main() -> None:
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    demo = Path(tempfile.gettempdir()) / "vigilar-shots-demo"
    demo.mkdir(exist_ok=True)
    clips = {name: read_clip(clip.sub) for name, clip in ensure_clips(demo).items()}
    with sync_playwright() as playwright:
        browser = launch(playwright)
        with tempfile.TemporaryDirectory() as name, open_house(Path(name), cameras=()) as house, serve(house) as url:
            _empty(browser, house, url, target)
        with tempfile.TemporaryDirectory() as name, open_house(Path(name)) as house, serve(house) as url:
            _full(browser, house, url, target, clips)
        browser.close()


def _empty(browser: Browser, house: House, url: str, target: Path) -> None:
    for size in SIZES:
        page = _page(browser, size)
        _shoot(page, url + "/", target / f"{size}-setup.png")
    house.client()
    house.well()
    for size in SIZES:
        page = _page(browser, size)
        _shoot(page, url + "/login", target / f"{size}-login.png")
        page.fill("#name", "sam")
        page.fill("#password", "wrong password")
        page.click("button[type=submit]")
        page.screenshot(path=target / f"{size}-login-wrong.png")
        sign_in(page, url)
        for path in ("live", "events", "system", "cameras/add", "nothing-here"):
            _shoot(page, f"{url}/{path}", target / f"{size}-empty-{path.replace('/', '-')}.png")
        page.context.close()


def _full(browser: Browser, house: House, url: str, target: Path, clips: dict[str, Clip]) -> None:
    pairs = dict(zip(("front-door", "garden", "drive"), clips.values(), strict=False))
    fill(house, pairs)
    for camera_id, clip in pairs.items():
        house.feed(camera_id, clip)
    house.client()
    stop = Stop()

    def beat() -> None:
        down_since = house.now_ms() - 42_000
        while not stop.wait(1.0):
            house.well("front-door", "garden", "drive")
            house.health("drive", last_frame_ts=house.now_ms(), width=1280, height=720, fps=15.0, codec="h264",
                         is_moving=True, is_recording=True)  # fmt: skip
            house.health("shed", "no-picture", reason="Nothing answers at 192.168.1.24.", last_frame_ts=down_since,
                         next_try_ts=house.now_ms() + 8_000)  # fmt: skip

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        for size in SIZES:
            page = _page(browser, size)
            sign_in(page, url)
            _shoot(page, f"{url}/live", target / f"{size}-live-first.png")
            page.wait_for_timeout(5000)
            page.screenshot(path=target / f"{size}-live.png", full_page=True)
            _shoot(page, f"{url}/watch/front-door", target / f"{size}-watch-first.png")
            page.wait_for_timeout(2500)
            page.screenshot(path=target / f"{size}-watch.png", full_page=True)
            _shoot(page, f"{url}/watch/shed", target / f"{size}-watch-down.png", wait_ms=2500)
            _shoot(page, f"{url}/events", target / f"{size}-events.png", wait_ms=500)
            _shoot(page, f"{url}/events?q=person+garden+tuesday+after+5pm", target / f"{size}-events-found.png")
            _shoot(page, f"{url}/events?month=2026-11", target / f"{size}-events-month.png")
            _shoot(page, f"{url}/events/1?from=push", target / f"{size}-event-push.png", wait_ms=2500)
            _shoot(page, f"{url}/events?camera=shed&type=motion", target / f"{size}-events-none.png")
            _shoot(page, f"{url}/events/1", target / f"{size}-event.png", wait_ms=2500)
            _shoot(page, f"{url}/events/6", target / f"{size}-event-none.png")
            _shoot(page, f"{url}/system", target / f"{size}-system.png")
            page.context.close()
    finally:
        stop.set()
        thread.join()
    _trouble(browser, house, url, target)


def _trouble(browser: Browser, house: House, url: str, target: Path) -> None:
    """Refusals, and a house that is not well."""
    BOARD.set_bus(False)
    full = DiskState(512_000_000_000, 1_200_000_000)
    house.break_page("event_list.events_page")
    with patch.object(house_module, "read_disk", lambda *_: full):
        for size in SIZES:
            page = _page(browser, size)
            _shoot(page, url.replace("127.0.0.1", FOREIGN_NAME), target / f"{size}-421.png")
            _shoot(page, f"{url}/login", target / f"{size}-login.png")
            page.goto("about:blank")
            page.set_content(f"<form method=post action='{url}/login'><button>Go</button></form>")
            page.click("button")
            page.screenshot(path=target / f"{size}-403.png")
            sign_in(page, url)
            _shoot(page, f"{url}/system", target / f"{size}-system-trouble.png")
            _shoot(page, f"{url}/events", target / f"{size}-500.png")
            _shoot(page, f"{url}/nothing", target / f"{size}-404.png")
            page.evaluate("document.getElementById('paused').hidden = false")
            page.screenshot(path=target / f"{size}-updates-paused.png")
            page.context.close()
    for size in SIZES:
        page = _page(browser, size)
        for _ in range(11):
            page.goto(f"{url}/login")
            page.fill("#name", "sam")
            page.fill("#password", "wrong password")
            page.click("button[type=submit]")
        page.wait_for_load_state()
        page.screenshot(path=target / f"{size}-429.png")
        page.context.close()


def _page(browser: Browser, size: str) -> Page:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, has_touch=size != "desk")
    page = context.new_page()
    page.on("console", lambda line: print(size, line.type, line.text, line.location.get("url")))  # noqa: T201
    page.on("pageerror", lambda error: print(size, "ERROR", error))  # noqa: T201
    return page


def _shoot(page: Page, url: str, path: Path, wait_ms: int = 300) -> None:
    page.goto(url)
    page.wait_for_timeout(wait_ms)
    page.screenshot(path=path, full_page=True)


if __name__ == "__main__":
    main()
