"""P24 and P25: how soon a camera that is back is recorded again, and how soon eight are after a cold start.

A recording has begun when a file that was not there before holds more than a keyframe's worth of bytes. The peer of P24
is ffmpeg as one runs it unattended, in a loop that starts it again a second after it ended; that of P25 is eight of
them started at once. Both write MPEG-TS, which does not wait for the end of a file.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.ours import lay_house, started
from tests.ports import free_port

BEGUN_BYTES = 20_000
AWAY_S = 6.0
MOST_S = 60.0
VGE = "footage/*/*/*.vge"

_AGAIN = (
    'n=0; while true; do n=$((n+1)); ffmpeg -nostdin -v quiet -rtsp_transport tcp -i "$0" -c copy -flush_packets 1 '
    '-f mpegts -y "$1/again-$n.ts"; sleep 1; done'
)


class Camera:
    """A camera that can be taken away and put back at the same port, ``streams`` by name. Each client begins with a
    keyframe."""

    def __init__(self, **streams: Path) -> None:
        self._mounts = [f"{name}={clip}" for name, clip in streams.items()]
        self._port = free_port()  # of this process' block: that of one that has ended may be another's by then
        self.put_back()

    def put_back(self) -> float:
        """The monotonic moment from which on it answers."""
        command = [sys.executable, "-m", "tests.fakes.rtsp_camera", str(self._port), *self._mounts]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        assert self._process.stdout.readline(), "the camera did not start"
        return time.monotonic()

    def take_away(self) -> None:
        with self._process:
            self._process.kill()

    def url(self, name: str) -> str:
        return f"rtsp://127.0.0.1:{self._port}/{name}"


def wait_begun(folder: Path, pattern: str, count: int, known: frozenset[Path] = frozenset()) -> float:
    """The monotonic moment at which ``count`` cameras have a file that is not ``known`` and holds a recording. Files of
    one camera have the same folder, or the same name up to a hyphen."""
    end_s = time.monotonic() + MOST_S
    while time.monotonic() < end_s:
        begun = {
            path.parent if path.suffix == ".vge" else path.name.partition("-")[0]
            for path in folder.glob(pattern)
            if path not in known and path.stat().st_size > BEGUN_BYTES
        }
        if len(begun) >= count:
            return time.monotonic()
        time.sleep(0.005)
    raise AssertionError(f"not all have begun after {MOST_S} s, see {folder}")


def _files(folder: Path, pattern: str) -> frozenset[Path]:
    return frozenset(folder.glob(pattern))


def _again(camera: Camera, folder: Path, pattern: str) -> float:
    """Take the camera away and put it back: seconds from then until it is recorded again."""
    wait_begun(folder, pattern, 1)
    camera.take_away()
    time.sleep(AWAY_S)
    known = _files(folder, pattern)
    back_s = camera.put_back()
    return wait_begun(folder, pattern, 1, known) - back_s


def _short_groups(clip: Path) -> Path:
    """The same size and weight with a keyframe each fifth of a second: how long a camera's groups are is not measured,
    and a wait of 2 s on both sides would hide what is."""
    made = clip.with_name("bench-short-groups.mp4")
    if not made.exists():
        size = ["-g", "4", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-b:v", "4M"]
        command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(clip), "-an", *size, "-y", str(made)]
        subprocess.run(command, check=True)
    return made


def back_again(clip: Path, folder: Path, rounds: int) -> tuple[list[float], list[float]]:
    """P24: seconds, ours and the peer's."""
    ours, peer = [], []
    clip = _short_groups(clip)
    for number in range(rounds):
        camera = Camera(live=clip)
        try:
            lay_house(folder / f"ours-{number}", [camera.url("live")], [], detect=True)
            with started(folder / f"ours-{number}"):
                ours.append(_again(camera, folder / f"ours-{number}", VGE))
            with _ffmpeg_in_a_loop(camera.url("live"), folder / f"peer-{number}") as place:
                peer.append(_again(camera, place, "*.ts"))
        finally:
            camera.take_away()
    return ours, peer


@contextlib.contextmanager
def _ffmpeg_in_a_loop(url: str, folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True)
    process = subprocess.Popen(["sh", "-c", _AGAIN, url, str(folder)], start_new_session=True)
    try:
        yield folder
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def cold_start(urls: list[str], folder: Path, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """P25: seconds from the start of the program until all cameras are recorded: ours, the peer's, and ours at the
    very first start of a house, which makes its keys, certificates and database: the peer has nothing of the kind."""
    ours, peer, first = [], [], []
    for number in range(rounds):
        place = folder / f"ours-{number}"
        lay_house(place, urls, [], detect=False)
        first.append(_start_s(place, len(urls)))
        ours.append(_start_s(place, len(urls)))
        place = folder / f"peer-{number}"
        place.mkdir(parents=True)
        began_s = time.monotonic()
        with ffmpeg_streams(urls, place):
            peer.append(wait_begun(place, "*.ts", len(urls)) - began_s)
    return ours, peer, first


def _start_s(place: Path, cameras: int) -> float:
    known = _files(place, VGE)
    began_s = time.monotonic()
    with started(place):
        return wait_begun(place, VGE, cameras, known) - began_s


@contextlib.contextmanager
def ffmpeg_streams(urls: list[str], folder: Path) -> Iterator[None]:
    """One ``ffmpeg -c copy`` a camera, all started at once."""
    processes = [
        subprocess.Popen(
            ["ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-c", "copy",
             "-flush_packets", "1", "-f", "mpegts", "-y", str(folder / f"{number}-.ts")]
        )
        for number, url in enumerate(urls)
    ]  # fmt: skip
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
