"""The page of a house whose drive is away or hangs: one sentence at every address, and nothing else.

usage: python -m vigilar.processes.drive_page

A program of its own, of the standard library alone: neither settings, keys nor database can be read without the drive.
Standard input is its line from the supervisor: ``{"listen", "port", "sentence", "next_step"}`` first, later lines
change the sentence; its end ends the program. Nobody can sign in or set anything up here; ``/healthz`` answers 200, as
the service does run.
"""

from __future__ import annotations

import html
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from vigilar.base.folder_look import CODE
from vigilar.base.logs import start_logging
from vigilar.base.page_headers import SECURITY_HEADERS

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 32
"""Served at a time; what comes beyond waits to be accepted."""

QUIET_S = 10
"""A browser that says nothing for this long is cut off."""

MAX_BODY_BYTES = 64 * 1024
LISTEN_RETRY_S = 1.0
RETRY_AFTER_S = "5"

STYLE = b"""body{font:1.1rem/1.5 system-ui,sans-serif;max-width:38rem;margin:12vh auto;padding:0 1rem;color:#1b1f24}
h1{font-size:1.5rem}@media(prefers-color-scheme:dark){body{background:#111418;color:#e6e8ea}}
"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="5"><title>Vigilar</title><link rel="stylesheet" href="/drive.css"></head>
<body><main><h1>{sentence}</h1><p>{next_step}</p></main></body></html>
"""


class DrivePage(ThreadingHTTPServer):
    """Listens at once. OSError when the port is taken or the address is not ours."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, listen: str, port: int, words: dict[str, str]) -> None:
        self.address_family = socket.AF_INET6 if ":" in listen else socket.AF_INET
        self.words = words
        self._slots = threading.Semaphore(MAX_CONNECTIONS)
        super().__init__((listen, port), _Handler)

    def server_bind(self) -> None:
        """Without the base class' look-up of our own name, which may wait for a name server."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._slots.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    server: DrivePage
    timeout = QUIET_S
    server_version = "Vigilar"
    sys_version = ""

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "")
        if length.isdigit():  # unread, it would make the kernel reset the connection before the answer is read
            self.rfile.read(min(int(length), MAX_BODY_BYTES))
        if self.path == "/healthz" and self.command in ("GET", "HEAD"):
            self._send(200, "text/plain", b"ok\n")
        elif self.path == "/drive.css" and self.command in ("GET", "HEAD"):
            self._send(200, "text/css", STYLE)
        elif "text/html" in self.headers.get("Accept", "") and not self.path.startswith("/api/"):
            words = {key: html.escape(text) for key, text in self.server.words.items()}
            self._send(503, "text/html; charset=utf-8", _PAGE.format(**words).encode())
        else:
            words = self.server.words
            detail = f"{words['sentence']} {words['next_step']}"
            problem = {"type": CODE, "title": words["sentence"], "status": 503, "detail": detail}
            self._send(503, "application/problem+json", json.dumps(problem).encode())

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815 -- the base's names

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        headers = {**SECURITY_HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}
        headers |= {"Cache-Control": "no-store", "Connection": "close"}
        headers |= {"Retry-After": RETRY_AFTER_S} if status != 200 else {}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base's name
        """Who looked at what is nobody's business."""


def _listen(asked: dict[str, Any]) -> DrivePage:
    """The server, as soon as the port is free: an earlier process of the house may still hold it."""
    words = _words(asked)
    while True:
        try:
            return DrivePage(str(asked["listen"]), int(asked["port"]), words)
        except OSError as error:
            logger.warning("the page cannot be served on port %s yet: %s", asked["port"], error.strerror)
        time.sleep(LISTEN_RETRY_S)


def _words(line: dict[str, Any]) -> dict[str, str]:
    return {"sentence": str(line["sentence"]), "next_step": str(line["next_step"])}


def _follow(change: Callable[[dict[str, str]], None]) -> None:
    """Take new words from the supervisor; its end is ours, however many requests are open."""
    for line in sys.stdin:
        change(_words(json.loads(line)))
    os._exit(0)


def main() -> None:
    start_logging("web")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C reaches us too, but the supervisor decides
    first = sys.stdin.readline()
    if not first:
        return
    asked = json.loads(first)
    server = _listen(asked)
    threading.Thread(target=_follow, args=(server.words.update,), name="supervisor", daemon=True).start()
    server.serve_forever(poll_interval=60.0)


if __name__ == "__main__":
    main()
