"""What people keep: with its size, by whom, let go and taken back; without script too, on phone and desk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import find_violations, sign_in
from tests.browser.house import House, open_house, serve
from tests.recording_kit import Clip, make_clip
from vigilar.store.events import StoredEvent, get_event, set_kept
from vigilar.store.exports import EXPORT, ExportParams
from vigilar.store.files import get_file
from vigilar.store.jobs import add_job

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "desk": (1440, 900)}
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return make_clip(tmp_path_factory.mktemp("clips"), size=(320, 180))


class Kept:
    """Two recordings of the front door, each with an event; Sam keeps the first, someone unknown the second."""

    def __init__(self, house: House, url: str, clip: Clip) -> None:
        self.house, self.url = house, url
        house.client()
        house.well("front-door")
        self.events: list[StoredEvent] = []
        self.sizes: list[int] = []
        for days_ago in (5, 2):
            shift_ns = (house.now_ms() - days_ago * DAY_MS) * 1_000_000 - clip.run().utc_ns
            packets = [replace(one, utc_ns=one.utc_ns + shift_ns) for one in islice(clip.endless(), 40)]
            row = get_file(house.store, house.record("front-door", packets, clip.run()))
            assert row is not None
            self.sizes.append(row.size_bytes)
            self.events.append(house.event(ts_ms=row.start_ms + 500, length_ms=1000))
        set_kept(house.store, self.events[0].id, kept=True, by="sam", now_ms=house.now_ms())
        set_kept(house.store, self.events[1].id, kept=True)


@pytest.fixture
def site(tmp_path: Path, clip: Clip) -> Iterator[Kept]:
    with open_house(tmp_path) as house, serve(house) as url:
        yield Kept(house, url, clip)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_kept_event_is_let_go_and_taken_back(chromium: Browser, site: Kept, size: str, script: bool) -> None:
    width, height = SIZES[size]
    page = chromium.new_context(viewport={"width": width, "height": height}, java_script_enabled=script).new_page()
    sign_in(page, site.url)
    page.goto(f"{site.url}/system/storage")
    page.get_by_role("link", name="What is kept").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(2)
    if script:
        assert find_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("link", name="sam", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Keep no longer Motion").press("Enter")
    expect(page.get_by_text("is kept no longer")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)
    found = get_event(site.house.store, site.events[0].id)
    assert found is not None
    assert (found.kept, "kept" in found.payload) == (False, False)
    if script:
        assert find_violations(page) == []
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(2)
    found = get_event(site.house.store, site.events[0].id)
    assert found is not None
    assert (found.kept, found.payload["kept"]["by"]) == (True, "sam")


def test_sizes_are_those_of_the_recordings_and_of_each_person(site: Kept) -> None:
    house = site.house
    owner = house.client()
    first = get_file(house.store, 1)
    assert first is not None
    params = ExportParams(camera_id="front-door", from_ms=first.start_ms, to_ms=first.start_ms + 2000, proof=False)
    add_job(house.store, node_id=house.node_id, kind=EXPORT, params=params.dump(), made_by=1, now_ms=house.now_ms())
    told = json.loads(owner.get("/api/v1/kept").data)
    assert [(one["kind"], one["by"], one["bytes"]) for one in told["kept"]] == [
        ("event", None, site.sizes[1]),
        ("export", "sam", site.sizes[0]),
        ("event", "sam", site.sizes[0]),
    ]
    assert told["bytes"] == sum(site.sizes)
    people = {one["name"]: (one["count"], one["bytes"]) for one in told["people"]}
    assert people == {"sam": (2, site.sizes[0]), None: (1, site.sizes[1])}


def test_member_sees_what_is_kept_of_its_cameras_and_lets_nothing_go(site: Kept) -> None:
    limited = site.house.member("adult", ["garden"])
    assert json.loads(limited.get("/api/v1/kept").data)["kept"] == []
    assert limited.post(f"/kept/{site.events[0].id}/release").status_code == 404
    child = site.house.member("child")
    assert "Keep no longer" not in child.get("/kept").text
    assert child.post(f"/kept/{site.events[0].id}/release").status_code == 403
    assert child.get(f"/kept?released={2**70}").status_code == 200
