"""B-23, a reel of a minute of a day while a camera records: ``python -m benchmarks.reel [--length N] [--size WxH]``.

Makes a day of three cameras (a minute of recording with a visit each 20 minutes, 15 pictures a second of 1080p), and
makes the reel as the process for long work does: in a process of its own, at its priority. Meanwhile another camera
records in real time by the real recorder, on the same disk. Prints how long the reel took and is, its size, the memory
and processor time of its process, and how many pictures of the other camera are not in its recordings. With
``--timelapse`` a time-lapse of one of the cameras in its place. There is no peer. Ends with 1 when it took a minute or
longer, is more than five seconds off, a picture was lost, or memory went beyond 150 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.losses import record
from tests.ready_store import database_url, lay_database
from tests.recording_kit import Clip, make_clip
from vigilar.base.clock import boot_id
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.media.packets import Kind
from vigilar.media.unpack import Unpacker
from vigilar.playback.library import Library
from vigilar.store import files as file_rows
from vigilar.store import jobs as job_rows
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.store.events import NewEvent, insert_event
from vigilar.store.reels import Params, ReelParams, TimelapseParams, add_reel
from vigilar.vge.format import CloseReason, Content
from vigilar.vge.keys import KeyRing
from vigilar.vge.writer import FileSpec, VgeWriter

CAMERAS, LIVE = ("door", "garden", "yard"), "north"
EVERY_MS, FILE_MS, DAY_MS = 20 * 60_000, 60_000, 86_400_000
KINDS = ("person", "vehicle", "cat", "motion")
FPS = 15
MOST_S, MOST_OFF_S, MOST_MB = 60.0, 5.0, 150.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--length", type=int, default=60)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--timelapse", action="store_true")
    parser.add_argument("--folder", type=Path, default=None)
    asked = parser.parse_args()
    wide, high = map(int, asked.size.split("x"))
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        return measure(Path(name), asked.length, (wide, high), is_lapse=asked.timelapse)


def measure(folder: Path, length_s: int, size: tuple[int, int], *, is_lapse: bool) -> int:
    ring = KeyRing.load_or_create(folder / "secrets")
    lay_database(folder)
    (folder / "clips").mkdir()
    clip = make_clip(folder / "clips", seconds=4, fps=FPS, gop=2 * FPS, size=size)
    from_ms = time.time_ns() // 1_000_000 - DAY_MS - 60_000
    with contextlib.closing(Store.open(database_url(folder))) as store:
        make_day(folder, store, ring, clip, from_ms)
        params: Params = ReelParams(cameras=CAMERAS, from_ms=from_ms, to_ms=from_ms + DAY_MS, length_s=length_s)
        if is_lapse:
            params = TimelapseParams(camera_id=CAMERAS[0], from_ms=from_ms, to_ms=from_ms + DAY_MS, length_s=length_s)
        job_id = add_reel(store, node_id="", params=params, made_by=None, now_ms=time.time_ns() // 1_000_000)
        context = multiprocessing.get_context("spawn")
        newest: Any = context.Value("d", 0.0)
        camera = context.Process(target=record, args=(folder, LIVE, clip, newest))
        camera.start()
        wait_for(lambda: newest.value > 0)
        command = [sys.executable, "-m", "benchmarks.reel_work", str(folder), *CAMERAS]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        at_s = newest.value
        wait_for(lambda: newest.value > at_s + 3)  # so that all up to then is in a fragment
        os.kill(camera.pid or 0, signal.SIGKILL)
        camera.join()
        job = job_rows.get_job(store, job_id)
        assert job is not None
        assert job.result is not None, job.error
        seen, lost = count_lost(folder, store)
    spent_s, cpu_s, idle_mb, peak_mb = json.loads(done.stdout)
    made_s, result = job.result["length_ms"] / 1000, job.result
    print(f"B-23 {'time-lapse' if is_lapse else 'reel'} of a day: {spent_s:.1f} s (under {MOST_S:.0f})")
    print(f"length {made_s:.2f} s of {length_s} asked, {len(result['parts'])} parts, {result['bytes'] / 1e6:.1f} MB")
    print(f"processor {cpu_s:.1f} s, memory {idle_mb:.0f} MB before, {peak_mb:.0f} MB at most (at most {MOST_MB:.0f})")
    print(f"pictures of the other camera: {seen} recorded, {lost} lost (0)")
    off_s = abs(made_s - length_s)
    return int(spent_s >= MOST_S or off_s > MOST_OFF_S or lost > 0 or peak_mb > MOST_MB)


def wait_for(is_so: Any) -> None:
    while not is_so():
        time.sleep(0.05)


def make_day(folder: Path, store: Store, ring: KeyRing, clip: Clip, from_ms: int) -> None:
    muxer = FragmentMuxer(clip.streams)
    fragments = []
    for packet in clip.endless():
        if packet.kind is Kind.VIDEO:
            fragments += muxer.mux(packet)
        if fragments and fragments[-1].utc_ns - fragments[0].utc_ns >= FILE_MS * 1_000_000:
            break
    count = 0
    for number, camera_id in enumerate(CAMERAS):
        camera = ensure_camera(store, camera_id, camera_id.title(), 1)
        for index, at_ms in enumerate(range(from_ms + number * 60_000, from_ms + DAY_MS - FILE_MS, EVERY_MS), 1):
            path = Path("footage") / camera_id / f"{index:06d}.vge"
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shift_ns = at_ms * 1_000_000 - fragments[0].utc_ns
            spec = FileSpec(camera.uuid, index, Content.FMP4, at_ms * 1_000_000, 1, boot_id(), bytes(32), 90_000)
            file = VgeWriter.create(folder / path, spec, ring)
            file.append_init(muxer.init_segment, utc_ns=at_ms * 1_000_000, mono_ns=1)
            for one in fragments:
                file.append_media(
                    one.data,
                    utc_ns=one.utc_ns + shift_ns,
                    mono_ns=one.mono_ns,
                    duration_ms=one.duration_ms,
                    starts_with_keyframe=one.starts_with_keyframe,
                )
            end_ns = fragments[-1].utc_ns + shift_ns + fragments[-1].duration_ms * 1_000_000
            closed = file.close(CloseReason.ROLLOVER, utc_ns=end_ns, mono_ns=fragments[-1].mono_ns)
            add_row(store, camera_id, index, path, at_ms, end_ns // 1_000_000, closed, clip)
            count += 1
            new = NewEvent(
                uid=f"{camera_id}{index}",
                type="motion",
                severity="INFO",
                source_id=camera_id,
                ts_ms=at_ms + 5000,
                end_ms=at_ms + 5000 + 1000 * (4 + count % 30),
                payload={},
                kind=KINDS[count % len(KINDS)],
            )
            insert_event(store, new, now_ms=at_ms)
    ensure_camera(store, LIVE, LIVE.title(), 1)
    print(f"{count} recordings of a minute, {sum(f.stat().st_size for f in folder.rglob('*.vge')) / 1e6:.0f} MB")


def add_row(
    store: Store, camera_id: str, number: int, path: Path, start_ms: int, end_ms: int, closed: Any, clip: Clip
) -> None:
    with store.sql_write("make a day") as run:
        run(
            "INSERT INTO files (camera_id, content, number, path, state, start_ms, end_ms, size_bytes, link, codec, "
            "width, height) VALUES (:camera_id, 'video', :number, :path, 'closed', :start_ms, :end_ms, :size, :link, "
            "'avc1', :width, :height)",
            camera_id=camera_id,
            number=number,
            path=str(path),
            start_ms=start_ms,
            end_ms=end_ms,
            size=closed.size_bytes,
            link=closed.link,
            width=clip.streams[0].width,
            height=clip.streams[0].height,
        )


def count_lost(folder: Path, store: Store) -> tuple[int, int]:
    """Pictures in the recordings of the camera that recorded meanwhile, and those that lack between them."""
    library = Library(store, folder, lambda: KeyRing.load(folder / "secrets"))
    times: list[int] = []
    for row in file_rows.find_files(store, LIVE, "video", 0, 1 << 50):
        init, stretch = library.find_init(row), library.whole(row)
        if init is None or stretch is None:
            continue
        unpacker = Unpacker.of(init)
        for entry in library.records(stretch):
            times += [one.pts for one in unpacker.packets(library.read(row, entry), entry.utc_ns)]
    step = min(b - a for a, b in pairwise(times) if b > a)
    lost = sum(round((b - a) / step) - 1 for a, b in pairwise(times) if b > a)
    return len(times), lost


if __name__ == "__main__":
    sys.exit(main())
