"""The list of events and the page of one in a browser: live, by keyboard and finger, with a way back. One house."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.chromium import find_violations, sign_in
from tests.browser.held_back import HeldBack
from tests.browser.house import House, first_jpeg, open_house, serve
from tests.browser.live_kit import report
from tests.conftest import wait_until
from tests.pace import slowness
from tests.recording_kit import make_clip
from vigilar.events.grouping import grouping_of
from vigilar.events.subjects import EVENT_TYPES
from vigilar.store.events import StoredEvent, get_event

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "desk": (1440, 900)}
MINUTE, HOUR = 60_000, 3_600_000
GROUPING = grouping_of(EVENT_TYPES)


EVERY_PAGE = (
    "/live", "/events", "/events/1", "/kept", "/exports", "/system", "/system/log", "/system/storage", "/system/jobs",
    "/arm", "/settings/notifications", "/settings/account", "/settings/audit",
)  # fmt: skip
"""That tell times, of which no other test looks at the clock."""


class Site:
    """A served house with a recording of the last minutes of the front door, and 40 stories."""

    def __init__(self, house: House, url: str, chromium: Browser) -> None:
        self.house, self.url, self.chromium = house, url, chromium
        self.complaints: list[str] = []

    def page(
        self, size: str = "desk", *, path: str = "/events", script: bool = True, zone: str = "Europe/Berlin"
    ) -> Page:
        width, height = SIZES[size]
        self.tell_health()
        context = self.chromium.new_context(
            viewport={"width": width, "height": height}, has_touch=size == "phone", is_mobile=size == "phone",
            java_script_enabled=script, timezone_id=zone, service_workers="block",
        )  # fmt: skip
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        sign_in(page, self.url)
        page.goto(self.url + path)
        return page

    def tell_health(self) -> None:
        """The shed is down. What was told of the cameras grows old in seconds."""
        self.house.well("front-door", "garden", "drive")
        self.house.health("shed", "no-picture")

    def hang_up(self) -> None:
        """End the streams of pages that were left: the box notes that only when it writes."""
        self.house.parts.hub.close()
        self.house.parts.hub.open()

    def listening(self, size: str = "desk", *, path: str = "/events") -> Page:
        """A page whose stream is there: what is told from now on it hears."""
        page = self.page(size, path=path)
        self.hang_up()
        self.wait_streams(page, 1)
        return page

    def wait_streams(self, page: Page, count: int) -> None:
        for _ in range(400):
            if self.house.parts.hub.count() == count:
                return
            page.wait_for_timeout(50)
        raise AssertionError(f"{self.house.parts.hub.count()} streams, not {count}")

    def apart_ms(self, minutes: int) -> int:
        """A moment that no other story is near, so long ago: what happens then joins none of them."""
        return self.house.now_ms() - minutes * MINUTE

    def happen(self, title: str = "Person, Garden", camera: str = "garden", **more: object) -> StoredEvent:
        """A story of its own; pages are told."""
        event = self.house.event(camera_id=camera, title=title, what=str(more.pop("what", "person")), **more)  # type: ignore[arg-type]
        self.house.tell(event)
        return event


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("events")
    with open_house(folder) as house, serve(house) as url:
        house.client()
        clip = make_clip(folder, fps=10, gop=10, size=(320, 180))
        now = house.now_ms()
        shift = (now - 4 * MINUTE) * 1_000_000 - clip.run().utc_ns
        moved = [replace(one, utc_ns=one.utc_ns + shift) for one in islice(clip.endless(), 600)]
        house.record("front-door", moved, clip.run())
        still = house.still("front-door", first_jpeg(clip))
        for number in range(40):
            camera = ("front-door", "garden", "drive")[number % 3]
            house.event(
                camera_id=camera, ts_ms=now - 4 * MINUTE + 1000 if number == 0 else now - number * HOUR, still_id=still,
                title=f"Motion, {camera}", what="motion",
            )  # fmt: skip
        house.event("camera_offline", "shed", severity="WARNING", ts_ms=now - HOUR // 2, length_ms=19 * MINUTE,
                    title="No picture from Shed")  # fmt: skip
        yield Site(house, url, chromium)


@pytest.mark.parametrize("size", SIZES)
def test_list_is_accessible_in_its_states(site: Site, size: str) -> None:
    page = site.page(size)
    asked = ("person+garden+tuesday+after+5pm", "not+on+weekends+after+10pm", f"not+{'w' * 60}")
    states = ("", "?month=2026-11", *(f"?q={one}" for one in asked), "?camera=shed&kind=cat&day=2026-01-05")
    for state in states:
        site.tell_health()
        page.goto(f"{site.url}/events{state}")
        expect(page.locator("#sentence")).to_contain_text("Shed has no picture.")
        assert find_violations(page) == [], state
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], state
    page.goto(f"{site.url}/events")
    page.locator("summary", has_text="Cameras").click()
    page.locator("article.card-row .pick-one").first.click()
    assert find_violations(page) == []
    page.goto(f"{site.url}/events/1")
    page.locator("summary", has_text="Details").click()
    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")  # nothing half below the header
    assert find_violations(page) == []
    assert site.complaints == []


def test_filters_leave_a_phone_its_first_screen(site: Site) -> None:
    page = site.page("phone")
    heights = page.evaluate("[...document.querySelectorAll('.find, .slim')].map(one => one.offsetHeight)")
    assert sum(heights) < 0.15 * 844
    assert page.evaluate("document.querySelector('article').getBoundingClientRect().top") < 0.45 * 844
    assert page.evaluate("getComputedStyle(document.querySelector('.slim')).flexWrap") == "nowrap"


@pytest.mark.parametrize("size", SIZES)
def test_focus_goes_through_a_card_from_left_to_right(site: Site, size: str) -> None:
    site.happen()  # the first card is new, whatever others here have seen
    page = site.page(size)
    expect(page.locator("#events.is-late")).to_have_count(0)  # the scripts have begun, and all are laid out
    page.locator("article.card-row h3 a").first.focus()
    places: list[tuple[str, float]] = []
    for _ in range(3):
        page.keyboard.press("Tab")
        place = "(one => [one.dataset.do ?? one.name, one.getBoundingClientRect().x])(document.activeElement)"
        places.append(tuple(page.evaluate(place)))
    assert {name for name, _ in places} == {"seen", "kept", "story"}
    assert [x for _, x in places] == sorted(x for _, x in places)


def test_story_grows_in_its_card(site: Site) -> None:
    page = site.listening()
    car = {"grouping": GROUPING, "what": "vehicle", "ts_ms": site.apart_ms(30)}
    first = site.happen("Vehicle, Front door", "front-door", length_ms=None, **car)
    card = page.locator(f'[data-events~="{first.id}"]')
    expect(card).to_contain_text("still going")
    card.locator(".pick-one input").check()
    card.locator("h3 a").focus()
    second = site.happen("Vehicle, Drive", "drive", **car)
    assert second.incident_id == first.incident_id
    expect(card).to_have_attribute("data-events", re.compile(rf"\b{first.id} {second.id}$"))
    expect(card).to_contain_text("Front door, Drive")
    expect(page.locator(f'[data-key="i{first.incident_id}"]')).to_have_count(1)
    expect(card.locator(".pick-one input")).to_be_checked()
    assert page.evaluate("document.activeElement.closest('article')?.dataset.key") == f"i{first.incident_id}"
    site.house.end(first, first.ts_ms + 8_000)  # later stories do not join it


def test_new_story_does_not_move_what_is_read(site: Site) -> None:
    page = site.listening("phone")
    expect(page.locator("#events.is-late")).to_have_count(0)  # all are laid out, soon after the first picture
    page.evaluate("scrollTo({ top: 1200, behavior: 'instant' })")
    top = "() => document.querySelectorAll('article')[9].getBoundingClientRect().top"
    watched = page.evaluate("() => document.querySelectorAll('article')[9].id")
    before = page.evaluate(top)
    site.happen()
    expect(page.locator("#new-pill")).to_contain_text("1 new")
    after = page.evaluate("id => document.getElementById(id).getBoundingClientRect().top", watched)
    assert abs(after - before) <= 1
    page.click("#new-pill")
    expect(page.locator("#new-pill")).to_be_hidden()


def test_page_just_opened_asks_for_no_card_that_it_has(site: Site) -> None:
    """The line of a page begins with the newest story, as it may have been cut before that was told."""
    site.happen("Dog, Garden", what="dog")
    page = site.page(path="/account")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_response(lambda answer: "/events/stream" in answer.url):
        page.goto(f"{site.url}/events")
    later = site.happen("Cat, Garden", what="cat")
    expect(page.locator(f'[data-events~="{later.id}"]')).to_be_visible()
    assert {one for one in asked if one.endswith("/card")} <= {f"{site.url}/events/{later.id}/card"}


def test_card_comes_with_its_news_and_is_not_asked_for(site: Site) -> None:
    """Ten pages that each ask for it are most of what a new event costs."""
    page = site.listening()
    first = site.happen("Dog, Garden", what="dog")  # perhaps while the line was being opened
    expect(page.locator(f'[data-events~="{first.id}"]')).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_response("**/events/summary"):  # what stands above the list is counted anew
        event = site.happen("Cat, Garden", what="cat", length_ms=None)
    card = page.locator(f'[data-events~="{event.id}"]')
    expect(card).to_contain_text("still going")
    site.house.tell(site.house.end(event, event.ts_ms + 5_000), is_update=True)
    expect(card).not_to_contain_text("still going")
    assert [one for one in asked if one.endswith("/card")] == []


def test_list_with_a_filter_takes_only_what_fits(site: Site) -> None:
    page = site.listening(path="/events?q=dog")
    cat = site.happen("Cat, Garden", what="cat")
    dog = site.happen("Dog, Garden", what="dog")
    expect(page.locator(f'[data-events~="{dog.id}"]')).to_be_visible()
    expect(page.locator(f'[data-events~="{cat.id}"]')).to_have_count(0)


@pytest.mark.quiet
def test_ten_open_pages_show_a_story_within_300_ms_and_miss_none_after_a_cut(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """B-12, and acceptance 35 and 51. Each page is a browser of its own, so each has a stream of its own."""
    pages = [site.page() for _ in range(10)]
    site.hang_up()
    for page in pages:
        page.evaluate(
            """() => { window.shown = {}; new MutationObserver(() => {
                for (const card of document.querySelectorAll("article"))
                    for (const id of card.dataset.events.split(" ")) window.shown[id] ??= Date.now();
            }).observe(document.getElementById("events"), { childList: true, subtree: true }) }"""
        )
    site.wait_streams(pages[0], 10)
    waits = []
    for _ in range(6):
        event = site.house.event(camera_id="garden", title="Motion, Garden", what="motion")
        stored = site.house.now_ms()
        site.house.tell(event)
        for one in pages:
            one.wait_for_function("id => window.shown[id]", arg=str(event.id))
        waits += [one.evaluate("id => window.shown[id]", str(event.id)) - stored for one in pages]
    waits.sort()
    late = waits[int(0.95 * len(waits)) - 1]
    report(capsys, f"B-12 ten pages: half within {waits[len(waits) // 2]} ms, p95 {late} ms (at most 300)")
    # Half, as others may work on this machine; the figure is printed.
    assert waits[len(waits) // 2] < 300 * slowness(), waits
    for one in pages:
        one.context.set_offline(True)
    site.hang_up()
    missed = [site.house.event(camera_id="drive", title=f"Missed {number}", what="motion") for number in range(3)]
    for one in pages:
        one.context.set_offline(False)
    for one in pages:
        for event in missed:
            expect(one.locator(f'[data-events~="{event.id}"]')).to_have_count(1)
        keys = one.evaluate("[...document.querySelectorAll('article')].map(card => card.dataset.key)")
        assert len(set(keys)) == len(keys)


def test_many_are_seen_by_keyboard_and_taken_back(site: Site) -> None:
    """B-15, B-16: cards one by one, a range, all; each with `u`."""
    events = [site.happen(f"Dog {number}, Garden", what="dog") for number in range(4)]
    page = site.page()
    page.keyboard.press("j")
    card = page.locator("article:focus")
    expect(card).to_have_class(re.compile("is-new"))
    key = card.get_attribute("data-key")
    page.keyboard.press("e")
    one = page.locator(f'[data-key="{key}"]')
    expect(one).not_to_have_class(re.compile("is-new"))
    assert page.evaluate("document.activeElement.dataset.key") == key, "the focus stays where it was"
    page.keyboard.press("u")
    expect(one).to_have_class(re.compile("is-new"))
    page.keyboard.press("x")
    for _ in range(2):
        page.keyboard.press("j")
    page.keyboard.press("X")
    expect(page.locator("#bulk-count")).to_have_text("3 selected")
    page.get_by_role("button", name="Seen", exact=True).click()
    expect(page.locator(".undo-bar")).to_contain_text("3 cards marked as seen.")
    expect(page.locator("#bulk-count")).to_have_text("")
    page.click("#all-seen")
    expect(page.locator("article.is-new")).to_have_count(0)
    page.locator(".undo-bar button").click()
    expect(page.locator("article.is-new").first).to_be_visible()
    page.locator("article.card-row").nth(1).focus()
    page.keyboard.press("s")
    expect(page.locator("article:focus, article:focus-within")).to_contain_text("Kept")
    wait_until(lambda: (kept := get_event(site.house.store, events[2].id)) is not None and kept.kept, 20)
    page.keyboard.press("2")
    page.wait_for_url("**/events?level=notable")
    page.keyboard.press("/")
    page.keyboard.type("motion drive")
    page.keyboard.press("Enter")
    page.wait_for_url("**/events?q=motion+drive&level=notable")
    expect(page.locator(".read")).to_contain_text("Motion")
    assert site.complaints == []


def test_swipe_marks_and_button_does_the_same(site: Site) -> None:
    event = site.happen("Cat, Garden", what="cat")
    page = site.page("phone")
    card = page.locator(f'[data-events~="{event.id}"]')
    swipe = """([id, dx]) => {
        const card = document.querySelector(`[data-events~="${id}"]`);
        const clientY = card.getBoundingClientRect().top + 20;
        const at = (type, clientX) => card.querySelector("h3").dispatchEvent(new PointerEvent(type,
            { bubbles: true, pointerType: "touch", isPrimary: true, clientX, clientY }));
        at("pointerdown", 190);
        for (let step = 1; step <= 5; step++) at("pointermove", 190 + dx * step / 5);
        at("pointerup", 190 + dx); }"""
    expect(card).to_have_class(re.compile("is-new"))
    page.evaluate(swipe, [event.id, 40])
    page.wait_for_timeout(200)
    expect(card).to_have_class(re.compile("is-new"))
    page.evaluate(swipe, [event.id, 130])
    expect(card).not_to_have_class(re.compile("is-new"))
    page.evaluate(swipe, [event.id, -130])
    expect(card).to_contain_text("Kept")
    card.get_by_role("button", name=re.compile("^Keep no longer Cat")).click()
    expect(card).not_to_contain_text("Kept")


def test_preview_plays_and_is_having_seen_it(site: Site) -> None:
    # A mouse that rested on it in another test may have seen it.
    answer = site.house.client().post("/events/seen?seen=0", data={"one": "i1"}, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    page = site.page(path="/events?camera=front-door&q=motion")
    card = page.locator('[data-events~="1"]')
    expect(card).to_have_class(re.compile("is-new"))
    card.focus()
    page.keyboard.press(" ")
    expect(card.locator("video")).to_be_attached()
    expect(card).not_to_have_class(re.compile("is-new"))


def test_push_lands_on_the_playing_clip(site: Site) -> None:
    page = site.page("phone", path="/events/1?from=push")
    page.wait_for_function("() => document.getElementById('player').currentTime > 0.5")
    for name in ("Live", "Keep"):
        box = page.locator(".main-keys").get_by_text(name, exact=True).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < 844 - 61, "in the first screen, above the tabs"
    expect(page.locator("#seen")).to_contain_text("Not seen")
    page.click("#seen")
    expect(page.locator("#seen")).to_have_text(re.compile("^Seen"))
    assert site.complaints == []


def test_key_that_is_pressed_while_the_player_still_loads_leaves_a_clip_that_plays(site: Site) -> None:
    """The first start took the clip out of the element that the second one had just put there, and nothing played."""
    page = site.page()
    held: list[Route] = []
    page.route("**/hls.light.min.mjs", lambda route: held.append(route))
    page.goto(f"{site.url}/events/1", wait_until="commit")
    page.locator("#five-before").click()
    wait_until(lambda: bool(page.evaluate("1")) and bool(held), 30)
    held[0].continue_()
    page.wait_for_function("() => document.getElementById('player').currentTime > 0.5")
    assert site.complaints == []


def test_link_of_an_event_is_copied_without_what_was_filtered(site: Site) -> None:
    page = site.page(path="/events/1?level=alert")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Share link").click()
    expect(page.locator("#event-says")).to_have_text("Link copied. Whoever opens it signs in first.")
    assert page.evaluate("navigator.clipboard.readText()") == f"{site.url}/events/1"


def test_seen_that_the_box_does_not_take_is_told(site: Site) -> None:
    event = site.happen("Fox, Garden", what="fox")
    page = site.page(path=f"/events/{event.id}")
    expect(page.locator("#seen")).to_have_text(re.compile("^Not seen"))
    page.route("**/events/seen*", lambda route: route.abort())
    page.click("#seen")
    expect(page.locator("#event-says")).to_have_text("The box did not take it. Try again.")
    expect(page.locator("#seen")).to_have_text(re.compile("^Not seen"))
    page.unroute("**/events/seen*")
    page.click("#seen")
    expect(page.locator("#seen")).to_have_text(re.compile("^Seen"))
    expect(page.locator("#event-says")).to_be_hidden()


def test_answer_that_comes_late_does_not_put_back_what_was_done(site: Site) -> None:
    event = site.happen("Dog, Garden", what="dog")
    page = site.listening()
    card = page.locator(f'[data-events~="{event.id}"]')
    expect(card).to_have_class(re.compile("is-new"))
    card.focus()
    page.keyboard.press("e")
    expect(card).not_to_have_class(re.compile("is-new"))
    unseen = HeldBack(page, f"**/events/{event.id}/card*")
    page.keyboard.press("u")
    unseen.wait()
    with page.expect_response(f"**/events/{event.id}/card*"):
        page.click("#all-seen")
    unseen.let_go()
    expect(card).not_to_have_class(re.compile("is-new"))


def test_sum_of_the_day_that_comes_late_does_not_put_back_what_it_was(site: Site) -> None:
    page = site.listening()
    sentence = page.locator("#sentence")
    at_first = sentence.text_content() or ""
    before = HeldBack(page, "**/events/summary*")
    site.happen("Vehicle, Drive", "drive", what="vehicle")
    before.wait()
    with page.expect_response("**/events/summary*"):
        site.happen("Vehicle, Garden", what="vehicle")
        page.wait_for_timeout(1_000)  # until the page asks again: it waits for several changes
    expect(sentence).not_to_have_text(at_first)  # the answer is there before it is shown
    after = sentence.text_content()
    told = before.let_go().json()["sentence"]
    assert told != after, "else nothing is tried"
    assert sentence.text_content() == after


def test_what_was_done_to_a_card_is_not_done_again_with_the_one_in_its_place(site: Site) -> None:
    """It stayed selected, and would have been deleted with the next that were."""
    person = {"grouping": GROUPING, "ts_ms": site.apart_ms(20)}
    first = site.happen("Person, Front door", "front-door", **person)
    page = site.listening()
    card = page.locator(f'[data-events~="{first.id}"]')
    card.get_by_role("checkbox").check()
    expect(page.locator("#bulk-count")).to_have_text("1 selected")
    done = HeldBack(page, "**/events/seen*")
    page.get_by_role("button", name="Seen", exact=True).click()
    done.wait()
    second = site.happen("Person, Drive", "drive", **person)
    expect(page.locator(f'[data-events~="{first.id}"][data-events~="{second.id}"]')).to_be_visible()
    expect(card.get_by_role("checkbox")).to_be_checked()
    done.let_go()
    expect(page.locator("#bulk-count")).to_have_text("")
    expect(card.get_by_role("checkbox")).not_to_be_checked()


def test_page_of_a_story_grows_and_keeps_what_is_open(site: Site) -> None:
    person = {"grouping": GROUPING, "ts_ms": site.apart_ms(10)}
    first = site.happen("Person, Front door", "front-door", **person)
    page = site.listening(path=f"/events/{first.id}")
    summary = page.locator("summary", has_text="Details")
    summary.click()
    second = site.happen("Person, Drive", "drive", **person)
    assert second.incident_id == first.incident_id
    expect(page.locator("#story")).to_contain_text("Person, Drive")
    expect(page.locator("#story details.more-of-it")).to_have_attribute("open", "")
    expect(summary).to_be_focused()


def test_other_clock_is_told(site: Site) -> None:
    page = site.page(zone="Asia/Tokyo")
    expect(page.locator("#other-clock")).to_have_text(
        re.compile(r"House time \(Europe/Berlin\)\. Your clock is \+[78] h\.")
    )
    times = page.locator("article time").all_text_contents()  # also of cards that are laid out later
    without = site.page(script=False).locator("article time").all_text_contents()
    assert times == without


def test_nine_hours_away_every_page_shows_house_time_and_says_so(site: Site) -> None:
    """Acceptance 49. The page of a camera has the same beside its own clock."""
    away, home = site.page(zone="America/Los_Angeles"), site.page()
    site.house.client().patch("/api/v1/events/1", json={"kept": True})
    for path in EVERY_PAGE:
        shown = []
        for page in (away, home):
            page.goto(site.url + path)
            page.wait_for_load_state("load")
            text = page.locator("main").text_content() or ""  # also of cards that are laid out later
            shown.append({int(hour) * 60 + int(minute) for hour, minute in re.findall(r"\b(\d\d):(\d\d)\b", text)})
        strange = [one for one in shown[0] if all(2 < abs(one - other) < 1438 for other in shown[1])]
        assert strange == [], path
        expect(away.locator("#other-clock")).to_have_text(
            re.compile(r"House time \(Europe/Berlin\)\. Your clock is \u2212[89] h\."), timeout=10_000
        )
        expect(home.locator("#other-clock")).to_be_hidden()
    away.goto(f"{site.url}/watch/front-door")
    expect(away.locator("#zone-chip")).to_contain_text("House time (Europe/Berlin). This device shows")
    expect(away.locator("#other-clock")).to_have_count(0)
    assert site.complaints == []


def test_everything_works_without_script(site: Site) -> None:
    event = site.happen("Bird, Garden", what="bird")
    page = site.page("phone", script=False)
    page.fill("#find", "bird")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("article")).to_have_count(1)
    page.get_by_role("button", name=re.compile("^Seen Bird")).click()
    expect(page.locator(".done")).to_contain_text("1 card marked as seen.")
    page.locator(".done").get_by_role("button", name="Undo").click()
    expect(page.locator("article")).to_have_class(re.compile("is-new"))
    page.locator(".pick-one input").check()
    page.locator("summary", has_text="For what is selected").click() if page.locator(
        "#bulk-more:not([open])"
    ).count() else None
    page.locator('[data-bulk="kept"]').click()
    expect(page.locator("article")).to_contain_text("Kept")
    page.locator("article h3 a").click()
    expect(page).to_have_url(f"{site.url}/events/{event.id}?q=bird")
    page.get_by_role("button", name="Keep no longer").click()
    expect(page.get_by_role("button", name="Keep", exact=True)).to_be_visible()
    page.locator(".back").click()
    expect(page).to_have_url(re.compile(r"/events\?q=bird"))
    page.get_by_role("link", name=re.compile("^Bird take away")).click()
    page.get_by_role("link", name="Calendar").click()
    expect(page.locator(".month")).to_be_visible()
    expect(page.locator("article")).to_have_count(30)
