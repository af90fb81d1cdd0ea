"""Starts Vigilar as an owner does, in a folder of its own, with cameras of a foreign RTSP server."""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"


@dataclass(slots=True)
class RunningHouse:
    """A running Vigilar and its owner's session."""

    process: subprocess.Popen[bytes]
    folder: Path
    base: str
    opener: urllib.request.OpenerDirector
    log_file: Path

    def start(self) -> None:
        """Start it again in its folder, after it was stopped."""
        self.process = _launch(self.folder, self.log_file)

    def get(self, path: str) -> bytes:
        with self.opener.open(self.base + path, timeout=30) as answer:
            data: bytes = answer.read()
            return data

    def wait_for_page(self, within_s: float) -> None:
        """Until it answers. Who waits for a house that has ended, as for a port that another program took, is told at
        once, with its last words."""

        def answers_or_ended() -> bool:
            if self.process.poll() is not None:
                return True
            return bool(self.get("/healthz"))

        try:
            wait_for(answers_or_ended, within_s, "the page answers")
        except AssertionError as error:
            raise AssertionError(f"{error}; {self._last_words()}") from None
        if self.process.poll() is not None:
            raise AssertionError(f"ended with {self.process.returncode} before the page answered; {self._last_words()}")

    def _last_words(self) -> str:
        return "the log ends with\n" + "\n".join(self.log().splitlines()[-20:])

    def prove(self) -> None:
        """Show that it is the owner: its sign-in may be longer ago than settings that guard less take for proof."""
        body = json.dumps({"password": PASSWORD}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.base}/api/v1/me/prove", body, headers, method="POST")
        self.opener.open(request, timeout=10).close()

    def events(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.get(f"/api/v1/events?type={kind}&limit=100"))["events"]
        return found

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def broker(self) -> psutil.Process:
        return next(p for p in self.children() if p.name() == "mosquitto")

    def camera(self, camera_id: str) -> psutil.Process:
        """By the name a camera process gives itself (proc(5), comm: 15 bytes)."""
        return next(p for p in self.children() if p.name() == f"v:{camera_id}"[:15])

    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace")


def wait_for(claim: Callable[[], Any], within_s: float, what: str) -> Any:
    """The first true value of ``claim()``. Fails with ``what`` when there is none in time: a minute where the time is
    no claim, since others run beside. A house that is just killed may answer half a sentence."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, HTTPException, StopIteration, psutil.Error):
            if value := claim():
                return value
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s: {what}")


@contextlib.contextmanager
def run_house(
    folder: Path,
    cameras: dict[str, str | dict[str, str]],
    *more: str,
    log_file: Path | None = None,
    listen: str = "127.0.0.1",
    through: tuple[str, ...] = (),
    answers_within_s: float = 150.0,
) -> Iterator[RunningHouse]:
    """Vigilar with ``{name: address, or the camera's settings}`` until the block ends, its owner signed in.

    ``more`` are further lines of the configuration, whole tables. ``log_file`` is where the log goes if the folder is
    to be taken away. ``through`` is a command that runs the one after it.
    """
    log_file = log_file or folder / "log"
    port = free_port()
    lines = ["[web]", f"port = {port}", f'listen = "{listen}"', "[bus]", f"port = {free_port()}", *more]
    for name, given in cameras.items():
        settings = {"address": given} if isinstance(given, str) else given
        lines += ["[[camera]]", f'name = "{name}"', *(f'{key} = "{value}"' for key, value in settings.items())]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vigilar.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    house = RunningHouse(_launch(folder, log_file, through), folder, f"http://127.0.0.1:{port}", opener, log_file)
    with _stopping(house):
        house.wait_for_page(answers_within_s)
        body = json.dumps({"name": "sam", "password": PASSWORD}).encode()
        request = urllib.request.Request(
            house.base + "/api/v1/setup", body, {"Content-Type": "application/json"}, method="POST"
        )
        house.opener.open(request, timeout=10).close()
        yield house


@contextlib.contextmanager
def start_house(house: RunningHouse) -> Iterator[RunningHouse]:
    """Start a stopped house again, until the block ends."""
    with _stopping(house):
        house.start()
        yield house


@contextlib.contextmanager
def _stopping(house: RunningHouse) -> Iterator[None]:
    try:
        yield
    finally:
        house.process.send_signal(signal.SIGTERM)
        house.process.wait(20)


def _launch(folder: Path, log_file: Path, through: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    with log_file.open("ab") as log:
        command = [*through, sys.executable, "-m", "vigilar", "start", "--data-dir", str(folder)]
        return subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
