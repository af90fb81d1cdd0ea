"""The ways beside the phones on the page of notifications: how each goes, and its test."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request

from vigilar.notify.trial import way_test
from vigilar.notify.way_news import WayNews, read_news
from vigilar.store import owing
from vigilar.web.own_phones import when_text
from vigilar.web.parts import parts
from vigilar.web.problems import Problem


@dataclass(frozen=True, slots=True)
class WayLine:
    """A way on the page. ``mark`` is ``ok``, ``bad`` or ``unknown``: the symbol beside the ``sentence``."""

    lane: str
    name: str
    mark: str
    sentence: str
    is_just_tested: bool


def way_lines() -> list[WayLine]:
    here = parts()
    news = read_news(here.store, here.cfg.node_id, here.cfg.ways)
    tested = request.args.get("way", "")
    return [WayLine(one.lane, one.name, one.mark, _sentence(one), one.lane == tested) for one in news]


def test_way(lane: str) -> None:
    """Owe a test by that way. Raises Problem 404 for one that the settings do not have."""
    here = parts()
    if lane not in here.cfg.ways:
        raise Problem(404, "notify.way_unknown", "The settings do not have this way.")
    now_ms = here.now_ms()
    owing.owe(here.store, here.cfg.node_id, [way_test(lane, here.cfg.house_name, now_ms)], now_ms)


def _sentence(one: WayNews) -> str:
    here = parts()
    if one.at_ms is None:
        return "Nothing was sent by it yet. Try it with Test."
    when = when_text(one.at_ms, here.now_ms(), here.zone)
    if one.mark == "bad":
        return f"{one.reason} Last tried {when}."
    return f"Works: took its last message {when}." if one.mark == "ok" else f"Sent {when}, without an answer yet."
