"""What the upkeep process tells becomes an event, once a day, by way of the outbox alone."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.ready_store import open_ready_store
from tests.unit.test_event_processor import FakeBus
from vigilar.base.clock import SimulatedClock
from vigilar.bus.messages import UpkeepFact
from vigilar.bus.topics import Topics
from vigilar.events.processor import EventProcessor
from vigilar.store import inbound, outbox
from vigilar.store.events import EventFilter, list_events

NOW_MS = 1_770_000_000_000


def test_fact_becomes_one_event(tmp_path: Path) -> None:
    with closing(open_ready_store(tmp_path)) as store:
        clock = SimulatedClock(NOW_MS * 1_000_000)
        processor = EventProcessor(store, FakeBus(), clock, "box", {})
        fact = UpkeepFact("u1", NOW_MS, "retention_held", {"reason": "7 GB of 10 GB would have to go."})
        for _ in range(2):
            inbound.put(store, "box", fact.id, Topics.UPKEEP_FACT, fact.dump(), NOW_MS)
            clock.advance(2.0)
            processor.sweep()
        [event] = list_events(store, EventFilter())[0]
        assert (event.type, event.severity, event.source_id) == ("retention_held", "ALERT", "upkeep")
        assert event.payload["title"] == "More than half of the recordings would have to go"
        assert event.payload["reason"] == "7 GB of 10 GB would have to go."
        assert outbox.counts(store, "box") == (0, 0)


@pytest.mark.parametrize("kind", ["motion", "disk_full", "no such kind", ""])
def test_other_kinds_are_set_aside(tmp_path: Path, kind: str) -> None:
    with closing(open_ready_store(tmp_path)) as store:
        processor = EventProcessor(store, FakeBus(), SimulatedClock(NOW_MS * 1_000_000), "box", {})
        fact = UpkeepFact("u1", NOW_MS, kind)
        inbound.put(store, "box", fact.id, Topics.UPKEEP_FACT, fact.dump(), NOW_MS)
        processor.sweep()
        assert list_events(store, EventFilter())[0] == []
        assert outbox.counts(store, "box") == (0, 1)
