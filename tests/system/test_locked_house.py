"""A real house that was without power: it records at once, says that it is locked, and opens when it is unlocked."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.key_kit import cut_power, nothing_left_in_memory
from tests.system.house import ROOT, RunningHouse, run_house, start_house, wait_for
from vigilar.demo.scenes import SCENES, Scene, ensure_clip

pytestmark = [pytest.mark.system, pytest.mark.long(45), pytest.mark.timeout(600)]

PASSPHRASE = "five plain words and one"


@pytest.fixture
def camera(tmp_path: Path) -> dict[str, str | dict[str, str]]:
    folder = tmp_path / "clip"
    folder.mkdir()
    street = next(scene for scene in SCENES if scene.name == "street")
    clip = ensure_clip(Scene("street", street.place, street.act, 12), folder)
    return {"Street": {"address": f"file:{clip.main}", "small": f"file:{clip.sub}"}}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with nothing_left_in_memory(tmp_path / "house" / "secrets"):
        yield tmp_path / "house"


def command(folder: Path, *args: str, words: str = "") -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "vigilar", *args, "--data-dir", str(folder)]
    return subprocess.run(line, input=words, capture_output=True, text=True, cwd=ROOT, check=False, timeout=60)


def spans(house: RunningHouse, since_ms: int) -> list[dict[str, int]]:
    now_ms = int(time.time() * 1000)
    found: list[dict[str, int]] = json.loads(house.get(f"/footage/street/timeline?from={since_ms}&to={now_ms}"))[
        "spans"
    ]
    return found


def plays(house: RunningHouse, from_ms: int) -> bool:
    """Whether a second of that moment can be downloaded; false while it is locked."""
    try:
        return len(house.get(f"/footage/street/clip.mp4?from={from_ms}&to={from_ms + 1000}")) > 1000
    except urllib.error.HTTPError as error:
        with error:
            if json.loads(error.read())["type"] != "vge.locked":
                raise
        return False


def records_since(house: RunningHouse, since_ms: int) -> int:
    """The start of a recording that began after ``since_ms`` and has two seconds; 0 while there is none."""
    return next((one["from"] for one in spans(house, since_ms) if one["to"] - one["from"] > 2000), 0)


def status(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(command(folder, "status", "--json").stdout)
    return found


def test_house_without_power_records_locked_and_opens_by_passphrase(
    folder: Path, camera: dict[str, str | dict[str, str]]
) -> None:
    began_ms = int(time.time() * 1000)
    with run_house(folder, camera) as house:
        before_ms = wait_for(partial(records_since, house, began_ms), 60, "it records")
        set_ = command(folder, "keys", "passphrase", "set", "--without-sheet", words=f"{PASSPHRASE}\n")
        assert set_.returncode == 0, set_.stderr
        assert plays(house, before_ms)  # a running house goes on as it was
        # All at once, so that the file that is open stays open: it is to be repaired, once it can be opened.
        os.kill(house.process.pid, signal.SIGSTOP)  # first: it starts nobody any more
        all_of_it = house.children()
        for one in all_of_it:
            with contextlib.suppress(psutil.NoSuchProcess):  # who only read the settings may have ended
                one.suspend()
        for one in (*all_of_it, psutil.Process(house.process.pid)):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        house.process.wait()
    cut_power(folder / "secrets")
    again_ms = int(time.time() * 1000)
    with start_house(house):
        wait_for(lambda: house.get("/healthz"), 120, "the page answers")
        since_ms = wait_for(partial(records_since, house, again_ms), 60, "it records, locked")
        assert plays(house, since_ms)
        assert not plays(house, before_ms)
        assert "what was recorded before this start is locked" in house.get("/system").decode()
        told = status(folder)
        assert any("is locked" in warning for warning in told["warnings"]), told
        assert house.events("recording_recovered") == []
        assert command(folder, "keys", "unlock", words="not the right words\n").returncode == 5
        assert command(folder, "keys", "unlock", words=f"{PASSPHRASE}\n").returncode == 0
        wait_for(lambda: plays(house, before_ms), 60, "what was locked plays")
        assert plays(house, since_ms)
        wait_for(
            lambda: not any("is locked" in warning for warning in status(folder)["warnings"]), 60, "nothing is locked"
        )
        wait_for(lambda: house.events("recording_recovered"), 60, "what the cut left open is repaired")
    checked = command(folder, "check")
    assert (checked.returncode, "begun and closed as they were recorded" in checked.stdout) == (0, True), checked.stdout


def test_stick_that_comes_later_opens_the_house(
    folder: Path, tmp_path: Path, camera: dict[str, str | dict[str, str]]
) -> None:
    stick, away = tmp_path / "stick", tmp_path / "away"
    stick.mkdir()
    with run_house(folder, camera) as house:
        made = command(folder, "keys", "stick", "make", str(stick), "--without-sheet", "--same-disk")
        assert made.returncode == 0, made.stderr
    stick.rename(away)
    cut_power(folder / "secrets")
    with start_house(house):
        wait_for(lambda: house.get("/healthz"), 120, "the page answers")
        assert "is locked" in house.get("/system").decode()
        away.rename(stick)
        wait_for(lambda: "is locked" not in house.get("/system").decode(), 60, "the stick unlocks it by itself")
