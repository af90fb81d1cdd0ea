"""Two boxes in one database: neither touches the rows of the other."""

from __future__ import annotations

import pytest

from tests.unit.test_event_processor import FakeBus
from vigilar.base.clock import SimulatedClock
from vigilar.base.control import ProcessFact
from vigilar.base.errors import ExitCode, StoreError
from vigilar.bus.messages import CameraFact, MotionStart
from vigilar.bus.topics import Topics
from vigilar.events.processor import EventProcessor
from vigilar.store import inbound, outbox
from vigilar.store.cameras import CAMERA_ELSEWHERE, ensure_camera, get_camera, remove_camera
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, find_event, list_events
from vigilar.store.files import NewFile, add_file
from vigilar.store.nodes import claim_rows

NOW = 1_770_000_000_000


@pytest.fixture
def store(each_store: Store) -> Store:
    return each_store


def _node_of_file(store: Store, file_id: int) -> str:
    with store.sql_read("test") as run:
        return str(run("SELECT node_id FROM files WHERE id = :id", id=file_id)[0][0])


def _add_file(store: Store, camera_id: str) -> int:
    new = NewFile(camera_id=camera_id, content="video", number=1, path=camera_id, start_ms=NOW)
    return add_file(store, new)


def _processor(store: Store, node_id: str) -> EventProcessor:
    return EventProcessor(store, FakeBus(), SimulatedClock(utc_ns=NOW * 1_000_000), node_id, {})


def test_file_belongs_to_the_box_of_its_camera(store: Store) -> None:
    ensure_camera(store, "front", "Front", NOW, "north")
    ensure_camera(store, "barn", "Barn", NOW, "south")
    assert [_node_of_file(store, _add_file(store, camera)) for camera in ("front", "barn")] == ["north", "south"]


@pytest.mark.parametrize("is_removed", [False, True])
def test_camera_of_another_box_is_refused_and_untouched(store: Store, is_removed: bool) -> None:
    ensure_camera(store, "front", "Front", NOW, "north")
    if is_removed:
        remove_camera(store, "front", NOW)
    before = get_camera(store, "front")
    with pytest.raises(StoreError, match="another box of this house has a camera with the id front") as caught:
        ensure_camera(store, "front", "Hall", NOW, "south")
    assert (caught.value.code, caught.value.exit_code) == (CAMERA_ELSEWHERE, ExitCode.CONFIG)
    assert get_camera(store, "front") == before


def test_rows_from_before_are_claimed_once(store: Store) -> None:
    ensure_camera(store, "front", "Front", NOW)
    file_id = _add_file(store, "front")
    inbound.put(store, "", "a", "t", b"{}", NOW)
    ensure_camera(store, "barn", "Barn", NOW, "south")
    assert claim_rows(store, "north") == 3
    assert claim_rows(store, "south") == 0
    cameras = [get_camera(store, camera) for camera in ("front", "barn")]
    assert [camera.node_id for camera in cameras if camera] == ["north", "south"]
    assert (_node_of_file(store, file_id), outbox.counts(store, "north")) == ("north", (1, 0))


def test_sweep_takes_own_rows_only(store: Store) -> None:
    for node in ("north", "south"):
        fact = CameraFact(id=node, ts=NOW, camera_id=node, kind="disk_full")
        inbound.put(store, node, fact.id, Topics.camera_fact(node), fact.dump(), NOW - 5000)
    _processor(store, "north").sweep()
    assert [event.uid for event in list_events(store, EventFilter())[0]] == ["north"]
    assert (outbox.counts(store, "north"), outbox.counts(store, "south")) == ((0, 0), (1, 0))


def test_start_and_time_end_own_motions_only(store: Store) -> None:
    ensure_camera(store, "front", "Front", NOW, "north")
    ensure_camera(store, "barn", "Barn", NOW, "south")
    north, south = _processor(store, "north"), _processor(store, "south")
    for processor, camera in ((north, "front"), (south, "barn")):
        start = MotionStart(id=camera, ts=NOW - 7_200_000, camera_id=camera, run=1, area_frac=0.2)
        processor._handle_event(Topics.motion_start(camera), start.dump())
    north.handle_fact(ProcessFact("p", NOW, "system_started", "system"))
    ends = [event.end_ms for event in (find_event(store, "front"), find_event(store, "barn")) if event]
    assert ends == [NOW - 6_600_000, None]
    north.sweep()
    assert (event := find_event(store, "barn")) is not None
    assert event.end_ms is None
    south.sweep()
    assert (event := find_event(store, "barn")) is not None
    assert event.end_ms == NOW - 3_600_000


def test_camera_keeps_its_owner_when_nobody_is_named(store: Store) -> None:
    made = ensure_camera(store, "front", "Front", NOW, "north")
    assert ensure_camera(store, "front", "Front", NOW) == made
    assert ensure_camera(store, "front", "Hall", NOW).node_id == "north"
