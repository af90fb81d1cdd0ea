"""The real command line and the real service as child processes, and what every answer of them must keep to."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import PATIENCE_S, ROOT, wait_until
from tests.fair_watch import FairWatch
from tests.ports import free_port
from vigilar.base.child import BEAT_S, HUNG
from vigilar.store.engine import Store
from vigilar.store.events import EventFilter, StoredEvent, list_events

SECRET = "hunter2"
"""The password of the tests here: it must never be seen in what a command prints, nor among its arguments."""


@dataclass(frozen=True, slots=True)
class Done:
    """A finished command: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def vigilar(folder: Path, *arguments: str, stdin: str = "", within_s: float = 90.0) -> Done:
    """Run ``vigilar ARGUMENTS`` on the data folder, nobody at the terminal. Fails for a traceback or the secret."""
    command = [sys.executable, "-W", "error", "-m", "vigilar", *arguments, "--data-dir", str(folder)]
    assert not any(SECRET in argument for argument in command), "whoever lists processes reads arguments"
    done = subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=within_s, check=False)
    for text in (done.stdout, done.stderr):
        check_text(text)
    return Done(done.returncode, done.stdout, done.stderr)


def check_text(text: str) -> None:
    """What people and logs may read: no traceback, no password, no address with a login in it."""
    assert "Traceback" not in text, text
    assert SECRET not in text, text
    assert "@127.0.0.1" not in text, f"an address with a login: {text}"


class Service:
    """``vigilar start`` on a data folder, its log in ``log`` beside it."""

    program: tuple[str, ...] = ("vigilar", "start", "--data-dir")

    def __init__(self, folder: Path, cameras: dict[str, str], more: str = "") -> None:
        """``cameras`` are names with addresses, ``more`` further lines of the settings."""
        self.folder, self.port = folder, free_port()
        self.log_file = folder.parent / f"{folder.name}.log"
        self.processes: list[subprocess.Popen[bytes]] = []
        self._watch = FairWatch()
        lines = ["[web]", f"port = {self.port}", 'listen = "127.0.0.1"', "[bus]", f"port = {free_port()}", more]
        for name, address in cameras.items():
            lines += ["[[camera]]", f'name = "{name}"', f'address = "{address}"']
        folder.mkdir(exist_ok=True)
        (folder / "vigilar.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    @property
    def pid(self) -> int:
        return self.processes[-1].pid

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Returns when its page answers."""
        with self.log_file.open("ab") as log:
            command = [sys.executable, "-m", *self.program, str(self.folder)]
            self.processes.append(
                subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=log, start_new_session=True)
            )
        wait_until(self.is_up, 150.0)

    def stop(self) -> None:
        """In order, as its owner does; fails when the end is not clean."""
        self.processes[-1].send_signal(signal.SIGTERM)
        assert self.processes[-1].wait(PATIENCE_S) == 0, self.log
        check_text(self.log)

    def kill(self) -> None:
        """As a power cut would, all at once: no process has time for anything."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.processes[-1].wait()

    def is_up(self) -> bool:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)) as connection:
            try:
                connection.request("GET", "/healthz")
                return connection.getresponse().status == 200
            except OSError:
                return False

    def programs(self) -> dict[str, int]:
        """Process ids by the names that processes give themselves, without "v:" (proc(5), comm)."""
        found = {}
        for one in psutil.Process(self.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # one that only read the settings ends meanwhile
                found[one.name().removeprefix("v:")] = one.pid
        return found

    def recordings(self, camera_id: str) -> list[Path]:
        """The files of a camera, oldest first."""
        return sorted(self.folder.glob(f"footage/{camera_id}/*/*.vge"))

    def recorded_bytes(self, camera_id: str) -> int:
        size = 0
        for path in self.recordings(camera_id):
            with contextlib.suppress(FileNotFoundError):  # retention may take the oldest meanwhile
                size += path.stat().st_size
        return size

    def events(self, kind: str) -> list[StoredEvent]:
        """From the database, newest first."""
        with contextlib.closing(Store.open(f"sqlite:///{self.folder}/vigilar.db")) as store:
            return list_events(store, EventFilter(type=kind))[0]

    def restarts(self) -> list[StoredEvent]:
        """Of processes that ended though they should not, newest first. One that got no processor for so long that it
        was taken for hung, on a machine that was as crowded, did not end by itself."""
        is_crowded = self._watch.crowded_s() > BEAT_S
        found = self.events("process_restarted")
        return [one for one in found if not (is_crowded and one.payload.get("reason") == HUNG)]


@contextlib.contextmanager
def service(folder: Path, cameras: dict[str, str], more: str = "") -> Iterator[Service]:
    """A service that is not started yet; whatever still runs at the end is killed."""
    made = Service(folder, cameras, more)
    try:
        yield made
    finally:
        for process in made.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
