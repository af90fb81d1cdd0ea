"""NUT's own server with its own dummy driver on a port of loopback: what it says is a file that tests replace.

The wrappers in /sbin refuse to run while /etc/nut says MODE=none, so the programs themselves are called.
"""

from __future__ import annotations

import getpass
import os
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.conftest import wait_until
from tests.ports import free_port
from vigilar.power.nut import UpsAddress, UpsClient, UpsError

DRIVER, SERVER = Path("/lib/nut/dummy-ups"), Path("/lib/nut/upsd")
DEBIAN_SERVER = Path("/usr/sbin/upsd")

USER, PASSWORD = "monitor", "hunter2"


class Nut:
    """Runs until the block ends. ``say`` changes what the UPS is; the driver notices within two seconds."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._written_s = 0
        folder.mkdir(mode=0o750)
        self._put(
            "ups.conf", f"[ups]\n driver = dummy-ups\n port = {folder}/ups.dev\n mode = dummy-once\n pollinterval = 1\n"
        )
        self._put("upsd.conf", f"LISTEN 127.0.0.1 {self.port}\nSTATEPATH {folder}\nMAXAGE 15\n")
        self._put("upsd.users", f"[{USER}]\n password = {PASSWORD}\n upsmon secondary\n")
        self.say("OL", 100, 2400)
        self._environment = {**os.environ, "NUT_CONFPATH": str(folder), "NUT_STATEPATH": str(folder)}
        self._driver: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._driver = self._run(DRIVER, "-a", "ups")
        self._server = self._run(SERVER)
        wait_until(lambda: self.status() not in ("", "WAIT"), 15.0)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        for one in (self._server, self._driver):
            if one is not None and one.poll() is None:
                one.kill()
                one.wait()

    @property
    def address(self) -> UpsAddress:
        return UpsAddress("ups", "localhost", self.port)

    def say(self, status: str, charge: int, runtime_s: int) -> None:
        # The driver tells the server one after the other: whoever reads a status has the charge that goes with it.
        lines = {
            "ups.mfr": "Test",
            "ups.model": "Dummy 1000",
            "ups.load": 23,
            "battery.charge": charge,
            "battery.runtime": runtime_s,
            "input.voltage": 230.0,
            "ups.status": status,
        }
        self._put("new", "".join(f"{name}: {value}\n" for name, value in lines.items()))
        # The driver reads a file anew whose time is another, and looks at whole seconds.
        self._written_s = max(self._written_s + 1, int(time.time()))
        os.utime(self._folder / "new", (self._written_s, self._written_s))
        (self._folder / "new").replace(self._folder / "ups.dev")

    def status(self) -> str:
        """``ups.status`` as the server tells it now; empty when it tells none."""
        try:
            with UpsClient(self.address) as client:
                return client.read().get("ups.status", "")
        except UpsError:
            return ""

    def end_driver(self) -> None:
        """As when its cable is pulled: the server goes on, and has nothing to tell after a while."""
        assert self._driver is not None
        self._driver.kill()
        self._driver.wait()

    def end_server(self) -> None:
        assert self._server is not None
        self._server.kill()
        self._server.wait()

    def _put(self, name: str, text: str) -> None:
        path = self._folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o640)

    def _run(self, program: Path, *arguments: str) -> subprocess.Popen[bytes]:
        command = [str(program), *arguments, "-u", getpass.getuser(), "-F"]
        return subprocess.Popen(
            command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
