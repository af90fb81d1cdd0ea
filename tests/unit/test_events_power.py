"""What the UPS tells becomes events: one for a power cut from its begin to its end, whatever comes twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.ready_store import open_ready_store
from tests.unit.test_event_processor import FakeBus
from vigilar.base.clock import SimulatedClock
from vigilar.bus.messages import UpsFact
from vigilar.bus.topics import Topics
from vigilar.config.jobs import PlannedProcess, ProcessJob
from vigilar.events.processor import EventProcessor
from vigilar.power.watch import Level
from vigilar.processes.kinds import KINDS
from vigilar.processes.shedding import Shedding
from vigilar.store import inbound
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, list_events

NODE, NOW = "box", 1_770_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_ready_store(tmp_path)) as store:
        yield store


def tell(store: Store, *facts: tuple[str, int, dict[str, Any]], twice: bool = False) -> list[StoredEvent]:
    """Facts as ``(kind, seconds, detail)`` by their rows; all events, oldest first."""
    for number, (kind, at_s, detail) in enumerate(facts):
        fact = UpsFact(f"fact-{at_s}-{kind}-{number}", NOW + at_s * 1000, kind, detail)
        for _ in range(1 + twice):
            inbound.put(store, NODE, fact.id, Topics.ups(kind), fact.dump(), NOW)
            clock = SimulatedClock(utc_ns=(NOW + 10_000_000) * 1_000_000)
            EventProcessor(store, FakeBus(), clock, NODE, {}).turn(0.0)
    return list_events(store, EventFilter())[0][::-1]


@pytest.mark.parametrize("twice", [False, True])
def test_cut_is_one_event_from_its_begin_to_its_end(store: Store, *, twice: bool) -> None:
    cut, restored = tell(
        store,
        ("restored", 0, {}),
        ("power_loss", 10, {"charge": 96, "runtime_s": 1640}),
        ("power_loss", 12, {"charge": 95, "runtime_s": 1600}),
        ("restored", 430, {"cuts": 3}),
        twice=twice,
    )
    assert (cut.type, cut.ts_ms, cut.end_ms) == ("power_loss", NOW + 10_000, NOW + 430_000)
    assert cut.payload["cuts"] == 3
    assert restored.payload["title"] == "Mains power is back after 7 minutes"


def test_title_says_what_is_left(store: Store) -> None:
    found = tell(
        store, ("power_loss", 0, {"charge": 96, "runtime_s": 1640}), ("low_battery", 5, {"charge": 49, "runtime_s": 30})
    )
    assert [one.payload["title"] for one in found] == [
        "Mains power is lost, the house runs on its battery. Battery: 96 %, about 27 min left",
        "The battery gets low: recognition stops, recording goes on. Battery: 49 %",
    ]


def test_low_battery_is_told_once_a_cut(store: Store) -> None:
    """A watch over the UPS that begins again in the middle of a cut says all of it anew."""
    found = tell(
        store,
        *[("power_loss", 0, {}), ("low_battery", 5, {}), ("power_loss", 20, {}), ("low_battery", 20, {})],
        *[("critical", 30, {}), ("critical", 40, {}), ("restored", 50, {}), ("power_loss", 60, {})],
        *[("low_battery", 61, {}), ("critical", 62, {})],
    )
    at_s = [(one.type, (one.ts_ms - NOW) // 1000) for one in found if one.type != "power_restored"]
    assert at_s == [
        ("power_loss", 0), ("battery_low", 5), ("battery_critical", 30),
        ("power_loss", 60), ("battery_low", 61), ("battery_critical", 62),
    ]  # fmt: skip


def test_silence_is_one_event_until_it_is_heard(store: Store) -> None:
    (silent,) = tell(store, ("silent", 0, {}), ("silent", 5, {}), ("heard", 60, {}), ("heard", 61, {}))
    assert (silent.type, silent.end_ms) == ("ups_silent", NOW + 60_000)


def planned(*names: str) -> dict[str, PlannedProcess]:
    job = ProcessJob.__new__(ProcessJob)
    return {name: PlannedProcess(name, job) for name in names}


@pytest.mark.parametrize(
    ("level", "left"),
    [
        (Level.MAINS, ["web", "jobs", "detector", "camera/a"]),
        (Level.UNKNOWN, ["web", "jobs", "detector", "camera/a"]),
        (Level.BATTERY, ["web", "detector", "camera/a"]),
        (Level.LOW, ["web", "camera/a"]),
        (Level.CRITICAL, ["web", "camera/a"]),
    ],
)
def test_house_does_without_more_the_worse_it_is(level: Level, left: list[str]) -> None:
    shedding = Shedding(KINDS)
    shedding.hear({"level": level.value}, 0.0)
    assert list(shedding.left(planned("web", "jobs", "detector", "camera/a"))) == left


def test_word_that_is_no_level_changes_nothing() -> None:
    shedding = Shedding(KINDS)
    assert [shedding.hear(one, 0.0) for one in ({}, {"level": "purple"}, {"level": 3})] == [False, False, False]
    assert shedding.level is Level.MAINS
