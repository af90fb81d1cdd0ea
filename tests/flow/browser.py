"""A signed-in person without script, over the wire: what a test needs to ask of a running house."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

from tests.conftest import PATIENCE_S
from tests.flow.command_line import Service

LOGIN = {"name": "sam", "password": "correct horse"}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str
    cookie: str


class Browser:
    """Connections are not kept: a house that restarts must not matter."""

    def __init__(self, house: Service) -> None:
        self.house = house
        self.cookie = ""

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.house.port, timeout=PATIENCE_S)
        headers = {"Cookie": self.cookie, "Accept": "application/json" if path.startswith("/api/") else "text/html"}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        connection.close()
        return Answer(answer.status, text, (answer.headers["Set-Cookie"] or "").split(";")[0])

    def sign_in(self, path: str = "/api/v1/login") -> int:
        self.cookie = ""
        answer = self.ask("POST", path, LOGIN)
        self.cookie = answer.cookie
        return answer.status

    def json(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.text
        return json.loads(answer.text)

    def page(self, path: str) -> tuple[int, str]:
        answer = self.ask("GET", path)
        return answer.status, answer.text

    def first_problem(self) -> str:
        problems = self.json("/api/v1/system")["problems"]
        return str(problems[0]) if problems else ""


class OpenPage:
    """An event stream as an open page holds it; ``heard`` are the cameras of its health notices, with the time."""

    def __init__(self, browser: Browser) -> None:
        self.heard: list[tuple[float, dict[str, Any]]] = []
        self._connection = http.client.HTTPConnection("127.0.0.1", browser.house.port, timeout=30.0)
        self._connection.request("GET", "/events/stream", headers={"Cookie": browser.cookie})
        self._sock = self._connection.sock
        self._stream = self._connection.getresponse()
        self._thread = threading.Thread(target=self._read, name="open page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._stream.close()
        self._connection.close()
        self._sock.close()

    def _read(self) -> None:
        name = ""
        with contextlib.suppress(OSError, http.client.HTTPException):  # the end of it, by us or by the house
            while line := self._stream.readline().decode():
                if line.startswith("event: "):
                    name = line[7:].strip()
                elif line.startswith("data: ") and name == "health":
                    self.heard += [(time.monotonic(), one) for one in json.loads(line[6:])["cameras"]]
