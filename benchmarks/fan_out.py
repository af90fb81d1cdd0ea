"""P13: what it costs to give live pictures to many viewers at once, against ``websockets.broadcast``.

Both sides send 20 frames of 25 KB a second to 32 WebSockets. Ours are two cameras with 16 viewers each, in a house that
records and detects, less what the same house takes without viewers. The peer has no camera at all: one process hands
the same bytes to 32 connections. The viewers are one process outside of both groups, which reads and forgets.

    python -m benchmarks.fan_out serve     the peer (needs the package websockets)
    python -m benchmarks.fan_out view      the viewers: URLs and headers as JSON on standard input
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VIEWERS, CAMERAS = 32, 2
FRAME_BYTES, FPS = 25_000, 20
SETTLE_S = 3.0
DEBIAN_PYTHON = "/usr/bin/python3"
_ROOT = Path(__file__).parent.parent


def serve() -> None:
    """The peer: prints its port, then sends until it is ended. Imports no more than it needs, as it may run in another
    Python than ours."""
    import asyncio

    sockets: Any = importlib.import_module("websockets")
    frame = os.urandom(FRAME_BYTES)
    clients: set[Any] = set()

    async def hold(client: Any) -> None:
        clients.add(client)
        try:
            await client.wait_closed()
        finally:
            clients.discard(client)

    async def run() -> None:
        async with sockets.serve(hold, "127.0.0.1", 0, compression=None) as server:
            sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
            sys.stdout.flush()
            while True:
                await asyncio.sleep(1 / FPS)
                sockets.broadcast(clients, frame)

    asyncio.run(run())


def view(wanted: list[dict[str, str]]) -> None:
    """Open each ``{"host", "path", "cookie"}`` and read; each second the moment, how many bytes came in all,
    and on how many."""
    selector = selectors.DefaultSelector()
    for one in wanted:
        host, _, port = one["host"].partition(":")
        sock = socket.create_connection((host, int(port)))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {one['path']} HTTP/1.1", f"Host: {one['host']}", "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", f"Origin: http://{one['host']}",
        ]  # fmt: skip
        if one["cookie"]:
            lines.append(f"Cookie: {one['cookie']}")
        sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ)
    total, alive, told_s = 0, len(wanted), time.monotonic()
    while True:
        for ready, _ in selector.select(0.2):
            found = ready.fileobj
            assert isinstance(found, socket.socket)
            with contextlib.suppress(BlockingIOError):
                data = found.recv(1 << 18)
                total += len(data)
                if not data:
                    selector.unregister(found)
                    alive -= 1
        if time.monotonic() - told_s >= 1.0:
            told_s = time.monotonic()
            sys.stdout.write(f"{told_s} {total} {alive}\n")
            sys.stdout.flush()


@contextlib.contextmanager
def viewers(wanted: list[dict[str, str]]) -> Iterator[subprocess.Popen[str]]:
    """The viewers in a process of their own."""
    command = [sys.executable, "-m", "benchmarks.fan_out", "view"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    process.stdin.write(json.dumps(wanted))
    process.stdin.close()
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def check_rate(process: subprocess.Popen[str], seconds: float) -> float:
    """Bytes a second to all viewers over the newest ``seconds``. All must still be there."""
    assert process.stdout
    lines: list[list[float]] = []
    while not lines or lines[-1][0] < time.monotonic() - 1.0 or lines[-1][0] - lines[0][0] < seconds:
        lines.append([float(word) for word in process.stdout.readline().split()])
    newest = lines[-1]
    oldest = next(line for line in reversed(lines) if newest[0] - line[0] >= seconds)
    assert newest[2] == VIEWERS, f"only {newest[2]:.0f} of {VIEWERS} viewers are left"
    return (newest[1] - oldest[1]) / (newest[0] - oldest[0])


def peer_python(given: str | None) -> str | None:
    """The Python under which the peer runs: the ``given`` one, else ours, else Debian's. None where it has not what the
    peer needs."""
    for python in [given] if given else [sys.executable, DEBIAN_PYTHON]:
        with contextlib.suppress(OSError):
            if not subprocess.run([python, "-c", "import websockets"], capture_output=True, check=False).returncode:
                return python
    return None


@contextlib.contextmanager
def peer(python: str) -> Iterator[tuple[int, int]]:
    """(pid, port) of the peer under that Python."""
    process = subprocess.Popen(
        [python, "-m", "benchmarks.fan_out", "serve"], stdout=subprocess.PIPE, text=True, cwd=_ROOT
    )
    try:
        assert process.stdout
        yield process.pid, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        view(json.load(sys.stdin))
