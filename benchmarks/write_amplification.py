"""Syncs and bytes written for each byte of video: ``python -m benchmarks.write_amplification [--seconds N]`` (row P22).

A real recorder takes a camera of 2 Mbit/s in real time, under ``strace``, which counts what it makes durable and what
it hands to the kernel; its rows and the database's log count as well. The peer, ``ffmpeg -c copy -f segment`` of the
same pictures, makes nothing durable: its syncs are 0, and a power cut costs it what the kernel holds, some 30 s. So the
figure for syncs stands alone. Ours makes the video durable each second, because a burglar cuts the power; the target
of 6 a minute would cost 10 s. Ends with 1 when more than 1.02 bytes are written for each.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.export_hour import filled
from tests.recording_kit import bench, make_clip
from vigilar.base.clock import SystemClock
from vigilar.record.recorder import RecorderSettings

KBPS, FPS = 2000, 25
MOST = 1.02
LINE = re.compile(r"(\w+)\((\d+)<([^>]*)>.*= (-?\d+)")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--record", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.record is not None:
        print(record(asked.record, asked.seconds))
        return 0
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        make_clip(folder, seconds=4, fps=FPS, gop=2 * FPS)
        trace = folder / "trace"
        calls = "trace=write,pwrite64,writev,pwritev,fsync,fdatasync"
        command = ["strace", "-f", "-y", "-qq", "-s", "0", "-o", str(trace), "-e", calls, sys.executable, "-m"]
        command += ["benchmarks.write_amplification", "--record", str(folder), "--seconds", str(asked.seconds)]
        payload = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return tell(trace.read_text(encoding="utf-8", errors="replace"), folder, payload, asked.seconds)


def record(folder: Path, seconds: int) -> int:
    """Record in real time; the bytes of the packets that came."""
    clip = make_clip(folder, seconds=4, fps=FPS, gop=2 * FPS)
    clock, payload = SystemClock(), 0
    with bench(folder, RecorderSettings(segment_s=300.0), is_real_time=True) as b:
        shift_utc, shift_mono = clock.utc_ns() - clip.run().utc_ns, clock.mono_ns() - clip.run().mono_ns
        b.ring.add(replace(clip.run(), utc_ns=clip.run().utc_ns + shift_utc, mono_ns=clip.run().mono_ns + shift_mono))
        end_ns, look_ns = clock.mono_ns() + seconds * 10**9, 0
        for packet in filled(clip.endless(), KBPS, FPS):
            due_ns = packet.mono_ns + shift_mono
            if due_ns >= end_ns:
                break
            time.sleep(max(0, due_ns - clock.mono_ns()) / 1e9)
            b.ring.add(replace(packet, utc_ns=packet.utc_ns + shift_utc, mono_ns=due_ns))
            payload += len(packet.data)
            if clock.mono_ns() >= look_ns:
                look_ns = clock.mono_ns() + 200_000_000
                b.recorder.run_once()
                b.file_store.rows.write_waiting()
        b.recorder.finish()
        b.file_store.rows.write_waiting()
    return payload


def tell(trace: str, folder: Path, payload: int, seconds: int) -> int:
    syncs: dict[str, int] = {}
    written: dict[str, int] = {}
    for call, _, path, result in LINE.findall(trace):
        if not path.startswith(str(folder)) or int(result) < 0:
            continue
        kind = "video" if path.endswith(".vge") else "database" if "vigilar.db" in path else "folders and keys"
        if "sync" in call:
            syncs[kind] = syncs.get(kind, 0) + 1
        else:
            written[kind] = written.get(kind, 0) + int(result)
    video = written.get("video", 0) / payload
    whole = sum(written.values()) / payload
    minutes = seconds / 60
    is_met = video <= MOST
    print(f"{seconds} s of {KBPS} kbit/s, {payload / 1e6:.1f} MB of packets")
    print(f"P22 syncs a minute: {', '.join(f'{kind} {count / minutes:.0f}' for kind, count in sorted(syncs.items()))}")
    print(
        f"P22 bytes written for each of the packets: video {video:.4f} (at most {MOST}), with the database's log "
        f"{whole:.4f} {'ok' if is_met else 'MISSED'}"
    )
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main())
