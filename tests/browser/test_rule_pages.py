"""The page of notifications in a real browser: readable at each size, by keyboard, without script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import find_violations, sign_in, wait_scrolled
from tests.browser.house import House, open_house, serve
from vigilar.store.cameras import ensure_camera
from vigilar.store.events import NewEvent, insert_event

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "desk": (1440, 900), "small": (320, 640)}
SETTINGS = """\
[notify]
quiet = []
[[notify.rule]]
name = "People"
when = ["person"]
tell = ["everyone"]
[[notify.profile]]
for = ["sam"]
place = "home"
least = "loud"
[[camera]]
name = "Front door"
address = "demo:street"
[[camera]]
name = "Garden"
address = "demo:garden"
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[House, str]]:
    with open_house(tmp_path) as house, serve(house) as url:
        house.parts.cfg.config_file.write_text(SETTINGS, encoding="utf-8")
        house.client()
        ensure_camera(house.store, "garden", "Garden", 1, house.node_id)
        for number, kind in enumerate(("person", "cat")):
            at = house.now_ms() - (number + 1) * 3_600_000
            new = NewEvent(
                uid=f"e-{number}",
                type="motion",
                severity="INFO",
                source_id="garden",
                ts_ms=at,
                end_ms=at + 4000,
                kind=kind,
                payload={"title": f"{kind.title()} in the garden", "camera_name": "Garden"},
            )
            assert insert_event(house.store, new, now_ms=at)
        yield house, url


def opened(chromium: Browser, url: str, size: str, *, script: bool = True) -> Page:
    width, height = SIZES[size]
    page = chromium.new_context(viewport={"width": width, "height": height}, java_script_enabled=script).new_page()
    sign_in(page, url)
    return page


@pytest.mark.parametrize("size", SIZES)
def test_pages_are_readable(site: tuple[House, str], chromium: Browser, size: str) -> None:
    _, url = site
    page = opened(chromium, url, size)
    for path in ("/settings/notifications", "/settings/notifications/rule?number=1", "/settings/notifications/rule"):
        page.goto(url + path)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert find_violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], path


def test_rule_is_tried_saved_and_undone_without_script(site: tuple[House, str], chromium: Browser) -> None:
    house, url = site
    page = opened(chromium, url, "phone", script=False)
    page.goto(f"{url}/settings/notifications")
    expect(page.get_by_text("Person: everyone is told quietly.")).to_be_visible()
    expect(page.get_by_text("Last 7 days: once")).to_be_visible()
    page.get_by_role("link", name="Change People").click()
    page.get_by_label("cat", exact=True).check()
    page.get_by_role("button", name="Show what would change").click()
    preview = page.get_by_role("status").filter(has_text="Before you save")
    expect(preview).to_contain_text("you would have been told 2 times instead of 1")
    expect(preview.get_by_role("link", name="Cat in the garden")).to_be_visible()
    assert house.parts.cfg.config_file.read_text(encoding="utf-8") == SETTINGS
    page.get_by_role("button", name="Save it like this").click()
    expect(page.get_by_text("Person or cat: everyone is told quietly.")).to_be_visible()
    expect(page.get_by_text("Last 7 days: 2 times")).to_be_visible()
    page.get_by_role("button", name="Undo: the rule People").click()
    expect(page.get_by_text("Taken back.")).to_be_visible()
    assert house.parts.cfg.config_file.read_text(encoding="utf-8") == SETTINGS


def test_snooze_is_made_and_ended_by_keyboard(site: tuple[House, str], chromium: Browser) -> None:
    _, url = site
    page = opened(chromium, url, "desk")
    page.goto(f"{url}/settings/notifications")
    page.get_by_text("Snooze now").focus()
    page.keyboard.press("Enter")
    page.get_by_label("What", exact=True).select_option("garden")
    page.get_by_label("How long", exact=True).select_option("quiet:10")
    page.get_by_role("button", name="Snooze", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("paragraph").filter(has_text="until it is quiet for 10 min,")).to_be_visible()
    page.get_by_role("button", name="End it").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing is snoozed.")).to_be_visible()


PUT_AT_EDGE = """([name, edge]) => {
    const field = document.querySelector(`[aria-describedby][name=${name}]`).getBoundingClientRect();
    const [header, tabs] = [".top", ".tabs"].map((one) => document.querySelector(one).getBoundingClientRect());
    const top = edge === "header" ? field.top - header.bottom - 2 : field.bottom - tabs.top + 2;
    scrollBy({ top, behavior: "instant" });
    document.activeElement.blur(); }"""
"""Scroll until the field lies just within what header and tabs leave free, where the browser has no need to scroll."""


@pytest.mark.parametrize(("wrong", "edge"), [("scene", "tabs"), ("lasts", "tabs"), ("days", "header")])
def test_who_goes_to_a_refused_field_of_a_phone_sees_its_sentence_too(
    site: tuple[House, str], chromium: Browser, wrong: str, edge: str
) -> None:
    """In the longest form of the settings: tabs or header lay over the sentence."""
    _, url = site
    page = opened(chromium, url, "phone")
    page.goto(f"{url}/settings/notifications/rule")
    page.get_by_label("Name").fill("Deer")
    if wrong == "days":
        page.get_by_label("From").fill("10:00")
        page.get_by_label("To", exact=True).fill("11:00")
        for day in page.locator("input[name=days]").all():
            day.uncheck()
    else:
        page.get_by_text("Do more than tell").click()
        page.locator("#lasts").evaluate("(field) => { field.type = 'text'; field.max = ''; }")
        page.locator(f"#{wrong}").fill("house/#" if wrong == "scene" else "soon")
    page.get_by_role("button", name="Save the rule").click()
    field, sentence = page.locator(f"[aria-describedby][name={wrong}]"), page.get_by_role("alert")
    expect(field).to_be_focused()
    wait_scrolled(page)
    page.evaluate(PUT_AT_EDGE, [wrong, edge])
    field.evaluate("(field) => field.focus()")
    wait_scrolled(page)
    header, tabs, said, typed = (
        one.bounding_box() for one in (page.locator(".top"), page.locator(".tabs"), sentence, field)
    )
    assert header is not None
    assert tabs is not None
    for box in (said, typed):
        assert box is not None
        assert header["y"] + header["height"] <= box["y"], "below the header"
        assert box["y"] + box["height"] <= tabs["y"], "above the tabs"


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_refused_form_stands_open_as_typed_with_its_sentence(
    site: tuple[House, str], chromium: Browser, script: bool
) -> None:
    _, url = site
    page = opened(chromium, url, "phone", script=script)
    page.goto(f"{url}/settings/notifications")
    page.get_by_text("More quiet hours").click()
    quiet = page.locator("#quiet")
    quiet.get_by_label("From").fill("13:10")
    quiet.get_by_label("To").fill("15:20")
    quiet.get_by_label("everyone").uncheck()
    quiet.get_by_label("Wed").uncheck()
    quiet.get_by_role("button", name="Add quiet hours").click()
    sentence = quiet.get_by_role("alert")
    expect(sentence).to_have_text("Choose whom they are for.")
    expect(sentence).to_be_in_viewport()
    expect(quiet.get_by_label("everyone")).to_be_focused()
    expect(quiet.get_by_label("everyone")).to_have_accessible_description("Choose whom they are for.")
    expect(quiet.get_by_label("From")).to_have_value("13:10")
    expect(quiet.get_by_label("Wed")).not_to_be_checked()
    if script:
        assert find_violations(page) == []
    quiet.get_by_label("sam").check()
    quiet.get_by_role("button", name="Add quiet hours").click()
    expect(page.get_by_text("13:10 to 15:20")).to_be_visible()
