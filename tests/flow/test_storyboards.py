"""Small pictures of a camera: sealed as they come, found by their time, and joined into sheets for a finger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.browser.house import House, open_house
from tests.recording_kit import FOREVER_MS, START_MONO_NS, START_UTC_NS, Bench, bench
from tests.storyboard_kit import TILE, grey_tile, read_greys, small_picture
from vigilar.base.clock import SystemClock
from vigilar.base.errors import ErrorKind, RecordingError
from vigilar.playback.library import Library
from vigilar.playback.storyboard import find_picture, pick_pictures
from vigilar.record.free_space import FreeSpace, free_space_of
from vigilar.record.recovery import Recovery
from vigilar.record.storyboards import MAX_WAITING, StoryboardWriter
from vigilar.store.files import FileRow, find_files
from vigilar.vge.report import Verdict
from vigilar.vge.verify import verify_file

START_MS = START_UTC_NS // 1_000_000
T0 = 1_770_000_000_000


@pytest.fixture
def b(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path) as b:
        yield b


def add(writer: StoryboardWriter, at_s: float, grey: int = 100) -> None:
    at_ns = round(at_s * 1e9)
    writer.add(small_picture(grey, START_UTC_NS + at_ns, START_MONO_NS + at_ns))
    writer.write_waiting()


def rows(b: Bench) -> list[FileRow]:
    b.write_rows()
    return find_files(b.store, "front", "storyboard", 0, FOREVER_MS)


def library(b: Bench) -> Library:
    return Library(b.store, b.data_dir, lambda: b.keys)


def test_hour_is_one_sealed_file(b: Bench) -> None:
    writer = StoryboardWriter(b.file_store, b.clock)
    for at_s in range(0, 2 * 3600, 60):
        add(writer, at_s)
    add(writer, 2 * 3600)
    found = rows(b)
    assert [(row.number, row.state, row.width, row.height) for row in found] == [
        (1, "closed", *TILE), (2, "closed", *TILE), (3, "open", *TILE)
    ]  # fmt: skip
    assert [row.start_ms - START_MS for row in found] == [0, 3_600_000, 7_200_000]
    for row in found[:2]:
        assert row.path.startswith("storyboards/front/")
        assert b"JFIF" not in b.path(row).read_bytes()
        assert verify_file(b.path(row), b.keys).verdict is Verdict.CLOSED


def test_picture_at_or_before_a_moment_is_found_while_its_file_grows(b: Bench) -> None:
    writer, found_by = StoryboardWriter(b.file_store, b.clock), library(b)
    for index in range(5):
        add(writer, index * 10, grey=40 * index)
    rows(b)
    for at_s, taken_s in ((0, 0), (9.999, 0), (10, 10), (39, 30), (40, 40), (300, 40)):
        found = find_picture(found_by, "front", START_MS + round(at_s * 1000))
        assert found is not None
        assert found.taken_ms - START_MS == taken_s * 1000
        assert abs(read_greys(found.jpeg)[1][0] - 4 * taken_s) <= 2
    assert find_picture(found_by, "front", START_MS - 1) is None
    add(writer, 50)
    found = find_picture(found_by, "front", START_MS + 300_000)
    assert found is not None
    assert found.taken_ms - START_MS == 50_000


def test_moment_before_a_file_has_the_last_picture_of_the_one_before(b: Bench) -> None:
    writer = StoryboardWriter(b.file_store, b.clock)
    for at_s in (0, 10, 3590, 3600, 3610):
        add(writer, at_s)
    rows(b)
    found = find_picture(library(b), "front", START_MS + 3_599_999)
    assert found is not None
    assert found.taken_ms - START_MS == 3_590_000


def test_pictures_of_a_range_are_spread_evenly(b: Bench) -> None:
    writer = StoryboardWriter(b.file_store, b.clock)
    for at_s in range(0, 3000, 10):
        add(writer, at_s)
    rows(b)
    picked = pick_pictures(library(b), "front", START_MS, START_MS + 3_000_000, 10)
    assert [one.taken_ms - START_MS for one in picked] == [300_000 * part for part in range(10)]
    assert len(pick_pictures(library(b), "front", START_MS, START_MS + 30_000, 10)) == 3
    assert pick_pictures(library(b), "front", START_MS - 10_000, START_MS, 10) == []


def test_clock_that_goes_back_begins_another_file(b: Bench) -> None:
    writer = StoryboardWriter(b.file_store, b.clock)
    add(writer, 100)
    writer.add(small_picture(100, START_UTC_NS, START_MONO_NS + 110_000_000_000))
    writer.write_waiting()
    assert [row.start_ms - START_MS for row in rows(b)] == [0, 100_000]


def test_killed_storyboard_is_closed_by_the_next_process_and_nothing_is_called_lost(b: Bench) -> None:
    writer = StoryboardWriter(b.file_store, b.clock)
    for index in range(4):
        add(writer, index * 10)
    rows(b)
    assert writer._file is not None
    writer._file.writer.abandon()
    b.file_store.chains["storyboard"]._ours.clear()  # the next process has taken none of these numbers
    told: list[str] = []
    recovery = Recovery(b.file_store, b.store, lambda kind, _ns, _detail: told.append(kind))
    assert recovery.run_once()
    [row] = rows(b)
    assert (row.state, row.content, told) == ("recovered", "storyboard", [])
    found = find_picture(library(b), "front", START_MS + 35_000)
    assert found is not None
    assert found.taken_ms - START_MS == 30_000


def test_storyboard_leaves_the_last_space_to_the_recorder(b: Bench) -> None:
    room = [free_space_of(b.data_dir)]
    writer = StoryboardWriter(b.file_store, b.clock, lambda _folder: room[0])
    add(writer, 0)
    room[0] = FreeSpace(20 * 1024 * 1024, 10**12)
    add(writer, 10)
    add(writer, 20)
    assert [(row.state, row.reason) for row in rows(b)] == [("closed", "disk full")]
    assert writer.dropped == 2
    room[0] = FreeSpace(10**11, 10**12)
    add(writer, 30)
    assert [row.state for row in rows(b)] == ["closed", "open"]


def test_disk_that_stands_still_costs_the_oldest_pictures(b: Bench) -> None:
    writer = StoryboardWriter(b.file_store, b.clock)
    for index in range(MAX_WAITING + 3):
        writer.add(small_picture(100, START_UTC_NS + index * 10**10, START_MONO_NS + index * 10**10))
    assert writer.dropped == 3
    writer.write_waiting()
    assert [row.start_ms - START_MS for row in rows(b)] == [30_000]


def test_folder_that_is_away_costs_pictures_and_nothing_else(tmp_path: Path) -> None:
    away = [True]

    def check() -> None:
        if away[0]:
            raise RecordingError("the drive is not there", kind=ErrorKind.TRANSIENT, code="V-DRIVE")

    with bench(tmp_path, check_folder=check) as b:
        writer = StoryboardWriter(b.file_store, b.clock)
        add(writer, 0)
        away[0] = False
        add(writer, 10)
        assert writer.dropped == 1
        assert [row.start_ms - START_MS for row in rows(b)] == [10_000]


# Over HTTP


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        house.storyboard("front-door", [(T0 + 10_000 * index, grey_tile(50 * index)) for index in range(5)])
        yield house


def get_thumb(owner: FlaskClient, at_s: float) -> int:
    response = owner.get(f"/footage/front-door/thumb.jpg?at={T0 + round(at_s * 1000)}")
    assert response.status_code == 200, response.data
    assert response.mimetype == "image/jpeg"
    return int(response.headers["X-Timestamp"]) - T0


def test_thumb_says_when_it_was_taken(house: House) -> None:
    owner = house.client()
    assert [get_thumb(owner, at_s) for at_s in (0, 12, 41)] == [0, 10_000, 40_000]
    assert owner.get(f"/footage/front-door/thumb.jpg?at={T0 - 1}").status_code == 404
    for wrong in ("", "?at=", "?at=yesterday", "?at=99999999999999999"):
        assert owner.get(f"/footage/front-door/thumb.jpg{wrong}").status_code == 422, wrong


def test_sheet_of_thumbs_is_one_jpeg_with_their_times(house: House) -> None:
    response = house.client().get(f"/footage/front-door/thumbs.jpg?from={T0}&to={T0 + 50_000}&n=5")
    sheet = json.loads(response.headers["X-Sheet"])
    assert sheet == {
        "columns": 3, "tile": list(TILE), "picture": [192, 108], "taken": [T0 + 10_000 * one for one in range(5)]
    }  # fmt: skip
    size, greys = read_greys(bytes(response.data))
    assert size == (3 * TILE[0], 2 * TILE[1])
    assert [round(grey / 50) for grey in greys] == [0, 1, 2, 3, 4, 0]


def test_sheet_refuses_too_many_and_empty_ranges(house: House) -> None:
    owner = house.client()
    for n in ("0", "121", "x", "-1", "1e1"):
        assert owner.get(f"/footage/front-door/thumbs.jpg?from={T0}&to={T0 + 1}&n={n}").status_code == 422
    assert owner.get(f"/footage/front-door/thumbs.jpg?from={T0 + 60_000}&to={T0 + 90_000}").status_code == 404


def test_camera_without_storyboard_shows_the_stills_of_its_events(house: House) -> None:
    owner = house.client()
    now = house.now_ms()
    house.still("garden", grey_tile(120))
    response = owner.get(f"/footage/garden/thumb.jpg?at={now + 5_000}")
    assert response.status_code == 200
    assert int(response.headers["X-Timestamp"]) >= now


def test_damaged_picture_gives_way_to_none_and_its_neighbours_stay(house: House) -> None:
    owner = house.client()
    [row] = find_files(house.store, "front-door", "storyboard", 0, FOREVER_MS)
    path = house.folder / row.path
    data = bytearray(path.read_bytes())
    data[512 + 64 + 200] ^= 1  # in the first picture, behind header and record header
    path.write_bytes(data)
    assert owner.get(f"/footage/front-door/thumb.jpg?at={T0}").status_code == 404
    assert get_thumb(owner, 10) == 10_000
    response = owner.get(f"/footage/front-door/thumbs.jpg?from={T0}&to={T0 + 50_000}&n=5")
    assert len(json.loads(response.headers["X-Sheet"])["taken"]) == 4


def test_who_may_not_look_back_gets_no_thumb(house: House) -> None:
    guest, child = house.member("guest"), house.member("child", ["garden"])
    for what in (f"thumb.jpg?at={T0}", f"thumbs.jpg?from={T0}&to={T0 + 1000}", "moment?day=2026-02-02&time=10:00"):
        assert guest.get(f"/footage/front-door/{what}").status_code == 403
        assert child.get(f"/footage/front-door/{what}").status_code == 404


def test_storyboard_of_the_system_clock_is_found_at_once(tmp_path: Path) -> None:
    """As a camera's process writes it: the thread of rows is a moment behind, and that is all."""
    with bench(tmp_path) as b:
        clock = SystemClock()
        writer = StoryboardWriter(b.file_store, clock)
        writer.add(small_picture(80, clock.utc_ns(), clock.mono_ns()))
        writer.write_waiting()
        b.write_rows()
        assert find_picture(library(b), "front", clock.utc_ns() // 1_000_000) is not None
