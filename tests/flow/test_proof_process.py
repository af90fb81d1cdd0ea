"""A real events process looks after real recordings: what is found becomes an event, before and after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import RunningBroker, wait_until
from tests.flow.test_events_bus import spawn
from tests.proof_kit import Box, recorded_box
from tests.recording_kit import make_clip
from tests.spawned_process import Spawn, SpawnedProcess
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import ProofCheckpoint
from vigilar.proof.against import check_against, read_taken
from vigilar.proof.checkpoint import WITNESS
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, list_events
from vigilar.vge.signing import BoxKey

__all__ = ["spawn"]

pytestmark = pytest.mark.long


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with recorded_box(tmp_path, make_clip(tmp_path)) as box:
        yield box


@pytest.fixture
def store(box: Box) -> Store:
    return box.store


def found(box: Box) -> list[StoredEvent]:
    return list_events(box.store, EventFilter(type="recording_tampered"))[0]


def test_deleted_and_exchanged_files_become_events(box: Box, spawn: Spawn, broker: RunningBroker) -> None:
    assert broker.port
    box.path(0).unlink()
    events: SpawnedProcess = spawn()
    wait_until(lambda: len(found(box)) == 1, 20.0)
    [event] = found(box)
    assert (event.severity, event.source_id, event.payload["verdict"]) == ("ALERT", "front", "missing")
    assert event.payload["title"] == "A recording was changed or removed, Front door"
    wait_until(lambda: (box.folder / WITNESS).exists(), 10.0)
    events.kill()
    box.path(1).write_bytes(box.path(2).read_bytes())
    spawn()
    wait_until(lambda: len(found(box)) == 2, 20.0)
    assert sorted(event.payload["verdict"] for event in found(box)) == ["missing", "replaced"]


def test_checkpoint_leaves_the_box(box: Box, spawn: Spawn, broker: RunningBroker) -> None:
    """Into the owner's folder, and to who subscribes later: the broker keeps the newest."""
    elsewhere = box.folder / "elsewhere"
    elsewhere.mkdir()
    spawn()
    wait_until(lambda: [path for path in elsewhere.glob("*.checkpoints") if path.read_text().endswith("\n\n")], 20.0)
    [taken] = elsewhere.glob("*.checkpoints")
    [made] = read_taken(taken)
    heard: list[ProofCheckpoint] = []
    bus = MessageBus(BusLink("127.0.0.1", broker.port, "owner", broker.passwords["owner"]), "owner-test")
    bus.subscribe("vigilar/proof/#", lambda _topic, payload: heard.append(ProofCheckpoint.parse(payload)))
    bus.start()
    wait_until(lambda: heard, 10.0)
    bus.stop(1.0)
    assert (heard[0].body, bytes.fromhex(heard[0].signature)) == (made.body, made.signature)
    public = BoxKey.load(box.folder / "secrets").public
    assert check_against(box.store, box.node_id, [made], public).contradictions == []
