"""A browser that trusts the house's root: no warning, a service worker, passkeys, links from other sites. And one that
does not trust it yet."""

from __future__ import annotations

import contextlib
import ipaddress
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, CDPSession, Error, Page, Playwright, expect, sync_playwright

from tests.browser.chromium import EXECUTABLE, find_violations
from tests.conftest import PATIENCE_S
from tests.fakes.clips import make_clip
from tests.system.chromium import FLAGS, patient
from tests.system.house import PASSWORD, RunningHouse, run_house, wait_for
from vigilar.door.authority import is_private
from vigilar.door.certificates import own_addresses

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1440, "height": 900}}


@dataclass(frozen=True, slots=True)
class Reached:
    """A house, and how other machines call it."""

    house: RunningHouse
    plain: str
    secure: str


def lan_address() -> str:
    """An address of this machine that is not loopback: whoever comes by it comes from elsewhere."""
    for one in sorted(own_addresses(), key=str):
        if one.version == 4 and is_private(one) and not one.is_loopback:
            return str(one)
    pytest.skip("this machine has no address but loopback")


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    address = lan_address()
    folder = tmp_path_factory.mktemp("house")
    clip = make_clip(folder / "clip.mp4", pictures=120)
    with run_house(folder / "data", {"Garden": f"file:{clip}"}, listen="0.0.0.0") as house:
        port = house.base.rpartition(":")[2]
        yield Reached(house, f"http://{address}:{port}", f"https://{address}:{port}")


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """One for both browsers: a second cannot be begun while the first is open."""
    with sync_playwright() as opened:
        yield opened


@contextlib.contextmanager
def chromium(playwright: Playwright, home: Path) -> Iterator[Browser]:
    """A browser whose list of trusted roots is in ``home``."""
    assert EXECUTABLE.exists(), "scripts/test.sh installs it"
    browser = playwright.chromium.launch(
        executable_path=str(EXECUTABLE),
        args=[*FLAGS, "--host-resolver-rules=MAP vigilar.local 127.0.0.1"],  # as multicast would say
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
    )
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture(scope="module")
def trusting(reached: Reached, playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    home = tmp_path_factory.mktemp("home")
    assert shutil.which("certutil"), "scripts/test.sh installs it"
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    root = reached.house.folder / "secrets" / "certificates" / "root.crt"
    for arguments in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "house", "-i", str(root)]):
        subprocess.run(["certutil", "-d", f"sql:{database}", *arguments], check=True)
    with chromium(playwright, home) as browser:
        yield browser


@pytest.fixture
def page(trusting: Browser) -> Iterator[Page]:
    context = patient(trusting.new_context(viewport={"width": 390, "height": 844}))
    yield context.new_page()
    context.close()


def sign_in(page: Page, base: str) -> None:
    page.goto(f"{base}/login")
    page.fill("#name", "sam")
    page.fill("#password", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{base}/live")


def test_browser_that_does_not_trust_is_warned(reached: Reached, playwright: Playwright, tmp_path: Path) -> None:
    with chromium(playwright, tmp_path) as browser:
        context = patient(browser.new_context())
        page = context.new_page()
        with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
            page.goto(f"{reached.secure}/trust")
        other = context.new_page()
        other.goto(f"{reached.plain}/trust")
        asked = other.evaluate("(address) => fetch(address).then(() => 1, () => 0)", f"{reached.secure}/trust/check")
        assert asked == 0
        expect(other.locator("[data-tick=reached][data-done]")).to_have_count(1)
        assert other.locator("[data-tick=trusted][data-done]").count() == 0


def test_ticks_come_true_by_themselves(reached: Reached, page: Page) -> None:
    page.goto(f"{reached.plain}/trust")
    page.locator("[data-tick=trusted][data-done]").wait_for()
    assert page.locator("[data-tick=secure][data-done]").count() == 0
    page.click("text=Go on securely")
    page.wait_for_url(f"{reached.secure}/trust")
    page.locator("[data-tick=worker][data-done]").wait_for()
    expect(page.locator("[data-tick]:not([data-done])")).to_have_count(0)


def test_secure_page_has_no_warning_and_a_service_worker(reached: Reached, page: Page) -> None:
    answer = page.goto(f"{reached.secure}/trust")
    assert answer is not None
    security = answer.security_details()
    assert security is not None
    assert security["protocol"] == "TLS 1.3"
    assert page.evaluate("isSecureContext")
    page.locator("[data-tick=worker][data-done]").wait_for()
    assert page.evaluate("navigator.serviceWorker.ready.then((one) => one.scope)") == f"{reached.secure}/"
    page.wait_for_function("navigator.serviceWorker.ready.then((one) => one.active.state === 'activated')")
    assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"


def test_live_pictures_play_over_https(reached: Reached, page: Page) -> None:
    sign_in(page, reached.secure)
    page.goto(f"{reached.secure}/watch/garden")
    expect(page.locator("video").first).to_have_js_property("readyState", 4)
    cookies = {one["name"]: one for one in page.context.cookies()}
    assert cookies["__Host-vigilar_session"]["secure"]
    assert "vigilar_session" not in cookies


def test_plain_http_from_elsewhere_looks_and_is_led_to_https(reached: Reached, page: Page) -> None:
    sign_in(page, reached.plain)
    page.goto(f"{reached.plain}/settings/account")
    assert page.locator("text=nothing can be changed here").count() == 1
    assert page.locator("form[action='/settings/account/password']").count() == 0
    page.goto(f"{reached.plain}/settings/members")
    assert page.locator("h1").inner_text() == "This needs a connection that nobody else in the network can read."
    page.click("text=Go on securely")
    page.wait_for_url(f"{reached.secure}/login?next=/settings/members")


def test_plain_http_is_closed_and_opened_again_by_its_switch(reached: Reached, page: Page) -> None:
    """By a person who came securely; another device of the network is the one that comes without."""
    sign_in(page, reached.secure)
    page.goto(f"{reached.secure}/settings/certificate")
    switch = page.locator("form[aria-labelledby=plain-head]")
    switch.get_by_role("button", name="Show pages over HTTPS only").click()
    expect(switch).to_contain_text("Other machines see nothing without HTTPS but the page Trust this house.")
    assert find_violations(page) == []
    wait_for(lambda: status_of(f"{reached.plain}/login") == 403, 60, "plain HTTP is closed")
    other = page.context.new_page()
    other.goto(f"{reached.plain}/login")
    expect(other.locator("h1")).to_have_text("This needs a connection that nobody else in the network can read.")
    assert other.locator("#password").count() == 0
    other.goto(f"{reached.plain}/trust")
    expect(other.locator("[data-tick=trusted][data-done]")).to_have_count(1)
    page.goto(f"{reached.secure}/live")
    expect(page.locator("#arm-chip")).to_be_visible()
    page.goto(f"{reached.secure}/settings/certificate")
    switch.get_by_role("button", name="Let them look again").click()
    expect(switch).to_contain_text("Other machines of the network may sign in without HTTPS and look")
    wait_for(lambda: status_of(f"{reached.plain}/login") == 200, 60, "plain HTTP is open again")
    other.goto(f"{reached.plain}/login")
    expect(other.locator("#password")).to_be_visible()


def status_of(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_link_from_another_site_asks_for_no_password(reached: Reached, page: Page) -> None:
    class Mail(BaseHTTPRequestHandler):
        """Somebody else's page with a link to the house."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<a href="{reached.secure}/events">look</a>'.encode())

        def log_message(self, *_: object) -> None:
            pass

    sign_in(page, reached.secure)
    with ThreadingHTTPServer(("127.0.0.1", 0), Mail) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.click("text=look")
        page.wait_for_url(f"{reached.secure}/events")
        server.shutdown()


@pytest.mark.parametrize("size", SIZES)
def test_pages_of_the_household_are_accessible(reached: Reached, trusting: Browser, size: str) -> None:
    context = patient(trusting.new_context(viewport={"width": SIZES[size]["width"], "height": SIZES[size]["height"]}))
    page = context.new_page()
    found: dict[str, list[str]] = {}
    try:
        sign_in(page, reached.secure)
        for path in (
            "/trust", "/settings", "/settings/account", "/settings/members", "/settings/members/1", "/settings/keys",
            "/settings/audit", "/system",
        ):  # fmt: skip
            page.goto(reached.secure + path)
            found[path] = find_violations(page)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    finally:
        context.close()
    assert {path: violations for path, violations in found.items() if violations} == {}


def test_phone_is_paired_by_its_code(reached: Reached, trusting: Browser, page: Page) -> None:
    """The owner's screen, and a phone that opens what it has scanned."""
    sign_in(page, reached.secure)
    page.goto(f"{reached.secure}/settings/account/phones")
    page.fill("#device", "Kim's phone")
    page.click("text=Show the code")
    scanned = read_qr(page)
    assert scanned.startswith(f"{reached.secure}/pair#")
    assert find_violations(page) == []
    phone = patient(trusting.new_context(viewport={"width": 390, "height": 844}))
    try:
        other = phone.new_page()
        other.goto(scanned)
        other.wait_for_url(f"{reached.secure}/live")
        page.locator("#waiting[data-done]").wait_for()
        assert page.locator("#waiting").inner_text() == "Kim's phone is signed in."
        other.goto(f"{reached.secure}/settings/account")
        assert other.locator("li", has_text="this device").locator("strong").inner_text() == "Kim's phone"
    finally:
        phone.close()
    thief = patient(trusting.new_context())
    try:
        late = thief.new_page()
        late.goto(scanned)
        late.locator("text=This code opens nothing, or does not any more.").wait_for()
    finally:
        thief.close()


def add_authenticator(debugger: CDPSession, transport: str, *, verifies: bool, is_verified: bool) -> str:
    """Chromium's own, in software; its id. One that does not verify who holds it is a key that is only touched."""
    debugger.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": transport, "hasResidentKey": True, "hasUserVerification": verifies,
        "isUserVerified": is_verified, "automaticPresenceSimulation": True,
    }  # fmt: skip
    return str(debugger.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"])


def test_passkey_opens_the_house_in_place_of_a_password(reached: Reached, trusting: Browser) -> None:
    """Chromium's own authenticator, in software; the page by its name, since passkeys are for names."""
    base = f"https://vigilar.local:{reached.secure.rpartition(':')[2]}"
    context = patient(trusting.new_context(viewport={"width": 390, "height": 844}))
    page = context.new_page()
    try:
        debugger = context.new_cdp_session(page)
        key = add_authenticator(debugger, "internal", verifies=True, is_verified=True)
        sign_in(page, base)
        page.goto(f"{base}/settings/account")
        page.fill("#passkey-name", "Thumb")
        page.click("text=Make a passkey")
        page.locator("strong", has_text="Thumb").wait_for()
        assert len(debugger.send("WebAuthn.getCredentials", {"authenticatorId": key})["credentials"]) == 1
        # All of it in sight: what is scrolled half under the tabs is too small a target.
        page.set_viewport_size({"width": 390, "height": 2400})
        assert find_violations(page) == []
        page.set_viewport_size({"width": 390, "height": 844})
        context.clear_cookies()
        page.goto(f"{base}/login")
        page.click("text=Use a passkey")
        page.wait_for_url(f"{base}/live")
        disarm_by_passkey(page)
        page.goto(f"{base}/settings/account")
        with page.expect_navigation():
            page.click("section:has(#passkeys-head) >> text=Remove")
        assert page.locator("strong", has_text="Thumb").count() == 0
        context.clear_cookies()
        page.goto(f"{base}/login")
        page.click("text=Use a passkey")
        expect(page.locator("#passkey-note:visible")).to_contain_text("does not open this house")
    finally:
        context.close()


TOUCHED = """async ([path, body]) => {
  const { dump, toBytes } = await import(document.querySelector('script[src*="passkeys.js"]').src
    .replace("passkeys.js", "passkey_wire.js"));
  const send = (to, what) => fetch(to, { method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify(what) });
  const { challenge, options } = await (await send(`${path}/options`.replace("arm/options", "arm/passkey"), {})).json();
  options.challenge = toBytes(options.challenge);
  let credential;
  if (options.user) {
    options.user.id = toBytes(options.user.id);
    options.authenticatorSelection = { userVerification: "discouraged", residentKey: "discouraged" };
    credential = await navigator.credentials.create({ publicKey: options });
  } else {
    for (const one of options.allowCredentials) one.id = toBytes(one.id);
    options.userVerification = "discouraged";
    credential = await navigator.credentials.get({ publicKey: options });
  }
  const passkey = { challenge, credential: dump(credential) };
  const answer = await send(path, body.mode ? { ...body, passkey } : { ...body, ...passkey });
  return [answer.status, answer.ok ? "" : (await answer.json()).type];
}"""
"""A page of somebody who asks the browser for less than the house did: a key that is only touched."""


def test_passkey_that_knows_nobody_neither_signs_in_nor_disarms(reached: Reached, trusting: Browser) -> None:
    """By the flag of what was signed, whatever the page asked for. The PIN goes on as before."""
    base = f"https://vigilar.local:{reached.secure.rpartition(':')[2]}"
    context = patient(trusting.new_context(viewport={"width": 390, "height": 844}))
    page = context.new_page()
    try:
        debugger = context.new_cdp_session(page)
        key = add_authenticator(debugger, "usb", verifies=False, is_verified=False)
        sign_in(page, base)
        page.goto(f"{base}/settings/account")
        assert page.evaluate(TOUCHED, ["/api/v1/me/passkeys", {"name": "Touched"}]) == [422, "passkey.wrong"]
        debugger.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": key})
        key = add_authenticator(debugger, "internal", verifies=True, is_verified=False)
        page.fill("#passkey-name", "Stranger")
        page.click("text=Make a passkey")
        page.locator("#passkey-note:visible", has_text="No passkey was given.").wait_for()
        debugger.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": True})
        page.reload()
        page.fill("#passkey-name", "Finger")
        page.click("text=Make a passkey")
        page.locator("strong", has_text="Finger").wait_for()
        assert page.evaluate(ASK, ["PUT", "/api/v1/members/me/pin", {"pin": "482913"}])[0] == 204
        assert page.evaluate(ASK, ["POST", "/api/v1/arm", {"mode": "home", "override": True}])[0] == 200
        debugger.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": False})
        assert page.evaluate(TOUCHED, ["/api/v1/arm", {"mode": "disarmed"}]) == [403, "passkey.wrong"]
        assert page.evaluate(ASK, ["GET", "/api/v1/arm", None])[1]["mode"] == "home"
        page.goto(f"{base}/arm")
        page.click("#arm-passkey")
        page.locator("#arm-problem:visible").wait_for()
        assert page.evaluate(ASK, ["GET", "/api/v1/arm", None])[1]["mode"] == "home"
        debugger.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": True})
        page.click("#arm-passkey")
        page.wait_for_selector("#arm-chip[data-state=disarmed]")
        page.evaluate(ASK, ["POST", "/api/v1/arm", {"mode": "home", "override": True}])
        assert page.evaluate(ASK, ["POST", "/api/v1/arm", {"mode": "disarmed", "pin": "482913"}])[0] == 200
        assert page.evaluate(ASK, ["DELETE", "/api/v1/members/me/pin", None])[0] == 204
        page.goto(f"{base}/settings/account")
        with page.expect_navigation():
            page.click("section:has(#passkeys-head) >> text=Remove")
        assert page.locator("strong", has_text="Finger").count() == 0
    finally:
        context.close()


ASK = """async ([method, path, body]) => {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  return [answer.status, answer.status === 204 ? null : await answer.json()];
}"""


def disarm_by_passkey(page: Page) -> None:
    """In the sheet, without a PIN: there is none in this house."""
    page.click("#arm-chip")
    page.click("dialog >> text=Home")
    page.locator("#arm-anyway").click()
    page.wait_for_selector("#arm-chip[data-state=home]")
    made = page.evaluate(
        "fetch('/api/v1/me/passkeys/options', {method: 'POST', body: '{}', headers: "
        "{'Content-Type': 'application/json'}}).then((answer) => answer.json())"
    )
    assert made["type"] == "passkey.armed"
    page.click("#arm-chip")
    page.click("text=Face, finger or key fob")
    page.wait_for_selector("#arm-chip[data-state=disarmed]")
    page.goto(f"{page.url.partition('/live')[0]}/arm")
    assert "by sam, with a passkey" in page.locator("#arm-history").inner_text()


def read_qr(page: Page) -> str:
    """What a phone's camera reads on the screen."""
    page.wait_for_function(
        "() => { const code = document.querySelector('img.qr'); return code?.complete && code.naturalWidth > 0; }"
    )
    picture = cv2.imdecode(np.frombuffer(page.locator("img.qr").screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    # Its other detector does not read some 1 in 100 of these codes, drawn without a fault (29 of 3,000; this one all).
    text, _, _ = cv2.QRCodeDetectorAruco().detectAndDecode(picture)
    return str(text)


def test_address_is_one_the_root_may_vouch_for(reached: Reached) -> None:
    assert is_private(ipaddress.ip_address(reached.secure.removeprefix("https://").rpartition(":")[0]))
