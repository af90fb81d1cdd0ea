"""A browser for the tests of a process, and a clean one for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chromium import AXE, SHELL, launch
from tests.conftest import PATIENCE_S
from tests.page_chaos import disturb_pages_if_asked

disturb_pages_if_asked()

expect.set_options(timeout=PATIENCE_S * 1000)
"""No claim on time: browsers of several tests at once share few cores."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    missing = [str(path) for path in (SHELL, AXE) if not path.exists()]
    assert not missing, f"{missing} missing: scripts/test.sh brings them"
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def _close_pages(chromium: Browser) -> Iterator[None]:
    """What a test opened is gone after it; what its file shares stays."""
    shared = list(chromium.contexts)
    yield
    for context in list(chromium.contexts):
        if context not in shared:
            context.close()
