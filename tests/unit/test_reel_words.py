"""What pages say of reels: the sentence on top, ranges of house time, where each second leads."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from vigilar.web.reel_words import ReelWords, film_time, sort_for_list

ZONE = ZoneInfo("Europe/Berlin")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


NOW = at("2026-10-26T08:00")
WORDS = ReelWords(ZONE, NOW, {"front-door": "Front door", "drive": "Drive"}.get)  # type: ignore[arg-type]  # all are there


def reel(**facts: Any) -> dict[str, Any]:
    """Of yesterday, a day of 25 hours, as ``web.reels`` gives it."""
    usual = {
        "id": "7", "kind": "reel", "title": "Sunday 25 October", "state": "done", "step": "", "percent": 100,
        "seconds_left": None, "made_ms": at("2026-10-26T06:30"), "by": "", "from": at("2026-10-25"),
        "to": at("2026-10-26"), "length_ms": 74_000, "wanted_s": 60, "style": "highlights", "smart": None,
        "cameras": ["drive", "front-door"], "poster": None, "video": "/reels/7/video.mp4", "bytes": 9, "is_kept": False,
        "is_daily": True, "nothing": None, "error": None, "ends_ms": at("2026-11-25T06:30"), "waits": None,
        "parts": [], "missing": [],
    }  # fmt: skip
    return {**usual, **facts}


def running(**facts: Any) -> dict[str, Any]:
    return reel(state="running", video=None, length_ms=None, seconds_left=15, **facts)


@pytest.mark.parametrize(
    ("reels", "sentence"),
    [
        ([], ""),
        ([reel()], "Yesterday in 74 seconds."),
        ([reel(length_ms=182_000)], "Yesterday in 3 min 2 s."),
        (
            [reel(title="Drive, Sunday 25 October", to=at("2026-10-25T12:00"))],
            "Drive, Sunday 25 October in 74 seconds.",
        ),
        ([reel(), running()], "One is being made, 15 s left."),
        ([running(), running(waits="Waits for mains power.")], "The house runs on its battery: 2 wait for mains."),
        (
            [reel(video=None, length_ms=None, nothing="Quiet day, no reel made.")],
            "Yesterday: quiet day, no reel made.",
        ),
        ([reel(state="failed", video=None, error="The disk is full.")], "The newest one was not made."),
    ],
)
def test_sentence_says_the_newest(reels: list[dict[str, Any]], sentence: str) -> None:
    assert WORDS.sentence(reels) == sentence


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2026-10-25", "2026-10-26", "Yesterday"),
        ("2026-10-19", "2026-10-26", "Monday 19 October to yesterday"),
        ("2026-10-26T02:00", "2026-10-26T07:30:05", "Today, 02:00 to 07:30:05"),
        ("2026-10-25T02:30", "2026-10-25T04:00", "Yesterday, 02:30 CEST to 04:00"),
        ("2026-10-24T22:00", "2026-10-25T06:00", "Saturday 24 October, 22:00 to yesterday, 06:00"),
    ],
)
def test_range_is_said_in_house_time(start: str, end: str, words: str) -> None:
    assert WORDS.span(at(start), at(end)) == words


def test_those_that_are_made_come_first() -> None:
    found = sort_for_list([reel(id="9"), running(id="8"), reel(id="7"), running(id="6")])
    assert [one["id"] for one in found] == ["8", "6", "9", "7"]


def part(**facts: Any) -> dict[str, Any]:
    usual = {
        "from_s": 0.0,
        "to_s": 4.0,
        "event_id": "31",
        "camera_id": "drive",
        "ts": NOW - 60_000,
        "title": "Person, Drive",
    }
    return {**usual, **facts}


def test_part_of_a_reel_leads_to_its_event() -> None:
    (found,) = WORDS.parts(reel(parts=[part(from_s=71.5, to_s=74.0)]))
    assert found["href"] == "/events/31"
    assert (found["from_ms"], found["to_ms"], found["at_words"]) == (71_500, 74_000, "1:12")
    assert found["words"] == "Person, Drive, 07:59:00"
    assert found["when_words"] == "07:59:00"


def test_part_of_a_time_lapse_leads_to_the_moment_and_goes_on_to_the_next() -> None:
    parts = [
        part(event_id=None, title="", ts=NOW - 7_200_000),
        part(event_id=None, title="", ts=NOW - 3_600_000, from_s=4.0, to_s=8.0),
    ]
    first, last = WORDS.parts(reel(kind="timelapse", smart=True, style=None, parts=parts, to=NOW, length_ms=8000))
    assert first["href"] == f"/watch/drive?at={NOW - 7_200_000}"
    assert (first["until"], last["until"]) == (NOW - 3_600_000, NOW)
    assert (first["title"], first["when_words"]) == ("Drive", "Today, 06:00:00")


def test_part_before_a_gap_goes_on_to_the_gap_alone() -> None:
    parts = [
        part(event_id=None, title="", ts=NOW - 7_200_000),
        part(event_id=None, title="", ts=NOW - 3_600_000, from_s=5.0, to_s=8.0),
    ]
    gaps = [
        {"from_ms": NOW - ago_ms, "to_ms": NOW - 3_600_000, "words": ""} for ago_ms in (6_900_000, 6_000_000, 1_000)
    ]
    first, last = WORDS.parts(
        reel(kind="timelapse", smart=True, style=None, parts=parts, to=NOW, length_ms=8000, missing=gaps)
    )
    assert (first["until"], last["until"]) == (NOW - 6_000_000, NOW)


def test_card_says_how_long_it_stays() -> None:
    assert WORDS.card(reel())["life_words"] == "Goes on Wednesday 25 November unless somebody keeps it."
    assert WORDS.card(reel(is_kept=True))["life_words"] == "Kept: it stays until somebody deletes it."
    assert WORDS.card(reel(is_daily=False, by="Kim"))["made_words"] == "Today, 06:30, by Kim"
    assert WORDS.card(reel())["asked_words"] == "1 min"


def test_reel_whose_file_is_gone_can_be_made_again() -> None:
    card = WORDS.card(reel(video=None, error="Its file is not there any more. Make it again."))
    assert (card["state"], card["is_over"]) == ("failed", True)


def test_missing_footage_is_named() -> None:
    gap = {"from_ms": at("2026-10-25T14:00"), "to_ms": at("2026-10-25T15:00"), "words": "Drive: no picture"}
    assert WORDS.missing(reel(missing=[gap])) == ["Yesterday, 14:00 to 15:00, Drive: no picture"]


def test_time_within_a_film_reads_as_on_players() -> None:
    assert [film_time(ms) for ms in (0, 74_400, 3_661_000)] == ["0:00", "1:14", "1:01:01"]
