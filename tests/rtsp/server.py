"""Starts the foreign RTSP server as a child and knows when its clips begin."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.ports import free_port

SYSTEM_PYTHON = "/usr/bin/python3"
_SERVER = Path(__file__).with_name("gst_server.py")


@dataclass(slots=True)
class GstServer:
    """A running server. ``started_mono_s`` holds, by mount, when its clip last began (CLOCK_MONOTONIC, seconds)."""

    process: subprocess.Popen[str]
    port: int = 0
    started_mono_s: dict[str, float] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def url(self, name: str, login: str = "") -> str:
        return f"rtsp://{login + '@' if login else ''}127.0.0.1:{self.port}/{name}"

    def wait_playing(self, name: str, timeout_s: float = 60.0) -> float:
        """When the clip of ``name`` last began. Raises TimeoutError if nobody has asked for it."""
        with self._changed:
            if not self._changed.wait_for(lambda: name in self.started_mono_s, timeout_s):
                raise TimeoutError(f"nobody plays {name}")
            return self.started_mono_s[name]

    def listen(self) -> None:
        """Reads the server's lines until it ends. Runs on a thread of its own."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            word, _, rest = line.strip().partition(" ")
            with self._changed:
                if word == "ready":
                    self.port = int(rest)
                elif word == "playing":
                    name, _, at = rest.rpartition(" ")
                    self.started_mono_s[name] = float(at)
                self._changed.notify_all()

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self.port != 0, timeout_s):
                raise TimeoutError("the RTSP server did not come up")


def missing_reason() -> str:
    """Why the server cannot run here, or an empty string."""
    if not shutil.which(SYSTEM_PYTHON):
        return f"{SYSTEM_PYTHON} is not there"
    check = "import gi; gi.require_version('GstRtspServer', '1.0')"
    done = subprocess.run([SYSTEM_PYTHON, "-c", check], capture_output=True, check=False)
    return "" if done.returncode == 0 else "Debian's gir1.2-gst-rtsp-server-1.0 is not installed"


@contextlib.contextmanager
def serve(mounts: dict[str, str], port: int = 0) -> Iterator[GstServer]:
    """Serve ``{name: "FILE[,user=U,password=P]"}`` on loopback until the block ends."""
    arguments = [
        SYSTEM_PYTHON,
        str(_SERVER),
        str(port or free_port()),
        *(f"{name}={what}" for name, what in mounts.items()),
    ]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    server = GstServer(process)
    thread = threading.Thread(target=server.listen, name="gst-server-lines", daemon=True)
    thread.start()
    try:
        server.wait_ready()
        yield server
    finally:
        process.kill()
        process.wait()
        thread.join(5)
        assert process.stdout is not None
        process.stdout.close()
