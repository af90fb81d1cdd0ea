"""What tests tell a browser's service worker before they look at what it shows."""

from __future__ import annotations

from playwright.sync_api import Page, Worker

from tests.conftest import wait_until


def worker_of(page: Page) -> Worker:
    """The service worker of the page's window. The page may know it before it is told here."""

    def is_told() -> bool:
        page.wait_for_timeout(20)
        return bool(page.context.service_workers)

    wait_until(is_told, 30)
    return page.context.service_workers[0]


ONE_AT_A_TIME = """() => {
    const { prototype } = ServiceWorkerRegistration;
    let last = Promise.resolve();
    for (const name of ["showNotification", "getNotifications"]) {
        const real = prototype[name];
        prototype[name] = function (...all) {
            const turn = last.then(() => real.apply(this, all));
            last = turn.catch(() => {});
            return turn; };
    } }"""
"""Chromium first notes a notification, and then shows it; a list of them asks first what is shown, and then throws away
the notes of all else. A list that is asked for while one is being shown can lose it: it stands there, and is in none.
The worker itself does both in turn; tests, which ask again and again, must not come between."""
