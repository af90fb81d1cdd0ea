"""A real events process looks after real recordings: what is found becomes an event, before and after a restart."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import RunningBroker, wait_until
from tests.flow.test_events_bus import spawn
from tests.proof_kit import T0, Box, recorded_box
from tests.recording_kit import make_clip
from tests.spawned_process import Spawn, SpawnedProcess
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import ProofCheckpoint
from vigilar.health.rows import read_rows
from vigilar.playback.library import Library
from vigilar.playback.timeline import read_timeline
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


def found(box: Box, kind: str = "recording_tampered") -> list[StoredEvent]:
    return list_events(box.store, EventFilter(type=kind))[0]


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


def test_file_removed_with_its_row_becomes_an_event_and_words_on_the_timeline(
    box: Box, spawn: Spawn, broker: RunningBroker
) -> None:
    assert broker.port
    gone = box.rows[1]
    (box.folder / gone.path).unlink()
    with closing(sqlite3.connect(box.folder / "vigilar.db", timeout=30)) as connection:
        connection.execute("DELETE FROM files WHERE id = ?", (gone.id,))
        connection.commit()
    spawn()
    wait_until(lambda: found(box, "history_changed"), 20.0)
    [event] = found(box, "history_changed")
    words = (
        "The recording before number 3 of front is gone with its row, and no rule deleted it: it was removed by hand."
    )
    assert (event.severity, event.payload["code"], event.payload["reason"]) == ("CRITICAL", "rows-removed", words)
    assert read_rows(box.store, box.node_id, event.ts_ms).history == words
    library = Library(box.store, box.folder, lambda: box.ring)
    [gap] = read_timeline(library, "front", T0, box.rows[3].start_ms, T0 + 99_000).gaps
    assert (gap.from_ms, gap.to_ms, gap.reason) == (gone.start_ms, gone.end_ms, "removed")
    assert gap.words == "A recording of this time was removed by hand, with its row: no rule deleted it."


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
