"""The process for Home Assistant at a broker of the owner's: devices, states of a database, the will, and the end."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S, RunningBroker, wait_until
from tests.export_kit import control_line
from tests.flow.test_broker import Guest
from tests.ports import free_port
from vigilar.base.control import ControlChild
from vigilar.base.folder_id import make_folder_id
from vigilar.base.home_note import HomeNote, find_note
from vigilar.base.ids import new_id
from vigilar.bus.broker import is_answering
from vigilar.bus.messages import ArmRequest
from vigilar.bus.topics import Topics
from vigilar.config.jobs import CameraInfo, HomeAssistantJob
from vigilar.processes.homeassistant import run_home_assistant
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, insert_event, update_event


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[RunningBroker]:
    """A broker of the owner's, open to everybody."""
    port, file = free_port(), tmp_path / "theirs.conf"
    file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_type none\n", encoding="utf-8")
    process = subprocess.Popen(["mosquitto", "-c", str(file)])
    try:
        wait_until(lambda: is_there(port), 5.0)
        yield RunningBroker(port, {}, process)
    finally:
        process.kill()
        process.wait()


def is_there(port: int) -> bool:
    return is_answering(port, 0.2)


@contextmanager
def running(job: HomeAssistantJob) -> Iterator[ControlChild]:
    with control_line() as control:
        thread = threading.Thread(target=run_home_assistant, args=(job, control))
        thread.start()
        try:
            yield control
        finally:
            control.stop_requested.set()
            thread.join(10.0)
            assert not thread.is_alive()


def job_of(folder: Path, url: str, broker: RunningBroker, theirs: RunningBroker, **more: object) -> HomeAssistantJob:
    return HomeAssistantJob(
        node_id=make_folder_id(folder),
        data_dir=folder,
        secrets_dir=folder / "secrets",
        run_dir=folder / "run",
        database_url=url,
        bus_host="127.0.0.1",
        bus_port=broker.port,
        bus_user="homeassistant",
        bus_password=broker.passwords["homeassistant"],
        host="127.0.0.1",
        port=theirs.port,
        user="me",
        password="x",
        house_name="Home",
        cameras=(CameraInfo("front", "Front", has_sub=False, enabled=True),),
        recognises=True,
        **more,  # type: ignore[arg-type]  # what a test wants otherwise
    )


def test_states_of_rows_come_to_the_owners_broker_and_go(
    tmp_path: Path, database_address: str, broker: RunningBroker, theirs: RunningBroker
) -> None:
    job = job_of(tmp_path, database_address, broker, theirs)
    top = f"vigilar-ha/{job.node_id[:8]}"
    now: dict[str, bytes] = {}
    guest = Guest(theirs, "me")
    guest.client.on_message = lambda _c, _u, message: now.__setitem__(message.topic, bytes(message.payload))
    guest.hear("#")
    gone = f"homeassistant/device/vigilar_{job.node_id[:8]}_camera_gone/config"
    guest.client.publish(gone, b"{}", 1, retain=True).wait_for_publish(PATIENCE_S)
    owner = Guest(broker, "owner")
    owner.hear(Topics.ARM_REQUEST)
    with closing(Store.open(database_address)) as store, running(job):
        wait_until(lambda: now.get(f"{top}/status") == b"online", 10.0)
        wait_until(lambda: now.get(f"{top}/camera/front/motion") == b"OFF", 10.0)
        wait_until(lambda: now.get(gone) == b"", 10.0)
        at_ms = time.time_ns() // 1_000_000
        ensure_camera(store, "front", "Front", at_ms, job.node_id)
        visit = NewEvent(
            uid=new_id(),
            type="motion",
            severity="INFO",
            source_id="front",
            ts_ms=at_ms,
            payload={"title": "Person, Front"},
            kind="person",
        )
        event = insert_event(store, visit, now_ms=at_ms)
        wait_until(lambda: now.get(f"{top}/camera/front/person") == b"ON", 10.0)
        assert now[f"{top}/camera/front/motion"] == b"ON"
        assert now[f"{top}/house/last_event"] == b"Person, Front"
        assert event is not None
        update_event(store, event, end_ms=at_ms + 1, payload=event.payload)
        wait_until(lambda: now.get(f"{top}/camera/front/motion") == b"OFF", 10.0)
        guest.say("homeassistant/status", b"online")
        for command in (b"ARM_AWAY", b"DISARM", b"nonsense"):
            guest.say(f"{top}/house/arm/set", command)
        wait_until(lambda: len(owner.heard) == 2, 10.0)
        wishes = [ArmRequest.parse(payload) for _, payload in owner.heard]
        assert [(one.mode, one.arms_only, one.by) for one in wishes] == [
            ("away", True, "Home Assistant"),
            ("disarmed", True, "Home Assistant"),
        ]
        wait_until(lambda: (find_note(tmp_path) or HomeNote()).said == "online", 10.0)
    assert now[f"{top}/status"] == b"offline"
    assert json.loads(now[f"homeassistant/device/vigilar_{job.node_id[:8]}/config"])["components"]
    with running(replace(job, is_enabled=False)):
        wait_until(lambda: find_note(tmp_path) is None, 10.0)
        asked = ("homeassistant/status", f"{top}/house/arm/set")
        wait_until(lambda: not any(said for topic, said in now.items() if topic not in asked), 10.0)
    for one in (guest, owner):
        one.leave()
