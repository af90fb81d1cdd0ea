"""The ways beside the phones on the page of notifications: how each goes, and its test."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from flask import request

from vigilar.notify.trial import way_test
from vigilar.notify.way_news import WayNews, read_news
from vigilar.store import owing
from vigilar.web.own_phones import when_text
from vigilar.web.parts import parts
from vigilar.web.problems import Problem


@dataclass(frozen=True, slots=True)
class WayLine:
    """A way on the page. ``mark`` is ``ok``, ``bad`` or ``unknown``: the symbol beside the ``sentence``. ``look_again``
    is where its test is looked at again while nothing is known of it; empty for none."""

    lane: str
    name: str
    mark: str
    sentence: str
    look_again: str


def way_lines() -> list[WayLine]:
    here = parts()
    news = read_news(here.store, here.cfg.node_id, here.cfg.ways)
    return [WayLine(one.lane, one.name, one.mark, _sentence(one), _look_again(one)) for one in news]


def test_way(lane: str) -> str:
    """Owe a test by that way; the address of the page that tells of it. Raises Problem 404 for one that the settings do
    not have."""
    here = parts()
    if lane not in here.cfg.ways:
        raise Problem(404, "notify.way_unknown", "The settings do not have this way.")
    now_ms = here.now_ms()
    owing.owe(here.store, here.cfg.node_id, [way_test(lane, here.cfg.house_name, now_ms)], now_ms)
    return address_of_test(lane, now_ms)


def address_of_test(lane: str, at_ms: int, look: int = 0) -> str:
    """The page after a test that was owed at ``at_ms`` (UTC ms). ``look`` counts the looks at it: a browser does not
    load again what a link to the address it is at asks for."""
    return f"/settings/notifications?way={quote(lane)}&at={at_ms}&look={look}#ways"


def _look_again(one: WayNews) -> str:
    at_ms, look = (_number(request.args.get(name, "")) for name in ("at", "look"))
    is_told = one.at_ms is not None and one.mark != "unknown" and one.at_ms >= at_ms
    if request.args.get("way") != one.lane or not at_ms or is_told:
        return ""
    return address_of_test(one.lane, at_ms, look + 1)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def _sentence(one: WayNews) -> str:
    here = parts()
    if one.at_ms is None:
        return "Nothing was sent by it yet. Try it with Test."
    when = when_text(one.at_ms, here.now_ms(), here.zone)
    if one.mark == "bad":
        return f"{one.reason} Last tried {when}."
    return f"Works: took its last message {when}." if one.mark == "ok" else f"Sent {when}, without an answer yet."
