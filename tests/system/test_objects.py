"""The whole house recognises who comes: the demo scenes through the real processes, up to the page; and without."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import PATIENCE_S
from tests.system.house import ROOT, RunningHouse, run_house, wait_for
from vigilar.vge.format import RecordType
from vigilar.vge.keys import KeyRing
from vigilar.vge.reader import VgeReader

pytestmark = [pytest.mark.system, pytest.mark.long(60), pytest.mark.timeout(600)]

HALL: dict[str, str | dict[str, str]] = {"Hall": "demo:hall"}
"""Somebody comes at 16 s, a cat at 31 s, in a loop of 44 s."""


def models(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "vigilar", "--data-dir", str(folder), "models", *arguments]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)


def detector(house: RunningHouse) -> psutil.Process:
    return house.program("v:detector")


def system(house: RunningHouse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(house.get("/api/v1/system"))
    return found


def visits(house: RunningHouse, kind: str, *, is_over: bool = True) -> list[dict[str, Any]]:
    found = json.loads(house.get(f"/api/v1/events?kind={kind}"))["events"]
    return [one for one in found if one["end_ts"] or not is_over]


def tracks_of(house: RunningHouse, event: dict[str, Any], kind: str = "") -> list[dict[str, Any]]:
    """Its tracks, which are told beside it; none while there is none of that kind."""
    found: list[dict[str, Any]] = json.loads(house.get(f"/api/v1/events/{event['id']}/tracks"))["tracks"]
    return found if not kind or kind in {track["kind"] for track in found} else []


def test_demo_house_names_who_comes(tmp_path: Path) -> None:
    folder = tmp_path / "house"
    folder.mkdir()
    models(folder, "install", "drawn-scenes")
    with run_house(folder, HALL) as house:
        first = wait_for(lambda: visits(house, "person", is_over=False), 90, "a person is an event")[0]
        assert first["title"] == "Person, Hall"
        assert first["type"] == "motion"
        assert first["label_score"] >= 0.8
        event = wait_for(lambda: visits(house, "person"), 60, "the person has left")[0]
        assert event["id"] == first["id"], "one visit is one event"
        wait_for(lambda: visits(house, "cat"), 60, "the cat has left")
        tracks = wait_for(lambda: tracks_of(house, event, "person"), 60, "its way is known")
        page = house.get(f"/events/{event['id']}").decode()
        assert re.search("Person( and cat)? in the hall", page)
        assert "Person, sure" in page
        assert "<polyline points=" in page, "its way is on the page"
        # A busy machine looks seldom: it may see the person come later, and in two parts.
        persons = sorted((one for one in tracks if one["kind"] == "person"), key=lambda one: one["start_ts"])
        feet = [box[4] for track in persons for box in track["boxes"]]
        assert len(feet) >= 5
        assert max(feet) > feet[0], "it comes nearer: its feet go down in the picture"
        assert wait_for(lambda: house.get(event["still"]), 60, "its still is there")[:2] == b"\xff\xd8"
        line = system(house)["detector"]
        assert (line["state"], line["model"]) == ("ok", "drawn-scenes")
        names = {one["title"] for one in house.events("motion")}
        assert names <= {"Person, Hall", "Cat, Hall", "Motion, Hall"}
    assert seen_in_recordings(folder) >= {"person", "cat"}


def seen_in_recordings(folder: Path) -> set[str]:
    """The kinds that META of all recordings tells of."""
    keys, found = KeyRing.load(folder / "secrets"), set()
    for path in (folder / "footage").rglob("*.vge"):
        with VgeReader.open(path, keys) as reader:
            metas = [json.loads(reader.read(one)) for one in reader.entries if one.type is RecordType.META]
            found |= {track["kind"] for meta in metas for track in meta["tracks"]}
    return found


def test_house_goes_on_without_its_detector(tmp_path: Path) -> None:
    folder = tmp_path / "house"
    folder.mkdir()
    models(folder, "install", "drawn-scenes")
    with run_house(folder, HALL) as house:
        before = wait_for(lambda: detector(house), 60, "the detector runs")
        wait_for(lambda: system(house)["detector"]["state"] == "ok", 60, "it works")
        os.kill(before.pid, signal.SIGKILL)
        wait_for(lambda: house.events("process_restarted"), 60, "its restart is told")
        wait_for(lambda: detector(house).pid != before.pid, 60, "it runs again")
        wait_for(lambda: visits(house, "person"), 90, "a person is recognised afterwards")
        models(folder, "remove", "drawn-scenes")
        wait_for(
            lambda: "No model is installed" in system(house)["detector"]["sentence"], 60, "what is missing is said"
        )
        wait_for(lambda: not house.programs("v:detector"), 60, "it is gone")
        assert "vigilar models install" in house.get("/system").decode()
        known = {one["id"] for one in house.events("motion")}
        new = wait_for(
            lambda: [one for one in house.events("motion") if one["id"] not in known and one["end_ts"]], 90, "motion"
        )[0]
        assert (new["kind"], new["title"], new["label_score"]) == ("motion", "Motion, Hall", None)
        assert wait_for(lambda: tracks_of(house, new), 60, "its way is known")[0]["kind"] == "motion"
        camera = json.loads(house.get("/api/v1/system"))["cameras"][0]
        assert camera["is_recording"]
        assert camera["counters"]["lost_packets"] == 0
        models(folder, "install", "drawn-scenes")
        wait_for(lambda: system(house)["detector"]["state"] == "ok", 60, "and back without a restart")


def test_wish_without_model_is_said_in_one_sentence(tmp_path: Path) -> None:
    with run_house(tmp_path / "house", HALL) as house:
        line = wait_for(lambda: (it := system(house)["detector"])["state"] == "warn" and it, 60, "it is said")
        assert line["sentence"].startswith("No model is installed")
        assert "vigilar models install" in line["next_step"]
        request = urllib.request.Request(house.base + "/api/v1/events?kind=ghost")
        with pytest.raises(urllib.error.HTTPError, match="422"):
            house.opener.open(request, timeout=PATIENCE_S)
