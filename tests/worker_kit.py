"""What tests tell a browser's service worker before they look at what it shows."""

from __future__ import annotations

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
