"""A cat of the demo house is named once by a person, and the next time by the box: event, page, API, bus, command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE_S
from tests.system.house import ROOT, RunningHouse, run_house, wait_for
from tests.system.push_kit import call
from tests.system.test_objects import models, visits
from vigilar.bus.client import MessageBus
from vigilar.bus.link import BusLink

pytestmark = [pytest.mark.system, pytest.mark.long(150), pytest.mark.timeout(600)]

YARD: dict[str, str | dict[str, str]] = {"Yard": {"address": "demo:hall", "place": "exterior"}}
"""A cat comes at 31 s, in a loop of 44 s."""


def named(house: RunningHouse, but: int) -> list[dict[str, Any]]:
    return [one for one in visits(house, "cat", is_over=False) if one["title"] == "Milo, Yard" and one["id"] != but]


def retained(house: RunningHouse, topic: str) -> list[dict[str, Any]]:
    """What the broker keeps under this topic."""
    passwords = json.loads((house.folder / "secrets" / "bus-users").read_text(encoding="utf-8"))
    lines = (house.folder / "vigilar.toml").read_text(encoding="utf-8").partition("[bus]")[2]
    port = int(lines.partition("port = ")[2].partition("\n")[0])
    heard: list[dict[str, Any]] = []
    bus = MessageBus(BusLink("127.0.0.1", port, "owner", passwords["owner"]), "test-pets")
    bus.subscribe(topic, lambda _topic, payload: heard.append(json.loads(payload)))
    bus.start()
    try:
        return list(wait_for(lambda: heard, PATIENCE_S, "the broker tells what it keeps"))
    finally:
        bus.stop()


def test_confirmed_cat_is_named_and_its_escape_told(tmp_path: Path) -> None:
    folder = tmp_path / "house"
    folder.mkdir()
    models(folder, "install", "drawn-scenes")
    with run_house(folder, YARD) as house:
        first = wait_for(lambda: visits(house, "cat"), 120, "a cat came and left")[0]
        assert first["title"] == "Cat, Yard", "nothing is learned without a yes"
        call(house, "POST", "/api/v1/pets", {"name": "Milo", "kind": "cat", "event": first["id"], "indoor_only": True})
        again = wait_for(lambda: named(house, first["id"]), 150, "it is known the next time")[0]
        assert again["payload"]["pet"]["name"] == "Milo"
        assert "Milo" in house.get(f"/events/{again['id']}").decode()
        wait_for(lambda: house.events("pet_escaped"), 60, "it stays indoors, and is seen outside")
        (pet,) = json.loads(house.get("/api/v1/pets"))["pets"]
        assert (pet["state"], pet["last_seen"]["camera"], pet["pictures"]) == ("out", "yard", 1)
        told = retained(house, "vigilar/pets/milo/location")[0]
        assert (told["name"], told["camera"], told["place"]) == ("Milo", "yard", "exterior")
        command = [sys.executable, "-m", "vigilar", "--data-dir", str(folder), "pets", "list", "--json"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60).stdout
        assert json.loads(listed)["pets"][0]["name"] == "Milo"
