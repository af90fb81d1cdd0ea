"""Recordings that go by a person's word: the queries, on both databases."""

from __future__ import annotations

from vigilar.store.cameras import ensure_camera
from vigilar.store.deletions import KeptAround, begin
from vigilar.store.engine import Store
from vigilar.store.erasures import (
    STEP,
    Ended,
    Erased,
    EventSpan,
    ask,
    find_ended,
    find_erased,
    find_recordings,
    find_visits,
    find_wanted,
    find_wish,
    forget,
    has_wanted,
    note_done,
    read_spans,
    spread,
)
from vigilar.store.events import NewEvent, insert_event, set_kept
from vigilar.store.files import Content, NewFile, add_file, close_file
from vigilar.store.holdings import find_pictures_of, has_open_pictures

NOW = 1_700_000_000_000
HOUR = 3_600_000
BOX = "ab" * 16
AROUND = KeptAround(5000, 10_000)


def add(store: Store, number: int, start_ms: int, length_ms: int | None = 300_000, content: Content = "video") -> int:
    """A file of the camera ``front``; open with ``length_ms`` None."""
    ensure_camera(store, "front", "Front", 1, BOX)
    new = NewFile(camera_id="front", content=content, number=number, path=f"{content}/{number}", start_ms=start_ms)
    file_id = add_file(store, new)
    if length_ms is not None:
        close_file(
            store, file_id, state="closed", end_ms=start_ms + length_ms, size_bytes=100, plaintext_bytes=1,
            record_count=1, link=bytes(32), reason="rollover",
        )  # fmt: skip
    return file_id


def event(store: Store, ts_ms: int, end_ms: int | None, kind: str = "motion", severity: str = "INFO") -> int:
    new = NewEvent(uid=f"{kind}{ts_ms}", type=kind, severity=severity, source_id="front", ts_ms=ts_ms, end_ms=end_ms)
    stored = insert_event(store, new, now_ms=NOW)
    assert stored is not None
    return stored.id


def test_events_are_read_in_the_order_asked_for(each_store: Store) -> None:
    ended, goes_on = event(each_store, NOW - 9000, NOW - 8000), event(each_store, NOW - 5000, None)
    offline = event(each_store, NOW - 4000, None, "camera_offline", "CRITICAL")
    set_kept(each_store, ended, kept=True)
    with each_store.sql_read("test") as run:
        assert read_spans(run, [offline, 999, goes_on, ended], NOW) == [
            EventSpan(offline, "front", NOW - 4000, NOW - 4000, is_kept=False, is_alarm=True),
            EventSpan(goes_on, "front", NOW - 5000, NOW, is_kept=False, is_alarm=False),
            EventSpan(ended, "front", NOW - 9000, NOW - 8000, is_kept=True, is_alarm=False),
        ]


def test_recordings_of_a_time_and_what_is_seen_in_them(each_store: Store) -> None:
    first, second = add(each_store, 1, NOW - HOUR), add(each_store, 2, NOW - HOUR + 300_000)
    still_open = add(each_store, 3, NOW - HOUR + 600_000, None)
    inside = event(each_store, NOW - HOUR + 1000, NOW - HOUR + 2000)
    event(each_store, NOW - HOUR + 3000, None, "camera_offline")
    reaching = event(each_store, NOW - HOUR + 299_000, NOW - HOUR + 301_000)
    with each_store.sql_read("test") as run:
        found = find_recordings(run, "front", NOW - HOUR + 300_001, NOW)
        assert [(one.id, one.is_open) for one in found] == [(second, False), (still_open, True)]
        [one, two] = find_recordings(run, "front", NOW - HOUR, NOW - HOUR + 300_001)
        assert (one.id, two.id) == (first, second)
        assert (find_visits(run, one), find_visits(run, two)) == ({inside, reaching}, {reaching})


def test_wish_is_wanted_until_it_is_forgotten_or_done(each_store: Store) -> None:
    ids = [add(each_store, number, NOW - HOUR + number * 300_000) for number in (1, 2, 3)]
    for name in ("Sam", "Kim"):
        with each_store.sql_write("test") as run:
            ask(run, [one.id for one in find_recordings(run, "front", NOW - HOUR, NOW)], name, NOW)
    assert [one.id for one in find_wanted(each_store, BOX)] == ids
    assert [one.id for one in find_wanted(each_store, BOX, 1)] == ids[:1]
    assert find_wanted(each_store, "other") == []
    assert forget(each_store, ["video/2", "video/9"]) == ["video/2"]
    assert find_ended(each_store, BOX) == []
    assert len(begin(each_store, BOX, [(ids[0], "owner"), (ids[2], "age")], AROUND, NOW)) == 2
    assert forget(each_store, ["video/1"]) == []
    assert find_wanted(each_store, BOX) == []
    assert has_wanted(each_store, BOX)
    starts = [NOW - HOUR + number * 300_000 for number in (1, 3)]
    ended = [
        Ended(f"video/{number}", "front", start, start + 300_000) for number, start in zip((1, 3), starts, strict=True)
    ]
    assert find_ended(each_store, BOX) == ended
    assert find_ended(each_store, BOX, 1) == ended[:1]
    note_done(each_store, ended, NOW)
    assert not has_wanted(each_store, BOX)
    assert find_erased(each_store, ["front", "side"], NOW - HOUR, NOW) == [
        Erased("video/1", "front", starts[0], starts[0] + 300_000, "Sam", NOW)
    ]


def test_pictures_of_a_time_are_those_that_no_recording_holds(each_store: Store) -> None:
    start = NOW - HOUR
    add(each_store, 1, start - 1, 0, "still")
    inside = [add(each_store, 2, start, 0, "still"), add(each_store, 3, start + 1000, 0, "still")]
    add(each_store, 4, start + 1001, 0, "still")
    board = add(each_store, 1, start - 500, 5000, "storyboard")
    add(each_store, 2, start - 500, None, "storyboard")

    def found(limit: int = 100) -> list[int]:
        return find_pictures_of(each_store, BOX, "front", start, start + 1000, AROUND, NOW, limit)

    assert found() == [board, *inside]
    assert found(1) == [board]
    add(each_store, 1, start + 1000, 5000)
    assert found() == inside[:1]


def test_rest_of_a_large_wish_gets_its_rows_later_and_what_is_gone_none(each_store: Store) -> None:
    ids = [add(each_store, number, NOW - HOUR + number * 300_000) for number in (1, 2)]
    gone = list(range(10_000, 10_000 + STEP))
    with each_store.sql_write("test") as run:
        ask(run, [ids[0], *gone, ids[1]], "Sam", NOW)
    assert [one.id for one in find_wanted(each_store, BOX)] == ids[:1]
    wish = find_wish(each_store)
    assert wish is not None
    assert (wish.by_name, wish.asked_ms, wish.file_ids) == ("Sam", NOW, [gone[-1], ids[1]])
    for _ in range(2):
        spread(each_store, wish, 0)
    assert [one.id for one in find_wanted(each_store, BOX)] == ids
    assert find_wish(each_store) is None


def test_picture_that_is_written_is_of_its_time_alone(each_store: Store) -> None:
    add(each_store, 1, NOW - HOUR, None, "storyboard")
    assert has_open_pictures(each_store, BOX, "front", NOW - HOUR + 60_000, NOW)
    assert not has_open_pictures(each_store, BOX, "front", NOW - 2 * HOUR, NOW - HOUR - 1)
    assert not has_open_pictures(each_store, "other", "front", NOW - HOUR, NOW)
