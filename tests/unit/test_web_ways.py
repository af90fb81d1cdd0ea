"""The ways beside the phones on the page of notifications: how each goes, its test, and who may press it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.browser.house import House, open_house
from vigilar.config.load import parse_config
from vigilar.config.way_cut import way_lanes
from vigilar.notify.way_news import read_news
from vigilar.processes.notify import way_words
from vigilar.store.deliveries import Delivery, claim, expire, note_accepted, note_failed, note_later

SETTINGS = b"""
[notify.ntfy]
address = "http://192.168.1.5:2586"
[notify.email]
host = "mail.home.example"
sender = "house@home.example"
to = ["sam@home.example"]
[[notify.webhook]]
name = "Lamp"
address = "https://hooks.home.example/x?key=s3cret"
"""
LANES = ("ntfy", "email", "webhook:Lamp")
PAGE = "/settings/notifications"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        house.parts.use_settings(replace(house.parts.cfg, ways=way_lanes(parse_config(SETTINGS, "vigilar.toml"))))
        yield house


def let_go(house: House, lane: str) -> Delivery:
    one = claim(house.store, house.node_id, lane, house.now_ms())
    assert one is not None
    return one


def test_each_way_is_on_the_page_with_how_it_goes(house: House) -> None:
    client = house.client()
    page = client.get(PAGE).text
    assert page.count("Nothing was sent by it yet. Try it with Test.") == 3
    assert [name in page for name in ("ntfy", "E-mail", "Webhook Lamp")] == [True] * 3
    shown = {}
    for lane in LANES:
        answer = client.post(f"{PAGE}/ways/test", data={"way": lane})
        shown[lane] = answer.headers["Location"].removesuffix("#ways")
        assert (answer.status_code, shown[lane].partition("&")[0]) == (303, f"{PAGE}?way={lane.replace(':', '%3A')}")
        assert client.get(shown[lane]).text.count("A test is on its way.") == 1
    taken, refused, failed = (let_go(house, lane) for lane in LANES)
    assert (taken.content["body"], taken.way, failed.way) == ("What happens reaches ntfy.", "ntfy", "webhook")
    note_accepted(house.store, taken, house.now_ms())
    note_later(house.store, refused, house.now_ms() + 60_000, "The mail server refuses the login.")
    note_failed(house.store, failed, "Lamp does not take it: it answered 404.")
    assert not any("A test is on its way." in client.get(one).text for one in shown.values()), "all have answered"
    page = client.get(PAGE).text
    assert "Works: took its last message at " in page
    assert "The mail server refuses the login. Last tried at " in page
    assert "Lamp does not take it: it answered 404. Last tried at " in page
    assert "s3cret" not in page
    assert "hooks.home.example" not in page, "an address may hold a key"


def test_look_at_a_test_is_another_address_each_time(house: House) -> None:
    """A link to the address that the browser is at, with a place in the page, loads nothing: it did nothing at all."""
    client = house.client()
    address = client.post(f"{PAGE}/ways/test", data={"way": "email"}).headers["Location"]
    seen = [address]
    for _ in range(2):
        [link] = re.findall(r'<a href="([^"]+)">See what became of it', client.get(seen[-1].removesuffix("#ways")).text)
        seen.append(html.unescape(link))
    assert len(set(seen)) == 3
    assert all(one.endswith("#ways") for one in seen)


def test_way_that_does_not_arrive_is_said_by_the_process_until_it_does(house: House) -> None:
    client = house.client()
    for take in (False, True):
        client.post(f"{PAGE}/ways/test", data={"way": "email"})
        one = let_go(house, "email")
        if take:
            note_accepted(house.store, one, house.now_ms())
        else:
            note_failed(house.store, one, "The mail server takes none of the addresses.")
        words = way_words(read_news(house.store, house.node_id, LANES))
        told = "What goes by email does not arrive. The mail server takes none of the addresses."
        assert words == ("" if take else told)


def test_reason_stays_when_a_message_became_too_late(house: House) -> None:
    house.client().post(f"{PAGE}/ways/test", data={"way": "email"})
    one = let_go(house, "email")
    note_later(house.store, one, house.now_ms() + 60_000, "The mail server refuses the login.")
    assert expire(house.store, house.node_id, one.expires_ms, "It came too late.") == 1
    (news,) = read_news(house.store, house.node_id, ("email",))
    assert (news.mark, news.reason) == ("bad", "It came too late. The mail server refuses the login.")


def test_way_of_no_settings_is_not_tried_and_only_an_owner_tries(house: House) -> None:
    client = house.client()
    assert client.post(f"{PAGE}/ways/test", data={"way": "webhook:Other"}).status_code == 404
    kim = house.member("adult")
    assert "Other ways" not in kim.get(PAGE).text
    assert kim.post(f"{PAGE}/ways/test", data={"way": "email"}).status_code == 403
    assert claim(house.store, house.node_id, "email", house.now_ms()) is None


def test_house_without_other_ways_says_where_they_are_set_up(house: House) -> None:
    house.parts.use_settings(replace(house.parts.cfg, ways=()))
    assert "/help/operator-guide#ways-beside-the-phones" in house.client().get(PAGE).text
