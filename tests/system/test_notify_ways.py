"""A test of each way beside the phones, from the tap on the page through the real processes to the server that gets it,
and back to the page that says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.fakes.http_ear import Asked, http_server
from tests.fakes.mail_server import MailServer, mail_server
from tests.ports import free_port
from tests.system.chromium import MISSING, signed_in
from tests.system.house import run_house, wait_for

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(420),
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
]


def way_settings(web: Asked, mail: MailServer) -> tuple[str, ...]:
    return (
        "[notify.ntfy]",
        f'address = "http://127.0.0.1:{web.port}"',
        'topic = "house-7f3a"',
        "[notify.email]",
        'host = "localhost"',
        f"port = {mail.port}",
        f'ca_file = "{mail.ca_file}"',
        'sender = "house@example.org"',
        'to = ["sam@example.org"]',
        "[[notify.webhook]]",
        'name = "Lamp"',
        f'address = "http://127.0.0.1:{web.port}/lamp"',
    )


def try_way(page: Page, base: str, lane: str) -> None:
    """Tap on Test; by and by the page says that it was taken."""
    page.goto(f"{base}/settings/notifications")
    entry = page.locator("#ways li").filter(has=page.locator(f'input[value="{lane}"]'))
    expect(entry).to_contain_text("Nothing was sent by it yet.")
    entry.get_by_role("button", name="Test").click()
    look = entry.get_by_role("link", name="See what became of it")

    def is_taken() -> bool:
        if look.count():
            look.click()
        return "Works: took its last message" in entry.inner_text()

    wait_for(is_taken, 60, f"the page says that {lane} took it")
    expect(look).to_have_count(0)


def test_each_way_is_tried_from_the_page(tmp_path: Path) -> None:
    with (
        http_server() as web,
        mail_server(tmp_path, free_port()) as mail,
        run_house(tmp_path / "house", {}, *way_settings(web, mail)) as house,
    ):
        with signed_in(house) as page:
            for lane in ("ntfy", "email", "webhook:Lamp"):
                try_way(page, house.base, lane)
        posts = {path: json.loads(body) for path, _, body in web if body}
        assert sorted(posts) == ["/", "/lamp"]
        assert (posts["/"]["topic"], posts["/"]["message"]) == ("house-7f3a", "What happens reaches ntfy.")
        assert posts["/lamp"]["body"] == "A rule can call this."
        [letter] = mail.mails
        assert "To: sam@example.org" in letter
        assert "What happens reaches this address." in letter
