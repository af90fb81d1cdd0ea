"""Another program holds the database's write lock while four cameras record, roll over, and one is killed."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE_S
from tests.fair_watch import FairLog, FairWatch
from tests.fakes.clips import make_clip
from tests.recording_kit import probe_times
from tests.system.house import RunningHouse, run_house, wait_for
from vigilar.base.errors import RecordingError
from vigilar.store.files import FileRow, find_files
from vigilar.store.sqlite_store import SqliteStore
from vigilar.vge.format import RecordType
from vigilar.vge.keys import KeyRing
from vigilar.vge.reader import VgeReader

pytestmark = [pytest.mark.system, pytest.mark.long(50), pytest.mark.timeout(600)]

CAMERAS = ("north", "east", "south", "west")
LOCK_S = 16.0
"""Longer than a file (10 s), so that each camera rolls over in it, and than the 5 s that a statement waits."""

KILL_AFTER_S = 5.0
KILL_IN_FILE_MS = (1000.0, 7000.0)
"""How much of the open file is there when its process is killed. Between two files there would be nothing to repair."""

FOREVER_MS = 1 << 45


class Growth:
    """Looks ten times a second how much there is of each camera; ``longest_s`` is the longest time without more, by
    the fair watch."""

    def __init__(self, footage: Path) -> None:
        self._footage = footage
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="growth")
        self._watch = FairWatch()
        self._grown = dict.fromkeys(CAMERAS, 0.0)
        self._sizes = dict.fromkeys(CAMERAS, 0)
        self.longest_s = dict.fromkeys(CAMERAS, 0.0)

    def __enter__(self) -> Growth:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._stop.wait(0.1):
            for camera in CAMERAS:
                size = sum(path.stat().st_size for path in (self._footage / camera).glob("*/*.vge"))
                now = self._watch.elapsed_s()
                self.longest_s[camera] = max(self.longest_s[camera], now - self._grown[camera])
                if size > self._sizes[camera]:
                    self._sizes[camera], self._grown[camera] = size, now


@contextmanager
def write_lock(database: Path) -> Iterator[None]:
    """What a careless backup program or a person with a database tool does."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=20.0)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def _last_end_ms(house: RunningHouse, keys: KeyRing, camera: str) -> float:
    """Where the newest file with a picture ends, whether it has a row or not; 0 while there is none."""
    found = (house.folder / "footage" / camera).glob("*/*.vge")
    for path in sorted(found, key=lambda path: int(path.stem), reverse=True):
        with suppress(RecordingError), VgeReader.open(path, keys) as reader:  # its header may be on the way
            media = [entry for entry in reader.entries if entry.type is RecordType.MEDIA]
            if media:
                return media[-1].utc_ns / 1e6 + media[-1].duration_ms
    return 0.0


def _is_within_a_file(house: RunningHouse, keys: KeyRing, camera: str) -> bool:
    newest = max((house.folder / "footage" / camera).glob("*/*.vge"), key=lambda path: int(path.stem))
    with suppress(RecordingError), VgeReader.open(newest, keys) as reader:  # its header may be on the way
        times = [entry.utc_ns / 1e6 for entry in reader.entries if entry.type is RecordType.MEDIA]
        return bool(times) and KILL_IN_FILE_MS[0] < times[-1] - times[0] < KILL_IN_FILE_MS[1]
    return False


def _rows(house: RunningHouse, camera: str) -> list[FileRow]:
    with closing(SqliteStore.open(house.folder / "vigilar.db")) as store:
        return find_files(store, camera, "video", 0, FOREVER_MS)


def _do_agree(house: RunningHouse, camera: str) -> bool:
    """Each file has its row, each row its file, and none but the newest is open."""
    rows = _rows(house, camera)
    on_disk = {str(path.relative_to(house.folder)) for path in (house.folder / "footage" / camera).glob("*/*.vge")}
    return on_disk == {row.path for row in rows} and all(row.state in ("closed", "recovered") for row in rows[:-1])


def _spans(house: RunningHouse, camera: str, from_ms: float, to_ms: float) -> list[dict[str, Any]]:
    answer = json.loads(house.get(f"/footage/{camera}/timeline?from={int(from_ms)}&to={int(to_ms)}"))
    found: list[dict[str, Any]] = answer["spans"]
    return found


def _kill_and_wait(house: RunningHouse, keys: KeyRing, camera: str) -> tuple[float, float, float]:
    """Until when there was video, when ``kill -9`` was sent (UTC ms), and the seconds until the next process recorded
    again."""
    before = house.camera(camera)
    killed_ms, began = time.time() * 1000, time.monotonic()
    before.kill()
    before.wait(PATIENCE_S)
    end_ms = _last_end_ms(house, keys, camera)
    wait_for(lambda: _last_end_ms(house, keys, camera) > killed_ms, 60, "it records again")
    return end_ms, killed_ms, time.monotonic() - began


def test_locked_database_stops_no_recording(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pictures=120)
    with run_house(
        tmp_path / "data", dict.fromkeys(CAMERAS, f"file:{clip}"), "[recording]", 'segment = "10s"'
    ) as house:
        keys = KeyRing.load(house.folder / "secrets")
        wait_for(lambda: all(_last_end_ms(house, keys, camera) for camera in CAMERAS), 60, "all cameras record")
        wait_for(lambda: all(_rows(house, camera) for camera in CAMERAS), 60, "the first files have rows")
        time.sleep(2)
        locked_ms = time.time() * 1000
        with FairLog() as log, Growth(house.folder / "footage") as growth, write_lock(house.folder / "vigilar.db"):
            time.sleep(KILL_AFTER_S)
            wait_for(lambda: _is_within_a_file(house, keys, CAMERAS[0]), 60, "a file is under way")
            end_ms, killed_ms, back_s = _kill_and_wait(house, keys, CAMERAS[0])
            time.sleep(max(0.0, LOCK_S - (time.time() * 1000 - locked_ms) / 1000))
            files = {camera: len(list((house.folder / "footage" / camera).glob("*/*.vge"))) for camera in CAMERAS}
            rows = {camera: len(_rows(house, camera)) for camera in CAMERAS}
            unlocked_ms = time.time() * 1000
        print(f"lost by kill -9 in the lock: {killed_ms - end_ms:.0f} ms; recorded again after {back_s:.1f} s")
        print("longest time without a byte more, s:", {name: round(s, 1) for name, s in growth.longest_s.items()})
        print(f"files in the lock {files}, rows {rows}")
        assert log.between_s(end_ms / 1000, killed_ms / 1000) <= 2.0, (
            "a second, and what a busy machine adds; in test_kills, without it"
        )
        assert max(growth.longest_s[camera] for camera in CAMERAS[1:]) < 4.0, "who waits for the lock stands for 5 s"
        assert all(files[camera] > rows[camera] for camera in CAMERAS), (
            "each camera rolled over while nothing was taken"
        )
        for camera in CAMERAS:
            wait_for(partial(_do_agree, house, camera), 60, f"rows and files of {camera} agree")
        _check_afterwards(house, keys, locked_ms, unlocked_ms)


def _check_afterwards(house: RunningHouse, keys: KeyRing, locked_ms: float, unlocked_ms: float) -> None:
    for camera in CAMERAS:
        rows = _rows(house, camera)
        numbers = [row.number for row in rows]
        assert numbers == sorted(set(numbers)), "a number is used once"
        if camera != CAMERAS[0]:
            closed = [row for row in rows if row.state in ("closed", "recovered")]  # the newest is being begun
            assert _links_of(house, keys, closed)[1:] == [row.link for row in closed[:-1]]
        spans = _spans(house, camera, locked_ms, unlocked_ms)
        shown_ms = sum(span["to"] - span["from"] for span in spans)
        print(f"{camera}: the page shows {shown_ms / 1000:.1f} of {(unlocked_ms - locked_ms) / 1000:.1f} s")
        assert min(span["from"] for span in spans) <= locked_ms
        assert max(span["to"] for span in spans) >= unlocked_ms - 2000
        if camera != CAMERAS[0]:
            assert len(spans) == 1, spans
            clip = house.get(f"/footage/{camera}/clip.mp4?from={int(locked_ms)}&to={int(unlocked_ms - 2000)}")
            times = [at for at, _, _ in probe_times(clip, house.folder)]
            assert max(after - before for before, after in pairwise(times)) < 0.15, (
                "ten pictures a second, none missing"
            )
            assert times[-1] - times[0] >= (unlocked_ms - locked_ms) / 1000 - 2.2
    missing = {camera: _missing_ms(house, keys, camera) for camera in CAMERAS}
    print("missing between files, ms:", missing)
    assert all(missing[camera] < 200 for camera in CAMERAS[1:])
    wait_for(lambda: house.events("recording_recovered"), 60, "the facts of the lock have arrived")
    told_ms = sum(event["payload"]["lost_ms"] for event in house.events("footage_lost"))
    print(f"told as lost: {told_ms} ms")
    assert abs(missing[CAMERAS[0]] - told_ms) <= 1000, "a gap below a second need not be told"


def _missing_ms(house: RunningHouse, keys: KeyRing, camera: str) -> float:
    """What lies between the end of each file and the beginning of the next, by their own records."""
    spans = []
    for row in _rows(house, camera):
        # The newest may be so new that its header or its first picture is still to come.
        with suppress(RecordingError), VgeReader.open(house.folder / row.path, keys) as reader:
            media = [entry for entry in reader.entries if entry.type is RecordType.MEDIA]
            if not media and row.state not in ("closed", "recovered"):
                continue
            spans.append((media[0].utc_ns / 1e6, media[-1].utc_ns / 1e6 + media[-1].duration_ms))
    return sum(after[0] - before[1] for before, after in pairwise(spans))


def _links_of(house: RunningHouse, keys: KeyRing, rows: list[FileRow]) -> list[bytes]:
    """The previous link in each file's own header."""
    links = []
    for row in rows:
        with VgeReader.open(house.folder / row.path, keys) as reader:
            links.append(reader.header.previous_link)
    return links
