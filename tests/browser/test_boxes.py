"""Boxes over pictures in a real browser: live by the stream, over a recording by its moment, and switched off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import find_violations, sign_in
from tests.browser.house import House, open_house, serve
from tests.recording_kit import Clip, make_clip
from tests.unit.test_web_objects import track, visit
from vigilar.base.track_path import PathBox
from vigilar.store.events import name_event
from vigilar.web.hub import HUB, OBJECTS, make_notice

pytestmark = [pytest.mark.browser, pytest.mark.long]

PERSON = {"track": 1, "kind": "person", "score": 0.9, "box": [0.25, 0.25, 0.5, 0.75]}

PURPLE = """canvas => { const { width, height } = canvas; const brush = canvas.getContext("2d");
    const at = (x, y) => [...brush.getImageData(Math.round(x * width), Math.round(y * height), 1, 1).data];
    return [at(0.25, 0.5), at(0.4, 0.5)]; }"""
"""The pixels on the left side of the box, and in its middle."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), gop=10, size=(320, 180))


@contextmanager
def page_of(house: House, chromium: Browser, path: str, width: int = 1440, height: int = 900) -> Iterator[Page]:
    with serve(house) as url:
        context = chromium.new_context(viewport={"width": width, "height": height})
        page = context.new_page()
        sign_in(page, url)
        page.goto(url + path)
        yield page
        context.close()


def tell_until(house: House, page: Page, shown: str) -> list[list[int]]:
    """Tell of somebody in the newest picture, again and again as a camera does, until the page shows ``shown``; the
    pixels of that moment."""
    layer = page.locator("#stage canvas.boxes")
    for _ in range(150):
        content = {"camera_id": "front-door", "ts": house.now_ms(), "motion_id": "m", "objects": [PERSON]}
        HUB.broadcast(make_notice(OBJECTS, content, source_id="front-door"))
        name, pixels = layer.evaluate(f"canvas => [canvas.dataset.shown, ({PURPLE})(canvas)]")
        if name == shown:
            return [list(one) for one in pixels]
        page.wait_for_timeout(200)
    raise AssertionError(f"the boxes never were {shown!r}")


def test_live_picture_has_boxes_that_can_be_switched_off(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    with open_house(tmp_path) as house:
        house.client()
        house.well("front-door")
        house.feed("front-door", clip)
        with page_of(house, chromium, "/watch/front-door") as page:
            edge, middle = tell_until(house, page, "person")
            assert edge[3] > 0, "a line is there"
            assert middle[3] == 0, "and nothing within it"
            switch = page.get_by_role("button", name="Boxes")
            expect(switch).to_have_attribute("aria-pressed", "true")
            switch.click()
            expect(switch).to_have_attribute("aria-pressed", "false")
            tell_until(house, page, "")
            page.reload()
            expect(switch).to_have_attribute("aria-pressed", "false")  # this browser remembers
            assert find_violations(page) == []


def test_recorded_visit_shows_its_boxes_and_its_way(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    with open_house(tmp_path) as house:
        house.client()
        house.well("front-door")
        house.record("front-door", clip.video, clip.run())
        start = clip.video[0].utc_ns // 1_000_000
        event = visit(house, ts_ms=start, length_ms=3000, still_id=house.still("front-door", b"no picture"))
        way = [PathBox(start - 2000 + 500 * n, 0.25, 0.25, 0.25, 0.5) for n in range(14)]
        track(house, event, start_ms=start - 2000, boxes=way)
        with page_of(house, chromium, f"/events/{event.id}", 390, 844) as page:
            layer = page.locator(".stage canvas.boxes")
            expect(layer).to_have_attribute("data-shown", "person")
            expect(page.locator(".visit-path polyline")).to_have_count(2)
            page.get_by_role("button", name="Boxes").click()
            expect(layer).to_have_attribute("data-shown", "")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            assert find_violations(page) == []


def test_list_takes_a_visit_that_gets_its_name(tmp_path: Path, chromium: Browser) -> None:
    with open_house(tmp_path) as house:
        house.client()
        house.well("front-door")
        with page_of(house, chromium, "/events") as page:
            event = house.event(length_ms=None)
            house.tell(event)
            card = page.locator(f"#event-{event.id} h3")
            expect(card).to_have_text("Motion, Front door")
            payload = {**event.payload, "title": "Person, Front door"}
            named = name_event(house.store, event.id, kind="person", label_score=0.9, still_id=None, payload=payload)
            assert named is not None
            house.tell(named, is_update=True)
            expect(card).to_have_text("Person at the front door")
