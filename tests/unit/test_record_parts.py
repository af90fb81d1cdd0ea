"""The small parts of recording: the clock watch, gaps, free space, days."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vigilar.base.clock import SimulatedClock
from vigilar.record.clockwatch import ClockWatch
from vigilar.record.folders import day_of
from vigilar.record.free_space import FreeSpace, free_space_of
from vigilar.record.gaps import DISK_FULL, DISK_SLOW, GapLog

MIB = 1024 * 1024
Facts = list[tuple[str, int, dict[str, Any]]]


def test_clock_step_is_reported_once() -> None:
    clock, facts = SimulatedClock(), Facts()
    watch = ClockWatch(clock, lambda *fact: facts.append(fact))
    clock.step_utc(-3600)
    mark = watch.look()
    assert mark is not None
    assert mark.detail == {"step_ms": -3_600_000}
    assert watch.look() is None
    assert [kind for kind, _, _ in facts] == ["clock_stepped"]


def test_slewing_and_waiting_are_no_steps() -> None:
    clock, facts = SimulatedClock(), Facts()
    watch = ClockWatch(clock, lambda *fact: facts.append(fact))
    for _ in range(100):
        clock.advance(60)
        clock.step_utc(0.03)
        assert watch.look() is None
    assert not facts


def test_hole_is_reported_when_it_ends() -> None:
    facts = Facts()
    book = GapLog(lambda *fact: facts.append(fact))
    book.begin(2_000_000_000, DISK_SLOW)
    book.begin(1_000_000_000, DISK_FULL)
    mark = book.mark(4_500_000_000)
    assert not facts
    book.end(4_500_000_000)
    book.end(9_000_000_000)
    span = {"from_ms": 1000, "to_ms": 4500, "lost_ms": 3500, "reason": DISK_SLOW}
    assert facts == [("footage_lost", 4_500_000_000, span)]
    assert mark is not None
    assert mark.detail == span


def test_long_hole_is_reported_while_it_lasts() -> None:
    facts = Facts()
    book = GapLog(lambda *fact: facts.append(fact))
    book.begin(0, DISK_SLOW)
    book.look(10_000_000_000)
    assert not facts
    book.look(11_000_000_000)
    book.look(12_000_000_000)
    assert [kind for kind, _, _ in facts] == ["footage_lost"]


def test_full_disk_is_reported_once_and_its_end_too() -> None:
    facts = Facts()
    book = GapLog(lambda *fact: facts.append(fact))
    book.recording_works(1)
    for _ in range(3):
        book.disk_is_full(2, {})
    for _ in range(3):
        book.recording_works(3)
    assert [kind for kind, _, _ in facts] == ["disk_full", "recording_resumed"]


def test_reserve_is_small_on_small_disks() -> None:
    assert FreeSpace(16 * MIB, 1000 * MIB).is_full is False
    assert FreeSpace(16 * MIB - 1, 1000 * MIB).is_full
    assert FreeSpace(32 * MIB - 1, 1000 * MIB).may_resume is False
    assert FreeSpace(1 * MIB, 20 * MIB).is_full is False


def test_room_of_a_real_folder(tmp_path: Path) -> None:
    free = free_space_of(tmp_path)
    assert 0 < free.free_bytes <= free.total_bytes
    assert free_space_of(tmp_path / "absent").is_full is False


def test_day_is_utc() -> None:
    assert day_of(1_770_076_799_999_999_999) == "2026-02-02"
    assert day_of(1_770_076_800_000_000_000) == "2026-02-03"
