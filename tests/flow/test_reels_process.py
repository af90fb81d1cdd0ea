"""Reels by the real jobs process: it is killed in the middle, cancelled, stopped; what it leaves, and who is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.browser.house import House, open_house
from tests.conftest import PATIENCE_S, RunningBroker, wait_until
from tests.flow.test_export_movie import T0, record
from tests.flow.test_jobs_process import Page, get
from tests.flow.test_jobs_process import page as page
from tests.recording_kit import make_clip
from tests.spawned_process import Spawn, spawning
from vigilar.playback.reel.sealed_film import FilmFile
from vigilar.store import jobs as job_rows
from vigilar.store.engine import Store
from vigilar.store.jobs import JobRow
from vigilar.store.reels import Params, ReelParams, TimelapseParams, add_reel
from vigilar.vge.keys import KeyRing

SLOW = "0.5"
"""Seconds a record of half a second: the reel of 10 s takes more than ten."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        record(house, make_clip(tmp_path), 0, 40)
        house.event(ts_ms=T0 + 5_000, length_ms=8_000, what="person")
        yield house


@pytest.fixture
def store(house: House) -> Iterator[Store]:
    with closing(Store.open(house.parts.cfg.database_url)) as store:
        yield store


@pytest.fixture
def spawn(house: House, broker: RunningBroker) -> Iterator[Spawn]:
    with spawning("tests.flow.jobs_process", str(house.folder), broker, "jobs") as spawn:
        yield spawn


def reel() -> ReelParams:
    return ReelParams(cameras=("front-door", "garden"), from_ms=T0, to_ms=T0 + 40_000, length_s=10)


def lapse() -> TimelapseParams:
    return TimelapseParams(camera_id="front-door", from_ms=T0, to_ms=T0 + 40_000, length_s=10)


def ask(store: Store, params: Params) -> JobRow:
    job_id = add_reel(store, node_id="", params=params, made_by=None, now_ms=time.time_ns() // 1_000_000)
    row = job_rows.get_job(store, job_id)
    assert row is not None
    return row


def is_drawing(store: Store, job: JobRow) -> bool:
    return get(store, job).percent > 5


@pytest.mark.parametrize("params", [reel(), lapse()], ids=["reel", "timelapse"])
def test_killed_worker_leaves_nothing_half(
    store: Store,
    spawn: Spawn,
    house: House,
    page: Page,
    params: Params,
) -> None:
    job = ask(store, params)
    worker = spawn(SLOW if isinstance(params, ReelParams) else "0.05")
    wait_until(lambda: is_drawing(store, job), 30.0)
    worker.kill()
    (half,) = house.folder.glob("reels/*")
    assert get(store, job).state == "running"
    assert house.client().get(f"/reels/{job.id}/video.mp4").status_code == 404
    spawn()
    wait_until(lambda: get(store, job).state == "done", 30.0)
    result = get(store, job).result
    assert result is not None
    assert (get(store, job).tries, list(house.folder.glob("reels/*"))) == (2, [half])
    assert half.stat().st_size == result["bytes"]
    film = FilmFile(half, job.id, KeyRing.load(house.folder / "secrets"))
    assert len(b"".join(film.read(0, film.size_bytes))) == film.size_bytes
    wait_until(lambda: bool(page.told) and page.told[-1].state == "done", 5.0)
    if isinstance(params, ReelParams):
        assert {(one.source_id, *one.more_sources) for one in page.told} == {("front-door", "garden")}


def test_cancel_takes_less_than_a_second_and_leaves_no_file(store: Store, spawn: Spawn, house: House) -> None:
    job = ask(store, reel())
    spawn("0.3")
    wait_until(lambda: is_drawing(store, job), 30.0)
    job_rows.cancel_job(store, job.id, time.time_ns() // 1_000_000)
    began = time.monotonic()
    wait_until(lambda: get(store, job).state == "cancelled", 5.0)
    assert time.monotonic() - began < 1.5  # of a busy machine; a quiet one takes 0.3 s
    assert list(house.folder.glob("reels/*")) == []


def test_stop_gives_it_back_and_leaves_no_file(store: Store, spawn: Spawn, house: House) -> None:
    job = ask(store, reel())
    worker = spawn(SLOW)
    wait_until(lambda: is_drawing(store, job), 30.0)
    worker.line.send_stop()
    assert worker.process.wait(PATIENCE_S) == 0
    assert (get(store, job).state, get(store, job).tries) == ("waiting", 0)
    assert list(house.folder.glob("reels/*")) == []
