"""Times of a form, where the house's clock shows an hour twice, or leaves one out."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from vigilar.web.form_times import FormTime, fill_time, parse_house_time
from vigilar.web.problems import Problem

BERLIN = ZoneInfo("Europe/Berlin")
FIRST, SECOND = 1_761_437_700_000, 1_761_441_300_000  # 2025-10-26 00:15Z and 01:15Z


def filled(text: str, which: str = "") -> FormTime:
    return fill_time(text, which, BERLIN, "from", 0)


@pytest.mark.parametrize(("which", "wanted"), [("CEST", FIRST), ("CET", SECOND)])
def test_time_that_comes_twice_is_the_one_that_was_chosen(which: str, wanted: int) -> None:
    assert parse_house_time("2025-10-26T02:15:00", BERLIN, "from", which) == wanted


@pytest.mark.parametrize("which", ["", "EST"])
def test_time_that_comes_twice_is_asked_back(which: str) -> None:
    with pytest.raises(Problem) as told:
        parse_house_time("2025-10-26T02:15:00", BERLIN, "to", which)
    assert (told.value.code, told.value.field) == ("time.twice", "to")
    assert str(told.value.detail) == "This night the clock shows 02:15 twice. Say CEST or CET."


def test_choice_that_was_left_from_another_time_is_not_heard() -> None:
    wanted = int(datetime(2025, 10, 26, 11, tzinfo=UTC).timestamp() * 1000)
    assert parse_house_time("2025-10-26T12:00", BERLIN, "from", "CEST") == wanted


def test_time_that_the_clock_left_out_is_refused() -> None:
    with pytest.raises(Problem) as told:
        parse_house_time("2026-03-29T02:30", BERLIN, "from")
    assert told.value.code == "time.skipped"


@pytest.mark.parametrize("text", ["", "soon", "0001-01-01T00:00", "9999-12-31T23:59:59", "2026-02-30T10:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Problem) as told:
        parse_house_time(text, BERLIN, "from")
    assert told.value.code == "time.form"


@pytest.mark.parametrize(
    ("text", "which", "shown"),
    [
        (str(SECOND), "", FormTime("2025-10-26T02:15:00", "CET", ("CEST", "CET"))),
        (str(FIRST), "", FormTime("2025-10-26T02:15:00", "CEST", ("CEST", "CET"))),
        ("2025-10-26T01:15:00Z", "", FormTime("2025-10-26T02:15:00", "CET", ("CEST", "CET"))),
        ("2025-10-26T02:15:00", "", FormTime("2025-10-26T02:15:00", "", ("CEST", "CET"))),
        ("2025-10-26T02:15:00", "CET", FormTime("2025-10-26T02:15:00", "CET", ("CEST", "CET"))),
        ("2025-10-26T04:15:00", "", FormTime("2025-10-26T04:15:00")),
        (str(SECOND + 3_600_000), "", FormTime("2025-10-26T03:15:00")),
        ("nonsense", "", FormTime("nonsense")),
        ("0001-01-01T00:00", "", FormTime("0001-01-01T00:00")),
        ("", "", FormTime("1970-01-01T01:00:00")),
    ],
)
def test_field_shows_the_moment_by_the_house_clock(text: str, which: str, shown: FormTime) -> None:
    assert filled(text, which) == shown
