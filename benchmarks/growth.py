"""What a house with everything on grows by in three days: ``python -m benchmarks.growth [--hours 72] [--cameras 8]``.

A real house of real processes, cameras over RTSP, a phone, a backup and a quota. What happens in 72 hours happens as
often as in 72 hours, one hour's share after the other in 19.2 s each: 23 minutes in all. A camera's file is over when
its picture's format changes, here each 1.6 s, so it begins 864 files as one of five-minute files does in three days;
somebody walks before it, it drops out now and then and comes back; motions are told beside as cameras tell them, with
an hour of wind among them; people sign in, look at pages and at live pictures and sign out; the oldest recordings go.
What goes by the clock alone and by no setting cannot come sooner: each run prints what that is.

Printed are memory (PSS), threads and descriptors after each hour's share, by process; their growth is that of a robust
line through the second half. Targets: 1 % of memory a day, 700 MB at most at any time, threads and descriptors level,
no second missing in the recordings that the house cannot explain. There is no peer. In less than 48 hours caches are
still filled, so the growth of memory is no figure then. Needs root, for a target of its own to back up to, and ffmpeg.
Interrupted it judges the hours that passed. Ends with 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import http.cookiejar
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil
from simple_websocket import ConnectionClosed

from benchmarks.begin import Camera
from benchmarks.detector_load import walkers
from benchmarks.everything_on import BURST, MOST_MB, everything, is_all_on, tell_motion, wait_until_stored
from benchmarks.measure import by_kind, kind_of, own_mb, pss_by_kind, slope
from tests.conftest import PATIENCE_S
from tests.fakes.push_service import PushService
from tests.socket_client import Client
from tests.system.house import PASSWORD, RunningHouse, wait_for
from tests.system.push_kit import call
from vigilar.base.folder_id import find_folder_id
from vigilar.demo import places
from vigilar.demo.actors import Picture
from vigilar.demo.scenes import DemoClip, Scene, ensure_clip
from vigilar.playback.coverage import SETTLED_MS
from vigilar.playback.gaps import GAP_MS
from vigilar.store.health import count_rows, list_told
from vigilar.store.sql import Database
from vigilar.store.sqlite_store import open_database
from vigilar.vge.keys import MEMORY

MOST_A_DAY = 0.01
WARM_HOURS = 48
"""A run of fewer hours tells no growth of memory."""

LEVEL_COUNT, LEVEL_SHARE = 2.0, 0.02
"""Threads and descriptors are level when they rise by no more than this over the second half: what comes and goes with
a request is never quite the same."""

FILES_AN_HOUR = 12
FILE_S = 1.6
"""How long they are here, if not told otherwise."""
FPS = 5
SIZES = ((640, 360), (480, 270))
"""The two formats of a main stream, which take turns."""

LOOP_FILES, WALK_S = 30, 8
QUOTA = "60 MB"

MOTIONS_A_DAY = 61
"""As on the reference day of the test bed, see ``reference_day``."""

WINDY_HOUR, WINDY_MOTIONS = 30, 630
BROKER_HOUR = 6
VISITS_AN_HOUR = 2
DROP_EVERY_HOURS, AWAY_S = 6, 12.0
"""Longer than the ten seconds after which a camera is told to be offline."""

SETTINGS_EVERY_HOURS = 4
CHECKED_BACKUP_HOUR, EXPORT_HOUR = 3, 12
READERS = "python"
"""The name of the main program, which is watched by who began it, and of those that read its settings and end."""

RENEWED = "v:jobs"
"""Begins anew by itself after its work (``base.child.RENEWAL``), so as not to grow."""

PEAK_EVERY_S = 2.0
TOP_TABLES = 12

NOT_SPED_UP = (
    "the hourly look at checkpoints and at pages of the database, the hourly removal of old rows: one at the start",
    "heartbeats, health messages, the looks at free space, settings and logins that ended: those of the run's minutes",
    "pushes: people who come to a place within a quarter of an hour are one story, which is told once",
    "storyboards, usual picture rates, daily summaries, quiet hours, sessions that end by age: the same",
    "pictures: small ones (640x360 and 480x270, five a second) in the minutes of the run, not three days of large ones",
)
LEFT_OUT = "arming, sensors, presence, a UPS, other ways of telling than pushes"


def ask(house: RunningHouse, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """As a program that asks later when it is told to: at this pace the database may be late."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call(house, method, path, body)
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 503 or time.monotonic() > deadline_s:
                    raise
                time.sleep(int(error.headers["Retry-After"]))


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--hours", type=int, default=72)
    asked.add_argument("--cameras", type=int, default=8)
    asked.add_argument("--file-s", type=float, default=FILE_S, help="longer on a machine that has other work")
    asked.add_argument("--folder", type=Path, help="where to work, kept; by default a new folder that is removed")
    given = asked.parse_args()
    if os.geteuid() != 0:
        print("growth has to be root: it mounts a target for the backup")
        return 2
    with ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        (folder / "tmp").mkdir(parents=True)
        os.environ["TMPDIR"] = str(folder / "tmp")
        clip = ensure_clip(Scene("passing", places.street, passing, round(LOOP_FILES * given.file_s)), folder)
        turning = change_formats(clip, folder, given.file_s)
        cameras = [stack.enter_context(running(turning, clip.sub)) for _ in range(given.cameras)]
        addresses = [{"address": one.url("main"), "small": one.url("small")} for one in cameras]
        kept = ("[storage]", f'quota = "{QUOTA}"')
        house, service = stack.enter_context(everything(folder, addresses, *kept))
        wait_for(lambda: is_all_on(house, service), 240, "recognition, pushes and the backup are at work")
        store = stack.enter_context(closing(open_database(f"sqlite:///{house.folder / 'vigilar.db'}")))
        days = Days(house, store, cameras, given.hours, given.file_s * FILES_AN_HOUR)
        with watched(house) as peak, contextlib.suppress(KeyboardInterrupt):
            days.pass_all()
        if not days.samples:
            print("growth was interrupted before an hour had passed")
            return 2
        return report(days, service, peak)


# Cameras


def passing(picture: Picture, t: float) -> None:
    """Two people walk through, in a sixth of the time."""
    if t < WALK_S:
        walkers(picture, t)


def change_formats(clip: DemoClip, folder: Path, file_s: float) -> Path:
    """The clip in two sizes that take turns, each time for a group of ``file_s``, its parameter sets in band."""
    group = round(file_s * FPS)
    cut = ["-f", "segment", "-segment_time", str(file_s), "-segment_format", "mpegts"]
    coder = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", str(group), "-keyint_min", str(group),
             "-sc_threshold", "0"]  # fmt: skip
    outputs: list[str] = []
    for number, (width, height) in enumerate(SIZES):
        outputs += ["-an", "-vf", f"fps={FPS},scale={width}:{height}", *coder, *cut, str(folder / f"{number}-%03d.ts")]
    ffmpeg = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
    subprocess.run([*ffmpeg, "-i", str(clip.main), *outputs], check=True)
    joined = folder / "joined.ts"
    joined.write_bytes(b"".join((folder / f"{at % 2}-{at:03d}.ts").read_bytes() for at in range(LOOP_FILES)))
    turning = folder / "turning.ts"
    subprocess.run(
        [*ffmpeg, "-i", str(joined), "-c", "copy", "-muxdelay", "0", "-muxpreload", "0", str(turning)], check=True
    )
    return turning


@contextlib.contextmanager
def running(main_clip: Path, small: Path) -> Iterator[Camera]:
    camera = Camera(main=main_clip, small=small)
    try:
        yield camera
    finally:
        camera.take_away()


# What happens


@dataclass(frozen=True, slots=True)
class Sample:
    """After ``hour`` hours, by kind of process: memory in MB, what of it is its own, threads, descriptors. ``files``
    are those in the temporary folder and those that the house holds in shared memory; ``pids`` its children's."""

    hour: int
    pss_mb: dict[str, float]
    own_mb: dict[str, float]
    threads: dict[str, float]
    descriptors: dict[str, float]
    files: int
    pids: dict[str, frozenset[int]]


@dataclass(slots=True)
class Days:
    """Makes three days happen in a house."""

    house: RunningHouse
    store: Database
    cameras: Sequence[Camera]
    hours: int
    hour_s: float
    samples: list[Sample] = field(default_factory=list)
    rows: list[dict[str, int]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    failed: int = 0
    began_ms: int = 0
    _due: float = 0.0

    def pass_all(self) -> None:
        self.began_ms = time.time_ns() // 1_000_000
        for hour in range(self.hours):
            began_s = time.monotonic()
            self._hour(hour)
            time.sleep(max(0.0, self.hour_s - (time.monotonic() - began_s)))
            self.samples.append(sample(self.house, hour + 1))
            self.rows.append(count_rows(self.store))
            whole, own = (sum(one.values()) for one in (self.samples[-1].pss_mb, self.samples[-1].own_mb))
            took_s = time.monotonic() - began_s
            print(f"hour {hour + 1}: {whole:.1f} MB, {own:.1f} own, took {took_s:.0f} s", file=sys.stderr, flush=True)

    def _hour(self, hour: int) -> None:
        camera_id, now_s = f"camera-{hour % len(self.cameras) + 1}", time.monotonic()
        gone = self.cameras[hour % len(self.cameras)] if hour % DROP_EVERY_HOURS == DROP_EVERY_HOURS - 1 else None
        if gone is not None:
            gone.take_away()
        self._tell_motions(hour)
        for number in range(VISITS_AN_HOUR):
            try:
                self._visit(f"camera-{(hour * VISITS_AN_HOUR + number) % len(self.cameras) + 1}")
            except (OSError, HTTPException, ConnectionClosed) as error:
                self.failed += 1
                print(f"a visit failed: {error!r} {getattr(error, '__notes__', '')}", file=sys.stderr, flush=True)
        if hour % SETTINGS_EVERY_HOURS == 1:
            self._change_settings(camera_id)
        if hour % 24 == CHECKED_BACKUP_HOUR:
            for work in ("copy", "check", "drill"):
                ask(self.house, "POST", f"/api/v1/backup/{work}")
            self.done["backups checked and brought back"] += 1
        if hour % 24 == EXPORT_HOUR:
            self._export(camera_id)
        if hour == BROKER_HOUR:
            wait_for(self.house.broker, 60, "a broker").kill()
            self.done["restarts of the broker"] += 1
        if gone is not None:
            time.sleep(max(0.0, AWAY_S - (time.monotonic() - now_s)))
            gone.put_back()
            self.done["outages of a camera"] += 1

    def _tell_motions(self, hour: int) -> None:
        """The stamps are those of the simulated hour, so that they become incidents as in three days."""
        self._due += MOTIONS_A_DAY / 24
        count = int(self._due) + (WINDY_MOTIONS if hour == WINDY_HOUR % self.hours else 0)
        self._due %= 1
        node_id = find_folder_id(self.house.folder) or ""
        hour_ms = self.began_ms - (self.hours - hour) * 3_600_000
        for number in range(count):
            camera_id = f"camera-{(self.done['motions told'] + number) % len(self.cameras) + 1}"
            motion_id = tell_motion(self.store, node_id, camera_id, hour_ms + number * 3_600_000 // count)
            if number % BURST == BURST - 1 or number == count - 1:
                wait_until_stored(self.house.folder, motion_id)
        self.done["motions told"] += count

    def _visit(self, camera_id: str) -> None:
        """Sign in, look at everything, sign out."""
        jar = http.cookiejar.CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        guest = replace(self.house, opener=opener)
        call(guest, "POST", "/api/v1/login", {"name": "sam", "password": PASSWORD})
        for path in ("/live", "/events", f"/watch/{camera_id}", "/system", "/system/cameras", "/settings"):
            self._get(guest, path)
        self._listen(guest)
        self._watch_live(guest, camera_id, "; ".join(f"{one.name}={one.value}" for one in jar))
        self._look_back(guest, camera_id)
        self._look_at_event(guest)
        call(guest, "POST", "/api/v1/logout")
        self.done["visits"] += 1

    def _get(self, guest: RunningHouse, path: str) -> bytes:
        """Empty where there is no such picture. Raises HTTPError where the house failed."""
        try:
            data = guest.get(path)
        except urllib.error.HTTPError as error:
            error.close()
            self.answers[error.code] += 1
            if error.code >= 500:
                raise
            return b""
        self.answers[200] += 1
        return data

    def _listen(self, guest: RunningHouse) -> None:
        with guest.opener.open(f"{guest.base}/events/stream", timeout=PATIENCE_S) as stream:
            assert stream.readline()
        self.done["event streams"] += 1

    def _watch_live(self, guest: RunningHouse, camera_id: str, cookie: str) -> None:
        url = guest.base.replace("http", "ws") + f"/live/{camera_id}/ws"
        client = Client(url, headers={"Cookie": cookie})
        try:
            pieces = 0
            while pieces < 2:
                piece = client.receive(timeout=PATIENCE_S)
                if piece is None:
                    raise TimeoutError("no live picture")
                pieces += isinstance(piece, bytes)
        finally:
            client.close()
        self.done["live sockets"] += 1

    def _look_back(self, guest: RunningHouse, camera_id: str) -> None:
        """A time line, its pictures under a finger, and half a minute played."""
        now_ms = time.time_ns() // 1_000_000
        footage, first_ms = f"/footage/{camera_id}", max(self.began_ms, now_ms - 300_000)
        span = f"from={first_ms}&to={now_ms}"
        self._get(guest, f"{footage}/timeline?{span}")
        for number in range(10):
            self._get(guest, f"{footage}/thumb.jpg?at={first_ms + (now_ms - first_ms) * number // 10}")
        self._get(guest, f"{footage}/thumbs.jpg?{span}&n=60")
        listed = self._get(guest, f"{footage}/index.m3u8?from={max(first_ms, now_ms - 60_000)}&to={now_ms - 30_000}")
        names = [one for one in listed.decode().splitlines() if one and not one.startswith("#")]
        for name in names[:5]:
            self._get(guest, name if name.startswith("/") else f"{footage}/{name}")

    def _look_at_event(self, guest: RunningHouse) -> None:
        found: list[dict[str, Any]] = json.loads(self._get(guest, "/api/v1/events?limit=1"))["events"]
        for one in found:
            for path in ("", "/card", "/still.jpg", "/clip.mp4"):
                self._get(guest, f"/events/{one['id']}{path}")
        self._get(guest, "/api/v1/incidents")

    def _change_settings(self, camera_id: str) -> None:
        """A zone comes or goes, in use without a restart."""
        self.house.prove()
        corners = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
        zones = [{"name": "All", "kind": "include", "points": corners}] if self.done["changes of settings"] % 2 else []
        ask(self.house, "PUT", f"/api/v1/cameras/{camera_id}/zones", {"zones": zones, "lines": []})
        self.done["changes of settings"] += 1

    def _export(self, camera_id: str) -> None:
        now_ms = time.time_ns() // 1_000_000
        wanted = {"camera": camera_id, "from": now_ms - 60_000, "to": now_ms - 30_000}
        ask(self.house, "POST", "/api/v1/exports", wanted)
        self.done["exports"] += 1


# Measuring


def sample(house: RunningHouse, hour: int) -> Sample:
    pid = house.process.pid
    held = by_kind(pid, lambda one: float(sum(link.startswith(f"{MEMORY}/") for link in links(one.pid))))
    temporary = len(os.listdir(os.environ["TMPDIR"]))
    return Sample(
        hour,
        pss_by_kind(pid),
        by_kind(pid, lambda one: own_mb(one.pid)),
        by_kind(pid, lambda one: float(one.num_threads())),
        by_kind(pid, lambda one: float(one.num_fds())),
        temporary + round(sum(held.values())),
        pids_by_kind(pid),
    )


def pids_by_kind(pid: int) -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for one in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            found.setdefault(kind_of(one), set()).add(one.pid)
    return {kind: frozenset(pids) for kind, pids in found.items()}


def links(pid: int) -> list[str]:
    """Where the descriptors of a process lead to."""
    found = []
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(os.readlink(one))
    return found


@contextlib.contextmanager
def watched(house: RunningHouse) -> Iterator[dict[str, float]]:
    """The most memory that all processes took at one time until the block ends, MB by kind."""
    most: dict[str, float] = {}
    end = threading.Event()

    def look() -> None:
        while not end.wait(PEAK_EVERY_S):
            with contextlib.suppress(psutil.Error):
                now = pss_by_kind(house.process.pid)
                if sum(now.values()) > sum(most.values()):
                    most.clear()
                    most.update(now)

    thread = threading.Thread(target=look, name="peak")
    thread.start()
    try:
        yield most
    finally:
        end.set()
        thread.join()


def unexplained_ms(days: Days, camera_id: str, from_ms: int, to_ms: int) -> int:
    """What is missing in the recordings without a reason that the house knows: its own word on it, less the outages
    and losses that its events tell."""
    page = json.loads(days.house.get(f"/footage/{camera_id}/timeline?from={from_ms}&to={to_ms}"))
    told = list_told(days.store, camera_id, from_ms, to_ms)
    return sum(untold_ms(one["from"], one["to"], told) for one in page["gaps"] if one["reason"] == "unknown")


def untold_ms(from_ms: int, to_ms: int, told: Sequence[tuple[int, int]]) -> int:
    """How much of a gap is in no span that was told; less than a second is none. Pure."""
    missing, at_ms = 0, from_ms
    for start, end in [*sorted(one for one in told if one[0] < to_ms and one[1] > from_ms), (to_ms, to_ms)]:
        missing += start - at_ms if start - at_ms >= GAP_MS else 0
        at_ms = max(at_ms, end)
    return missing


# Judging


@dataclass(frozen=True, slots=True)
class Figure:
    text: str
    is_met: bool = True


def second_half(samples: Sequence[Sample], value: Callable[[Sample], float | None]) -> list[tuple[float, float]]:
    """(hour, value) of the second half of the samples, where there is one."""
    half = samples[len(samples) // 2 :]
    return [(float(one.hour), found) for one in half if (found := value(one)) is not None]


def steady_kinds(samples: Sequence[Sample]) -> list[str]:
    """Processes that were there at each sample of the second half; others come for a moment and end."""
    half = samples[len(samples) // 2 :]
    return sorted(set.intersection(*(set(one.pss_mb) for one in half))) if half else []


def judge_memory(samples: Sequence[Sample], *, is_warm: bool) -> list[Figure]:
    """The growth of what is the processes' own, as a share of all they take."""
    kinds = steady_kinds(samples)
    own = second_half(samples, lambda one: sum(one.own_mb.get(kind, 0.0) for kind in kinds))
    whole = middle_of(second_half(samples, lambda one: sum(one.pss_mb[kind] for kind in kinds)))
    share = slope(own) * 24 / whole
    target = f"under {MOST_A_DAY * 100:.0f} %" if is_warm else f"no figure: it takes {WARM_HOURS} hours to be warm"
    ends = f"of their own {own[0][1]:.1f} MB after {own[0][0]:.0f} hours, {own[-1][1]:.1f} after {own[-1][0]:.0f}"
    words = f"growth of all: {slope(own) * 24:+.2f} MB a day, {share * 100:+.2f} % of {whole:.0f} MB ({target}); {ends}"
    return [Figure(words, not is_warm or share < MOST_A_DAY), *(Figure(kind_words(samples, kind)) for kind in kinds)]


def kind_words(samples: Sequence[Sample], kind: str) -> str:
    whole = middle_of(second_half(samples, lambda one: one.pss_mb.get(kind)))
    a_day = slope(second_half(samples, lambda one: one.own_mb.get(kind))) * 24
    return f"  {kind}: {whole:.1f} MB, {a_day:+.2f} MB a day ({a_day / whole * 100:+.1f} %)"


def middle_of(points: Sequence[tuple[float, float]]) -> float:
    return statistics.median(y for _, y in points)


def is_level(points: Sequence[tuple[float, float]]) -> bool:
    """Whether a count stays what it is."""
    if len(points) < 2:
        return True
    rise = slope(points) * (points[-1][0] - points[0][0])
    return rise <= max(LEVEL_COUNT, LEVEL_SHARE * middle_of(points))


def judge_restarts(samples: Sequence[Sample]) -> Figure:
    """A process that was started anew begins to grow anew, so its figure would flatter."""
    kinds = [kind for kind in steady_kinds(samples) if kind not in (READERS, RENEWED)]
    half = samples[len(samples) // 2 :]
    anew = [kind for kind in kinds if len({one.pids.get(kind) for one in half}) > 1]
    words = f"of {', '.join(anew)}: the figures of growth are void" if anew else "none"
    return Figure(f"restarts in the second half: {words}", not anew)


def judge_counts(name: str, samples: Sequence[Sample], counts: Callable[[Sample], dict[str, float]]) -> Figure:
    rising, shown = [], []
    for kind in steady_kinds(samples):
        points = second_half(samples, lambda one, kind=kind: counts(one).get(kind))  # type: ignore[misc]
        shown.append(f"{kind} {points[0][1]:.0f} to {points[-1][1]:.0f}")
        rising += [] if is_level(points) else [kind]
    word = f"RISING in {', '.join(rising)}" if rising else "level"
    return Figure(f"{name}: {word}; {', '.join(shown)}", not rising)


def report(days: Days, service: PushService, peak: dict[str, float]) -> int:
    most, hours = sum(peak.values()), len(days.samples)
    to_ms = time.time_ns() // 1_000_000 - SETTLED_MS
    missing = {
        f"camera-{n}": unexplained_ms(days, f"camera-{n}", days.began_ms, to_ms)
        for n in range(1, len(days.cameras) + 1)
    }
    parts = ", ".join(f"{name} {mb:.0f}" for name, mb in sorted(peak.items(), key=lambda one: -one[1]))
    files = second_half(days.samples, lambda one: float(one.files))
    figures = [
        Figure(f"{hours} hours of {len(days.cameras)} cameras in {(to_ms - days.began_ms) / 60_000:.0f} minutes"),
        Figure("happened: " + happened(days, service)),
        *(Figure(f"not sped up: {one}") for one in NOT_SPED_UP),
        Figure(f"left out: {LEFT_OUT}"),
        Figure(f"most memory: {most:.0f} MB (at most {MOST_MB:.0f}): {parts}", most <= MOST_MB),
        Figure(f"visits that failed: {days.failed} (target 0)", not days.failed),
        *judge_memory(days.samples, is_warm=hours >= WARM_HOURS),
        judge_restarts(days.samples),
        judge_counts("threads", days.samples, lambda one: one.threads),
        judge_counts("descriptors", days.samples, lambda one: one.descriptors),
        Figure(
            f"files in temporary folders and in shared memory: {files[0][1]:.0f} to {files[-1][1]:.0f}", is_level(files)
        ),
        Figure("rows: " + rows_words(days.rows)),
        Figure(
            f"unexplained gaps: {sum(missing.values()) / 1000:.1f} s of {len(missing)} cameras (target 0)"
            + "".join(f", {name} {ms / 1000:.1f} s" for name, ms in missing.items() if ms),
            not any(missing.values()),
        ),
    ]
    for one in figures:
        print(one.text + ("" if one.is_met else "   MISSED"), flush=True)
    return int(not all(one.is_met for one in figures))


def happened(days: Days, service: PushService) -> str:
    with days.store.sql_read("count what was recorded") as run:
        gone = int(run("SELECT count(*) FROM deletions WHERE content = 'video'")[0][0])
        begun = int(run("SELECT count(*) FROM files WHERE content = 'video'")[0][0]) + gone
        events = dict(run("SELECT type, count(*) FROM events GROUP BY type"))
    amounts = {
        "recordings begun": begun,
        "of them deleted": gone,
        "events of motion": events.get("motion", 0),
        "outages told": events.get("camera_offline", 0),
        "pushes": len(service.accepted()),
        "files copied by the backup": json.loads(days.house.get("/api/v1/backup"))["files"],
        **days.done,
    }
    answers = ", ".join(f"{count} x {status}" for status, count in sorted(days.answers.items()))
    return ", ".join(f"{name} {amount}" for name, amount in amounts.items()) + f"; pages and pictures: {answers}"


def rows_words(rows: Sequence[dict[str, int]]) -> str:
    """The tables that gained most in the second half."""
    before, after = rows[len(rows) // 2], rows[-1]
    gained = sorted(after, key=lambda name: before.get(name, 0) - after[name])
    return ", ".join(f"{name} {before.get(name, 0)} to {after[name]}" for name in gained[:TOP_TABLES])


if __name__ == "__main__":
    sys.exit(main())
