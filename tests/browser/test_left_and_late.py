"""Pages that load while something is told, are left, or ask a box that is slow to answer: what they know then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.chromium import sign_in, wait_listening
from tests.browser.held_back import HeldBack
from tests.browser.house import House, open_house, serve
from tests.conftest import wait_until

pytestmark = pytest.mark.browser

LEFT = 'dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }))'
SHOWN_AGAIN = 'dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))'
WAITING_TO_LEAD = """navigator.locks.query().then(({ pending }) =>
    pending.filter(({ name }) => name === "vigilar.stream").length)"""

REFUSED = """(() => { window.opened = 0;
    window.EventSource = class extends EventTarget { static CLOSED = 2;
        constructor() { super(); opened += 1; this.readyState = 2; setTimeout(() => this.onerror(new Event("error"))); }
        close() {} }; })()"""

HEARD = """async () => {
    const { stream } = await import(`${document.documentElement.dataset.assets}js/stream.js`);
    stream.dispatchEvent(new CustomEvent("health", { detail: { cameras: [] } })); }"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[House, str]]:
    with open_house(tmp_path) as house, serve(house) as url:
        house.client()
        house.well("front-door", "garden", "drive", "shed")
        yield house, url


def opened(chromium: Browser, url: str) -> Page:
    page = chromium.new_context(service_workers="block").new_page()
    sign_in(page, url)
    return page


def test_window_that_comes_later_misses_no_visit(chromium: Browser, site: tuple[House, str]) -> None:
    """What another window was told between the writing of this page and its start came to lists alone."""
    house, url = site
    first = opened(chromium, url)
    first.goto(f"{url}/live")
    wait_listening(first, house)
    second = first.context.new_page()
    script = HeldBack(second, "**/js/live_grid.js")
    second.goto(f"{url}/live", wait_until="commit")
    script.wait()
    house.tell(house.event(title="Motion, meanwhile"))
    expect(first.locator("#just-now li")).to_contain_text("Motion, meanwhile")
    script.let_go()
    expect(second.locator("#just-now li")).to_contain_text("Motion, meanwhile")


def test_what_a_camera_says_while_the_first_picture_comes_is_heard(chromium: Browser, site: tuple[House, str]) -> None:
    """That its process ended is told once. The tile went on to say that it was live."""
    house, url = site
    page = opened(chromium, url)
    page.add_init_script("AbortSignal.timeout = () => null")
    held: list[Route] = []
    page.route("**/live/contact-sheet.jpg", lambda route: held.append(route))
    page.goto(f"{url}/live", wait_until="commit")
    wait_listening(page, house)
    wait_until(lambda: bool(page.evaluate("1")) and bool(held), 20)
    house.health("garden", "no-picture", reason="Nothing answers.")
    tile = page.locator("[data-camera=garden]")
    expect(tile.locator(".hatch")).to_contain_text("Nothing answers.")
    held[0].abort()


def test_page_that_was_left_does_not_wait_to_lead(chromium: Browser, site: tuple[House, str]) -> None:
    """The browser would give it its turn while nobody sees it, and no other window would hear the house."""
    house, url = site
    first = opened(chromium, url)
    first.goto(f"{url}/settings")
    wait_listening(first, house)
    second = first.context.new_page()
    second.goto(f"{url}/settings")
    wait_until(lambda: second.evaluate(WAITING_TO_LEAD) == 1, 20)
    second.evaluate(LEFT)
    wait_until(lambda: second.evaluate(WAITING_TO_LEAD) == 0, 20)
    second.evaluate(SHOWN_AGAIN)
    wait_until(lambda: second.evaluate(WAITING_TO_LEAD) == 1, 20)


def test_page_that_was_left_after_a_refusal_opens_no_stream(chromium: Browser, site: tuple[House, str]) -> None:
    """Another window leads by then."""
    _, url = site
    page = opened(chromium, url)
    page.clock.install()
    page.add_init_script(REFUSED)
    page.goto(f"{url}/settings")
    page.wait_for_function("() => opened === 1")
    page.clock.run_for(100)
    page.evaluate(LEFT)
    with page.expect_response("**/api/v1/me"):
        page.clock.run_for(3_000)
    page.wait_for_timeout(200)
    assert page.evaluate("opened") == 1


def test_box_that_is_slow_to_answer_and_speaks_meanwhile_is_there(chromium: Browser, site: tuple[House, str]) -> None:
    _, url = site
    page = opened(chromium, url)
    page.clock.install()
    page.add_init_script(REFUSED.replace("setTimeout(", "(() => {})("))
    held: list[Route] = []
    page.route("**/healthz", lambda route: held.append(route))
    page.goto(f"{url}/events")
    page.clock.run_for(10_000)
    wait_until(lambda: bool(page.evaluate("1")) and bool(held), 20)
    page.evaluate(HEARD)
    with page.expect_event("requestfailed"):
        held[0].abort()
    page.wait_for_timeout(200)
    expect(page.locator("html:not([data-away])")).to_have_count(1)
    page.clock.run_for(9_000)
    wait_until(lambda: bool(page.evaluate("1")) and len(held) == 2, 20)
    held[1].abort()
    expect(page.locator("html[data-away]")).to_have_count(1)
