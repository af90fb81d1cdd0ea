"""Makes the pictures of the guides from a running house of drawn scenes:

    vigilar demo --data-dir DIR --port 49735 &
    python -m tests.browser.guide_pictures http://127.0.0.1:49735 docs/pictures

Begin with a new DIR for the picture of the first page: this sets up the owner, tries a camera without adding it, and
takes each page as it is. After a quarter of an hour there are events. JPEG, since the scenes are pictures. Where the
house has an owner already, the picture of the first page stays as it was. With names behind the folder only those
pictures are made.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import launch
from tests.browser.house import NAME, PASSWORD
from tests.fakes.rtsp_camera import FakeCamera, Fault
from vigilar.demo.scenes import SCENES, Scene, ensure_clip

QUALITY = 66
SIZE = {"width": 1100, "height": 700}
SETTLE_MS = 4000
PAGES = {
    "live": "/live",
    "events": "/events",
    "watch": "/watch/street",
    "system": "/system",
    "sheet": "/system/keys",
    "trust": "/trust",
    "notifications": "/settings/notifications",
    "members": "/settings/members",
    "exports": "/exports",
    "reel-new": "/reels/new?style=highlights&when=today&length=30&clock=1",
    "arm": "/arm",
    "zones": "/cameras/street/zones",
}


def main() -> None:
    url, folder, wanted = sys.argv[1].rstrip("/"), Path(sys.argv[2]), set(sys.argv[3:])
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        if not wanted or name in wanted:
            page.screenshot(path=folder / f"{name}.jpg", type="jpeg", quality=QUALITY)

    with sync_playwright() as playwright:
        page = launch(playwright).new_page(viewport=SIZE, color_scheme="dark")  # type: ignore[arg-type]  # it is one
        page.goto(url)
        page.wait_for_load_state()
        if page.url.endswith("/setup"):
            take(page, "setup")
        enter(page)
        for name, path in PAGES.items():
            if not wanted or name in wanted:
                page.goto(url + path)
                page.wait_for_timeout(SETTLE_MS)
                take(page, name)
        if not wanted or "add" in wanted:
            with tempfile.TemporaryDirectory() as clips:
                try_camera(page, url, Path(clips))
                take(page, "add")
        if not wanted or "reel" in wanted:
            make_reel(page, url)
            take(page, "reel")


def make_reel(page: Page, url: str) -> None:
    """A reel of what came by today is made, and is shown a little way in."""
    page.goto(url + PAGES["reel-new"])
    page.get_by_role("button", name="Make it").click()
    page.locator("#film").wait_for(timeout=600_000)
    page.wait_for_function("() => document.getElementById('film').currentTime > 8")  # its buttons are gone by then


def try_camera(page: Page, url: str, folder: Path) -> None:
    """A camera of a drawn scene is tried, and shows its picture and its report card."""
    street = SCENES[0]
    clip = ensure_clip(Scene("tried", street.place, street.act, 12), folder).main
    with FakeCamera({"tried": (clip, Fault())}) as camera:
        page.goto(f"{url}/cameras/add")
        page.fill("#address", camera.url("tried"))
        page.click("#test")
        page.locator("#save").wait_for(timeout=120_000)
        page.wait_for_timeout(1000)


def enter(page: Page) -> None:
    """Sets up the owner, or signs in."""
    page.fill("input[name=name]", NAME)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_timeout(3000)


if __name__ == "__main__":
    main()
