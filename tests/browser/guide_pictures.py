"""Makes the pictures of the guides from a running house of drawn scenes:

    vigilar demo --data-dir DIR --port 49735 &
    python -m tests.browser.guide_pictures http://127.0.0.1:49735 docs/pictures

Sets up an owner where there is none yet, and takes each page as it is. JPEG, since the scenes are pictures.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.chromium import launch
from tests.browser.house import NAME, PASSWORD

QUALITY = 72
PAGES = {
    "live": "/live",
    "events": "/events",
    "watch": "/watch/street",
    "system": "/system",
    "rules": "/settings/notifications",
}


def main() -> None:
    url, folder = sys.argv[1].rstrip("/"), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        page = launch(playwright).new_page(viewport={"width": 1200, "height": 750}, color_scheme="dark")
        enter(page, url)
        for name, path in PAGES.items():
            page.goto(url + path)
            page.wait_for_timeout(4000)
            page.screenshot(path=folder / f"{name}.jpg", type="jpeg", quality=QUALITY)


def enter(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_load_state()
    page.fill("input[name=name]", NAME)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_timeout(3000)


if __name__ == "__main__":
    main()
