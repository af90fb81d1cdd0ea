"""Lists of stories: what matches, where it stands, what of it may be seen, counts, days, seen; on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from vigilar.base.errors import StoreError
from vigilar.events.grouping import grouping_of
from vigilar.events.subjects import EVENT_TYPES
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store, _statement
from vigilar.store.events import EventFilter, NewEvent, StoredEvent, get_event, insert_event, set_kept, set_seen
from vigilar.store.incident_counts import count_by_level, count_days, count_new, newest_story_ms
from vigilar.store.incident_pages import (
    Story,
    StoryKey,
    around,
    events_of,
    list_stories,
    mark_seen,
    matches,
    neighbours,
    set_all_seen,
    story_of,
)
from vigilar.store.incidents import ALONE, Grouping
from vigilar.store.schema import events
from vigilar.store.story_query import ClockHours, StoryFilter, Unwanted, matching
from vigilar.store.users import create_owner

NOW = 1_770_000_000_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
GROUPING = grouping_of(EVENT_TYPES)
ALL = EventFilter()


@pytest.fixture
def store(each_store: Store) -> Store:
    for camera_id in ("front", "garden", "drive"):
        ensure_camera(each_store, camera_id, camera_id.title(), NOW)
    create_owner(each_store, "sam", "hash", NOW)
    return each_store


def put(
    store: Store, uid: str, ts_ms: int, camera: str = "front", grouping: Grouping = ALONE, **more: Any
) -> StoredEvent:
    kind = more.pop("kind", "motion")
    title = more.pop("title", f"{kind.capitalize()}, {camera}")
    payload = {"title": title, "camera_name": camera.title()}
    values: dict[str, Any] = {"type": "motion", "severity": "INFO", "end_ms": ts_ms + 8000, "payload": payload}
    new = NewEvent(uid=uid, ts_ms=ts_ms, source_id=camera, kind=kind, **{**values, **more})
    stored = insert_event(store, new, now_ms=ts_ms, grouping=grouping)
    assert stored is not None
    return stored


def visit(store: Store, start_ms: int = NOW) -> list[StoredEvent]:
    """Somebody at the front door, then on the drive: one story."""
    first = put(store, f"a{start_ms}", start_ms, "front", GROUPING, kind="person", severity="ALERT", zones=("Porch",))
    return [first, put(store, f"b{start_ms}", start_ms + 20_000, "drive", GROUPING, kind="person")]


def listed(store: Store, **wanted: Any) -> list[list[str]]:
    """The uids of each story of the list."""
    base = wanted.pop("base", ALL)
    return [[one.uid for one in story.events] for story in list_stories(store, StoryFilter(base=base, **wanted), 1)[0]]


@pytest.mark.parametrize(
    "unwanted",
    [
        Unwanted(sources=("drive",)),
        Unwanted(zones=("Porch",)),
        Unwanted(kinds=("person",)),
        Unwanted(types=("motion",), sources=("drive",)),
        Unwanted(words=("DRIVE",)),
    ],
)
def test_story_of_which_one_event_is_unwanted_is_not_listed(store: Store, unwanted: Unwanted) -> None:
    """Also when another of its events is what is asked for: its card would show what was not wanted."""
    visit(store)
    put(store, "alone", NOW + HOUR, "garden", kind="cat", type="other")
    assert listed(store, unwanted=unwanted) == [["alone"]]
    assert listed(store, unwanted=unwanted, sources=("front",)) == []
    assert listed(store, unwanted=Unwanted(kinds=("cat",))) == [[f"a{NOW}", f"b{NOW}"]]
    assert count_by_level(store, StoryFilter(base=ALL, unwanted=unwanted)) == {"INFO": 1}


def test_what_a_member_does_not_see_does_not_hide_a_story(store: Store) -> None:
    visit(store)
    limits = EventFilter(cameras=frozenset({"front"}))
    assert listed(store, base=limits, unwanted=Unwanted(sources=("drive",))) == [[f"a{NOW}"]]


def test_events_of_one_visit_are_one_story(store: Store) -> None:
    first, second = visit(store)
    cat = put(store, "cat", NOW + HOUR, "garden", kind="cat")
    stories, cursor = list_stories(store, StoryFilter(base=ALL), 1)
    assert cursor is None
    assert [[one.id for one in story.events] for story in stories] == [[cat.id], [first.id, second.id]]
    assert stories[1].title.startswith("Person")
    assert (stories[1].severity, stories[1].start_ms) == ("ALERT", NOW)
    assert set(stories[1].unseen) == {first.id, second.id}


def test_pages_hold_each_story_once(store: Store) -> None:
    for number in range(25):
        put(store, f"e{number}", NOW + number // 3 * 1000)
    wanted = StoryFilter(base=EventFilter(limit=7))
    found: list[Story] = []
    cursor: str | None = ""
    while cursor is not None:
        page, cursor = list_stories(store, replace(wanted, base=replace(wanted.base, cursor=cursor or None)), 1)
        found += page
    assert [story.start_ms for story in found] == sorted((story.start_ms for story in found), reverse=True)
    assert len({story.key for story in found}) == len(found) == 25


def test_lists_of_any_length_are_few_statements(store: Store) -> None:
    """Each text is kept ready with some kB for each value in it: a list that grows by one would keep all before it."""
    for number in range(40):
        put(store, f"e{number}", NOW + number * HOUR)
    kept: list[int] = []
    _statement.cache_clear()
    for length in range(1, 41):
        stories, _ = list_stories(store, StoryFilter(base=EventFilter(limit=length)), 1)
        assert [story.events[0].uid for story in stories] == [f"e{number}" for number in range(39, 39 - length, -1)]
        kept.append(_statement.cache_info().currsize)
    assert kept[39] - kept[31] <= 3, "of 33 to 40"


@pytest.mark.parametrize("cursor", ["1", "1.2", "a.b.c", "-1.1.1", "1.1." + "9" * 30])
def test_foreign_cursor_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(StoreError) as caught:
        list_stories(store, StoryFilter(base=EventFilter(cursor=cursor)), 1)
    assert caught.value.code == "V-DB-CURSOR"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"sources": ("drive",)}, [["a", "b"]]),
        ({"sources": ("drive", "garden")}, [["cat"], ["a", "b"]]),
        ({"kinds": ("cat",)}, [["cat"]]),
        ({"kinds": ("person", "cat")}, [["cat"], ["a", "b"]]),
        ({"kinds": ("bird",)}, []),
        ({"zones": ("Porch",)}, [["a", "b"]]),
        ({"zones": ("Por",)}, []),
        ({"types": ("camera_offline",)}, [["off"]]),
        ({"levels": ("ALERT", "CRITICAL")}, [["a", "b"]]),
        ({"levels": ("INFO",)}, [["cat"]]),
        ({"levels": ("CRITICAL",)}, []),
        ({"kept": True}, [["cat"]]),
        ({"unseen_by": 1}, [["off"], ["a", "b"]]),
        ({"seen_by": 1}, [["cat"]]),
        ({"base": EventFilter(q="person drive")}, [["a", "b"]]),
        ({"base": EventFilter(q="zeppelin")}, []),
        ({"base": EventFilter(from_ms=NOW + MINUTE)}, [["off"], ["cat"]]),
        ({"base": EventFilter(from_ms=NOW + 10_000, to_ms=NOW + MINUTE)}, [["a", "b"]]),
        ({"base": EventFilter(to_ms=NOW)}, []),
        ({"base": EventFilter(severity="WARNING")}, [["off"]]),
        ({"kinds": ("person",), "sources": ("garden",)}, []),
    ],
)  # fmt: skip
def test_filters(store: Store, wanted: dict[str, Any], found: list[list[str]]) -> None:
    put(store, "a", NOW, "front", GROUPING, kind="person", severity="ALERT", zones=("Porch",))
    put(store, "b", NOW + 20_000, "drive", GROUPING, kind="person")
    cat = put(store, "cat", NOW + HOUR, "garden", kind="cat")
    put(store, "off", NOW + 2 * HOUR, type="camera_offline", severity="WARNING", kind="")
    set_kept(store, cat.id, kept=True, by="sam", now_ms=NOW)
    set_seen(store, 1, cat.id, seen=True)
    assert listed(store, **wanted) == found


def test_so_many_hours_can_be_asked_for_as_a_search_has_words(store: Store) -> None:
    """SQLite refuses a condition that is nested more than 1000 deep, and a row of them counts as that."""
    put(store, "noon", NOW)
    put(store, "later", NOW + HOUR)
    at_ms = NOW % DAY
    many = tuple(ClockHours(0, NOW + number, 0, at_ms, at_ms + 1) for number in range(1, 1020))
    with store.read("list events") as connection:
        for wanted, uid in (
            (StoryFilter(base=ALL, hours=many), "noon"),
            (StoryFilter(base=ALL, left_out_hours=many), "later"),
        ):
            assert list(connection.scalars(matching(select(events.c.uid), wanted))) == [uid]


def test_hours_of_the_clock_hold_in_each_stretch(store: Store) -> None:
    """02:15 comes twice, an hour apart: 00:15Z and 01:15Z of 25 October 2026 in Berlin."""
    first, second = 1_792_887_300_000, 1_792_890_900_000
    put(store, "cest", first)
    put(store, "cet", second)
    put(store, "noon", second + 10 * HOUR)
    change = 1_792_890_000_000  # 01:00Z
    quarter = 135 * MINUTE
    hours = (
        ClockHours(first - DAY, change, 2 * HOUR, quarter, quarter + 1),
        ClockHours(change, second + DAY, HOUR, quarter, quarter + 1),
    )
    assert listed(store, hours=hours) == [["cet"], ["cest"]]
    night = tuple(replace(one, after_ms=22 * HOUR, before_ms=6 * HOUR) for one in hours)
    assert listed(store, hours=night) == [["cet"], ["cest"]]

    def of(weekday: int, spans: tuple[ClockHours, ...]) -> list[list[str]]:
        return listed(store, hours=tuple(replace(one, weekdays=frozenset({weekday})) for one in spans))

    day = tuple(replace(one, after_ms=0, before_ms=DAY) for one in hours)
    assert (of(5, day), of(6, day)) == ([], [["noon"], ["cet"], ["cest"]]), "it was a Sunday"
    assert (of(5, night), of(6, night)) == ([["cet"], ["cest"]], []), "in the night of a Saturday"
    assert listed(store, left_out=((first, second),)) == [["noon"], ["cet"]]
    assert listed(store, left_out_hours=hours) == [["noon"]]
    saturday = tuple(replace(one, weekdays=frozenset({5})) for one in night)
    assert listed(store, left_out_hours=saturday) == [["noon"]]
    assert listed(store, left_out_hours=tuple(replace(one, weekdays=frozenset({6})) for one in night)) == [
        ["noon"],
        ["cet"],
        ["cest"],
    ]


def test_member_sees_only_what_is_of_the_cameras_of_the_limit(store: Store) -> None:
    first, second = visit(store)
    limits = EventFilter(cameras=frozenset({"drive"}), of_house=False)
    [story] = list_stories(store, StoryFilter(base=limits), 1)[0]
    assert [one.id for one in story.events] == [second.id]
    assert (story.title, story.severity) == ("", "INFO"), "the words of the whole story tell of the other camera"
    assert listed(store, base=limits, levels=("ALERT",)) == []
    assert listed(store, base=limits, levels=("INFO",)) == [[second.uid]]
    assert count_by_level(store, StoryFilter(base=limits)) == {"INFO": 1}
    assert count_by_level(store, StoryFilter(base=ALL)) == {"ALERT": 1}
    assert story_of(store, first, EventFilter(cameras=frozenset({"garden"}), of_house=False), 1) is None


def test_secret_leaves_no_trace_in_its_story(store: Store) -> None:
    put(store, "disarmed", NOW, "system", type="disarmed", kind="")
    put(store, "duress", NOW + 1000, "system", type="duress", severity="CRITICAL", kind="")
    limits = EventFilter(secret=frozenset({"duress"}), secret_from_ms=NOW - HOUR)
    assert listed(store, base=limits) == [["disarmed"]]
    assert listed(store, base=limits, levels=("CRITICAL",)) == []
    assert count_by_level(store, StoryFilter(base=limits)) == {"INFO": 1}
    assert count_new(store, limits, 1, NOW - HOUR).count == 1


def test_neighbours_are_those_of_the_list(store: Store) -> None:
    for number in range(6):
        put(store, f"e{number}", NOW + number // 2 * 1000, "front" if number % 2 else "garden")
    wanted = StoryFilter(base=ALL)
    stories = list_stories(store, wanted, 1)[0]
    for place, story in enumerate(stories):
        older, newer = neighbours(store, story, wanted, 1)
        assert older == (stories[place + 1] if place + 1 < len(stories) else None)
        assert newer == (stories[place - 1] if place else None)
        assert matches(store, story, wanted)
        in_garden = StoryFilter(base=EventFilter(camera="garden"))
        assert matches(store, story, in_garden) == (story.events[0].source_id == "garden")


def test_what_else_happened_leaves_out_the_story_itself(store: Store) -> None:
    visit(store)
    other = put(store, "cat", NOW + 30_000, "garden", kind="cat")
    story = list_stories(store, StoryFilter(base=EventFilter(camera="front")), 1)[0][0]
    assert [one.id for one in around(store, story, ALL, NOW - MINUTE, NOW + MINUTE, 8)] == [other.id]


def test_new_is_counted_by_story_and_since_its_first(store: Store) -> None:
    first, _ = visit(store)
    put(store, "old", NOW - 2 * DAY)
    put(store, "cat", NOW + HOUR, kind="cat")
    found = count_new(store, ALL, 1, NOW - DAY)
    assert (found.count, found.matter, found.since_ms) == (2, 1, NOW)
    set_seen(store, 1, first.id, seen=True)
    found = count_new(store, ALL, 1, NOW - DAY)
    assert (found.count, found.matter, found.since_ms) == (2, 0, NOW + 20_000), "its second event is not seen yet"
    assert newest_story_ms(store, ALL) == NOW + HOUR
    assert newest_story_ms(store, EventFilter(camera="nobody")) is None


def test_days_of_the_calendar(store: Store) -> None:
    days = [(NOW + number * DAY, NOW + (number + 1) * DAY) for number in range(4)]
    first = put(store, "a", NOW)
    put(store, "b", NOW + DAY)
    put(store, "c", NOW + DAY + 1)
    put(store, "off", NOW + 2 * DAY, type="camera_offline", end_ms=None, kind="")
    set_seen(store, 1, first.id, seen=True)
    found = count_days(store, ALL, days, 1, NOW + 3 * DAY + HOUR)
    assert [(one.events, one.has_unseen, one.has_gap) for one in found] == [
        (1, False, False),
        (2, True, False),
        (1, True, True),
        (0, False, True),
    ]
    assert count_days(store, ALL, [], 1, NOW) == []


def told(store: Store, type_: str, at_ms: int, camera: str = "front", **payload: Any) -> None:
    """Of something that is no visit."""
    put(
        store,
        f"{type_}-{camera}-{at_ms}",
        at_ms,
        camera,
        type=type_,
        end_ms=None,
        kind="",
        payload={"title": "x", **payload},
    )


def gap_days(store: Store, count: int = 5, now_ms: int = NOW + 4 * DAY + HOUR) -> list[int]:
    """Which of the days from ``NOW`` on are marked."""
    days = [(NOW + number * DAY, NOW + (number + 1) * DAY) for number in range(count)]
    return [number for number, one in enumerate(count_days(store, ALL, days, 1, now_ms)) if one.has_gap]


def test_loss_that_was_told_afterwards_marks_the_days_that_it_lasted(store: Store) -> None:
    told(store, "footage_lost", NOW + 3 * DAY + HOUR, from_ms=NOW + DAY, to_ms=NOW + 3 * DAY - HOUR, reason="a crash")
    assert gap_days(store) == [1, 2]
    told(store, "footage_lost", NOW + 6 * DAY, from_ms=NOW + 4 * DAY + 1, to_ms=NOW + 6 * DAY, reason="a crash")
    assert gap_days(store) == [1, 2, 4], "it was told after the days that are looked at"


def test_loss_that_still_lasts_marks_the_days_up_to_its_telling(store: Store) -> None:
    told(store, "footage_lost", NOW + 2 * DAY + HOUR, from_ms=NOW + DAY, reason="a crash")
    assert gap_days(store) == [1, 2]


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("drive_away", "drive_back"),
        ("drive_hangs", "drive_back"),
        ("disk_full", "recording_resumed"),
        ("disk_read_only", "recording_resumed"),
        ("system_stopped", "system_started"),
    ],
)
def test_days_without_drive_disk_or_program_are_marked(store: Store, begin: str, end: str) -> None:
    told(store, begin, NOW + DAY + HOUR)
    assert gap_days(store) == [1, 2, 3, 4], "it lasts"
    assert gap_days(store, now_ms=NOW + 2 * DAY + HOUR) == [1, 2]
    told(store, end, NOW + 3 * DAY + HOUR)
    assert gap_days(store) == [1, 2, 3]
    told(store, end, NOW + 4 * DAY)
    assert gap_days(store) == [1, 2, 3], "nothing had begun"


def test_disk_of_one_camera_that_is_written_again_says_nothing_of_the_others(store: Store) -> None:
    told(store, "disk_full", NOW, "front")
    told(store, "disk_full", NOW, "garden")
    told(store, "recording_resumed", NOW + HOUR, "front")
    assert gap_days(store) == [0, 1, 2, 3, 4]


def test_restart_is_no_gap(store: Store) -> None:
    told(store, "system_stopped", NOW + DAY)
    told(store, "system_started", NOW + DAY + 60_000)
    assert gap_days(store) == []


def test_day_that_was_recorded_with_holes_is_marked(store: Store) -> None:
    put(store, "low", NOW + DAY, type="coverage_low", end_ms=NOW + DAY + HOUR, kind="")
    assert gap_days(store) == [1]


def test_all_that_a_list_holds_is_marked_and_taken_back(store: Store) -> None:
    visit_ids = [one.id for one in visit(store)]
    cat = put(store, "cat", NOW + HOUR, "garden", kind="cat")
    dog = put(store, "dog", NOW + 2 * HOUR, "garden", kind="dog")
    set_seen(store, 1, dog.id, seen=True)
    assert sorted(mark_seen(store, StoryFilter(base=ALL, sources=("drive",)), 1)) == visit_ids, "the whole story"
    marked = mark_seen(store, StoryFilter(base=ALL), 1)
    assert marked == [cat.id]
    assert listed(store, unseen_by=1) == []
    assert set_all_seen(store, 1, marked, seen=False) == [cat.id]
    assert set_all_seen(store, 1, [*marked, 9999], seen=False) == []
    assert listed(store, unseen_by=1) == [["cat"]]
    assert mark_seen(store, StoryFilter(base=ALL, levels=("ALERT",)), 1) == []
    assert set_all_seen(store, 1, [cat.id, cat.id, 9999], seen=True) == [cat.id]


def test_more_than_one_transaction_marks_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vigilar.store.incident_pages.SEEN_AT_ONCE", 4)
    ids = [put(store, f"e{number}", NOW + number).id for number in range(10)]
    assert sorted(mark_seen(store, StoryFilter(base=ALL), 1)) == ids
    assert sorted(set_all_seen(store, 1, ids, seen=False)) == ids


def test_keys_name_stories(store: Store) -> None:
    first, second = visit(store)
    assert first.incident_id is not None
    key = StoryKey("i", first.incident_id)
    assert StoryKey.parse(key.dump()) == key
    assert [one.id for one in events_of(store, [key], ALL)] == [first.id, second.id]
    assert events_of(store, [StoryKey("e", first.id), StoryKey("i", 999)], ALL) == [], "it is in an incident"
    for text in ("", "i", "x1", "i-1", "i1.5", "e" + "9" * 30, "\u0661"):
        assert StoryKey.parse(text) is None
    again = get_event(store, first.id)
    assert again is not None
    story = story_of(store, again, ALL, 1)
    assert story is not None
    assert story.key == key
