"""Sentences, times and byte ranges: what pages say and what requests may ask. Tables of what goes in and comes out."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from vigilar.base.amounts import size_text
from vigilar.config.jobs import CameraInfo
from vigilar.web.detector_words import DetectorLine
from vigilar.web.house import HouseState
from vigilar.web.problems import Problem
from vigilar.web.serving import ByteRange, parse_byte_range
from vigilar.web.status_words import DiskState, camera_line, house_sentence, list_problems, live_sentence, process_lines
from vigilar.web.times import TimeRange, day_text, for_text, length_text, parse_moment, parse_range

BERLIN = ZoneInfo("Europe/Berlin")
NOW = 1_770_000_000_000  # 2 February 2026, 03:40 in Berlin
ROOMY = DiskState(100_000_000_000, 50_000_000_000)


def line(state: str, name: str = "Shed", enabled: bool = True, **facts: Any) -> Any:
    return camera_line(CameraInfo("shed", name, True, enabled), {"state": state, **facts}, NOW, BERLIN)


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


def test_down_camera_says_since_when_why_and_what_next() -> None:
    found = line("no-picture", reason="Nothing answers.", last_frame_ts=NOW - 42_000, next_try_ts=NOW + 8_000)
    assert found.sentence == "No picture for 00:42. Last frame 03:39:18. Nothing answers. Next try in 8 s."


def test_unheard_state_is_not_known() -> None:
    assert line("dancing").state == "unknown"


def test_camera_that_starts_is_neither_well_nor_an_alarm() -> None:
    coming = [line("starting"), line("connecting", "Hall")]
    assert list_problems(coming, [], ROOMY, has_bus=True) == []
    assert house_sentence(coming, []) == "Starting: Shed, Hall."
    assert live_sentence([*coming, line("live")]) == "1 of 3 cameras live. Starting: Shed, Hall."
    house = HouseState(NOW, "", [], coming, [], ROOMY, has_bus=True, detector=DetectorLine("ok", ""))
    assert house.mark == ("starting", "clock", "Starting")


def test_set_aside_camera_is_no_problem() -> None:
    assert list_problems([line("unknown", enabled=False)], [], ROOMY, has_bus=True) == []


@pytest.mark.parametrize(
    ("cameras", "processes", "disk", "has_bus", "first"),
    [
        ([], [], None, True, "How full the disk is, is not known."),
        ([], [], DiskState(100_000_000_000, 1_000_000_000), True, "The disk is nearly full."),
        ([], [], ROOMY, True, "No camera yet. Add the first one."),
        (["no-picture"], [], ROOMY, True, "Shed: no picture."),
        (["unknown"], [], ROOMY, True, "Shed: its state is not known."),
        (["live"], [], ROOMY, False, "Live updates are interrupted."),
        (["live"], None, ROOMY, True, "Whether all programs run is not known."),
    ],
)
def test_worst_comes_first(cameras: list[str], processes: Any, disk: Any, has_bus: bool, first: str) -> None:
    problems = list_problems([line(state) for state in cameras], processes, disk, has_bus=has_bus)
    assert problems[0] == first
    assert house_sentence([], problems).endswith(first)


def test_recording_is_said_to_go_on_only_where_it_is_known() -> None:
    recorded = line("unknown", is_recording=True)
    assert list_problems([recorded], [], ROOMY, has_bus=False)[-1] == "Live updates are interrupted; recording goes on."
    assert list_problems([recorded, line("unknown")], [], ROOMY, has_bus=False)[-1] == "Live updates are interrupted."


def test_live_camera_that_is_not_recorded_says_why() -> None:
    found = line("live", not_recording="database", is_recording=True)
    assert (found.word, found.sentence) == ("Live, not recording", "The database cannot be written.")
    assert (found.is_recording, found.is_well, found.has_picture) == (False, False, True)
    assert list_problems([found], [], ROOMY, has_bus=True) == [
        "Shed: live, not recording. The database cannot be written."
    ]
    assert live_sentence([found]) == "1 camera live. Not recording: Shed."


def test_reason_of_a_newer_program_is_still_no_all_well() -> None:
    found = line("live", not_recording="too-warm")
    assert not found.is_well
    assert found.sentence == "The reason is not known to this page."


@pytest.mark.parametrize(
    ("reason", "disk", "said"),
    [
        ("disk-full", ROOMY, "The disk is full: nothing is recorded. Free space on that disk"),
        ("", DiskState(100_000_000_000, 1_000_000), "The disk is full: nothing is recorded."),
        ("disk-full", DiskState(10**11, 10**10, is_read_only=True), "The disk is read-only: nothing is recorded."),
        ("disk-read-only", ROOMY, "The disk is read-only: nothing is recorded."),
        ("disk-failed", ROOMY, "The disk does not answer or reports errors: nothing is recorded. Check the cable"),
        ("", DiskState(0, 0, fault="Input/output error"), "The disk does not answer or reports errors"),
        ("disk-failed", None, "The disk does not answer or reports errors: nothing is recorded."),
    ],
)
def test_trouble_of_the_disk_is_one_sentence_with_its_cost(reason: str, disk: DiskState | None, said: str) -> None:
    problems = list_problems([line("live", not_recording=reason)], [], disk, has_bus=True)
    assert problems[0].startswith(said)
    assert house_sentence([], problems).count(".") == 1, "the headline says what, the list what to do"
    assert len(problems) == 1, "the cameras' own sentences would say the same again"


def test_disk_that_costs_some_cameras_only_says_how_many() -> None:
    cameras = [line("live", not_recording="disk-failed"), line("live", "Hall", is_recording=True)]
    assert list_problems(cameras, [], ROOMY, has_bus=True)[0].startswith(
        "The disk does not answer or reports errors: 1 of 2 cameras are not recorded."
    )


def test_word_of_the_drive_comes_before_all_and_nothing_is_said_to_go_on() -> None:
    drive = "The drive for recordings does not answer."
    waits, slow = line("live", is_recording=True), line("live", not_recording="disk-slow")
    assert list_problems([waits], [], None, has_bus=False, drive=drive) == [drive, "Live updates are interrupted."]
    problems = list_problems([slow], [], None, has_bus=True, drive=drive)
    assert problems == [drive, "The disk is too slow: nothing is recorded."]
    assert house_sentence([slow], problems) == f"2 things to look at. First: {drive}"


def test_restarting_camera_is_told_once() -> None:
    lines = process_lines({"camera/shed": {"state": "waiting"}})
    assert list_problems([line("restarting")], lines, ROOMY, has_bus=True) == ["Shed: restarting, not recording."]


def test_programs_are_called_by_the_titles_of_the_supervisor() -> None:
    told = {
        "web": {"title": "The web server", "state": "running", "restarts": 2},
        "camera/shed": {"title": "The camera process of Shed", "state": "waiting"},
        "new": "nonsense",
    }
    lines = process_lines(told)
    assert [(one.words, one.state, one.is_well, one.restarts) for one in lines] == [
        ("The web server", "Running", True, 2),
        ("The camera process of Shed", "Waiting", False, 0),
        ("new", "Unknown", False, 0),
    ]
    problems = list_problems([line("live")], lines[:2], ROOMY, has_bus=True)
    assert problems == ["The camera process of Shed is not running."]


def test_sentences_count_rightly() -> None:
    well = line("live", is_recording=True)
    assert house_sentence([well], []) == "All well. 1 camera recording."
    assert live_sentence([well, line("failed", "Drive")]) == "1 of 2 cameras live. No picture: Drive."
    assert live_sentence([well]) == "1 camera live."
