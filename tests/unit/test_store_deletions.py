"""The log of deletions, what there is, and what events hold: on both databases."""

from __future__ import annotations

import threading

import pytest

from vigilar.store.cameras import ensure_camera
from vigilar.store.deletions import (
    DeletedSum,
    Deletion,
    Gone,
    KeptAround,
    begin,
    find_deleted_videos,
    finish,
    hash_of,
    list_deletions,
    list_gone,
    pending,
    sum_deletions,
)
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, find_seen, insert_event, set_kept, set_seen
from vigilar.store.files import Content, NewFile, add_file, close_file, get_chain_end
from vigilar.store.holdings import (
    DAY_MS,
    DaySum,
    Other,
    Video,
    find_bare_pictures,
    find_word,
    give_word,
    list_days,
    list_oldest,
    list_others,
    list_videos,
    use_word,
)
from vigilar.store.inventory import Before, find_before, find_start_after, list_behind_gaps
from vigilar.store.spans import Spans, alarm_footage, kept_footage
from vigilar.store.users import create_owner

NOW = 20_000 * DAY_MS
AROUND = KeptAround(5000, 10_000)
BOX = "ab" * 16


def add(
    store: Store, start_ms: int, length_ms: int | None = 300_000, content: Content = "video", *, camera: str = "front",
    size: int = 100,
) -> int:  # fmt: skip
    """A file; open with ``length_ms`` None."""
    ensure_camera(store, camera, camera, 1, BOX)
    number = get_chain_end(store, camera, content).next_number
    path = f"{'footage' if content == 'video' else 'stills'}/{camera}/2024-10-04/{number}.vge"
    new = NewFile(camera_id=camera, content=content, number=number, path=path, start_ms=start_ms)
    file_id = add_file(store, new)
    if length_ms is not None:
        close_file(
            store, file_id, state="closed", end_ms=start_ms + length_ms, size_bytes=size, plaintext_bytes=1,
            record_count=1, link=bytes([number]) * 32, reason="rollover",
        )  # fmt: skip
    return file_id


def event(store: Store, ts_ms: int, severity: str = "INFO", still_id: int | None = None) -> int:
    new = NewEvent(
        uid=f"{ts_ms}{severity}", type="motion", severity=severity, source_id="front", ts_ms=ts_ms,
        end_ms=ts_ms + 1000, still_id=still_id,
    )  # fmt: skip
    stored = insert_event(store, new, now_ms=ts_ms)
    assert stored is not None
    return stored.id


def test_row_moves_into_the_log_and_is_finished(each_store: Store) -> None:
    one, other = add(each_store, NOW), add(each_store, NOW + 300_000)
    begun = begin(each_store, BOX, [(one, "quota"), (99, "quota")], AROUND, NOW + DAY_MS)
    assert pending(each_store, BOX) == begun
    [row] = begun
    assert (row.camera_id, row.number, row.link, row.end_ms) == ("front", 1, bytes([1]) * 32, NOW + 300_000)
    assert begin(each_store, BOX, [(one, "quota")], AROUND, NOW + DAY_MS) == [], "once"
    finish(each_store, begun, NOW + DAY_MS + 5)
    assert pending(each_store, BOX) == []
    second = begin(each_store, BOX, [(other, "age")], AROUND, NOW + 2 * DAY_MS)
    newest, oldest = list_deletions(each_store, BOX)
    assert (oldest.done_ms, newest.done_ms) == (NOW + DAY_MS + 5, None)
    assert newest == second[0]
    assert newest.previous == oldest.hash == hash_of(oldest)
    assert list_deletions(each_store, BOX, before_id=newest.id) == [oldest]
    assert list_gone(each_store, BOX, NOW + DAY_MS) == [Gone(NOW + 300_000, NOW + 2 * DAY_MS, 100, "age")]


def test_two_who_delete_at_once_make_one_chain(each_store: Store) -> None:
    ids = [add(each_store, NOW + at * 300_000) for at in range(20)]
    done: list[list[Deletion]] = [[], []]

    def work(number: int) -> None:
        for file_id in ids:
            done[number] += begin(each_store, BOX, [(file_id, "reserve")], AROUND, NOW)

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = list_deletions(each_store, BOX)[::-1]
    assert len(rows) == len(done[0]) + len(done[1]) == 20
    assert [row.previous for row in rows[1:]] == [row.hash for row in rows[:-1]]


def test_trail_is_summed_by_house_day_camera_and_reason(each_store: Store) -> None:
    ids = [add(each_store, NOW + at * 300_000, size=10 + at) for at in range(4)]
    hour = 3_600_000
    begin(each_store, BOX, [(ids[0], "age"), (ids[1], "age")], AROUND, NOW + 23 * hour)
    begin(each_store, BOX, [(ids[2], "quota")], AROUND, NOW + 23 * hour + 1)
    begin(each_store, BOX, [(ids[3], "age")], AROUND, NOW + 25 * hour)
    day = NOW // DAY_MS
    first = DeletedSum("front", day, "age", NOW, NOW + 600_000, 21, 2, NOW + 23 * hour)
    assert sum_deletions(each_store, BOX, NOW)[2] == first
    assert [one.day for one in sum_deletions(each_store, BOX, NOW)] == [day + 1, day, day]
    an_hour_ahead = sum_deletions(each_store, BOX, NOW, hour)
    assert [(one.day, one.why, one.file_count) for one in an_hour_ahead] == [(day + 1, "age", 3), (day + 1, "quota", 1)]


def test_deleted_videos_of_a_range_are_found(each_store: Store) -> None:
    ids = [add(each_store, NOW + at * 300_000) for at in range(3)]
    ids.append(add(each_store, NOW + 300_000, 0, "still"))
    begin(each_store, BOX, [(one, "age") for one in ids], AROUND, NOW + DAY_MS)
    found = find_deleted_videos(each_store, "front", NOW + 300_000, NOW + 600_000)
    assert [(row.content, row.number) for row in found] == [("video", 2)]
    assert len(find_deleted_videos(each_store, "front", NOW + 299_999, NOW + 600_001)) == 3
    assert find_deleted_videos(each_store, "side", NOW, NOW + DAY_MS) == []


def test_holdings_and_days(each_store: Store) -> None:
    first = add(each_store, NOW, size=7)
    second = add(each_store, NOW + DAY_MS, size=8)
    add(each_store, NOW + DAY_MS, 0, "still", size=2)
    add(each_store, NOW + 2 * DAY_MS, None)
    with each_store.sql_read("test") as run:
        assert list_videos(run, BOX) == [
            Video(first, "front", NOW, NOW + 300_000, 7),
            Video(second, "front", NOW + DAY_MS, NOW + DAY_MS + 300_000, 8),
        ]
        assert list_others(run, BOX) == [Other("front", 2)]
        assert list_oldest(run, BOX) == {"front": NOW}
        assert list_oldest(run, "other box") == {}
        assert list_videos(run, "other box") == []
    begin(each_store, BOX, [(first, "age")], AROUND, NOW + 2 * DAY_MS)
    day = NOW // DAY_MS
    assert list_days(each_store, BOX, NOW)[:2] == [
        DaySum("front", day, 7, NOW, NOW + 300_000),
        DaySum("front", day + 1, 10, NOW + DAY_MS, NOW + DAY_MS + 300_000),
    ]


def test_bare_pictures_are_those_without_a_recording(each_store: Store) -> None:
    video = add(each_store, NOW)
    inside = add(each_store, NOW + 1000, 0, "still")
    bare = add(each_store, NOW + 400_000, 0, "still")
    kept = add(each_store, NOW + 500_000, 0, "still")
    late = add(each_store, NOW + 900_000, 0, "still")
    set_kept(each_store, event(each_store, NOW + 500_500), kept=True)
    named = add(each_store, NOW + 600_000, 0, "still")
    set_kept(each_store, event(each_store, NOW + 10 * DAY_MS, still_id=named), kept=True)

    def found(until_ms: int) -> list[int]:
        return find_bare_pictures(each_store, BOX, "front", until_ms, AROUND, NOW + DAY_MS, 100)

    assert found(NOW + 800_000) == [bare]
    assert found(NOW + 900_000) == [bare, late]
    assert kept not in found(NOW + DAY_MS)
    begin(each_store, BOX, [(video, "age")], AROUND, NOW + DAY_MS)
    assert found(NOW + 800_000) == [inside, bare]


def test_word_is_given_and_used_up(each_store: Store) -> None:
    assert find_word(each_store, BOX) == 0
    give_word(each_store, BOX, 5_000_000_000_000)
    give_word(each_store, BOX, 7_000_000_000_000)
    assert find_word(each_store, BOX) == 7_000_000_000_000
    assert find_word(each_store, "other box") == 0
    use_word(each_store, BOX, 5_000_000_000_000)
    assert find_word(each_store, BOX) == 7_000_000_000_000, "a later one than was used"
    use_word(each_store, BOX, 7_000_000_000_000)
    assert find_word(each_store, BOX) == 0


def test_events_hold_what_is_around_them(each_store: Store) -> None:
    ensure_camera(each_store, "front", "Front", 1, BOX)
    set_kept(each_store, event(each_store, NOW), kept=True)
    event(each_store, NOW + DAY_MS, "ALERT")
    with each_store.sql_read("test") as run:
        kept, alarms = kept_footage(run, 5000, 10_000, NOW), alarm_footage(run, NOW, 0, 0, NOW)
    assert kept.holds(1, "front", NOW - 6000, NOW - 5000)
    assert not kept.holds(1, "front", NOW - 6000, NOW - 5001)
    assert kept.holds(1, "front", NOW + 10_999, NOW + 20_000)
    assert not kept.holds(1, "front", NOW + 11_000, NOW + 20_000)
    assert not kept.holds(1, "side", NOW, NOW + 1)
    assert alarms.holds(1, "front", NOW + DAY_MS, NOW + DAY_MS)
    assert not alarms.holds(1, "front", NOW, NOW)


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "touches"),
    [(0, 9, False), (0, 10, True), (15, 15, True), (29, 40, True), (30, 40, False), (45, 50, True), (0, 99, True)],
)
def test_spans_join_what_overlaps(from_ms: int, to_ms: int, touches: bool) -> None:
    spans = Spans([("c", 20, 30), ("c", 10, 25), ("c", 12, 14), ("c", 45, 60), ("d", 0, 100)])
    assert spans.touches("c", from_ms, to_ms) is touches
    assert not spans.touches("e", from_ms, to_ms)


def test_kept_and_seen(each_store: Store) -> None:
    ensure_camera(each_store, "front", "Front", 1, BOX)
    owner = create_owner(each_store, "sam", "hash", 1)
    first, second = event(each_store, NOW), event(each_store, NOW + 1)
    changed = set_kept(each_store, first, kept=True)
    assert changed is not None
    assert (changed.kept, changed.change, changed.first_change) == (True, 3, 1)
    again = set_kept(each_store, first, kept=True)
    assert again is not None
    assert again.change == 3, "what changes nothing is no change"
    assert set_kept(each_store, 99, kept=True) is None
    for seen, found in ((True, {second}), (True, {second}), (False, set()), (False, set())):
        set_seen(each_store, owner.id, second, seen=seen)
        assert find_seen(each_store, owner.id, [first, second]) == found


def remove_row(store: Store, file_id: int) -> None:
    with store.sql_write("remove by hand") as run:
        run("DELETE FROM files WHERE id = :id", id=file_id)


def test_numbers_without_a_row_are_gaps_and_those_deleted_by_rule_are_accounted_for(each_store: Store) -> None:
    ids = [add(each_store, NOW + n * 300_000) for n in range(5)]
    add(each_store, NOW, camera="back")
    assert list_behind_gaps(each_store, BOX) == []
    begin(each_store, BOX, [(ids[1], "age")], AROUND, NOW)
    remove_row(each_store, ids[3])
    assert [(listed.row.number, before) for listed, before in list_behind_gaps(each_store, BOX)] == [(3, 1), (5, 3)]
    assert list_behind_gaps(each_store, "another") == []
    assert find_before(each_store, "front", "video", 3) == Before(2, NOW + 600_000, 0)
    assert find_before(each_store, "front", "video", 5) == Before(3, NOW + 900_000, 1)
    assert find_before(each_store, "front", "video", 1) == Before(0, 1, 0), "since the camera came"
    assert find_start_after(each_store, "front", "video", 4) == NOW + 1_200_000
    assert find_start_after(each_store, "front", "video", 1) == NOW + 300_000, "deleted by a rule, and known"
    assert find_start_after(each_store, "front", "video", 5) is None


def test_open_file_is_accounted_for_and_is_not_one_that_was_closed(each_store: Store) -> None:
    add(each_store, NOW)
    add(each_store, NOW + 300_000, None)
    third = add(each_store, NOW + 600_000)
    add(each_store, NOW + 900_000)
    remove_row(each_store, third)
    assert find_before(each_store, "front", "video", 4) == Before(1, NOW + 300_000, 1)
