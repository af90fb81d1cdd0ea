"""Connecting to a host outside of the house, which the process itself may not reach.

The unit of the service lets nobody in it talk to the internet. A push goes through a socket of the service manager's,
behind which a program of its own (``notify/way_out.py``) connects to the hosts that are allowed, and to no other. It
passes bytes on; TLS is between us and the host, so it sees none of what is said.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from collections.abc import Collection, Mapping

from vigilar.base.errors import ErrorKind, VigilarError

VARIABLE = "VIGILAR_PUSH_SOCKET"
"""Set by the unit of the service; without it (a trial, a container) connections are made directly."""

MAX_LINE_BYTES = 512
CODE = "V-OUTSIDE"


def connect_outside(host: str, port: int, timeout_s: float, environ: Mapping[str, str] = os.environ) -> socket.socket:
    """A TCP connection to ``host``; who speaks TLS wraps it with ``server_hostname=host``.

    ``timeout_s`` is that of each step, and of the socket given back.

    What lies in the house (no address that the internet knows) is connected to directly, as the unit allows. Blocks;
    any thread. Raises VigilarError (V-OUTSIDE, PERMANENT) for a host that is not allowed, OSError (TimeoutError among
    them) when it does not answer.
    """
    try:
        found = [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except OSError:
        found = []
    if leaves_by_gate(found, environ):
        return connect_by_gate(host, port, timeout_s, environ)
    return socket.create_connection((host, port), timeout_s)


def leaves_by_gate(addresses: Collection[str], environ: Mapping[str, str] = os.environ) -> bool:
    """Whether what has these addresses is reached through the gate: there is one, and an address is outside of the
    house, or nobody here knows the name."""
    if not environ.get(VARIABLE):
        return False
    plain = [ipaddress.ip_address(address.partition("%")[0]) for address in addresses]
    return not plain or any(one.is_global for one in plain)


def connect_by_gate(host: str, port: int, timeout_s: float, environ: Mapping[str, str] = os.environ) -> socket.socket:
    """As ``connect_outside``, for a host that ``leaves_by_gate``: the program behind the gate looks its name up."""
    with contextlib.ExitStack() as failing:
        connection = failing.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC))
        connection.settimeout(timeout_s)
        connection.connect(environ[VARIABLE])
        connection.sendall(f"{host} {port}\n".encode("ascii" if host.isascii() else "idna"))
        _read_answer(connection)
        failing.pop_all()
    return connection


def _read_answer(connection: socket.socket) -> None:
    """``ok``, or why not. Read byte by byte: what follows the line belongs to the host."""
    line = b""
    while not line.endswith(b"\n") and len(line) < MAX_LINE_BYTES:
        if not (byte := connection.recv(1)):
            raise ConnectionError("the way out of the house was closed")
        line += byte
    word, _, sentence = line.decode("utf-8", "replace").strip().partition(" ")
    if word == "refused":
        raise VigilarError(sentence, kind=ErrorKind.PERMANENT, code=CODE)
    if word != "ok":
        raise ConnectionError(sentence or "the way out of the house did not answer")
