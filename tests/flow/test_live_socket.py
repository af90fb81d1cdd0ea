"""Live pictures over a WebSocket: the web process as it runs, a real client, and a real feed behind it."""

from __future__ import annotations

import contextlib
import json
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from simple_websocket import ConnectionClosed

from tests.conftest import PATIENCE_S, wait_until
from tests.fair_watch import FairWatch
from tests.feed_kit import served_feed
from tests.flow.site import Site, open_site
from tests.pace import slowness
from tests.recording_kit import Clip, make_clip, read_clip
from tests.socket_client import Client
from vigilar.media.encode import ClipWriter

WITHIN_S = 2.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), fps=10, gop=10, size=(320, 180), has_sound=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, clip: Clip) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("house")) as opened, contextlib.ExitStack() as feeds:
        for camera_id in ("garden", "shed"):
            feeds.enter_context(served_feed(opened.run_dir, camera_id, clip))
        yield opened


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """About 8 Mbit/s: pictures of which nothing can be foretold."""
    path, rng = tmp_path_factory.mktemp("noise") / "noise.mp4", np.random.default_rng(1)
    with ClipWriter(path, 480, 270, 10, 10) as writer:
        for _ in range(20):
            writer.write(rng.integers(0, 255, (270, 480, 3), np.uint8))
    return read_clip(path)


@pytest.fixture(scope="module")
def cookie(site: Site) -> str:
    return site.sign_in("sam")


@contextlib.contextmanager
def watching(site: Site, cookie: str, query: str = "", camera: str = "garden") -> Iterator[Client]:
    url = f"ws://127.0.0.1:{site.web.job.port}/live/{camera}/ws{query}"
    client = Client(url, headers={"Cookie": cookie}, receive_bytes=65536)
    try:
        yield client
    finally:
        with contextlib.suppress(ConnectionClosed, OSError):
            client.close()


@dataclass(slots=True)
class Unhurried:
    """A client that reads when it is told to, with a small buffer of its own."""

    sock: socket.socket

    def messages(self, seconds: float) -> list[str | bytes]:
        """The whole messages that come in ``seconds`` (RFC 6455, 5.2: a server's frames are not masked)."""
        found: list[str | bytes] = []
        stream = self.sock.makefile("rb")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            kind, size = stream.read(2)
            if size > 125:
                size = int.from_bytes(stream.read(2 if size == 126 else 8), "big")
            data = stream.read(size)
            found.append(data.decode() if kind & 15 == 1 else data)
        return found

    def is_over(self, within_s: float) -> bool:
        """What lies in the buffers is read; whether the end follows."""
        self.sock.settimeout(within_s)
        try:
            while self.sock.recv(65536):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True


@contextlib.contextmanager
def unhurried(site: Site, cookie: str, path: str) -> Iterator[Unhurried]:
    with contextlib.closing(socket.socket()) as sock:
        assert shake_hands(sock, site, path, Cookie=cookie) == 101
        yield Unhurried(sock)


def refusal(site: Site, **headers: str) -> int:
    with contextlib.closing(socket.socket()) as sock:
        return shake_hands(sock, site, "/live/garden/ws", **headers)


def shake_hands(sock: socket.socket, site: Site, path: str, **headers: str) -> int:
    """Ask for a WebSocket (RFC 6455, 4.1); the status of the answer."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    sock.settimeout(PATIENCE_S)
    sock.connect(("127.0.0.1", site.web.job.port))
    head = {
        "Host": f"127.0.0.1:{site.web.job.port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    sock.sendall(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += sock.recv(1)
    return int(answer.split()[1])


def taken(client: Client, seconds: float, pictures: int = 0) -> tuple[list[dict[str, Any]], list[bytes]]:
    """What comes in ``seconds``, and until so many ``pictures`` have come: texts parsed, and bytes."""
    texts: list[dict[str, Any]] = []
    pieces: list[bytes] = []
    began = time.monotonic()
    while (left_s := began + seconds - time.monotonic()) > 0 or len(pieces) < pictures:
        assert time.monotonic() < began + PATIENCE_S, len(pieces)
        message = client.receive(timeout=max(left_s, 0.1))
        if isinstance(message, bytes | bytearray):
            pieces.append(bytes(message))
        elif message is not None:
            texts.append(json.loads(message))
    return texts, pieces


def streams_of(path: Path) -> dict[str, int]:
    """Frames of each kind in an MP4, as ffprobe reads it without a word of complaint."""
    entries = ["-count_frames", "-show_entries", "stream=codec_type,nb_read_frames", "-of", "json"]
    done = subprocess.run(["ffprobe", "-v", "error", *entries, str(path)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return {one["codec_type"]: int(one["nb_read_frames"]) for one in json.loads(done.stdout)["streams"]}


def test_first_picture_with_sound_comes_at_once(
    site: Site, cookie: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    watch = FairWatch()
    with watching(site, cookie) as client:
        start = json.loads(client.receive(timeout=PATIENCE_S))
        init = client.receive(timeout=PATIENCE_S)
        first = client.receive(timeout=PATIENCE_S)
        while isinstance(first, str):
            first = client.receive(timeout=PATIENCE_S)
        took_s = watch.elapsed_s()
        texts, pieces = taken(client, 3.0, pictures=31)
    with capsys.disabled():
        print(f"\nfirst keyframe after {took_s * 1000:.0f} ms", end="")  # noqa: T201 -- the figure of the test
    assert start["type"] == "start"
    assert start["codec"].startswith("avc1.")
    assert start["codec"].endswith("mp4a.40.2")
    assert (start["width"], start["height"], start["stream"]) == (320, 180, "main")
    assert took_s < 0.5 * slowness()
    whole = tmp_path / "seen.mp4"
    whole.write_bytes(b"".join([init, first, *pieces]))
    found = streams_of(whole)
    assert found["video"] >= 30
    assert found["audio"] >= 40
    times = [one for one in texts if one["type"] == "time"]
    assert len(times) >= 2
    assert all(0 <= one["now"] - one["utc"] < 4000 for one in times), "of now; on a busy machine a little later"


def test_sound_is_left_out_when_not_wanted(site: Site, cookie: str, tmp_path: Path) -> None:
    with watching(site, cookie, "?sound=0") as client:
        texts, pieces = taken(client, 1.0, pictures=6)
    assert "mp4a" not in texts[0]["codec"]
    (tmp_path / "seen.mp4").write_bytes(b"".join(pieces))
    assert set(streams_of(tmp_path / "seen.mp4")) == {"video"}


def test_narrow_stream_is_the_small_one_where_there_is_one(site: Site, cookie: str) -> None:
    with watching(site, cookie, "?stream=narrow") as client:
        assert json.loads(client.receive(timeout=PATIENCE_S))["stream"] == "sub"


def test_slow_viewer_is_told_and_goes_on_at_a_keyframe(site: Site, cookie: str, noise: Clip) -> None:
    """A browser that reads nothing for a while, of a camera that sends more than the buffers on the way hold."""
    with served_feed(site.run_dir, "shed", noise), unhurried(site, cookie, "/live/shed/ws?sound=0") as slow:
        time.sleep(5.0)
        heard = slow.messages(4.0)
    texts = [json.loads(one) for one in heard if isinstance(one, str)]
    skipped = [one for one in texts if one["type"] == "skipped"]
    assert skipped
    assert skipped[0]["packets"] > 5
    late = [one["now"] - one["utc"] for one in texts if one["type"] == "time"]
    assert late[-1] < 4000, "it was away for five seconds"


def test_other_viewers_do_not_wait_for_a_slow_one(site: Site, cookie: str) -> None:
    with unhurried(site, cookie, "/live/garden/ws"), watching(site, cookie) as quick:
        taken(quick, 0.0, pictures=31)


def asked() -> int:
    """How many streams of the garden its camera's process, which is this one, is asked for."""
    return sum(one.name == "viewer garden" for one in threading.enumerate())


def test_camera_is_asked_once_whatever_the_number_of_viewers(site: Site, cookie: str) -> None:
    """The camera's process has one thread for all who watch one stream; each begins with a keyframe at once."""
    wait_until(lambda: asked() == 0, 5.0)
    took_s = []
    with contextlib.ExitStack() as watched:
        for _ in range(20):
            client = watched.enter_context(watching(site, cookie, "?sound=0"))
            watch = FairWatch()
            kinds = [client.receive(timeout=PATIENCE_S) for _ in range(4)]
            assert [type(one) for one in kinds] == [str, bytes, str, bytes]
            took_s.append(watch.elapsed_s())
        assert asked() == 1
        watched.enter_context(watching(site, cookie, "?sound=1")).receive(timeout=PATIENCE_S)
        assert asked() == 2
    wait_until(lambda: asked() == 0, 5.0)
    assert statistics.median(took_s) < 0.5 * slowness(), "what it takes; one of them, what the machine does besides"


def test_who_sends_nonsense_is_let_go(site: Site, cookie: str) -> None:
    with unhurried(site, cookie, "/live/garden/ws") as rude:
        rude.sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert rude.is_over(PATIENCE_S)


def test_handshake_that_is_none_is_refused(site: Site, cookie: str) -> None:
    assert refusal(site, Cookie=cookie, Sec_WebSocket_Key="short") == 400
    assert refusal(site, Cookie=cookie, Sec_WebSocket_Version="8") == 426


def test_absent_camera_is_named(site: Site, cookie: str) -> None:
    """The socket of its process is away."""
    wait_until(lambda: asked() == 0, 5.0)  # who watched before may still be let go of, and would be joined
    door = site.run_dir / "camera-garden.sock"
    with contextlib.ExitStack() as back:
        back.callback(door.with_suffix(".away").rename, door)
        door.rename(door.with_suffix(".away"))
        client = back.enter_context(watching(site, cookie, "?stream=sub"))
        said = json.loads(client.receive(timeout=PATIENCE_S))
    assert said["error"] == "This camera's program does not answer; it may be starting."


def test_picture_ends_with_sign_out(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    mine = site.sign_in("sam")
    with watching(site, mine) as client:
        client.receive(timeout=PATIENCE_S)
        watch = FairWatch()
        site.sign_out(mine)
        with pytest.raises(ConnectionClosed):
            taken(client, PATIENCE_S)
        took_s = watch.elapsed_s()
    with capsys.disabled():
        print(f"\nWebSocket after the sign-out: ends after {took_s:.2f} s", end="")  # noqa: T201 -- the figure
    assert took_s < WITHIN_S


def test_picture_that_is_not_read_ends_with_sign_out_too(site: Site, noise: Clip) -> None:
    mine = site.sign_in("sam")
    with served_feed(site.run_dir, "shed", noise), unhurried(site, mine, "/live/shed/ws") as slow:
        time.sleep(3.0)  # by now all buffers on the way are full
        site.sign_out(mine)
        time.sleep(WITHIN_S)
        assert slow.is_over(PATIENCE_S)
    assert refusal(site, Cookie=mine) == 401


def test_foreign_page_cannot_open_it(site: Site, cookie: str) -> None:
    assert refusal(site, Cookie=cookie, Origin="http://somebody.example") == 403
    assert refusal(site, Cookie=cookie, Sec_Fetch_Site="cross-site") == 403
    assert refusal(site, Cookie=cookie, Origin=f"http://127.0.0.1:{site.web.job.port}") == 101


def test_hidden_camera_answers_as_one_that_is_not_there(site: Site, cookie: str) -> None:
    said = []
    for camera in ("nowhere", "hidden"):
        with watching(site, cookie, camera=camera) as client:
            said.append(json.loads(client.receive(timeout=PATIENCE_S)))
    assert said[0] == said[1]
    assert said[0] == {"type": "problem", "error": "There is no such camera.", "code": "camera.unknown"}
