"""A client for NUT's network protocol: the variables of one UPS, read and nothing else.

Written here because the library that NUT ships spins for ever when ``upsd`` closes the connection, and the others are
dead or asynchronous (``docs/design/dependencies.md``); the part a reader needs is five words. Source: the protocol's
description in NUT's ``docs/net-protocol.txt``, and RFC 9271. Standard library only: the supervisor has it in memory.

What comes over the line is not trusted: lines, variables and time are bounded.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from vigilar.base.errors import ErrorKind, ExitCode, VigilarError

PORT = 3493
MAX_LINE_BYTES = 4096
MAX_VARIABLES = 512
TIMEOUT_S = 2.0
"""For connecting and signing in, and for each reading, all of it. ``upsd`` answers from memory, within a millisecond
on the same machine."""


class UpsError(VigilarError):
    """The UPS cannot be read; the message says why, for a person."""

    exit_code = ExitCode.NOT_RUNNING


@dataclass(frozen=True, slots=True)
class UpsAddress:
    """Which UPS is read where. ``name`` is its section of ``ups.conf``; ``user`` is empty where reading needs none."""

    name: str
    host: str = "127.0.0.1"
    port: int = PORT
    user: str = ""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        port = "" if self.port == PORT else f":{self.port}"
        return f"{self.name}@{self.host}{port}"


class UpsClient:
    """One connection, to be closed. One thread. Raises UpsError, after which it is of no use any more."""

    def __init__(self, address: UpsAddress, timeout_s: float = TIMEOUT_S) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._buffer = b""
        deadline = time.monotonic() + timeout_s
        try:
            self._socket = socket.create_connection((address.host, address.port), timeout_s)
        except OSError as error:
            raise UpsError(
                f"nothing answers as NUT server at {address.host} port {address.port}: {error.strerror or error}",
                kind=ErrorKind.TRANSIENT,
                next_step="Look whether nut-server runs there: systemctl status nut-server",
            ) from error
        try:
            self._sign_in(deadline)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def read(self) -> dict[str, str]:
        """All variables of the UPS by name, as NUT's ``docs/nut-names.txt`` lists them."""
        deadline = time.monotonic() + self._timeout_s
        name = self._address.name
        self._send(f"LIST VAR {name}", deadline)
        if self._line(deadline) != f"BEGIN LIST VAR {name}":
            raise self._odd()
        found: dict[str, str] = {}
        for _ in range(MAX_VARIABLES):
            line = self._line(deadline)
            if line == f"END LIST VAR {name}":
                return found
            parts = line.split(" ", 3)
            if parts[:2] != ["VAR", name] or len(parts) != 4:
                break
            found[parts[2]] = _unquote(parts[3])
        raise self._odd()

    def _sign_in(self, deadline: float) -> None:
        if self._address.user:
            for what in (f"USERNAME {self._address.user}", f"PASSWORD {self._address.password}"):
                self._ask_ok(what, deadline)
            self._ask_ok(f"LOGIN {self._address.name}", deadline)

    def _ask_ok(self, question: str, deadline: float) -> None:
        self._send(question, deadline)
        if not self._line(deadline).startswith("OK"):
            raise self._odd()

    def _send(self, line: str, deadline: float) -> None:
        self._wait_until(deadline)
        try:
            self._socket.sendall(line.encode() + b"\n")
        except OSError as error:
            raise self._gone() from error

    def _wait_until(self, deadline: float) -> None:
        """Let the next wait of the socket end at ``deadline``: a server that says a little at a time gets no more time
        than one that says nothing."""
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise self._gone()
        self._socket.settimeout(left_s)

    def _line(self, deadline: float) -> str:
        """The next line; raises UpsError for ``ERR`` too."""
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAX_LINE_BYTES:
                raise self._odd()
            self._wait_until(deadline)
            try:
                data = self._socket.recv(MAX_LINE_BYTES)
            except OSError as error:
                raise self._gone() from error
            if not data:
                raise self._gone()
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        if len(line) > MAX_LINE_BYTES:
            raise self._odd()
        text = line.decode("utf-8", "replace").rstrip("\r")
        if text.startswith("ERR"):
            raise self._refusal(text.removeprefix("ERR").strip().partition(" ")[0])
        return text

    def _gone(self) -> UpsError:
        return UpsError(f"the NUT server at {self._address.host} stopped answering", kind=ErrorKind.TRANSIENT)

    def _odd(self) -> UpsError:
        return UpsError(
            f"what answers at {self._address.host} port {self._address.port} does not speak as a NUT server",
            next_step="Look at [ups] name in the settings: it is UPS@HOST, with :PORT where NUT listens elsewhere.",
        )

    def _refusal(self, code: str) -> UpsError:
        name, host = self._address.name, self._address.host
        if code == "UNKNOWN-UPS":
            return UpsError(
                f'the NUT server at {host} knows no UPS called "{name}"',
                next_step=f"See what it knows: upsc -l {host}",
            )
        if code in ("ACCESS-DENIED", "INVALID-USERNAME", "INVALID-PASSWORD", "USERNAME-REQUIRED", "PASSWORD-REQUIRED"):
            return UpsError(
                f"the NUT server at {host} rejected the login",
                kind=ErrorKind.DENIED,
                next_step="Compare [ups] user and its password with upsd.users there.",
            )
        if code in ("DATA-STALE", "DRIVER-NOT-CONNECTED"):
            return UpsError(
                f'NUT hears nothing from the UPS "{name}"',
                kind=ErrorKind.TRANSIENT,
                next_step="Look at its cable, and at its driver: systemctl status 'nut-driver@*'",
            )
        shown = code[:40] if code.replace("-", "").isalnum() else "an answer that is none"
        return UpsError(f"the NUT server at {host} refused: {shown}")


def _unquote(value: str) -> str:
    return value.strip().removeprefix('"').removesuffix('"').replace('\\"', '"').replace("\\\\", "\\")
