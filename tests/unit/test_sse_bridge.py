"""The bridge from the bus to the pages, without a broker: its handlers, its catching up, its failing."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.browser.house import web_job
from tests.ready_store import lay_database, open_ready_store
from vigilar.base.clock import SimulatedClock
from vigilar.bus.client import MessageBus
from vigilar.bus.messages import CameraHealth, EventPublished, SystemHealth
from vigilar.store import change_reader
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, insert_event
from vigilar.web import create_app
from vigilar.web.health import HealthBoard
from vigilar.web.hub import HUB, Listener
from vigilar.web.parts import parts_of
from vigilar.web.sse_bridge import NoBridge, SseBridge, forward_event, show_processes, start_sse_bridge

NOW = 1_770_000_000_000


class FakeBus:
    """The part of MessageBus the bridge uses; delivers when told to."""

    def __init__(self) -> None:
        self.handlers: dict[str, Callable[[str, bytes], None]] = {}
        self.connected: list[Callable[[], None]] = []
        self.is_connected = False
        self.is_started = False

    def subscribe(self, topic: str, handler: Callable[[str, bytes], None]) -> None:
        self.handlers[topic] = handler

    def on_connected(self, callback: Callable[[], None]) -> None:
        self.connected.append(callback)

    def start(self) -> None:
        self.is_started = True

    def stop(self, _timeout_s: float) -> bool:
        self.is_started = False
        return True


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_ready_store(tmp_path)) as store:
        yield store


@pytest.fixture
def page() -> Iterator[Listener]:
    HUB.open()
    listener = HUB.subscribe()
    yield listener
    HUB.unsubscribe(listener)


@pytest.fixture
def board() -> HealthBoard:
    return HealthBoard()


@pytest.fixture
def bridge(store: Store, board: HealthBoard) -> Iterator[SseBridge]:
    bridge = SseBridge(FakeBus(), store, SimulatedClock(), board)  # type: ignore[arg-type]  # obeys the same interface
    yield bridge
    bridge.stop()


def put(store: Store, uid: str) -> EventPublished:
    row = insert_event(
        store, NewEvent(uid=uid, type="motion", severity="INFO", source_id="front-door", ts_ms=1000), now_ms=1000
    )
    assert row is not None
    return EventPublished(str(row.id), row.ts_ms, row.type, row.severity, row.source_id, row.change)


def heard(page: Listener) -> list[tuple[str, Any]]:
    found = []
    while (notice := page.get(0.01)) is not None:
        found.append((notice.name, notice.change))
    return found


def test_forward_event_reaches_pages(page: Listener) -> None:
    forward_event(EventPublished("3", 5, "motion", "INFO", "front-door", 9).dump())
    assert heard(page) == [("event", 9)]


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[]", b'{"v":1}', b'{"v":2,"id":"1","ts":1}', b"{" * 70_000])
def test_unreadable_event_is_logged_and_dropped(
    payload: bytes, page: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        forward_event(payload)
    assert heard(page) == []
    assert "is not an event" in caplog.text


def test_reconnect_sends_what_was_missed_once(bridge: SseBridge, store: Store, page: Listener) -> None:
    put(store, "before")
    bridge.start()
    first = put(store, "a")
    bridge.on_event("t", first.dump())
    put(store, "b")
    put(store, "c")
    bridge.on_connected()
    bridge.on_connected()
    assert heard(page) == [("event", 2), ("event", 3), ("event", 4)]


def test_reconnect_survives_broken_database(
    bridge: SseBridge, store: Store, page: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    bridge.start()
    with store.write("break it") as connection:
        connection.exec_driver_sql("ALTER TABLE events RENAME TO gone")
    bridge.on_connected()
    assert "could not be read" in caplog.text
    bridge.on_event("t", EventPublished("3", 5, "motion", "INFO", "front-door", 9).dump())
    assert heard(page) == [("event", 9)]


def test_pages_hear_of_events_without_a_broker(
    bridge: SseBridge, store: Store, page: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_reader, "LOOK_EVERY_S", 0.02)
    bridge.start()
    put(store, "a")
    notice = page.get(10.0)
    assert notice is not None
    assert (notice.change, notice.after) == (1, 0)


def test_message_that_comes_twice_is_told_once(bridge: SseBridge, store: Store, page: Listener) -> None:
    bridge.start()
    first = put(store, "a")
    bridge.on_event("t", first.dump())
    bridge.on_event("t", first.dump())
    assert heard(page) == [("event", 1)]


def test_camera_health_goes_to_board_and_pages(bridge: SseBridge, board: HealthBoard, page: Listener) -> None:
    bridge.on_camera_health("t", CameraHealth("h", 1, "front-door", "live", last_frame_ts=77).dump())
    now_ms = SimulatedClock().utc_ns() // 1_000_000
    assert board.camera("front-door", now_ms)["state"] == "live"
    notice = page.get(0.1)
    assert notice is not None
    assert notice.name == "health"
    assert json.loads(notice.data)["cameras"][0]["last_frame_ts"] == 77


def test_system_health_goes_to_board(bridge: SseBridge, board: HealthBoard) -> None:
    now_ms = SimulatedClock().utc_ns() // 1_000_000
    bridge.on_system_health("t", SystemHealth("h", now_ms, {"web": {"state": "running"}}).dump())
    assert board.processes(now_ms) == {"web": {"state": "running"}}


LIVE = CameraHealth("h", NOW, "hall", "live", last_frame_ts=NOW, is_recording=True)


def process(state: str, pid: int | None, **more: Any) -> dict[str, Any]:
    return {"camera/hall": {"state": state, "pid": pid, "restarts": 0, **more}}


def told(page: Listener) -> list[tuple[str, bool]]:
    """State and recording of the camera, as open pages heard them since the last time."""
    found = []
    while notice := page.get(0.0):
        found += [(one["state"], one["is_recording"]) for one in json.loads(notice.data)["cameras"]]
    return found


def test_end_of_a_camera_process_is_told_at_once_and_its_last_word_forgotten(
    board: HealthBoard, page: Listener
) -> None:
    show_processes(board, process("running", 7), NOW, NOW)
    board.set_camera(LIVE, NOW)
    assert (board.camera("hall", NOW)["state"], board.camera("hall", NOW)["is_recording"]) == ("live", True)
    told(page)
    show_processes(board, process("waiting", None, restarts=1, next_try_ts=NOW + 2000), NOW + 100, NOW + 100)
    assert told(page) == [("restarting", False)]
    known = board.camera("hall", NOW + 100)
    assert (known["reason"], known["next_try_ts"]) == ("Its process ended and is started again.", NOW + 2000)
    assert known["last_frame_ts"] == NOW, "since when there is no picture is still known"
    show_processes(board, process("starting", 8, restarts=1), NOW + 200, NOW + 200)
    show_processes(board, process("running", 8, restarts=1), NOW + 900, NOW + 900)
    assert told(page) == [("restarting", False), ("connecting", False)], "not live before the new process says so"
    board.set_camera(replace(LIVE, ts=NOW + 1500), NOW + 1500)
    assert board.camera("hall", NOW + 1500)["state"] == "live"


def test_late_copy_of_the_status_changes_nothing(board: HealthBoard, page: Listener) -> None:
    """The bus brings the same status as the control line, through the events process and therefore later."""
    show_processes(board, process("waiting", None), NOW, NOW)
    show_processes(board, process("starting", 8), NOW + 50, NOW + 50)
    told(page)
    show_processes(board, process("waiting", None), NOW, NOW + 60)
    assert told(page) == []
    show_processes(board, process("running", 8), NOW - 3_600_000, NOW - 3_600_000)
    assert told(page) != [], "a clock that was set back does not silence the supervisor"


def test_failing_process_says_how_it_ended(board: HealthBoard) -> None:
    show_processes(board, process("waiting", None, is_failing=True, last_exit="ended with exit code 1"), NOW, NOW)
    assert board.camera("hall", NOW)["reason"] == "Its process keeps failing: it ended with exit code 1."


def test_without_the_bus_recording_is_known_from_the_heartbeats(board: HealthBoard) -> None:
    status = {"is_recording": True, "not_recording": ""}
    show_processes(board, process("running", 7, status=status), NOW, NOW)
    known = board.camera("hall", NOW)
    assert (known["state"], known["is_recording"]) == ("starting", True)
    status = {"is_recording": False, "not_recording": "disk-full"}
    show_processes(board, process("running", 7, status=status), NOW, NOW)
    assert board.camera("hall", NOW)["not_recording_text"] == "The disk is full."


def test_unreadable_health_is_dropped(bridge: SseBridge, board: HealthBoard, page: Listener) -> None:
    bridge.on_camera_health("t", b"nonsense")
    bridge.on_system_health("t", b"nonsense")
    assert board.processes(0) is None
    assert heard(page) == []


def test_bridge_without_broker_runs_and_stops(tmp_path: Path) -> None:
    lay_database(tmp_path)
    bridge = start_sse_bridge(web_job(tmp_path))
    assert not bridge.is_connected()
    bridge.stop()


def test_dead_bridge_is_logged_and_pages_live(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lay_database(tmp_path)
    job = web_job(tmp_path)
    bridge = start_sse_bridge(replace(job, database_url=f"sqlite:///{tmp_path}/missing.db"))
    assert isinstance(bridge, NoBridge)
    assert "live updates could not be started" in caplog.text
    app = create_app(job)
    assert app.test_client().get("/healthz").status_code == 200
    bridge.stop()
    parts_of(app).close()


def test_create_app_connects_to_no_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise AssertionError("create_app made a connection to the bus")

    monkeypatch.setattr(MessageBus, "__init__", refuse)
    monkeypatch.setattr(MessageBus, "start", refuse)
    lay_database(tmp_path)
    app = create_app(web_job(tmp_path))
    assert app.test_client().get("/healthz").status_code == 200
    parts_of(app).close()
