"""Live pages in a real browser: how soon, how late, how much, and what they say when they cannot know."""

from __future__ import annotations

import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, WebSocket, expect

from tests.browser.chromium import find_violations, press_after_g, wait_listening
from tests.browser.house import first_jpeg
from tests.browser.live_kit import HIDE, opened, report
from tests.conftest import wait_until
from tests.pace import slowness
from tests.recording_kit import Clip, make_clip
from vigilar.web.blueprints import events as events_pages

pytestmark = pytest.mark.browser


NOTE_CLAIMS = """() => { window.claims = []; new MutationObserver(() => {
        if (document.querySelector("#sentence").innerText === "4 cameras live.")
            claims.push([...document.querySelectorAll(".tile-age")].map(one => one.innerText).join(", "));
    }).observe(document.querySelector("#sentence"), { childList: true, characterData: true, subtree: true }); }"""
"""Notes what the tiles say whenever the page begins to say that all four are live."""

NOTE_WORDS = """(where) => { window.words = []; setInterval(() => {
        for (const one of document.querySelectorAll(where)) words.push(one.innerText); }, 100); }"""
NOTE_HIDDEN = """() => setInterval(() => {
        window.wasHidden ||= !document.querySelector("#stage video")?.checkVisibility(); }, 100)"""
"""What stands there for some seconds only, a busy test may ask for too late."""

GET_STUCK = """() => new Promise((done) => {
    const append = SourceBuffer.prototype.appendBuffer;
    SourceBuffer.prototype.appendBuffer = () => { SourceBuffer.prototype.appendBuffer = append; done(); };
})"""
"""One piece of video never ends to be put in: the player that has it waits for that for ever."""

NEVER_BEGIN = f"""() => document.querySelector("video").addEventListener("emptied", {GET_STUCK}, {{ once: true }})"""
"""The same happens to the first piece of the next player."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), has_sound=True, gop=10, size=(320, 180))


@pytest.mark.quiet
def test_single_view_is_there_at_once_and_hardly_behind(
    tmp_path: Path, chromium: Browser, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(tmp_path, chromium, clip, 1) as place:
        page = place.browser().pages[0]
        page.add_init_script(
            """addEventListener("DOMContentLoaded", () => document.querySelector("video")?.addEventListener("playing",
                () => { window.playingAt ??= performance.now(); }))"""
        )
        waits = []
        for _ in range(3):
            page.goto(f"{place.url}/watch/cam-1")
            page.wait_for_function("() => window.playingAt > 0")
            waits.append(page.evaluate("() => window.playingAt"))
        page.wait_for_timeout(4000)
        expect(page.locator("#latency")).to_have_text(re.compile(r"^Live, 0\.[0-4]\d* s behind$"))
        report(capsys, f"moving after {[round(one) for one in waits]} ms; {page.locator('#latency').inner_text()}")
        assert sorted(waits)[1] < 1000 * slowness()


def test_single_view_costs_what_the_camera_sends(
    tmp_path: Path, chromium: Browser, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not the fourfold in JPEG; and nothing at all once the page is hidden."""
    with opened(tmp_path, chromium, clip, 1) as place:
        page = place.page("/events")
        taken: list[int] = []
        others: list[str] = []

        def listen(socket: WebSocket) -> None:
            socket.on("framereceived", lambda data: taken.append(len(data)))

        page.on("websocket", listen)
        page.on("request", lambda request: others.append(urlsplit(request.url).path))
        page.goto(f"{place.url}/watch/cam-1")
        expect(page.locator("#latency")).to_contain_text("behind")
        taken.clear()
        began = time.monotonic()
        page.wait_for_timeout(5000)
        took_s = time.monotonic() - began
        sent = sum(len(packet.data) for packet in clip.video) / 4 * took_s
        report(capsys, f"{sum(taken) / took_s / 125:.0f} kbit/s shown of {sent / took_s / 125:.0f} kbit/s sent")
        assert 0 < sum(taken) < 1.8 * sent + 20_000
        assert not [one for one in others if one.endswith("/mjpeg")]
        page.evaluate(HIDE, True)
        for _ in range(10):  # what was on the way arrives
            taken.clear()
            page.wait_for_timeout(1000)
            if not taken:
                break
        page.wait_for_timeout(2000)
        assert taken == []
        page.evaluate(HIDE, False)
        expect(page.locator("#latency")).to_contain_text("behind")


def test_sound_is_off_until_asked(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    with opened(tmp_path, chromium, clip, 1) as place:
        page = place.page("/watch/cam-1")
        expect(page.locator("#latency")).to_contain_text("behind")
        asked: list[str] = []
        page.on("websocket", lambda socket: asked.append(socket.url))
        assert page.evaluate("document.querySelector('video').muted")
        page.keyboard.press("m")
        expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")
        page.wait_for_function(
            """() => { const video = document.querySelector("video");
                return !video.muted && video.webkitAudioDecodedByteCount > 0; }""",
        )
        assert asked[-1].endswith("sound=1")
        expect(page.locator("#latency")).to_contain_text("behind")
        assert find_violations(page) == []


def test_narrow_stream_is_named(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    with opened(tmp_path, chromium, clip, 1) as place:
        page = place.page("/watch/cam-1")
        page.select_option("#quality", "narrow")
        expect(page.locator("#how")).to_contain_text("Small stream. H.264")


def test_browser_without_the_codec_gets_another_picture(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    """As H.265 is for many: here the browser says so of every codec, and is shown JPEGs."""
    with opened(tmp_path, chromium, clip, 1) as place:
        page = place.browser().pages[0]
        page.add_init_script("MediaSource.isTypeSupported = () => false;")
        page.goto(f"{place.url}/watch/cam-1")
        expect(page.locator("#how")).to_contain_text("Pictures one by one: this browser cannot play")
        expect(page.locator("#stage canvas.canvas")).to_be_visible()
        expect(page.locator("#latency")).to_contain_text("behind")


@pytest.mark.long
def test_windows_share_one_socket_and_the_sixth_page_loads(
    tmp_path: Path, chromium: Browser, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(tmp_path, chromium, clip, 1) as place:
        context = place.browser()
        windows = []
        for _ in range(5):
            page = context.new_page()
            page.goto(f"{place.url}/watch/cam-1")
            windows.append(page)
        expect(windows[-1].locator("#how")).to_contain_text("H.264")  # by the socket, in full or not
        for one in windows[:-1]:
            expect(one.locator("#how")).to_contain_text("About 2 s behind")
        wait_until(lambda: place.house.parts.live.watching() == 1, 20)
        wait_listening(windows[0], place.house)
        sixth = context.new_page()
        began = time.monotonic()
        sixth.goto(f"{place.url}/events")
        report(capsys, f"the sixth page has loaded after {time.monotonic() - began:.1f} s")
        for one in windows[:-1]:
            one.evaluate("Math.random = () => 0")  # all of them want what it had, at the same moment
        windows[-1].close(run_before_unload=True)  # as people close one
        how = [one.locator("#how") for one in windows[:-1]]
        wait_until(lambda: any("H.264" in one.inner_text() for one in how), 20)
        wait_until(lambda: place.house.parts.live.watching() == 1, 20)


@pytest.mark.long
def test_unreachable_box_is_not_called_well(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    """The pictures stay, with their growing age; no page says what it cannot know."""
    with opened(tmp_path, chromium, clip, 4) as place:
        page = place.page("/live")
        age = page.locator("[data-camera=cam-2] .tile-age")
        expect(age).to_contain_text("live ")
        system = page.context.new_page()
        system.goto(f"{place.url}/system")
        page.bring_to_front()
        page.context.set_offline(True)
        place.house.parts.hub.close()
        expect(page.locator("#sentence")).to_contain_text("Not known: this box does not answer since")
        expect(page.locator("#health")).to_have_text("Not known")
        expect(system.locator("#system .sentence").first).to_contain_text("Not known")
        page.wait_for_timeout(15_000)  # what lay ready has been played, the players have given up
        expect(age).to_contain_text(re.compile(r"not reached, ([0-9]+ s|[0-9:]+) old"))
        dark = """() => [...document.querySelectorAll(".tile")].map(tile => {
            const shown = tile.querySelector("video:not([hidden])") ?? tile.querySelector("canvas");
            const c = document.createElement("canvas"); c.width = 32; c.height = 18;
            const brush = c.getContext("2d"); brush.drawImage(shown, 0, 0, 32, 18);
            return Math.max(...brush.getImageData(0, 0, 32, 18).data.filter((_, i) => i % 4 == 1)); })"""
        assert all(brightest > 100 for brightest in page.evaluate(dark)), "no tile is black"
        assert find_violations(page) == []
        page.evaluate(NOTE_CLAIMS)
        place.house.parts.hub.open()
        page.context.set_offline(False)
        sentence = page.locator("#sentence")

        def is_well() -> bool:
            place.well()  # each few seconds: what was said once is of no page that comes back later
            return sentence.inner_text() == "4 cameras live."

        wait_until(is_well, 20)
        expect(age).to_contain_text("live ")
        expect(page.locator("#health")).not_to_have_text("Not known")
        assert page.evaluate("claims.filter(one => /stands still/.test(one))") == [], "none while a picture stood still"


@pytest.mark.long
def test_player_that_is_stuck_begins_again(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    """Nobody has to load the page anew, neither of the grid nor of a camera alone."""
    with opened(tmp_path, chromium, clip, 2) as place:
        page = place.page("/live")
        live = page.locator(".tile-age", has_text=re.compile("^live "))
        expect(live).to_have_count(2)
        page.evaluate(NOTE_WORDS, ".tile-age")
        page.evaluate(GET_STUCK)
        page.wait_for_function("() => words.some((one) => one.includes('stands still'))")
        expect(live).to_have_count(2)
        page.goto(f"{place.url}/watch/cam-1")
        page.context.new_page().goto(f"{place.url}/watch/cam-2")  # has the socket, so that this one is left with HLS
        expect(page.locator("#how")).to_contain_text("About 2 s behind")
        expect(page.locator("#stage video")).to_be_visible()
        page.evaluate(NOTE_WORDS, "#latency")
        page.evaluate(GET_STUCK)
        page.wait_for_function("() => words.some((one) => one.endsWith(' old. Trying again…'))")
        expect(page.locator("#latency")).to_contain_text("Live, ")


@pytest.mark.long
def test_player_that_never_begins_is_replaced(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    """It has shown nothing yet, so that nothing stands still; the grid's first, and a camera's next one."""
    with opened(tmp_path, chromium, clip, 1) as place:
        page = place.browser().pages[0]
        page.add_init_script(f"({GET_STUCK})()")
        page.goto(f"{place.url}/live")
        video = page.locator(".tile video")
        expect(page.locator(".tile-age")).to_contain_text("still, ")
        expect(video).to_be_visible()
        page = page.context.new_page()
        page.goto(f"{place.url}/watch/cam-1")
        video = page.locator("#stage video")
        expect(video).to_be_visible()
        page.evaluate(NEVER_BEGIN)
        page.evaluate(NOTE_HIDDEN)
        page.context.new_page().goto(f"{place.url}/watch/cam-1")
        expect(page.locator("#how")).to_contain_text("About 2 s behind")
        page.wait_for_function("() => window.wasHidden")
        expect(video).to_be_visible()
        expect(page.locator("#latency")).to_contain_text("Live, ")


@pytest.mark.long
def test_video_that_the_browser_halts_goes_on(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    with opened(tmp_path, chromium, clip, 1) as place:
        page = place.page("/live")
        expect(page.locator(".tile-age")).to_contain_text("live ")
        video = page.locator("[data-camera=cam-1] video")
        video.evaluate("video => video.pause()")
        page.wait_for_function("video => !video.paused", arg=video.element_handle())


@pytest.mark.long
@pytest.mark.parametrize("count", [1, 2, 4, 8, 12, 16])
def test_grid_fills_the_screen_and_all_move(
    tmp_path: Path, chromium: Browser, clip: Clip, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(tmp_path, chromium, clip, count) as place:
        page = place.page("/live")
        began = time.monotonic()
        expect(page.locator(".tile[data-painted]")).to_have_count(count)
        painted_s = time.monotonic() - began
        expect(page.locator(".tile video:visible")).to_have_count(count)
        report(capsys, f"{count} cameras: painted {painted_s:.2f} s, all moving {time.monotonic() - began:.2f} s later")
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight + 1"), "nothing to scroll"
        used = page.evaluate(
            """() => { const grid = document.getElementById("grid").getBoundingClientRect();
                const tiles = [...document.querySelectorAll(".tile")].map(t => t.getBoundingClientRect());
                const wide = Math.max(...tiles.map(t => t.right)) - Math.min(...tiles.map(t => t.left));
                const high = Math.max(...tiles.map(t => t.bottom)) - Math.min(...tiles.map(t => t.top));
                return Math.max(wide / grid.width, high / (innerHeight - grid.top - 12)); }"""
        )
        assert used > 0.9, "it reaches the edges in one direction"


@pytest.mark.long
def test_camera_with_rare_keyframes_moves_in_the_grid_at_once(
    tmp_path: Path, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A keyframe each half minute: HLS alone would show a still until the next one."""
    rare = make_clip(tmp_path_factory.mktemp("rare"), seconds=30, fps=10, gop=300, size=(320, 180))
    with opened(tmp_path, chromium, rare, 1) as place:
        place.house.health("cam-1", last_frame_ts=place.house.now_ms(), keyframe_gap_s=30.0, codec="h264")
        page = place.page("/live")
        tile = page.locator("[data-camera=cam-1]")
        expect(tile.locator("video")).to_be_visible()  # before the 20 s that this waits at most
        expect(tile.locator(".tile-age")).to_contain_text("small: keyframes are rare, live ")


def test_no_tile_is_empty(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    """A camera that was down before the page came shows its last stored picture, and how old that is."""
    with opened(tmp_path, chromium, clip, 2) as place:
        house = place.house
        house.still("cam-2", first_jpeg(clip))
        place.cables["cam-2"].set()
        house.feeds.close()
        house.health("cam-2", "no-picture", reason="Nothing answers.", last_frame_ts=house.now_ms() - 60_000)
        page = place.page("/live")
        tile = page.locator("[data-camera=cam-2]")
        expect(tile).to_have_attribute("data-painted", "1")
        expect(tile.locator(".tile-age")).to_contain_text(re.compile(r"no picture, ([0-9.]+ s|[0-9:]+) old"))
        page.goto(f"{place.url}/watch/cam-2")
        expect(page.locator("#stage canvas.canvas")).to_be_visible()
        late = place.browser().pages[0]  # the one picture of all does not come in time
        late.route("**/live/contact-sheet.jpg", lambda route: route.abort())
        late.goto(f"{place.url}/live")
        expect(late.locator("[data-camera=cam-2]")).to_have_attribute("data-painted", "1")


def test_keys_reach_everything(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    with opened(tmp_path, chromium, clip, 4) as place:
        page = place.page("/live")
        expect(page.locator("#pause")).to_be_visible()  # its script is there
        focused = "document.activeElement.closest('.tile')?.dataset.camera"
        for key, camera_id in (("ArrowRight", "cam-1"), ("ArrowRight", "cam-2"), ("ArrowDown", "cam-4")):
            page.keyboard.press(key)
            assert page.evaluate(focused) == camera_id
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys of this page")).to_be_visible()
        assert find_violations(page) == []
        page.keyboard.press("Escape")
        page.keyboard.press("f")
        page.wait_for_function("() => document.fullscreenElement?.id === 'room'")
        page.keyboard.press("f")
        page.wait_for_function("() => !document.fullscreenElement")
        page.keyboard.press("3")
        expect(page).to_have_url(f"{place.url}/watch/cam-3")
        expect(page.locator("#pause")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page).to_have_url(f"{place.url}/live")
        expect(page.locator("#pause")).to_be_visible()
        press_after_g(page, "e")
        expect(page).to_have_url(f"{place.url}/events")


def test_layout_is_kept_for_its_user(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    with opened(tmp_path, chromium, clip, 3) as place:
        page = place.page("/live")
        page.click("#layout-open")
        page.get_by_role("button", name="Move Camera 3 up").click()
        page.get_by_label("Group of Camera 3").fill("Back")
        page.get_by_label("Group of Camera 3").press("Tab")
        assert find_violations(page) == []
        page.click("#layout-close")
        page.reload()
        order = "[...document.querySelectorAll('.tile')].map(t => t.dataset.camera)"
        assert page.evaluate(order) == ["cam-1", "cam-3", "cam-2"]
        page.select_option("#group", "Back")
        expect(page.locator(".tile:visible")).to_have_count(1)


def test_visits_stand_above_the_grid(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    with opened(tmp_path, chromium, clip, 1) as place:
        house = place.house
        house.event(camera_id="cam-1", title="Motion, Camera 1", still_id=house.still("cam-1", first_jpeg(clip)))
        page = place.page("/live")
        expect(page.locator("#just-now li")).to_have_count(1)
        wait_listening(page, house)
        event = house.event(camera_id="cam-1", title="Motion, again", length_ms=None)
        house.tell(event)
        expect(page.locator("#just-now li").first).to_contain_text("Motion, again")
        page.locator("#just-now a").first.click()
        expect(page).to_have_url(f"{place.url}/events/{event.id}")


def test_old_visit_that_only_changed_is_not_just_now(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    with opened(tmp_path, chromium, clip, 1) as place:
        house = place.house
        ages = [
            house.event(camera_id="cam-1", title=f"Motion {n}", ts_ms=house.now_ms() - 60_000 * n) for n in range(14)
        ]
        page = place.page("/live")
        titles = page.locator("#just-now .visit-words > :first-child")
        newest = [f"Motion {n}" for n in range(12)]
        expect(titles).to_have_text(newest)
        wait_listening(page, house)
        house.tell(house.end(ages[13], ages[13].ts_ms + 9_000), is_update=True)
        house.tell(house.event(camera_id="cam-1", title="Told late", ts_ms=ages[1].ts_ms + 1))
        expect(titles).to_have_text(["Motion 0", "Told late", *newest[1:11]])


def test_strip_of_visits_is_loaded_again_after_a_long_cut(
    tmp_path: Path, chromium: Browser, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_pages, "REPLAY_AT_MOST", 1)
    with opened(tmp_path, chromium, clip, 1) as place:
        house = place.house
        page = place.page("/live")
        expect(page.locator("section.just-now")).to_be_hidden()
        wait_listening(page, house)
        house.parts.hub.close()
        for number in range(3):
            house.event(camera_id="cam-1", title=f"Motion {number}", ts_ms=house.now_ms() - 3_000 + number)
        house.parts.hub.open()
        titles = page.locator("#just-now .visit-words > :first-child")
        expect(titles).to_have_text(["Motion 2", "Motion 1", "Motion 0"])
        wait_listening(page, house)
        house.tell(house.event(camera_id="cam-1", title="Motion 3"))
        expect(titles.first).to_have_text("Motion 3")


def test_sideways_phone_shows_the_whole_picture(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    with opened(tmp_path, chromium, clip, 1) as place:
        page = place.page("/watch/cam-1", 844, 390)
        expect(page.locator("#latency")).to_contain_text("behind")
        box = page.locator("#stage").bounding_box()
        assert box is not None
        assert (box["y"] >= -1, box["y"] + box["height"] <= 391) == (True, True), box


def test_magnified_page_is_not_covered(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    """1280 x 720 at 400 %: header and tabs go with the page."""
    with opened(tmp_path, chromium, clip, 1) as place:
        page = place.page("/live", 320, 180)
        for selector in (".top", ".tabs"):
            assert page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).position") == "static"
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_forced_colours_mark_one_tab(tmp_path: Path, chromium: Browser, clip: Clip) -> None:
    with opened(tmp_path, chromium, clip, 1) as place:
        page = place.page("/live")
        page.emulate_media(forced_colors="active")
        borders = page.evaluate(
            "[...document.querySelectorAll('.tabs a')].map(a => getComputedStyle(a).borderBottomColor)"
        )
        assert borders[0] not in borders[1:]
        assert len(set(borders[1:])) == 1
