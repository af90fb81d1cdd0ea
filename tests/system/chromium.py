"""The browser of an owner who has signed in, and how it notes what comes on a page."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tests.browser.chromium import SHELL
from tests.system.house import PASSWORD, RunningHouse

PATIENCE_MS = 60_000.0
"""What a page is waited for, and what is to come on it: no claim on time."""

expect.set_options(timeout=PATIENCE_MS)

CHROMIUM = str(SHELL)
MISSING = "" if SHELL.exists() else f"{CHROMIUM} is not installed"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

_NOTE_CARDS = """() => { window.cards = {}; new MutationObserver(all => {
    for (const m of all) for (const n of m.addedNodes) {
        if (n.nodeType !== 1) continue;
        for (const c of [n, ...n.querySelectorAll("[data-events]")])
            for (const id of (c.dataset.events ?? "").split(" ")) window.cards[id] ??= Date.now(); } })
    .observe(document.body, {childList: true, subtree: true}); }"""


def patient(context: BrowserContext) -> BrowserContext:
    """A window whose pages are waited for on a busy machine, too."""
    context.set_default_timeout(PATIENCE_MS)
    return context


@contextlib.contextmanager
def signed_in(house: RunningHouse) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = patient(browser.new_context()).new_page()
        page.goto(house.base + "/login")
        page.fill("input[name=name]", "sam")
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url("**/live")
        yield page
        browser.close()


def open_events(house: RunningHouse, page: Page) -> None:
    """Open the list of events, and note from now on when a card first has each event."""
    page.goto(house.base + "/events")
    page.evaluate(_NOTE_CARDS)


def shown_ms(page: Page, event: dict[str, Any]) -> float | None:
    """When (UTC ms) a card with that event first came on the open page; None while it has not."""
    found: float | None = page.evaluate("id => window.cards[id] ?? null", str(event["id"]))
    return found
