"""The event of something new in the garden, once, whatever is said later; and the hours watched. Real SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.ready_store import open_ready_store
from vigilar.base.clock import SimulatedClock
from vigilar.base.wildlife_rules import WildlifeRules
from vigilar.config.load import parse_config
from vigilar.config.notify_cut import notify_rules
from vigilar.events.desk import EventDesk
from vigilar.events.subjects import EVENT_TYPES
from vigilar.events.wildlife import WildlifeWatch
from vigilar.store import wildlife as rows
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, NewEvent, StoredEvent, insert_event, list_events, update_event
from vigilar.store.files import NewFile, add_file, close_file, reserve_numbers
from vigilar.store.incident_reading import list_incidents
from vigilar.store.wildlife import Word
from vigilar.wildlife.watched import HOUR_MS

ZONE = ZoneInfo("Europe/Berlin")
NOW = int(datetime(2026, 5, 20, 3, 12, tzinfo=ZONE).timestamp() * 1000)
DAY_MS = 24 * HOUR_MS
FOX = Word("fox", "Fox", "animal", "predator")
NONE = Word("none", "No animal", "motion", "")


class Garden:
    """A store with a camera, the desk of the events process, and a watch."""

    def __init__(self, store: Store, rules: WildlifeRules) -> None:
        self.store = store
        self.clock = SimulatedClock(NOW * 1_000_000)
        self.told: list[StoredEvent] = []
        self.desk = EventDesk(store, self.clock, "box", EVENT_TYPES, {}, self.told.append)
        self.rules = rules
        self.watch = WildlifeWatch(store, self.clock, rules)
        self.number = 0
        ensure_camera(store, "garden", "Garden", NOW - 400 * DAY_MS, "box")

    def now_ms(self) -> int:
        return self.clock.utc_ns() // 1_000_000

    def visit(self, days_ago: float = 0, kind: str = "animal", *, is_open: bool = False) -> StoredEvent:
        self.number += 1
        ts_ms = self.now_ms() - round(days_ago * DAY_MS) - 60_000
        payload = {"title": f"{kind.capitalize()}, Garden", "camera_name": "Garden", "is_open": is_open}
        new = NewEvent(
            uid=f"visit-{self.number}", type="motion", severity="INFO", source_id="garden", ts_ms=ts_ms,
            payload=payload, end_ms=None if is_open else ts_ms + 8_000, kind=kind,
        )  # fmt: skip
        stored = insert_event(self.store, new, now_ms=self.now_ms())
        assert stored is not None
        return stored

    def say(self, event: StoredEvent, word: Word | None) -> None:
        rows.say(self.store, [event.id], word, act=f"act-{self.number}", by_name="ada", now_ms=self.now_ms())

    def look(self) -> list[tuple[str, str]]:
        """Type and title of all that is told of wild animals, oldest first."""
        self.clock.advance(10)
        self.watch.look(self.desk)
        found, _ = list_events(self.store, EventFilter(limit=500))
        return [(one.type, str(one.payload["title"])) for one in reversed(found) if one.type.startswith("wildlife_")]

    def record(self, from_ms: int, to_ms: int) -> None:
        number = reserve_numbers(self.store, "garden", "video", 1)
        row = add_file(
            self.store,
            NewFile(camera_id="garden", content="video", number=number, path=f"f{number}", start_ms=from_ms),
        )
        close_file(
            self.store, row, state="closed", end_ms=to_ms, size_bytes=1, plaintext_bytes=1, record_count=1,
            link=bytes(32), reason=None,
        )  # fmt: skip


@pytest.fixture
def garden(tmp_path: Path) -> Iterator[Garden]:
    with closing(open_ready_store(tmp_path)) as store:
        yield Garden(store, WildlifeRules(time_zone="Europe/Berlin"))


def test_first_of_the_year_is_one_event_of_the_same_story(garden: Garden) -> None:
    garden.visit(days_ago=200, kind="animal")
    visit = garden.visit()
    assert garden.look() == [("wildlife_first", "Animal, first this year")]
    assert garden.look() == [("wildlife_first", "Animal, first this year")]
    (told,), _ = list_events(garden.store, EventFilter(type="wildlife_first"))
    assert (told.source_id, told.ts_ms, told.end_ms, told.severity) == ("garden", visit.ts_ms, visit.end_ms, "INFO")
    assert told.incident_id == visit.incident_id
    story = list_incidents(garden.store, EventFilter())[0][0]
    assert story.title == "Animal in the garden, first this year"
    garden.watch = WildlifeWatch(garden.store, garden.clock, garden.rules)  # a new process tells nothing again
    assert len(garden.look()) == 1


def test_visit_that_goes_on_is_told_when_it_is_over(garden: Garden) -> None:
    visit = garden.visit(is_open=True)
    assert garden.look() == []
    update_event(garden.store, visit, end_ms=garden.now_ms(), payload=visit.payload)
    assert garden.look() == [("wildlife_first", "Animal, first ever seen here")]


@pytest.mark.parametrize(("days_ago", "told"), [(13.9, []), (19, [("wildlife_back", "Animal, first in 19 days")])])
def test_back_again_needs_so_long_an_absence(garden: Garden, days_ago: float, told: list[tuple[str, str]]) -> None:
    garden.visit(days_ago=days_ago)
    garden.visit()
    assert garden.look() == told


def test_name_given_later_makes_or_changes_the_one_event(garden: Garden) -> None:
    garden.visit(days_ago=3)
    visit = garden.visit()
    assert garden.look() == []
    garden.say(visit, FOX)
    assert garden.look() == [("wildlife_first", "Fox, first ever seen here")]
    story = list_incidents(garden.store, EventFilter())[0][0]
    assert story.title == "Fox in the garden, first ever seen here"
    garden.say(visit, NONE)
    assert garden.look() == [("wildlife_first", "Taken back, after all no animal")]
    garden.say(visit, FOX)
    assert garden.look() == [("wildlife_first", "Fox, first ever seen here")]


def test_old_visit_that_is_named_is_no_news(garden: Garden) -> None:
    visit = garden.visit(days_ago=5)
    garden.look()
    garden.say(visit, FOX)
    assert garden.look() == []


def test_journal_that_is_off_tells_nothing(garden: Garden) -> None:
    garden.watch.use(replace(garden.rules, enabled=False))
    garden.visit()
    assert garden.look() == []


def test_push_of_the_first_of_the_year_is_a_rule_that_a_setting_stops() -> None:
    rules = notify_rules(parse_config(b"", "x")).rules
    (rule,) = [one for one in rules if "wildlife-first" in one.when]
    assert (rule.level, rule.tell) == ("ordinary", ("everyone",))
    off = notify_rules(parse_config(b"[wildlife]\npush_first_of_year = false", "x")).rules
    assert [one.name for one in off] == [one.name for one in rules if one != rule]


def test_hours_watched_are_those_recorded_back_to_the_first(garden: Garden) -> None:
    hour = garden.now_ms() // HOUR_MS * HOUR_MS
    garden.record(hour - 10 * DAY_MS, hour - 10 * DAY_MS + HOUR_MS // 2)
    garden.record(hour - 2 * HOUR_MS, hour)
    for _ in range(3):
        garden.clock.advance(60)
        garden.look()
    span = rows.noted_span(garden.store, "garden")
    assert span is not None
    assert (span[0] <= hour - 10 * DAY_MS, span[1]) == (True, hour - HOUR_MS)
    noted = rows.list_hours(garden.store, ["garden"], hour - 11 * DAY_MS, hour)
    assert {one: ms for one, ms in noted.items() if ms} == {
        hour - 10 * DAY_MS: HOUR_MS // 2,
        hour - 2 * HOUR_MS: HOUR_MS,
        hour - HOUR_MS: HOUR_MS,
    }


def test_camera_that_records_motion_alone_watches_while_it_is_there(garden: Garden) -> None:
    hour = garden.now_ms() // HOUR_MS * HOUR_MS
    garden.record(hour - 20 * HOUR_MS, hour - 20 * HOUR_MS + 60_000)
    lost = NewEvent(
        uid="lost", type="camera_offline", severity="WARNING", source_id="garden", ts_ms=hour - 5 * HOUR_MS,
        end_ms=hour - 3 * HOUR_MS, payload={"title": "No picture from Garden", "camera_name": "Garden"},
    )  # fmt: skip
    assert insert_event(garden.store, lost, now_ms=garden.now_ms()) is not None
    garden.watch.use(replace(garden.rules, motion_only=frozenset({"garden"})))
    garden.look()
    noted = rows.list_hours(garden.store, ["garden"], hour - 22 * HOUR_MS, hour)
    dark = [(one - hour) // HOUR_MS for one, ms in sorted(noted.items()) if not ms]
    assert dark == [-22, -21, -5, -4]
