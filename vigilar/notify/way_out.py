"""The way out of the house: one connection to a host that is allowed, for who asks on the service manager's socket.

A program of its own (``python -m vigilar.notify.way_out``), started for each connection by ``vigilar-push.socket`` with
the connection as standard input, under a user that may read nothing of the house. Standard library only: it lives for
seconds and starts in some thirty milliseconds. Its other side is ``base/outside.py``.

Who asks sends one line, ``HOST PORT``, and gets ``ok`` and then the host's bytes, or ``refused`` or ``failed`` with a
sentence. It ends when one side has closed and the other has said all, or when nobody says anything for IDLE_S.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

HOSTS_FILE = Path("/etc/vigilar-push.hosts")
"""What the owner of the machine allows beside the services of the browsers' makers. Only root writes it: a program of
the house that was taken over can not let itself out."""

KNOWN_HOSTS = (
    "fcm.googleapis.com:443",
    "*.push.services.mozilla.com:443",
    "*.push.apple.com:443",
    "*.notify.windows.com:443",
)
"""The push services of Chrome, Firefox, Safari and Edge, as ``push.endpoints`` has them; a test keeps the two equal.
Not imported from there, which would load OpenSSL for each push."""

LINE_S = 5.0
CONNECT_S = 10.0
IDLE_S = 60.0
MAX_LINE_BYTES = 512
CHUNK_BYTES = 16 * 1024


def is_allowed(host: str, port: int, allowed: Iterable[str]) -> bool:
    """Whether a line of ``allowed`` names the host: ``name``, ``name:port`` (443 if none is said), or ``*.suffix``,
    which means every name below it and not the suffix itself. Case does not matter."""
    host = host.lower().rstrip(".")
    for line in allowed:
        pattern, _, wanted = line.strip().lower().partition(":")
        if (int(wanted) if wanted.isdigit() else 443) != port:
            continue
        if pattern == host or (pattern.startswith("*.") and host.endswith(pattern[1:]) and host != pattern[2:]):
            return True
    return False


def read_hosts(file: Path) -> tuple[str, ...]:
    """The lines of the owner's file, without comments; none when there is no file."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ()
    return tuple(bare for line in lines if (bare := line.partition("#")[0].strip()))


def serve(asking: socket.socket, hosts_file: Path = HOSTS_FILE) -> int:
    """Do what ``asking`` asks for; the exit code. 0 also for a refusal, which is no failure of ours."""
    asking.settimeout(LINE_S)
    try:
        host, port = _read_question(asking)
    except (OSError, ValueError):
        return _answer(asking, "failed the question was not understood")
    if not is_allowed(host, port, (*KNOWN_HOSTS, *read_hosts(hosts_file))):
        where = f"{host}:{port}"
        return _answer(
            asking,
            f"refused {where} is not among the hosts that this house may reach. "
            f"If it is to be, add a line to {hosts_file}, as root: {where}",
        )
    try:
        outside = socket.create_connection((host, port), CONNECT_S)
    except OSError as error:
        return _answer(asking, f"failed {host} does not answer: {error.strerror or error}")
    with outside:
        _answer(asking, "ok")
        with contextlib.suppress(OSError):  # either side may hang up at any moment
            _pass_on(asking, outside)
    return 0


def _read_question(asking: socket.socket) -> tuple[str, int]:
    """Raises ValueError, OSError."""
    line = b""
    while not line.endswith(b"\n"):
        if len(line) >= MAX_LINE_BYTES or not (byte := asking.recv(1)):
            raise ValueError(line)
        line += byte
    host, port = line.decode("ascii").split()
    if not 0 < int(port) < 1 << 16:
        raise ValueError(port)
    return host, int(port)


def _answer(asking: socket.socket, line: str) -> int:
    with contextlib.suppress(OSError):
        asking.sendall(f"{line}\n".encode())
    return 0


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Copy both ways until both have said all. One that takes nothing for IDLE_S ends it, as does silence."""
    for sock in (one, other):
        sock.settimeout(IDLE_S)
    to = {one: other, other: one}
    with selectors.DefaultSelector() as selector:
        for sock in to:
            selector.register(sock, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(IDLE_S)
            if not ready:
                return
            for key, _ in ready:
                source = one if key.fileobj is one else other
                if data := source.recv(CHUNK_BYTES):
                    to[source].sendall(data)
                else:
                    selector.unregister(source)
                    to[source].shutdown(socket.SHUT_WR)


def main() -> int:
    """Serve the connection that is our standard input."""
    with socket.socket(fileno=sys.stdin.fileno()) as asking:
        return serve(asking)


if __name__ == "__main__":
    sys.exit(main())
