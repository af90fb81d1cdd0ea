"""From a camera's message to the journal: the real events process, a person's word, and the event of what is new."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.house import House, open_house
from tests.conftest import RunningBroker, wait_until
from tests.ready_store import database_url
from tests.spawned_process import spawning
from vigilar.base.ids import new_id
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import EventPublished, Message, MotionEnd, MotionStart, VisitSeen
from vigilar.bus.topics import Topics
from vigilar.store import inbound
from vigilar.store.cameras import ensure_camera
from vigilar.store.events import EventFilter, list_events

PAGE = {"Accept": "text/html"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, cameras=(("front", "Front door"),)) as house:
        ensure_camera(house.store, "front", "Front door", 1, house.node_id)
        yield house


@pytest.fixture
def bus(broker: RunningBroker) -> Iterator[MessageBus]:
    bus = MessageBus(BusLink("127.0.0.1", broker.port, "web", broker.passwords["web"]), "test-web")
    yield bus
    bus.stop(1.0)


def test_fox_in_the_night_is_named_and_told_as_the_first(
    tmp_path: Path, house: House, broker: RunningBroker, bus: MessageBus
) -> None:
    published: list[EventPublished] = []
    bus.subscribe(Topics.EVENTS_PUBLISHED, lambda _topic, payload: published.append(EventPublished.parse(payload)))
    bus.start()
    motion, ts = new_id(), time.time_ns() // 1_000_000 - 60_000

    def tell(topic: str, message: Message) -> None:
        inbound.put(house.store, house.node_id, message.id, topic, message.dump(), ts)

    tell(Topics.motion_start("front"), MotionStart(id=motion, ts=ts, camera_id="front", run=1, area_frac=0.1))
    seen = VisitSeen(id=new_id(), ts=ts + 1000, camera_id="front", motion_id=motion, kind="animal", label_score=0.8)
    tell(Topics.camera_visit("front"), seen)
    ended = MotionEnd(
        id=new_id(), ts=ts + 9000, camera_id="front", motion_id=motion, duration_ms=9000, peak_area_frac=0.2
    )
    tell(Topics.motion_end("front"), ended)

    def told() -> list[str]:
        return [str(one.title) for one in published if one.type == "wildlife_first"]

    client = house.client()
    with spawning("tests.flow.events_process", database_url(tmp_path), broker, "events") as spawn:
        spawn()
        wait_until(lambda: told() == ["Animal, first ever seen here"], 60)
        (visit,), _ = list_events(house.store, EventFilter(kind="animal"))
        answer = client.put(f"/api/v1/events/{visit.id}/species", json={"species": "fox"})
        assert answer.status_code == 200
        wait_until(lambda: told()[-1] == "Fox, first ever seen here", 60)
    (news,), _ = list_events(house.store, EventFilter(type="wildlife_first"))
    assert (news.source_id, news.ts_ms, news.end_ms, news.payload["visit_id"]) == ("front", ts, ts + 9000, visit.id)
    journal = client.get("/api/v1/wildlife").get_json()
    assert [(one["species"], one["visits"]) for one in journal["species"]] == [("fox", 1)]
    page = client.get("/wildlife", headers=PAGE).text
    assert re.search(r'class="sentence big">Fox .*at \d\d:\d\d, first ever seen here\.', page)
    assert "Fox at the front door, first ever seen here" in client.get(f"/events/{visit.id}", headers=PAGE).text
