"""Starts of a house with 100,000 recordings: ``python -m benchmarks.recovery [--files N] [--folder DIR]``.

Figure 11 and the recovery of issue 9, each a line with its target:

    filling     rows for all recordings of a database that was lost, beside the recording (how long, no target)
    recovery    what each start does for each camera's files after a crash: 5 s for all cameras
    cold start  `vigilar start` until each camera records again: 5 s
    power cut   the same on a loop-mounted ext4 whose power was cut while the house recorded: 5 s

Makes N small sealed recordings of four cameras, a file of five minutes each, in DIR (memory, if not told otherwise),
and deletes them. Figures hold on a machine that does nothing else; processor seconds stand beside them. There is no
peer. Ends with 1 if a target is missed, 2 when a part cannot be measured here.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psutil
from _pytest.outcomes import Skipped

from tests.fakes.clips import make_clip
from tests.ports import free_port
from tests.ready_store import database_url, lay_database
from tests.system.crash_lab import power_disk
from vigilar.base.clock import SystemClock, boot_id
from vigilar.base.folder_id import make_folder_id
from vigilar.processes.refill import Refill
from vigilar.record.file_store import FileStore, FileStoreSettings
from vigilar.record.folders import day_of
from vigilar.record.recovery import Recovery
from vigilar.store.cameras import ensure_camera, get_camera
from vigilar.store.engine import Store
from vigilar.vge.format import CloseReason, Content
from vigilar.vge.keys import KeyRing
from vigilar.vge.writer import FileSpec, VgeWriter

CAMERAS = ("north", "east", "south", "west")
FILE_S = 300
TARGET_S = 5.0
DISK_SIZE = "3G"
"""With so many inodes that 100,000 files fit."""

WAIT_S = 120.0
RECORD_S = 4.0


def make_files(folder: Path, camera_id: str, uuid: bytes, count: int) -> None:
    """``count`` recordings, each linked to the one before, the last of which a crash ended."""
    ring = KeyRing.load(folder / "secrets")
    now_ns, link = time.time_ns(), bytes(32)
    for number in range(1, count + 1):
        utc_ns = now_ns - (count - number + 1) * FILE_S * 10**9
        path = folder / "footage" / camera_id / day_of(utc_ns) / f"{number}.vge"
        path.parent.mkdir(parents=True, exist_ok=True)
        spec = FileSpec(
            camera_uuid=uuid, file_number=number, content=Content.FMP4, start_utc_ns=utc_ns, start_mono_ns=1,
            boot_id=b"b" * 16, previous_link=link, timescale=90_000,
        )  # fmt: skip
        writer = VgeWriter.create(path, spec, ring)
        writer.append_init(b"ftyp and moov", utc_ns=utc_ns, mono_ns=1)
        writer.append_media(bytes(1000), utc_ns=utc_ns, mono_ns=1, duration_ms=299_000, starts_with_keyframe=True)
        if number == count:
            writer.abandon()
        else:
            link = writer.close(CloseReason.ROLLOVER, utc_ns=utc_ns + FILE_S * 10**9, mono_ns=2).link


def make_house(folder: Path, files: int) -> str:
    """A data folder with recordings and a database that knows none; its id."""
    node_id = make_folder_id(folder)
    KeyRing.load_or_create(folder / "secrets")
    lay_database(folder)
    with contextlib.closing(Store.open(database_url(folder))) as store:
        uuids = {one: ensure_camera(store, one, one.title(), 1, node_id).uuid for one in CAMERAS}
    with ProcessPoolExecutor() as pool:
        made = [pool.submit(make_files, folder, one, uuid, files // len(CAMERAS)) for one, uuid in uuids.items()]
        for making in made:
            making.result()
    clip = make_clip(folder / "clip.mp4", pictures=120)
    lines = ["[web]", f"port = {free_port()}", 'listen = "127.0.0.1"', "[bus]", f"port = {free_port()}"]
    for one in CAMERAS:
        lines += ["[[camera]]", f'name = "{one.title()}"', f'address = "file:{clip}"']
    (folder / "vigilar.toml").write_text("\n".join(lines) + "\n")
    return node_id


def fill(folder: Path, node_id: str) -> tuple[float, float]:
    """Wall and processor seconds of giving each recording its row."""
    with contextlib.closing(Store.open(database_url(folder))) as store:
        began, cpu = time.monotonic(), time.process_time()
        assert Refill(folder, folder / "secrets", node_id, store, SystemClock(), lambda: True).turn()
        return time.monotonic() - began, time.process_time() - cpu


def recover(folder: Path) -> tuple[float, float]:
    """Wall and processor seconds of the recovery of all cameras, one after the other; in a house they go side by side.
    The newest file of each is made one that a crash left open."""
    ring = KeyRing.load(folder / "secrets")
    with contextlib.closing(Store.open(database_url(folder))) as store:
        with store.sql_write("reopen") as run:
            run(
                "UPDATE files SET state = 'open', link = NULL WHERE number = "
                "(SELECT max(number) FROM files f WHERE f.camera_id = files.camera_id AND f.content = 'video')"
            )
        began, cpu = time.monotonic(), time.process_time()
        for one in CAMERAS:
            camera = get_camera(store, one)
            assert camera is not None
            settings = FileStoreSettings(one, camera.uuid, folder, boot_id())
            recovery = Recovery(FileStore(settings, store, ring, SystemClock()), store, lambda *_: None)
            assert recovery.run_once()
            assert recovery.found.completed + recovery.found.recovered == 1
        return time.monotonic() - began, time.process_time() - cpu


def newest(folder: Path, camera_id: str) -> int:
    days = sorted((folder / "footage" / camera_id).iterdir())[-2:]
    return max(int(path.stem) for day in days for path in day.glob("*.vge"))


@contextlib.contextmanager
def started(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """A running house, and the seconds until each camera had recorded something."""
    before = {one: newest(folder, one) for one in CAMERAS}
    began = time.monotonic()
    command = [sys.executable, "-m", "vigilar", "start", "--data-dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        waiting = set(CAMERAS)
        while waiting and time.monotonic() - began < WAIT_S:
            waiting = {one for one in waiting if newest(folder, one) <= before[one]}
            time.sleep(0.02)
        yield process, time.monotonic() - began
    finally:
        process.send_signal(signal.SIGTERM)  # does nothing to one that is gone
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """As a power cut ends them: all at once."""
    supervisor = psutil.Process(process.pid)
    supervisor.suspend()  # or it would start others in their place
    its = [*supervisor.children(recursive=True), supervisor]
    for one in its:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait()
    psutil.wait_procs(its, timeout=10)


def cut_and_start(folder: Path, work: Path) -> float:
    """Seconds from the start after a power cut until each camera records."""
    with power_disk(work, DISK_SIZE) as disk:
        house = disk.folder / "data"
        shutil.copytree(folder, house, ignore=shutil.ignore_patterns("run", "*.sock"))
        disk.sync()
        with started(house) as (process, _):
            time.sleep(RECORD_S)
            kill_all(process)
            disk.cut()
        with started(house) as (_, seconds):
            return seconds


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm"))  # noqa: S108 -- memory
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    is_missed = False
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="vigilar-recovery-") as name:
        folder = Path(name) / "data"
        folder.mkdir()
        node_id = make_house(folder, asked.files)
        wall, cpu = fill(folder, node_id)
        print(f"filling: {asked.files} rows in {wall:.1f} s ({cpu:.1f} s of processor)", flush=True)
        wall, cpu = recover(folder)
        is_missed |= wall > TARGET_S
        print(f"recovery: {wall:.2f} s ({cpu:.2f} s of processor), target {TARGET_S:.0f} s", flush=True)
        with started(folder) as (_, seconds):
            is_missed |= seconds > TARGET_S
        print(f"cold start: records after {seconds:.1f} s, target {TARGET_S:.0f} s", flush=True)
        try:
            seconds = cut_and_start(folder, Path(name) / "work")
        except Skipped as error:
            print(f"power cut: {error.msg}")
            return 2
        is_missed |= seconds > TARGET_S
        print(f"power cut: records after {seconds:.1f} s, target {TARGET_S:.0f} s")
    return int(is_missed)


if __name__ == "__main__":
    sys.exit(main())
