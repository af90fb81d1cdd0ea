"""A camera that records less than it should, without being offline: told once, with how much, and when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ready_store import open_ready_store
from vigilar.base.clock import SimulatedClock
from vigilar.events.coverage import LOW, USUAL_DAYS, CoverageWatch, usual_rate
from vigilar.events.desk import EventDesk
from vigilar.events.subjects import EVENT_TYPES
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, NewEvent, StoredEvent, insert_event, list_events, update_event
from vigilar.store.files import NewFile, add_file, close_file, reserve_numbers
from vigilar.store.health import HOUR_MS, Rate, add_pictures, list_low_coverage, list_rates

START_MS = 1_770_000_000_000


class Box:
    """A store, a clock, and a camera process that sends heartbeats and writes files."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = SimulatedClock(START_MS * 1_000_000)
        self.announced: list[StoredEvent] = []
        self.watch = CoverageWatch(store, self.clock)
        self.desk = EventDesk(store, self.clock, "box", EVENT_TYPES, {}, self.announced.append)
        self.pictures = 0
        self.fps = 25.0
        self.said: dict[str, Any] = {"mode": "always", "is_offline": False, "not_recording": ""}
        self.pid = 7
        self.started_ms = START_MS
        ensure_camera(store, "shed", "Shed", 1, "box")

    @property
    def now_ms(self) -> int:
        return self.clock.utc_ns() // 1_000_000

    def record(self, from_s: float, to_s: float) -> None:
        """A closed file over these seconds after the start."""
        number = reserve_numbers(self.store, "shed", "video", 1)
        start, end = START_MS + int(from_s * 1000), START_MS + int(to_s * 1000)
        new = NewFile(camera_id="shed", content="video", number=number, path=f"f{number}", start_ms=start)
        row = add_file(self.store, new)
        close_file(
            self.store, row, state="closed", end_ms=end, size_bytes=1, plaintext_bytes=1, record_count=1,
            link=bytes(32), reason="new connection",
        )  # fmt: skip

    def go(self, seconds: float, step_s: float = 5.0) -> None:
        """Time goes by, a status every few seconds."""
        for _ in range(int(seconds / step_s)):
            self.clock.advance(step_s)
            self.pictures += round(self.fps * step_s)
            self.beat()

    def beat(self) -> None:
        process = {
            "state": "running", "pid": self.pid, "started_ts": self.started_ms,
            "status": {**self.said, "pictures": self.pictures},
        }  # fmt: skip
        self.watch.hear({"processes": {"camera/shed": process, "web": {"state": "running", "pid": 1}}})
        self.watch.look(self.desk)

    def events(self, kind: str = "coverage_low") -> list[StoredEvent]:
        return list_events(self.store, EventFilter(type=kind))[0]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    store = open_ready_store(tmp_path)
    yield Box(store)
    store.close()


def test_whole_recording_tells_nothing(box: Box) -> None:
    box.record(0, 900)
    box.go(800)
    assert box.events() == []


def test_connection_that_breaks_again_and_again_is_told_once_with_how_much(box: Box) -> None:
    for at_s in range(0, 600, 30):
        box.record(at_s, at_s + 22)  # eight seconds of thirty are missing: never long enough to be offline
    box.go(200)
    [event] = box.events()
    assert event.ts_ms == START_MS + 22_000, "since the first hole"
    assert event.payload["title"] == "Shed is recorded with holes"
    assert event.payload["missed_ms"] >= 20_000
    assert "were not recorded" in event.payload["reason"]
    told_s = (event.created_ms - START_MS) / 1000
    assert told_s <= 86 + 20 + 10, "20 s are missing after 86; rows settle for 20; a look comes each 10"
    box.go(300)
    [event] = box.events()
    assert event.end_ms is None
    assert event.payload["missed_ms"] > 60_000
    assert list_low_coverage(box.store) == {"shed": event.payload["missed_ms"]}


def test_end_of_the_holes_is_told_once_with_what_was_missed(box: Box) -> None:
    for at_s in range(0, 120, 30):
        box.record(at_s, at_s + 22)
    box.record(120, 2000)
    box.go(1000)
    [event] = box.events()
    assert event.end_ms == START_MS + 120_000
    assert event.payload["is_open"] is False
    [restored] = box.events("coverage_restored")
    assert restored.payload["missed_ms"] == 32_000
    assert restored.payload["title"] == "Shed is recorded without holes again"
    assert list_low_coverage(box.store) == {}


def test_events_process_that_starts_anew_tells_the_same_holes_not_again(box: Box) -> None:
    for at_s in range(0, 900, 30):
        box.record(at_s, at_s + 22)
    box.go(200)
    box.watch = CoverageWatch(box.store, box.clock)
    box.go(300)
    assert len(box.events()) == 1


def test_outage_that_was_told_is_no_hole(box: Box) -> None:
    box.record(0, 60)
    box.record(180, 900)
    told = NewEvent(uid="out", type="camera_offline", severity="WARNING", source_id="shed", ts_ms=START_MS + 60_000)
    event = insert_event(box.store, told, now_ms=1)
    assert event is not None
    update_event(box.store, event, end_ms=START_MS + 180_000, payload={})
    box.go(600)
    assert box.events() == []


def test_loss_that_was_told_is_no_hole(box: Box) -> None:
    box.record(0, 60)
    box.record(120, 900)
    detail = {"from_ms": START_MS + 60_000, "to_ms": START_MS + 120_000}
    told = NewEvent(
        uid="l", type="footage_lost", severity="ALERT", source_id="shed", ts_ms=detail["to_ms"], payload=detail
    )
    assert insert_event(box.store, told, now_ms=1)
    box.go(600)
    assert box.events() == []


@pytest.mark.parametrize(
    "said", [{"mode": "motion"}, {"is_offline": True}, {"not_recording": "disk-full"}, {"pictures": None}]
)
def test_camera_that_need_not_record_or_is_told_otherwise_is_not_watched(box: Box, said: dict[str, Any]) -> None:
    box.said |= said
    if "pictures" in said:
        box.pictures = None  # type: ignore[assignment]  # as an older process says
        box.beat()
        box.clock.advance(600)
        box.beat()
    else:
        box.go(600)
    assert box.events() == []


def test_process_that_just_started_owes_nothing_before_its_start(box: Box) -> None:
    box.started_ms = START_MS + 300_000
    box.record(320, 900)
    box.go(700)
    assert box.events() == []


def usual(box: Box, fps: float, days: int = USUAL_DAYS) -> None:
    hour_ms = START_MS // HOUR_MS * HOUR_MS
    for day in range(1, days + 1):
        for shift in (-1, 0, 1):
            at = hour_ms - day * 24 * HOUR_MS + shift * HOUR_MS
            add_pictures(box.store, {"shed": Rate(at, int(fps * 3600), HOUR_MS)})


def test_half_of_the_usual_pictures_is_told_and_their_return(box: Box) -> None:
    usual(box, 25.0)
    box.record(0, 3000)
    box.fps = 12.0
    box.go(300)
    [event] = box.events()
    assert event.payload["reason"] == "Only 12.0 pictures a second come; usual at this hour are 25.0."
    box.fps = 25.0
    box.go(700)
    assert box.events()[0].end_ms is not None
    assert len(box.events("coverage_restored")) == 1


def test_half_rate_of_every_night_is_usual(box: Box) -> None:
    usual(box, 12.0)
    box.record(0, 3000)
    box.fps = 12.0
    box.go(600)
    assert box.events() == []


def test_too_few_days_say_nothing_of_the_rate(box: Box) -> None:
    usual(box, 25.0, days=USUAL_DAYS - 1)
    box.record(0, 3000)
    box.fps = 5.0
    box.go(600)
    assert box.events() == []


def test_rates_are_kept_by_the_hour(box: Box) -> None:
    box.record(0, 3000)
    box.go(400)
    rates = list_rates(box.store, "shed", 0)
    assert 24.0 < sum(one.pictures for one in rates) * 1000 / sum(one.counted_ms for one in rates) < 26.0


def test_usual_rate_is_the_lowest_of_the_hours_around() -> None:
    hour_ms = 1_000 * 24 * HOUR_MS + 20 * HOUR_MS  # 20:00 UTC
    rates = [
        Rate(hour_ms - day * 24 * HOUR_MS + shift * HOUR_MS, pictures * 3600, HOUR_MS)
        for day in (1, 2, 3)
        for shift, pictures in ((-1, 25), (0, 25), (1, 12))
    ]
    assert usual_rate(rates, hour_ms) == 12.0, "the camera goes dark at nine, or a little earlier by now"
    assert usual_rate(rates[:-1], hour_ms) is None


def test_clock_that_is_set_back_does_not_stop_the_watch(box: Box) -> None:
    box.record(0, 100)
    box.go(50)
    box.clock.step_utc(-3600)
    box.go(50)
    assert box.events() == []
    assert LOW.name in EVENT_TYPES


def test_hours_that_a_clock_that_was_set_forward_left_out_are_not_missing(box: Box) -> None:
    box.record(0, 200)
    box.go(200)
    box.clock.step_utc(3600)
    box.record(3800, 5000)
    box.go(1000)
    assert box.events() == []


def test_holes_after_the_clock_was_set_are_told(box: Box) -> None:
    box.record(0, 200)
    box.go(200)
    box.clock.step_utc(3600)
    for at_s in range(3800, 4400, 30):
        box.record(at_s, at_s + 22)
    box.go(500)
    [event] = box.events()
    assert event.ts_ms >= START_MS + 3_800_000


def test_minutes_that_a_clock_left_out_count_for_no_rate(box: Box) -> None:
    box.record(-5000, 20_000)
    box.go(1200)
    box.clock.step_utc(2000)
    box.go(6000)
    rates = list_rates(box.store, "shed", 0)
    assert len(rates) >= 2
    assert {round(one.fps) for one in rates} == {25}
