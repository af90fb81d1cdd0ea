"""An hour as a plain MP4: ``python -m benchmarks.export_hour [--minutes N] [--kbps N] [--folder DIR]`` (row P20).

Makes recordings of five minutes (real pictures, filled up to the bit rate), sealed, and the same in clear as fragmented
MP4. Ours plans the export out of the sealed ones and writes it; the peer is ``ffmpeg -f concat -c copy`` on the clear
ones. Both write to the same disk; the better of two rounds counts. Prints wall time and processor time with their
ratios, milliseconds to the first byte of a planned export, bytes that the export itself keeps on the disk, the memory
it took, and the length that ffprobe reads of both. Ends with 1 when the ratio of wall time is above 1.2, or the first
byte later than 200 ms.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from tests.ready_store import open_ready_store
from tests.recording_kit import START_UTC_NS, Clip, make_clip
from vigilar.base.clock import SystemClock, boot_id
from vigilar.media.fmp4 import FragmentMuxer
from vigilar.media.packets import Packet
from vigilar.playback.export.make import ExportFile, ExportPlan, ExportWish, export_files, make_export
from vigilar.playback.export.plan_file import load_plan, save_plan
from vigilar.playback.export.plan_place import plan_path
from vigilar.playback.library import Library
from vigilar.store import files as file_rows
from vigilar.store.cameras import ensure_camera
from vigilar.store.engine import Store
from vigilar.vge.format import CloseReason, Content
from vigilar.vge.keys import KeyRing
from vigilar.vge.writer import FileSpec, VgeWriter

FILE_S = 300
T0 = START_UTC_NS // 1_000_000
MAX_RATIO, MAX_FIRST_MS = 1.2, 200.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--kbps", type=int, default=2000)
    parser.add_argument("--folder", type=Path, default=None)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        return measure(Path(name), asked.minutes, asked.kbps)


def measure(folder: Path, minutes: int, kbps: int) -> int:
    ring = KeyRing.load_or_create(folder / "secrets")
    clip = make_clip(folder, seconds=4, fps=25, gop=50, has_sound=True, size=(320, 192))
    with closing(open_ready_store(folder)) as store:
        plain = make_recordings(folder, store, ring, clip, minutes, kbps)
        size = sum(path.stat().st_size for path in plain)
        print(f"{minutes} min, {len(plain)} files, {size / 1e6:.0f} MB")
        ours_s, peer_s, cpu_s = [], [], []
        for number in range(2):
            began_s, began_cpu_s = time.perf_counter(), time.process_time()
            plan = ours(folder, store, ring, minutes, folder / "ours.mp4")
            ours_s.append(time.perf_counter() - began_s)
            ours_cpu_s = time.process_time() - began_cpu_s
            began_s, began_cpu_s = time.perf_counter(), children_cpu_s()
            peer(plain, folder, folder / "peer.mp4")
            peer_s.append(time.perf_counter() - began_s)
            peer_cpu_s = children_cpu_s() - began_cpu_s
            cpu_s.append((ours_cpu_s, peer_cpu_s))
            print(
                f"round {number + 1}: ours {ours_s[-1]:.2f} s (processor {ours_cpu_s:.2f} s), "
                f"ffmpeg {peer_s[-1]:.2f} s (processor {peer_cpu_s:.2f} s)",
                flush=True,
            )
        ratio = min(ours_s) / min(peer_s)
        save_plan(folder, 1, plan, ring, SystemClock())
        first_ms = first_byte_ms(folder, store, ring)
        lengths = [length_s(folder / name) for name in ("ours.mp4", "peer.mp4")]
        peak = memory_of(folder, store, ring, minutes)
    print(f"wall {min(ours_s):.2f} s, ffmpeg -c copy {min(peer_s):.2f} s, ratio {ratio:.2f} (at most {MAX_RATIO})")
    used, peer_used = (min(side) for side in zip(*cpu_s, strict=True))
    print(f"processor {used:.2f} s, ffmpeg {peer_used:.2f} s, ratio {used / peer_used:.2f} (ours opens and proves it)")
    print(f"first byte after {first_ms:.1f} ms (at most {MAX_FIRST_MS:.0f})")
    print(f"bytes in clear on the disk 0, sealed plan {plan_path(folder, 1).stat().st_size / 1e6:.1f} MB")
    print(f"memory at most {peak / 1e6:.1f} MB; length {lengths[0]:.2f} s, ffmpeg's {lengths[1]:.2f} s")
    return int(ratio > MAX_RATIO or first_ms > MAX_FIRST_MS)


def children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ours(folder: Path, store: Store, ring: KeyRing, minutes: int, target: Path) -> ExportPlan:
    library = Library(store, folder, lambda: ring)
    plan = make_export(library, wish(minutes), lambda _step, _part: None, T0 + 10**9)
    [file] = export_files(library, plan)
    with target.open("wb") as out:
        for piece in file.read(0, file.size_bytes):
            out.write(piece)
    return plan


def wish(minutes: int) -> ExportWish:
    return ExportWish(
        camera_id="front", camera_name="Front", from_ms=T0, to_ms=T0 + minutes * 60_000, proof=False, house="Home",
        zone_name="UTC", made_by="a benchmark", software="this one",
    )  # fmt: skip


def peer(plain: list[Path], folder: Path, target: Path) -> None:
    listing = folder / "files.txt"
    listing.write_text("".join(f"file '{path}'\n" for path in plain), encoding="utf-8")
    command = ["ffmpeg", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(listing), "-c", "copy"]
    subprocess.run([*command, str(target)], check=True)


def first_byte_ms(folder: Path, store: Store, ring: KeyRing) -> float:
    """From the click on an export that is done to its first byte: the plan is opened, nothing is known."""
    began_s = time.perf_counter()
    file: ExportFile = export_files(Library(store, folder, lambda: ring), load_plan(folder, 1, ring))[0]
    next(file.read(0, file.size_bytes))
    return (time.perf_counter() - began_s) * 1000


def memory_of(folder: Path, store: Store, ring: KeyRing, minutes: int) -> int:
    """The most memory that planning and one pass over the bytes take at once."""
    library = Library(store, folder, lambda: ring)
    tracemalloc.start()
    [file] = export_files(library, make_export(library, wish(minutes), lambda _step, _part: None, T0 + 10**9))
    for _ in file.read(0, file.size_bytes):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def length_s(path: Path) -> float:
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(path)]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def filled(packets: Iterator[Packet], kbps: int, fps: int) -> Iterator[Packet]:
    """Pictures with a filler NAL unit (H.264 7.3.2.7) behind them, up to the bit rate."""
    size = kbps * 125 // fps
    for packet in packets:
        if packet.is_keyframe or packet.kind.value == "video":
            room = max(0, size - len(packet.data))
            yield replace(packet, data=bytes(packet.data) + b"\0\0\0\1\x0c" + b"\xff" * room + b"\x80")
        else:
            yield packet


def make_recordings(folder: Path, store: Store, ring: KeyRing, clip: Clip, minutes: int, kbps: int) -> list[Path]:
    row = ensure_camera(store, "front", "Front", 1)
    packets = filled(clip.endless(), kbps, 25)
    packet, plain, link = next(packets), [], bytes(32)
    for number in range(1, minutes * 60 // FILE_S + 1):
        end_ns = START_UTC_NS + number * FILE_S * 10**9
        muxer = FragmentMuxer(clip.streams)
        first, clear = packet, folder / f"plain-{number}.mp4"
        spec = FileSpec(row.uuid, number, Content.FMP4, first.utc_ns, first.mono_ns, boot_id(), link, 90_000)
        new = file_rows.NewFile(
            camera_id="front", content="video", number=number, path=f"{number}.vge", start_ms=first.utc_ns // 1_000_000
        )
        writer = VgeWriter.create(folder / new.path, spec, ring)
        file_id = file_rows.add_file(store, new)
        writer.append_init(muxer.init_segment, utc_ns=first.utc_ns, mono_ns=first.mono_ns)
        with clear.open("wb") as out:
            out.write(muxer.init_segment)
            fragments = []
            while packet.utc_ns < end_ns:
                fragments = muxer.mux(packet)
                packet = next(packets)
                if packet.utc_ns >= end_ns:
                    fragments += muxer.flush()
                for one in fragments:
                    out.write(one.data)
                    writer.append_media(
                        one.data, utc_ns=one.utc_ns, mono_ns=one.mono_ns, duration_ms=one.duration_ms,
                        starts_with_keyframe=one.starts_with_keyframe,
                    )  # fmt: skip
        mono_ns = first.mono_ns + FILE_S * 10**9
        closed = writer.close(CloseReason.ROLLOVER, utc_ns=end_ns, mono_ns=mono_ns)
        link = closed.link
        file_rows.close_file(
            store, file_id, state="closed", end_ms=end_ns // 1_000_000, size_bytes=closed.size_bytes,
            plaintext_bytes=closed.plaintext_bytes, record_count=closed.record_count, link=link, reason=None,
        )  # fmt: skip
        plain.append(clear)
    return plain


if __name__ == "__main__":
    sys.exit(main())
