"""Sentences, times and byte ranges: what pages say and what requests may ask. Tables of what goes in and comes out."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from vigilar.base.amounts import size_text
from vigilar.web.problems import Problem
from vigilar.web.serving import ByteRange, parse_byte_range
from vigilar.web.times import TimeRange, day_text, for_text, length_text, parse_moment, parse_range

BERLIN = ZoneInfo("Europe/Berlin")
NOW = 1_770_000_000_000  # 2 February 2026, 03:40 in Berlin


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1770000000000", NOW),
        ("2026-02-02T03:40:00+01:00", NOW),
        ("2026-02-02T03:40:00 01:00", NOW),
        ("2026-02-02T02:40:00Z", NOW),
        ("0", 0),
    ],
)
def test_moments_with_zone(text: str, ms: int) -> None:
    assert parse_moment(text, "from") == ms


@pytest.mark.parametrize(
    "text", ["yesterday", "", "2026-02-02T03:40:00", "2026-02-30T00:00:00Z", "9" * 16, "-5", "\uff11\uff12"]
)
def test_moments_without_sense(text: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_moment(text, "from")
    assert (caught.value.status, caught.value.code) == (422, "time.form")


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        (None, "5", "time.form"),
        ("5", None, "time.form"),
        ("5", "5", "time.range"),
        ("6", "5", "time.range"),
        ("0", str(25 * 3600 * 1000 + 1), "time.range"),
    ],
)
def test_ranges_without_sense(start: str | None, end: str | None, code: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_range(start, end)
    assert caught.value.code == code


def test_range_of_the_longest_day() -> None:
    assert parse_range("0", str(25 * 3600 * 1000)) == TimeRange(0, 25 * 3600 * 1000)


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (NOW, "Today"),
        (NOW - 4 * 3_600_000, "Yesterday"),
        (NOW - 3 * 86_400_000, "Friday 30 January"),
        (NOW - 400 * 86_400_000, "Sunday 29 December 2024"),
    ],
)
def test_days_in_words(ms: int, words: str) -> None:
    assert day_text(ms, NOW, BERLIN) == words


@pytest.mark.parametrize(
    ("ms", "words"), [(499, "0 s"), (40_000, "40 s"), (185_000, "3 min 5 s"), (7_800_000, "2 h 10 min")]
)
def test_lengths_in_words(ms: int, words: str) -> None:
    assert length_text(ms) == words


@pytest.mark.parametrize(("ms", "words"), [(42_000, "00:42"), (0, "00:00"), (7_391_000, "2:03:11"), (-5, "00:00")])
def test_counters(ms: int, words: str) -> None:
    assert for_text(ms) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1_400_000_000, "1.4 GB"), (81_000_000_000, "81 GB"), (10**15, "1000.0 TB")],
)
def test_sizes(size: int, words: str) -> None:
    assert size_text(size) == words


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, None),
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=0-", ByteRange(0, 100)),
        ("bytes=10-19", ByteRange(10, 20)),
        ("bytes=99-", ByteRange(99, 100)),
        ("bytes=90-5000", ByteRange(90, 100)),
        ("bytes=-1", ByteRange(99, 100)),
        ("bytes=-500", ByteRange(0, 100)),
        ("rows=1-2", None),
    ],
)
def test_byte_ranges(header: str | None, found: ByteRange | None) -> None:
    assert parse_byte_range(header, 100) == found


@pytest.mark.parametrize(
    "header",
    ["bytes=5-2", "bytes=-0", "bytes=100-", "bytes=a-b", "bytes=", "bytes=-", "bytes=0-1,5-6", "bytes=0x1-2", "bytes=1",
     "bytes=" + ",".join(["0-1"] * 1000), "bytes=" + "9" * 30 + "-"],
)  # fmt: skip
def test_byte_ranges_that_cannot_be(header: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_byte_range(header, 100)
    assert (caught.value.status, caught.value.headers["Content-Range"]) == (416, "bytes */100")
