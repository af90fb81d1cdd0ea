"""Pets in a browser: named by finger and by key, with a way back, and readable by everybody. One house."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import find_violations, press_after_g, sign_in
from tests.browser.house import House, open_house, serve
from tests.pet_kit import COATS, draw, jpeg_of, look_at
from vigilar.store import pets as rows
from vigilar.store.events import StoredEvent
from vigilar.store.pets import Answer, Sighting

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "desk": (1440, 900)}
HOUR = 3_600_000


@dataclass
class Site:
    """A served house with Milo, seen twice, and cats of which nobody said who they are."""

    house: House
    url: str
    chromium: Browser
    complaints: list[str]

    def page(self, size: str, path: str) -> Page:
        width, height = SIZES[size]
        context = self.chromium.new_context(
            viewport={"width": width, "height": height}, has_touch=size == "phone", is_mobile=size == "phone",
            service_workers="block", color_scheme="dark", timezone_id="Europe/Berlin",
        )  # fmt: skip
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        sign_in(page, self.url)
        page.goto(self.url + path)
        return page

    def cat(self, coat: str, camera: str, hours: float, answer: Answer | None = None) -> StoredEvent:
        rng = np.random.default_rng(round(hours * 100))
        picture, box = draw(COATS[coat], rng)
        event = self.house.event(
            camera_id=camera, ts_ms=round(self.house.now_ms() - hours * HOUR), what="cat", length_ms=600_000,
            still_id=self.house.still(camera, jpeg_of(picture)), title=f"Cat, {camera.capitalize()}",
        )  # fmt: skip
        found = look_at(picture, box)
        assert found is not None
        rows.put_look(self.house.store, event.id, found.dump(), self.house.now_ms())
        if answer is not None:
            seen = Sighting(event.id, 0, "person", 1.0, camera, event.ts_ms)
            rows.set_answers(self.house.store, seen, "cat", [answer], by=None, now_ms=self.house.now_ms())
        return event


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Site]:
    with open_house(tmp_path_factory.mktemp("pets")) as house, serve(house) as url:
        house.client()
        house.well("front-door", "garden", "drive", "shed")
        site = Site(house, url, chromium, [])
        now_ms = house.now_ms()
        milo = rows.add_pet(house.store, name="Milo", kind="cat", made_by=None, now_ms=now_ms, indoor_only=True)
        rows.add_pet(house.store, name="Luna", kind="cat", made_by=None, now_ms=now_ms)
        for hours, camera in ((1.5, "garden"), (4.0, "drive")):
            site.cat("orange", camera, hours, Answer("yes", milo.id))
        for hours in (2.0, 3.0):
            site.cat("black", "garden", hours)
        yield site


@pytest.mark.parametrize("size", SIZES)
def test_pages_are_accessible(site: Site, size: str) -> None:
    event = site.cat("white", "garden", 5.0)
    page = site.page(size, "/pets")
    for path in ("/pets", "/pets/1", f"/events/{event.id}", "/pets?said=1&undo=none&event=1"):
        page.goto(site.url + path)
        expect(page.locator("h1")).to_be_visible()
        assert find_violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], path
    assert site.complaints == []


def test_one_tap_names_a_cat_and_one_takes_it_back(site: Site) -> None:
    event = site.cat("black", "garden", 6.0)
    page = site.page("phone", f"/events/{event.id}")
    part = page.locator("#pet")
    expect(part).to_contain_text("Which cat is this?")
    part.get_by_role("button", name="This is Luna").tap()
    expect(part).to_contain_text("This is Luna, as somebody said.")
    assert [one.pet_id for one in rows.answers_of(site.house.store, event.id)] == [2]
    assert page.url.endswith(f"/events/{event.id}"), "the page stays"
    part.get_by_role("button", name="Undo").tap()
    expect(part).to_contain_text("Which cat is this?")
    assert rows.answers_of(site.house.store, event.id) == []


def test_keys_answer_and_take_back(site: Site) -> None:
    event = site.cat("cream", "garden", 7.0)
    rows.see(site.house.store, event.id, Sighting(event.id, 1, "box", 0.8, "garden", event.ts_ms))
    page = site.page("desk", f"/events/{event.id}")
    expect(page.locator("#pet")).to_contain_text("Is this Milo?")
    page.keyboard.press("y")
    expect(page.locator("#pet")).to_contain_text("This is Milo, as somebody said.")
    page.keyboard.press("u")
    expect(page.locator("#pet .pet-q")).to_have_text("Which cat is this?")
    page.keyboard.press("1")
    expect(page.locator("#pet")).to_contain_text("This is Luna, as somebody said.")
    press_after_g(page, "a")
    expect(page).to_have_url(f"{site.url}/pets")


def test_new_pet_is_made_of_a_picture(site: Site) -> None:
    event = site.cat("brown", "garden", 8.0)
    page = site.page("desk", f"/events/{event.id}")
    page.locator("#pet summary").click()
    page.get_by_label("Name of this cat").fill("Tom")
    page.keyboard.press("Enter")
    expect(page.locator("#pet")).to_contain_text("This is Tom, as somebody said.")
    assert "Tom" in [one.name for one in rows.list_pets(site.house.store)]


def test_questions_are_answered_one_after_another(site: Site) -> None:
    event = site.cat("grey tabby", "garden", 0.2)
    page = site.page("desk", "/pets")
    first = page.locator("#pet-ask article").first
    expect(first.locator("a.pet-still")).to_have_attribute("href", f"/events/{event.id}")
    page.keyboard.press("s")
    expect(page.locator("#pet-ask article").first.locator("a.pet-still")).not_to_have_attribute(
        "href", f"/events/{event.id}"
    )
    assert rows.answers_of(site.house.store, event.id) == [Answer("unsure")]
    page.keyboard.press("u")
    expect(page.locator("#pet-ask article").first.locator("a.pet-still")).to_have_attribute(
        "href", f"/events/{event.id}"
    )
    assert site.complaints == []
