"""The web process as it runs: gunicorn's worker, the real app and a real line to a supervisor; no broker is there."""

from __future__ import annotations

import gc
import http.client
import json
import multiprocessing
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE_S, wait_until
from tests.fair_watch import FairWatch
from tests.ports import free_port
from vigilar.base.child import Launched
from vigilar.base.folder_id import make_folder_id
from vigilar.base.launch import launch_process
from vigilar.config.jobs import WebJob
from vigilar.config.places import Places
from vigilar.processes import web
from vigilar.processes.entry import ProcessStart, enter
from vigilar.processes.kinds import KINDS, kind_of
from vigilar.processes.plan import make_jobs
from vigilar.processes.planner import PlanTask
from vigilar.processes.upgrade import prepare_start


def run_with_few_threads(start: ProcessStart, sock: socket.socket) -> None:
    """With buffers so small that a stalled reader is noticed by the first picture, not by the first film."""
    create_sockets = vars(web)["create_sockets"]

    def with_small_buffers(*args: Any) -> Any:
        listeners = create_sockets(*args)
        for listener in listeners:
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return listeners

    vars(web).update(create_sockets=with_small_buffers, THREADS=3, STALLED_MS=8_000)
    enter(start, sock)


def run_stopped_while_made(start: ProcessStart, sock: socket.socket) -> None:
    """It gets SIGTERM while gunicorn already takes signals and the app is not there yet."""
    create_app = vars(web)["create_app"]

    def stopped(job: WebJob) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return create_app(job)

    vars(web).update(create_app=stopped)
    enter(start, sock)


def run_telling_what_is_collected(start: ProcessStart, sock: socket.socket) -> None:
    """``/objects`` answers with how many objects a full collection looks at."""
    create_app = vars(web)["create_app"]

    def telling(job: WebJob) -> Any:
        app = create_app(job)
        inner = app.wsgi_app

        def ask(environ: dict[str, Any], begin: Callable[..., Any]) -> Any:
            if environ["PATH_INFO"] != "/objects":
                return inner(environ, begin)
            begin("200 OK", [])
            return [str(len(gc.get_objects())).encode()]

        app.wsgi_app = ask
        return app

    vars(web).update(create_app=telling)
    enter(start, sock)


class WebProcess:
    """A running web process and the supervisor's end of its line."""

    def __init__(self, job: WebJob, target: Callable[[ProcessStart, socket.socket], None]) -> None:
        self.job = job
        self.process: Launched = launch_process(
            multiprocessing.get_context("spawn"), target, ProcessStart("web", kind_of("web", KINDS), job)
        )
        self.beats: list[dict[str, Any]] = []
        self.code: int | None = None

    def is_up(self) -> bool:
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            return False

    def get(self, path: str, timeout_s: float = 5.0) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.job.port, timeout=timeout_s)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def connect(self, request: str = "") -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", self.job.port))
        sock.sendall(request.encode())
        return sock

    def take_beats(self) -> int:
        assert self.process.line
        self.beats += [m["beat"] for m in self.process.line.receive() or [] if "beat" in m]
        return len(self.beats)

    def exit_code(self) -> int:
        readable, _, _ = select.select([self.process.exit_fd], [], [], PATIENCE_S)
        assert readable, f"still runs after {PATIENCE_S} s"
        self.code = self.process.reap()
        return self.code

    def finish(self) -> None:
        if self.code is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.reap()
        self.process.close()


@pytest.fixture
def job(tmp_path: Path) -> WebJob:
    places = Places(tmp_path / "vigilar.toml", tmp_path, tmp_path / "secrets", may_lack_config=True)
    places.run_dir.mkdir()
    make_folder_id(tmp_path)
    prepare_start(places)
    jobs = make_jobs(PlanTask(places, bus_port=free_port(), is_start=True))
    job = jobs.processes["web"].job
    assert isinstance(job, WebJob)
    return replace(job, listen="127.0.0.1", port=free_port(), has_door=False)


@pytest.fixture
def served(job: WebJob) -> Iterator[WebProcess]:
    running = WebProcess(job, enter)
    try:
        wait_until(running.is_up, 40.0)
        yield running
    finally:
        running.finish()


def sign_in(served: WebProcess) -> str:
    """The session cookie of the owner, who is made by it."""
    connection = http.client.HTTPConnection("127.0.0.1", served.job.port, timeout=PATIENCE_S)
    body = json.dumps({"name": "owner", "password": "a long enough password"})
    origin = f"http://127.0.0.1:{served.job.port}"
    headers = {"Content-Type": "application/json", "Origin": origin, "Sec-Fetch-Site": "same-origin"}
    connection.request("POST", "/api/v1/setup", body, headers)
    answer = connection.getresponse()
    assert answer.status in (200, 201), answer.read()
    answer.read()
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    connection.close()
    return cookie


def test_main_loop_sends_heartbeats(served: WebProcess) -> None:
    wait_until(lambda: served.take_beats() >= 2, 5.0)
    assert served.beats[0].keys() == {"connections"}


def test_stop_ends_open_event_stream_in_time(served: WebProcess) -> None:
    cookie = sign_in(served)
    host = f"127.0.0.1:{served.job.port}"
    with served.connect(f"GET /events/stream HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n") as stream:
        stream.settimeout(PATIENCE_S)
        heard = b""
        while b"event: connected" not in heard:
            heard += stream.recv(4096)
        watch = FairWatch()
        assert served.process.line
        served.process.line.send_stop()
        assert served.exit_code() == 0
        assert watch.elapsed_s() < 2.5


def test_sigterm_stops_although_a_reader_stalls(served: WebProcess) -> None:
    with served.connect(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{served.job.port}\r\n"):  # never finished
        watch = FairWatch()
        served.process.send_signal(signal.SIGTERM)
        assert served.exit_code() == 0
        assert watch.elapsed_s() < 3.0


def test_stop_while_the_app_is_made_is_an_ordered_stop(job: WebJob) -> None:
    stopped = WebProcess(job, run_stopped_while_made)
    try:
        assert stopped.exit_code() == 0
    finally:
        stopped.finish()


def test_readers_that_keep_their_end_open_hold_up_nobody(served: WebProcess) -> None:
    request = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{served.job.port}\r\nConnection: close\r\n\r\n"
    readers = [served.connect(request) for _ in range(8)]
    for reader in readers:
        while reader.recv(4096):
            pass
    watch = FairWatch()
    assert served.is_up()
    assert watch.elapsed_s() < 1.5
    for reader in readers:
        reader.close()


def test_much_that_comes_along_gets_a_page_or_a_sentence(served: WebProcess) -> None:
    """Cookies of other programs on this machine come along: a browser that has many is still let in."""
    many, too_many, page = "Cookie: other=" + "x" * 20_000, "Cookie: other=" + "x" * 28_000, "Accept: text/html"
    for asked, heads, status, said in (
        ("GET /live", (many, page), "302", "location: /setup"),
        ("GET /api/v1/me", ("Cookie: vigilar_session=" + "x" * 10_000,), "401", '"setup.needed"'),
        ("GET /live", (too_many, page), "431", "delete the cookies of this address"),
        ("GET /live", ("Bad Name: x",), "400", "vigilar could not read what the browser sent."),
        ("GET /live?" + "x" * 9000, (page,), "414", "this address is too long for vigilar."),
        (
            "POST /login",
            ("Content-Length: 5", "Transfer-Encoding: chunked"),
            "400",
            "vigilar could not read what the browser sent.",
        ),
        (
            "POST /login",
            ("Content-Length: 5", "Content-Length: 6"),
            "400",
            "vigilar could not read what the browser sent.",
        ),
        ("TRACE /live", (), "401", '"setup.needed"'),
    ):
        lines = (f"{asked} HTTP/1.1", f"Host: 127.0.0.1:{served.job.port}", "Connection: close", *heads)
        with served.connect("\r\n".join(lines) + "\r\n\r\n") as connection:
            connection.settimeout(PATIENCE_S)
            heard = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        first, _, rest = heard.partition("\r\n")
        assert first.split(" ")[1] == status
        assert said in rest.lower()
        assert "content-security-policy" in rest.lower()


def test_end_of_supervisor_ends_web_process(served: WebProcess) -> None:
    assert served.process.line
    served.process.line._sock.shutdown(socket.SHUT_RDWR)  # what the kernel does when its last owner is gone
    assert served.exit_code() == 0


def test_taken_port_ends_with_busy(job: WebJob, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", job.port)):
        running = WebProcess(job, enter)
        try:
            assert running.exit_code() == 75
        finally:
            running.finish()
    errors = capfd.readouterr().err
    assert f"port {job.port}, wanted for the page, is taken by another program" in errors
    assert "Traceback" not in errors


def test_collector_leaves_alone_what_was_imported(job: WebJob) -> None:
    """A full collection stops every thread for as long as it looks: 100,000 objects take a tenth of a second."""
    running = WebProcess(job, run_telling_what_is_collected)
    try:
        wait_until(running.is_up, 40.0)
        assert int(running.get("/objects")[1]) < 20_000
    finally:
        running.finish()


def test_stalled_readers_lose_their_threads(job: WebJob) -> None:
    running = WebProcess(job, run_with_few_threads)
    try:
        wait_until(running.is_up, 40.0)
        static = "/static/any/vendor/bootstrap.min.css"
        assert len(running.get(static)[1]) > 100_000
        request = f"GET {static} HTTP/1.1\r\nHost: 127.0.0.1:{job.port}\r\n\r\n"
        readers = [running.connect(request) for _ in range(3)]
        time.sleep(0.5)
        with pytest.raises(OSError, match="timed out"):
            running.get("/healthz", timeout_s=0.3)
        wait_until(running.is_up, 14.0)
        for reader in readers:
            reader.close()
    finally:
        running.finish()
