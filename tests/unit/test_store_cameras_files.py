"""Cameras keep their identity, numbers are never reused, links chain, and time ranges find their files."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from tests.ready_store import open_ready_store
from vigilar.base.errors import ErrorKind, ExitCode, StoreError
from vigilar.store.cameras import ensure_camera, get_camera, list_cameras, remove_camera
from vigilar.store.engine import Store
from vigilar.store.files import (
    NO_LINK,
    ChainEnd,
    NewFile,
    add_file,
    checkpoint_file,
    close_file,
    find_files,
    get_chain_end,
    get_file,
    list_open_files,
    mark_file,
    reserve_numbers,
    storage_totals,
)
from vigilar.store.sql import Database
from vigilar.store.sqlite_store import open_database

NOW = 1_770_000_000_000


@pytest.fixture(params=[open_database, Store.open], ids=["small", "engine"])
def store(database_address: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    """On PostgreSQL the small door gives the engine."""
    with closing(request.param(database_address)) as store:
        ensure_camera(store, "front", "Front door", NOW)
        yield store


def _add(store: Database, start_ms: int, camera: str = "front") -> int:
    number = reserve_numbers(store, camera, "video", 1)
    path = f"footage/{camera}/{number}.vge"
    return add_file(store, NewFile(camera_id=camera, content="video", number=number, path=path, start_ms=start_ms))


def _close(store: Database, file_id: int, end_ms: int, link: bytes | None = None) -> None:
    close_file(
        store,
        file_id,
        state="closed",
        end_ms=end_ms,
        size_bytes=1000,
        plaintext_bytes=900,
        record_count=5,
        link=link,
        reason="rollover",
    )


def test_camera_is_made_once(store: Database) -> None:
    first = ensure_camera(store, "yard", "Yard", NOW)
    assert ensure_camera(store, "yard", "Yard", NOW + 5) == first
    assert len(first.uuid) == 16


def test_threads_never_take_same_number(store: Database) -> None:
    """The trap of the driver's own transactions: 4 threads that read and add lose updates without an error."""
    taken: list[int] = []

    def take() -> None:
        taken.extend(reserve_numbers(store, "front", "video", 1) for _ in range(25))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 101))


def test_renamed_camera_keeps_identity(store: Database) -> None:
    before = get_camera(store, "front")
    after = ensure_camera(store, "front", "Hall", NOW + 5)
    assert before is not None
    assert (after.uuid, after.created_ms, after.name) == (before.uuid, NOW, "Hall")


def test_removed_camera_comes_back_as_itself(store: Database) -> None:
    before = get_camera(store, "front")
    assert before is not None
    assert remove_camera(store, "front", NOW + 1)
    assert not remove_camera(store, "front", NOW + 2)
    assert list_cameras(store) == []
    assert [camera.removed_ms for camera in list_cameras(store, with_removed=True)] == [NOW + 1]
    assert ensure_camera(store, "front", "Front door", NOW + 3) == before


def test_numbers_count_up_by_content(store: Database) -> None:
    assert get_chain_end(store, "front", "video") == ChainEnd(1, NO_LINK, 0)
    assert [reserve_numbers(store, "front", content, 4) for content in ("video", "still", "video")] == [1, 1, 5]
    assert get_chain_end(store, "front", "video") == ChainEnd(9, NO_LINK, 0)


def test_numbers_used_before_they_were_set_aside_are_not_given_again(store: Database) -> None:
    assert reserve_numbers(store, "front", "video", 4, at_least=7) == 7
    assert reserve_numbers(store, "front", "video", 4, at_least=7) == 11
    add_file(store, NewFile(camera_id="front", content="video", number=20, path="p", start_ms=NOW))
    add_file(store, NewFile(camera_id="front", content="video", number=12, path="q", start_ms=NOW))
    assert get_chain_end(store, "front", "video").next_number == 21
    assert get_chain_end(store, "front", "still").next_number == 1


def test_unknown_camera_takes_no_number(store: Database) -> None:
    with pytest.raises(StoreError, match="there is no camera shed") as caught:
        reserve_numbers(store, "shed", "video", 1)
    assert caught.value.exit_code is ExitCode.NOT_FOUND
    with pytest.raises(StoreError, match="there is no camera shed"):
        get_chain_end(store, "shed", "video")


def test_link_of_closed_file_goes_into_next(store: Database) -> None:
    _close(store, _add(store, NOW), NOW + 1, link=b"1" * 32)
    assert get_chain_end(store, "front", "video") == ChainEnd(2, b"1" * 32, 1)
    assert get_chain_end(store, "front", "still") == ChainEnd(1, NO_LINK, 0)


def test_late_recovery_does_not_take_newest_link(store: Database) -> None:
    old, new = _add(store, NOW), _add(store, NOW + 10)
    _close(store, new, NOW + 20, link=b"2" * 32)
    _close(store, old, NOW + 9, link=b"1" * 32)
    assert get_chain_end(store, "front", "video") == ChainEnd(3, b"2" * 32, 2)


def test_damaged_file_has_no_link(store: Database) -> None:
    _close(store, _add(store, NOW), NOW + 1, link=b"1" * 32)
    _close(store, _add(store, NOW + 2), NOW + 3, link=None)
    assert get_chain_end(store, "front", "video") == ChainEnd(3, b"1" * 32, 1)


def test_same_number_twice_is_refused(store: Database) -> None:
    new = NewFile(camera_id="front", content="video", number=7, path="a", start_ms=NOW)
    add_file(store, new)
    with pytest.raises(StoreError) as caught:
        add_file(store, NewFile(camera_id="front", content="video", number=7, path="b", start_ms=NOW))
    assert caught.value.kind is ErrorKind.BUG


def test_file_keeps_what_was_given(store: Database) -> None:
    new = NewFile(
        camera_id="front",
        content="still",
        number=3,
        path="stills/front/3.vge",
        start_ms=NOW,
        codec="jpeg",
        width=1280,
        height=720,
        has_audio=True,
    )
    row = get_file(store, add_file(store, new))
    assert row is not None
    assert (row.state, row.end_ms, row.codec, row.width, row.height, row.has_audio) == (
        "open",
        None,
        "jpeg",
        1280,
        720,
        True,
    )


def test_checkpoint_is_kept_after_close(store: Database) -> None:
    file_id = _add(store, NOW)
    checkpoint_file(store, file_id, record=4, tag=b"t" * 32, offset=4000, end_ms=NOW + 4, size_bytes=4000)
    _close(store, file_id, NOW + 9)
    row = get_file(store, file_id)
    assert row is not None
    assert (row.checkpoint_record, row.checkpoint_tag, row.checkpoint_offset) == (4, b"t" * 32, 4000)
    assert (row.end_ms, row.size_bytes, row.state, row.reason) == (NOW + 9, 1000, "closed", "rollover")


def test_late_checkpoint_does_not_reopen_file(store: Database) -> None:
    file_id = _add(store, NOW)
    _close(store, file_id, NOW + 9)
    checkpoint_file(store, file_id, record=4, tag=b"t" * 32, offset=1, end_ms=NOW + 4, size_bytes=1)
    row = get_file(store, file_id)
    assert row is not None
    assert (row.end_ms, row.size_bytes, row.checkpoint_record) == (NOW + 9, 1000, None)


def test_open_files_are_those_never_closed(store: Database) -> None:
    ensure_camera(store, "yard", "Yard", NOW)
    first, second, _other = _add(store, NOW), _add(store, NOW + 5), _add(store, NOW, "yard")
    _close(store, first, NOW + 5)
    assert [row.id for row in list_open_files(store, "front")] == [second]


@pytest.mark.parametrize(
    ("span", "numbers"),
    [
        ((0, 10), []),
        ((0, 11), [1]),
        ((19, 20), [1]),
        ((20, 25), [2]),
        ((15, 25), [1, 2]),
        ((30, 40), [3]),
        ((1000, 2000), [3]),
        ((0, 5000), [1, 2, 3]),
    ],
)
def test_range_finds_overlapping_files(store: Database, span: tuple[int, int], numbers: list[int]) -> None:
    """Files of 10..20, 20..30, and an open one from 30 whose last checkpoint says 35."""
    _close(store, _add(store, 10), 20)
    _close(store, _add(store, 20), 30)
    checkpoint_file(store, _add(store, 30), record=1, tag=b"t", offset=1, end_ms=35, size_bytes=1)
    assert [row.number for row in find_files(store, "front", "video", *span)] == numbers


def test_long_past_makes_no_search_longer(tmp_path: Path) -> None:
    """Files that began before the span are looked for among the newest, and the open ones by an index of their own."""
    steps: list[int] = []
    with closing(open_ready_store(tmp_path)) as store:
        ensure_camera(store, "front", "Front", NOW)
        with closing(store.engine.raw_connection()) as pooled:  # the only one there is: one thread asks
            cast(sqlite3.Connection, pooled.dbapi_connection).set_progress_handler(lambda: steps.append(1), 100)
        used: list[int] = []
        for count in (400, 4000):
            with store.sql_write("fill") as run:
                for number in range(len(used) * 400, count):
                    run(
                        "INSERT INTO files (camera_id, content, number, path, start_ms, end_ms, state) "
                        "VALUES ('front', 'video', :number, :path, :start_ms, :end_ms, 'closed')",
                        number=number + 1,
                        path=f"{number}.vge",
                        start_ms=number * 300_000,
                        end_ms=number * 300_000 + 300_000,
                    )
            now_ms = count * 300_000
            steps.clear()
            assert len(find_files(store, "front", "video", now_ms - 450_000, now_ms)) == 2
            used.append(len(steps))
    assert 0 < used[1] <= used[0] + 1


def test_totals_leave_missing_files_out(store: Database) -> None:
    for start in (10, 20, 30):
        _close(store, _add(store, start), start + 10)
    gone = find_files(store, "front", "video", 30, 31)[0]
    mark_file(store, gone.id, "missing", "deleted by hand")
    (total,) = storage_totals(store)
    assert (total.camera_id, total.content, total.file_count, total.size_bytes, total.first_ms, total.last_ms) == (
        "front",
        "video",
        2,
        2000,
        10,
        30,
    )
    found = get_file(store, gone.id)
    assert found is not None
    assert (found.state, found.reason) == ("missing", "deleted by hand")
