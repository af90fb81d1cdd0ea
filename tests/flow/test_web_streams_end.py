"""An open event stream and an open MJPEG picture end when who asked may not have them any more: the web process as it
runs, real connections, and the command line as the other process that changes a member. The seconds are printed."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from tests.conftest import wait_until
from tests.feed_kit import served_feed
from tests.flow.command_line import vigilar
from tests.flow.test_web_process import WebProcess
from tests.ports import free_port
from tests.recording_kit import make_clip
from vigilar.base.folder_id import make_folder_id
from vigilar.config.jobs import WebJob
from vigilar.config.places import Places
from vigilar.processes.entry import enter
from vigilar.processes.plan import make_jobs
from vigilar.processes.planner import PlanTask
from vigilar.processes.upgrade import prepare_start
from vigilar.store.engine import Store
from vigilar.store.users import find_user

WITHIN_S = 2.0
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
    """A served house with an owner and the live pictures of two cameras."""

    folder: Path
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

    def change(self, name: str, *args: str) -> float:
        """Run ``vigilar user`` in the background; when the row of that member was another, in monotonic seconds."""
        with contextlib.closing(Store.open(self.web.job.database_url)) as store, ThreadPoolExecutor(1) as side:
            before = find_user(store, name)
            command = side.submit(self.user, *args)
            wait_until(lambda: find_user(store, name) != before, 40.0)
            changed = time.monotonic()
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
        with socket.create_connection(("127.0.0.1", self.web.job.port), timeout=10.0) as opened:
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
        connection = http.client.HTTPConnection("127.0.0.1", self.web.job.port, timeout=5.0)
        with contextlib.closing(connection):
            connection.request("POST", path, body, {"Content-Type": "application/json", "Cookie": cookie})
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers["Set-Cookie"]


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who may see both cameras, signed in."""

    name: str
    cookie: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("house")
    places = Places(folder / "vigilar.toml", folder, folder / "secrets")
    places.run_dir.mkdir()
    places.config_file.write_text(SETTINGS.format(port=free_port()), encoding="utf-8")
    make_folder_id(places.data_dir)
    prepare_start(places)
    job = make_jobs(PlanTask(places, bus_port=free_port(), is_start=True)).processes["web"].job
    assert isinstance(job, WebJob)
    clip = make_clip(tmp_path_factory.mktemp("clips"), fps=10, gop=10, size=(320, 180))
    with contextlib.ExitStack() as running:
        for camera_id in ("garden", "shed"):
            running.enter_context(served_feed(places.run_dir, camera_id, clip))
        web = WebProcess(job, enter)
        running.callback(web.finish)
        wait_until(web.is_up, 40.0)
        made = Site(folder, web)
        made.sign_in("sam", "/api/v1/setup")
        yield made


@pytest.fixture
def guest(site: Site) -> Guest:
    name, limit = f"guest {next(site.guests)}", ("--camera", "garden", "--camera", "shed")
    site.user("add", name, "--role", "guest", *limit, "--password-file", "-", stdin=f"{PASSWORD}\n")
    return Guest(name, site.sign_in(name))


EVENTS = ("/events/stream", b"event: health")
GARDEN = ("/live/garden/mjpeg", b"X-Timestamp")
SHED = ("/live/shed/mjpeg", b"X-Timestamp")


def seconds_to_the_end(stream: socket.socket, began: float) -> float:
    """What still comes is read; fails when the answer has no end."""
    while time.monotonic() < began + 30.0:
        if not stream.recv(65536):
            return time.monotonic() - began
    raise AssertionError("the answer goes on")


def is_going_on(stream: socket.socket, seconds: float) -> bool:
    """Whether pictures still come after so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not stream.recv(65536):
            return False
    return True


def judge(capsys: pytest.CaptureFixture[str], what: str, took_s: float, within_s: float = WITHIN_S) -> None:
    with capsys.disabled():
        print(f"\n{what}: ends after {took_s:.2f} s", end="")  # noqa: T201 -- the figure of the test
    assert took_s < within_s


@pytest.mark.parametrize(("name", "wanted"), [("event stream", EVENTS), ("MJPEG", GARDEN)])
def test_stream_ends_with_sign_out(
    site: Site, guest: Guest, capsys: pytest.CaptureFixture[str], name: str, wanted: tuple[str, bytes]
) -> None:
    other = site.sign_in(guest.name)
    with site.stream(wanted[0], guest.cookie, wanted[1]) as ends, site.stream(GARDEN[0], other, GARDEN[1]) as stays:
        began = time.monotonic()
        site.sign_out(guest.cookie)
        judge(capsys, f"{name} after the sign-out", seconds_to_the_end(ends, began))
        assert is_going_on(stays, 1.5), "another session of the same member is not signed out"


def test_streams_end_when_their_member_is_removed(site: Site, guest: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    with (
        site.stream(EVENTS[0], guest.cookie, EVENTS[1]) as events,
        site.stream(GARDEN[0], guest.cookie, GARDEN[1]) as picture,
    ):
        began = site.change(guest.name, "remove", guest.name, "--yes")
        judge(capsys, "event stream after vigilar user remove", seconds_to_the_end(events, began))
        judge(capsys, "MJPEG after vigilar user remove", seconds_to_the_end(picture, began))


def test_picture_ends_when_its_camera_leaves_the_limit(
    site: Site, guest: Guest, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        site.stream(EVENTS[0], guest.cookie, EVENTS[1]) as events,
        site.stream(SHED[0], guest.cookie, SHED[1]) as shed,
        site.stream(GARDEN[0], guest.cookie, GARDEN[1]) as garden,
    ):
        began = site.change(guest.name, "limit", guest.name, "--camera", "garden")
        judge(capsys, "event stream after vigilar user limit", seconds_to_the_end(events, began))
        judge(capsys, "MJPEG of the camera after vigilar user limit", seconds_to_the_end(shed, began))
        assert is_going_on(garden, 1.5), "a camera within the limit is shown on"
