"""The pages of reels in a real browser: made by clicks and by keyboard, played, each part leading to its event; without
script; clean in every state at both sizes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import reel_page_kit as kit
from tests.browser.chromium import find_violations, press_after_g, sign_in
from tests.browser.house import House, open_house, serve
from tests.conftest import wait_until
from tests.export_kit import do_jobs
from tests.flow.test_export_movie import T0, packets, record
from tests.recording_kit import make_clip
from vigilar.bus.messages import JobChanged
from vigilar.playback.reel.words import QUIET
from vigilar.store import jobs as job_rows
from vigilar.store.events import StoredEvent
from vigilar.web.hub import HUB, job_notice

SHOTS = os.environ.get("VIGILAR_SHOTS")
SIZES = {"phone": (390, 844), "desk": (1440, 900)}
ONE = re.compile(r"/reels/\d+$")
RANGE = "when=range&from=2026-02-02T03:40:00&to=2026-02-02T03:40:24&length=own&own=10&clock=1"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with open_house(folder) as house:
        clip = make_clip(folder)
        record(house, clip, 0, 24)
        house.record("garden", packets(clip, 0, 24), clip.run())
        house.client()
        yield house


@pytest.fixture(scope="module")
def came(house: House) -> tuple[StoredEvent, StoredEvent]:
    """Two who came to the front door, and were recorded; in the garden nothing happens."""
    first, second = (
        house.event(
            what="person", severity="WARNING", title="Person, Front door", ts_ms=T0 + at_s * 1000, length_ms=6000
        )
        for at_s in (3, 15)
    )
    return first, second


@pytest.fixture(scope="module")
def url(house: House) -> Iterator[str]:
    with serve(house) as url:
        yield url


@pytest.fixture
def page(chromium: Browser, house: House, url: str) -> Iterator[Page]:
    kit.forget_all(house)
    page = chromium.new_page(
        viewport={"width": 1440, "height": 900}, timezone_id="Europe/Berlin", service_workers="block"
    )
    sign_in(page, url)
    yield page
    page.close()


def tell(message: JobChanged) -> None:
    """As the bridge does."""
    sources = [one for one in (message.source_id, *message.more_sources) if one]
    HUB.broadcast(
        job_notice(
            message.job_id, message.kind, message.state, message.step, message.percent, message.seconds_left, sources
        )
    )


def job(house: House, reel_id: int) -> job_rows.JobRow:
    row = job_rows.get_job(house.store, reel_id)
    assert row is not None
    return row


def make(house: House, page: Page, url: str) -> str:
    """A reel of those who came, made: the address of its page."""
    page.goto(f"{url}/reels/new?style=highlights&{RANGE}")
    page.get_by_role("button", name="Make it").click()
    page.wait_for_url(ONE)
    do_jobs(house)
    return page.url


def plays(page: Page) -> None:
    page.wait_for_function(
        "() => { const film = document.getElementById('film'); return film.currentTime > 0.3 && film.videoWidth; }"
    )


def test_reel_is_made_by_clicks_and_each_part_leads_to_its_event(
    house: House, came: tuple[StoredEvent, StoredEvent], url: str, page: Page
) -> None:
    page.goto(f"{url}/reels")
    page.get_by_role("link", name="Make one").click()
    page.get_by_label("From, to").check()
    page.get_by_label("From house time").fill("2026-02-02T03:40:00")
    page.get_by_label("To house time").fill("2026-02-02T03:40:24")
    page.get_by_label("Another").check()
    page.get_by_label("Length in seconds").fill("10")
    preview = page.locator("#preview")
    expect(preview.locator(".moment")).to_have_count(2)
    preview.locator(".moment").first.click()
    expect(preview).to_contain_text("Left out (1)")
    expect(preview.locator(".moment")).to_have_count(1)
    page.reload()  # the address keeps the form
    expect(preview).to_contain_text("Left out (1)")
    expect(page.get_by_label("Length in seconds")).to_have_value("10")
    preview.locator(".dropped label").click()
    expect(preview.locator(".moment")).to_have_count(2)
    page.get_by_role("button", name="Make it").click()
    page.wait_for_url(ONE)
    expect(page.locator(".job")).to_contain_text("Waiting")
    page.goto(f"{url}/reels")
    do_jobs(house, tell)
    card = page.locator(".reel")
    expect(card).to_have_attribute("data-state", "done")
    expect(card.locator(".poster img")).to_have_js_property("complete", True)
    card.locator(".poster").click()
    plays(page)
    parts = page.locator("#parts li")
    expect(parts).to_have_count(2)
    expect(parts.first).to_have_attribute("aria-current", "true")
    parts.nth(1).get_by_role("button").click()
    expect(parts.nth(1)).to_have_attribute("aria-current", "true")
    page.locator("#shown").click()
    page.wait_for_url(f"{url}/events/{came[1].id}")


def test_progress_moves_and_lives_through_a_reload(house: House, url: str, page: Page) -> None:
    reel_id = kit.run(house, percent=10, seconds_left=30)
    page.goto(f"{url}/reels")
    kit.go_on(house, reel_id, 42, 7)
    card = page.locator(f"#job-{reel_id}")

    def bar_has_moved() -> bool:
        """It is told again and again, as a worker does: the page may just be fetching what it was before."""
        tell(JobChanged("a", 1, reel_id, "reel", "running", "joining clips", 42, 7, "drive", ["front-door"]))
        page.wait_for_timeout(100)
        return card.locator("progress").evaluate("(one) => one.value") == 42 and "7 s left" in card.inner_text()

    wait_until(bar_has_moved, 20.0)
    page.goto(f"{url}/reels/{reel_id}")
    page.reload()
    expect(page.locator(".job")).to_contain_text("joining clips")
    page.get_by_role("button", name="Stop").click()
    wait_until(lambda: bool(job(house, reel_id).is_cancel_asked), 20.0)
    job_rows.end_cancelled(house.store, reel_id, kit.WORKER, house.now_ms())
    tell(JobChanged("b", 2, reel_id, "reel", "cancelled", source_id="drive", more_sources=["front-door"]))
    expect(page.locator(".job")).to_have_attribute("data-state", "cancelled")


def test_all_of_it_goes_by_keyboard(house: House, came: tuple[StoredEvent, StoredEvent], url: str, page: Page) -> None:
    page.goto(f"{url}/live")
    press_after_g(page, "r")
    page.wait_for_url(f"{url}/reels")
    page.goto(f"{url}/reels/new?style=highlights&{RANGE}")
    page.focus("[name=style]:checked")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Make it":
            break
    page.keyboard.press("Enter")
    page.wait_for_url(ONE)
    do_jobs(house)
    page.goto(page.url)
    plays(page)
    page.keyboard.press("Space")
    expect(page.locator("#film")).to_have_js_property("paused", True)
    parts = page.locator("#parts li")
    page.keyboard.press("n")
    expect(parts.nth(1)).to_have_attribute("aria-current", "true")
    page.keyboard.press("p")
    expect(parts.nth(0)).to_have_attribute("aria-current", "true")
    at_s = page.evaluate("document.getElementById('film').currentTime")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("at => document.getElementById('film').currentTime > at + 4", arg=at_s)
    page.keyboard.press("p")
    page.keyboard.press("p")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/events/{came[0].id}")
    page.go_back()
    page.wait_for_load_state("load")
    page.keyboard.press("Escape")
    page.wait_for_url(f"{url}/reels")


def test_each_second_of_a_time_lapse_leads_to_its_moment(house: House, url: str, page: Page) -> None:
    reel_id = kit.ask(house, camera_id="garden", from_ms=T0, to_ms=T0 + 24_000, length_s=10, smart=False, clock=False)
    do_jobs(house)
    page.goto(f"{url}/reels/{reel_id}")
    plays(page)
    page.evaluate("() => { const film = document.getElementById('film'); film.pause(); film.currentTime = 1.5; }")
    page.wait_for_function("() => !document.getElementById('film').seeking")
    length_s = page.evaluate("document.getElementById('film').duration")
    shown = page.locator("#shown")
    at_ms = int((shown.get_attribute("href") or "").partition("?at=")[2])
    assert abs(at_ms - (T0 + 24_000 * 1.5 / length_s)) < 1500
    expect(shown).to_contain_text("Monday 2 February, 03:40")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/watch/garden?**")


def test_all_of_it_goes_without_script(
    chromium: Browser, house: House, came: tuple[StoredEvent, StoredEvent], url: str
) -> None:
    kit.forget_all(house)
    page = chromium.new_context(java_script_enabled=False).new_page()
    sign_in(page, url)
    page.goto(f"{url}/reels/new?style=highlights&{RANGE}")
    page.locator(".moment").first.click()
    page.get_by_role("button", name="Show the preview again").click()
    expect(page.locator("#preview")).to_contain_text("Left out (1)")
    page.get_by_label("Another").check()
    page.get_by_label("Length in seconds").fill("10")
    page.get_by_role("button", name="Make it").click()
    expect(page.locator(".job")).to_contain_text("Waiting")
    do_jobs(house)
    page.reload()
    expect(page.locator("#parts a")).to_have_attribute("href", f"/events/{came[1].id}")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("main")).to_contain_text("Kept: it stays")
    page.locator(".delete summary").click()
    page.get_by_role("button", name="Delete it").click()
    page.wait_for_url(f"{url}/reels")
    expect(page.locator("main")).to_contain_text("No reels yet")
    page.context.close()


def test_box_that_does_not_answer_leaves_the_preview_and_says_so(
    came: tuple[StoredEvent, StoredEvent], url: str, page: Page
) -> None:
    assert came
    page.goto(f"{url}/reels/new?style=highlights&{RANGE}")
    page.route("**/reels/new?**", lambda route: route.abort())
    page.get_by_label("Everybody who came").check()
    expect(page.locator("#preview-says")).to_be_visible()
    expect(page.locator(".moment")).to_have_count(2)
    page.unroute("**/reels/new?**")
    page.get_by_label("Highlights").check()
    expect(page.locator("#preview-says")).to_be_hidden()


@pytest.mark.parametrize("size", SIZES)
def test_pages_are_clean_in_every_state(
    chromium: Browser, house: House, came: tuple[StoredEvent, StoredEvent], url: str, page: Page, size: str
) -> None:
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    foreign: list[str] = []
    page.on("request", lambda one: foreign.append(one.url) if not one.url.startswith((url, "data:", "blob:")) else None)
    look(page, url, size, "/reels", "empty")
    done = make(house, page, url).removeprefix(url)
    failed = kit.fail(house, "The disk is full.", length_s=61)
    quiet = kit.finish(house, has_film=False, result={"nothing": QUIET}, length_s=62)
    lost = kit.finish(house, has_film=False, length_s=63)
    running = kit.run(house, length_s=64)
    look(page, url, size, "/reels", "list")
    for name, path in (
        ("done", done), ("failed", f"/reels/{failed}"), ("quiet", f"/reels/{quiet}"), ("lost", f"/reels/{lost}"),
        ("running", f"/reels/{running}"), ("form", f"/reels/new?style=highlights&{RANGE}&without={came[0].id}"),
        ("lapse", f"/reels/new?style=smart&camera=front-door&{RANGE}"), ("daily", "/settings/reels"),
    ):  # fmt: skip
        look(page, url, size, path, name)
    assert foreign == []


def look(page: Page, url: str, size: str, path: str, name: str) -> None:
    page.goto(url + path)
    assert find_violations(page) == [], path
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    small = page.evaluate(
        "[...document.querySelectorAll('main button, main a.btn, main select, main summary')].filter((e) => "
        "e.offsetHeight && e.getBoundingClientRect().height < 44).map((e) => e.outerHTML)"
    )
    assert small == [], path
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{size}-{name}.png", full_page=True)
