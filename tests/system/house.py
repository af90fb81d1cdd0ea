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
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import PATIENCE_S
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"
GRANTED_S = 150.0
"""What a test waits at the least: with ten others beside, a house needs a minute to begin."""


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
        try:
            with self.opener.open(self.base + path, timeout=PATIENCE_S) as answer:
                data: bytes = answer.read()
                return data
        except urllib.error.HTTPError as error:
            error.add_note(path)
            raise

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
        self.opener.open(request, timeout=PATIENCE_S).close()

    def events(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.get(f"/api/v1/events?type={kind}&limit=100"))["events"]
        return found

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def programs(self, name: str) -> list[psutil.Process]:
        """Those that go by that name (proc(5), comm: 15 bytes). Others, which only read the settings or look at a file,
        end while one looks."""
        found = []
        for one in self.children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if one.name() == name[:15]:
                    found.append(one)
        return found

    def program(self, name: str) -> psutil.Process:
        """The one of that name. Raises StopIteration while there is none."""
        return next(iter(self.programs(name)))

    def broker(self) -> psutil.Process:
        return self.program("mosquitto")

    def camera(self, camera_id: str) -> psutil.Process:
        return self.program(f"v:{camera_id}")

    def stop(self) -> None:
        """In order, as its owner does; fails when the end is not clean."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_S) == 0, self._last_words()

    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace")


def wait_for(claim: Callable[[], Any], within_s: float, what: str) -> Any:
    """The first true value of ``claim()``. Fails with ``what`` when there is none in time. ``within_s`` is what that
    needs; GRANTED_S is granted always, so a promise about time is not judged by it, but by ``tests/fair_watch.py``.
    A house that is just killed may answer half a sentence."""
    within_s = max(within_s, GRANTED_S)
    deadline = time.monotonic() + within_s
    last = ""
    while time.monotonic() < deadline:
        try:
            if value := claim():
                return value
            last = ""
        except (OSError, HTTPException, StopIteration, psutil.Error) as error:
            last = f" (at last {error!r})"
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s: {what}{last}")


def zone_in_which_it_is(hour: int) -> str:
    """The name of a zone whose clock shows that hour now: at noon no day ends while a test runs. The signs of these
    names are the other way round."""
    shift = (hour - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-shift:+d}" if shift else "Etc/GMT"


@contextlib.contextmanager
def run_house(
    folder: Path,
    cameras: dict[str, str | dict[str, str]],
    *more: str,
    log_file: Path | None = None,
    listen: str = "127.0.0.1",
    through: tuple[str, ...] = (),
    answers_within_s: float = GRANTED_S,
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
        house.opener.open(request, timeout=PATIENCE_S).close()
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
        try:
            house.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            for one in house.children():  # nothing of it may run beside the next test
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            house.process.kill()
            raise


def _launch(folder: Path, log_file: Path, through: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    with log_file.open("ab") as log:
        command = [*through, sys.executable, "-m", "vigilar", "start", "--data-dir", str(folder)]
        return subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
