"""A served house and what tests ask of the pages that look back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page

from tests.browser.chromium import sign_in
from tests.browser.house import House
from tests.browser.recorded_day import RecordedDay

HOUR_MS = 3_600_000
SIZES = {"desk": (1440, 900), "phone": (390, 844)}

SHOWS_A_PICTURE = """(where) => {
    const video = document.querySelector(where);
    const canvas = new OffscreenCanvas(1, 1);
    canvas.getContext("2d").drawImage(video, 0, 0, 1, 1);
    const [red] = canvas.getContext("2d").getImageData(0, 0, 1, 1).data;
    return video.getVideoPlaybackQuality().totalVideoFrames > 0 && red > 60;
}"""
"""Of the grey picture that ``make_refresh_clip`` draws, of 0 to 255; a player without one is black."""


@dataclass(slots=True)
class Site:
    house: House
    url: str
    day: RecordedDay
    chromium: Browser

    def page(self, size: str = "desk", zone: str = "Europe/Berlin", **options: Any) -> Page:
        width, height = SIZES[size]
        context = self.chromium.new_context(
            viewport={"width": width, "height": height},
            has_touch=size == "phone",
            timezone_id=zone,
            service_workers="block",
            **options,
        )
        page = context.new_page()
        sign_in(page, self.url)
        return page

    def watch(self, page: Page, query: str = "") -> None:
        page.goto(f"{self.url}/watch/front-door{query}")
        if page.locator("#strip-box").is_visible():
            page.wait_for_function("() => !document.getElementById('past').hasAttribute('aria-busy')")

    def watch_day(self, page: Page) -> None:
        """Yesterday as a whole, nothing playing."""
        self.watch(page, f"?day={self.day.day.isoformat()}")
        page.wait_for_function("() => document.getElementById('strip').getAttribute('aria-valuetext') !== null")


def strip_box(page: Page) -> tuple[float, float, float]:
    """Left, middle height and width of the strip."""
    page.locator("#strip").scroll_into_view_if_needed()
    box = page.locator("#strip").bounding_box()
    assert box is not None
    return box["x"], box["y"] + box["height"] / 2, box["width"]


def value(page: Page) -> int:
    return int(page.locator("#strip").get_attribute("aria-valuenow") or 0)


def x_of(site: Site, page: Page, ms: int) -> float:
    """Where ``ms`` is on the strip of the whole day."""
    left, _, width = strip_box(page)
    start, end = site.day.at(0), site.day.at(0) + 24 * HOUR_MS
    return left + (ms - start) / (end - start) * width


def wait_playing(page: Page, from_ms: int, within_ms: int = 20_000) -> int:
    """Wait until the player plays a moment in [from_ms, from_ms + within_ms); it. It plays on while this is asked: on a
    busy machine some seconds."""
    page.wait_for_function(
        "([from, to]) => { const now = Number(document.getElementById('strip').getAttribute('aria-valuenow'));"
        " return document.getElementById('past-stage').dataset.state === 'ready' && now >= from - 1 && now < to; }",
        arg=[from_ms, from_ms + within_ms],
        timeout=60_000,
    )
    return value(page)


def step(page: Page, key: str) -> int:
    """Press the key of one picture on or back; the moment that is shown then."""
    before = value(page)
    page.keyboard.press(key)
    page.wait_for_function(
        "(at) => Number(document.getElementById('strip').getAttribute('aria-valuenow')) !== at", arg=before
    )
    now = -1
    while now != value(page) or page.evaluate("document.getElementById('past-video').seeking"):  # it may take several
        now = value(page)
        page.wait_for_timeout(300)
    return now


def shown_picture(page: Page) -> tuple[int, int]:
    """When the picture of the preview was taken, and its grey: at one moment, since a better one may be on its way."""
    taken, grey = page.evaluate(
        "[document.getElementById('preview').dataset.taken,"
        " document.getElementById('preview-picture').getContext('2d').getImageData(96, 54, 1, 1).data[0]]"
    )
    return int(taken), int(grey)


class Finger:
    """Touches as the browser gets them from a screen."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._at = (0.0, 0.0)

    def _send(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(points)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def down(self, x: float, y: float) -> None:
        self._at = (x, y)
        self._send("touchStart", self._at)

    def move(self, x: float, y: float, steps: int) -> None:
        from_x, from_y = self._at
        for step in range(1, steps + 1):
            self._at = (from_x + (x - from_x) * step / steps, from_y + (y - from_y) * step / steps)
            self._send("touchMove", self._at)

    def up(self) -> None:
        self._send("touchEnd")

    def tap(self, x: float, y: float) -> None:
        self.down(x, y)
        self.up()

    def pinch(self, x: float, y: float, near: float, far: float) -> None:
        self._send("touchStart", (x - near / 2, y), (x + near / 2, y))
        for step in range(1, 9):
            apart = near + (far - near) * step / 8
            self._send("touchMove", (x - apart / 2, y), (x + apart / 2, y))
        self._send("touchEnd")
