"""What the live pages may take, in numbers (ux.md 3.1 and 3.2): each test prints its figure."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, WebSocket, expect

from tests.browser.live_kit import HIDE, Place, opened, report
from tests.pace import slowness
from tests.recording_kit import Clip, make_clip

pytestmark = [pytest.mark.browser, pytest.mark.long]

LOADS = 5
NOTE = """
    window.noted = {};
    const note = (name) => { window.noted[name] ??= performance.now(); };
    const seen = new WeakSet();
    const look = () => {
        const tiles = [...document.querySelectorAll(".tile")];
        if (tiles.length && tiles.every(tile => tile.dataset.painted)) note("painted");
        const still = document.querySelector("#stage .still");
        if (still?.complete && still.naturalWidth > 0) note("still");
        for (const video of document.querySelectorAll("video")) {
            if (seen.has(video)) continue;
            seen.add(video);
            video.requestVideoFrameCallback(() => {
                note("moving"); window.moving = (window.moving ?? 0) + 1;
                // Not as many as there were when this one was seen first: the page may have been half there.
                if (window.moving === document.querySelectorAll(".tile").length) note("all moving"); });
        }
        if (/Full quality/.test(document.querySelector("#how")?.textContent ?? "")) note("full");
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
"""
"""Notes the milliseconds from the navigation to what is on the screen."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), has_sound=True, gop=20, size=(320, 180))


def noted(place: Place, page: Page, path: str, *names: str) -> dict[str, float]:
    """The middle of LOADS of the page: milliseconds to each of ``names``."""
    page.add_init_script(NOTE)
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(LOADS):
        page.goto(place.url + path)
        for name in names:
            page.wait_for_function("name => window.noted[name] > 0", arg=name, timeout=60_000)
            found[name].append(page.evaluate("name => window.noted[name]", name))
    return {name: statistics.median(values) for name, values in found.items()}


@pytest.mark.quiet
def test_sixteen_tiles_are_painted_and_moving_in_time(
    tmp_path: Path, chromium: Browser, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = slowness()
    with opened(tmp_path, chromium, clip, 16) as place:
        took = noted(place, place.browser().pages[0], "/live", "painted", "moving", "all moving")
    report(
        capsys,
        f"B-04 16 stills painted {took['painted']:.0f} ms (500); "
        f"B-05 first tile moving {took['moving']:.0f} ms (1200), all {took['all moving']:.0f} ms (2500)",
    )
    slow = max(slow, slowness())  # it changes within seconds
    assert took["painted"] < 1000 * slow  # 500 where nobody else works on the machine; the figure is printed
    assert took["moving"] < 1200 * slow
    assert took["all moving"] < 2500 * slow


@pytest.mark.quiet
def test_single_view_comes_in_steps_in_time(
    tmp_path: Path, chromium: Browser, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(tmp_path, chromium, clip, 4) as place:
        took = noted(place, place.browser().pages[0], "/watch/cam-1", "still", "moving", "full")
    report(
        capsys,
        f"B-06 still {took['still']:.0f} ms (150), moving {took['moving']:.0f} ms (400), "
        f"full quality {took['full']:.0f} ms (2500)",
    )
    slow = slowness()
    assert took["still"] < 300 * slow  # 150 where nobody else works on the machine; the figure is printed
    assert took["moving"] < 600 * slow  # 400 so
    assert took["full"] < 2500 * slow


@pytest.mark.quiet
def test_pictures_one_by_one_are_hardly_behind(
    tmp_path: Path, chromium: Browser, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(tmp_path, chromium, clip, 1) as place:
        page = place.browser().pages[0]
        page.add_init_script("MediaSource.isTypeSupported = () => false;")
        page.goto(f"{place.url}/watch/cam-1")
        behind = []
        for _ in range(10):
            page.wait_for_timeout(500)
            if found := re.search(r"([0-9.]+) s behind", page.locator("#latency").inner_text()):
                behind.append(float(found[1]))
    report(capsys, f"B-07 MJPEG of one camera {statistics.median(behind) * 1000:.0f} ms behind (350)")
    assert len(behind) > 3
    assert statistics.median(behind) < 0.35 * slowness()


@pytest.mark.quiet
def test_grid_is_less_than_three_seconds_behind(
    tmp_path: Path, chromium: Browser, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(tmp_path, chromium, clip, 4) as place:
        page = place.page("/live")
        age = page.locator("[data-camera=cam-2] .tile-age")
        expect(age).to_contain_text("live ")
        page.wait_for_timeout(10_000)  # what lay ready and was not needed is played away
        behind = []
        for _ in range(10):
            page.wait_for_timeout(500)
            if found := re.search(r"live ([0-9.]+) s", age.inner_text()):
                behind.append(float(found[1]))
    report(capsys, f"B-08 grid of HLS {statistics.median(behind):.1f} s behind (3)")
    assert len(behind) > 3
    assert statistics.median(behind) < 3.0 * slowness()


def test_contact_sheet_of_sixteen_keeps_its_weight(
    tmp_path: Path, chromium: Browser, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(tmp_path, chromium, clip, 16) as place:
        page = place.page("/events")
        answer = page.request.get(f"{place.url}/live/contact-sheet.jpg")
        size = len(answer.body())
    report(capsys, f"W-03 contact sheet of 16 cameras {size / 1000:.0f} kB (160)")
    assert answer.ok
    assert 5_000 < size < 160_000


def test_eight_windows_have_two_long_lived_sockets(
    tmp_path: Path, chromium: Browser, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(tmp_path, chromium, clip, 2) as place:
        context = place.browser()
        for number in range(8):
            page = context.new_page()
            page.goto(place.url + ("/live", "/watch/cam-1", "/events", "/watch/cam-2")[number % 4])
        page.wait_for_timeout(6000)
        for _ in range(100):  # a page that takes over is there for a moment beside the one that ends
            open_now = place.house.parts.live.watching() + place.house.parts.hub.count()
            if 1 <= open_now <= 2:
                break
            page.wait_for_timeout(200)
    report(capsys, f"W-07 eight windows have {open_now} long-lived sockets (2)")
    assert 1 <= open_now <= 2


def test_hidden_pages_take_no_video(
    tmp_path: Path, chromium: Browser, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bytes of all answers and sockets, counted by the browser itself."""
    with opened(tmp_path, chromium, clip, 4) as place:
        taken = {"bytes": 0.0}

        def count(data: dict[str, float]) -> None:
            taken["bytes"] += data.get("dataLength", 0)

        def listen(socket: WebSocket) -> None:
            socket.on("framereceived", lambda data: count({"dataLength": len(data)}))

        context = place.browser()
        pages = [context.pages[0], context.new_page()]
        for page, path in zip(pages, ("/live", "/watch/cam-1"), strict=True):
            page.goto(place.url + path)
            page.wait_for_timeout(3000)
            session = context.new_cdp_session(page)
            session.send("Network.enable")
            session.on("Network.dataReceived", count)
            page.on("websocket", listen)
        pages[0].wait_for_timeout(3000)
        shown = taken["bytes"]
        for page in pages:
            page.evaluate(HIDE, True)
        pages[0].wait_for_timeout(33_000)
        taken["bytes"] = 0.0
        pages[0].wait_for_timeout(10_000)
        hidden = taken["bytes"]
    report(
        capsys,
        f"W-09 hidden pages took {hidden / 1000:.1f} kB in 10 s after 30 s (no video), others {shown / 3000:.0f} kB/s",
    )
    assert shown > 20_000
    assert hidden < 8_000  # words of health come on, no picture does
