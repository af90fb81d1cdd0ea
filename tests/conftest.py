"""Shared by all tests: free ports, a real broker, the place of the testbed. Everything else is with its tests."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from vigilar.base.ports import free_port
from vigilar.bus.broker import broker_command, is_answering
from vigilar.config.jobs import BrokerPlan
from vigilar.config.places import Places
from vigilar.processes.cutting import list_accounts
from vigilar.processes.kinds import KINDS
from vigilar.processes.plan import make_broker_ready

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class RunningBroker:
    """A Mosquitto of the test's own, with the accounts and rules of the product."""

    port: int
    passwords: dict[str, str]
    process: subprocess.Popen[bytes]


@pytest.fixture
def free_tcp_port() -> int:
    """A port of loopback that nobody listens on."""
    return free_port()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RunningBroker]:
    """A running Mosquitto on loopback, which knows the cameras ``front`` and ``back``. A missing one fails the test:
    ``scripts/test.sh`` installs it."""
    port, places = free_port(), Places(tmp_path / "vigilar.toml", tmp_path, tmp_path / "bus-secrets")
    plan = BrokerPlan(is_own=True, host="127.0.0.1", port=port)
    logins = make_broker_ready(places, plan, list_accounts(KINDS, ["front", "back"]))
    passwords = {user: login.password for user, login in logins.accounts.items()}
    process = subprocess.Popen(broker_command(places.broker_dir))
    try:
        wait_until(lambda: is_answering(port, 0.2), 5.0)
        yield RunningBroker(port, passwords, process)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def testbed() -> Path:
    """The folder of the RTSP cameras and clips that may lie beside the repository; skips where it does not."""
    folder = Path(os.environ.get("VIGILAR_TESTBED", ROOT.parent / "shared" / "testbed"))
    if not (folder / "cameras.json").is_file():
        pytest.skip("no testbed beside this repository")
    return folder


def wait_until(claim: object, within_s: float) -> None:
    """Fail unless ``claim()`` becomes true in time."""
    assert callable(claim)
    deadline = time.monotonic() + within_s
    while not claim():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.02)
