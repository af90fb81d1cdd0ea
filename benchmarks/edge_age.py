"""P12: how old the newest picture is that a playlist of HLS offers, at any moment of watching.

Both sides are asked for their playlist again and again; the age is from the moment the camera sent the last frame of
the newest listed segment. Ours is asked over HTTP as a browser asks, in a house that also records and detects; the peer
is ffmpeg, which writes playlist and segments into a folder.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from benchmarks.glass import base_of, sign_in
from benchmarks.live_delay import Camera, frames_of, key_of, percentile, samples
from benchmarks.ours import house

POLL_S = 0.05
SETTLE_S = 6.0
"""Two segments of the peer."""

_MOST_NS = 20_000_000_000

Read = Callable[[str], bytes]
"""Reads what a playlist names, and ``index.m3u8`` itself. Raises OSError."""


def edges(read: Read, frames: dict[bytes, int], seconds: float) -> list[tuple[int, int]]:
    """(moment of the answer in ns, number of the last frame on offer), each POLL_S."""
    found: list[tuple[int, int]] = []
    known, frame = "", -1
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        told_ns = time.monotonic_ns()
        with contextlib.suppress(OSError):
            names = re.findall(r"^[^#\s]\S*$", read("index.m3u8").decode(), re.MULTILINE)
            told_ns = time.monotonic_ns()  # a frame may have been sent since the question
            if names and names[-1] != known:
                whole = list(samples(read(names[-1])))
                known, frame = names[-1], frames[key_of(whole[-1])]  # the last NAL unit is of its last frame
        if frame >= 0:
            found.append((told_ns, frame))
        time.sleep(POLL_S)
    return found


def ages_ms(found: list[tuple[int, int]], notes: list[tuple[int, int, int]]) -> list[float]:
    """Of what came after SETTLE_S."""
    sent: dict[int, list[int]] = {}
    for _, frame, at_ns in notes:
        sent.setdefault(frame, []).append(at_ns)
    from_ns = found[0][0] + int(SETTLE_S * 1e9)
    ages = []
    for told_ns, frame in found:
        before = [at_ns for at_ns in sent[frame] if at_ns <= told_ns]
        if told_ns >= from_ns and before:
            age_ns = told_ns - max(before)
            assert age_ns < _MOST_NS
            ages.append(age_ns / 1e6)
    return ages


def ours(url: str, folder: Path, frames: dict[bytes, int], seconds: float) -> list[tuple[int, int]]:
    with house(folder, [url], [], detect=True) as running:
        base = base_of(running)
        cookie = sign_in(base)

        def read(name: str) -> bytes:
            request = urllib.request.Request(f"{base}/live/camera-0/{name}", headers={"Cookie": cookie})
            with urllib.request.urlopen(request, timeout=10) as answer:
                data: bytes = answer.read()
                return data

        return edges(read, frames, SETTLE_S + seconds)


def peer(url: str, folder: Path, frames: dict[bytes, int], seconds: float) -> list[tuple[int, int]]:
    folder.mkdir(parents=True)
    command = [
        "ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-an", "-c", "copy", "-f", "hls",
        "-hls_time", "2", "-hls_segment_type", "fmp4", "-hls_flags", "delete_segments", str(folder / "index.m3u8"),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        return edges(lambda name: (folder / name).read_bytes(), frames, 8.0 + SETTLE_S + seconds)
    finally:
        process.kill()
        process.wait()


def measure_edges(clip: Path, folder: Path, rounds: int, seconds: float) -> tuple[list[float], list[float]]:
    """p95 of the age in ms, of each round of ours and of the peer."""
    frames = frames_of(clip)
    camera = Camera(clip)
    found: list[tuple[list[tuple[int, int]], list[tuple[int, int]]]] = []
    try:
        for number in range(rounds):
            of_ours = ours(camera.url, folder / f"ours-{number}", frames, seconds)
            found.append((of_ours, peer(camera.url, folder / f"peer-{number}", frames, seconds)))
        notes = camera.notes()
    finally:
        with contextlib.suppress(ProcessLookupError):
            camera.kill()
    return (
        [percentile(ages_ms(one, notes), 0.95) for one, _ in found],
        [percentile(ages_ms(one, notes), 0.95) for _, one in found],
    )
