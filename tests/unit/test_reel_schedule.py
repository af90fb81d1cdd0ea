"""When the films of a day are asked for: once a house day, on days of 23 and 25 hours, though the box was off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.ready_store import open_ready_store
from vigilar.config.jobs import CameraInfo, DailyFilm, WorkJob
from vigilar.processes.reel_schedule import ask_daily
from vigilar.store import jobs as job_rows
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.jobs import JobRow

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_MS = 3_600_000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)


def work(tmp_path: Path, *films: DailyFilm) -> WorkJob:
    return WorkJob(
        data_dir=tmp_path,
        secrets_dir=tmp_path,
        run_dir=tmp_path,
        database_url="",
        bus_host="",
        bus_port=1,
        bus_user="",
        bus_password="",
        node_id="box",
        time_zone="Europe/Berlin",
        cameras=(CameraInfo("door", "Door", False, True), CameraInfo("garden", "Garden", False, True)),
        films=films or (DailyFilm(kind="reel", at_min=390, length_s=60),),
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A house that recorded all of both summer times' ends."""
    with closing(open_ready_store(tmp_path)) as store:
        ensure_camera(store, "door", "Door", 0, "box")
        with store.sql_write("put a recording") as run:
            run(
                "INSERT INTO files (camera_id, content, number, path, state, start_ms, end_ms, node_id) "
                "VALUES ('door', 'video', 1, 'a', 'closed', :start, :end, 'box')",
                start=ms("2026-03-01"),
                end=ms("2026-12-31"),
            )
        yield store


class Box:
    """The process that asks, until it is started anew."""

    def __init__(self, store: Store, job: WorkJob) -> None:
        self.store, self.job, self.asked = store, job, dict[str, str]()

    def at(self, text: str, fold: int = 0) -> list[str]:
        """The days of films that are asked for at that time of the house."""
        now_ms = int(datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp() * 1000)
        before = {row.id for row in self.rows()}
        ask_daily(self.job, self.store, now_ms, self.asked)
        return [self.day(row) for row in self.rows() if row.id not in before]

    def rows(self) -> list[JobRow]:
        return job_rows.list_jobs(self.store, "box")

    def day(self, row: JobRow) -> str:
        begin, end = row.params["from_ms"], row.params["to_ms"]
        hours = (end - begin) / HOUR_MS
        return f"{datetime.fromtimestamp(begin / 1000, BERLIN):%m-%d %H:%M} {hours:g}"

    def restart(self) -> None:
        self.asked = {}


@pytest.fixture
def box(store: Store, tmp_path: Path) -> Box:
    return Box(store, work(tmp_path))


def test_yesterday_is_asked_for_at_its_minute_and_once(box: Box) -> None:
    assert box.at("2026-06-10T06:29") == ["06-08 00:00 24"]
    assert box.at("2026-06-10T06:29:50") == []
    assert box.at("2026-06-10T06:30") == ["06-09 00:00 24"]
    box.restart()
    assert box.at("2026-06-10T06:31") == []
    assert box.at("2026-06-10T23:59") == []


def test_box_that_was_off_at_the_minute_makes_it_later(box: Box) -> None:
    assert box.at("2026-06-09T12:00") == ["06-08 00:00 24"]
    box.restart()
    assert box.at("2026-06-12T09:00") == ["06-11 00:00 24"]


def test_days_of_23_and_25_hours_are_whole(box: Box) -> None:
    assert box.at("2026-03-30T06:30") == ["03-29 00:00 23"]
    assert box.at("2026-10-26T06:30") == ["10-25 00:00 25"]


def test_minute_that_the_clock_jumps_over_is_the_jump(store: Store, tmp_path: Path) -> None:
    box = Box(store, work(tmp_path, DailyFilm(kind="reel", at_min=150, length_s=60)))
    assert box.at("2026-03-28T12:00") == ["03-27 00:00 24"]
    assert box.at("2026-03-29T01:59") == []
    assert box.at("2026-03-29T03:00") == ["03-28 00:00 24"]


def test_minute_that_comes_twice_counts_once(store: Store, tmp_path: Path) -> None:
    box = Box(store, work(tmp_path, DailyFilm(kind="reel", at_min=150, length_s=60)))
    assert box.at("2026-10-25T02:29") == ["10-23 00:00 24"]
    assert box.at("2026-10-25T02:30") == ["10-24 00:00 24"]
    assert box.at("2026-10-25T02:00", fold=1) == []
    assert box.at("2026-10-25T02:30", fold=1) == []


def test_deleted_one_is_not_made_again(box: Box, store: Store) -> None:
    assert box.at("2026-06-10T07:00") == ["06-09 00:00 24"]
    (row,) = box.rows()
    job_rows.cancel_job(store, row.id, 1)
    assert job_rows.delete_job(store, row.id)
    box.restart()
    assert box.at("2026-06-10T08:00") == []


def test_clock_that_was_wrong_for_a_while_does_not_end_it(box: Box) -> None:
    assert box.at("2026-12-30T07:00") == ["12-29 00:00 24"]
    box.restart()
    assert box.at("2026-06-10T07:00") == ["06-09 00:00 24"]
    assert box.at("2026-06-11T07:00") == ["06-10 00:00 24"]


def test_day_without_recordings_is_not_asked_for(box: Box) -> None:
    assert box.at("2026-02-10T07:00") == []
    assert box.at("2026-03-02T07:00") == ["03-01 00:00 24"]


def test_time_lapses_are_one_of_each_camera_that_recorded(store: Store, tmp_path: Path) -> None:
    lapse = DailyFilm(kind="timelapse", at_min=60, length_s=30, smart=False)
    box = Box(store, work(tmp_path, lapse))
    box.at("2026-06-10T01:00")
    (row,) = box.rows()
    assert (row.kind, row.params["camera_id"], row.params["smart"], row.made_by) == ("timelapse", "door", False, None)
