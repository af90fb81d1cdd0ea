"""Times, sensitivity, the time zone of the box."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from vigilar.config.values import box_time_zone, dump_duration, parse_duration, parse_sensitivity


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5.0), ("500ms", 0.5), ("2m", 120.0), ("1h", 3600.0), ("1.5m", 90.0), (" 5s ", 5.0), ("0s", 0)],
)
def test_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "value",
    [5, 5.0, "5", "s", "-5s", "5 s", "5sec", "", "1e3s", "\N{ARABIC-INDIC DIGIT FIVE}s", None, True, "9" * 5000 + "s"],
)
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError, match="must be a time"):
        parse_duration(value)


@settings(deadline=None)  # the machine may be busy
@given(st.integers(min_value=0, max_value=999_999_999))
def test_dumped_duration_reads_back(ms: int) -> None:
    assert round(parse_duration(dump_duration(ms / 1000)) * 1000) == ms


@pytest.mark.parametrize(
    ("value", "found"), [("low", 0.25), ("normal", 0.5), ("high", 0.75), (0, 0.0), (1, 1.0), (0.3, 0.3)]
)
def test_sensitivity_is_read(value: object, found: float) -> None:
    assert parse_sensitivity(value) == found


@pytest.mark.parametrize("value", ["High", "", -0.1, 1.01, True, float("nan"), None])
def test_what_is_no_sensitivity_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError, match="low"):
        parse_sensitivity(value)


def test_time_zone_comes_from_the_link(tmp_path: Path) -> None:
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    assert box_time_zone(tmp_path) == "Europe/Berlin"


def test_time_zone_comes_from_debians_file(tmp_path: Path) -> None:
    (tmp_path / "timezone").write_text("America/New_York\n")
    assert box_time_zone(tmp_path) == "America/New_York"


def test_unknown_time_zone_means_utc(tmp_path: Path) -> None:
    (tmp_path / "timezone").write_text("Mars/Olympus\n")
    assert box_time_zone(tmp_path) == "UTC"
    assert box_time_zone(tmp_path / "nothing") == "UTC"
