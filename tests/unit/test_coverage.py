"""How much of a day was recorded, from spans and gaps: a table of what counts and what is excused."""

from __future__ import annotations

import pytest

from vigilar.playback.coverage import Coverage, measure
from vigilar.playback.gaps import Gap
from vigilar.playback.timeline import Span, Timeline
from vigilar.store.events import StoredEvent

HOUR = 3_600_000
DAY = 24 * HOUR


def outage(from_ms: int, to_ms: int | None) -> StoredEvent:
    return StoredEvent(
        id=1, uid="x", change=1, type="camera_offline", severity="WARNING", source_id="shed", ts_ms=from_ms,
        end_ms=to_ms, still_id=None, payload={}, created_ms=0, first_change=1, kept=False,
    )  # fmt: skip


def day(*gaps: tuple[int, int, str], began: int | None = 0, outages: tuple[StoredEvent, ...] = ()) -> Coverage:
    told = [Gap(start, end, reason, reason) for start, end, reason in gaps]
    return measure(Timeline([Span(0, DAY)], told), outages, began, 0, DAY)


@pytest.mark.parametrize(
    ("gap", "missed"),
    [
        ("disconnected", HOUR), ("stopped", HOUR), ("crash", HOUR), ("disk-full", HOUR), ("lost", HOUR),
        ("broken", HOUR), ("unknown", HOUR), ("deleted", HOUR), ("deleted-age", 0), ("deleted-quota", 0),
        ("deleted-reserve", 0), ("deleted-owner", 0),
    ],
)  # fmt: skip
def test_what_is_missing_counts_and_what_was_let_go_does_not(gap: str, missed: int) -> None:
    found = day((5 * HOUR, 6 * HOUR, gap))
    assert (found.expected_ms, found.missed_ms) == (DAY, missed)
    assert found.share == 1 - missed / DAY


def test_quiet_hours_of_a_motion_camera_are_excused() -> None:
    found = day((0, 20 * HOUR, "no-motion"))
    assert (found.expected_ms, found.missed_ms, found.share) == (4 * HOUR, 0, 1.0)


def test_hour_that_the_clock_was_set_past_is_not_missed() -> None:
    found = day((2 * HOUR, 3 * HOUR, "clock"))
    assert (found.expected_ms, found.missed_ms, found.gaps) == (23 * HOUR, 0, ())


def test_quiet_hours_in_which_it_was_offline_are_missed_once() -> None:
    found = day(
        (0, 20 * HOUR, "no-motion"),
        outages=(outage(2 * HOUR, 4 * HOUR), outage(3 * HOUR, 5 * HOUR), outage(19 * HOUR, None)),
    )
    assert (found.expected_ms, found.missed_ms) == (8 * HOUR, 4 * HOUR)
    assert [(gap.from_ms // HOUR, gap.to_ms // HOUR) for gap in found.gaps] == [(2, 4), (4, 5), (19, 20)]


@pytest.mark.parametrize(
    ("began", "expected", "missed"),
    [
        (6 * HOUR, 18 * HOUR, 0),  # its first day
        (None, 18 * HOUR, 0),
        (-5 * DAY, DAY, 6 * HOUR),  # what was before is deleted by now
        (2 * HOUR, 22 * HOUR, 4 * HOUR),
    ],
)
def test_time_before_the_first_recording_is_excused(began: int | None, expected: int, missed: int) -> None:
    found = day((0, 6 * HOUR, "before"), began=began)
    assert (found.expected_ms, found.missed_ms) == (expected, missed)


def test_day_in_which_nothing_was_to_be_recorded_has_no_number() -> None:
    assert day((0, DAY, "before"), began=None).share is None


def test_worst_gap_is_the_longest() -> None:
    found = day((HOUR, 2 * HOUR, "crash"), (5 * HOUR, 8 * HOUR, "disconnected"))
    assert found.worst is not None
    assert found.worst.reason == "disconnected"
    assert day().worst is None
