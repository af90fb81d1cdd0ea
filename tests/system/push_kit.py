"""A house of real processes that pushes to the tests' own push service, and an ear on its bus."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.conftest import PATIENCE_S
from tests.fakes.push_service import PushService
from tests.system.house import ROOT, RunningHouse
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink
from vigilar.bus.messages import VisitSeen
from vigilar.bus.topics import Topics


def install_drawn_scenes(folder: Path) -> None:
    """The network that knows the figures of drawn scenes, in a house that is to be made in ``folder``."""
    command = [sys.executable, "-m", "vigilar", "--data-dir", str(folder), "models", "install", "drawn-scenes"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)


def person_settings(service: PushService) -> tuple[str, ...]:
    """Lines of the settings: pushes go to ``service``, and each person is told loudly."""
    return (
        "[notify.push]",
        f'hosts = ["{service.host}"]',
        f'ca_file = "{service.ca_file}"',
        "[[notify.rule]]",
        'name = "Somebody in the hall"',
        'when = ["person"]',
        'tell = ["everyone"]',
        'level = "loud"',
    )


def call(house: RunningHouse, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(house.base + path, data, {"Content-Type": "application/json"}, method=method)
    with house.opener.open(request, timeout=PATIENCE_S) as answer:
        text = answer.read()
        found: dict[str, Any] = json.loads(text) if text else {}
        return found


class Ear:
    """Hears on the bus when the detector has said what came by. Once it is made, it hears all."""

    def __init__(self, folder: Path, port: int) -> None:
        password = json.loads((folder / "secrets/bus-users").read_text(encoding="utf-8"))["owner"]
        self.told_s: dict[str, float] = {}
        self._lock = threading.Lock()
        self._bus = MessageBus(BusLink("127.0.0.1", port, "owner", password), "test-ear")
        self._bus.subscribe(Topics.camera_visit("+"), self._hear)
        hears = threading.Event()
        self._bus.on_connected(hears.set)
        self._bus.start()
        assert hears.wait(PATIENCE_S), "the ear is not let in at the bus"

    def _hear(self, _topic: str, payload: bytes) -> None:
        visit = VisitSeen.parse(payload)
        with self._lock:
            if visit.kind == "person":
                self.told_s.setdefault(visit.motion_id, time.time())

    def close(self) -> None:
        self._bus.stop(1.0)


def house_bus_port(folder: Path) -> int:
    text = (folder / "vigilar.toml").read_text(encoding="utf-8")
    return int(text.partition("[bus]\nport = ")[2].split("\n")[0])
