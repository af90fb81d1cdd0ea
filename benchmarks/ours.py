"""Vigilar as it is started in a house, with the benchmark's cameras, and which of its processes do what."""

from __future__ import annotations

import compileall
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.measure import kind_of

_ROOT = Path(__file__).parent.parent
_START_S = 60.0
_RECORDING_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class House:
    """A running Vigilar. ``recorders()``: fork server and camera processes; ``everything()``: all, broker included."""

    supervisor: psutil.Process
    data_dir: Path

    def recorders(self) -> list[int]:
        for child in self.supervisor.children():
            if "forkserver" in " ".join(child.cmdline()):
                return [child.pid, *(p.pid for p in child.children() if kind_of(p) == "cameras")]
        raise AssertionError("there is no forkserver")

    def everything(self) -> list[int]:
        return [self.supervisor.pid, *(p.pid for p in self.supervisor.children(recursive=True))]


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextlib.contextmanager
def house(folder: Path, mains: list[str], subs: list[str], *, detect: bool) -> Iterator[House]:
    """Start Vigilar with these cameras in ``folder`` and wait until all of them record."""
    lay_house(folder, mains, subs, detect=detect)
    with started(folder) as process:
        _wait_recording(folder, len(mains), process)
        yield House(psutil.Process(process.pid), folder)


def lay_house(folder: Path, mains: list[str], subs: list[str], *, detect: bool) -> None:
    """The settings of a house with these cameras.

    Its bytecode is there, as from its second start on: a compiler leaves gaps in the memory it worked in.
    """
    folder.mkdir(parents=True)
    compileall.compile_dir(_ROOT / "vigilar", quiet=2)
    lines = ["[web]", f"port = {_free_port()}", 'listen = "127.0.0.1"', "[bus]", "port = 0"]
    lines += ["[detect]", f"enabled = {str(detect).lower()}"]
    for n, url in enumerate(mains):
        lines += ["[[camera]]", f'name = "Camera {n}"', f'address = "{url}"']
        if subs:
            lines.append(f'small = "{subs[n]}"')
    (folder / "vigilar.toml").write_text("\n".join(lines) + "\n", encoding="ascii")


@contextlib.contextmanager
def started(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The house in ``folder`` runs until the block ends; whether it records already is not looked at."""
    with (folder / "log").open("ab") as log:
        command = [sys.executable, "-m", "vigilar", "start", "--data-dir", str(folder)]
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=_environment())
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(_ROOT)}


def _wait_recording(folder: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        big = [p for p in folder.glob("footage/*/*/*.vge") if p.stat().st_size > _RECORDING_BYTES]
        if len({p.parent.parent for p in big}) == count:
            return
        assert process.poll() is None, f"vigilar ended early, see {folder / 'log'}"
        time.sleep(0.2)
    raise AssertionError(f"not all cameras record after {_START_S} s, see {folder / 'log'}")
