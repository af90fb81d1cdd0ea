"""Phones on the page of notifications: this device is added, tested, renamed and removed, and told why it cannot be.

Chromium's own push service is on the internet, so its place is taken by an address of a known service that nothing is
sent to; all else is real: the permission, the worker, the API, the rows.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.chromium import find_violations, sign_in, whole_browser
from tests.browser.house import House, open_house, serve
from tests.worker_kit import worker_of
from vigilar.store.deliveries import note_shown
from vigilar.store.notify_tables import deliveries
from vigilar.store.phones import delete_phone, list_phones, put_phone, rename_phone, set_phone_state
from vigilar.store.users import list_users

pytestmark = pytest.mark.browser

PAGE = "/settings/notifications"
SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1440, "height": 900}}
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Safari/604.1"


def text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


POINT = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

SUBSCRIBE = """(() => {
    const MADE = "test.made"; // it outlives a page, as a real one does
    const endpoint = `https://fcm.googleapis.com/fcm/send/${localStorage.getItem("test.moved") ? "moved" : "this"}`;
    const bytes = (text) => Uint8Array.from(text.split(",").map(Number));
    const made = () => localStorage.getItem(MADE) && {
        endpoint, options: { applicationServerKey: bytes(localStorage.getItem(MADE)) },
        unsubscribe: async () => { localStorage.removeItem(MADE); return true; },
        toJSON: () => ({ endpoint, keys: { p256dh: "$POINT", auth: "$AUTH" } }) };
    PushManager.prototype.getSubscription = async () => made();
    PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
        if (!userVisibleOnly) throw new DOMException("silent", "NotAllowedError");
        localStorage.setItem(MADE, applicationServerKey.join(","));
        return made(); };
})()"""


@pytest.fixture(scope="module")
def chromium(chromium: Browser) -> Iterator[Browser]:
    """The shell gives no permission for notifications."""
    with whole_browser(chromium) as browser:
        yield browser


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        house.client()
        house.well("front-door")
        yield house


def opened(chromium: Browser, url: str, size: str = "phone", *, may: bool = True, **more: Any) -> Page:
    context = chromium.new_context(viewport=SIZES[size], **more)  # type: ignore[arg-type]  # a TypedDict of the same
    if may:
        context.grant_permissions(["notifications"], origin=url)
    script = SUBSCRIBE.replace("$POINT", text_of(POINT)).replace("$AUTH", text_of(b"0123456789abcdef"))
    context.add_init_script(script)
    page = context.new_page()
    sign_in(page, url)
    page.goto(url + PAGE)
    return page


def add_phone(house: House, name: str = "Kim's Pixel") -> int:
    (sam,) = list_users(house.store)
    return put_phone(
        house.store, sam.id, name=name, endpoint="https://fcm.googleapis.com/fcm/send/kims", origin="", p256dh=POINT,
        auth=b"0123456789abcdef", user_agent="Mozilla/5.0 (Linux; Android 16) Chrome/140.0 Mobile Safari/537.36",
        session_hash=None, now_ms=house.now_ms(),
    )  # fmt: skip


def test_device_is_added_renamed_and_removed(chromium: Browser, house: House) -> None:
    with serve(house) as url:
        page = opened(chromium, url)
        says = page.locator("#this-phone-says")
        expect(says).to_have_text("It is not told of events.")
        page.fill("#this-phone-name", "Sam's phone")
        page.get_by_role("button", name="Tell this device").click()
        expect(page.get_by_text("This device is told from now on.")).to_be_visible()
        expect(says).to_have_text("It is told of events, as Sam's phone.")
        (row,) = list_phones(house.store)
        assert (row.name, row.p256dh, row.state) == ("Sam's phone", POINT, "ok")
        line = page.locator(f"[data-phone='{row.id}']")
        expect(line.get_by_text("this device")).to_be_visible()
        assert find_violations(page) == []
        line.get_by_text("Rename").first.click()
        line.get_by_label("Name of Sam's phone").fill("Kitchen phone")
        assert find_violations(page) == []
        line.get_by_role("button", name="Save").click()
        expect(page.get_by_text("It has a new name.")).to_be_visible()
        expect(says).to_have_text("It is told of events, as Kitchen phone.")
        page.get_by_role("button", name="Remove Kitchen phone").click()
        expect(page.get_by_text("It is not told of anything any more.")).to_be_visible()
        expect(says).to_have_text("It is not told of events.")
        assert list_phones(house.store) == []


@pytest.mark.parametrize("what_changed", ["browser dropped it", "other address"])
@pytest.mark.parametrize("is_removed", [False, True], ids=["known", "removed"])
def test_device_whose_subscription_changed_is_told_only_if_the_house_still_knows_it(
    chromium: Browser, house: House, what_changed: str, *, is_removed: bool
) -> None:
    """A page that is opened mends it. Whoever removed it, here or elsewhere, is not asked again."""
    with serve(house) as url:
        page = opened(chromium, url)
        page.get_by_role("button", name="Tell this device").click()
        expect(page.get_by_text("This device is told from now on.")).to_be_visible()
        (row,) = list_phones(house.store)
        rename_phone(house.store, row.id, "Kitchen phone")
        if is_removed:
            delete_phone(house.store, row.id)
        elsewhere = page.context.new_page()
        elsewhere.goto(f"{url}/healthz")
        if what_changed == "other address":
            elsewhere.evaluate("localStorage.setItem('test.moved', '1')")
        else:
            elsewhere.evaluate("localStorage.removeItem('test.made')")
        page.close()
        with elsewhere.expect_response("**/api/v1/push/subscriptions") as answer:
            elsewhere.goto(f"{url}/events")
        assert answer.value.status == (404 if is_removed else 201)
        assert [(one.id, one.name) for one in list_phones(house.store)] == [(row.id, "Kitchen phone")][is_removed:]
        elsewhere.goto(url + PAGE)
        says = elsewhere.locator("#this-phone-says")
        expect(says).to_have_text(
            "It is not told of events." if is_removed else "It is told of events, as Kitchen phone."
        )


CHANGE_IN_WORKER = """async (init) => {
    const change = new ExtendableEvent("pushsubscriptionchange");
    const works = [];
    change.newSubscription = { unsubscribe: async () => { self.isUnsubscribed = true; },
        toJSON: () => ({ ...init, endpoint: "https://fcm.googleapis.com/fcm/send/moved" }) };
    change.waitUntil = (work) => works.push(work);
    self.dispatchEvent(change);
    await Promise.all(works);
    return self.isUnsubscribed === true; }"""
"""A change that the browser tells its worker of: Chromium's debugger cannot make one."""


@pytest.mark.parametrize("is_removed", [False, True], ids=["known", "removed"])
def test_worker_that_hears_of_another_address_tells_the_house(
    chromium: Browser, house: House, *, is_removed: bool
) -> None:
    with serve(house) as url:
        page = opened(chromium, url)
        page.get_by_role("button", name="Tell this device").click()
        expect(page.get_by_text("This device is told from now on.")).to_be_visible()
        (row,) = list_phones(house.store)
        rename_phone(house.store, row.id, "Kitchen phone")
        if is_removed:
            delete_phone(house.store, row.id)
        worker = worker_of(page)
        keys = {"keys": {"p256dh": text_of(POINT), "auth": text_of(b"0123456789abcdef")}}
        assert worker.evaluate(CHANGE_IN_WORKER, keys) is is_removed
        assert [(one.id, one.name) for one in list_phones(house.store)] == [(row.id, "Kitchen phone")][is_removed:]


def test_device_tells_itself_no_more(chromium: Browser, house: House) -> None:
    with serve(house) as url:
        page = opened(chromium, url)
        page.get_by_role("button", name="Tell this device").click()
        page.get_by_role("button", name="Tell this device no more").click()
        expect(page.locator("#this-phone-says")).to_have_text("It is not told of events.")
        assert list_phones(house.store) == []


def test_refused_name_of_this_device_is_said_at_its_field(chromium: Browser, house: House) -> None:
    with serve(house) as url:
        page = opened(chromium, url)
        page.fill("#this-phone-name", "Sam\u200b")
        page.get_by_role("button", name="Tell this device").click()
        field = page.locator("#this-phone-name")
        expect(field).to_be_focused()
        expect(field).to_have_accessible_description("The name contains characters that cannot be seen.")
        expect(field).to_have_value("Sam\u200b")
        page.fill("#this-phone-name", "Sam's phone")
        page.get_by_role("button", name="Tell this device").click()
        expect(page.get_by_text("This device is told from now on.")).to_be_visible()


def test_denied_permission_says_how_to_allow_it(chromium: Browser, house: House) -> None:
    with serve(house) as url:
        page = opened(chromium, url, may=False)
        line = page.context.new_cdp_session(page)
        window = line.send("Target.getTargetInfo")["targetInfo"]["browserContextId"]
        wish = {"permission": {"name": "notifications"}, "setting": "denied", "origin": url, "browserContextId": window}
        line.send("Browser.setPermission", wish)
        page.reload()
        expect(page.locator("#this-phone-says")).to_have_text(
            "Notifications of this house are not allowed in this browser."
        )
        expect(page.locator("#this-phone-steps li")).to_have_count(3)
        expect(page.get_by_role("button", name="Tell this device")).to_be_hidden()
        assert find_violations(page) == []


def test_iphone_is_told_to_install_first(chromium: Browser, house: House) -> None:
    with serve(house) as url:
        page = opened(chromium, url, user_agent=IPHONE, has_touch=True, is_mobile=True)
        expect(page.locator("#this-phone-says")).to_contain_text("only once the house is on its Home Screen")
        expect(page.locator("#this-phone-steps li")).to_have_text(
            [
                "In Safari, tap Share.",
                "Tap Add to Home Screen, then Add.",
                "Open Lindenweg 4 from the Home Screen, sign in, and come back to this page.",
            ]
        )
        page.goto(f"{url}/live")
        hint = page.locator("#install")
        expect(hint).to_contain_text("Only then does an iPhone tell you of events.")
        assert find_violations(page) == []
        hint.get_by_role("button", name="Not now").click()
        page.reload()
        page.wait_for_load_state("load")
        page.wait_for_timeout(300)
        expect(hint).to_be_hidden()


def test_page_that_came_in_the_clear_leads_to_trust(chromium: Browser, house: House) -> None:
    with serve(house) as url:
        page = opened(chromium, url)
        page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
        page.goto(url + PAGE)
        expect(page.locator("#this-phone-says")).to_contain_text("only from a house they trust, over HTTPS")
        expect(page.locator("#this-phone-trust")).to_have_attribute("href", "/trust")


def test_test_says_how_long_it_took(chromium: Browser, house: House) -> None:
    phone_id = add_phone(house)
    with serve(house) as url:
        page = opened(chromium, url)
        line = page.locator(f"[data-phone='{phone_id}']")
        expect(line).to_contain_text("Nothing was sent to it yet.")
        line.get_by_role("button", name="Test").click()
        expect(line).to_contain_text("Sending a test…")

        def owed() -> Any:
            with house.store.read("look at a delivery") as connection:
                return connection.execute(deliveries.select()).first()

        while (row := owed()) is None:
            page.wait_for_timeout(20)
        assert note_shown(house.store, row.id, row.token, row.created_ms + 940)  # as its worker says
        expect(line).to_contain_text("Shown after 0.94 s.")
        page.reload()
        expect(line).to_contain_text("Works: showed its last push at")


@pytest.mark.parametrize("answer", ["none", "busy"])
def test_box_that_does_not_answer_is_said_of_a_test(chromium: Browser, house: House, answer: str) -> None:
    """It stayed at "Sending a test", or said that the phone was not told any more."""
    phone_id = add_phone(house)
    with serve(house) as url:
        page = opened(chromium, url, service_workers="block")
        line = page.locator(f"[data-phone='{phone_id}']")
        gone: dict[str, Callable[[Route], None]] = {
            "none": lambda route: route.abort(),
            "busy": lambda route: route.fulfill(status=503, json={"detail": "The database does not answer."}),
        }
        page.route("**/api/v1/push/subscriptions", gone[answer])
        line.get_by_role("button", name="Test").click()
        expect(line).to_contain_text("The box did not answer. What came of the test is not known; try again.")
        expect(line.get_by_role("button", name="Test")).to_be_enabled()


def test_phone_in_trouble_is_named(chromium: Browser, house: House) -> None:
    phone_id = add_phone(house)
    set_phone_state(house.store, phone_id, "silent", "It has shown nothing since Tuesday.")
    with serve(house) as url:
        page = opened(chromium, url, "desk")
        expect(page.locator(f"[data-phone='{phone_id}'] [data-state]")).to_have_text(
            "It has shown nothing since Tuesday."
        )
        assert find_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 1440


def test_phones_are_changed_without_script(chromium: Browser, house: House) -> None:
    add_phone(house)
    with serve(house) as url:
        page = opened(chromium, url, java_script_enabled=False)
        expect(page.locator("#this-phone-says")).to_have_text("Whether it can be told of events needs script.")
        phones = page.locator("#phones")
        phones.get_by_role("button", name="Test").click()
        expect(page.get_by_text("A test is on its way.")).to_be_visible()
        phones.locator("details.rename summary").click()
        phones.get_by_label("Name of Kim's Pixel").fill("Old Pixel")
        phones.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Old Pixel").first).to_be_visible()
        phones.get_by_role("button", name="Remove").click()
        expect(page.get_by_text("No phone is told of anything yet.")).to_be_visible()


def test_member_sees_and_changes_own_phones_only(house: House) -> None:
    phone_id = add_phone(house)
    child = house.member("child")
    assert "Kim's Pixel" not in child.get(PAGE).text
    for deed in ("test", "rename", "remove"):
        assert child.post(f"{PAGE}/phones/{phone_id}/{deed}", data={"name": "Mine"}).status_code == 404
    assert [one.name for one in list_phones(house.store)] == ["Kim's Pixel"]
