"""Somebody deletes recordings of a house by hand: people hear of it, the timeline says it, and two commands name it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.fakes.clips import make_clip
from tests.system.house import RunningHouse, run_house, start_house, wait_for
from vigilar.base.errors import ExitCode
from vigilar.store.files import FileRow, find_files
from vigilar.store.sqlite_store import SqliteStore

pytestmark = [pytest.mark.system, pytest.mark.long(50), pytest.mark.timeout(600)]

FILE_ALONE, WITH_ROW, OLDEST = CAMERAS = ("north", "south", "east")
"""Whose recording is deleted, whose is deleted with its row of the database, and whose oldest one is, with its row."""

FOREVER_MS = 1 << 45
REMOVED = "A recording of this time was removed by hand, with its row: no rule deleted it."


def rows(house: RunningHouse, camera: str) -> list[FileRow]:
    """The camera's recordings, oldest first; all but the last are finished."""
    with closing(SqliteStore.open(house.folder / "vigilar.db")) as store:
        return find_files(store, camera, "video", 0, FOREVER_MS)


def remove_with_row(house: RunningHouse, row: FileRow) -> None:
    (house.folder / row.path).unlink()
    with closing(sqlite3.connect(house.folder / "vigilar.db", timeout=30)) as connection:
        connection.execute("DELETE FROM files WHERE id = ?", (row.id,))
        connection.commit()


def gaps(house: RunningHouse, camera: str, from_ms: int, to_ms: int) -> list[dict[str, Any]]:
    answer = json.loads(house.get(f"/footage/{camera}/timeline?from={from_ms}&to={to_ms}"))
    found: list[dict[str, Any]] = answer["gaps"]
    return found


def told_of(house: RunningHouse, camera: str) -> list[tuple[str, str, str]]:
    """Severity, code and reason of the events which say that rows of the camera's recordings were removed."""
    found = [(event["severity"], event["payload"]) for event in house.events("history_changed")]
    return [(severity, told["code"], told["reason"]) for severity, told in found if told["camera_id"] == camera]


def command(house: RunningHouse, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "vigilar", *words, "--data-dir", str(house.folder)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def end_ms(row: FileRow) -> int:
    assert row.end_ms is not None
    return row.end_ms


def test_recordings_removed_by_hand_are_told_and_named(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pictures=120)
    with run_house(
        tmp_path / "data", dict.fromkeys(CAMERAS, f"file:{clip}"), "[recording]", 'segment = "10s"'
    ) as house:
        wait_for(lambda: all(len(rows(house, camera)) >= 3 for camera in CAMERAS), 60, "a third recording has begun")
        gone = rows(house, FILE_ALONE)[0]
        (house.folder / gone.path).unlink()
        judge_file_alone(house, gone)
        house.stop()
        before, taken, behind = rows(house, WITH_ROW)[:3]
        oldest, second = rows(house, OLDEST)[:2]
        for row in (taken, oldest):
            remove_with_row(house, row)
        with start_house(house):
            house.wait_for_page(60)
            judge_with_row(house, before, behind)
            judge_oldest(house, oldest, second)
            judge_commands(house, gone, behind, second)


def judge_file_alone(house: RunningHouse, gone: FileRow) -> None:
    """Who wants to see it is told so, and that tells the household while the one who did it may be near."""
    half_ms = (gone.start_ms + end_ms(gone)) // 2
    with pytest.raises(HTTPError) as refused:
        house.get(f"/footage/{FILE_ALONE}/index.m3u8?from={gone.start_ms}&to={half_ms}")
    with closing(refused.value) as answer:
        assert (answer.code, json.loads(answer.read())["type"]) == (404, "recording.gone")
    [event] = wait_for(lambda: house.events("recording_tampered"), 30, "an event tells of the recording")
    assert (event["severity"], event["payload"]["verdict"]) == ("ALERT", "missing")
    assert event["payload"]["title"] == "A recording was changed or removed, north"
    [gap] = gaps(house, FILE_ALONE, gone.start_ms, end_ms(gone))
    assert (gap["from"], gap["to"], gap["reason"]) == (gone.start_ms, gone.end_ms, "deleted")
    assert gap["words"] == "The recording is no longer there."


def judge_with_row(house: RunningHouse, before: FileRow, behind: FileRow) -> None:
    """The first look after the start finds it by what the next recording says."""
    told = wait_for(lambda: told_of(house, WITH_ROW), 30, "an event tells of the row")
    words = (
        f"The recording before number {behind.number} of {WITH_ROW} is gone with its row, and no rule deleted it: it "
        "was removed by hand."
    )
    assert told == [("CRITICAL", "rows-removed", words)]
    [gap] = gaps(house, WITH_ROW, before.start_ms, end_ms(behind))
    assert (gap["from"], gap["to"], gap["reason"]) == (before.end_ms, behind.start_ms, "removed")
    assert gap["words"] == REMOVED
    assert len(house.events("recording_tampered")) == 1, "that look told again what was told already"


def judge_oldest(house: RunningHouse, oldest: FileRow, second: FileRow) -> None:
    """There is none before it, so the gap begins when the camera came to the house."""
    assert wait_for(lambda: told_of(house, OLDEST), 30, "an event tells of the oldest")
    [gap] = gaps(house, OLDEST, oldest.start_ms, end_ms(second))
    assert (gap["from"], gap["to"]) == (oldest.start_ms, second.start_ms), "as far as it was asked for"
    assert gap["words"] == REMOVED


def judge_commands(house: RunningHouse, gone: FileRow, behind: FileRow, second: FileRow) -> None:
    checked = command(house, "check")
    assert checked.returncode == ExitCode.NOT_EXACT, checked.stderr
    named = [line for line in checked.stdout.splitlines() if line.startswith("!")]
    assert len(named) == 3
    assert any(line.startswith(f"! {gone.path}, ") and ": MISSING. " in line for line in named), named
    for row in (behind, second):
        assert any(line.startswith(f"! {row.path}, ") and "removed by hand" in line for line in named), named
    verified = command(house, "verify", *(str(house.folder / row.path) for row in (gone, behind)))
    assert verified.returncode == ExitCode.NOT_EXACT, verified.stderr
    missing, whole, chain = verified.stdout.splitlines()
    assert missing.startswith(f"{house.folder / gone.path}: MISSING. ")
    assert whole.startswith(f"{house.folder / behind.path}: ")
    assert "MISSING" not in whole
    assert chain.startswith(f"{house.folder / behind.path}: MISSING. ")
    assert "removed by hand" in chain
