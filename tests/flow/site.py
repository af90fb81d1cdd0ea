"""The web process as it runs, with an owner, for tests that open answers without an end and serve the feeds."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from tests.conftest import PATIENCE_S, wait_until
from tests.fair_watch import FairWatch
from tests.flow.command_line import vigilar
from tests.flow.test_web_process import WebProcess
from tests.ports import free_port
from vigilar.base.folder_id import make_folder_id
from vigilar.config.jobs import WebJob
from vigilar.config.places import Places
from vigilar.processes.entry import enter
from vigilar.processes.plan import make_jobs
from vigilar.processes.planner import PlanTask
from vigilar.processes.upgrade import prepare_start
from vigilar.store.engine import Store
from vigilar.store.users import find_user

PASSWORD = "a long enough password"
SETTINGS = """
[web]
port = {port}
listen = "127.0.0.1"
[[camera]]
name = "Garden"
address = "demo:garden"
[[camera]]
name = "Shed"
address = "demo:street"
"""


@dataclass(slots=True)
class Site:
    """A served house with an owner and two cameras, ``garden`` and ``shed``."""

    folder: Path
    run_dir: Path
    web: WebProcess
    guests: Iterator[int] = field(default_factory=lambda: count(1))

    def sign_in(self, name: str, path: str = "/api/v1/login") -> str:
        """The cookie of a new session."""
        status, cookie = self._post(path, json.dumps({"name": name, "password": PASSWORD}))
        assert status in (200, 201)
        assert cookie is not None
        return cookie.split(";")[0]

    def sign_out(self, cookie: str) -> None:
        assert self._post("/api/v1/logout", "", cookie)[0] == 204

    def change(self, name: str, *args: str) -> FairWatch:
        """Run ``vigilar user`` in the background; a watch that began when the row of that member was another."""
        with contextlib.closing(Store.open(self.web.job.database_url)) as store, ThreadPoolExecutor(1) as side:
            before = find_user(store, name)
            command = side.submit(self.user, *args)
            wait_until(lambda: find_user(store, name) != before, 40.0)
            changed = FairWatch()
            command.result()
        return changed

    def user(self, *args: str, stdin: str = "") -> None:
        """Run ``vigilar user``."""
        done = vigilar(self.folder, "user", *args, stdin=stdin)
        assert done.code == 0, done.err

    @contextlib.contextmanager
    def stream(self, path: str, cookie: str, until: bytes) -> Iterator[socket.socket]:
        """An answer without an end, open and read as far as ``until``."""
        host = f"127.0.0.1:{self.web.job.port}"
        with socket.create_connection(("127.0.0.1", self.web.job.port), timeout=PATIENCE_S) as opened:
            opened.sendall(
                f"GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode()
            )
            heard = b""
            while until not in heard:
                piece = opened.recv(65536)
                assert piece, heard
                heard += piece
            yield opened

    def _post(self, path: str, body: str, cookie: str = "") -> tuple[int, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", self.web.job.port, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            connection.request("POST", path, body, {"Content-Type": "application/json", "Cookie": cookie})
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers["Set-Cookie"]


@contextlib.contextmanager
def open_site(folder: Path) -> Iterator[Site]:
    places = Places(folder / "vigilar.toml", folder, folder / "secrets")
    places.run_dir.mkdir()
    places.config_file.write_text(SETTINGS.format(port=free_port()), encoding="utf-8")
    make_folder_id(places.data_dir)
    prepare_start(places)
    job = make_jobs(PlanTask(places, bus_port=free_port(), is_start=True)).processes["web"].job
    assert isinstance(job, WebJob)
    job = replace(job, has_door=False)
    web = WebProcess(job, enter)
    try:
        wait_until(web.is_up, 40.0)
        made = Site(folder, places.run_dir, web)
        made.sign_in("sam", "/api/v1/setup")
        yield made
    finally:
        web.finish()
