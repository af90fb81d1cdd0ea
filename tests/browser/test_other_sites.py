"""What a page of somebody else can and cannot do with the session of who reads it, in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import FOREIGN_NAME, sign_in
from tests.browser.house import House, open_house, serve

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><title>Web mail</title>
<a href="{url}/events/1">Motion, Front door</a>
<form action="{url}/logout" method="post"><button>Win a prize</button></form>"""


@contextmanager
def other_site(page: str) -> Iterator[str]:
    """The address of a page on another site: another name than the house's, and another port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_words: object) -> None:
            """Not in the output of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, name="test other site")
    thread.start()
    try:
        yield f"http://{FOREIGN_NAME}:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def mail(house: House, chromium: Browser) -> Iterator[tuple[Page, str]]:
    """A browser that is signed in and reads a page of another site, and the address of the house."""
    house.client()
    house.event(title="Motion, Front door")
    with serve(house) as url, other_site(PAGE.format(url=url)) as other:
        page = chromium.new_context().new_page()
        sign_in(page, url)
        page.goto(other)
        yield page, url


def test_link_from_another_site_opens_its_event(mail: tuple[Page, str]) -> None:
    page, url = mail
    page.click("a")
    page.wait_for_url(f"{url}/events/1")
    expect(page.locator("h1")).to_contain_text("Motion, Front door")


def test_form_of_another_site_changes_nothing(mail: tuple[Page, str]) -> None:
    page, url = mail
    with page.expect_response(f"{url}/logout") as answer:
        page.click("button")
    assert answer.value.status == 403
    page.goto(f"{url}/events/1")
    expect(page.locator("h1")).to_contain_text("Motion, Front door")
