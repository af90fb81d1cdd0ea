"""Times, sensitivity, the time zone of the box."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from vigilar.config.values import (
    box_time_zone,
    dump_duration,
    dump_keep,
    dump_size,
    parse_duration,
    parse_keep,
    parse_sensitivity,
    parse_size,
)


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
    assert box_time_zone(tmp_path, {}) == "Europe/Berlin"


def test_time_zone_comes_from_debians_file(tmp_path: Path) -> None:
    (tmp_path / "timezone").write_text("America/New_York\n")
    assert box_time_zone(tmp_path, {}) == "America/New_York"


@pytest.mark.parametrize(
    ("told", "zone"), [("Asia/Tokyo", "Asia/Tokyo"), (":Asia/Tokyo", "Asia/Tokyo"), ("JST-9", "UTC")]
)
def test_time_zone_a_container_is_told_comes_before_its_link(tmp_path: Path, told: str, zone: str) -> None:
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/Etc/UTC")
    assert box_time_zone(tmp_path, {"TZ": told}).removeprefix("Etc/") == zone


def test_unknown_time_zone_means_utc(tmp_path: Path) -> None:
    (tmp_path / "timezone").write_text("Mars/Olympus\n")
    assert box_time_zone(tmp_path, {}) == "UTC"
    assert box_time_zone(tmp_path / "nothing", {}) == "UTC"


@pytest.mark.parametrize(
    ("text", "size"),
    [("100 GB", 10**11), ("1.5 TB", 1_500_000_000_000), ("500MB", 5 * 10**8), ("0.001 MB", 1000)],
)
def test_size_is_read_and_dumped(text: str, size: int) -> None:
    assert parse_size(text) == size
    assert parse_size(dump_size(size)) == size


@pytest.mark.parametrize("value", [100, "100", "GB", "-1 GB", "1 gb", "1 GiB", "1e3 GB", "", None, True])
def test_what_is_no_size_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError, match="must be a size"):
        parse_size(value)


@pytest.mark.parametrize(("text", "ms"), [("30d", 2_592_000_000), ("12h", 43_200_000), ("36h", 129_600_000)])
def test_time_of_keeping_is_read_and_dumped(text: str, ms: int) -> None:
    assert parse_keep(text) == ms
    assert dump_keep(ms) == text


@pytest.mark.parametrize("value", [30, "30", "d", "-1d", "1.5d", "1w", "30 d ays", None])
def test_what_is_no_time_of_keeping_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError, match="must be days or hours"):
        parse_keep(value)
