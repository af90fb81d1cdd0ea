"""Shared by all tests: free ports, a real broker, the place of the testbed. Everything else is with its tests."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from vigilar.base.ports import free_port
from vigilar.bus.accounts import access_list, load_or_create_accounts, password_file
from vigilar.bus.broker import broker_command, is_answering, write_configuration

ROOT = Path(__file__).resolve().parents[1]

os.environ["VIGILAR_STATE_DIR"] = tempfile.mkdtemp(prefix="vigilar-state-")
"""What houses of the tests remember; every program that a test starts inherits it."""
atexit.register(shutil.rmtree, os.environ["VIGILAR_STATE_DIR"], ignore_errors=True)


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
    """A running Mosquitto on loopback. A missing one fails the test: ``scripts/test.sh`` installs it."""
    port, passwords = free_port(), load_or_create_accounts(tmp_path / "bus-secrets")
    folder = tmp_path / "broker"
    write_configuration(folder, port, password_file(passwords), access_list())
    process = subprocess.Popen(broker_command(folder))
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
