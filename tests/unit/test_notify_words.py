"""The words of a push: house time, the night that has an hour twice, locked screens, and what does not fit."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from tests.flow.test_notify_ways import delivery
from vigilar.notify.push.message import make_message
from vigilar.notify.push.seal import MAX_MESSAGE_BYTES
from vigilar.notify.words import Told, clock_of, cut, make_content

BERLIN = ZoneInfo("Europe/Berlin")

PERSON = Told(
    title="Person at the front door",
    type="motion",
    kind="person",
    severity="ALERT",
    camera="front-door",
    ts_ms=1_773_161_520_000,  # 2026-03-10 16:52 UTC
    event_id=7,
    incident_id=3,
    mode="away",
    has_mode=True,
    has_still=True,
)


def test_title_is_who_and_where_and_body_when() -> None:
    content = make_content(PERSON, BERLIN)
    assert (content["title"], content["body"]) == ("Person at the front door", "17:52. Armed Away.")
    assert (content["path"], content["tag"], content["still"]) == ("/events/7", "incident-3", "/events/7/still.jpg")


@pytest.mark.parametrize(
    ("ts_ms", "shown"),
    [
        (1_792_887_300_000, "02:15 CEST"),  # 2026-10-25 00:15 UTC
        (1_792_890_900_000, "02:15 CET"),  # an hour later
        (1_792_894_500_000, "03:15"),
        (1_774_746_900_000, "03:15"),  # 2026-03-29 01:15 UTC: there is no 02:15
    ],
)
def test_two_quarters_past_two_of_the_autumn_night_are_told_apart(ts_ms: int, shown: str) -> None:
    assert clock_of(ts_ms, BERLIN) == shown


@pytest.mark.parametrize(
    ("told", "title"),
    [
        (PERSON, "Alert at home"),
        (replace(PERSON, severity="INFO"), "Person at home"),
        (replace(PERSON, severity="CRITICAL", type="alarm", kind=""), "Alarm at home"),
        (replace(PERSON, severity="CRITICAL", type="sensor_smoke", kind=""), "Urgent: look at home now"),
        (replace(PERSON, severity="WARNING", type="camera_offline", kind=""), "Something to look at, at home"),
    ],
)
def test_locked_screen_without_names_names_nobody(told: Told, title: str) -> None:
    content = make_content(told, BERLIN, shows_names=False)
    assert content["title"] == title
    assert content["still"] == ""


def test_long_words_are_cut_at_a_character_and_never_refused() -> None:
    one = delivery("push")
    long = replace(one, content={**one.content, "title": "\U0001f6aa" * 900, "body": "ä" * 900})
    assert len(make_message(long, "https://vigilar.local:49735")) <= MAX_MESSAGE_BYTES
    assert cut("a b\n c", 10) == "a b c"
    assert cut("ab" * 10, 5) == "abab…"
