"""The house as an app: its manifest, its worker, what that keeps, the page without home, and a version that waits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chromium import find_violations, sign_in_by_page
from tests.browser.house import NAME, PASSWORD, House, open_house, serve
from tests.conftest import wait_until
from tests.ports import free_port
from tools.draw_icons import FOLDER, ICONS, draw

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}

KEPT = """async () => { const found = [];
    for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) {
            const answer = await cache.match(request);
            const said = answer.headers.get("Cache-Control");
            found.push([new URL(request.url).pathname, said, await answer.clone().text()]);
        } }
    return found; }"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        house.client()
        house.well("front-door")
        yield house


def opened(chromium: Browser, url: str) -> Page:
    """A signed-in phone whose pages the worker has in hand."""
    page = chromium.new_context(viewport=PHONE).new_page()  # type: ignore[arg-type]  # a TypedDict of the same
    sign_in_by_page(page, url)
    wait_for_worker(page)
    return page


def wait_for_worker(page: Page) -> None:
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    wait_until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"), 15)


def manifest_of(context: BrowserContext, page: Page) -> dict[str, Any]:
    """As the browser reads it, with what it objects to."""
    found: dict[str, Any] = context.new_cdp_session(page).send("Page.getAppManifest")
    return found


def test_manifest_is_one_that_browsers_install(chromium: Browser, house: House) -> None:
    with serve(house) as url:
        page = opened(chromium, url)
        found = manifest_of(page.context, page)
        assert found["errors"] == []
        wrong = page.context.new_cdp_session(page).send("Page.getInstallabilityErrors")["installabilityErrors"]
        # Chromium installs nothing in a window that keeps no history, as those of tests are.
        assert [one["errorId"] for one in wrong if one["errorId"] != "in-incognito"] == []
        said = json.loads(found["data"])
        assert (said["name"], said["display"], said["id"]) == ("Lindenweg 4", "standalone", "/")
        assert [one["name"] for one in said["shortcuts"]] == ["Live", "Arm", "Last event"]
        assert {one["purpose"] for one in said["icons"]} == {"any", "maskable"}
        for icon in said["icons"]:
            answer = page.request.get(url + icon["src"])
            picture = cv2.imdecode(np.frombuffer(answer.body(), np.uint8), cv2.IMREAD_UNCHANGED)
            assert picture is not None
            assert icon["sizes"] == f"{picture.shape[1]}x{picture.shape[0]}"
        for one in said["shortcuts"]:
            assert page.request.get(url + one["url"]).ok, one


@pytest.mark.parametrize("name", ICONS)
def test_icon_is_what_its_program_draws(name: str) -> None:
    there = cv2.imread(str(FOLDER / name), cv2.IMREAD_UNCHANGED)
    assert there is not None
    difference = np.abs(cv2.cvtColor(there, cv2.COLOR_BGRA2RGBA).astype(int) - draw(ICONS[name]).astype(int))
    assert difference.max() <= 1


def test_nothing_private_is_kept_on_the_phone(chromium: Browser, house: House) -> None:
    """After a look at everything the worker has nothing but files that are the same for a stranger."""
    event = house.event(title="Secret of the house", still_id=house.still("front-door", jpeg()))
    with serve(house) as url:
        page = opened(chromium, url)
        for path in ("/events", f"/events/{event.id}", "/live", "/settings/account", "/system", "/arm"):
            page.goto(url + path)
            page.wait_for_load_state("load")
        kept = page.evaluate(KEPT)
        stranger = chromium.new_context().new_page()
        assert {path for path, _, _ in kept} >= {"/offline"}
        for path, said, text in kept:
            assert path == "/offline" or path.startswith("/static/"), path
            assert "public" in said, path
            assert "Secret of the house" not in text
            answer = stranger.request.get(url + path)
            assert answer.ok
            if not path.endswith(".png"):
                assert answer.text() == text, path
        databases = page.evaluate("indexedDB.databases().then((all) => all.map((one) => one.name))")
        assert databases == ["vigilar-worker"]


def test_phone_without_home_says_so_and_comes_back(chromium: Browser, tmp_path: Path) -> None:
    port = free_port()
    with open_house(tmp_path) as house:
        house.client()
        house.well("front-door")
        with serve(house, port) as url:
            page = opened(chromium, url)
            page.goto(f"{url}/events")
            wait_until(lambda: page.evaluate("localStorage['vigilar.heard']"), 15)
        answer = page.goto(f"{url}/events?kind=person")
        assert answer is not None
        assert answer.status == 503
        heard = page.evaluate(  # not before: each page that opens notes it anew, perhaps in the next minute
            "new Intl.DateTimeFormat('en-GB', {timeStyle: 'short', timeZone: 'Europe/Berlin'})"
            ".format(Number(localStorage['vigilar.heard']))"
        )
        expect(page.get_by_role("heading", name="Can't reach home.")).to_be_visible()
        expect(page.locator("#last-word")).to_have_text(f"Last word was {heard}.")
        expect(page.locator("#guess")).to_contain_text("Not at home? Turn on your VPN.")
        expect(page.locator("#trying")).to_have_text("Trying again every few seconds.")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 19, 23)"
        assert find_violations(page) == []
        assert page.locator(".picture, .card-row, video").count() == 0  # nothing that claims to be of now
        page.context.set_offline(True)
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(page.locator("#guess")).to_contain_text("This device has no network")
        page.context.set_offline(False)
        house.parts.hub.open()
        with serve(house, port):
            expect(page).to_have_url(f"{url}/events?kind=person")
            expect(page.locator("h1")).to_have_text("Events")


def test_icon_opens_where_one_was(chromium: Browser, house: House) -> None:
    event = house.event()
    with serve(house) as url:
        page = opened(chromium, url)
        page.goto(f"{url}/events/{event.id}")
        page.goto(f"{url}/settings/account")  # no place to come back to
        page.goto(f"{url}/?start")
        assert page.url == f"{url}/events/{event.id}"
        page.click("text=Sign out")
        page.wait_for_url(f"{url}/login")
        page.goto(f"{url}/?start")
        assert urlsplit(page.url).path == "/login"


def test_last_event_is_one_that_somebody_caused(house: House) -> None:
    owner = house.client()
    assert owner.get("/events/last").headers["Location"] == "/events"
    seen = house.event()
    house.event("process_restarted", "web", title="Part restarted")
    assert owner.get("/events/last").headers["Location"] == f"/events/{seen.id}"


ROUTES = """performance.getEntriesByType("resource").filter((one) => one.workerStart > 0)
    .map((one) => [new URL(one.name).pathname, one.workerMatchedSourceType, one.workerFinalSourceType])"""


def test_worker_is_asked_for_pages_alone(chromium: Browser, house: House) -> None:
    """Files come past it, those it keeps out of what it keeps: a file asked of a worker that is just ending for the
    next one begins it anew, and the next one waits for as long as it lives."""
    with serve(house) as url:
        page = opened(chromium, url)
        page.goto(f"{url}/events")
        page.wait_for_load_state("load")
        taken = page.evaluate(ROUTES)
        assert {
            path.rpartition("/")[2]: (by, at) for path, by, at in taken if path.endswith(("vigilar.css", "base.js"))
        } == {
            "vigilar.css": ("cache", "cache"),
            "base.js": ("network", "network"),
        }
        assert [path for path, by, _ in taken if by not in ("cache", "network")] == []


def test_new_version_waits_until_it_suits(chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open page is told and stays as it is; once reloaded it is of the new version, and the new worker begins."""
    port = free_port()
    with open_house(tmp_path) as house:
        house.client()
        with serve(house, port) as url:
            page = opened(chromium, url)
            page.goto(f"{url}/settings/account")
            page.fill("#new", "half typed")
            (first,) = page.evaluate("caches.keys()")
    for module in ("static_files", "blueprints.phone_app"):
        monkeypatch.setattr(f"vigilar.web.{module}.static_version", lambda: "0123456789ab")
    with open_house(tmp_path) as house, serve(house, port):
        bar = page.locator("#new-version")
        expect(bar).to_be_hidden()
        page.evaluate("navigator.serviceWorker.ready.then((one) => one.update())")
        expect(bar).to_contain_text("New version, reload when it suits you.")
        assert page.input_value("#new") == "half typed"
        page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
        assert find_violations(page) == []
        bar.get_by_role("button").click()
        expect(page.locator("html")).to_have_attribute("data-assets", "/static/0123456789ab/")
        wait_until(lambda: page.evaluate(f"caches.keys().then((all) => all.length === 1 && all[0] !== '{first}')"), 15)
        expect(bar).to_be_hidden()
        page.goto(f"{url}/settings/account")
        expect(bar).to_be_hidden()


OFFER = """async () => {
    await import(`${document.documentElement.dataset.assets}js/app.js`);  // it is loaded later than the page
    const offer = new Event("beforeinstallprompt", { cancelable: true });
    window.prompts = 0;
    offer.prompt = async () => { window.prompts += 1; };
    offer.userChoice = Promise.resolve({ outcome: "dismissed" });
    dispatchEvent(offer);
    return offer.defaultPrevented; }"""


def test_android_is_offered_the_app_once(chromium: Browser, house: House) -> None:
    """Headless Chromium offers nothing itself; what it would say is said in its place."""
    with serve(house) as url:
        page = chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True).new_page()  # type: ignore[arg-type]  # as above
        sign_in_by_page(page, url)
        wait_until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"), 15)
        hint = page.locator("#install")
        expect(hint).to_be_hidden()
        assert page.evaluate(OFFER)
        expect(hint).to_contain_text("Put Lindenweg 4 on your home screen.")
        assert find_violations(page) == []
        hint.get_by_role("button", name="Install").click()
        expect(hint).to_be_hidden()
        assert page.evaluate("prompts") == 1
        page.reload()
        assert page.evaluate(OFFER)
        page.wait_for_timeout(300)
        expect(hint).to_be_hidden()


def test_worker_is_of_the_whole_house_and_always_fresh(house: House) -> None:
    stranger = house.client(signed_in=False)
    answer = stranger.get("/sw.js")
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert NAME not in stranger.get("/offline").text
    member = house.client()
    assert member.get("/offline").text == stranger.get("/offline").text
    assert member.get("/sw.js").text == stranger.get("/sw.js").text
    assert PASSWORD not in member.get("/sw.js").text


def jpeg() -> bytes:
    done, data = cv2.imencode(".jpg", np.full((90, 160, 3), 90, np.uint8))
    assert done
    return data.tobytes()
