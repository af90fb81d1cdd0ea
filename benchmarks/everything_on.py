"""What a house needs with everything on: ``python -m benchmarks.everything_on [--seconds 120] [--motions 6912]``.

Eight cameras in which somebody walks all the time are recorded and recognised, a phone is pushed to, a backup copies
each minute, pages are looked at. Printed is the most memory that all of it took (PSS), by process. Then the motions of
72 hours (a dozen an hour and camera) come as cameras tell them, and it prints by how much the processes grew from the
end of the first third on.

Targets: 700 MB in all; 3 % of growth in 72 hours, which is 1 % a day. There is no peer. With fewer motions the last two
thirds still hold what each process needs once, such as full caches, so their growth is no figure of a day. Needs root,
for a target of its own to back up to. Ends with 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.detector_load import install, testbed_model, walkers
from benchmarks.measure import by_kind, own_mb, private_mb, pss_by_kind
from tests.fakes.push_service import PushService, push_service
from tests.ports import free_port
from tests.small_disk import mounted_small_disk
from tests.system.house import RunningHouse, run_house, wait_for
from tests.system.push_kit import call
from vigilar.base.errors import ErrorKind, StoreError
from vigilar.base.folder_id import find_folder_id
from vigilar.base.ids import new_id
from vigilar.bus.messages import Message, MotionEnd, MotionStart, VisitSeen
from vigilar.bus.topics import Topics
from vigilar.demo import places
from vigilar.demo.scenes import Scene, ensure_clip
from vigilar.store import inbound
from vigilar.store.sql import Database
from vigilar.store.sqlite_store import open_database

CAMERAS, HOURS = 8, 72
ALL_MOTIONS = CAMERAS * HOURS * 12
MOST_MB, MOST_GROWTH_FRAC = 700.0, 0.03
START_S, WARM_S, LOOK_EVERY_S = 300.0, 30.0, 5.0
BURST = 40
"""Motions at once; then the events process is waited for."""


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--seconds", type=float, default=120.0)
    asked.add_argument("--motions", type=int, default=ALL_MOTIONS)
    given = asked.parse_args()
    if os.geteuid() != 0:
        print("everything_on has to be root: it mounts a target for the backup")
        return 2
    with tempfile.TemporaryDirectory() as name, everything_walks(Path(name)) as (house, service):
        wait_for(lambda: is_all_on(house, service), 240, "recognition, pushes and the backup are at work")
        time.sleep(WARM_S)
        whole = look(house, given.seconds)
        with closing(open_database(f"sqlite:///{house.folder / 'vigilar.db'}")) as store:
            growth = grow(house, store, given.motions)
    return int(whole > MOST_MB or (given.motions >= ALL_MOTIONS and growth > MOST_GROWTH_FRAC))


@contextmanager
def everything_walks(folder: Path) -> Iterator[tuple[RunningHouse, PushService]]:
    clip = ensure_clip(Scene("walkers", places.street, walkers, 24), folder)
    camera = {"address": f"file:{clip.main}", "small": f"file:{clip.sub}"}
    with everything(folder, [camera] * CAMERAS, "[recording]", 'segment = "30s"') as found:
        yield found


@contextmanager
def everything(
    folder: Path, cameras: Sequence[dict[str, str]], *more: str
) -> Iterator[tuple[RunningHouse, PushService]]:
    """A house with a model, a phone and a backup each minute; ``more`` are further tables of its settings."""
    install(folder / "house", testbed_model())
    with mounted_small_disk(folder / "nas", 4000) as nas, push_service(folder, free_port()) as service:
        settings = (
            *more,
            "[backup]", f'target = "{nas}"', 'every = "1m"', 'what = "all"',
            "[notify.push]", f'hosts = ["{service.host}"]', f'ca_file = "{service.ca_file}"',
            "[[notify.rule]]", 'name = "Somebody"', 'when = ["person"]', 'tell = ["everyone"]', 'level = "loud"',
        )  # fmt: skip
        named: dict[str, str | dict[str, str]] = {f"Camera {n}": one for n, one in enumerate(cameras, 1)}
        with run_house(folder / "house", named, *settings, answers_within_s=START_S) as house:
            made = call(
                house, "POST", "/api/v1/push/subscriptions", {**service.phone("sam").subscription(), "name": "Phone"}
            )
            call(house, "POST", "/api/v1/push/test", {"id": made["id"]})
            yield house, service


def is_all_on(house: RunningHouse, service: PushService) -> bool:
    told = json.loads(house.get("/api/v1/backup"))
    return (
        bool(service.accepted())
        and bool(told["files"])
        and all(one["is_recording"] for one in json.loads(house.get("/api/v1/system"))["cameras"])
    )


def look(house: RunningHouse, seconds: float) -> float:
    """The most that all of it took in MB, with the processes of that moment."""
    most: dict[str, float] = {}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        house.get("/live")
        house.get("/events")
        now = pss_by_kind(house.process.pid)
        if sum(now.values()) > sum(most.values()):
            most = now
        time.sleep(LOOK_EVERY_S)
    whole = sum(most.values())
    shown = ", ".join(f"{name} {mb:.0f}" for name, mb in sorted(most.items(), key=lambda one: -one[1]))
    print(
        f"{CAMERAS} cameras with everything on: {whole:.0f} MB PSS at most (at most {MOST_MB:.0f}): {shown}", flush=True
    )
    print_parts(house.process.pid)
    return whole


def print_parts(pid: int) -> None:
    """By kind, largest first: PSS now, what of it no other process has, what of it is in no file."""
    whole, private = pss_by_kind(pid), by_kind(pid, lambda one: private_mb(one.pid))
    own = by_kind(pid, lambda one: own_mb(one.pid))
    print(f"{'MB':16}{'PSS':>8}{'private':>9}{'in no file':>12}")
    for name, mb in sorted(whole.items(), key=lambda one: -one[1]):
        print(f"{name:16}{mb:8.1f}{private.get(name, 0.0):9.1f}{own.get(name, 0.0):12.1f}", flush=True)


def grow(house: RunningHouse, store: Database, motions: int) -> float:
    """By which share all processes together grew while the motions came, after the first third of them."""
    node_id = find_folder_id(house.folder) or ""
    began_ms, step_ms = time.time_ns() // 1_000_000 - HOURS * 3_600_000, HOURS * 3_600_000 // motions
    first: dict[str, float] = {}
    for number in range(motions):
        motion_id = tell_motion(store, node_id, f"camera-{number % CAMERAS + 1}", began_ms + number * step_ms)
        if number % BURST == BURST - 1:
            wait_until_stored(house.folder, motion_id)
            house.get("/events")
        if number == motions // 3:
            first = pss_by_kind(house.process.pid)
    last = pss_by_kind(house.process.pid)
    before, after = sum(first.values()), sum(last.values())
    share = after / before - 1
    is_warm = motions >= ALL_MOTIONS
    target = f"at most {MOST_GROWTH_FRAC * 100:.0f} %" if is_warm else f"no figure: it takes {ALL_MOTIONS} to be warm"
    parts = ", ".join(f"{name} {last[name] - mb:+.1f}" for name, mb in sorted(first.items()) if name in last)
    print(
        f"{motions} motions of {HOURS} hours: {before:.0f} to {after:.0f} MB, {share * 100:+.1f} % "
        f"({target}); MB by process: {parts}",
        flush=True,
    )
    return share


def tell_motion(store: Database, node_id: str, camera_id: str, ts_ms: int) -> str:
    """A person comes and goes; the id of the motion. Rows as a camera writes them: the bus only brings them sooner."""
    motion_id = new_id()
    start = MotionStart(id=motion_id, ts=ts_ms, camera_id=camera_id, run=1, area_frac=0.05)
    seen = VisitSeen(
        id=new_id(), ts=ts_ms + 2000, camera_id=camera_id, motion_id=motion_id, kind="person", label_score=0.9
    )
    end = MotionEnd(
        id=new_id(), ts=ts_ms + 8000, camera_id=camera_id, motion_id=motion_id, duration_ms=8000, peak_area_frac=0.1
    )
    for topic, message in (
        (Topics.motion_start(camera_id), start),
        (Topics.camera_visit(camera_id), seen),
        (Topics.motion_end(camera_id), end),
    ):
        put_patiently(store, node_id, message, topic)
    return motion_id


def put_patiently(store: Database, node_id: str, message: Message, topic: str) -> None:
    """A camera waits for a busy database too."""
    until_s = time.monotonic() + START_S
    while True:
        try:
            inbound.put(store, node_id, message.id, topic, message.dump(), time.time_ns() // 1_000_000)
            return
        except StoreError as error:
            if error.kind is not ErrorKind.TRANSIENT or time.monotonic() > until_s:
                raise
            time.sleep(LOOK_EVERY_S)


def wait_until_stored(folder: Path, motion_id: str) -> None:
    with closing(sqlite3.connect(f"file:{folder / 'vigilar.db'}?mode=ro", uri=True)) as rows:
        query = "SELECT 1 FROM events WHERE uid = ? AND end_ms IS NOT NULL"
        wait_for(lambda: rows.execute(query, (motion_id,)).fetchone(), 120, "the events process stores what comes")


if __name__ == "__main__":
    sys.exit(main())
