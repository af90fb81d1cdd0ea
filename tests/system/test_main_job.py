"""The main job, whole: a foreign camera, somebody walks by, the open page shows it, the sealed clip plays."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.fair_watch import FairLog, FairWatch
from tests.system.chromium import MISSING, open_events, shown_ms, signed_in
from tests.system.house import RunningHouse, run_house, wait_for

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

if MISSING:
    pytest.skip(MISSING, allow_module_level=True)


@pytest.fixture
def page(house: RunningHouse) -> Iterator[Page]:
    with signed_in(house) as page:
        yield page


def _motions(house: RunningHouse) -> list[dict[str, Any]]:
    return house.events("motion")


@pytest.mark.quiet
def test_walk_by_shows_on_the_open_page(house: RunningHouse, page: Page) -> None:
    open_events(house, page)
    known = {e["id"] for e in _motions(house)}
    with FairLog() as log:
        event = wait_for(lambda: [e for e in _motions(house) if e["id"] not in known], 60, "somebody walks by")[0]
        at_ms = wait_for(lambda: shown_ms(page, event), 60, "the card is on the page")
    moved_ms, stored_ms = event["ts"], _stored_ms(house, event)
    print(f"motion frame to card on the page: {(at_ms - moved_ms) / 1000:.2f} s; stored row to card: "
          f"{(at_ms - stored_ms) / 1000:.3f} s")  # fmt: skip
    assert moved_ms < stored_ms <= at_ms
    assert log.between_s(moved_ms / 1000, at_ms / 1000) < 1.0
    assert log.between_s(stored_ms / 1000, at_ms / 1000) < 0.3


def _stored_ms(house: RunningHouse, event: dict[str, Any]) -> int:
    """When the row of the event was written, UTC ms."""
    with closing(sqlite3.connect(f"file:{house.folder}/vigilar.db?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT created_ms FROM events WHERE id = ?", (event["id"],)).fetchone()[0])


def test_clip_begins_before_the_motion_and_misses_no_frame(house: RunningHouse, tmp_path: Path) -> None:
    event = wait_for(
        lambda: [e for e in _motions(house) if e["end_ts"] and e["ts"] - _recording_since(house) > 6000],
        80,
        "a motion is over that was recorded from before its start",
    )[-1]
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(house.get(f"/events/{event['id']}/clip.mp4?before=5&after=10"))
    probe = [
        "ffprobe",
        "-v",
        "error",
        "-show_entries",
        "packet=pts_time",
        "-select_streams",
        "v",
        "-of",
        "json",
        str(clip),
    ]
    done = subprocess.run(probe, capture_output=True, check=True)
    assert done.stderr == b""
    stamps = [float(p["pts_time"]) for p in json.loads(done.stdout)["packets"]]
    assert max(b - a for a, b in itertools.pairwise(stamps)) < 0.15, "ten frames a second, none missing"
    assert stamps[-1] - stamps[0] > 5.0 + (int(event["end_ts"]) - int(event["ts"])) / 1000 - 0.2


def _recording_since(house: RunningHouse) -> int:
    """From when on there is footage, UTC ms: a busy house records long after it has started."""
    now_ms = int(time.time() * 1000)
    spans = json.loads(house.get(f"/footage/street/timeline?from={now_ms - 3_600_000}&to={now_ms}"))["spans"]
    return int(spans[0]["from"]) if spans else now_ms


PLAYED_S = """() => { const { played } = document.querySelector("#player");
  let sum = 0;
  for (let one = 0; one < played.length; one += 1) sum += played.end(one) - played.start(one);
  return sum; }"""
"""How much of the clip was on the screen, seconds."""


def test_clip_plays_in_the_browser(house: RunningHouse, page: Page) -> None:
    event = wait_for(lambda: [e for e in _motions(house) if e["end_ts"]], 60, "a motion is over")[0]
    page.goto(f"{house.base}/events/{event['id']}")
    wait_for(lambda: page.evaluate(PLAYED_S) > 1.0, 60, "the clip plays, as it does by itself")


def test_nothing_on_disk_is_plain(house: RunningHouse) -> None:
    sealed = wait_for(
        lambda: [p for p in house.folder.glob("**/*.vge") if p.stat().st_size > 50_000], 30, "a recording"
    )
    for path in sealed:
        data = path.read_bytes()
        for plain in (b"ftyp", b"moov", b"mdat", b"avcC", b"x264", b"JFIF"):
            # four bytes turn up in random data by chance now and then, where a box type would be there every time
            assert data.count(plain) <= 1 + len(data) // 2**30, f"{plain!r} in {path.name}"
        assert subprocess.run(["ffprobe", "-v", "quiet", str(path)], check=False).returncode != 0
    others = [p for p in house.folder.glob("**/*") if p.is_file() and p.suffix not in {".vge", ".mp4"}]
    looked_at = 0
    for path in others:
        with contextlib.suppress(FileNotFoundError):  # the house makes and removes files while it runs
            assert b"ftypiso" not in path.read_bytes(), path
            looked_at += 1
    assert looked_at > len(others) // 2


def test_stop_is_ordered_and_quick(tmp_path: Path) -> None:
    with run_house(tmp_path / "data", {}) as house:
        watch = FairWatch()
        house.stop()
        assert watch.elapsed_s() < 10.0
    shutil.rmtree(tmp_path / "data")
