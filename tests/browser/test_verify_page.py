"""The page that comes with an export, opened from a disk by a browser that never saw Vigilar."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import find_violations
from tests.browser.house import House, open_house, serve
from tests.flow.test_export_bundle import Key, make, manifest_of, of_movie, rebuilt, save, sign_history
from tests.flow.test_export_movie import T0, record
from tests.recording_kit import make_clip
from vigilar.playback.export.bundle import SignedCheckpoint


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        clip = make_clip(tmp_path, has_sound=True)
        for start in (0, 4, 8):
            record(house, clip, start, start + 4)
        yield house


def verdict(chromium: Browser, bundle: Path, *, has_webcrypto: bool = True) -> tuple[str, list[str]]:
    """The page's verdict and the sentences below, read out of the bundle's own page."""
    page_file = bundle.with_name("verify.html")
    with zipfile.ZipFile(bundle) as found:
        page_file.write_bytes(found.read("verify.html"))
    page = chromium.new_page()
    try:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        if not has_webcrypto:
            page.add_init_script("Object.defineProperty(crypto, 'subtle', {value: undefined})")
        page.goto(page_file.as_uri())
        page.set_input_files("#file", bundle)
        page.wait_for_selector(".verdict")
        assert [url for url in asked if not url.startswith(("file:", "blob:"))] == []
        return page.inner_text(".verdict"), page.locator("li").all_inner_texts()
    finally:
        page.close()


@pytest.mark.parametrize("has_webcrypto", [True, False])
def test_whole_signed_bundle_is_exact(chromium: Browser, house: House, tmp_path: Path, *, has_webcrypto: bool) -> None:
    record(house, make_clip(tmp_path, has_sound=True), 12, 16)
    key, made = sign_history(house, T0 + 20_000)
    plan = make(house, None, SignedCheckpoint(made.body, made.signature, key.public), key)
    words, notes = verdict(chromium, save(house, plan, tmp_path), has_webcrypto=has_webcrypto)
    assert words.endswith("This is exactly what was exported.")
    assert notes == ["The signed words of the house name 3 of 3 closed recordings."]


def test_wrong_signature_is_told(chromium: Browser, house: House, tmp_path: Path) -> None:
    key = Key()
    plan = make(house, None, SignedCheckpoint("other", key.sign(b"words"), key.public))
    words, notes = verdict(chromium, save(house, plan, tmp_path))
    assert words.endswith("This is not what was exported.")
    assert notes[0] == "The signature of the house's checkpoint is not right."
    path = save(house, make(house, signer=key), tmp_path)
    lie = rebuilt(path, lambda name, data: data.replace(b"Maple", b"Birch") if name.endswith("json") else data)
    _, notes = verdict(chromium, lie)
    assert notes[0] == "The signature of this export is not right."


def test_flipped_byte_is_told_with_second_and_record(chromium: Browser, house: House, tmp_path: Path) -> None:
    path = save(house, make(house), tmp_path)
    row = manifest_of(path)["movies"][0]["pieces"][1]["records"][3]
    at = row[4] + 20
    changed = rebuilt(path, of_movie(lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]))
    words, notes = verdict(chromium, changed)
    assert words.endswith("This is not what was exported.")
    assert (
        f"second 4.0 to 4.5 of the video (03:40:05.5 to 03:40:06.0), record {row[0]} of recording 2, was changed"
        in (notes[0])
    )


def test_second_cut_out_and_record_moved_are_told(chromium: Browser, house: House, tmp_path: Path) -> None:
    path = save(house, make(house), tmp_path)
    pieces = manifest_of(path)["movies"][0]["pieces"]
    rows, later = pieces[1]["records"], pieces[2]["records"]
    start, stop = rows[2][4], rows[4][4]
    _, notes = verdict(chromium, rebuilt(path, of_movie(lambda data: data[:start] + data[stop:])))
    assert f"records {rows[2][0]} to {rows[3][0]} of recording 2, are missing" in notes[0]
    one, after, to = rows[1][4], rows[2][4], later[0][4]
    _, notes = verdict(chromium, rebuilt(path, of_movie(lambda d: d[:one] + d[after:to] + d[one:after] + d[to:])))
    assert f"record {rows[1][0]} of recording 2, was moved" in notes[0]


def test_second_cut_out_of_the_zip_itself_is_told(chromium: Browser, house: House, tmp_path: Path) -> None:
    path = save(house, make(house), tmp_path)
    rows = manifest_of(path)["movies"][0]["pieces"][1]["records"]
    with zipfile.ZipFile(path) as bundle:
        info = bundle.infolist()[-1]
    begin = info.header_offset + 30 + len(info.filename.encode())
    data = path.read_bytes()
    cut = path.with_name("cut.zip")
    cut.write_bytes(data[: begin + rows[2][4]] + data[begin + rows[4][4] :])
    page_file = path.with_name("verify.html")
    with zipfile.ZipFile(path) as found:
        page_file.write_bytes(found.read("verify.html"))
    page: Page = chromium.new_page()
    page.goto(page_file.as_uri())
    page.set_input_files("#file", cut)
    page.wait_for_selector(".verdict.bad")
    assert "are missing" in page.locator("li").first.inner_text()
    page.close()


def test_page_is_clean_for_assistive_programs(chromium: Browser, house: House, tmp_path: Path) -> None:
    path = save(house, make(house), tmp_path)
    page_file = path.with_name("verify.html")
    with zipfile.ZipFile(path) as found:
        page_file.write_bytes(found.read("verify.html"))
    for scheme in ("light", "dark"):
        page = chromium.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
        page.goto(page_file.as_uri())
        page.set_input_files("#file", path)
        page.wait_for_selector(".verdict")
        assert find_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.close()


def test_page_of_the_house_checks_too(chromium: Browser, house: House, tmp_path: Path) -> None:
    path = save(house, make(house), tmp_path)
    with serve(house) as url:
        page = chromium.new_page()
        page.goto(f"{url}/verify")
        page.set_input_files("#file", path)
        page.wait_for_selector(".verdict.good")
        page.close()
