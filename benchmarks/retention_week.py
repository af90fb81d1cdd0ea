"""A week of eight cameras in a quota of two days: ``python -m benchmarks.retention_week [--days N] [--folder DIR]``.

Rows, files (sparse, of 64 KiB real data) and database are real; the week passes on a simulated clock, an hour a step.
The keeper works in a process of its own at the priority of the upkeep process, and deletes what each hour brings beyond
the quota. Meanwhile a real recorder writes a ninth camera in real time into the same folder and database, sealed, with
its syncs. Prints how long the looks of that recorder took (a look writes and syncs what is due; it comes five times a
second): the longest, and the 99th of 100, while retention works, and in a pause as long after each hour, in which it
does not; the longest that a row waited for the database; how many files went, and whether the quota held at the end of
every hour and the kept footage is still there.

There is no peer: no look while retention works may take longer than 200 ms. Ends with 1 if one does, or if the quota or
the kept footage did not hold.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.ready_store import open_ready_store
from tests.recording_kit import Clip, make_clip
from vigilar.base.clock import SimulatedClock, SystemClock, boot_id
from vigilar.base.folder_id import find_folder_id, make_folder_id
from vigilar.base.keep_rules import KeepRules
from vigilar.base.priority import step_back
from vigilar.base.stop import Stop
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.record.file_store import FileStore, FileStoreSettings
from vigilar.record.folders import day_of
from vigilar.record.recorder import Recorder, RecorderSettings
from vigilar.record.ring import PacketRing
from vigilar.store.cameras import ensure_camera
from vigilar.store.deletions import list_gone, pending
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, insert_event, set_kept
from vigilar.store.sqlite_store import open_database
from vigilar.upkeep.keeper import Keeper, KeeperSettings
from vigilar.vge.keys import KeyRing

CAMERAS = tuple(f"camera-{number}" for number in range(8))
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FILE_MS = 300_000
FILES_AN_HOUR = HOUR_MS // FILE_MS
FILE_BYTES = 150_000_000
DATA_BYTES = 64 * 1024
STILLS_AN_HOUR = 2
STILL_BYTES = 40_000
QUOTA_BYTES = 2 * 24 * FILES_AN_HOUR * FILE_BYTES * len(CAMERAS)
LIMIT_MS = 200.0
FRAMES_A_SECOND = 10


@dataclass(slots=True)
class Stalls:
    """How long each look and each writing of rows took, in ms."""

    looks: list[float] = field(default_factory=list)
    rows: list[float] = field(default_factory=list)

    def add(self, other: Stalls) -> None:
        self.looks += other.looks
        self.rows += other.rows

    @property
    def longest_ms(self) -> float:
        return max(self.looks, default=0.0)

    def sentence(self) -> str:
        high = sorted(self.looks)[len(self.looks) * 99 // 100] if self.looks else 0.0
        row = max(self.rows, default=0.0)
        return f"longest look {self.longest_ms:.0f} ms, 99th of 100 {high:.0f} ms, longest row {row:.0f} ms"


@dataclass(slots=True)
class Timed:
    """Calls of one function, and how long each took; ``take_ms`` begins anew."""

    call: Callable[[], object]
    took_ms: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> object:
        began = time.monotonic()
        result = self.call()
        with self.lock:
            self.took_ms.append((time.monotonic() - began) * 1000)
        return result

    def take_ms(self) -> list[float]:
        with self.lock:
            found, self.took_ms = self.took_ms, []
        return found


class LiveCamera:
    """A real recorder in real time, its looks and its rows timed."""

    def __init__(self, folder: Path, clip: Clip) -> None:
        self._store = open_database(f"sqlite:///{folder / 'vigilar.db'}")
        clock = SystemClock()
        row = ensure_camera(self._store, "live", "Live", 1, find_folder_id(folder) or "")
        settings = FileStoreSettings("live", row.uuid, folder, boot_id())
        file_store = FileStore(settings, self._store, KeyRing.load_or_create(folder / "secrets"), clock)
        self._ring = PacketRing(5.0)
        self._recorder = Recorder(
            RecorderSettings(segment_s=10.0), self._ring, file_store, clock, lambda *_: None, FragmentMuxer
        )
        self._clip = clip
        self._stop = Stop()
        self._look = Timed(self._recorder.run_once)
        self._write = Timed(file_store.rows.write_waiting)
        self._threads = [
            threading.Thread(target=work, name=name)
            for name, work in (("capture", self._feed), ("recorder", self._record), ("rows", self._rows))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._recorder.finish()
        self._write()
        self._store.close()

    def take(self) -> Stalls:
        """What was seen since the last call."""
        return Stalls(self._look.take_ms(), self._write.take_ms())

    def _feed(self) -> None:
        run = self._clip.run()
        shift_utc, shift_mono = time.time_ns() - run.utc_ns, SystemClock().mono_ns() - run.mono_ns
        self._ring.add(replace(run, utc_ns=run.utc_ns + shift_utc, mono_ns=run.mono_ns + shift_mono))
        for packet in self._clip.endless():
            due = packet.mono_ns + shift_mono
            if self._stop.wait(max(0, due - SystemClock().mono_ns()) / 1e9):
                return
            self._ring.add(replace(packet, utc_ns=packet.utc_ns + shift_utc, mono_ns=due))

    def _record(self) -> None:
        while not self._stop.wait(0.2):
            self._look()

    def _rows(self) -> None:
        while not self._stop.wait(0.5):
            self._write()


class Week:
    """Lays down what each hour brings."""

    def __init__(self, folder: Path, store: Store, node_id: str, start_ms: int) -> None:
        self._folder = folder
        self._store = store
        self._node_id = node_id
        self._now_ms = start_ms
        self._number = 0
        self.kept: list[Path] = []
        for camera_id in CAMERAS:
            ensure_camera(store, camera_id, camera_id, 1, node_id)

    def add_hour(self) -> int:
        """The UTC ms at its end."""
        rows = []
        for camera_id in CAMERAS:
            starts = [self._now_ms + index * FILE_MS for index in range(FILES_AN_HOUR)]
            rows += [self._file(camera_id, "video", start_ms, FILE_MS, FILE_BYTES) for start_ms in starts]
            moments = [start_ms + 1000 for start_ms in starts[:: FILES_AN_HOUR // STILLS_AN_HOUR]]
            rows += [self._file(camera_id, "still", at_ms, 0, STILL_BYTES) for at_ms in moments]
        with self._store.sql_write("benchmark") as run:
            for row in rows:
                run(
                    "INSERT INTO files (camera_id, content, number, path, state, start_ms, end_ms, size_bytes, "
                    "node_id) VALUES (:camera_id, :content, :number, :path, 'closed', :start_ms, :end_ms, "
                    ":size_bytes, :node_id)",
                    **row,
                )
        if self._now_ms % DAY_MS < HOUR_MS:
            self._keep_one(str(rows[0]["path"]))
        self._now_ms += HOUR_MS
        return self._now_ms

    def _file(self, camera_id: str, content: str, start_ms: int, length_ms: int, size: int) -> dict[str, object]:
        self._number += 1
        home = "footage" if content == "video" else "stills"
        name = f"{home}/{camera_id}/{day_of(start_ms * 1_000_000)}/{self._number}.vge"
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(bytes(min(size, DATA_BYTES)))
            file.truncate(size)
        return {
            "camera_id": camera_id, "content": content, "number": self._number, "path": name, "start_ms": start_ms,
            "end_ms": start_ms + length_ms, "size_bytes": size, "node_id": self._node_id,
        }  # fmt: skip

    def _keep_one(self, path: str) -> None:
        """Somebody keeps an event in the day's first recording of the first camera."""
        new = NewEvent(
            uid=path, type="motion", severity="INFO", source_id=CAMERAS[0], ts_ms=self._now_ms + 60_000,
            end_ms=self._now_ms + 70_000,
        )  # fmt: skip
        stored = insert_event(self._store, new, now_ms=self._now_ms)
        assert stored is not None
        set_kept(self._store, stored.id, kept=True)
        self.kept.append(self._folder / path)

    def used_bytes(self) -> int:
        with self._store.sql_read("benchmark") as run:
            return int(run("SELECT sum(size_bytes) FROM files WHERE camera_id <> 'live'")[0][0])


def keep(folder: Path) -> None:
    """The keeper's process: a line with UTC ms is the time now; answers with a line when all is done."""
    step_back(is_idle=False)
    clock = SimulatedClock()
    with closing(open_database(f"sqlite:///{folder / 'vigilar.db'}")) as store:
        keeper = Keeper(
            KeeperSettings(folder, find_folder_id(folder) or ""),
            KeepRules(quota_bytes=QUOTA_BYTES),
            store,
            clock,
            lambda *fact: print(fact, file=sys.stderr),
            look_for_space=lambda _folder: (1 << 50, 1 << 50),
        )
        for line in sys.stdin:
            clock.step_utc(int(line) / 1000 - clock.utc_ns() / 1e9)
            clock.advance(61.0)
            keeper.turn()
            print(keeper.deleted_count, flush=True)


def run(folder: Path, days: int) -> bool:
    clip = make_clip(folder, seconds=4, fps=FRAMES_A_SECOND, gop=FRAMES_A_SECOND, size=(640, 360))
    with closing(open_ready_store(folder)) as store:
        node_id = make_folder_id(folder)
        start_ms = (time.time_ns() // 1_000_000 // DAY_MS - days - 1) * DAY_MS
        week = Week(folder, store, node_id, start_ms)
        live = LiveCamera(folder, clip)
        live.start()
        try:
            stalls, alone, is_within = _pass_week(folder, week, live, days)
        finally:
            live.stop()
        gone = len(list_gone(store, node_id, 0))
        still_kept = all(path.exists() for path in week.kept)
        is_done = not pending(store, node_id)
        print(f"in the pauses:         {alone.sentence()}")
        print(f"while retention works: {stalls.sentence()}")
        print(f"{gone} files deleted, each a link of the chain; all finished: {is_done}")
        print(f"quota held at the end of every hour: {is_within}; {len(week.kept)} kept recordings there: {still_kept}")
        return stalls.longest_ms <= LIMIT_MS and is_within and still_kept and is_done


def _pass_week(folder: Path, week: Week, live: LiveCamera, days: int) -> tuple[Stalls, Stalls, bool]:
    """What the recorder met while the keeper worked and in the pauses, and whether the quota held. What laying down the
    hours costs is not counted: it is no part of the house."""
    stalls, alone, is_within = Stalls(), Stalls(), True
    command = [sys.executable, "-m", "benchmarks.retention_week", "--keeper", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as keeper:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        for hour in range(days * 24):
            now_ms = week.add_hour()
            live.take()
            began_s = time.monotonic()
            print(now_ms, file=keeper.stdin, flush=True)
            answer = keeper.stdout.readline()
            stalls.add(live.take())
            time.sleep(time.monotonic() - began_s)
            alone.add(live.take())
            is_within = is_within and bool(answer) and week.used_bytes() <= QUOTA_BYTES
            if hour % 24 == 23:
                print(f"day {hour // 24 + 1}: {answer.strip()} deleted, {stalls.sentence()}", flush=True)
        keeper.stdin.close()
    return stalls, alone, is_within


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="where to work; by default a new folder that is removed afterwards")
    parser.add_argument("--keeper", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.keeper is not None:
        keep(asked.keeper)
        return 0
    if asked.folder is not None:
        asked.folder.mkdir(parents=True, exist_ok=True)
        return 0 if run(asked.folder, asked.days) else 1
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        return 0 if run(Path(folder), asked.days) else 1


if __name__ == "__main__":
    sys.exit(main())
