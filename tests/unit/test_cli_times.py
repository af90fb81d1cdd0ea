"""Times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from vigilar.base.errors import ExitCode, VigilarError
from vigilar.cli.times import parse_when

NOW = datetime(2026, 3, 8, 14, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("-2h", "2026-03-08T11:02:30"),
        ("90m", "2026-03-08T11:32:30"),
        ("-1d", "2026-03-07T13:02:30"),
        ("now", "2026-03-08T13:02:30"),
        ("14:00", "2026-03-08T13:00:00"),
        ("14:30", "2026-03-07T13:30:00"),
        ("9:05:07", "2026-03-08T08:05:07"),
        ("today", "2026-03-07T23:00:00"),
        ("yesterday", "2026-03-06T23:00:00"),
        ("Yesterday 18:00", "2026-03-07T17:00:00"),
        ("2026-03-01", "2026-02-28T23:00:00"),
        ("2026-03-01 12:00", "2026-03-01T11:00:00"),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00"),
        ("2026-03-01T12:00:00+02:00", "2026-03-01T10:00:00"),
    ],
)
def test_time_is_understood(text: str, utc: str) -> None:
    assert datetime.fromtimestamp(parse_when(text, NOW) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") == utc


@pytest.mark.parametrize("text", ["", "soon", "25:00", "yesterday noon", "tomorrow", "2026-13-01", "-2x", "-999999w"])
def test_unclear_time_is_wrong_use(text: str) -> None:
    with pytest.raises(VigilarError, match="is no time I know") as caught:
        parse_when(text, NOW)
    assert caught.value.exit_code is ExitCode.USAGE


BERLIN = ZoneInfo("Europe/Berlin")
SPRING = datetime(2026, 3, 29, 3, 30, tzinfo=BERLIN)
"""Half an hour after the clock went from 02:00 to 03:00."""

AUTUMN = datetime(2026, 10, 25, 3, 30, tzinfo=BERLIN)
"""One and a half hours after it went from 03:00 back to 02:00."""


@pytest.mark.parametrize(
    ("text", "now", "utc"),
    [
        ("-2h", SPRING, "2026-03-28T23:30:00"),
        ("-2h", AUTUMN, "2026-10-25T00:30:00"),
        ("-30m", datetime(2026, 10, 25, 2, 15, tzinfo=BERLIN, fold=1), "2026-10-25T00:45:00"),
        ("02:30", AUTUMN, "2026-10-25T01:30:00"),
        ("02:30", datetime(2026, 10, 25, 2, 15, tzinfo=BERLIN, fold=1), "2026-10-25T00:30:00"),
        ("02:30", datetime(2026, 10, 25, 2, 45, tzinfo=BERLIN), "2026-10-25T00:30:00"),
        ("02:30", datetime(2026, 10, 25, 2, 15, tzinfo=BERLIN), "2026-10-24T00:30:00"),
        ("02:30", SPRING, "2026-03-29T01:30:00"),
        ("yesterday 02:30", datetime(2026, 10, 26, 12, 0, tzinfo=BERLIN), "2026-10-25T01:30:00"),
        ("yesterday 02:30", datetime(2026, 3, 30, 12, 0, tzinfo=BERLIN), "2026-03-29T01:30:00"),
        ("today", AUTUMN, "2026-10-24T22:00:00"),
        ("yesterday", datetime(2026, 10, 26, 0, 30, tzinfo=BERLIN), "2026-10-24T22:00:00"),
        ("-1d", AUTUMN, "2026-10-24T02:30:00"),
    ],
)
def test_night_of_a_clock_change_is_counted_in_real_time(text: str, now: datetime, utc: str) -> None:
    assert datetime.fromtimestamp(parse_when(text, now) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") == utc
