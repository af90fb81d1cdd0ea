"""Headless Chromium of the system, as tests start it: never the network, never a first-run page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright

from tests.browser.house import NAME, PASSWORD, House

EXECUTABLE = Path("/usr/bin/chromium")
"""The whole browser, for what only that has: notifications, its own list of certificates."""

SHELL = Path("/usr/bin/chromium-headless-shell")
"""The same engine without windows of the browser's own, which show no page of ours and cost a third of its time."""

AXE = Path(__file__).resolve().parents[2] / "build" / "axe.min.js"
"""Brought by ``python3 assets/build.py --tests``."""

FOREIGN_NAME = "somebody.example"
"""A name that leads to this machine and is none of the house's."""

ARGUMENTS = [
    f"--host-resolver-rules=MAP {FOREIGN_NAME} 127.0.0.1",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=str(SHELL), args=ARGUMENTS)


def whole_browser(shell: Browser) -> Browser:
    """Beside the shell, for what only the whole browser has."""
    return shell.browser_type.launch(executable_path=str(EXECUTABLE), args=ARGUMENTS)


def sign_in(page: Page, url: str) -> None:
    """The window is signed in, and shows nothing yet: by the API, which costs a tenth of the page of login and the live
    page behind it. For those there is ``sign_in_by_page``."""
    answer = page.request.post(f"{url}/api/v1/login", data={"name": NAME, "password": PASSWORD})
    assert answer.ok, answer.text()


def sign_in_by_page(page: Page, url: str) -> None:
    """As people do, who then see the live page."""
    page.goto(f"{url}/login")
    page.fill("#name", NAME)
    page.fill("#password", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{url}/live")


def press_after_g(page: Page, key: str) -> None:
    """``g`` and then ``key`` at one moment by the browser's clock: the page takes the two for one within two seconds,
    and on a busy machine the way of the second to it may take longer."""
    line, at_s = page.context.new_cdp_session(page), time.time()
    for one in ("g", key):
        for event in ({"type": "keyDown", "text": one}, {"type": "keyUp"}):
            line.send("Input.dispatchKeyEvent", {**event, "key": one, "timestamp": at_s})
    line.detach()


def wait_listening(page: Page, house: House, count: int = 1) -> None:
    """Until the streams of so many pages are open. What the house has stored is told a page that comes late; how a
    camera is, and how far a job, is heard by those only that listen."""
    for _ in range(1000):
        if house.parts.hub.count() == count:
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"{house.parts.hub.count()} streams, not {count}")


def wait_scrolled(page: Page) -> None:
    """Pages scroll smoothly: what is looked at on the way may be half under the header or the tabs."""
    page.evaluate(
        """() => new Promise((resolve) => {
            let [place, still] = [scrollY, 0];
            const look = () => {
                still = scrollY === place ? still + 1 : 0;
                place = scrollY;
                if (still > 10) resolve();
                else requestAnimationFrame(look);
            };
            look();
        })"""
    )


def find_violations(page: Page) -> list[str]:
    """What axe-core objects to, with the element; WCAG 2.2 AA and its own best practices. Looks at a page that is whole
    and stands still: what fades in has no contrast yet."""
    page.wait_for_load_state("load")
    wait_scrolled(page)
    # Through the debugger, not a script tag: the pages' policy allows no foreign script, and shall not for a test.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: Any = page.evaluate(
        """async () => {
            const moving = document.getAnimations().filter(
                (one) => one.playState === "running" && one.effect?.getComputedTiming().endTime !== Infinity);
            await Promise.allSettled(moving.map((one) => one.finished));
            const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
            const result = await axe.run(document, { runOnly: tags });
            return result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).join(" | ")}`);
        }"""
    )
    return [str(one) for one in found]
