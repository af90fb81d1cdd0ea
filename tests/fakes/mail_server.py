"""A mail server of the tests' own: the few words of SMTP (RFC 5321) that a sender says, with STARTTLS and a login."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fakes.push_service import make_certificate


class MailServer:
    """``mails`` are what was taken. ``refuses`` answers instead of 250 to the mail, ``is_tls`` from the first byte;
    ``greets`` is said first, ``parts`` to QUIT."""

    def __init__(self, folder: Path, port: int, *, is_tls: bool = False) -> None:
        self.ca_file, self.port = folder / "mail-ca.pem", port
        self.mails: list[str] = []
        self.logins: list[bytes] = []
        self.refuses = ""
        self.greets, self.parts = "220 mail.test", "221 bye"
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(make_certificate(folder, self.ca_file))
        self.is_tls = is_tls
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                Dialogue(outer, self.connection).run()

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="mail-server")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Dialogue:
    def __init__(self, server: MailServer, connection: Any) -> None:
        self._server = server
        self._is_secure = server.is_tls
        self._socket = server.context.wrap_socket(connection, server_side=True) if server.is_tls else connection
        self._file = self._socket.makefile("rb")

    def run(self) -> None:
        with self._file:
            self._say(self._server.greets)
            while line := self._file.readline():
                word = line.split()[0].upper() if line.split() else b""
                if word == b"QUIT":
                    self._say(self._server.parts)
                    break
                self._answer(word, line)
        if self._is_secure:
            self._socket.close()

    def _answer(self, word: bytes, line: bytes) -> None:
        if word == b"EHLO":
            offers = ["AUTH PLAIN"] if self._is_secure else ["STARTTLS"]
            self._say("\r\n".join(["250-mail.test", *(f"250 {one}" for one in offers)]))
        elif word == b"STARTTLS":
            self._say("220 go on")
            self._file.close()
            self._socket = self._server.context.wrap_socket(self._socket, server_side=True)
            self._file, self._is_secure = self._socket.makefile("rb"), True
        elif word == b"AUTH":
            self._server.logins.append(base64.b64decode(line.split()[2]))
            self._say("235 welcome")
        elif word == b"DATA":
            self._say("354 go on")
            self._take()
        else:
            self._say("250 yes")

    def _take(self) -> None:
        lines = []
        while (line := self._file.readline()) not in (b".\r\n", b""):
            lines.append(line)
        if self._server.refuses:
            self._say(self._server.refuses)
            return
        self._server.mails.append(b"".join(lines).decode())
        self._say("250 taken")

    def _say(self, text: str) -> None:
        self._socket.sendall(f"{text}\r\n".encode())


@contextmanager
def mail_server(folder: Path, port: int, *, is_tls: bool = False) -> Iterator[MailServer]:
    server = MailServer(folder, port, is_tls=is_tls)
    server.start()
    try:
        yield server
    finally:
        server.close()
