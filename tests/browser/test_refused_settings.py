"""Forms of arming, sensors, phones and cameras that the house refuses, in a real browser, with and without script: what
was typed stands, the focus is where it is wrong, and who cannot see the page hears why."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.arm_kit import SETTINGS, SIZES, open_site, opened
from tests.browser.chromium import find_violations, wait_scrolled
from tests.browser.house import PASSWORD, House
from tests.probe_kit import said, saying
from vigilar.base.clock import SimulatedClock

pytestmark = pytest.mark.browser

DRIVE = '[[camera]]\nname = "Drive"\naddress = "rtsp://192.168.1.21/s1"\n'
UNSEEN = "The name contains characters that cannot be seen."
each_way = pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[House, str]]:
    with open_site(tmp_path) as (house, url):
        house.parts.cfg.config_file.write_text(SETTINGS + DRIVE, encoding="utf-8")
        yield house, url


def check_said(page: Page, field: Locator, sentence: str, *, script: bool) -> None:
    """The only thing that is said, at this field, which has the focus; the page is accessible and fits."""
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text(sentence)
    expect(page.get_by_role("alert").filter(visible=True)).to_be_in_viewport()
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description(re.compile(re.escape(sentence)))  # maybe behind its help
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES["phone"][0]
    if script:
        wait_scrolled(page)  # it scrolls to the field
        page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")  # no field half under the header
        assert find_violations(page) == []


@each_way
def test_row_of_the_schedule_stands_as_typed(chromium: Browser, site: tuple[House, str], script: bool) -> None:
    _, url = site
    page = opened(chromium, url, "phone", script=script)
    page.goto(f"{url}/settings/arming")
    page.get_by_text("A new row").click()
    new = page.locator("details", has_text="A new row")
    new.get_by_label("Mode").select_option("away")
    new.get_by_label("From").fill("13:10")
    new.get_by_label("To").fill("13:10")
    new.get_by_label("Wed").uncheck()
    new.get_by_role("button", name="Add it").click()
    check_said(page, new.get_by_label("To"), "must not be the time at which it begins", script=script)
    expect(new.get_by_label("Mode")).to_have_value("away")
    expect(new.get_by_label("From")).to_have_value("13:10")
    expect(new.get_by_label("Wed")).not_to_be_checked()
    new.get_by_label("To").fill("15:20")
    new.get_by_role("button", name="Add it").click()
    expect(page.get_by_text("Saved, and in use within two seconds.")).to_be_visible()
    expect(page.get_by_label("Row 2 of the schedule").get_by_label("To")).to_have_value("15:20")


@each_way
def test_settings_of_sensors_stand_as_typed(chromium: Browser, site: tuple[House, str], script: bool) -> None:
    _, url = site
    page = opened(chromium, url, "phone", script=script)
    page.goto(f"{url}/settings/sensors")
    page.get_by_label("Where it reaches this box").fill("0.0.0.0:1884")
    page.get_by_label("Its base topic").fill("vigilar/z2m")
    page.get_by_label("A battery is low below").fill("33")
    page.get_by_role("button", name="Save sensors").click()
    topic = page.get_by_label("Its base topic")
    check_said(page, topic, "must be a topic of letters", script=script)
    expect(topic).to_have_value("vigilar/z2m")
    expect(page.get_by_label("Where it reaches this box")).to_have_value("0.0.0.0:1884")
    expect(page.get_by_label("A battery is low below")).to_have_value("33")
    topic.fill("z2m")
    page.get_by_role("button", name="Save sensors").click()
    expect(page.get_by_text("Saved, and in use within two seconds.")).to_be_visible()


@each_way
def test_name_of_a_sensor_stands_as_typed(chromium: Browser, site: tuple[House, str], script: bool) -> None:
    _, url = site
    page = opened(chromium, url, "phone", script=script)
    page.goto(f"{url}/sensors/bath")
    page.fill("#name", "Bath\u200b")
    page.fill("#room", "Upstairs")
    page.get_by_role("button", name="Save").click()
    sentence = "The name has 1 to 60 characters that can be seen."
    check_said(page, page.get_by_label("Name"), sentence, script=script)
    expect(page.get_by_label("Room")).to_have_value("Upstairs")
    page.fill("#name", "Bath upstairs")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Bath upstairs")).to_be_visible()


@each_way
def test_enter_in_the_password_presses_the_button_that_was_refused(
    chromium: Browser, site: tuple[House, str], script: bool
) -> None:
    """The form has two: to save the sensor and to remove it."""
    house, url = site
    page = opened(chromium, url, "phone", script=script)
    page.goto(f"{url}/sensors/bath")
    page.fill("#room", "Upstairs")
    house.parts.clock = SimulatedClock(utc_ns=time.time_ns() + 3_600_000_000_000)
    page.get_by_role("button", name="Remove").click()
    field = page.get_by_label("Your password")
    check_said(page, field, "Show first that it is you", script=script)
    field.fill(PASSWORD)
    field.press("Enter")
    expect(page).to_have_url(f"{url}/sensors")
    assert page.request.get(f"{url}/sensors/bath").status == 404


@each_way
def test_phone_stands_as_typed(chromium: Browser, site: tuple[House, str], script: bool) -> None:
    _, url = site
    page = opened(chromium, url, "phone", script=script)
    page.goto(f"{url}/presence")
    row = page.get_by_role("listitem").filter(has_text="10:bb:cc:dd:ee:02")
    row.get_by_label("Whose phone").select_option(label="sam")
    row.get_by_label("What it is called").fill("Tablet\u200b")
    row.get_by_role("button").click()
    field, sentence = row.get_by_label("What it is called"), "The name has 1 to 60 characters that can be seen."
    check_said(page, field, sentence, script=script)
    expect(row.get_by_label("Whose phone")).to_have_value("1")


@each_way
def test_settings_of_a_camera_stand_as_typed_without_a_login(
    chromium: Browser, site: tuple[House, str], script: bool
) -> None:
    house, url = site
    page = opened(chromium, url, "phone", script=script)
    page.goto(f"{url}/cameras/drive/settings")
    page.get_by_label("Name", exact=True).fill("Yard")
    page.get_by_label("Address", exact=True).fill("rtsp://admin:hunter2@192.168.1.30/s1")
    page.get_by_label("In use").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    address = page.get_by_label("Address", exact=True)
    sentence = "The login does not belong into the address; store it below."
    check_said(page, address, sentence, script=script)
    expect(address).to_have_value("rtsp://192.168.1.30/s1")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Yard")
    expect(page.get_by_label("In use")).not_to_be_checked()
    assert "hunter2" not in page.content()
    page.get_by_role("button", name="Remove this camera").click()
    sure = page.get_by_label("Stop recording Drive and forget its login")
    check_said(page, sure, "Tick the box first: recording stops at once.", script=script)
    assert DRIVE in house.parts.cfg.config_file.read_text(encoding="utf-8")


@each_way
def test_camera_that_is_added_stands_as_typed(chromium: Browser, site: tuple[House, str], script: bool) -> None:
    house, url = site
    house.parts.probe = saying(said("The camera works.", address="rtsp://192.168.1.30/s1"))
    page = opened(chromium, url, "phone", script=script)
    page.goto(f"{url}/cameras/add")
    page.get_by_text("Small picture", exact=True).click()
    page.fill("#address", "rtsp://admin:hunter2@192.168.1.30/s1")
    page.fill("#small", "rtsp://u:hunter2@192.168.1.30:22/s2")
    page.get_by_role("button", name="Show the picture").click()
    check_said(page, page.locator("#small"), "Port 22 belongs to another kind of service.", script=script)
    expect(page.locator("#address")).to_have_value("rtsp://192.168.1.30/s1")
    expect(page.locator("#small")).to_have_value("rtsp://192.168.1.30:22/s2")
    expect(page.locator("#user")).to_have_value("admin")
    expect(page.locator("#password")).to_have_value("")
    assert "hunter2" not in page.evaluate("JSON.stringify(sessionStorage)") + page.content()
    page.fill("#small", "")
    page.get_by_role("button", name="Show the picture").click()
    page.fill("#name", "Shed\u200b")
    page.select_option("#record", "motion")
    page.get_by_role("button", name="Add it").click()
    check_said(page, page.locator("#name"), UNSEEN, script=script)
    expect(page.locator("#record")).to_have_value("motion")
    page.fill("#name", "Shed")
    page.get_by_role("button", name="Add it").click()
    expect(page).to_have_url(f"{url}/live#shed")
