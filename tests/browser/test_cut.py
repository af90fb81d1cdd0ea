"""What is marked on the strip is what is exported: by keys alone, by touch, and only by who may."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.chromium import find_violations
from tests.browser.house import PASSWORD, open_house, serve
from tests.browser.look_back_kit import Finger, Site, step, value, wait_playing
from tests.browser.recorded_day import make_day
from vigilar.playback.export.make import ExportPlan, ExportWish, make_export
from vigilar.store.exports import ExportParams
from vigilar.store.jobs import get_job

pytestmark = pytest.mark.browser

PICTURE_MS = 200


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("house")
    with open_house(folder) as house, serve(house) as url:
        house.client()
        yield Site(house, url, make_day(house, folder), chromium)


def stand_at(site: Site, page: Page, hour: int, minute: int) -> None:
    """Paused there, the strip in focus."""
    site.watch(page, f"?at={site.day.at(hour, minute)}")
    wait_playing(page, site.day.at(hour, minute))
    page.locator("#strip").focus()
    page.keyboard.press("k")
    page.wait_for_function("() => document.getElementById('past-video').paused")


def jump(page: Page, key: str, by_ms: int) -> None:
    before = value(page)
    page.keyboard.press(key)
    page.wait_for_function(
        "([at]) => Math.abs(document.getElementById('strip').getAttribute('aria-valuenow') - at) < 700",
        arg=[before + by_ms],
    )
    page.wait_for_function("() => document.getElementById('past-stage').dataset.state === 'ready'")


def exported(site: Site, page: Page) -> tuple[ExportParams, ExportPlan]:
    """What was asked for, of the export whose page was reached, and what comes of it."""
    page.wait_for_url("**/exports/*")
    row = get_job(site.house.store, int(page.url.rsplit("/", 1)[1]))
    assert row is not None
    params = ExportParams.of(row)
    wish = ExportWish(
        camera_id=params.camera_id,
        camera_name="Front door",
        from_ms=params.from_ms,
        to_ms=params.to_ms,
        proof=False,
        house="House",
        zone_name="Europe/Berlin",
        made_by="sam",
        software="test",
    )
    return params, make_export(site.house.parts.footage, wish, lambda *_: None, site.house.now_ms())


def test_keys_alone_go_to_an_event_mark_to_the_picture_and_export(site: Site) -> None:
    page = site.page()
    stand_at(site, page, 8, 1)
    page.keyboard.press("n")
    wait_playing(page, site.day.motion.ts_ms - 1000)
    expect(page.locator("#past-note")).to_contain_text("Motion")
    page.wait_for_function("() => !document.getElementById('past-video').paused")
    page.keyboard.press("k")
    page.wait_for_function("() => document.getElementById('past-video').paused")
    first = step(page, ".")
    page.keyboard.press("[")
    expect(page.locator("#cut-says")).to_contain_text("Now mark the end.")
    expect(page.locator("#cut-export")).to_be_disabled()
    jump(page, "l", 10_000)
    last = step(page, ".")
    page.keyboard.press("]")
    expect(page.locator("#cut-says")).to_contain_text("10 s")
    assert find_violations(page) == []
    page.keyboard.press("e")
    params, plan = exported(site, page)
    assert abs(params.from_ms - first) <= 1
    assert abs(params.to_ms - 1 - last) <= 1
    assert (params.camera_id, params.proof) == ("front-door", True)
    [(_, movie)] = plan.movies
    assert abs(movie.start_ms - first) <= 1, "the first picture of the file is the one that was shown"
    assert movie.pictures == round((last - first) / PICTURE_MS) + 1, "and the last one is in it too"


def test_keys_go_from_event_to_event(site: Site) -> None:
    page = site.page()
    stand_at(site, page, 8, 1)
    page.keyboard.press("n")
    wait_playing(page, site.day.motion.ts_ms - 1000)
    for _ in range(2):  # over that of the camera without a picture
        page.keyboard.press("n")
        page.wait_for_timeout(100)
    expect(page.locator("#past-note")).to_contain_text("Motion while armed")
    wait_playing(page, site.day.alert.ts_ms - 1000)
    for _ in range(2):
        page.keyboard.press("p")
    wait_playing(page, site.day.motion.ts_ms - 1000)
    page.keyboard.press("p")
    expect(page.locator("#past-note")).to_contain_text("No event before this on the strip.")


def test_marks_by_touch_are_four_taps_from_the_file(site: Site) -> None:
    page = site.page("phone")
    site.watch(page, f"?at={site.day.at(8, 2)}")
    first = wait_playing(page, site.day.at(8, 2))
    page.locator("#cut-from").tap()
    page.locator('[data-span="600000"]').tap()
    page.locator("#strip").scroll_into_view_if_needed()
    box = page.locator("#strip").bounding_box()
    assert box is not None
    finger = Finger(page)
    finger.down(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    finger.move(box["x"] + box["width"] / 2 + 24, box["y"] + box["height"] / 2, steps=4)
    finger.up()
    page.wait_for_function(
        "([first]) => document.getElementById('past-stage').dataset.state === 'ready' && "
        "document.getElementById('strip').getAttribute('aria-valuenow') - first > 5000",
        arg=[first],
    )
    page.locator("#cut-to").tap()
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#cut-proof").uncheck()
    page.locator("#cut-export").tap()
    params, plan = exported(site, page)
    assert not params.proof
    assert params.from_ms >= first - 1
    assert plan.movies


def test_end_before_the_start_begins_anew_and_clear_takes_both(site: Site) -> None:
    page = site.page()
    stand_at(site, page, 8, 3)
    page.locator("#cut-from").click()
    jump(page, "j", -10_000)
    page.locator("#cut-to").click()
    expect(page.locator("#cut-says")).to_contain_text("Now mark the start.")
    page.keyboard.press("e")
    expect(page.locator("#past-note")).to_have_text("Mark the start and the end of what is to be exported.")
    page.locator("#cut-clear").click()
    expect(page.locator("#cut")).to_be_hidden()
    expect(page.locator("#cut-from")).to_be_focused()


def test_live_cannot_be_marked_and_a_refusal_is_said(site: Site) -> None:
    page = site.page()
    site.watch(page)
    page.locator("#cut-from").click()
    expect(page.locator("#past-note")).to_contain_text("Only what is recorded can be exported.")
    expect(page.locator("#cut")).to_be_hidden()
    stand_at(site, page, 8, 3)
    page.keyboard.press("[")
    jump(page, "l", 10_000)
    page.keyboard.press("]")
    asked: list[Route] = []
    page.route("**/api/v1/exports", lambda route: asked.append(route))
    for _ in range(3):
        page.keyboard.press("e")
    expect(page.locator("#cut-export")).to_be_disabled()
    page.wait_for_timeout(300)
    [wish] = asked
    wish.abort()
    expect(page.locator("#past-note")).to_have_text("The box did not answer. Try again.")
    expect(page.locator("#cut-export")).to_be_enabled()


def test_who_may_not_export_has_no_marks(site: Site) -> None:
    site.house.member("child", name="kid")
    page = site.page()
    page.context.clear_cookies()
    assert page.request.post(f"{site.url}/api/v1/login", data={"name": "kid", "password": PASSWORD}).ok
    site.watch(page, f"?at={site.day.at(8, 2)}")
    wait_playing(page, site.day.at(8, 2))
    page.locator("#strip").focus()
    page.keyboard.press("[")
    page.keyboard.press("e")
    expect(page.locator("#cut-from")).to_have_count(0)
    assert "square brackets" not in page.locator("#past").inner_text()
