"""Shared by all tests: how they run side by side, free ports, a real broker, the testbed. More is with its tests."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ports import free_port, take_block
from tests.postgres import PostgresServer
from tests.ready_store import lay_database
from tests.together import is_beside_others, open_run, turn
from vigilar.bus.broker import broker_command, is_answering
from vigilar.config.jobs import BrokerPlan
from vigilar.config.places import Places
from vigilar.processes.cutting import list_accounts
from vigilar.processes.kinds import KINDS
from vigilar.processes.plan import make_broker_ready
from vigilar.store.engine import Store

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


def pytest_configure(config: pytest.Config) -> None:
    open_run(config)
    take_block()


@pytest.hookimpl(trylast=True)  # after the shuffling
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side, long tests begin first, so that none goes on alone at the end, and those that need quiet last."""
    if is_beside_others():
        items.sort(key=lambda item: (_has(item, "quiet"), -_least_seconds(item)))


def _least_seconds(item: pytest.Item) -> float:
    """How long a test takes at least, as far as it says so."""
    mark = item.get_closest_marker("long")
    return 0.0 if mark is None else float(mark.args[0]) if mark.args else 8.0


def _has(item: pytest.Item, mark: str) -> bool:
    return item.get_closest_marker(mark) is not None


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around the time limit, which waiting for a turn does not use up
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if not is_beside_others():
        return (yield)
    with turn(alone=_has(item, "quiet")):
        return (yield)


@pytest.fixture
def free_tcp_port() -> int:
    """A port of loopback that nobody listens on."""
    return free_port()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RunningBroker]:
    """``running_broker``. A missing one fails the test: ``scripts/test.sh`` installs it."""
    with running_broker(tmp_path) as running:
        yield running


@contextmanager
def running_broker(folder: Path) -> Iterator[RunningBroker]:
    """A running Mosquitto on loopback, which knows the cameras ``front`` and ``back``."""
    port, places = free_port(), Places(folder / "vigilar.toml", folder, folder / "bus-secrets")
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
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for this session. A missing one fails the test: ``scripts/test.sh`` installs it. Tests that use it
    are marked ``postgresql``, so that the quick ones leave them out."""
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of the newest schema, once on each engine: what holds on one must hold on the other."""
    if request.param == "sqlite":
        return lay_database(tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.ready_database()


@pytest.fixture
def each_store(database_address: str) -> Iterator[Store]:
    with closing(Store.open(database_address)) as store:
        yield store


@pytest.fixture(scope="session")
def testbed() -> Path:
    """The folder of the RTSP cameras and clips that may lie beside the repository; skips where it does not."""
    folder = Path(os.environ.get("VIGILAR_TESTBED", ROOT.parent / "shared" / "testbed"))
    if not (folder / "cameras.json").is_file():
        pytest.skip("no testbed beside this repository")
    return folder


PATIENCE_S = 60.0
"""What a test waits at the least: beside others a process may need so long for what it does alone in a second."""


def wait_until(claim: object, within_s: float) -> None:
    """Fail unless ``claim()`` becomes true. ``within_s`` is what that needs; PATIENCE_S is granted always, so a promise
    about time is not judged by it, but by ``tests/fair_watch.py``."""
    assert callable(claim)
    granted_s = max(within_s, PATIENCE_S)
    deadline = time.monotonic() + granted_s
    while not claim():
        assert time.monotonic() < deadline, f"not within {granted_s} s"
        time.sleep(0.02)
