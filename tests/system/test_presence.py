"""A paired phone comes to a whole running house and leaves it, on a network of its own with the kernel's own ARP."""

from __future__ import annotations

import contextlib
import ctypes
import http.cookiejar
import json
import os
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE_S
from tests.system.house import RunningHouse, run_house, wait_for

pytestmark = [pytest.mark.system, pytest.mark.timeout(600), pytest.mark.long]

CLONE_NEWNET = 0x40000000  # linux/sched.h
PHONE, TELEVISION = "192.168.77.50", "192.168.78.60"
PHONE_MAC = "02:11:22:33:44:50"
SETTINGS = '[presence]\nenabled = true\naway_after = "1m"'


@dataclass(frozen=True, slots=True)
class Machine:
    """A network namespace, kept by a process that does nothing else."""

    keeper: subprocess.Popen[bytes]

    def run(self, *command: str) -> None:
        subprocess.run(["nsenter", f"--net={self.path}", *command], check=True, capture_output=True)

    @property
    def path(self) -> str:
        return f"/proc/{self.keeper.pid}/ns/net"

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """This thread, and the processes it starts, are on that machine's network until the block ends."""
        with open("/proc/self/task/{}/ns/net".format(threading.get_native_id())) as before:  # noqa: UP032
            with open(self.path) as there:
                _enter(there.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def machine() -> Iterator[Machine]:
    keeper = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], stderr=subprocess.DEVNULL)
    try:
        made = Machine(keeper)
        own = os.readlink("/proc/self/ns/net")
        wait_for(lambda: keeper.poll() is not None or os.readlink(made.path) != own, 60, "a network namespace")
        if keeper.poll() is not None:
            pytest.skip("this user may make no network of its own")
        made.run("ip", "link", "set", "lo", "up")
        yield made
    finally:
        keeper.kill()
        keeper.wait()


def join(house: Machine, other: Machine, name: str, network: str, address: str, mac: str) -> None:
    """A cable between the house and another machine."""
    house.run("ip", "link", "add", name, "type", "veth", "peer", "name", "wlan0", "netns", str(other.keeper.pid))
    house.run("ip", "addr", "add", f"{network}.1/24", "dev", name)
    house.run("ip", "link", "set", name, "up")
    other.run("ip", "link", "set", "wlan0", "address", mac)
    other.run("ip", "addr", "add", f"{address}/24", "dev", "wlan0")
    other.run("ip", "link", "set", "wlan0", "up")


@dataclass(frozen=True, slots=True)
class Network:
    """The machine of the house, and two that are on its network."""

    house: Machine
    phone: Machine
    television: Machine


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with machine() as house, machine() as phone, machine() as television:
        join(house, phone, "to-phone", "192.168.77", PHONE, PHONE_MAC)
        join(house, television, "to-tv", "192.168.78", TELEVISION, "02:11:22:33:44:60")
        yield Network(house, phone, television)


@pytest.fixture(scope="module")
def house(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHouse]:
    folder = tmp_path_factory.mktemp("presence") / "house"
    with network.house.inside(), run_house(folder, {}, SETTINGS, listen="0.0.0.0") as house:
        yield house


class Browser:
    """Of another machine: a thread of its own that is on that machine's network."""

    def __init__(self, machine: Machine, base: str, root: Path) -> None:
        self._thread = ThreadPoolExecutor(1, initializer=lambda: _enter(os.open(machine.path, os.O_RDONLY)))
        context = ssl.create_default_context(cafile=str(root))
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=context),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
            urllib.request.ProxyHandler({}),
        )
        self._base = base

    def ask(self, path: str, body: dict[str, Any] | None = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, {"Content-Type": "application/json"})

        def open_it() -> bytes:
            with self._opener.open(request, timeout=PATIENCE_S) as answer:
                found: bytes = answer.read()
                return found

        return self._thread.submit(open_it).result()

    def close(self) -> None:
        self._thread.shutdown()


@contextlib.contextmanager
def kept_busy(work: Callable[[], object]) -> Iterator[None]:
    """``work`` every second, as a television that plays asks for the next piece; errors of a moment are its own."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(1.0):
            with contextlib.suppress(OSError):
                work()

    thread = threading.Thread(target=run, name="television")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def post(house: RunningHouse, path: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(house.base + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with house.opener.open(request, timeout=PATIENCE_S) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


def where(house: RunningHouse) -> dict[str, str]:
    found = json.loads(house.get("/api/v1/presence"))
    return {one["name"]: one["state"] for one in found["presence"]}


def mode(house: RunningHouse) -> str:
    return str(json.loads(house.get("/api/v1/arm"))["mode"])


def test_phone_comes_leaves_is_missed_and_disarms_nothing(network: Network, house: RunningHouse) -> None:
    port, root = house.base.rpartition(":")[2], house.folder / "secrets" / "certificates" / "root.crt"
    phone = Browser(network.phone, f"https://192.168.77.1:{port}", root)
    television = Browser(network.television, f"https://192.168.78.1:{port}", root)
    with contextlib.ExitStack() as stack:
        stack.callback(phone.close)
        stack.callback(television.close)
        assert television.ask("/healthz") == b"ok\n"
        stack.enter_context(kept_busy(lambda: television.ask("/healthz")))
        assert where(house) == {}
        code = post(house, "/api/v1/pairings", {"device": "Sam's phone"})["code"]
        phone.ask("/api/v1/pair", {"code": code})
        phone.ask("/api/v1/me")
        wait_for(lambda: where(house) == {"sam": "home"}, 60, "who opens the app is at home")
        wait_for(lambda: PHONE_MAC in house.get("/presence").decode(), 60, "by the address of its phone")
        assert house.events("arm_suggested") == []
        network.phone.run("ip", "link", "set", "wlan0", "down")
        left = time.monotonic()
        wait_for(lambda: where(house) == {"sam": "away"}, 180, "who does not answer for long has left")
        assert time.monotonic() - left > 30  # a phone that sleeps for a moment has not left
        wait_for(lambda: house.events("arm_suggested"), 60, "arming is suggested")
        wait_for(lambda: "Everyone seems out. Arm?" in house.get("/events").decode(), 60, "on the page, too")
        assert mode(house) == "disarmed"
        post(house, "/api/v1/arm", {"mode": "away", "override": True, "delay_s": 0})
        network.phone.run("ip", "link", "set", "wlan0", "up")
        phone.ask("/api/v1/me")
        wait_for(lambda: where(house) == {"sam": "home"}, 60, "who comes back is at home at once")
        assert mode(house) == "away"
        assert len(house.events("arm_suggested")) == 1
