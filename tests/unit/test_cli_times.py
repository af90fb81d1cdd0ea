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
