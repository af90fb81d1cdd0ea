"""The pages of exports in a real browser: made by keyboard, played and sought, live as they are made, shared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import find_violations, sign_in
from tests.browser.held_back import HeldBack
from tests.browser.house import House, open_house, serve
from tests.browser.look_back_kit import SHOWS_A_PICTURE
from tests.conftest import wait_until
from tests.export_kit import do_jobs
from tests.fakes.clips import make_refresh_clip
from tests.flow.test_export_movie import T0, record
from tests.recording_kit import Clip, make_clip, read_clip
from vigilar.bus.messages import JobChanged
from vigilar.capture.rtsp.entry import AT_ONCE
from vigilar.media.bitstream import annex_b, nal_spans, parameter_sets
from vigilar.store import jobs as job_rows
from vigilar.store.exports import ExportParams
from vigilar.web.hub import HUB, job_notice

SHOTS = os.environ.get("VIGILAR_SHOTS")
SIZES = {"phone": (390, 844), "desk": (1440, 900)}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        clip = make_clip(tmp_path, has_sound=True)
        for start in (0, 4, 12):
            record(house, clip, start, start + 4)
        house.client()
        yield house


@pytest.fixture
def url(house: House) -> Iterator[str]:
    with serve(house) as url:
        yield url


@pytest.fixture
def page(chromium: Browser, url: str) -> Iterator[Page]:
    page = chromium.new_page(
        viewport={"width": 1440, "height": 900}, timezone_id="Europe/Berlin", service_workers="block"
    )
    sign_in(page, url)
    yield page
    page.close()


def _take(house: House) -> job_rows.JobRow | None:
    """The oldest job that waits, as its worker takes it."""
    now_ms = house.now_ms()
    return job_rows.take_job(
        house.store, node_id=house.node_id, worker="w", kinds=["export"], now_ms=now_ms, lease_ms=9999
    )


def ask(house: House, *, proof: bool = False, to_s: int = 16, camera_id: str = "front-door") -> int:
    params = ExportParams(camera_id=camera_id, from_ms=T0 + 1500, to_ms=T0 + to_s * 1000, proof=proof)
    row = job_rows.add_job(
        house.store, node_id=house.node_id, kind="export", params=params.dump(), made_by=1, now_ms=house.now_ms()
    )
    return row.id


def tell(message: JobChanged) -> None:
    """As the bridge does."""
    HUB.broadcast(
        job_notice(
            message.job_id, message.kind, message.state, message.step, message.percent, message.seconds_left,
            [message.source_id],
        )
    )  # fmt: skip


def test_form_is_filled_and_sent_by_keyboard(house: House, url: str, page: Page) -> None:
    page.goto(f"{url}/exports?camera=front-door&from=2026-02-02T03:40:01&to=2026-02-02T03:40:07")
    page.focus("#camera")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "proof":
            break
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/exports/*")
    assert "Waiting" in page.inner_text(".job")
    do_jobs(house, tell)
    page.wait_for_selector(".job[data-state=done]")
    assert "Front door 2026-02-02 03.40.01 CET with proof.zip" in page.inner_text(".files")


def test_answer_that_comes_late_does_not_put_back_what_was(house: House, url: str, page: Page) -> None:
    """The end of a job is told once."""
    job_id = ask(house)
    with page.expect_response(lambda one: one.url == f"{url}/exports" and one.request.resource_type == "fetch"):
        page.goto(f"{url}/exports")
    before = HeldBack(page, f"{url}/exports")
    tell(JobChanged("a", 1, job_id, "export", "running", source_id="front-door"))
    before.wait()
    do_jobs(house, tell)
    expect(page.locator(f"#job-{job_id}")).to_have_attribute("data-state", "done")
    before.let_go()
    expect(page.locator(f"#job-{job_id}")).to_have_attribute("data-state", "done")


def test_export_that_ends_while_its_page_still_loads_can_be_shared(house: House, url: str, page: Page) -> None:
    """The end of a job is told once, and this page was not there yet: it said "done", and had no links."""
    job_id = ask(house)
    script = HeldBack(page, "**/js/made.js")
    page.goto(f"{url}/exports/{job_id}", wait_until="commit")
    script.wait()
    page.wait_for_function("() => performance.getEntriesByType('resource').some((one) => /js.app/.test(one.name))")
    do_jobs(house, tell)  # all other programs of the page are there
    script.let_go()
    expect(page.locator(".job")).to_have_attribute("data-state", "done")
    expect(page.get_by_role("button", name="Make a link")).to_be_visible()


def test_bar_moves_as_the_box_says(house: House, url: str, page: Page) -> None:
    job_id = ask(house)
    page.goto(f"{url}/exports")
    page.wait_for_selector(".job[data-state=waiting]")
    row = job_rows.take_job(
        house.store, node_id=house.node_id, worker="w", kinds=["export"], now_ms=house.now_ms(), lease_ms=9999
    )
    assert row is not None
    tell(JobChanged("a", 1, job_id, "export", "running", source_id="front-door"))
    page.wait_for_selector(".job[data-state=running]")

    def bar_has_moved() -> bool:
        """It is told again and again, as a worker does: the page may just be fetching what it was before."""
        tell(JobChanged("b", 2, job_id, "export", "running", "Reading the recordings", 42, 7, "front-door"))
        page.wait_for_timeout(100)
        shown = page.evaluate(
            "[document.querySelector('.job progress')?.value, document.querySelector('.job').innerText]"
        )
        return shown[0] == 42 and "7 s left" in shown[1]

    wait_until(bar_has_moved, 20.0)
    page.click("text=Stop")
    page.wait_for_selector("text=Stopping")
    job_rows.end_cancelled(house.store, job_id, "w", house.now_ms())
    tell(JobChanged("c", 3, job_id, "export", "cancelled", source_id="front-door"))
    page.wait_for_selector(".job[data-state=cancelled]")


def test_export_plays_and_seeks(house: House, url: str, page: Page) -> None:
    job_id = ask(house)
    do_jobs(house)
    page.goto(f"{url}/exports/{job_id}")
    wait_until(lambda: page.evaluate("document.querySelector('video').readyState >= 1"), 30.0)
    length = page.evaluate("document.querySelector('video').duration")
    assert length == pytest.approx(10.5, abs=0.05)  # 1.5 to 8 and 12 to 16: the gap is closed up
    page.evaluate("document.querySelector('video').currentTime = 8")
    wait_until(lambda: page.evaluate("!document.querySelector('video').seeking"), 30.0)
    page.evaluate("document.querySelector('video').play()")
    wait_until(lambda: page.evaluate("document.querySelector('video').currentTime > 8.3"), 30.0)
    assert "Left out (1)" in page.inner_text("main")


def refreshed(folder: Path, *, has_marks: bool) -> Clip:
    """Of a camera that renews its picture by and by and never sends a whole one, as capture hands it on: entries are
    where the camera marks them, and if it marks none each ten seconds."""
    made = read_clip(make_refresh_clip(folder / "refresh.mp4", pictures=221))
    every = 20 if has_marks else 100
    found = []
    for index, packet in enumerate(made.packets[20:]):
        is_entry = index % every == 0
        data = packet.data
        if not has_marks:
            units = [unit for unit in (data[begin:end] for begin, end in nal_spans(data)) if unit[0] & 0x1F < 6]
            sets = parameter_sets("h264", made.streams[0].setup)
            data = annex_b([*sets, AT_ONCE, *units] if is_entry else units)
        found.append(replace(packet, data=data, is_keyframe=is_entry))
    return Clip(made.streams, found, made.duration_ns - 20 * 10**8)


@pytest.mark.parametrize("has_marks", [True, False])
def test_export_without_a_whole_picture_plays_and_seeks(
    house: House, url: str, page: Page, tmp_path: Path, has_marks: bool
) -> None:
    clip = refreshed(tmp_path, has_marks=has_marks)
    house.record("shed", clip.packets, clip.run())
    job_id = ask(house, camera_id="shed")
    do_jobs(house)
    page.goto(f"{url}/exports/{job_id}")
    for at_s in (0, 9):
        page.evaluate(
            "at => { const video = document.querySelector('video'); video.currentTime = at; video.play(); }", at_s
        )
        page.wait_for_function("at => document.querySelector('video').currentTime > at + 1", arg=at_s)
        page.wait_for_function(SHOWS_A_PICTURE, arg="video")


def test_event_clip_is_saved_under_its_name(house: House, url: str, page: Page) -> None:
    event = house.event(ts_ms=T0 + 6_000, length_ms=500)
    page.goto(f"{url}/events/{event.id}")
    with page.expect_download() as waiting:
        page.click("text=Save clip (MP4)")
    assert waiting.value.suggested_filename == "Front door 2026-02-02 03.40.05 CET.mp4"


def test_shared_link_opens_without_an_account(house: House, url: str, page: Page, chromium: Browser) -> None:
    job_id = ask(house, proof=True)
    do_jobs(house)
    page.goto(f"{url}/exports/{job_id}")
    page.click("text=Make a link")
    link = page.input_value("#link")
    stranger = chromium.new_page()
    stranger.goto(link)
    wait_until(lambda: stranger.evaluate("document.querySelector('video').readyState >= 1"), 30.0)
    with stranger.expect_download() as waiting:
        stranger.click(".files a >> nth=0")
    assert waiting.value.suggested_filename.endswith(" with proof.zip")
    page.goto(f"{url}/exports/{job_id}")
    assert "Opened 1 time" in page.inner_text("main")
    page.click("text=Take back")
    page.wait_for_selector("text=Taken back")
    assert stranger.goto(link).status == 410  # type: ignore[union-attr]  # a page was loaded
    assert stranger.inner_text("h1") == "This link has ended."
    assert stranger.context.cookies(link) == []
    stranger.close()


@pytest.mark.parametrize("size", SIZES)
def test_pages_are_clean_at_both_sizes(house: House, url: str, chromium: Browser, size: str) -> None:
    done = ask(house, proof=True)
    do_jobs(house)
    failed = ask(house, to_s=15)
    job_rows.take_job(
        house.store, node_id=house.node_id, worker="w", kinds=["export"], now_ms=house.now_ms(), lease_ms=9999
    )
    job_rows.fail_job(house.store, failed, "w", "The key for this recording is not on this box.", house.now_ms())
    running = ask(house, to_s=14)
    job_rows.take_job(
        house.store, node_id=house.node_id, worker="w", kinds=["export"], now_ms=house.now_ms(), lease_ms=9999
    )
    job_rows.renew_job(
        house.store, running, "w", now_ms=house.now_ms(), lease_ms=9999, step="Reading the recordings", percent=41,
        seconds_left=8,
    )  # fmt: skip
    width, height = SIZES[size]
    page = chromium.new_page(viewport={"width": width, "height": height}, timezone_id="Europe/Berlin")
    sign_in(page, url)
    page.goto(f"{url}/exports/{done}")
    page.click("text=Make a link")
    link = page.input_value("#link")
    for path in ("/exports", f"/exports/{done}", f"/exports/{failed}", f"/exports/{running}", link.removeprefix(url)):
        page.goto(url + path)
        assert find_violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        small = page.evaluate(
            "[...document.querySelectorAll('main button, main a.btn, main select')].filter((e) => e.offsetHeight && "
            "e.getBoundingClientRect().height < 44).map((e) => e.outerHTML)"
        )
        assert small == [], path
    house.parts.use_settings(replace(house.parts.cfg, power=(50, 600, 10)))
    for path in ("/exports", f"/exports/{running}", "/system/jobs"):
        ups = {"title": "UPS", "state": "running", "pid": 7, "restarts": 0, "status": {"level": "battery"}}
        house.parts.board.set_processes({"ups": ups}, house.now_ms())
        page.goto(url + path)
        assert "Waits for mains" in page.inner_text("main")
        assert find_violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"mains-{size}-{path.replace('/', '-')}.png", full_page=True)
    page.close()
