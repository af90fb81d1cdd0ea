"""Looking back: ``python -m benchmarks.look_back [--rounds N] [--no-browser]``.

P18: from the request for a moment to its first fragment (playlist, set-up and first segment of a recording not met
before), against ``ffmpeg -ss T -i plain.mp4 -c copy -t 2``. P19: small pictures a second, against one ``ffmpeg -ss T
-frames:v 1`` for each. Then what a storyboard costs who records it, and, in Chromium over the loopback, the time from a
move of the pointer to the picture under it, and from its release to playing. The app is asked as a browser would ask,
without a network. Ends with 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from flask.testing import FlaskClient
from playwright.sync_api import sync_playwright

from tests.browser.chromium import launch, sign_in
from tests.browser.house import House, open_house, serve
from tests.browser.recorded_day import RecordedDay, make_day, record_from
from tests.browser.scrub_times import follow_times, play_time
from tests.recording_kit import bench, make_clip
from tests.storyboard_kit import TILE
from vigilar.media.tile import encode_tile
from vigilar.processes.storyboard import EVERY_S, WIDTH
from vigilar.record.storyboards import SmallPicture, StoryboardWriter

HOUR_MS = 3_600_000
FIRST_FRAGMENT_MS = 10.0
FIRST_FRAGMENT_RATIO = 0.3
THUMBS_RATIO = 20.0
FOLLOW_MS = 100.0
PLAY_MS = 1000.0
STORYBOARD_MS = 5.0

_missed: list[str] = []


def tell(name: str, text: str, *, is_met: bool) -> None:
    if not is_met:
        _missed.append(name)
    print(f"{name:34} {text}{'' if is_met else '   MISSED'}", flush=True)


def timed(step: Callable[..., object], *arguments: object) -> float:
    began = time.perf_counter()
    step(*arguments)
    return (time.perf_counter() - began) * 1000


def p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


def fetch(client: FlaskClient, path: str) -> bytes:
    response = client.get(path)
    assert response.status_code == 200, (path, response.status)
    return bytes(response.data)


def first_fragment(client: FlaskClient, at_ms: int) -> None:
    """What a player asks for until it can show the moment: list, set-up, first segment."""
    listed = fetch(client, f"/footage/front-door/index.m3u8?from={at_ms}&to={at_ms + HOUR_MS // 2}").decode()
    segment = next(line for line in listed.splitlines() if line.endswith(".m4s"))
    fetch(client, listed.split('MAP:URI="')[1].split('"')[0])
    fetch(client, segment)


def measure_first_fragment(house: House, day: RecordedDay, plain: Path, rounds: int) -> None:
    client = house.client()
    moments = [day.at(8, minute, second) for minute in (1, 2, 3, 5, 6) for second in range(0, 60, 7)]
    first_fragment(client, moments[0])  # imports and the database
    cpu = time.process_time()
    ours = [timed(first_fragment, client, at) for _ in range(rounds) for at in moments]
    cpu_ms = (time.process_time() - cpu) * 1000 / len(ours)

    def by_ffmpeg(at_s: float) -> None:
        command = ["ffmpeg", "-v", "error", "-ss", str(at_s), "-i", str(plain), "-c", "copy", "-t", "2"]
        subprocess.run(
            [*command, "-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "pipe:"], check=True, capture_output=True
        )

    theirs = [timed(by_ffmpeg, (at - day.at(8)) / 1000) for at in moments]
    ratio = p95(ours) / p95(theirs)
    tell(
        "P18 first fragment",
        f"p50 {statistics.median(ours):.1f} ms, p95 {p95(ours):.1f} ms (< {FIRST_FRAGMENT_MS:.0f}), "
        f"{cpu_ms:.1f} ms of processor; ffmpeg p95 "
        f"{p95(theirs):.0f} ms, ratio {ratio:.3f} (< {FIRST_FRAGMENT_RATIO})",
        is_met=p95(ours) < FIRST_FRAGMENT_MS and ratio < FIRST_FRAGMENT_RATIO,
    )


def measure_thumbs(house: House, day: RecordedDay, plain: Path) -> None:
    client = house.client()
    start = day.at(0)
    moments = [start + (one * 7919 + 211) % 1440 * 60_000 for one in range(200)]
    single = [timed(fetch, client, f"/footage/front-door/thumb.jpg?at={at}") for at in moments]
    hours = [(start + hour * HOUR_MS, start + (hour + 1) * HOUR_MS) for hour in range(24)]
    sheet = [timed(fetch, client, f"/footage/front-door/thumbs.jpg?from={a}&to={b}&n=60") for a, b in hours]
    rate = 60 / (statistics.median(sheet) / 1000)

    def by_ffmpeg(at_s: int) -> None:
        command = ["ffmpeg", "-v", "error", "-ss", str(at_s), "-i", str(plain), "-frames:v", "1", "-vf", "scale=320:-1"]
        subprocess.run([*command, "-f", "mjpeg", "pipe:"], check=True, capture_output=True)

    theirs = 1000 / statistics.median([timed(by_ffmpeg, at) for at in range(10, 500, 49)])
    tell(
        "one thumbnail",
        f"p50 {statistics.median(single):.1f} ms, p95 {p95(single):.1f} ms (< {FOLLOW_MS:.0f})",
        is_met=p95(single) < FOLLOW_MS,
    )
    tell(
        "P19 thumbnails a second",
        f"{rate:.0f} in sheets of 60 ({statistics.median(sheet):.0f} ms each); ffmpeg {theirs:.0f}, ratio "
        f"{rate / theirs:.0f} (> {THUMBS_RATIO:.0f})",
        is_met=rate / theirs > THUMBS_RATIO,
    )


def measure_storyboard(folder: Path) -> None:
    """Processor time and bytes of one picture, from the decoded frame to the sealed record."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 255, (12, 20, 3), np.uint8)
    picture = np.kron(coarse, np.ones((30, 32, 1), np.uint8))
    noise = rng.integers(-8, 8, picture.shape)
    frame = av.VideoFrame.from_ndarray(np.clip(picture + noise, 0, 255).astype(np.uint8), format="rgb24")
    frame = frame.reformat(format="yuv420p")
    count = 200
    with bench(folder) as b:
        writer = StoryboardWriter(b.file_store, b.clock)
        size = 0
        began = time.process_time()
        for one in range(count):
            jpeg = encode_tile(frame, WIDTH)
            size += len(jpeg)
            at_ns = 10**10 * one
            writer.add(SmallPicture(jpeg, *TILE, b.clock.utc_ns() + at_ns, b.clock.mono_ns() + at_ns))
            writer.write_waiting()
        cpu_ms = (time.process_time() - began) * 1000 / count
    day_mb = size / count * 86_400 / EVERY_S / 1e6
    tell(
        "a storyboard's picture",
        f"{cpu_ms:.2f} ms of processor (< {STORYBOARD_MS:.0f}), {size / count / 1000:.1f} kB: each {EVERY_S:.0f} s "
        f"{cpu_ms / EVERY_S / 10:.4f} % of a core and {day_mb:.0f} MB a day",
        is_met=cpu_ms < STORYBOARD_MS,
    )


def measure_browser(house: House, day: RecordedDay) -> None:
    with sync_playwright() as playwright, serve(house) as url:
        browser = launch(playwright)
        page = browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="Europe/Berlin").new_page()
        sign_in(page, url)
        page.goto(f"{url}/watch/front-door?day={day.day}")
        page.wait_for_timeout(1500)
        late = follow_times(page, day.at(0), day.at(0) + 24 * HOUR_MS)
        tell(
            "B-09 picture under the pointer",
            f"p50 {statistics.median(late):.0f} ms, p95 {p95(late):.0f} ms (< {FOLLOW_MS:.0f}), {len(late)} moves",
            is_met=p95(late) < FOLLOW_MS,
        )
        began = []
        for minute in (1, 3, 5, 7, 16, 18, 22):
            page.goto(f"{url}/watch/front-door?day={day.day}")
            page.wait_for_timeout(800)
            began.append(play_time(page, day.at(8, minute)))
        tell(
            "B-10 release to playing",
            f"middle {statistics.median(began):.0f} ms, most {max(began):.0f} ms (< {PLAY_MS:.0f})",
            is_met=statistics.median(began) < PLAY_MS,
        )
        browser.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-browser", action="store_true", help="leave out what needs Chromium")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vigilar-look-back-") as name:
        folder = Path(name)
        for part in ("house", "storyboard"):
            (folder / part).mkdir()
        with open_house(folder / "house") as house:
            house.client()
            day = make_day(house, folder / "house")
            record_from(house, make_clip(folder / "house", fps=5, gop=5, size=(320, 180)), day.at(9), 60)
            plain = folder / "plain.mp4"
            plain.write_bytes(
                fetch(house.client(), f"/footage/front-door/clip.mp4?from={day.at(8)}&to={day.at(8, 10)}")
            )
            measure_first_fragment(house, day, plain, options.rounds)
            measure_thumbs(house, day, plain)
            measure_storyboard(folder / "storyboard")
            if not options.no_browser:
                measure_browser(house, day)
    return 1 if _missed else 0


if __name__ == "__main__":
    sys.exit(main())
