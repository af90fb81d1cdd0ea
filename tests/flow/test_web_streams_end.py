"""An open event stream and an open MJPEG picture end when who asked may not have them any more: the web process as it
runs, real connections, and the command line as the other process that changes a member. The seconds are printed."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.conftest import PATIENCE_S
from tests.fair_watch import FairWatch
from tests.feed_kit import served_feed
from tests.flow.site import PASSWORD, Site, open_site
from tests.recording_kit import make_clip

WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who may see both cameras, signed in."""

    name: str
    cookie: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    clip = make_clip(tmp_path_factory.mktemp("clips"), fps=10, gop=10, size=(320, 180))
    with open_site(tmp_path_factory.mktemp("house")) as opened, contextlib.ExitStack() as feeds:
        for camera_id in ("garden", "shed"):
            feeds.enter_context(served_feed(opened.run_dir, camera_id, clip))
        yield opened


@pytest.fixture
def guest(site: Site) -> Guest:
    name, limit = f"guest {next(site.guests)}", ("--camera", "garden", "--camera", "shed")
    site.user("add", name, "--role", "guest", *limit, "--password-file", "-", stdin=f"{PASSWORD}\n")
    return Guest(name, site.sign_in(name))


EVENTS = ("/events/stream", b"event: health")
GARDEN = ("/live/garden/mjpeg", b"X-Timestamp")
SHED = ("/live/shed/mjpeg", b"X-Timestamp")


def seconds_to_the_end(stream: socket.socket, watch: FairWatch) -> float:
    """What still comes is read; fails when the answer has no end."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if not stream.recv(65536):
            return watch.elapsed_s()
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
        watch = FairWatch()
        site.sign_out(guest.cookie)
        judge(capsys, f"{name} after the sign-out", seconds_to_the_end(ends, watch))
        assert is_going_on(stays, 1.5), "another session of the same member is not signed out"


def test_streams_end_when_their_member_is_removed(site: Site, guest: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    with (
        site.stream(EVENTS[0], guest.cookie, EVENTS[1]) as events,
        site.stream(GARDEN[0], guest.cookie, GARDEN[1]) as picture,
    ):
        watch = site.change(guest.name, "remove", guest.name, "--yes")
        judge(capsys, "event stream after vigilar user remove", seconds_to_the_end(events, watch))
        judge(capsys, "MJPEG after vigilar user remove", seconds_to_the_end(picture, watch))


def test_picture_ends_when_its_camera_leaves_the_limit(
    site: Site, guest: Guest, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        site.stream(EVENTS[0], guest.cookie, EVENTS[1]) as events,
        site.stream(SHED[0], guest.cookie, SHED[1]) as shed,
        site.stream(GARDEN[0], guest.cookie, GARDEN[1]) as garden,
    ):
        watch = site.change(guest.name, "limit", guest.name, "--camera", "garden")
        judge(capsys, "event stream after vigilar user limit", seconds_to_the_end(events, watch))
        judge(capsys, "MJPEG of the camera after vigilar user limit", seconds_to_the_end(shed, watch))
        assert is_going_on(garden, 1.5), "a camera within the limit is shown on"
