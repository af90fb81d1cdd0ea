"""The real jobs process over a real broker: it is killed, stopped, cancelled; no job is lost, none goes on for ever."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from tests.browser.house import House, open_house
from tests.conftest import PATIENCE_S, RunningBroker, wait_until
from tests.fair_watch import FairWatch
from tests.flow.test_export_movie import T0, record
from tests.recording_kit import make_clip
from tests.spawned_process import Spawn, spawning
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import JobChanged
from vigilar.bus.topics import Topics
from vigilar.playback.export.plan_place import list_plans, plan_path
from vigilar.store import jobs as job_rows
from vigilar.store.engine import Store
from vigilar.store.exports import LIFE_MS, ExportParams
from vigilar.store.jobs import JobRow

SLOW = "0.05"
"""Seconds a record: the twelve seconds of the house then take more than one."""

ENDLESS = "1"
"""So many that it is still at work when a busy test comes to look."""


@dataclass
class Page:
    """What the web process hears."""

    told: list[JobChanged] = field(default_factory=list)

    def take(self, _topic: str, payload: bytes) -> None:
        self.told.append(JobChanged.parse(payload))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        clip = make_clip(tmp_path, has_sound=True)
        for start in range(0, 12, 4):
            record(house, clip, start, start + 4)
        yield house


@pytest.fixture
def store(house: House) -> Iterator[Store]:
    with closing(Store.open(house.parts.cfg.database_url)) as store:
        yield store


@pytest.fixture
def spawn(house: House, broker: RunningBroker) -> Iterator[Spawn]:
    with spawning("tests.flow.jobs_process", str(house.folder), broker, "jobs") as spawn:
        yield spawn


@pytest.fixture
def page(broker: RunningBroker) -> Iterator[Page]:
    page, ready = Page(), threading.Event()
    bus = MessageBus(BusLink("127.0.0.1", broker.port, "web", broker.passwords["web"]), "web-test")
    bus.subscribe(Topics.SYSTEM_JOB, page.take)
    bus.on_connected(ready.set)
    bus.start()
    assert ready.wait(PATIENCE_S)
    yield page
    bus.stop(1.0)


def ask(store: Store, to_s: int = 12) -> JobRow:
    params = ExportParams(camera_id="front-door", from_ms=T0, to_ms=T0 + to_s * 1000, proof=False)
    now_ms = time.time_ns() // 1_000_000
    return job_rows.add_job(store, node_id="", kind="export", params=params.dump(), made_by=None, now_ms=now_ms)


def get(store: Store, job: JobRow) -> JobRow:
    found = job_rows.get_job(store, job.id)
    assert found is not None
    return found


def is_running(store: Store, job: JobRow) -> bool:
    return get(store, job).state == "running"


def test_job_is_done_and_told_on_the_bus(store: Store, spawn: Spawn, page: Page) -> None:
    job = ask(store)
    spawn(SLOW)
    wait_until(lambda: get(store, job).state == "done", 20.0)
    result = get(store, job).result
    assert result is not None
    assert result["pictures"] == 120
    wait_until(lambda: bool(page.told) and page.told[-1].state == "done", 5.0)
    percents = [one.percent for one in page.told]
    assert percents == sorted(percents), "no percentage goes back"
    assert {one.source_id for one in page.told} == {"front-door"}


def test_export_whose_life_is_over_goes_with_its_plan(store: Store, spawn: Spawn, house: House) -> None:
    old, young = ask(store), ask(store, 4)
    worker = spawn()
    wait_until(lambda: get(store, young).state == "done", 20.0)
    worker.kill()
    assert list_plans(house.folder) == [old.id, young.id]
    with store.sql_write("test") as run:
        run("UPDATE jobs SET created_ms = created_ms - :life WHERE id = :id", life=LIFE_MS, id=old.id)
    plan_path(house.folder, 777).write_bytes(b"of no job")
    spawn()
    wait_until(lambda: list_plans(house.folder) == [young.id], 20.0)
    assert (job_rows.get_job(store, old.id), get(store, young).state) == (None, "done")


def test_job_of_a_killed_worker_is_taken_up_again(store: Store, spawn: Spawn) -> None:
    job = ask(store)
    first = spawn(ENDLESS)
    wait_until(lambda: is_running(store, job), 20.0)
    first.kill()
    assert get(store, job).state == "running", "nobody was there to say otherwise"
    spawn()
    wait_until(lambda: get(store, job).state == "done", 20.0)
    assert get(store, job).tries == 2


def test_job_that_ends_its_worker_is_given_up(store: Store, spawn: Spawn) -> None:
    job = ask(store)

    def is_begun(tries: int) -> bool:
        return is_running(store, job) and get(store, job).tries == tries

    for tries in range(1, job_rows.MAX_TRIES + 1):
        worker = spawn(ENDLESS)
        wait_until(partial(is_begun, tries), 20.0)
        worker.kill()
    spawn()
    wait_until(lambda: get(store, job).state == "failed", 20.0)
    assert "ended its program 3 times" in (get(store, job).error or "")


def test_running_job_is_cancelled_and_the_process_goes_on(store: Store, spawn: Spawn, page: Page) -> None:
    job = ask(store)
    spawn("0.5")
    wait_until(lambda: is_running(store, job), 20.0)
    job_rows.cancel_job(store, job.id, time.time_ns() // 1_000_000)
    wait_until(lambda: get(store, job).state == "cancelled", 5.0)
    wait_until(lambda: bool(page.told) and page.told[-1].state == "cancelled", 5.0)
    later = ask(store, 2)
    wait_until(lambda: get(store, later).state == "done", 20.0)


@pytest.mark.quiet
def test_cancel_takes_less_than_a_second(store: Store, spawn: Spawn) -> None:
    job = ask(store)
    spawn("0.2")  # so that a busy test still finds it at work
    wait_until(lambda: is_running(store, job), 20.0)
    watch = FairWatch()
    job_rows.cancel_job(store, job.id, time.time_ns() // 1_000_000)
    wait_until(lambda: get(store, job).state == "cancelled", 5.0)
    assert watch.elapsed_s() < 1.0


def test_stop_gives_the_job_back(store: Store, spawn: Spawn) -> None:
    job = ask(store)
    worker = spawn(ENDLESS)
    wait_until(lambda: is_running(store, job), 20.0)
    worker.line.send_stop()
    assert worker.process.wait(PATIENCE_S) == 0
    assert (get(store, job).state, get(store, job).tries) == ("waiting", 0)


def test_process_works_at_low_priority(store: Store, spawn: Spawn) -> None:
    worker = spawn()
    own = os.getpriority(os.PRIO_PROCESS, 0)  # whoever runs the tests may be of low priority already
    wait_until(lambda: os.getpriority(os.PRIO_PROCESS, worker.process.pid) == min(19, own + 10), 20.0)
