"""One HTTP request, out of the house or in it: bounded in time and size, to checked addresses, following nothing.

The name is resolved once and the connection goes to an address that was checked, so that a name which means something
else a moment later (DNS rebinding) leads nowhere. Connections are kept for the next request to the same place.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from vigilar.base.errors import VigilarError
from vigilar.base.house_network import IpAddress, is_no_device, plain_address
from vigilar.base.outside import connect_by_gate, leaves_by_gate

TIMEOUT_S = 10.0
"""For each step of a request. A push service answers in 0.1 to 0.5 s."""

TOTAL_S = 30.0
"""For a whole request: a server that sends a byte now and then does not keep us."""

MAX_ANSWER_BYTES = 4096
"""Of an answer; only its beginning is read, for the log."""

IDLE_S = 30.0
"""A connection that was idle for longer is not used again: the other side may have closed it just now."""

MAX_RETRY_AFTER_S = 3600.0


class NotSentError(VigilarError):
    """The request did not get through; the sentence says why. ``was_reached``: there was a connection, so the request
    may have arrived all the same."""

    was_reached = False


class NoAnswerError(NotSentError):
    """There was a connection, and no answer that can be read."""

    was_reached = True


@dataclass(frozen=True, slots=True)
class Answer:
    """``retry_after_s`` 0 when nothing was said; ``text`` is the beginning of the body."""

    status: int
    retry_after_s: float
    text: str


Resolve = Callable[[str, int], list[tuple[int, tuple[Any, ...]]]]
"""(host, port) -> (family, address of ``socket``), in the order to try. Raises OSError."""


def look_up(host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found[:4]]


def is_public(address: IpAddress) -> bool:
    return address.is_global and not address.is_multicast


def is_usable(address: IpAddress) -> bool:
    """For a machine that the owner named: anywhere but where a cloud hands out keys, or no single machine is."""
    return not is_no_device(address)


@dataclass(slots=True)
class WebDoor:
    """One place (scheme, host, port) to ask. For one thread. ``allows`` judges each address that the name means."""

    host: str
    port: int
    is_tls: bool
    allows: Callable[[IpAddress], bool]
    ca_file: str = ""
    resolve: Resolve = look_up
    _kept: http.client.HTTPConnection | None = field(default=None, repr=False)
    _used_s: float = 0.0

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raises NotSentError. A kept connection that the other side had closed before we asked is opened anew."""
        if self._kept is not None and time.monotonic() - self._used_s < IDLE_S:
            try:
                return self._ask_on(self._kept, method, path, headers, body)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                pass  # closed while it was idle: nobody has read the request
            except (OSError, http.client.HTTPException) as error:
                self.close()
                raise NoAnswerError(_words(error)) from error
        self.close()
        try:
            self._kept = self._open()
        except OSError as error:
            raise NotSentError(_words(error)) from error
        try:
            return self._ask_on(self._kept, method, path, headers, body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoAnswerError(_words(error)) from error

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _open(self) -> http.client.HTTPConnection:
        try:
            places = self.resolve(self.host, self.port)
        except OSError:
            if not leaves_by_gate(()):
                raise
            places = []  # the program behind the gate may know the name
        if not all(self.allows(plain_address(address[0])) for _, address in places):
            raise NotSentError("Its name leads to an address that may not be asked.")
        if leaves_by_gate([str(address[0]) for _, address in places]):
            return self._speak(self._connect_by_gate())
        trouble: OSError = OSError("its name leads nowhere")
        for family, address in places:
            try:
                return self._connect(family, address)
            except OSError as error:
                trouble = error
        raise trouble

    def _connect(self, family: int, address: tuple[Any, ...]) -> http.client.HTTPConnection:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(TIMEOUT_S)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            sock.close()
            raise
        return self._speak(sock)

    def _connect_by_gate(self) -> socket.socket:
        try:
            return connect_by_gate(self.host, self.port, TIMEOUT_S)
        except VigilarError as refused:
            raise NotSentError(str(refused)) from refused

    def _speak(self, sock: socket.socket) -> http.client.HTTPConnection:
        try:
            if self.is_tls:
                sock = _context(self.ca_file).wrap_socket(sock, server_hostname=self.host)
        except BaseException:
            sock.close()
            raise
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT_S)
        connection.sock = sock
        return connection

    def _ask_on(
        self, connection: http.client.HTTPConnection, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        watch = threading.Timer(TOTAL_S, _hang_up, (connection.sock,))
        watch.start()
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            text = answer.read(MAX_ANSWER_BYTES)
        finally:
            watch.cancel()
        if not answer.isclosed() or answer.will_close:  # more than we read, or the last one
            self.close()
        self._used_s = time.monotonic()
        return Answer(answer.status, _retry_after(answer.headers.get("Retry-After")), text.decode("utf-8", "replace"))


def _hang_up(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


_contexts: dict[tuple[str, int], ssl.SSLContext] = {}


def _context(ca_file: str) -> ssl.SSLContext:
    """Verified by the system's authorities, and by ``ca_file`` too where one is given; read again when it changed. A
    context costs some 10 ms and 2 MB, so it is kept."""
    changed_ns = Path(ca_file).stat().st_mtime_ns if ca_file else 0
    found = _contexts.get((ca_file, changed_ns))
    if found is None:
        found = ssl.create_default_context()
        found.minimum_version = ssl.TLSVersion.TLSv1_2
        if ca_file:
            found.load_verify_locations(ca_file)
        _contexts[ca_file, changed_ns] = found
    return found


def _retry_after(value: str | None) -> float:
    """Seconds of a ``Retry-After`` (RFC 9110, 10.2.3): a number or a date; at most MAX_RETRY_AFTER_S."""
    if not value:
        return 0.0
    if value.strip().isascii() and value.strip().isdigit():
        return min(float(value.strip()), MAX_RETRY_AFTER_S)
    try:
        wait_s = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S)


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate is not trusted: {error.verify_message}."
    if isinstance(error, TimeoutError):
        return "It did not answer in time."
    if isinstance(error, socket.gaierror):
        return "Its name is not known: no internet, or a wrong name."
    if isinstance(error, OSError) and error.strerror:
        return f"It cannot be reached: {error.strerror}."
    return "It does not speak HTTP as it should."
