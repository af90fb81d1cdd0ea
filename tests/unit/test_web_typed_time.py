"""What people type becomes a moment of the house, or a sentence."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from vigilar.web.problems import Problem
from vigilar.web.times import clock_text, file_time
from vigilar.web.typed_time import day_range, parse_day, typed_moments

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
NOW_MS = 1_800_000_000_000
SPRING, AUTUMN, PLAIN = date(2026, 3, 29), date(2026, 10, 25), date(2026, 6, 1)


def utc_ms(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]  # year, month, day, ...


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("14:30", (12, 30, 0)),
        (" 14:30:07 ", (12, 30, 7)),
        ("14.30", (12, 30, 0)),
        ("14h30", (12, 30, 0)),
        ("2:30 pm", (12, 30, 0)),
        ("12:00 am", (22, 0, 0)),
        ("12:00PM", (10, 0, 0)),
        ("14:30 CEST", (12, 30, 0)),
        ("14:30 cest", (12, 30, 0)),
        ("2:05", (0, 5, 0)),
    ],
)
def test_usual_ways_to_write_a_time_are_read(text: str, utc: tuple[int, int, int]) -> None:
    day = (2026, 5, 31) if utc[0] == 22 else (2026, 6, 1)  # midnight in Berlin is 22:00 of the day before
    assert typed_moments(PLAIN, text, BERLIN, NOW_MS) == [utc_ms(*day, *utc)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "time.form"), ("8", "time.form"), ("25:00", "time.form"), ("12:60", "time.form"),
        ("12:00:61", "time.form"),
        ("13:00 pm", "time.form"), ("0:30 am", "time.form"), ("soon", "time.form"), ("14:30 14:31", "time.form"),
        ("14:30 CET", "time.zone"), ("14:30 ABC", "time.zone"),
        ("<b>", "time.form"), ("1" * 5000, "time.form"), ("14:30\x00", "time.form"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_with_a_sentence(text: str, code: str) -> None:
    with pytest.raises(Problem) as refused:
        typed_moments(PLAIN, text, BERLIN, NOW_MS)
    assert (refused.value.status, refused.value.code, refused.value.field) == (422, code, "time")
    assert refused.value.detail.endswith((".", "?"))
    assert len(refused.value.detail) < 120


def test_hour_that_comes_twice_gives_both() -> None:
    assert typed_moments(AUTUMN, "02:15", BERLIN, NOW_MS) == [
        utc_ms(2026, 10, 25, 0, 15), utc_ms(2026, 10, 25, 1, 15)
    ]  # fmt: skip
    assert typed_moments(AUTUMN, "02:15 CET", BERLIN, NOW_MS) == [utc_ms(2026, 10, 25, 1, 15)]
    assert typed_moments(AUTUMN, "03:00", BERLIN, NOW_MS) == [utc_ms(2026, 10, 25, 2, 0)]
    assert typed_moments(AUTUMN, "01:59:59", BERLIN, NOW_MS) == [utc_ms(2026, 10, 24, 23, 59, 59)]


def test_second_of_both_that_is_still_to_come_is_left_out() -> None:
    between = utc_ms(2026, 10, 25, 0, 30)
    assert typed_moments(AUTUMN, "02:15", BERLIN, between) == [utc_ms(2026, 10, 25, 0, 15)]
    with pytest.raises(Problem, match="still to come"):
        typed_moments(AUTUMN, "02:45", BERLIN, between)


def test_hour_that_was_left_out_is_refused() -> None:
    for text in ("02:00", "02:30", "02:59:59"):
        with pytest.raises(Problem, match="clocks went forward") as refused:
            typed_moments(SPRING, text, BERLIN, NOW_MS)
        assert refused.value.code == "time.skipped"
    assert typed_moments(SPRING, "03:00", BERLIN, NOW_MS) == [utc_ms(2026, 3, 29, 1, 0)]


def test_zone_that_changes_by_half_an_hour_is_asked_back_for_that_half() -> None:
    day = date(2026, 4, 5)
    assert len(typed_moments(day, "01:45", LORD_HOWE, NOW_MS)) == 2
    assert len(typed_moments(day, "01:15", LORD_HOWE, NOW_MS)) == 1


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (PLAIN, 24)])
def test_days_have_their_hours(day: date, hours: int) -> None:
    found = day_range(day, BERLIN)
    assert found.to_ms - found.from_ms == hours * 3_600_000


@pytest.mark.parametrize(
    "text", ["", "today", "2026-02-30", "26-10-25", "1969-12-31", "9999-12-31", "2026-10-25x", "0" * 999]
)
def test_strange_days_are_refused(text: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_day(text)
    assert (refused.value.status, refused.value.field) == (422, "day")


def test_first_and_last_day_have_milliseconds_in_every_zone() -> None:
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        assert day_range(parse_day("1970-01-02"), ZoneInfo(zone)).from_ms >= 0
        assert day_range(parse_day("9999-12-30"), ZoneInfo(zone)).to_ms > 0


def test_clock_says_its_zone_where_it_comes_twice_and_only_there() -> None:
    assert clock_text(utc_ms(2026, 10, 25, 0, 15), BERLIN) == "02:15:00 CEST"
    assert clock_text(utc_ms(2026, 10, 25, 1, 15), BERLIN) == "02:15:00 CET"
    assert clock_text(utc_ms(2026, 10, 25, 2, 0), BERLIN) == "03:00:00"
    assert clock_text(utc_ms(2026, 3, 29, 1, 0), BERLIN) == "03:00:00"
    assert clock_text(utc_ms(2026, 3, 29, 0, 30), BERLIN) == "01:30:00"
    names = {file_time(utc_ms(2026, 10, 25, hour, 15), BERLIN) for hour in (0, 1)}
    assert names == {"2026-10-25_02-15-00-CEST", "2026-10-25_02-15-00-CET"}
