"""Plain words, and how they are read: in the house's time, whatever night it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from vigilar.store.story_query import Unwanted
from vigilar.web.clock_stretches import clock_spans
from vigilar.web.plain_search import Names, Search, read_search
from vigilar.web.said_times import ClockHours, SpanHours

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
NAMES = Names({"front-door": "Front door", "garden": "Garden", "drive": "Drive", "old": "Old shed"}, ("Porch", "Drive"))


def ms(text: str) -> int:
    """UTC ms of an ISO time with its offset."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


NOW = ms("2026-11-26T12:00:00+01:00")  # a Thursday


def read(text: str, now_ms: int = NOW) -> Search:
    return read_search(text, now_ms, BERLIN, NAMES)


def words(found: Search) -> list[str]:
    return [piece.words for piece in found.pieces]


def spans(found: Search) -> list[tuple[str, str]]:
    """The times that it may be any of, none with hours of many days, as day and time in November."""
    assert {one.hours for one in found.any_of} == {ClockHours(0, 24 * HOUR_MS)}
    both = [
        [datetime.fromtimestamp((at or 0) / 1000, BERLIN) for at in (one.from_ms, one.to_ms)] for one in found.any_of
    ]
    return [(f"{first:%dT%H:%M}", f"{last:%dT%H:%M}") for first, last in both]


def test_person_in_the_garden_on_tuesday_after_five() -> None:
    found = read("person garden tuesday after 5pm")
    assert (found.kinds, found.sources, found.words) == (("person",), ("garden",), ())
    assert (found.from_ms, found.to_ms) == (ms("2026-11-24T17:00:00+01:00"), ms("2026-11-25T00:00:00+01:00"))
    assert found.hours is None
    assert words(found) == ["Person", "Garden", "Tuesday 24 November", "After 17:00"]


@pytest.mark.parametrize(
    ("text", "after", "before"),
    [
        ("person 2 AM", 1.5, 2.5),
        ("PERSON 2 P.M.", 13.5, 14.5),
        ("person before dawn", 0, 6),
        ("person after dark", 17, 6),
        ("person at dawn", 5, 8),
        ("person in the small hours", 0, 5),
        ("person in the middle of the night", 0, 5),
        ("person 2-4am", 2, 4),
        ("person 8-10 PM", 20, 22),
        ("person 12 noon", 11.5, 12.5),
        ("person 17.30 Uhr", 17, 18),
        ("person 17 uhr", 16.5, 17.5),
    ],
)
def test_hours_as_households_type_them(text: str, after: float, before: float) -> None:
    found = read(text)
    assert found.hours == ClockHours(int(after * HOUR_MS), int(before * HOUR_MS))
    assert (found.kinds, found.words, found.from_ms) == (("person",), (), None)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("late last night", "2026-11-25T22:00", "2026-11-26T06:00"),
        ("monday before dawn", "2026-11-23T00:00", "2026-11-23T06:00"),
        ("small hours of sunday", "2026-11-22T00:00", "2026-11-22T05:00"),
        ("past 30 min", "2026-11-26T11:30", "2026-11-26T12:00"),
        ("10 mins ago", "2026-11-26T11:45", "2026-11-26T11:55"),
        ("last 2 hrs", "2026-11-26T10:00", "2026-11-26T12:00"),
        ("3-5 November", "2026-11-03T00:00", "2026-11-06T00:00"),
        ("24-11-2026", "2026-11-24T00:00", "2026-11-25T00:00"),
        ("new year's eve", "2025-12-31T00:00", "2026-01-01T00:00"),
        ("Christmas 2024", "2024-12-25T00:00", "2024-12-26T00:00"),
        ("christmas eve after 8pm", "2025-12-24T20:00", "2025-12-25T00:00"),
    ],
)
def test_days_as_households_type_them(text: str, first: str, last: str) -> None:
    found = read(text)
    assert found.from_ms is not None
    assert found.to_ms is not None
    assert abs(found.from_ms - ms(f"{first}:00+01:00")) <= 1
    assert abs(found.to_ms - ms(f"{last}:00+01:00")) <= 1
    assert (found.words, found.seen, found.hours) == ((), None, None)


@pytest.mark.parametrize(
    ("now", "first", "last"),
    [
        ("2026-11-26T12:00:00+01:00", "2026-11-26T17:00:00+01:00", "2026-11-26T22:00:00+01:00"),
        ("2026-11-26T23:00:00+01:00", "2026-11-26T17:00:00+01:00", "2026-11-27T06:00:00+01:00"),
        ("2026-11-27T01:00:00+01:00", "2026-11-26T17:00:00+01:00", "2026-11-27T06:00:00+01:00"),
    ],
)
def test_tonight_is_the_night_that_is_going_on(now: str, first: str, last: str) -> None:
    """At one in the morning it was the evening to come."""
    found = read("person tonight", ms(now))
    assert (found.from_ms, found.to_ms) == (ms(first), ms(last))


@pytest.mark.parametrize("text", ["frontdoor", "front door", "front-door", "Front Door", "FrontDoor"])
def test_name_is_known_however_it_is_parted(text: str) -> None:
    assert read(text).sources == ("front-door",)
    names = Names({"yard": "Backyard", "shed": "Shed 2"}, ())
    assert read_search("person back yard", NOW, BERLIN, names).sources == ("yard",)
    assert read_search("shed2 and backyard", NOW, BERLIN, names).sources == ("shed", "yard")
    assert read_search("shed 2 am", NOW, BERLIN, names).sources == ("shed",)


@pytest.mark.parametrize("text", ["everything but the front door", "all but frontdoor", "anything but the front door"])
def test_all_but_one_place(text: str) -> None:
    found = read(text)
    assert found.unwanted == Unwanted(sources=("front-door",))
    assert (found.sources, found.words) == ((), ())


def test_unread_is_not_seen_and_the_new_year_is_not() -> None:
    assert read("unread").seen is False
    assert read("new").seen is False
    assert read("new year").seen is None


def test_cat_last_week() -> None:
    found = read("cat last week")
    assert found.kinds == ("cat",)
    assert (found.from_ms, found.to_ms) == (ms("2026-11-16T00:00:00+01:00"), ms("2026-11-23T00:00:00+01:00"))
    assert words(found) == ["Cat", "Last week, Monday to Sunday"]


def test_time_without_a_day_is_of_any_day() -> None:
    found = read("drive after 10pm")
    assert found.sources == ("drive",), "a camera stands before a zone of that name"
    assert (found.from_ms, found.to_ms, found.hours) == (None, None, ClockHours(22 * HOUR_MS, 24 * HOUR_MS))
    assert words(found) == ["Drive", "After 22:00, any day"]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("today", "2026-11-26", "2026-11-27"),
        ("yesterday", "2026-11-25", "2026-11-26"),
        ("day before yesterday", "2026-11-24", "2026-11-25"),
        ("thursday", "2026-11-26", "2026-11-27"),
        ("last thursday", "2026-11-19", "2026-11-20"),
        ("tue", "2026-11-24", "2026-11-25"),
        ("on friday", "2026-11-20", "2026-11-21"),
        ("3 days ago", "2026-11-23", "2026-11-24"),
        ("two days ago", "2026-11-24", "2026-11-25"),
        ("2026-11-03", "2026-11-03", "2026-11-04"),
        ("3.11.", "2026-11-03", "2026-11-04"),
        ("3.11.2025", "2025-11-03", "2025-11-04"),
        ("24 december", "2025-12-24", "2025-12-25"),
        ("nov 3rd", "2026-11-03", "2026-11-04"),
        ("3 november 2024", "2024-11-03", "2024-11-04"),
        ("this week", "2026-11-23", "2026-11-30"),
        ("last weekend", "2026-11-21", "2026-11-23"),
        ("this month", "2026-11-01", "2026-12-01"),
        ("last month", "2026-10-01", "2026-11-01"),
        ("last 3 days", "2026-11-24", "2026-11-27"),
        ("past week", "2026-11-16", "2026-11-23"),
        ("since monday", "2026-11-23", "2026-11-27"),
        ("since monday until wednesday", "2026-11-23", "2026-11-26"),
        ("tuesday last week", "2026-11-17", "2026-11-18"),
        ("on tuesday of last week", "2026-11-17", "2026-11-18"),
        ("last week on tuesday", "2026-11-17", "2026-11-18"),
        ("after monday", "2026-11-24", "2026-11-27"),
        ("on the 3rd", "2026-11-03", "2026-11-04"),
        ("the 30th", "2026-10-30", "2026-10-31"),
        ("31st", "2026-10-31", "2026-11-01"),
        ("3rd of november", "2026-11-03", "2026-11-04"),
        ("on tuesday the 24th", "2026-11-24", "2026-11-25"),
        ("3/11", "2026-11-03", "2026-11-04"),
        ("11/13/2026", "2026-11-13", "2026-11-14"),
        ("03.11.26", "2026-11-03", "2026-11-04"),
        ("a week ago", "2026-11-19", "2026-11-20"),
        ("two weeks ago", "2026-11-12", "2026-11-13"),
        ("weekend", "2026-11-21", "2026-11-23"),
        ("at the weekend", "2026-11-21", "2026-11-23"),
        ("this weekend", "2026-11-28", "2026-11-30"),
        ("monday to wednesday", "2026-11-23", "2026-11-26"),
        ("from monday to wednesday", "2026-11-23", "2026-11-26"),
        ("between monday and wednesday", "2026-11-23", "2026-11-26"),
        ("mon-wed", "2026-11-23", "2026-11-26"),
        ("monday - wednesday", "2026-11-23", "2026-11-26"),
        ("friday to monday", "2026-11-20", "2026-11-24"),
        ("monday to friday", "2026-11-16", "2026-11-21"),
        ("the 3rd to the 5th", "2026-11-03", "2026-11-06"),
        ("3 to 5 november", "2026-11-03", "2026-11-06"),
        ("november 3rd to 5th", "2026-11-03", "2026-11-06"),
        ("28 october to 2 november 2025", "2025-10-28", "2025-11-03"),
        ("november", "2026-11-01", "2026-12-01"),
        ("last november", "2025-11-01", "2025-12-01"),
        ("in may 2026", "2026-05-01", "2026-06-01"),
        ("2025", "2025-01-01", "2026-01-01"),
        ("last year", "2025-01-01", "2026-01-01"),
        ("since last week", "2026-11-16", "2026-11-27"),
        ("since the 3rd", "2026-11-03", "2026-11-27"),
    ],
)
def test_days(text: str, first: str, last: str) -> None:
    found = read(text)
    zone = {"2026-10-01": "+02:00", "2026-05-01": "+02:00", "2026-06-01": "+02:00"}
    assert found.from_ms == ms(f"{first}T00:00:00{zone.get(first, '+01:00')}")
    assert found.to_ms == ms(f"{last}T00:00:00{zone.get(last, '+01:00')}")
    assert found.words == ()
    assert len(found.pieces) == 1


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("yesterday before 8:30", "2026-11-25T00:00", "2026-11-25T08:30"),
        ("yesterday between 5pm and 7pm", "2026-11-25T17:00", "2026-11-25T19:00"),
        ("yesterday from 5 to 7pm", "2026-11-25T17:00", "2026-11-25T19:00"),
        ("yesterday 17:00-19:00", "2026-11-25T17:00", "2026-11-25T19:00"),
        ("yesterday around 5pm", "2026-11-25T16:30", "2026-11-25T17:30"),
        ("yesterday 18:00", "2026-11-25T17:30", "2026-11-25T18:30"),
        ("yesterday at noon", "2026-11-25T11:30", "2026-11-25T12:30"),
        ("yesterday between 22:00 and 6:00", "2026-11-25T22:00", "2026-11-26T06:00"),
        ("last night", "2026-11-25T22:00", "2026-11-26T06:00"),
        ("this morning", "2026-11-26T05:00", "2026-11-26T12:00"),
        ("tuesday evening", "2026-11-24T17:00", "2026-11-24T22:00"),
        ("yesterday night", "2026-11-25T22:00", "2026-11-26T06:00"),
        ("yesterday after 11pm", "2026-11-25T23:00", "2026-11-26T00:00"),
        ("yesterday evening", "2026-11-25T17:00", "2026-11-25T22:00"),
        ("yesterday late evening", "2026-11-25T20:00", "2026-11-26T00:00"),
        ("early this morning", "2026-11-26T05:00", "2026-11-26T08:00"),
        ("late yesterday evening", "2026-11-25T20:00", "2026-11-26T00:00"),
        ("night before last", "2026-11-24T22:00", "2026-11-25T06:00"),
        ("yesterday before noon", "2026-11-25T00:00", "2026-11-25T12:00"),
        ("yesterday before midnight", "2026-11-25T00:00", "2026-11-26T00:00"),
        ("yesterday between 10pm and midnight", "2026-11-25T22:00", "2026-11-26T00:00"),
        ("since 8 this morning", "2026-11-26T08:00", "2026-11-27T00:00"),
        ("sunday morning before 8", "2026-11-22T05:00", "2026-11-22T08:00"),
        ("yesterday evening after 8", "2026-11-25T20:00", "2026-11-25T22:00"),
        ("after 8 yesterday evening", "2026-11-25T20:00", "2026-11-26T00:00"),
        ("tuesday night after 11pm", "2026-11-24T23:00", "2026-11-25T06:00"),
        ("tuesday night after 2", "2026-11-25T02:00", "2026-11-25T06:00"),
        ("tuesday at half past five in the evening", "2026-11-24T17:00", "2026-11-24T18:00"),
        ("yesterday 5 o'clock", "2026-11-25T04:30", "2026-11-25T05:30"),
        ("yesterday quarter to 6 in the evening", "2026-11-25T17:15", "2026-11-25T18:15"),
        ("yesterday between 2 and 4 in the afternoon", "2026-11-25T14:00", "2026-11-25T16:00"),
        ("yesterday after 5 p.m.", "2026-11-25T17:00", "2026-11-26T00:00"),
        ("2 hours ago", "2026-11-26T09:30", "2026-11-26T10:30"),
        ("half an hour ago", "2026-11-26T11:15", "2026-11-26T11:45"),
        ("10 minutes ago", "2026-11-26T11:45", "2026-11-26T11:55"),
        ("just now", "2026-11-26T11:45", "2026-11-26T12:00:00.001"),
        ("last hour", "2026-11-26T11:00", "2026-11-26T12:00:00.001"),
        ("past 20 minutes", "2026-11-26T11:40", "2026-11-26T12:00:00.001"),
    ],
)
def test_times_of_one_day(text: str, first: str, last: str) -> None:
    found = read(text)
    assert (found.from_ms, found.to_ms) == (ms(f"{first}+01:00"), ms(f"{last}+01:00"))
    assert (found.words, found.hours) == ((), None)


def test_hours_of_a_week_hold_on_each_of_its_days() -> None:
    found = read("person last week after 22:00")
    assert (found.from_ms, found.to_ms) == (ms("2026-11-16T00:00:00+01:00"), ms("2026-11-23T00:00:00+01:00"))
    assert found.hours == ClockHours(22 * HOUR_MS, 24 * HOUR_MS)


def test_night_of_any_day_goes_over_midnight() -> None:
    assert read("fox night").hours == ClockHours(22 * HOUR_MS, 6 * HOUR_MS)
    assert read("between 10pm and 4am").hours == ClockHours(22 * HOUR_MS, 4 * HOUR_MS)


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("people", {"kinds": ("person",)}),
        ("a car in the garden", {"kinds": ("vehicle",), "sources": ("garden",)}),
        ("pets", {"kinds": ("dog", "cat")}),
        ("cat dog", {"kinds": ("cat", "dog")}),
        ("cat or dog in the garden or drive", {"kinds": ("cat", "dog"), "sources": ("garden", "drive")}),
        ("FRONT DOOR", {"sources": ("front-door",)}),
        ("front-door", {"sources": ("front-door",)}),
        ("old shed garden", {"sources": ("old", "garden")}),
        ("porch", {"zones": ("Porch",)}),
        ("alerts", {"levels": ("ALERT",)}),
        ("important", {"levels": ("ALERT", "CRITICAL")}),
        ("kept", {"kept": True}),
        ("unseen person", {"seen": False, "kinds": ("person",)}),
        ("not seen", {"seen": False}),
        ("already seen", {"seen": True}),
        ("no picture", {"types": ("camera_offline",)}),
        ("alarm", {"types": ("alarm",)}),
        ("anna", {"words": ("anna",)}),
        ("anna's bike", {"words": ("anna's", "bike")}),
        ("Müller", {"words": ("müller",)}),
        ("5 friends", {"words": ("5", "friends")}),
        ("3 to 5", {"words": ("3", "5")}),
        ("", {}),
        ("   ", {}),
        ("the in on", {}),
        ("after", {"words": ("after",)}),
        ("31.2.2026", {"words": ("31.2.2026",)}),
        ("2026-13-45", {"words": ("2026-13-45",)}),
        ("25:99", {"words": ("25:99",)}),
        ("%_\\", {}),
    ],
)
def test_what_else_is_said(text: str, more: dict[str, Any]) -> None:
    found = read(text)
    names = ("sources", "kinds", "types", "zones", "levels", "words", "kept", "seen", "from_ms", "to_ms", "hours")
    empty: dict[str, Any] = dict.fromkeys(names, ()) | {"kept": False} | dict.fromkeys(names[7:])
    assert {name: getattr(found, name) for name in names} == empty | more


@pytest.mark.parametrize(
    ("text", "unwanted", "shown"),
    [
        ("not garden", {"sources": ("garden",)}, "Without Garden"),
        ("not in the garden", {"sources": ("garden",)}, "Without Garden"),
        ("without cats", {"kinds": ("cat",)}, "Without Cat"),
        ("without cats or dogs", {"kinds": ("cat", "dog")}, "Without Cat or Dog"),
        ("no motion", {"kinds": ("motion",)}, "Without Motion"),
        ("except for the drive", {"sources": ("drive",)}, "Without Drive"),
        ("not the porch", {"zones": ("Porch",)}, "Without Zone Porch"),
        ("without anna", {"words": ("anna",)}, "Without “anna”"),
        ("not kept", {"kept": True}, "Without Kept"),
        ("not cats and dogs", {"kinds": ("cat", "dog")}, "Without Cat or Dog"),
        ("not cats dogs", {"kinds": ("cat", "dog")}, "Without Cat or Dog"),
        ("not the garden and the drive", {"sources": ("garden", "drive")}, "Without Garden or Drive"),
    ],
)
def test_what_is_not_wanted(text: str, unwanted: dict[str, Any], shown: str) -> None:
    found = read(f"person {text} yesterday")
    assert found.unwanted == Unwanted(**unwanted)
    assert (found.kinds, found.words, found.sources, found.kept) == (("person",), (), (), False)
    assert words(found) == ["Person", shown, "Yesterday, Wednesday 25 November"]
    assert found.without(found.pieces[1]) == "person yesterday"


def test_what_is_not_wanted_ends_where_something_else_is_said() -> None:
    found = read("garden not person after 5pm")
    assert (found.sources, found.unwanted.kinds) == (("garden",), ("person",))
    assert words(found) == ["Garden", "Without Person", "After 17:00, any day"]
    assert read("no background").levels == ("WARNING", "ALERT", "CRITICAL")
    assert read("person not").words == ("not",)


@pytest.mark.parametrize(
    ("text", "first", "last", "shown"),
    [
        ("not today", "2026-11-26", "2026-11-27", "Without Today, Thursday 26 November"),
        ("except yesterday", "2026-11-25", "2026-11-26", "Without Yesterday, Wednesday 25 November"),
        ("except for last week", "2026-11-16", "2026-11-23", "Without Last week, Monday to Sunday"),
        ("but not on tuesday", "2026-11-24", "2026-11-25", "Without Tuesday 24 November"),
    ],
)
def test_days_that_are_not_wanted(text: str, first: str, last: str, shown: str) -> None:
    found = read(f"person {text} garden")
    assert found.left_out == ((ms(f"{first}T00:00:00+01:00"), ms(f"{last}T00:00:00+01:00")),)
    assert (found.from_ms, found.to_ms, found.hours, found.words) == (None, None, None, ())
    assert words(found) == ["Person", shown, "Garden"]
    assert found.without(found.pieces[1]) == "person garden"


@pytest.mark.parametrize(
    ("text", "first", "last", "shown"),
    [
        ("not tuesday evening", "24T17:00", "24T22:00", "Without Tuesday 24 November, 17:00 to 22:00"),
        ("without last night", "25T22:00", "26T06:00", "Without Yesterday, Wednesday 25 November, 22:00 to 06:00"),
        ("not this morning", "26T05:00", "26T12:00", "Without Today, Thursday 26 November, 05:00 to 12:00"),
        ("except for tonight", "26T17:00", "26T22:00", "Without Today, Thursday 26 November, 17:00 to 22:00"),
        ("not 2 hours ago", "26T09:30", "26T10:30", "Without Today, Thursday 26 November, about 10:00"),
        ("not on tuesday after 5pm", "24T17:00", "25T00:00", "Without Tuesday 24 November, after 17:00"),
        (
            "not tuesday night after 11pm",
            "24T23:00",
            "25T06:00",
            "Without Tuesday 24 November, 22:00 to 06:00, after 23:00",
        ),
        ("not since monday", "23T00:00", "27T00:00", "Without all since Monday 23 November"),
        ("not monday to wednesday", "23T00:00", "26T00:00", "Without Monday 23 November to Wednesday 25 November"),
    ],
)
def test_one_time_that_is_not_wanted(text: str, first: str, last: str, shown: str) -> None:
    found = read(f"person {text} garden")
    assert found.left_out == ((ms(f"2026-11-{first}:00+01:00"), ms(f"2026-11-{last}:00+01:00")),)
    assert (found.from_ms, found.to_ms, found.hours, found.left_out_hours) == (None, None, None, ())
    assert (words(found), found.words) == (["Person", shown, "Garden"], ())
    assert found.without(found.pieces[1]) == "person garden"


@pytest.mark.parametrize(
    ("text", "hours", "weekdays", "shown"),
    [
        ("not on weekends after 10pm", (22, 24), {5, 6}, "Without Weekends, Saturday and Sunday, after 22:00"),
        ("without mondays in the evening", (17, 22), {0}, "Without Every Monday, evening, 17:00 to 22:00"),
        ("not on weekends", (0, 24), {5, 6}, "Without Weekends, Saturday and Sunday"),
        ("except sundays", (0, 24), {6}, "Without Every Sunday"),
        ("not after 10pm", (22, 24), set(), "Without all after 22:00, any day"),
        ("not before 8:00", (0, 8), set(), "Without all before 08:00, any day"),
        ("not at night", (22, 6), set(), "Without Night, 22:00 to 06:00, any day"),
        ("not between 5 and 7pm", (17, 19), set(), "Without 17:00 to 19:00, any day"),
        ("not at 5:30pm", (17, 18), set(), "Without all about 17:30, any day"),
    ],
)
def test_hours_that_are_not_wanted(text: str, hours: tuple[int, int], weekdays: set[int], shown: str) -> None:
    found = read(f"person {text} garden")
    after, before = hours
    left_out = ClockHours(after * HOUR_MS, before * HOUR_MS, frozenset(weekdays))
    assert found.left_out_hours == (SpanHours(None, None, left_out),)
    assert (found.from_ms, found.to_ms, found.hours, found.left_out) == (None, None, None, ())
    assert (words(found), found.words) == (["Person", shown, "Garden"], ())


def test_hours_of_some_days_that_are_not_wanted() -> None:
    found = read("not last week after 10pm")
    week = (ms("2026-11-16T00:00:00+01:00"), ms("2026-11-23T00:00:00+01:00"))
    assert found.left_out_hours == (SpanHours(*week, ClockHours(22 * HOUR_MS, 24 * HOUR_MS)),)
    assert words(found) == ["Without Last week, Monday to Sunday, after 22:00"]


def test_two_times_that_are_not_wanted_are_one_piece() -> None:
    """Who takes away the piece must not be left with its second half as a wish."""
    found = read("person not tuesday evening or after 10pm")
    assert len(found.left_out) == len(found.left_out_hours) == 1
    shown = "Without Tuesday 24 November, 17:00 to 22:00 or all after 22:00, any day"
    assert words(found) == ["Person", shown]
    assert found.without(found.pieces[1]) == "person"


def test_name_is_no_time_that_is_not_wanted() -> None:
    names = Names({"nursery": "Night nursery"})
    found = read_search("not the night nursery after 5pm", NOW, BERLIN, names)
    assert (found.unwanted.sources, words(found)) == (("nursery",), ["Without Night nursery", "After 17:00, any day"])


@pytest.mark.parametrize(
    ("text", "weekdays", "shown"),
    [
        ("weekends", {5, 6}, "Weekends, Saturday and Sunday"),
        ("on weekends", {5, 6}, "Weekends, Saturday and Sunday"),
        ("every weekend", {5, 6}, "Weekends, Saturday and Sunday"),
        ("weekdays", {0, 1, 2, 3, 4}, "Weekdays, Monday to Friday"),
        ("on a weekday", {0, 1, 2, 3, 4}, "Weekdays, Monday to Friday"),
        ("on working days", {0, 1, 2, 3, 4}, "Weekdays, Monday to Friday"),
        ("mondays", {0}, "Every Monday"),
        ("every mon", {0}, "Every Monday"),
    ],
)
def test_days_of_every_week(text: str, weekdays: set[int], shown: str) -> None:
    found = read(f"person {text}")
    assert (found.from_ms, found.to_ms, found.hours) == (None, None, ClockHours(0, 24 * HOUR_MS, frozenset(weekdays)))
    assert (words(found), found.words) == (["Person", shown], ())


def test_days_of_every_week_go_with_times_and_with_spans() -> None:
    found = read("mondays and tuesdays after 5pm")
    assert found.hours == ClockHours(17 * HOUR_MS, 24 * HOUR_MS, frozenset({0, 1}))
    assert words(found) == ["Every Monday", "Every Tuesday", "After 17:00"]
    found = read("weekends last month at night")
    assert found.hours == ClockHours(22 * HOUR_MS, 6 * HOUR_MS, frozenset({5, 6}))
    assert (found.from_ms, found.to_ms) == (ms("2026-10-01T00:00:00+02:00"), ms("2026-11-01T00:00:00+01:00"))
    assert read("weekdays last 3 hours").hours == ClockHours(0, 24 * HOUR_MS, frozenset(range(5)))
    assert read("anything mondayish").hours is None


@pytest.mark.parametrize("text", ["monday tuesday", "monday and tuesday", "monday, tuesday", "tuesday or monday"])
def test_two_days_side_by_side_are_one_span(text: str) -> None:
    found = read(text)
    assert (found.from_ms, found.to_ms) == (ms("2026-11-23T00:00:00+01:00"), ms("2026-11-25T00:00:00+01:00"))
    assert (found.any_of, found.hours, found.words) == ((), None, ())


@pytest.mark.parametrize(
    "text", ["monday wednesday", "monday and wednesday", "monday, wednesday", "monday or wednesday"]
)
def test_of_several_days_any_is_meant(text: str) -> None:
    found = read(f"person {text} garden")
    assert spans(found) == [("23T00:00", "24T00:00"), ("25T00:00", "26T00:00")]
    assert (found.from_ms, found.to_ms) == (ms("2026-11-23T00:00:00+01:00"), ms("2026-11-26T00:00:00+01:00"))
    assert (found.hours, found.words) == (None, ())
    assert words(found) == ["Person", "Monday 23 November", "or Yesterday, Wednesday 25 November", "Garden"]
    assert found.without(found.pieces[2]) == f"person {text.removesuffix(' wednesday')} garden"


@pytest.mark.parametrize(
    ("text", "times", "shown"),
    [
        (
            "3rd, 5th and 7th of november",
            [("03T00:00", "04T00:00"), ("05T00:00", "06T00:00"), ("07T00:00", "08T00:00")],
            ["Tuesday 3 November", "or Thursday 5 November", "or Saturday 7 November"],
        ),
        (
            "3, 5 and the 7th of november",
            [("03T00:00", "04T00:00"), ("05T00:00", "06T00:00"), ("07T00:00", "08T00:00")],
            ["Tuesday 3 November", "or Thursday 5 November", "or Saturday 7 November"],
        ),
        (
            "3 or 5 november 2026 after 5pm",
            [("03T17:00", "04T00:00"), ("05T17:00", "06T00:00")],
            ["Tuesday 3 November, after 17:00", "or Thursday 5 November", "After 17:00"],
        ),
        (
            "monday and wednesday after 5pm",
            [("23T17:00", "24T00:00"), ("25T17:00", "26T00:00")],
            ["Monday 23 November, after 17:00", "or Yesterday, Wednesday 25 November", "After 17:00"],
        ),
        (
            "after 5pm monday and wednesday",
            [("23T17:00", "24T00:00"), ("25T17:00", "26T00:00")],
            ["After 17:00", "Monday 23 November", "or Yesterday, Wednesday 25 November, after 17:00"],
        ),
        (
            "monday or wednesday night",
            [("23T22:00", "24T06:00"), ("25T22:00", "26T06:00")],
            ["Monday 23 November, 22:00 to 06:00", "or Yesterday, Wednesday 25 November, 22:00 to 06:00"],
        ),
        (
            "monday after 5pm and wednesday before 9am",
            [("23T17:00", "24T00:00"), ("25T00:00", "25T09:00")],
            ["Monday 23 November", "After 17:00", "or Yesterday, Wednesday 25 November", "Before 09:00"],
        ),
        (
            "monday after 5pm and wednesday",
            [("23T17:00", "24T00:00"), ("25T00:00", "26T00:00")],
            ["Monday 23 November", "After 17:00", "or Yesterday, Wednesday 25 November, all day"],
        ),
        (
            "monday evening wednesday morning",
            [("23T17:00", "23T22:00"), ("25T05:00", "25T12:00")],
            ["Monday 23 November, 17:00 to 22:00", "or Yesterday, Wednesday 25 November, 05:00 to 12:00"],
        ),
        (
            "tuesday and this morning",
            [("24T00:00", "25T00:00"), ("26T05:00", "26T12:00")],
            ["Tuesday 24 November, all day", "or Today, Thursday 26 November, 05:00 to 12:00"],
        ),
        (
            "monday morning and evening",
            [("23T05:00", "23T12:00"), ("23T17:00", "23T22:00")],
            ["Monday 23 November, 05:00 to 12:00", "or Monday 23 November, 17:00 to 22:00"],
        ),
        (
            "monday at 5pm and at 8pm",
            [("23T16:30", "23T17:30"), ("23T19:30", "23T20:30")],
            ["Monday 23 November", "About 17:00", "or about 20:00"],
        ),
        (
            "at 5pm monday, at 8pm tuesday",
            [("23T16:30", "23T17:30"), ("24T19:30", "24T20:30")],
            ["About 17:00", "Monday 23 November", "or about 20:00", "Tuesday 24 November"],
        ),
        (
            "last hour or monday",
            [("23T00:00", "24T00:00"), ("26T11:00", "26T12:00")],
            ["Last hour", "or Monday 23 November"],
        ),
    ],
)
def test_each_of_several_times_has_its_hours(text: str, times: list[tuple[str, str]], shown: list[str]) -> None:
    found = read(text)
    assert (spans(found), words(found), found.words) == (times, shown, ())


@pytest.mark.parametrize("text", ["since monday, before thursday", "before thursday since monday"])
def test_beginning_and_end_are_one_span(text: str) -> None:
    found = read(text)
    assert (found.from_ms, found.to_ms) == (ms("2026-11-23T00:00:00+01:00"), ms("2026-11-26T00:00:00+01:00"))
    assert sorted(words(found)) == ["Before Today, Thursday 26 November", "Since Monday 23 November"]


def test_of_several_hours_any_is_meant() -> None:
    found = read("in the morning or in the evening")
    assert [(one.from_ms, one.to_ms) for one in found.any_of] == [(None, None)] * 2
    assert [one.hours for one in found.any_of] == [
        ClockHours(5 * HOUR_MS, 12 * HOUR_MS),
        ClockHours(17 * HOUR_MS, 22 * HOUR_MS),
    ]
    assert (found.from_ms, found.to_ms, found.hours) == (None, None, None)
    assert words(found) == ["Morning, 05:00 to 12:00, any day", "or evening, 17:00 to 22:00, any day"]
    assert read("before 6am or after 10pm").hours == ClockHours(22 * HOUR_MS, 6 * HOUR_MS), "over midnight"


def test_some_days_of_the_week_or_one_day() -> None:
    found = read("mondays after 5pm, tuesdays before 9am, yesterday")
    assert [one.hours for one in found.any_of] == [
        ClockHours(0, 24 * HOUR_MS),
        ClockHours(17 * HOUR_MS, 24 * HOUR_MS, frozenset({0})),
        ClockHours(0, 9 * HOUR_MS, frozenset({1})),
    ]
    assert (found.from_ms, found.to_ms) == (None, None), "a Monday is of any week"
    shown = ["Every Monday", "After 17:00", "or Every Tuesday", "Before 09:00"]
    assert words(found) == [*shown, "or Yesterday, Wednesday 25 November, all day"]


@pytest.mark.parametrize(
    "text", ["monday or wednesday", "monday and wednesday", "monday, wednesday", "monday wednesday"]
)
def test_none_of_several_days_is_wanted(text: str) -> None:
    found = read(f"person not {text} garden")
    day = [ms(f"2026-11-{number}T00:00:00+01:00") for number in (23, 24, 25, 26)]
    assert found.left_out == ((day[0], day[1]), (day[2], day[3]))
    assert (found.from_ms, found.any_of, found.words) == (None, (), ())
    assert words(found) == ["Person", "Without Monday 23 November or Yesterday, Wednesday 25 November", "Garden"]


def test_hours_after_a_day_that_is_not_wanted_are_wanted() -> None:
    found = read("not monday and after 5pm")
    assert found.hours == ClockHours(17 * HOUR_MS, 24 * HOUR_MS)
    assert words(found) == ["Without Monday 23 November", "After 17:00, any day"]


def test_hours_of_the_last_hours_hold_too() -> None:
    found = read("last 24 hours after 10pm")
    assert (found.from_ms, found.hours) == (NOW - DAY_MS, ClockHours(22 * HOUR_MS, 24 * HOUR_MS))


def test_what_is_any_of_one_sort_is_shown_together() -> None:
    found = read("cat garden dog monday drive wednesday alert notable")
    assert (found.kinds, found.sources, found.levels) == (("cat", "dog"), ("garden", "drive"), ("ALERT", "WARNING"))
    assert words(found) == [
        "Cat", "or Dog", "Garden", "or Drive", "Monday 23 November", "or Yesterday, Wednesday 25 November", "Alert",
        "or Notable",
    ]  # fmt: skip
    assert found.without(found.pieces[1]) == "cat garden monday drive wednesday alert notable"


def test_piece_says_what_was_meant() -> None:
    assert words(read("after 8 yesterday evening")) == ["After 20:00", "Yesterday, Wednesday 25 November, evening"]
    assert words(read("after midnight")) == ["00:00 to 06:00, any day"]
    assert words(read("early evening")) == ["Early evening, 17:00 to 20:00, any day"]
    assert words(read("last weekend")) == ["Weekend, Saturday 21 November to Sunday 22 November"]


def test_piece_is_taken_away_with_its_words() -> None:
    found = read("person in the garden tuesday after 5pm")
    left = [found.without(piece) for piece in found.pieces]
    assert left == [
        "in the garden tuesday after 5pm",
        "person in the tuesday after 5pm",
        "person in the garden after 5pm",
        "person in the garden tuesday",
    ]


@pytest.mark.parametrize(
    "text", ["x" * 500, "\x00\x1b[31m", "a\u202eb", "😀 cat", "1" * 200, "last last last", "from to and -"]
)
def test_any_text_is_read(text: str) -> None:
    found = read(text)
    assert len(found.text) <= 200
    for piece in found.pieces:
        assert 0 <= piece.start < piece.end <= len(found.text)


# The night of 25 October 2026: 02:00 to 03:00 comes twice.

AFTER_IT = ms("2026-10-27T12:00:00+01:00")


def test_hour_that_comes_twice_is_found_both_times() -> None:
    found = read("sunday at 2:30", AFTER_IT)
    assert (found.from_ms, found.to_ms) == (ms("2026-10-25T02:00:00+02:00"), ms("2026-10-25T03:00:00+01:00"))
    assert found.to_ms is not None
    assert found.from_ms is not None
    assert found.to_ms - found.from_ms == 2 * HOUR_MS


@pytest.mark.parametrize(("zone", "offset"), [("CEST", "+02:00"), ("cet", "+01:00")])
def test_named_zone_tells_the_two_apart(zone: str, offset: str) -> None:
    found = read(f"2026-10-25 between 2:10 and 2:20 {zone}", AFTER_IT)
    assert (found.from_ms, found.to_ms) == (ms(f"2026-10-25T02:10:00{offset}"), ms(f"2026-10-25T02:20:00{offset}"))
    assert words(found)[-1] == f"02:10 {zone.upper()} to 02:20 {zone.upper()}"
    after = read(f"2026-10-25 after 2:15 {zone}", AFTER_IT)
    assert after.from_ms == ms(f"2026-10-25T02:15:00{offset}")


def test_autumn_day_has_25_hours_and_spring_day_23() -> None:
    autumn, spring = read("2026-10-25", AFTER_IT), read("2026-03-29", AFTER_IT)
    assert autumn.to_ms is not None
    assert autumn.from_ms is not None
    assert autumn.to_ms - autumn.from_ms == 25 * HOUR_MS
    assert spring.to_ms is not None
    assert spring.from_ms is not None
    assert spring.to_ms - spring.from_ms == 23 * HOUR_MS


def test_time_that_the_clock_leaves_out_is_when_it_goes_on() -> None:
    found = read("2026-03-29 after 2:30", AFTER_IT)
    assert found.from_ms == ms("2026-03-29T03:00:00+02:00")


def test_stretches_of_one_offset_cover_the_year_without_a_hole() -> None:
    first, last = ms("2026-01-01T00:00:00+01:00"), ms("2027-01-01T00:00:00+01:00")
    spans = clock_spans(first, last, BERLIN)
    assert spans == [
        (first, ms("2026-03-29T01:00:00+00:00"), HOUR_MS),
        (ms("2026-03-29T01:00:00+00:00"), ms("2026-10-25T01:00:00+00:00"), 2 * HOUR_MS),
        (ms("2026-10-25T01:00:00+00:00"), last, HOUR_MS),
    ]


def test_now_is_the_houses_day_not_that_of_utc() -> None:
    late = int(datetime(2026, 11, 25, 23, 30, tzinfo=UTC).timestamp() * 1000)  # 00:30 of the 26th in Berlin
    assert read("today", late).from_ms == ms("2026-11-26T00:00:00+01:00")
