"""How late a picture is on the glass: ``python -m benchmarks.glass [--seconds N]``.

The camera's pictures carry their number in black and white. Headless Chromium shows the single view of a real house;
each frame it presents is read back and compared with the moment its last RTP packet was sent. The same frames are also
read at the WebSocket, as bytes (P10 and P11 at the browser's end of the wire). Everything runs on one machine, so one
clock serves for all: CLOCK_MONOTONIC of the camera, joined to the browser's by the wall clock.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from benchmarks.live_delay import Camera, frames_of, key_of, percentile, samples
from benchmarks.ours import House, house
from tests.browser.chromium import launch
from tests.socket_client import Client
from vigilar.media.encode import ClipWriter

WIDTH, HEIGHT, FPS, SECONDS = 1280, 720, 20, 12
BITS = 8
"""Of the number in the picture: 240 frames, each a column of its own."""

Seen = list[tuple[int, int]]
"""Numbers of frames, each with the moment at which it was there, monotonic ns."""

LOGIN = {"name": "sam", "password": "correct horse battery"}
TARGET_MS = 500.0

_READ = """() => { const video = document.querySelector("video");
    const small = new OffscreenCanvas(BITS, 1), brush = small.getContext("2d", { willReadFrequently: true });
    window.seen = [];
    video.requestVideoFrameCallback(function shown(now, about) {
        brush.drawImage(video, 0, 0, video.videoWidth, video.videoHeight / 8, 0, 0, BITS, 1);
        const { data } = brush.getImageData(0, 0, BITS, 1);
        let number = 0;
        for (let bit = 0; bit < BITS; bit++) number = number * 2 + (data[bit * 4 + 1] > 128 ? 1 : 0);
        window.seen.push([number, performance.timeOrigin + about.expectedDisplayTime]);
        video.requestVideoFrameCallback(shown);
    }); }""".replace("BITS", str(BITS))


def make_clip(path: Path) -> Path:
    """Noise, so that it weighs what a camera sends, under a row of fields that say the picture's number."""
    rng = np.random.default_rng(1)
    with ClipWriter(path, WIDTH, HEIGHT, FPS, 2 * FPS) as clip:
        for number in range(FPS * SECONDS):
            picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            picture[HEIGHT // 2 :, ::4] = rng.integers(60, 120, (HEIGHT // 2, WIDTH // 4, 1), np.uint8)
            for bit in range(BITS):
                is_set = number >> (BITS - 1 - bit) & 1
                picture[: HEIGHT // 6, bit * WIDTH // BITS : (bit + 1) * WIDTH // BITS] = 235 if is_set else 16
            clip.write(picture)
    return path


def sign_in(base: str) -> str:
    """The cookie of the house's new owner, once the page answers: cameras record before it does."""
    deadline = time.monotonic() + 120.0  # a busy machine
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{base}/healthz", timeout=5):
            break
        time.sleep(0.1)
    body = json.dumps(LOGIN).encode()
    request = urllib.request.Request(f"{base}/api/v1/setup", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.headers["Set-Cookie"]).split(";")[0]


def at_the_socket(base: str, cookie: str, frames: dict[bytes, int], seconds: float) -> tuple[Seen, float]:
    """Frames with their arrival (monotonic ns), and the milliseconds until the first was there."""
    found: Seen = []
    began_ns = time.monotonic_ns()
    client = Client(f"ws{base[4:]}/live/camera-0/ws?sound=0", headers={"Cookie": cookie}, receive_bytes=1 << 20)
    client.receive(timeout=10.0)  # the start
    client.receive(timeout=10.0)  # the init segment
    while time.monotonic_ns() < began_ns + seconds * 1e9:
        message = client.receive(timeout=5.0)
        if isinstance(message, bytes | bytearray):
            now_ns = time.monotonic_ns()
            found += [(frames[key_of(bytes(sample))], now_ns) for sample in samples(bytes(message))]
    client.close()
    return found, (found[0][1] - began_ns) / 1e6


def on_the_glass(base: str, seconds: float) -> tuple[Seen, float]:
    """Numbers of presented frames with their moment (monotonic ns), and the milliseconds until the video played."""
    to_monotonic_ns = time.monotonic_ns() - time.time_ns()
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        _sign_in_page(page, base)
        page.goto(f"{base}/watch/camera-0")
        page.wait_for_function("() => !document.querySelector('video').hidden", timeout=20_000)
        opened_ms = float(page.evaluate("() => performance.now()"))
        page.evaluate(_READ)
        page.wait_for_timeout(seconds * 1000)
        seen = page.evaluate("() => window.seen")
        print(f"the page itself says: {page.locator('#latency').inner_text()}")
        browser.close()
    return [(int(number), int(at_ms * 1e6) + to_monotonic_ns) for number, at_ms in seen], opened_ms


def _sign_in_page(page: Page, base: str) -> None:
    page.goto(f"{base}/login")
    page.fill("#name", LOGIN["name"])
    page.fill("#password", LOGIN["password"])
    page.click("main button[type=submit]")
    page.wait_for_url(f"{base}/live")
    page.goto("about:blank")


def delays_ms(found: Seen, sent: dict[int, list[int]], settle_s: float = 2.0) -> list[float]:
    """How long after it was sent each frame was there; the first seconds, with what was kept, do not count."""
    from_ns = found[0][1] + int(settle_s * 1e9)
    delays = []
    for number, at_ns in found:
        before = [one for one in sent.get(number, ()) if one <= at_ns]
        if at_ns >= from_ns and before:
            delays.append((at_ns - max(before)) / 1e6)
    return delays


def at_the_peer(url: str, seconds: float) -> Seen:
    """The same numbers out of ffmpeg with every switch for low delay, which decodes the stream into a pipe: what ffplay
    would draw, without the time that drawing takes (there is no screen here)."""
    command = [
        "ffmpeg", "-nostdin", "-v", "error", "-fflags", "nobuffer", "-flags", "low_delay", "-probesize", "32",
        "-analyzeduration", "0", "-rtsp_transport", "tcp", "-i", url, "-an", "-vf",
        f"crop={WIDTH}:{HEIGHT // 8}:0:0,scale={BITS}:1:flags=area,format=gray", "-f", "rawvideo", "-fps_mode",
        "passthrough", "-flush_packets", "1", "pipe:1",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout
    found: Seen = []
    end_s = time.monotonic() + seconds
    try:
        while time.monotonic() < end_s:
            fields = process.stdout.read(BITS)
            assert len(fields) == BITS, "the peer ended early"
            number = sum((fields[bit] > 128) << (BITS - 1 - bit) for bit in range(BITS))
            found.append((number, time.monotonic_ns()))
    finally:
        process.kill()
        process.communicate()
    return found


@dataclass(frozen=True, slots=True)
class Delays:
    """Milliseconds from the camera's last packet of a frame to the WebSocket, the glass, and the peer's picture."""

    wire: list[float]
    glass: list[float]
    peer: list[float]
    first_ms: float
    opened_ms: float


def measure_glass(folder: Path, seconds: float) -> Delays:
    folder.mkdir(parents=True, exist_ok=True)
    clip = make_clip(folder / "numbers.mp4")
    frames = frames_of(clip)
    camera = Camera(clip)
    try:
        with house(folder / "house", [camera.url], [], detect=True) as running:
            base = base_of(running)
            cookie = sign_in(base)
            arrived, first_ms = at_the_socket(base, cookie, frames, seconds)
            shown, opened_ms = on_the_glass(base, seconds)
        drawn = at_the_peer(camera.url, seconds)
        notes = camera.notes()
    finally:
        with contextlib.suppress(ProcessLookupError):
            camera.kill()
    sent: dict[int, list[int]] = {}
    for _, frame, at_ns in notes:
        sent.setdefault(frame, []).append(at_ns)
    return Delays(delays_ms(arrived, sent), delays_ms(shown, sent), delays_ms(drawn, sent), first_ms, opened_ms)


def base_of(running: House) -> str:
    """Where the pages of a house are."""
    text = (running.data_dir / "vigilar.toml").read_text(encoding="ascii")
    return f"http://127.0.0.1:{text.split('port = ')[1].split()[0]}"


def main() -> int:
    parser = argparse.ArgumentParser(description="How late a picture is on the glass")
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as name:
        found = measure_glass(Path(name), seconds)
    print(f"first frame at the WebSocket after {found.first_ms:.0f} ms; the page plays after {found.opened_ms:.0f} ms")
    for where, delays in (("WebSocket", found.wire), ("glass", found.glass), ("the peer", found.peer)):
        middle, most = statistics.median(delays), percentile(delays, 0.95)
        print(f"sent to {where}: p50 {middle:.1f} ms, p95 {most:.1f} ms ({len(delays)} frames)")
    return 0 if statistics.median(found.glass) < TARGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
