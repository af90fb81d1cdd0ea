"""How the house is, for a command on the same machine: a Unix socket that says it once and closes.

Needs no disk, no database and no broker: what is asked for when one of them fails. Only the user of the service can
reach it, as the folder is that user's alone (0700).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

NAME = "status.sock"
ASK_TIMEOUT_S = 3.0
MAX_BYTES = 1 << 20
"""A camera takes about 1 KB of it."""


class StatusServer:
    """The supervisor's end. ``answer`` when ``fileno`` is readable; it never waits for who asks. One thread."""

    def __init__(self, run_dir: Path, make_status: Callable[[], dict[str, Any]]) -> None:
        """Raises OSError when the socket cannot be made."""
        self._make_status = make_status
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            with _address(run_dir) as path:
                with contextlib.suppress(FileNotFoundError):
                    (run_dir / NAME).unlink()
                self._sock.bind(path)
            self._sock.listen(8)
        except BaseException:
            self._sock.close()
            raise

    def fileno(self) -> int:
        return self._sock.fileno()

    def answer(self) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._sock.accept()
            with client:
                text = json.dumps(self._make_status()).encode()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, len(text) + 4096)
                client.setblocking(False)
                client.sendall(text)

    def close(self) -> None:
        self._sock.close()


def ask_status(run_dir: Path) -> dict[str, Any] | None:
    """What the supervisor of this folder says now; None when none answers."""
    with contextlib.suppress(OSError, ValueError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(ASK_TIMEOUT_S)
        with _address(run_dir) as path:
            sock.connect(path)
        text = b""
        while len(text) < MAX_BYTES and (more := sock.recv(1 << 16)):
            text += more
        found = json.loads(text)
        return found if isinstance(found, dict) else None
    return None


@contextlib.contextmanager
def _address(run_dir: Path) -> Iterator[str]:
    """At most 108 bytes, the limit of unix(7), however deep ``run_dir`` lies."""
    folder = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{NAME}"
    finally:
        os.close(folder)
