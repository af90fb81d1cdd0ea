"""A house with modes, cameras that are well, sensors and an owner with a PIN; and a window signed in to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.chromium import sign_in
from tests.browser.house import House, open_house, serve
from vigilar.base.arm_rules import ArmRules, ModeRules
from vigilar.store.presence import note_devices, set_owner, set_presence
from vigilar.store.sensors import Word, ensure_sensor, name_sensor, note_word

SIZES = {"phone": (390, 844), "desk": (1440, 900), "small": (320, 640)}
PIN, WRONG = "482913", "700431"
SETTINGS = """\
[[arm.schedule]]
mode = "night"
from = "23:00"
to = "06:30"
[[camera]]
name = "Front door"
address = "demo:street"
"""
RULES = ArmRules(
    modes=(
        ModeRules(mode="home"),
        ModeRules(mode="night", cameras=("front-door",)),
        ModeRules(mode="away", cameras=("front-door", "garden"), trigger="motion", leave_s=60),
    )
)


@contextmanager
def open_site(tmp_path: Path) -> Iterator[tuple[House, str]]:
    with open_house(tmp_path) as house, serve(house) as url:
        house.parts.cfg.config_file.write_text(SETTINGS, encoding="utf-8")
        house.parts.use_settings(replace(house.parts.cfg, arm=RULES))
        owner = house.client()
        assert owner.put("/api/v1/members/me/pin", json={"pin": PIN}).status_code == 204
        house.well("front-door", "garden", "drive", "shed")
        _lay_sensors(house)
        yield house, url


def _lay_sensors(house: House) -> None:
    now = house.now_ms()
    for name, room, word in (
        ("Front door", "Hall", Word({"contact": 0.0}, 88, 120)),
        ("Landing", "Hall", Word({"motion": 1.0}, 9, 30)),
        ("Bath", "", Word({"temperature": 21.4, "humidity": 48.0}, 60, 200)),
    ):
        sensor = ensure_sensor(house.store, house.node_id, f"zigbee/{name}", name, now)
        name_sensor(house.store, sensor.id, name, room)
        note_word(house.store, sensor.id, word, dict(word.values), now)
    note_devices(house.store, {"aa:bb:cc:dd:ee:01": "192.0.2.7", "10:bb:cc:dd:ee:02": "192.0.2.8"}, now)
    set_owner(house.store, "aa:bb:cc:dd:ee:01", 1, "Sam's phone")
    set_presence(house.store, 1, "home", now)


def opened(chromium: Browser, url: str, size: str, *, script: bool = True, is_still: bool = False) -> Page:
    width, height = SIZES[size]
    context = chromium.new_context(
        viewport={"width": width, "height": height},
        java_script_enabled=script,
        reduced_motion="reduce" if is_still else "no-preference",
        service_workers="block",  # what a page under one asks, some tests could not hold back
    )
    page = context.new_page()
    sign_in(page, url)
    return page
