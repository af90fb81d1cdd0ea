"""Drawing zones in a real browser: by mouse, by finger, by keyboard, as numbers, and removing them without script."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import find_violations, sign_in
from tests.browser.held_back import HeldBack
from tests.browser.house import PASSWORD, House, open_house, serve
from vigilar.base.clock import SimulatedClock
from vigilar.base.track_path import PathBox, pack_path
from vigilar.store.cameras import ensure_camera
from vigilar.store.tracks import NewTrack, insert_track

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "desk": (1440, 900)}
SETTINGS = """\
# the house
[[camera]]
name = "Front door" # with the bell
address = "demo:street"

[[camera]]
name = "Garden"
address = "demo:garden"
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[House, str]]:
    with open_house(tmp_path) as house, serve(house) as url:
        house.client()
        house.parts.cfg.config_file.write_text(SETTINGS)
        house.well("front-door", "garden")
        yield house, url


@pytest.fixture
def pages(chromium: Browser) -> Iterator[Any]:
    made = []

    def opened(url: str, size: str = "desk", **more: Any) -> Page:
        width, height = SIZES[size]
        made.append(chromium.new_context(viewport={"width": width, "height": height}, service_workers="block", **more))
        page: Page = made[-1].new_page()
        sign_in(page, url)
        page.goto(f"{url}/cameras/front-door/zones")
        return page

    yield opened
    for context in made:
        context.close()


def written(house: House) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(house.parts.cfg.config_file.read_text())["camera"][0]
    return found


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """A place on the picture in pixels of the window."""
    box = page.locator("#zone-stage").bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#saved")).to_have_text("Saved. In use from now on.")


def near(points: list[list[float]], expected: list[list[float]]) -> bool:
    pairs = zip(points, expected, strict=True)
    return all(abs(a - b) < 0.02 for one, other in pairs for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("size", SIZES)
def test_page_is_accessible_and_fits(site: tuple[House, str], pages: Any, size: str) -> None:
    _, url = site
    page = pages(url, size)
    assert find_violations(page) == []
    page.get_by_role("group", name="Draw").get_by_role("button", name="Zone", exact=True).press("Enter")
    page.get_by_text("Corners as a list").click()
    expect(page.locator(".corner")).to_have_count(4)
    page.locator("#name-0").evaluate("field => field.scrollIntoView({block: 'center'})")  # not half under the tabs
    assert find_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    for button in page.locator("#tools button, #areas button:visible, .corner").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44


def test_zone_is_drawn_by_mouse_and_written_with_comments_kept(site: tuple[House, str], pages: Any) -> None:
    house, url = site
    page = pages(url)
    page.get_by_role("group", name="Draw").get_by_role("button", name="Zone", exact=True).click()
    corners = [[0.2, 0.3], [0.7, 0.35], [0.6, 0.8]]
    for x, y in corners:
        page.mouse.click(*place(page, x, y))
    page.mouse.click(*place(page, 0.2, 0.3))  # the first again: it is whole
    expect(page.locator(".corner")).to_have_count(3)
    page.locator("#name-0").fill("Steps")
    page.locator("#name-0").press("Tab")
    page.get_by_label("vehicles").uncheck()
    page.get_by_label("Stays at least, seconds").fill("3")
    page.get_by_label("Stays at least, seconds").press("Tab")
    page.mouse.move(*place(page, 0.6, 0.8))
    page.mouse.down()
    page.mouse.move(*place(page, 0.5, 0.9), steps=4)
    page.mouse.up()
    save(page)
    [zone] = written(house)["zone"]
    assert near(zone["points"], [*corners[:2], [0.5, 0.9]])
    assert (zone["id"], zone["name"], zone["kind"], zone["dwell"]) == ("steps", "Steps", "include", "3s")
    assert zone["kinds"] == ["person", "cat", "dog", "bird", "animal"]
    assert '"Front door" # with the bell' in house.parts.cfg.config_file.read_text()
    page.reload()
    expect(page.locator("#areas strong")).to_have_text("Steps")


def test_box_and_line_are_drawn_at_one_stroke_and_undone(site: tuple[House, str], pages: Any) -> None:
    house, url = site
    page = pages(url)
    for name, ends in (("Private area", ((0.1, 0.1), (0.4, 0.5))), ("Line", ((0.2, 0.8), (0.9, 0.8)))):
        page.get_by_role("group", name="Draw").get_by_role("button", name=name).click()
        page.mouse.move(*place(page, *ends[0]))
        page.mouse.down()
        page.mouse.move(*place(page, *ends[1]), steps=5)
        page.mouse.up()
    expect(page.locator("#says")).to_have_text('"In" is down across this line, "out" is up.')
    page.get_by_label("Counts when crossed").select_option("in")
    save(page)
    found = written(house)
    assert near(found["zone"][0]["points"], [[0.1, 0.1], [0.4, 0.1], [0.4, 0.5], [0.1, 0.5]])
    assert near([found["line"][0]["from"], found["line"][0]["to"]], [[0.2, 0.8], [0.9, 0.8]])
    assert found["line"][0]["direction"] == "in"
    page.get_by_text("Corners as a list").click()
    for axis, value in (("0", "20"), ("1", "10")):  # it goes up now
        page.locator(f"#corner-1-1-{axis}").fill(value)
        page.locator(f"#corner-1-1-{axis}").press("Tab")
    expect(page.locator("#ways-1")).to_have_text('"In" is right across this line, "out" is left.')
    expect(page.locator("#direction-1 [value=in]")).to_have_text("in: right in the picture")
    page.get_by_role("button", name="Remove Private area").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#areas > li")).to_have_count(2)


def test_zone_is_drawn_by_finger_on_a_phone(site: tuple[House, str], pages: Any) -> None:
    house, url = site
    page = pages(url, "phone", has_touch=True, is_mobile=True)
    page.get_by_role("group", name="Draw").get_by_role("button", name="Ignored area").tap()
    corners = [[0.1, 0.1], [0.9, 0.2], [0.5, 0.9]]
    for x, y in corners:
        page.touchscreen.tap(*place(page, x, y))
    page.get_by_role("button", name="Done").tap()
    expect(page.locator(".corner")).to_have_count(3)
    page.get_by_role("button", name="Save", exact=True).tap()
    expect(page.locator("#saved")).to_have_text("Saved. In use from now on.")
    [zone] = written(house)["zone"]
    assert zone["kind"] == "ignore"
    assert near(zone["points"], corners)


def test_slips_while_drawing_are_taken_back_and_nothing_unsaved_is_lost(site: tuple[House, str], pages: Any) -> None:
    _, url = site
    page = pages(url, "phone", has_touch=True, is_mobile=True)
    expect(page.locator("#says")).to_contain_text("No picture comes from this camera")
    page.get_by_role("group", name="Draw").get_by_role("button", name="Zone", exact=True).tap()
    expect(page.get_by_role("button", name="Take back a corner")).to_be_disabled()
    for x, y in ([0.2, 0.2], [0.9, 0.9], [0.8, 0.2]):
        page.touchscreen.tap(*place(page, x, y))
    page.get_by_role("button", name="Take back a corner").tap()
    page.keyboard.press("Control+z")
    for x, y in ([0.8, 0.2], [0.8, 0.8]):
        page.touchscreen.tap(*place(page, x, y))
    page.get_by_role("button", name="Done").tap()
    corners = page.locator(".corner")
    expect(corners).to_have_count(3)

    x, y = place(page, 0.8, 0.8)  # taken hold of beside its middle, as by a finger
    page.mouse.move(x + 14, y + 14)
    page.mouse.down()
    page.mouse.up()
    expect(corners.nth(2)).to_have_attribute("aria-label", "Corner 3 of Zone: 80 % across, 80 % down")
    page.mouse.down()
    to_x, to_y = place(page, 0.5, 0.6)
    page.mouse.move(to_x + 14, to_y + 14, steps=4)
    page.mouse.up()
    expect(corners.nth(2)).to_have_attribute("aria-label", "Corner 3 of Zone: 50 % across, 60 % down")
    page.get_by_role("button", name="Undo").tap()
    expect(corners.nth(2)).to_have_attribute("aria-label", "Corner 3 of Zone: 80 % across, 80 % down")

    page.get_by_text("Corners as a list").tap()
    page.locator("#corner-0-0-0").fill("10")
    page.keyboard.press("Tab")
    expect(corners.nth(0)).to_have_attribute("aria-label", "Corner 1 of Zone: 10 % across, 20 % down")
    expect(page.locator("#corner-0-0-1")).to_be_focused()

    page.on("dialog", lambda dialog: dialog.dismiss())
    with page.expect_event("dialog") as asked:
        page.get_by_role("link", name="Front door").first.tap(no_wait_after=True)
    assert asked.value.type == "beforeunload"
    expect(corners).to_have_count(3)
    save(page)
    page.get_by_role("link", name="Front door").first.tap()
    page.wait_for_url("**/watch/front-door")


def test_zone_is_made_and_moved_by_keyboard_alone(site: tuple[House, str], pages: Any) -> None:
    house, url = site
    page = pages(url)
    page.get_by_role("group", name="Draw").get_by_role("button", name="Zone", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".corner").first).to_be_focused()
    for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowUp"):
        page.keyboard.press(key)
    expect(page.locator(".corner").first).to_have_attribute("aria-label", "Corner 1 of Zone: 33 % across, 30 % down")
    page.keyboard.press("+")
    expect(page.locator(".corner")).to_have_count(5)
    page.keyboard.press("Delete")
    page.keyboard.press("Delete")
    page.keyboard.press("Delete")
    expect(page.locator("#says")).to_have_text("An area has three corners at least.")
    page.get_by_role("button", name="Save", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_have_text("Saved. In use from now on.")
    assert near(written(house)["zone"][0]["points"], [[0.33, 0.3], [0.65, 0.75], [0.35, 0.75]])


def test_what_is_drawn_while_it_is_saved_stays(site: tuple[House, str], pages: Any) -> None:
    house, url = site
    page = pages(url)
    page.locator("[data-add=include]").focus()
    page.keyboard.press("Enter")
    answer = HeldBack(page, "**/api/v1/cameras/front-door/zones")
    page.get_by_role("button", name="Save", exact=True).click()
    answer.wait()
    page.locator("[data-add=line]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#areas > li")).to_have_count(2)
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()  # the box might take this one first
    answer.let_go()
    expect(page.locator("#saved")).to_contain_text("What you changed since is not saved yet.")
    expect(page.locator("#areas > li")).to_have_count(2)
    save(page)
    assert len(written(house)["zone"]) + len(written(house)["line"]) == 2


def test_drawing_waits_until_it_is_shown_who_draws(site: tuple[House, str], pages: Any) -> None:
    """An hour after signing in: what was drawn is still there when that is done, in another tab."""
    house, url = site
    page = pages(url)
    house.parts.clock = SimulatedClock(utc_ns=(house.now_ms() + 3_600_000) * 1_000_000)
    page.locator("[data-add=ignore]").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#saved")).to_have_text(
        "Not saved yet: show in another tab that it is you, then come back here and save."
    )
    assert "zone" not in written(house)
    link = page.get_by_role("link", name="show in another tab that it is you")
    expect(link).to_have_attribute("href", "/settings/account/prove?next=%2Fcameras%2Ffront-door%2Fzones")
    assert find_violations(page) == []
    assert page.request.post(f"{url}/api/v1/me/prove", data={"password": PASSWORD}).ok
    save(page)
    assert len(written(house)["zone"]) == 1


def test_effect_on_last_week_is_said_while_drawing(site: tuple[House, str], pages: Any) -> None:
    house, url = site
    ensure_camera(house.store, "front-door", "Front door", 1, house.node_id)
    for x in (0.1, 0.2, 0.9):
        event = house.event()
        path = pack_path([PathBox(event.ts_ms, x - 0.05, 0.5, 0.1, 0.2)])
        new = NewTrack(
            uid=f"track-{x}", event_id=event.id, camera_id="front-door", kind="motion", score=0.0,
            start_ms=event.ts_ms, end_ms=event.ts_ms, is_stationary=False, path=path,
        )  # fmt: skip
        insert_track(house.store, new)
    page = pages(url)
    expect(page.locator("#effect")).to_have_text("3 events in the last 7 days, and as many with what is drawn here.")
    page.get_by_role("group", name="Draw").get_by_role("button", name="Zone", exact=True).click()
    page.mouse.move(*place(page, 0.0, 0.2))
    page.mouse.down()
    page.mouse.move(*place(page, 0.5, 0.9), steps=5)
    page.mouse.up()
    expect(page.locator("#effect")).to_have_text("In the last 7 days 3 events would have been 2.")


def test_without_script_zones_are_shown_and_removed(site: tuple[House, str], pages: Any) -> None:
    house, url = site
    corner = {"name": "Tree", "kind": "ignore", "points": [[0, 0], [0.5, 0], [0.5, 0.5]]}
    gate = {"name": "Gate", "from": [0.1, 0.5], "to": [0.9, 0.5]}
    address = "/api/v1/cameras/front-door/zones"
    assert house.client().put(address, json={"zones": [corner], "lines": [gate]}).status_code == 200
    page = pages(url, "phone", java_script_enabled=False)
    expect(page.locator("#areas > li")).to_have_count(2)
    expect(page.locator("#shapes .shape")).to_have_count(2)
    page.get_by_role("button", name="Remove Tree").click()
    expect(page.locator("#areas > li")).to_have_count(1)
    assert "zone" not in written(house)
    assert written(house)["line"][0]["name"] == "Gate"


def test_wrong_drawing_is_answered_with_a_sentence(site: tuple[House, str]) -> None:
    house, _ = site
    client, address = house.client(), "/api/v1/cameras/front-door/zones"
    flat = {"name": "Tree", "kind": "ignore", "points": [[0, 0], [0.5, 0.5], [1, 1]]}
    refused = client.put(address, json={"zones": [flat], "lines": []})
    assert refused.status_code == 422
    problem: Any = refused.json
    assert problem["field"] == "zones.0.points"
    assert problem["detail"].startswith("Tree: points must be the corners of an area")
    bodies: list[dict[str, Any]] = [
        {"zones": {}},
        {"zones": [1]},
        {"zones": [{"name": 3}]},
        {"zones": [{"nme": "x"}]},
        {"areas": []},
    ]
    for body in bodies:
        assert client.put(address, json=body).status_code == 422
    assert client.get(address).json == {"zones": [], "lines": []}
    assert client.put("/api/v1/cameras/attic/zones", json={"zones": [], "lines": []}).status_code == 404
    assert house.parts.cfg.config_file.read_text() == SETTINGS


def test_private_area_is_covered_over_the_live_video(site: tuple[House, str], pages: Any) -> None:
    house, url = site
    corner = {"name": "Window", "kind": "private", "points": [[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]]}
    assert (
        house.client().put("/api/v1/cameras/front-door/zones", json={"zones": [corner], "lines": []}).status_code == 200
    )
    page = pages(url)
    page.goto(f"{url}/watch/front-door")
    expect(page.locator("#stage .cover polygon")).to_have_count(1)
    expect(page.get_by_text("The black area is private.")).to_be_visible()
    page.goto(f"{url}/live")
    expect(page.locator(".picture .cover polygon")).to_have_count(1)
    page.goto(f"{url}/watch/garden")
    expect(page.locator(".cover")).to_have_count(0)
