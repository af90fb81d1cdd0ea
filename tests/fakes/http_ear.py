"""A web server of the tests' own that notes what it is asked, and answers as told: an ntfy server, a webhook."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.ports import free_port


class Asked(list[tuple[str, dict[str, str], bytes]]):
    """What a server was asked: path, headers, body. ``answer`` is what it says."""

    answer: tuple[int, dict[str, str]] = (200, {})
    kept: tuple[int, str] = (404, "")
    """What is answered to GET."""
    port = 0


@contextmanager
def http_server() -> Iterator[Asked]:
    asked = Asked()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(asked.answer[0])
            for name, value in {"Content-Length": "0", **asked.answer[1]}.items():
                self.send_header(name, value)
            self.end_headers()

        def do_GET(self) -> None:
            asked.append((self.path, {key.lower(): value for key, value in self.headers.items()}, b""))
            status, text = asked.kept
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 -- the library's name
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
    server.daemon_threads = True
    asked.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="asked")
    thread.start()
    try:
        yield asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
