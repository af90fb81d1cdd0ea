"""Somebody walks past two cameras of the demo house: one incident, one card on an open page, whatever is killed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import threading
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import PATIENCE_S
from tests.system.house import RunningHouse, run_house, wait_for
from tests.system.test_objects import models
from tests.together import make_once
from vigilar.config.places import find_places
from vigilar.demo.scenes import ensure_clips

pytestmark = [pytest.mark.system, pytest.mark.long(80), pytest.mark.timeout(600)]

CAMERAS: dict[str, str | dict[str, str]] = {"Hall": "demo:hall", "Drive": "demo:street"}
"""Somebody is in the hall at 16 s of 44, and on the street at 23 s of 40."""

MISCOUNTED = (
    "SELECT id FROM incidents WHERE event_count <> (SELECT count(*) FROM events WHERE incident_id = incidents.id)"
)


class OpenPage:
    """Reads the stream as a page does, on a thread of its own, and keeps each incident by its id."""

    def __init__(self, house: RunningHouse) -> None:
        self.told: list[dict[str, Any]] = []
        self.order: list[tuple[str, int]] = []
        self._house = house
        self._answer = house.opener.open(house.base + "/events/stream", timeout=120)
        self._thread = threading.Thread(target=self._read, name="page", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        name = ""
        with contextlib.suppress(OSError, HTTPException):  # the house stops
            for line in self._answer:
                field, _, text = line.decode().rstrip("\n").partition(": ")
                if field == "event":
                    name = text
                elif field == "data" and name in ("event", "incident"):
                    self._take(name, json.loads(text))

    def _take(self, name: str, content: dict[str, Any]) -> None:
        self.order.append((name, content["change"]))
        if name == "incident":
            self.told.append(content)

    def wait_for_end(self) -> None:
        """After the house has stopped: all that it told has been read."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        self._answer.close()

    def card(self, incident_id: int) -> dict[str, Any] | None:
        """What the card shows now."""
        return next((one for one in reversed(self.told) if one["id"] == incident_id), None)


def incidents(house: RunningHouse) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(house.get("/api/v1/incidents?kind=person"))["incidents"]
    return found


def grown_from(house: RunningHouse, before: dict[str, Any]) -> dict[str, Any] | None:
    """The incident, once it has another event and both cameras."""
    for one in incidents(house):
        if one["id"] == before["id"] and len(one["cameras"]) == 2 and len(one["events"]) > len(before["events"]):
            return one
    return None


def events_process(house: RunningHouse) -> psutil.Process:
    return house.program("v:events")


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{folder / 'vigilar.db'}?mode=ro", uri=True)) as database:
        return database.execute(sql).fetchall()


def test_visit_past_two_cameras_is_one_card_though_events_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "house"
    folder.mkdir()
    models(folder, "install", "drawn-scenes")
    shutil.copytree(make_once("demo-clips", ensure_clips), find_places(None, folder).demo_dir)
    with run_house(folder, CAMERAS) as house:
        page = OpenPage(house)
        first = wait_for(lambda: incidents(house), 90, "somebody came by")[0]
        assert first["title"].startswith("Person")
        killed = events_process(house)
        os.kill(killed.pid, signal.SIGKILL)
        wait_for(lambda: events_process(house).pid != killed.pid, 60, "the events process is there again")
        grown = wait_for(lambda: grown_from(house, first), 120, "the same incident goes on, with both cameras")
        assert grown["title"].startswith("Person")
        assert set(grown["cameras"]) == {"hall", "drive"}
        assert wait_for(lambda: house.get(grown["still"]), 60, "its still is there")[:2] == b"\xff\xd8"
        wait_for(
            lambda: (card := page.card(grown["id"])) is not None and len(card["cameras"]) == 2, 60, "its card grew"
        )
    page.wait_for_end()
    changes = [change for name, change in page.order if name == "event"]
    assert changes == sorted(set(changes)), "nothing was told twice or out of order"
    for index, (name, change) in enumerate(page.order):
        assert name == "event" or ("event", change) in page.order[:index], "a card never runs ahead of its event"
    stories = [(one["id"], one["change"]) for one in page.told]
    assert len(stories) == len(set(stories)), "no state of a card was told twice"
    assert rows(folder, "SELECT id FROM events WHERE incident_id IS NULL") == []
    assert rows(folder, MISCOUNTED) == []
    assert rows(folder, "SELECT uid FROM events GROUP BY uid HAVING count(*) > 1") == []
