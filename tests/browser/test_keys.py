"""The recovery sheet from the first run on, and the page of the keys: by keyboard, without script, on both sizes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import find_violations, sign_in
from tests.browser.house import NAME, PASSWORD, House, open_house, serve
from tests.key_kit import cut_power, nothing_left_in_memory
from vigilar.vge import key_store
from vigilar.vge.keys import is_house_locked, load_sheet, load_sheet_id
from vigilar.vge.recovery import Sheet

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "desk": (1440, 900)}
PASSPHRASE = "five plain words and one"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[House, str]]:
    with nothing_left_in_memory(tmp_path / "secrets"), open_house(tmp_path) as house, serve(house) as url:
        yield house, url


def opened(chromium: Browser, size: str = "desk", *, script: bool = True) -> Page:
    width, height = SIZES[size]
    return chromium.new_context(viewport={"width": width, "height": height}, java_script_enabled=script).new_page()


def fits(page: Page) -> bool:
    wide: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wide <= 0


def shown_words(page: Page) -> list[str]:
    expect(page.locator(".sheet-words li")).to_have_count(16)
    return page.locator(".sheet-words li").all_inner_texts()


def type_asked_words(page: Page, words: list[str]) -> None:
    expect(page.locator("input[name^=word]")).to_have_count(2)
    for field in page.locator("input[name^=word]").all():
        place = int((field.get_attribute("name") or "").removeprefix("word"))
        field.fill(words[place])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_first_run_prints_a_sheet_that_counts_when_two_words_came_back(
    chromium: Browser, site: tuple[House, str], size: str, script: bool
) -> None:
    house, url = site
    secrets = house.folder / "secrets"
    page = opened(chromium, size, script=script)
    page.goto(f"{url}/setup")
    page.fill("#name", NAME)
    page.fill("#password", PASSWORD)
    page.click("main button")
    expect(page.get_by_role("heading", name="Print a recovery sheet")).to_be_visible()
    expect(page.get_by_text("who takes the box, or its disk, can look at them")).to_be_visible()
    expect(page.locator("main")).not_to_contain_text("vigilar keys")
    if script:
        assert find_violations(page) == []
    page.get_by_role("button", name="Make the recovery sheet").click()
    words = shown_words(page)
    sheet = Sheet.parse(" ".join(words))
    assert fits(page)
    expect(page.get_by_role("button", name="Print")).to_be_visible(visible=script)
    if script:
        assert find_violations(page) == []
        page.emulate_media(media="print")
        assert not page.get_by_role("link", name="I have them on paper").is_visible()
        assert page.evaluate("getComputedStyle(document.querySelector('.sheet-words li')).color") == "rgb(0, 0, 0)"
        page.emulate_media(media="screen")
    assert load_sheet(secrets) is None  # it does not count yet
    page.get_by_role("link", name="I have them on paper").press("Enter")
    expect(page.locator("input[name^=word]")).to_have_count(2)
    assert words[0] not in page.content()
    type_asked_words(page, ["bogus"] * 16)
    page.get_by_role("button", name="This sheet counts").click()
    expect(page.get_by_text("Look at the paper again")).to_be_visible()
    assert load_sheet(secrets) is None
    if script:
        assert find_violations(page) == []
    type_asked_words(page, words)
    page.get_by_role("button", name="This sheet counts").press("Enter")
    page.wait_for_url(f"{url}/system/keys")
    assert load_sheet(secrets) == sheet.public
    everything = b"".join(path.read_bytes() for path in house.folder.rglob("*") if path.is_file())
    assert sheet.seed not in everything
    assert not any(f"{words[at]} {words[at + 1]}".encode() in everything for at in range(15))


def test_sheet_can_wait_and_the_system_page_reminds(chromium: Browser, site: tuple[House, str]) -> None:
    house, url = site
    page = opened(chromium)
    page.goto(f"{url}/setup")
    page.fill("#name", NAME)
    page.fill("#password", PASSWORD)
    page.click("main button")
    page.get_by_role("link", name="Later").click()
    page.wait_for_url(f"{url}/live")
    page.goto(f"{url}/system")
    expect(page.get_by_text("There is no recovery sheet")).to_be_visible()
    page.get_by_role("link", name="Keys, recovery sheet and proof").click()
    page.get_by_role("button", name="Make the recovery sheet").click()
    words = shown_words(page)
    page.get_by_role("link", name="I have them on paper").click()
    type_asked_words(page, words)
    page.get_by_role("button", name="This sheet counts").click()
    page.wait_for_url(f"{url}/system/keys")
    page.goto(f"{url}/system")
    expect(page.get_by_text("There is no recovery sheet")).to_have_count(0)
    first = load_sheet_id(house.folder / "secrets")
    page.goto(f"{url}/system/keys")
    page.get_by_role("button", name="Make another sheet").click()  # the field for the password is empty
    assert page.url == f"{url}/system/keys"
    page.fill("#password-sheet", "not my password")
    page.get_by_role("button", name="Make another sheet").click()
    expect(page.get_by_text("The password of your account is not right.")).to_be_visible()
    assert find_violations(page) == []
    page.fill("#password-sheet", PASSWORD)
    page.get_by_role("button", name="Make another sheet").click()
    expect(page.locator(".sheet-words li")).to_have_count(16)
    assert load_sheet_id(house.folder / "secrets") == first


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_locked_house_says_so_on_every_page_and_is_unlocked(
    chromium: Browser, site: tuple[House, str], size: str, script: bool
) -> None:
    house, url = site
    secrets = house.folder / "secrets"
    house.client()
    house.well("front-door")
    key_store.set_passphrase(secrets, PASSPHRASE, None)
    cut_power(secrets)
    key_store.prepare_keys(secrets)
    page = opened(chromium, size, script=script)
    sign_in(page, url)
    page.goto(f"{url}/live")
    expect(page.locator("#health")).to_contain_text("to do")
    page.goto(f"{url}/system")
    expect(page.locator(".todo li")).to_contain_text("what was recorded before this start is locked")
    page.goto(f"{url}/system/keys")
    expect(page.locator("#sentence")).to_have_text("Recording goes on. What was recorded before this start is locked.")
    assert fits(page)
    if script:
        assert find_violations(page) == []
    page.fill("#password-unlock", PASSWORD)
    page.fill("#passphrase", "not the right words")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The passphrase is not right.")).to_be_visible()
    assert is_house_locked(secrets)
    page.fill("#password-unlock", PASSWORD)
    page.fill("#passphrase", PASSPHRASE)
    page.keyboard.press("Enter")
    expect(page.locator("#sentence")).to_contain_text("Locked up: a box that is carried away shows no recording.")
    assert not is_house_locked(secrets)
