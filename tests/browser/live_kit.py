"""A served house full of live cameras, and a browser for it: for tests of the live pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.chromium import sign_in
from tests.browser.house import LONG_MS, House, open_house, serve
from tests.recording_kit import Clip
from vigilar.base.stop import Stop

HIDE = """isHidden => { Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
    document.dispatchEvent(new Event("visibilitychange")); }"""


class Place:
    """A served house with so many cameras, all live, and a browser for it."""

    def __init__(self, house: House, url: str, chromium: Browser, cables: dict[str, Stop]) -> None:
        self.house, self.url, self.cables = house, url, cables
        self._chromium = chromium

    def browser(self, width: int = 1440, height: int = 900) -> BrowserContext:
        """Signed in, with a window that shows nothing yet."""
        context = self._chromium.new_context(viewport={"width": width, "height": height})
        sign_in(context.new_page(), self.url)
        return context

    def page(self, path: str = "/live", width: int = 1440, height: int = 900) -> Page:
        page = self.browser(width, height).pages[0]
        page.goto(self.url + path)
        return page

    def close(self) -> None:
        for context in list(self._chromium.contexts):
            context.close()

    def well(self) -> None:
        self.house.well(*self.cables)


@contextmanager
def opened(folder: Path, chromium: Browser, clip: Clip, count: int, *, heard_ms: int = LONG_MS) -> Iterator[Place]:
    cameras = tuple((f"cam-{number}", f"Camera {number}") for number in range(1, count + 1))
    with open_house(folder, cameras, heard_ms=heard_ms) as house, serve(house) as url, ExitStack() as ending:
        house.client()
        cables = {camera_id: house.feed(camera_id, clip) for camera_id, _ in cameras}
        place = Place(house, url, chromium, cables)
        place.well()
        ending.callback(place.close)
        yield place


def report(capsys: pytest.CaptureFixture[str], words: str) -> None:
    with capsys.disabled():
        print(f"\n{words}", end="")  # noqa: T201 -- the figure of the test
